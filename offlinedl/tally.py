"""How far a download is: the arithmetic that every way to show it shares."""

from __future__ import annotations

from collections import deque

_WINDOW_SECONDS = 10.0
_SHORTEST_SECONDS = 0.5
_SAMPLE_SECONDS = 0.25
_MOST_PERCENT = 99.9
"""All bytes are not yet the title: 100 % is for whoever knows that it was verified."""


_ROUNDING = 1e-6


class Tally:
    """What came of a title, in bytes and as a part of it. Neither goes back, whatever is lost and fetched again.

    Every fetch weighs what it was thought to have, and that counts in full once it is done, however large it was: bytes
    where sizes are known, and time where they were guessed from bandwidth and duration. `now` is in seconds of a
    monotonic clock.
    """

    def __init__(self) -> None:
        self.done = 0
        self._part = 0.0
        self._share: float | None = None
        self._bytes = self._whole = self._grown = self._weight = self._to_come = 0
        self._samples: deque[tuple[float, int, float]] = deque()

    def begin(self, done: int, total: int, now: float, share: float | None = None) -> None:
        """`done` of about `total` bytes are there already, and that `share` of the title by its duration; they are
        nobody's speed."""
        self._bytes, self._whole, self._share = done, done, share
        self._grown, self._weight, self._to_come = 0, total, total - done
        self._samples = deque()
        self._changed(now)

    def advance(self, count: int, total_change: int, now: float) -> None:
        """`count` bytes came (fewer than none: were lost); in all there are so many more than was thought."""
        self._bytes += count
        self._grown += total_change
        self._changed(now)

    def finished(self, share: float, size: int, now: float) -> None:
        """A fetch of `size` bytes is done that is such a share of the title by its duration: it counts where no size is
        known."""
        self._share = share + (self._share or 0.0)
        self._whole += size
        self._changed(now)

    @property
    def percent(self) -> float:
        """How much is there, rounded down to a tenth."""
        return min(_MOST_PERCENT, int(self._part * 1000 + _ROUNDING) / 10)

    @property
    def total(self) -> int:
        """Bytes that there will be, going by what came so far; 0 while nothing is known of it."""
        part, there = self._reached(), self._bytes if self._to_come > 0 else self._whole
        total = round(there / part) if part else self._weight
        return max(self.done, total) if total else 0

    def speed(self, now: float) -> float:
        """Bytes a second over the last seconds. What was lost and fetched again counts once."""
        passed = self._passed(now)
        return (self.done - self._samples[0][1]) / passed if passed else 0.0

    def seconds_left(self, now: float) -> float | None:
        """At the pace of the last seconds; None where nothing moves."""
        passed = self._passed(now)
        came = self._part - self._samples[0][2] if passed else 0.0
        return (1 - self._part) * passed / came if came else None

    def _reached(self) -> float:
        """The part of the title that is there."""
        if self._to_come > 0:
            return min(1.0, max(0.0, (self._bytes - self._grown) / self._weight))
        return float(self._weight > 0) if self._share is None else min(1.0, self._share)

    def _changed(self, now: float) -> None:
        self.done = max(self.done, self._bytes)
        self._part = max(self._part, self._reached())
        if not self._samples or now - self._samples[-1][0] >= _SAMPLE_SECONDS:
            self._samples.append((now, self.done, self._part))
            while len(self._samples) > 1 and now - self._samples[1][0] > _WINDOW_SECONDS:
                self._samples.popleft()

    def _passed(self, now: float) -> float:
        """Seconds since the window began, 0 while it is too short to tell anything."""
        passed = now - self._samples[0][0] if self._samples else 0.0
        return passed if passed >= _SHORTEST_SECONDS else 0.0
