"""What a player is given, and what it does with that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Protocol

from offlinedl.frozen import frozen
from offlinedl.playback import Presentation, Text

At = Callable[[float], None]
"""Is told where the playback is, in seconds."""


@frozen
class Show:
    """What is to be played: the `address` of the playlist of a presentation, its subtitles with theirs, and from where,
    in seconds.
    `audio` and `subtitles` are languages (BCP 47), the first that is there being taken."""

    name: str
    address: str = field(repr=False)
    presentation: Presentation = field(repr=False)
    texts: tuple[tuple[Text, str], ...] = field(default=(), repr=False)
    start: float = 0.0
    audio: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()


class Player(Protocol):
    """How a player is run. A module of this room is one."""

    async def play(self, program: str, show: Show, at: At) -> None:
        """Returns when the player has ended by itself. Cancelled, it is gone within a second. UnsupportedError where it
        fails."""


def subtitle(texts: Sequence[Text], asked: Sequence[str]) -> int | None:
    """Which of the texts is shown from the beginning, None for none: the first in a language that was asked for; where
    nothing was, one that is forced."""
    for language in asked:
        if found := [number for number, text in enumerate(texts) if _is(text.language, language)]:
            return found[0]
    forced = [number for number, text in enumerate(texts) if text.forced]
    return forced[0] if forced and not asked else None


def _is(language: str, asked: str) -> bool:
    return asked == "all" or language.lower().partition("-")[0] == asked.lower().partition("-")[0]
