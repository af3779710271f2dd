"""Trusted time: what the system's clock is worth, beside the time that was seen last and what passed since then.

The system's clock can be set; the boot clock cannot, but tells only how long it is since the system began. Together
with a mark of the time that was seen last they tell a clock that was set back, and one that was put forward.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from offlinedl import expiry
from offlinedl.frozen import frozen
from offlinedl.mark import Boot, Mark

TOLERANCE = timedelta(minutes=5)
"""Clocks that are set right by a network go back and forth by less."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NO_SYSTEM_BEGAN_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)

Verdict = Literal["agrees", "later", "known", "ahead", "behind"]
"""What the system's clock is like, by what was to be expected:

agrees      it is that, or nothing is known that it could be compared with
later       more time passed, while nobody measured it: the machine was off
known       it is wrong, and the boot clock tells the time, from a trusted date on
ahead       it was put forward, or put right: the boot clock does not bear it out
behind      it was set back: what the time is, nobody knows
"""


@frozen
class Reading:
    """What the time is: `now` is never before the time that was seen last. `off` is how far the system's clock is
    beyond what was to be expected; `mark` is what to keep of it."""

    now: datetime
    mark: Mark
    verdict: Verdict = "agrees"
    off: timedelta = timedelta(0)

    @property
    def is_suspect(self) -> bool:
        """Was the clock set back, so that the time is not known?"""
        return self.verdict == "behind"

    @property
    def is_undisputed(self) -> bool:
        """Does nothing speak against the system's clock?"""
        return self.verdict in {"agrees", "later"}

    @property
    def is_sure(self) -> bool:
        """Do the system's clock and a trusted date agree?"""
        return self.verdict == "agrees" and self.mark.confirmed


def now() -> datetime:
    """The present moment as the system's clock has it, in UTC."""
    return datetime.now(UTC)


def ticks() -> float:
    """Seconds of a clock that nobody sets and that does not stand still while the machine sleeps, as time.monotonic()
    does on Linux; since when, does not matter."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


def boot() -> Boot | None:
    """The boot clock, None where there is none that can be true."""
    if sys.platform != "linux":
        return None
    try:
        known = Boot(id=_BOOT_ID.read_text().strip(), seconds=time.clock_gettime(time.CLOCK_BOOTTIME))
    except OSError:
        return None
    return known if now() - timedelta(seconds=known.seconds) >= _NO_SYSTEM_BEGAN_BEFORE else None


def judge(mark: Mark | None, wall: datetime, boot: Boot | None) -> Reading:
    """What the time is, where the system's clock says `wall`, the boot clock `boot`, and `mark` was seen last."""
    if mark is None:
        return Reading(now=wall, mark=Mark(at=wall, boot=boot))
    passed = _between(mark.boot, boot)
    expected = mark.at + (passed or timedelta(0))
    off = wall - expected
    mark = replace(mark, at=expected, boot=boot, suspect=False)
    if abs(off) <= TOLERANCE:
        return Reading(now=wall, mark=replace(mark, at=max(wall, expected)), off=off)
    if mark.confirmed and passed is not None:
        return Reading(now=expected, mark=mark, verdict="known", off=off)
    if wall < expected:
        return Reading(now=expected, mark=replace(mark, confirmed=False, suspect=True), verdict="behind", off=off)
    if passed is not None:
        return Reading(now=wall, mark=mark, verdict="ahead", off=off)
    return Reading(now=wall, mark=replace(mark, at=wall, confirmed=False), verdict="later", off=off)


def trusted(date: datetime, boot: Boot | None) -> Mark:
    """The mark of a date that can be believed, whatever was seen before."""
    return Mark(at=date, boot=boot, confirmed=True, heard_at=date)


def words(reading: Reading) -> str:
    """What the system's clock is like, for people."""
    by, heard = expiry.span(abs(reading.off)), reading.mark.heard_at
    said = {
        "agrees": "right, as far as is known",
        "later": "right, as far as is known",
        "known": f"wrong by {by}; the time is known since it was asked for",
        "ahead": f"{by} ahead of what has passed since this system began",
        "behind": f"set back by {by}",
    }[reading.verdict]
    if heard is None:
        return f"{said}; no license server told the time"
    return f"{said}; a license server said {heard:%Y-%m-%d %H:%M} UTC"


def _between(before: Boot | None, after: Boot | None) -> timedelta | None:
    """The time between two readings of one boot clock."""
    if before is None or after is None or before.id != after.id or after.seconds < before.seconds:
        return None
    return timedelta(seconds=after.seconds - before.seconds)
