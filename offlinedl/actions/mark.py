"""mark: what playing elsewhere, or a person, decides about a title."""

from __future__ import annotations

from offlinedl.errors import UsageError
from offlinedl.library import Library
from offlinedl.model import Decision, Entry
from offlinedl.streams import Plan


def mark(entry: Entry, decision: Decision, library: Library) -> Entry:
    """The title as it is then. UsageError where it is not so long as the place that it is to be played from."""
    if decision.position_seconds:
        _check_place(decision.position_seconds, library.plan(entry.id), entry.id)
    return library.mark(entry, decision)


def _check_place(place: int, plan: Plan, title_id: str) -> None:
    """One that was not planned yet may be of any length."""
    seconds: dict[str, float] = {}
    for fetch in plan.fetches:
        seconds[fetch.rendition] = seconds.get(fetch.rendition, 0.0) + fetch.duration
    longest = max(seconds.values(), default=0.0)
    if 0 < longest <= place:
        raise UsageError(f"{title_id} is {longest:.0f} seconds long", "--position 0 begins at its beginning")
