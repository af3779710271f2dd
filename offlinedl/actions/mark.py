"""mark: what playing elsewhere, or a person, decides about a title."""

from __future__ import annotations

from offlinedl.errors import NotFoundError, UsageError
from offlinedl.library import Library
from offlinedl.model import Decision, Entry
from offlinedl.streams import Plan


def mark(entry: Entry, decision: Decision, library: Library) -> Entry:
    """The title as it is then. UsageError where it is not so long as the place that it is to be played from."""
    if decision.position_seconds:
        _check_place(decision.position_seconds, library.plan(entry.id), entry.id)
    return library.mark(entry, decision)


def mark_offered(ref: str, watched: bool, library: Library) -> str:
    """A title that is not here, but offered, was watched elsewhere, or was not: what comes next follows from that.
    Returns its id. NotFoundError where no source offers it, or more than one."""
    offers = library.catalog.offers.named(ref)
    if not offers:
        raise NotFoundError(f"{ref}: no such title", "`offlinedl list` shows what is here")
    if len(offers) > 1:
        ids = ", ".join(offer.id for offer in offers)
        raise NotFoundError(f"{ref}: more than one source offers it", f"name one of: {ids}", code="ambiguous")
    with library.catalog.transaction():
        if watched:
            library.catalog.followed.seen(offers[0], library.time())
        else:
            library.catalog.followed.lift(offers[0].id)
    return offers[0].id


def _check_place(place: int, plan: Plan, title_id: str) -> None:
    """One that was not planned yet may be of any length."""
    seconds: dict[str, float] = {}
    for fetch in plan.fetches:
        seconds[fetch.rendition] = seconds.get(fetch.rendition, 0.0) + fetch.duration
    longest = max(seconds.values(), default=0.0)
    if 0 < longest <= place:
        raise UsageError(f"{title_id} is {longest:.0f} seconds long", "--position 0 begins at its beginning")
