"""Players: programs of the person's own that play what the server serves, and how each is told what, and when to stop.

None hears the address on its command line, which every user of the machine can read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from offlinedl.config import PLAYERS, program
from offlinedl.errors import UsageError
from offlinedl.playback import Presentation, Text

At = Callable[[float], None]
"""Is told where the playback is, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
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


def choose(name: str | None) -> tuple[str, str]:
    """The player `name`, or the first that is found, and its program; "browser" and "none" need none that is known
    beforehand. UsageError where it is not there."""
    if name in {"browser", "none"}:
        return name, ""
    if name is not None and name not in PLAYERS:
        raise UsageError(f"--player {name}: no such player", f"players are {', '.join([*PLAYERS, 'none'])}")
    for one in [name] if name else list(PLAYERS):
        if one == "browser":
            return one, ""
        path = program(PLAYERS[one])
        if path is not None and (name or one != "vlc" or not _is_root()):  # which VLC refuses to serve
            return one, path
    raise UsageError(f"--player {name}: not found", f"install {name}, or choose another: `offlinedl doctor` shows them")


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def named(name: str) -> Player:
    """One that runs beside us."""
    from offlinedl.playback.players import ffplay, mpv, vlc

    return {"mpv": mpv, "vlc": vlc, "ffplay": ffplay}[name]


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
