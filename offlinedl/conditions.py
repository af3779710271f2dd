"""When `sync` may download: a window of time, what the network costs, the battery, and a command of the person's."""

from __future__ import annotations

import re
from datetime import time
from typing import Literal

from offlinedl.errors import UsageError
from offlinedl.frozen import frozen

ALWAYS = 101
"""Per cent of a battery that none has: whoever asks for so many wants it to be charged meanwhile."""


@frozen
class Hours:
    """From `begin` until `end`, in local time, `end` not within it; also over midnight."""

    begin: time
    end: time

    def has(self, at: time) -> bool:
        """Is `at` within them?"""
        if self.begin < self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end

    @property
    def minutes(self) -> int:
        """How long they are."""
        return (_minute(self.end) - _minute(self.begin)) % (24 * 60)

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


@frozen
class Conditions:
    """What a person set: the hours, whether what is metered waits, below which per cent of a battery that is not being
    charged (0 for never), and whether a `command` is to allow it."""

    hours: Hours | None = None
    metered: Literal["wait", "ignore"] = "wait"
    battery: int = 0
    command: tuple[str, ...] = ()


@frozen
class Seen:
    """What the machine says: whether the network is metered, None where nobody knows; the per cent of a battery that is
    being used up, None where there is none; why the person's command said no, "" where it did not; and its `fault`
    where it cannot be run at all."""

    is_metered: bool | None = None
    battery: int | None = None
    veto: str = ""
    fault: UsageError | None = None


def hours(said: str, where: str) -> Hours:
    """What "01:00-06:00" says. UsageError names `where` it stands."""
    found = re.fullmatch(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)", said.strip())
    try:
        first, minute, last, until = map(int, found.groups() if found else ())
        read = Hours(begin=time(first, minute), end=time(last % 24 if not until else last, until))
    except ValueError:
        raise UsageError(f"{where}: {said}: not a part of the day", "write 01:00-06:00, or 22:30-05:00") from None
    if read.begin == read.end:
        raise UsageError(f"{where}: {said}: it ends when it begins", "leave it out for the whole day")
    return read


def battery(said: str, where: str) -> int:
    """What "wait", "ignore" or "40%" says."""
    found = re.fullmatch(r"(\d{1,2}|100)\s*%", said.strip())
    if said not in {"wait", "ignore"} and found is None:
        raise UsageError(f"{where}: {said}: not known", 'write "wait", "ignore", or the least that is enough, as "40%"')
    return int(found[1]) if found else {"wait": ALWAYS, "ignore": 0}[said]


def hindrance(conditions: Conditions, seen: Seen, at: time) -> str:
    """Why nothing is to be downloaded at this local time, "" where it may be."""
    least = conditions.battery
    if conditions.hours is not None and not conditions.hours.has(at):
        return f"its hours are {conditions.hours}"
    if conditions.metered == "wait" and seen.is_metered:
        return "the network is metered"
    if seen.battery is not None and seen.battery < least:
        return f"on battery, {seen.battery} %" + ("" if least == ALWAYS else f", and {least} % are to be there")
    return seen.veto


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
