"""The clock that a title's media have of their own, and where on it the title is."""

from __future__ import annotations

from bisect import bisect_right
from contextlib import suppress

from offlinedl import remux
from offlinedl.errors import DamagedError
from offlinedl.license.opening import Opening

UNTIMED = ("aac", "ac3", "ec3", "mp3", "flac")
"""Containers of sound alone, without a clock."""
_SOON = 0.5
"""Seconds before the end of a segment in which another track has its next one already."""


class Clock:
    """The clock of a track. That of the picture, or else of the sound, is its title's. At most so many segments are
    `looked` at: each costs as much as to open it."""

    def __init__(self, opening: Opening, looked: int = 64) -> None:
        self._opening, self._looked = opening, looked
        self._starts = [fetch.start for fetch in opening.media]
        self._runs = [number for number, fetch in enumerate(opening.media) if fetch.breaks or not number]
        self._ahead: dict[int, float | None] = {}

    def at(self, start: float) -> int:
        """Which of its segments is there on the title's time line."""
        return max(bisect_right(self._starts, start + _SOON) - 1, 0)

    def since(self, start: float) -> int:
        """The segment from which on the clock of the one that is there runs without a break."""
        return self._runs[max(bisect_right(self._runs, self.at(start)) - 1, 0)]

    def ahead(self, number: int) -> float | None:
        """Seconds that the clock is ahead of the title's time line in that segment; None where nothing tells."""
        if self._opening.is_cut or self._opening.track.container in UNTIMED:
            return None
        if number not in self._ahead and len(self._ahead) < self._looked:
            self._ahead[number] = None
            fetch = self._opening.media[number]
            with suppress(DamagedError):
                begins = remux.begins(b"".join(self._opening.opened(fetch)))
                self._ahead[number] = None if begins is None else begins - fetch.start
        return self._ahead.get(number)
