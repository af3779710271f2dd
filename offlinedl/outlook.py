"""Before a trip: will a title that is here play then, and if not, what would help."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from offlinedl import expiry
from offlinedl.frozen import frozen
from offlinedl.model import Entry, License, State


@frozen
class Outlook:
    """What comes of a title: it `plays` then, would after it is renewed (`renew`) or after a new license is asked for
    (`get`), is still to come (`comes`), or `cannot`. The reason says until when, or why."""

    comes_to: Literal["plays", "renew", "get", "comes", "cannot"]
    reason: str


def outlook(entry: Entry, then: datetime, now: datetime) -> Outlook:
    """What comes of the title until `then`, from `now` on."""
    license = entry.license
    if entry.state not in {State.READY, State.EXPIRED, State.CLOCK_SUSPECT}:
        return Outlook(comes_to="comes", reason="not here yet")
    if entry.state is State.CLOCK_SUSPECT:
        return Outlook(comes_to="cannot", reason="the clock was set back, and nobody knows what is left of its time")
    if entry.state is not State.EXPIRED and not expiry.is_over(license, then):
        end = expiry.deadline(license).at
        return Outlook(comes_to="plays", reason="nothing ends it" if end is None else f"until {_date(end)}")
    if license is None:
        return Outlook(comes_to="cannot", reason="it has no license")
    if entry.state is State.EXPIRED:
        return _anew(entry, license, then, now)
    return _renewed(entry, license, then, now)


def _anew(entry: Entry, license: License, then: datetime, now: datetime) -> Outlook:
    """An expired title gets a new license, with windows like those of the old one."""
    if not entry.rights.download:
        return Outlook(comes_to="cannot", reason="expired, and its service does not allow it to be downloaded")
    fresh = replace(_issued(entry, license, now), first_played_at=None, destroyed_at=None)
    if expiry.is_over(fresh, then):
        return Outlook(comes_to="cannot", reason=f"expired, and a new license would end {_end(fresh)}")
    return Outlook(comes_to="get", reason=expiry.message(license, now))


def _renewed(entry: Entry, license: License, then: datetime, now: datetime) -> Outlook:
    """A title that still plays is renewed; that does not move its first play."""
    ends = f"ends {_end(license)}"
    if not license.renewable:
        return Outlook(comes_to="cannot", reason=f"{ends}, and is not to be renewed before that")
    renewed = _issued(entry, license, now)
    if not expiry.is_over(renewed, then):
        return Outlook(comes_to="renew", reason=ends)
    if expiry.deadline(renewed).window == "playback":
        return Outlook(comes_to="cannot", reason=f"{ends}, {_BEGUN}")
    return Outlook(comes_to="cannot", reason=f"{ends}, and renewed it would end {_end(renewed)}")


_BEGUN = "for it was begun: a renewal does not move that"


def _issued(entry: Entry, license: License, now: datetime) -> License:
    """The license, if it were issued now. Of an end of its own nothing is known then but what the rights say."""
    windows = replace(license.windows, ends_at=entry.rights.available_until)
    return replace(license, issued_at=now, windows=windows)


def _end(license: License) -> str:
    at = expiry.deadline(license).at
    return "at once" if at is None else _date(at)


def _date(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
