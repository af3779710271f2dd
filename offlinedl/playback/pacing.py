"""How far ahead of its place a player may read. Pure; `now` is any clock that goes on, in seconds.

A player that holds media does not need the server any more: near a deadline it gets only what it can still play. Where
it is, is reckoned: it cannot be further than if it had played on since it asked for its first piece, or jumped to one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

READ_AHEAD = 30.0
"""Seconds that a player may be ahead of its place while the deadline is near, and no more than are left."""

MARGIN = 2.0
"""Seconds beyond that: no playback starts at once."""

PAUSE = 600.0
"""A deadline is near where the rest of the title and a pause of so many seconds do not fit in before it."""

_GAP = 1.0
"""Seconds: durations of segments are rounded; what is further from the piece before is a jump."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A rendition is being read: at `since` its player was at `place` at most, and its last piece ends at `reached`."""

    place: float
    since: float
    reached: float

    def at(self, now: float) -> float:
        """Where the player is at most."""
        return self.place + now - self.since


def asked(reading: Reading | None, media: tuple[float, float], now: float) -> Reading:
    """The reading from now on, because a piece was asked for. Who asks for one is not past it."""
    start, end = media
    jumped = reading is None or start > reading.reached + _GAP
    place = start if reading is None or jumped else min(reading.at(now), start)
    return Reading(place=place, since=now, reached=end)


def told(reading: Reading, seconds: float, now: float) -> Reading:
    """The reading from now on, because its player is at `seconds`: faster than reckoned, or within what it holds."""
    return replace(reading, place=max(reading.at(now), seconds), since=now)


def wait(reading: Reading, start: float, now: float, left: float | None, duration: float) -> float:
    """In how many seconds, if nothing changes, a piece that begins at `start` may leave; 0: now. `left` is that to the
    deadline, None where there is none."""
    place = reading.at(now)
    if left is None or left >= duration - place + PAUSE:
        return 0.0
    return max(0.0, start - place - min(left, READ_AHEAD) - MARGIN)
