"""How many fetches may run at once: more while it pays, fewer where a server or the network has had enough."""

from __future__ import annotations

_PAYS = 0.2
"""More at once must bring so large a part of what it would if each brought as much as before, or is given up again."""

_STEP = 1.5
_FIRST, _WINDOW = (0.2, 2), (1.0, 4)
_PART = 256 * 1024
"""A measurement takes at least so many seconds, and so many parts for each fetch that runs at once, for they end in
waves. A part is a fetch, or so many bytes: what large ones bring is seen before they end. The first measurements are
short, for a title may be over in seconds; what they say against more is asked once again."""

_AGAIN_SECONDS, _REST_SECONDS = 1.0, 60.0
"""Once a limit was found, it takes so long until more is tried again."""

_FEWEST_ENDED = 16
_AT_ONCE_SECONDS = 1.0
_MANY, _RISING = 0.2, 2.0
"""Errors are rising where of twice as many as run at once, and of at least so many, so large a part failed, and so many
times that of before."""


class Parallelism:
    """`limit` fetches may run at once, never more than `most`; `why` says what decided it last.

    It is told what came, how each attempt ended, and when, in seconds of a monotonic clock. What a change brought is
    measured when a part has come of each that was under way before it, and of each that it added: connections begin
    slowly (RFC 5681 section 3.1).
    """

    def __init__(self, most: int, start: int = 8) -> None:
        self.limit = min(start, most)
        self.why = f"{self.limit} at once to begin with"
        self._most = most
        self._window = _FIRST
        self._too_many: int | None = None
        self._tried_from: tuple[int, float] | None = None
        self._lowered = self._rested = self._began = float("-inf")
        self._settling = self._before = self.limit
        self._fetches = self._bytes = self._next_look = 0
        self._ended = self._failures = 0
        self._is_quiet = False
        self._share = 0.0

    def came(self, count: int, now: float) -> None:
        """So many bytes came of a fetch; fewer than none, where they came in vain."""
        self._bytes += count
        if self._bytes >= self._next_look:
            self._next_look = self._bytes + _PART
            self._look(now)

    def finished(self, now: float) -> None:
        """A fetch ended well."""
        self._fetches += 1
        self._look(now)
        self._count(0, now)

    def pushed_back(self, now: float) -> None:
        """A server said that it is too much (status 429 or 503)."""
        self._fewer(self.limit // 2, now, "a server asked for less")

    def failed(self, now: float) -> None:
        """An attempt ended with another error of the network."""
        self._count(1, now)

    def _count(self, failures: int, now: float) -> None:
        """One more ended. What was under way before a change says nothing of it."""
        if self._before:
            self._before -= 1
            return
        self._ended += 1
        self._failures += failures
        some = max(_FEWEST_ENDED, 2 * self.limit)
        rising = self._failures > some * max(_MANY, _RISING * self._share)
        if rising or self._ended >= some:
            self._share += (self._failures / self._ended - self._share) / 3
            self._ended = self._failures = 0
            self._is_quiet = not rising
        if rising:
            self._fewer(self.limit * 3 // 4, now, "errors are rising")

    def _look(self, now: float) -> None:
        parts, passed = max(self._fetches, self._bytes // _PART), now - self._began
        seconds, each = self._window
        if self._settling:
            if parts >= self._settling:
                self._settling = 0
                self._begin(now)
        elif passed >= seconds and parts >= each * self.limit:
            self._measured(self._bytes / passed, now)

    def _fewer(self, limit: int, now: float, why: str) -> None:
        """What was under way together ends together: it counts once."""
        if now - self._lowered < _AT_ONCE_SECONDS:
            return
        self._lowered, self._window = now, _WINDOW
        self._too_many, self._tried_from, self._rested = self.limit, None, now + _REST_SECONDS
        self._change(max(1, limit), now, why)

    def _measured(self, rate: float, now: float) -> None:
        """So many bytes a second came while `limit` ran at once. What next?"""
        before, self._tried_from = self._tried_from, None
        if before is not None:
            limit, was = before
            if rate < was * (1 + _PAYS * (self.limit / limit - 1)):
                self._rested = now + (_REST_SECONDS if self._window == _WINDOW else _AGAIN_SECONDS)
                self._window = _WINDOW
                self._change(limit, now, "more brought no more")
                return
            self._too_many = None
        recovers = self._too_many is not None and self.limit + 1 < self._too_many
        if recovers and self._is_quiet:
            self._change(self.limit + 1, now, "it is quiet again")
        elif self.limit < self._most and now >= self._rested and not recovers:
            self._tried_from = (self.limit, rate)
            more = self.limit + 1 if self._too_many is not None else max(self.limit + 1, int(self.limit * _STEP))
            self._change(min(self._most, more), now, "more may pay")
        else:
            self._begin(now)

    def _change(self, limit: int, now: float, why: str) -> None:
        self.why = f"{limit} at once instead of {self.limit}: {why}"
        self._settling, self._before = max(self.limit, limit), self.limit
        self._ended, self._failures, self._is_quiet = 0, 0, False
        self.limit = limit
        self._begin(now)

    def _begin(self, now: float) -> None:
        """A new measurement."""
        self._fetches = self._bytes = 0
        self._next_look = _PART
        self._began = now
