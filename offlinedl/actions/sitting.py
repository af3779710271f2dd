"""One playback of a title: when it begins, how long it may last, and where it is."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from offlinedl import clock, expiry, playing
from offlinedl.actions.acquire import loaded
from offlinedl.errors import BusyError, NotFoundError, OfflinedlError, RefusedError, StorageError
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.model import Decision, Entry, License, State

_WATCHED = 0.9
"""Of a title, from its beginning: what comes after that are the names of who made it."""
_END_SECONDS = 5.0
"""Who stopped so near to the end begins anew."""
_SELDOM_SECONDS = 5.0
_OFTEN_SECONDS = 0.25
"""So often it is looked whether the title is still there, and has another license: servers ask many times as often."""
_PLAYING = {State.READY, State.EXPIRED, State.CLOCK_SUSPECT}
"""Deadlines are looked at by themselves: neither a soft one nor a clock that is set back meanwhile ends a playback."""


class Sitting:
    """As playback.Sitting has it. `duration` is in seconds, `ticks` tells those that pass; `position` is None before
    anything was shown."""

    def __init__(
        self,
        entry: Entry,
        library: Library,
        licensing: Licensing,
        duration: float,
        ticks: Callable[[], float] = clock.ticks,
    ) -> None:
        self.entry = entry
        self.duration = duration
        self.position: float | None = None
        self.is_first = _starts_a_clock(entry.license)
        self.has_begun = False
        self.least = 0.0
        """Places before it are not kept: the player was to go on from there, and cannot."""
        self._library = library
        self._licensing = licensing
        self._beginning = asyncio.Lock()
        self._bound: tuple[datetime, float] | None = None
        self._ends: float | None = None
        self._looked_at = -math.inf
        self._ticks = ticks
        self._kept_at = ticks()

    @property
    def start(self) -> float:
        """Where it goes on: where the last one stopped."""
        stopped = self.entry.position_seconds
        return float(stopped) if stopped < self.duration - _END_SECONDS else 0.0

    async def begin(self) -> None:
        """See playback.Sitting."""
        async with self._beginning:
            if not self.has_begun:
                self.entry = await begin(self.entry, self._library, self._licensing)
                self.has_begun = True
                self._looked_at = -math.inf
        if self.is_over:
            raise self.over()

    @property
    def is_over(self) -> bool:
        """Has it to stop now?"""
        left = self.left()
        return left is not None and left <= 0

    def left(self) -> float | None:
        """See playback.Sitting. A clock that is set back meanwhile does not lengthen it; a renewal does."""
        now = self._ticks()
        if now - self._looked_at >= _OFTEN_SECONDS:
            self._looked_at, self._ends = now, self._end(now)
        return None if self._ends is None else self._ends - now

    def _end(self, now: float) -> float | None:
        """The tick at which it has to stop."""
        entry = self._now()
        if entry is None:
            return now
        at = expiry.stop(entry.license).at
        if at is None:
            return None
        ends = now + (at - self._library.time()).total_seconds()
        if self._bound is None or self._bound[0] != at:
            self._bound = (at, ends)
        return min(ends, self._bound[1])

    def message(self) -> str:
        """What is left of the title, in words."""
        return expiry.message((self._now() or self.entry).license, self._library.time())

    def over(self) -> OfflinedlError:
        """Why the playback had to stop."""
        entry = self._library.entry(self.entry.id)
        if entry is None or entry.state is State.REMOVING:
            return NotFoundError(f"{self.entry.id}: removed while it played", "`offlinedl get` fetches it again")
        if self._now() is None:
            return RefusedError(
                f"{entry.id}: changed while it played, and was stopped",
                "play it again when it is ready",
                code="not-ready",
            )
        return RefusedError(
            f"{self.entry.id}: expired while it played, and was stopped",
            f"`offlinedl get {self.entry.id}` asks for a new license",
            code="expired",
        )

    def at(self, seconds: float) -> None:
        """See playback.Sitting. It is written down now and then, and by `close`. Nobody is where nothing was shown yet,
        or nothing is."""
        if not self.has_begun or not 0 <= seconds < self.duration + _END_SECONDS:
            return
        self.position = seconds
        if self._ticks() - self._kept_at >= _SELDOM_SECONDS:
            self._keep(seconds)

    def close(self) -> None:
        """The playback has ended: where it stopped is kept, and where that is the end, the next one begins anew."""
        if self.position is not None:
            self._keep(self.next)

    @property
    def next(self) -> float:
        """Where the next one goes on, in seconds."""
        if self.position is None or self.position < self.least:
            return self.start
        return self.position if self.position < self.duration - _END_SECONDS else 0.0

    @property
    def is_watched(self) -> bool:
        """Was enough of the title seen?"""
        return self.position is not None and self.position >= self.duration * _WATCHED

    def _keep(self, seconds: float) -> None:
        """What cannot be kept now is kept a little later."""
        self._kept_at = self._ticks()
        place = int(seconds) if (self.position or 0.0) >= self.least else None
        decision = Decision(position_seconds=place, watched=self.is_watched or None)
        with suppress(StorageError, BusyError, NotFoundError), self._library.catalog.clocks.unhurried():
            self._library.mark(self.entry, decision)

    def _now(self) -> Entry | None:
        """The title as it stands now, None where it is not ready any more, or has lost its license."""
        entry = self._library.entry(self.entry.id)
        if entry is None or entry.state not in _PLAYING or (self.entry.license and entry.license is None):
            return None
        return entry


def _starts_a_clock(license: License | None) -> bool:
    """Does a playback window begin with this play, or may it?"""
    if license is None or license.first_played_at is not None:
        return False
    return license.windows.playback_seconds is not None or "playback" in license.windows.unknown


async def begin(entry: Entry, library: Library, licensing: Licensing) -> Entry:
    """A play begins: it is durable before this returns. The title with its clocks as they run now. RefusedError where
    it is expired or not ready."""
    held = library.licenses.sealed(entry)  # who has no lock writes nothing
    if held is None or held.handle is None:
        return playing.play(entry, library)
    with library.lock(entry.id):
        return await _opened(entry, library, licensing)


async def _opened(entry: Entry, library: Library, licensing: Licensing) -> Entry:
    """A license that an adapter has: what the first play makes of it is kept before that play counts, and what it
    states from then on is taken over. Whatever stops this between two steps, the next play does what is left."""
    playing.check(entry, library)
    held = library.licenses.held(entry)
    if held is not None and held.license.first_played_at is None:
        library.licenses.restate(entry, await licensing.first_play(held, library.time()))
    entry = playing.play(entry, library)
    held = library.licenses.held(entry)
    if held is not None:
        found = await loaded(entry, held, library, licensing)
        if found.license.windows != held.license.windows:
            library.licenses.restate(entry, found)
    return library.entry(entry.id) or entry
