"""Before a trip: what is here is to play then, as far as renewals and new licenses can bring that about."""

from __future__ import annotations

from collections.abc import Iterator

from offlinedl.actions.sync.renewals import renewal
from offlinedl.actions.sync.smart import fetch
from offlinedl.actions.sync.work import Pass, Step
from offlinedl.errors import RefusedError
from offlinedl.model import Entry, State
from offlinedl.outlook import Outlook, outlook
from offlinedl.smart import Action
from offlinedl.timekeeper import suspect


async def before_trip(work: Pass) -> None:
    """Renew what would end before then, and ask for new licenses for what ended already."""
    ended: list[Action] = []
    for entry, seen in list(_outlooks(work)):
        does = {"renew": "renew", "get": "download"}.get(seen.comes_to)
        if does is None:
            continue
        if work.dry_run:
            work.tell(Step(does=does, title=entry.id, reason=seen.reason, result="would"))
        elif does == "renew":
            work.tell(await renewal(entry, seen.reason, work))
        else:
            ended.append(Action(does="download", title=entry.id, reason=seen.reason))
    await fetch(ended, work)


async def of_trip(work: Pass) -> None:
    """Tell what will play then, and what will not."""
    for entry, seen in _outlooks(work):
        step = Step(does="play", title=entry.id, reason=seen.reason, result="told")
        if seen.comes_to == "plays":
            work.tell(step)
        elif seen.comes_to == "cannot" or not work.dry_run:
            work.tell(_cannot(entry, seen))


def _outlooks(work: Pass) -> Iterator[tuple[Entry, Outlook]]:
    """Of what is here and is still to be watched."""
    if work.until is not None:
        for entry in work.library.entries():
            if entry.state is not State.REMOVING and (entry.kept or not entry.watched):
                yield entry, outlook(entry, work.until, work.library.time())


def _cannot(entry: Entry, seen: Outlook) -> Step:
    if entry.state is State.CLOCK_SUSPECT:
        return Step(does="play", title=entry.id, reason=seen.reason, result="failed", error=suspect(entry.id))
    hint = (
        "watch it before, or choose another" if seen.comes_to == "cannot" else f"`offlinedl get {entry.id}` tells why"
    )
    error = RefusedError(f"{entry.id}: will not play then: {seen.reason}", hint, code="ends-before")
    return Step(does="play", title=entry.id, reason=seen.reason, result="failed", error=error)
