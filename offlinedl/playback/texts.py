"""Subtitles beside the media: a track as one WebVTT file, and the same as HLS, on the clock of the media."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TypeAlias

from offlinedl.license.opening import Opening
from offlinedl.media import webvtt
from offlinedl.media.webvtt import Cue, Document, Stamp
from offlinedl.model import Track
from offlinedl.playback import Part, Text, subtitles
from offlinedl.playback.playlists import Piece, is_break
from offlinedl.playback.segments import number_of

VTT = "text/vtt"
_WHOLE = "all.vtt"
_UNITS = 90
"""Of the clock of MPEG-TS in a millisecond (RFC 8216 section 3.5)."""

Opened: TypeAlias = Callable[[], tuple[Opening, Opening | None]]
"""A track of subtitles, and the media on whose clock it may be."""

Clock: TypeAlias = Callable[[Piece], float | None]
"""When the media of a piece begin on their own clock, in seconds."""


class TextTrack:
    """A track of subtitles, in the folder `name`. The title begins at `origin` seconds on the time line of its plan."""

    def __init__(self, name: str, track: Track, opened: Opened, origin: float) -> None:
        self.track = track
        self._name, self._opened, self._origin = name, opened, origin

    @property
    def text(self) -> Text:
        """For players that take files."""
        track = self.track
        path = f"{self._name}/{_WHOLE}"
        return Text(path=path, language=track.language, name=track.name, forced=track.forced)

    def pieces(self, media: Sequence[Piece]) -> list[Piece]:
        """One for each stretch of `media` on one clock."""
        firsts = _stretches(media)
        ends = [*(first.start for first in firsts[1:]), max((p.start + p.duration for p in media), default=0.0)]
        return [
            Piece(f"{n}.vtt", first.start, end - first.start, breaks=n > 0)
            for n, (first, end) in enumerate(zip(firsts, ends, strict=True))
        ]

    def part(self, name: str, media: Callable[[], Sequence[Piece]], clock: Clock) -> Part | None:
        """What is at `name` in its folder, its playlist apart."""
        if name == _WHOLE:
            return Part(type=VTT, make=lambda: webvtt.write(self._document).encode())
        stem, _, extension = name.partition(".")
        number, firsts = number_of(stem), _stretches(media())
        if extension != "vtt" or not 0 <= number < len(firsts):
            return None
        until = firsts[number + 1].start if number + 1 < len(firsts) else None
        return Part(type=VTT, make=partial(self._stretch, firsts[number], until, clock))

    def _stretch(self, first: Piece, until: float | None, clock: Clock) -> bytes:
        start = round((first.start - self._origin) * 1000)
        end = None if until is None else round((until - self._origin) * 1000)
        cues = tuple(cue for cue in self._document.cues if _is_within(cue, start, end))
        begins = clock(first)
        stamp = None if begins is None else Stamp(start, max(round(begins * 1000 * _UNITS), 0) % 2**33)
        if stamp and stamp.mpegts == start * _UNITS:
            stamp = None
        return webvtt.write(replace(self._document, cues=cues, stamp=stamp)).encode()

    @cached_property
    def _document(self) -> Document:
        document = subtitles.read(*self._opened())
        return replace(document, cues=webvtt.moved(document.cues, -round(self._origin * 1000)))


def _stretches(media: Sequence[Piece]) -> list[Piece]:
    """The first piece of each stretch on one clock."""
    there = [piece for piece in media if not piece.is_gap]
    return [p for n, p in enumerate(there) if n == 0 or is_break(there[n - 1], p)]


def _is_within(cue: Cue, start: int, end: int | None) -> bool:
    return (cue.end > start or start == 0) and (end is None or cue.start < end)
