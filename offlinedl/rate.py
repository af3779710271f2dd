"""How fast all connections together may read: one token bucket."""

from __future__ import annotations

_CREDIT_SECONDS = 0.05
"""How much of a pause is made up for. More would be a burst; less would lose what timers are late."""

_PIECE_SECONDS = 0.01


class Bucket:
    """At most `rate` bytes a second, however many connections read.

    Each says with `take` what came, and reads nothing for as long as it is told. The first of them that asked is the
    first that goes on, so that none waits longer than all the others together take.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._paid = float("-inf")

    @property
    def piece(self) -> int:
        """As many bytes as should be read at once: what comes in larger pieces is not smooth."""
        return max(1, int(self._rate * _PIECE_SECONDS))

    def take(self, count: int, now: float) -> float:
        """`count` bytes came at `now`. The seconds for which whoever read them should read nothing more."""
        self._paid = max(self._paid, now - _CREDIT_SECONDS) + count / self._rate
        return max(0.0, self._paid - now)
