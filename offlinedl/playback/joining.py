"""Tracks of fragmented MP4 whose clock or encoding changes, on one clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from offlinedl.errors import DamagedError
from offlinedl.media.joined import Joined
from offlinedl.playback.segments import Source, inits
from offlinedl.streams import Fetch


class _Stretch(NamedTuple):
    """Segments on one clock: the number of the first, of their init segment, and how much later they are served."""

    number: int
    init: int
    seconds: float


class OneClock:
    """The segments of `source`, those in `fetches`."""

    def __init__(self, source: Source, fetches: Sequence[Fetch]) -> None:
        self._source, self._fetches = source, fetches

    @property
    def extension(self) -> str:
        return self._source.extension

    def init(self, fetch: Fetch) -> bytes:
        if self._joined is None:
            return self._source.init(fetch)
        return self._joined.init(self._inits[fetch.needs_init])

    def media(self, fetch: Fetch) -> bytes:
        data = self._source.media(fetch)
        if self._joined is None:
            return data
        place = bisect_right(self._stretches, fetch.number, key=lambda stretch: stretch.number) - 1
        stretch = self._stretches[max(place, 0)]
        try:
            return self._joined.fragment(data, stretch.init, stretch.seconds)
        except DamagedError:  # browsers understand it as it is
            return data

    @cached_property
    def _made(self) -> tuple[dict[int | None, int], Joined | None]:
        """Which of the init segments it is for each number, and what they become; None where they stay as they are."""
        numbers, distinct = inits(self._source, self._fetches)
        breaks = len(distinct) > 1 or any(fetch.breaks for fetch in self._fetches)
        joined = Joined(distinct) if breaks and self.extension == "m4s" and Joined.fits(distinct) else None
        return numbers, joined

    @property
    def _inits(self) -> dict[int | None, int]:
        return self._made[0]

    @property
    def _joined(self) -> Joined | None:
        return self._made[1]

    @cached_property
    def _stretches(self) -> list[_Stretch]:
        found: list[_Stretch] = []
        first = 0.0
        for before, fetch in zip([None, *self._fetches], self._fetches, strict=False):
            init = self._inits[fetch.needs_init]
            if before is not None and not fetch.breaks and init == found[-1].init:
                continue
            begins = None
            with suppress(DamagedError):
                begins = self._joined.begins(self._source.media(fetch), init) if self._joined else None
            ahead = fetch.start - (fetch.start if begins is None else begins)
            first = first if found else ahead
            found.append(_Stretch(fetch.number, init, ahead - first))
        return found
