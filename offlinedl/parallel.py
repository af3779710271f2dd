"""How many fetches may run at once: more while it pays, fewer where a server or the network has had enough."""

from __future__ import annotations

_PAYS = 0.2
"""More at once must bring so large a part of what it would if each brought as much as before, or is given up again."""

_STEP = 1.5
_FIRST_SECONDS = 0.25
_WINDOW_SECONDS = 1.0
_WINDOW_FETCHES = 2
"""A measurement takes at least so long, and so many fetches for each that runs at once: they end in waves. The first
ones are short, for a title may be over in seconds; what they say against more is asked once again."""

_REST_SECONDS = 60.0
"""Once a limit was found, it takes so long until more is tried again."""

_FEWEST_ENDED = 8
_MANY, _RISING = 0.2, 2.0
"""Errors are rising where, of at least so many that ended, so large a part failed, and so many times that of before."""


class Parallelism:
    """`limit` fetches may run at once, never more than `most`; `why` says what decided it last.

    It is told how each attempt ended, and when, in seconds of a monotonic clock. What a change brought is measured
    when all that was under way before it has ended.
    """

    def __init__(self, most: int, start: int = 8) -> None:
        self.limit = min(start, most)
        self.why = f"{self.limit} at once to begin with"
        self._most = most
        self._window = _FIRST_SECONDS
        self._too_many: int | None = None
        self._tried_from: tuple[int, float] | None = None
        self._lowered = self._rested = self._began = float("-inf")
        self._settling = self.limit
        self._fetches = self._bytes = self._failures = 0
        self._share = 0.0

    def finished(self, size: int, now: float) -> None:
        """A fetch of `size` bytes ended well."""
        if self._settles(now):
            return
        self._fetches += 1
        self._bytes += size
        passed = now - self._began
        if passed >= self._window and self._fetches >= _WINDOW_FETCHES * self.limit:
            self._measured(self._bytes / passed, now)

    def pushed_back(self, now: float) -> None:
        """A server said that it is too much (status 429 or 503)."""
        self._fewer(self.limit // 2, now, "a server asked for less")

    def failed(self, now: float) -> None:
        """An attempt ended with another error of the network."""
        if self._settles(now):
            return
        self._failures += 1
        ended = self._failures + self._fetches
        if ended >= max(_FEWEST_ENDED, self.limit) and self._failures / ended > max(_MANY, _RISING * self._share):
            self._fewer(self.limit * 3 // 4, now, "errors are rising")

    def _settles(self, now: float) -> bool:
        """Is what ends at `now` still of the time before the last change?"""
        if not self._settling:
            return False
        self._settling -= 1
        self._began = now
        return True

    def _fewer(self, limit: int, now: float, why: str) -> None:
        """What was under way together ends together: it counts once."""
        if now - self._lowered < _WINDOW_SECONDS:
            return
        self._lowered, self._window = now, _WINDOW_SECONDS
        self._too_many, self._tried_from, self._rested = self.limit, None, now + _REST_SECONDS
        self._change(max(1, limit), now, why)

    def _measured(self, rate: float, now: float) -> None:
        """So many bytes a second came while `limit` ran at once. What next?"""
        before, self._tried_from = self._tried_from, None
        if before is not None:
            limit, was = before
            if rate < was * (1 + _PAYS * (self.limit / limit - 1)):
                sure = self._window == _WINDOW_SECONDS
                self._rested = now + (_REST_SECONDS if sure else _WINDOW_SECONDS)
                self._window = _WINDOW_SECONDS
                self._change(limit, now, "more brought no more")
                return
            self._too_many = None
        if self._too_many is not None and self.limit + 1 < self._too_many:
            self._change(self.limit + 1, now, "it is quiet again")
        elif self.limit < self._most and now >= self._rested:
            self._tried_from = (self.limit, rate)
            more = self.limit + 1 if self._too_many is not None else max(self.limit + 1, int(self.limit * _STEP))
            self._change(min(self._most, more), now, "more may pay")
        else:
            self._begin(now)

    def _change(self, limit: int, now: float, why: str) -> None:
        self.why = f"{limit} at once instead of {self.limit}: {why}"
        self._settling = self.limit
        self.limit = limit
        self._begin(now)

    def _begin(self, now: float) -> None:
        """A new measurement."""
        if ended := self._failures + self._fetches:
            self._share = (self._share + self._failures / ended) / 2
        self._fetches = self._bytes = self._failures = 0
        self._began = now
