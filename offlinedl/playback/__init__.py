"""Playback: a stored title as HLS on loopback, and the players that play it.

A presentation says what there is to serve, the server serves it and keeps others out, a sitting keeps the clocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from offlinedl.frozen import frozen

MASTER = "master.m3u8"
"""Where a presentation's multivariant playlist is; its URIs are relative to that."""


@frozen
class Part:
    """Something that a player asks for. `make` makes its bytes, in a thread, as often as it is asked for; `type` is its
    media type. Media (sound and pictures, no playlist, init segment or text) have their place on the title's time line
    as (start, end), in seconds; the media of a rendition, and no others, share a folder."""

    type: str
    make: Callable[[], bytes]
    media: tuple[float, float] | None = None


@frozen
class Text:
    """A subtitle track as one WebVTT file at `path`. `language` is BCP 47, "" where unknown."""

    path: str
    language: str
    name: str
    forced: bool = False


@frozen
class About:
    """What the page shows. The playback begins at `start`, in seconds; `text` is the path of the subtitles that are on
    at first, "" for none but forced ones. `poster` is an image file."""

    name: str
    series: str = ""
    poster: bytes | None = None
    start: float = 0.0
    text: str = ""


class Presentation(Protocol):
    """A stored title as HLS."""

    @property
    def duration(self) -> float:
        """Seconds."""

    @property
    def texts(self) -> tuple[Text, ...]:
        """Its subtitles, also for players that take them as files beside the media."""

    def part(self, path: str) -> Part | None:
        """What is at `path`, None where nothing is. MASTER is always there."""


class Sitting(Protocol):
    """One playback of a title: its clocks, and where it is."""

    async def begin(self) -> None:
        """The first media byte is about to leave: the play is written down, durably, before this returns. RefusedError
        where the title does not play (any more). Called before each piece of media; writes once."""

    def left(self) -> float | None:
        """Seconds until the playback has to stop, at most 0 where it has to now; None where nothing ends it."""

    def at(self, seconds: float) -> None:
        """The playback is at that place of the title."""
