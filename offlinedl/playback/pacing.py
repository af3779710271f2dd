"""How far ahead of its place a player may read. Pure; `now` is any clock that goes on, in seconds.

A player that holds media does not need the server any more: near a deadline it gets only what it can still play. Where
it is, is reckoned: it cannot be further than if it had played on since it asked for its first piece, or jumped to one.
"""

from __future__ import annotations

from dataclasses import replace

from offlinedl.frozen import frozen

READ_AHEAD = 30.0
"""Seconds that a player may be ahead of its place while the deadline is near, and no more than are left."""

MARGIN = 2.0
"""Seconds beyond that: no playback starts at once."""

FILL = 10.0
"""Seconds that a player may want to have before it plays at all, from wherever it begins. Chromium wants so many."""

PAUSE = 600.0
"""A deadline is near where the rest of the title and a pause of so many seconds do not fit in before it."""

_GAP = 1.0
"""Seconds: durations of segments are rounded; what is further from the piece before is a jump."""


@frozen
class Reading:
    """A rendition is being read: from `began` on, where its player was at `since`, at `place` at most; the `last` piece
    has this start and end."""

    began: float
    place: float
    since: float
    last: tuple[float, float]

    def at(self, now: float) -> float:
        """Where the player is at most."""
        return self.place + now - self.since


def asked(reading: Reading | None, media: tuple[float, float], now: float) -> Reading:
    """The reading from now on, because a piece was asked for. Who asks for one is not past it; who asks neither for the
    last one again nor for the next has jumped."""
    start, _ = media
    if reading is None or not reading.last[0] <= start <= reading.last[1] + _GAP:
        return Reading(began=start, place=start, since=now, last=media)
    return replace(reading, place=min(reading.at(now), start), since=now, last=media)


def told(reading: Reading, seconds: float, now: float) -> Reading:
    """The reading from now on, because its player is at `seconds`: faster than reckoned, or within what it holds."""
    return replace(reading, place=max(reading.at(now), seconds), since=now)


def wait(reading: Reading, start: float, now: float, left: float | None, duration: float) -> float:
    """In how many seconds, if nothing changes, a piece that begins at `start` may leave; 0: now. `left` is that to the
    deadline, None where there is none."""
    place = reading.at(now)
    if left is None or left >= duration - place + PAUSE or start < reading.began + FILL:
        return 0.0
    return max(0.0, start - place - min(left, READ_AHEAD) - MARGIN)
