"""The time of one home: what its clocks say, beside what was seen before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from offlinedl import clock, expiry
from offlinedl.catalog import Catalog
from offlinedl.clock import Reading
from offlinedl.errors import BusyError, RefusedError, StorageError
from offlinedl.mark import Boot, Mark

_SELDOM = timedelta(minutes=1)


class Timekeeper:
    """Tells the time (see clock.py). `wall` is the system's clock, in UTC, `boot` its boot clock."""

    def __init__(self, catalog: Catalog, wall: Callable[[], datetime], boot: Callable[[], Boot | None]) -> None:
        self._catalog = catalog
        self._wall = wall
        self._boot = boot

    def __call__(self) -> datetime:
        """The present moment, in UTC: what every deadline is held against."""
        return self.reading().now

    def reading(self) -> Reading:
        """The present moment, and what it is worth."""
        return self._judged(self._catalog.clocks.mark())

    def keep(self) -> None:
        """Keep what was seen, once a minute. What cannot be kept now is kept by the next run."""
        clocks = self._catalog.clocks
        before = clocks.mark()
        if before is None or not _is_news(before, self._judged(before).mark):
            return
        with suppress(StorageError, BusyError), clocks.unhurried(), self._catalog.transaction():
            reading = self.reading()  # another process may have kept one meanwhile
            clocks.keep(reading.mark)
            if reading.is_suspect and not before.suspect:
                clocks.note(f"clock set back by {expiry.span(-reading.off)}", reading.now)

    def trust(self, date: datetime) -> None:
        """The time is `date`: a license server says so over TLS. What began later than that begins now. One that is
        before what another server said is not believed: whoever has a server of his own would have that."""
        with self._catalog.transaction():
            before = self._catalog.clocks.mark()
            if before is not None and before.heard_at is not None and date < before.heard_at - clock.TOLERANCE:
                return
            self._catalog.clocks.keep(clock.trusted(date, self._boot()))
            self._catalog.clocks.pull(date + clock.TOLERANCE, date)

    def _judged(self, mark: Mark | None) -> Reading:
        return clock.judge(mark, self._wall(), self._boot())


def suspect(title_id: str) -> RefusedError:
    """Why a title does not play whose deadline may have passed."""
    return RefusedError(
        f"{title_id}: the clock of this machine was set back, and nobody knows whether the title's time is over",
        f"set the clock right; or go online: `offlinedl get {title_id}` asks the service for the time, if it has https",
        code="clock-suspect",
    )


def _is_news(before: Mark, after: Mark) -> bool:
    """Is `after` worth writing? What is lost otherwise is less than clocks may be wrong by."""
    return after.at - before.at >= _SELDOM or _kind(before) != _kind(after)


def _kind(mark: Mark) -> tuple[str | None, bool, bool]:
    return (mark.boot.id if mark.boot else None, mark.confirmed, mark.suspect)
