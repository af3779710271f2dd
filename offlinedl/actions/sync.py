"""sync: one pass over the library, as cron makes it: the time is asked for where it is not known, licenses that are due
are renewed, releases that are owed sent.

Each part of it looks at the library and tells of its steps, each with its reason; one that fails stops no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from offlinedl import expiry
from offlinedl.actions import release, trusted
from offlinedl.actions.get import Order
from offlinedl.actions.refresh import refreshed
from offlinedl.actions.renew import renew
from offlinedl.errors import BusyError, NetworkError, OfflinedlError
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.model import Entry, License, State
from offlinedl.progress import Progress
from offlinedl.timekeeper import suspect

Result = Literal["done", "would", "warning", "failed"]

_EARLY = timedelta(hours=48)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was done with a title and why, or with `would` what is to be done. A warning is of something that did not
    succeed, and costs nothing yet: it is tried again by the next run."""

    does: str
    title: str
    reason: str
    result: Result
    message: str = ""
    error: OfflinedlError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What the parts of a pass work with. They `tell` each step when it is done; on a `dry_run` they change nothing and
    ask nobody."""

    library: Library
    licensing: Licensing
    progress: Progress
    tell: Callable[[Step], None]
    dry_run: bool = False


async def sync(work: Pass) -> None:
    """One pass. BusyError where another one is at it."""
    with ExitStack() as held:
        if not work.dry_run:
            try:
                held.enter_context(work.library.store.lock(".sync"))
            except BusyError as error:
                raise BusyError("another `offlinedl sync` is at work", "let it end: it does the same") from error
        for part in PARTS:
            await part(work)


def is_due(license: License, now: datetime) -> bool:
    """Is it time to renew? Early, so that a server may be away for a while: when a quarter of the time from the issue
    to the end is left, or 48 hours, whichever is earlier; but not before half of that time is over, for each renewal is
    a request. The playback window is no reason: a renewal leaves the first play where it was."""
    deadline = expiry.deadline(license)
    if not license.renewable or deadline.at is None or deadline.window == "playback":
        return False
    whole = deadline.at - license.issued_at
    return deadline.at - now < max(whole / 4, min(_EARLY, whole / 2))


async def _time(work: Pass) -> None:
    """Where the clock was moved, services are asked for the time."""
    doubted = [entry for entry in work.library.entries() if trusted.in_doubt(entry, work.library)]
    if not doubted:
        return
    back = work.library.time.reading().is_suspect
    reason = "the clock was set back" if back else "the clock was put forward"
    step = Step(does="ask the time", title=doubted[0].id, reason=reason, result="would")
    if not work.dry_run:
        try:
            await trusted.ask(doubted, work.library, work.licensing.engine.http)
        except NetworkError as error:
            step = replace(step, result="warning", error=error)
        else:
            step = replace(step, result="done")
            if trusted.is_unknown(work.library):
                unknown = suspect(step.title) if back else trusted.ahead(step.title)
                step = replace(step, result="warning", error=unknown)
    work.tell(step)


async def _renewals(work: Pass) -> None:
    for entry in work.library.entries():
        reason = _why(entry, work.library)
        if reason and work.dry_run:
            work.tell(Step(does="renew", title=entry.id, reason=reason, result="would"))
        elif reason:
            work.tell(await _renewal(entry, reason, work))


def _why(entry: Entry, library: Library) -> str:
    """Why the title's license is to be renewed, "" where it is not."""
    now, license = library.time(), entry.license
    if license is None or entry.state not in {State.READY, State.EXPIRED}:
        return ""
    offered = library.licenses.offered(entry)
    if offered is not None and not expiry.is_over(expiry.renewed(license, offered.license), now):
        return "a renewal was cut off"
    return expiry.message(license, now) if entry.state is State.READY and is_due(license, now) else ""


async def _renewal(entry: Entry, reason: str, work: Pass) -> Step:
    """A failure is a warning while the license that is there lives."""
    try:
        renewed = await renew(Order(ref=entry.id), work.library, work.licensing, work.progress)
    except OfflinedlError as error:
        now = work.library.entry(entry.id)
        lives = now is not None and now.state is State.READY
        return Step(does="renew", title=entry.id, reason=reason, result="warning" if lives else "failed", error=error)
    message = expiry.message(renewed.license, work.library.time())
    return Step(does="renew", title=entry.id, reason=reason, result="done", message=message)


async def _releases(work: Pass) -> None:
    """What no server heard is told by the next run. That one is away is a failure; what another refuses is none that
    a later run would mend."""
    owed = release.owed(work.library)
    if work.dry_run:
        for one in owed:
            work.tell(Step(does="release", title=release.title_of(one), reason=_GONE, result="would"))
        return
    for told in await release.release(owed, work.library, work.licensing, release.LONG):
        result: Result = "failed" if isinstance(told.error, NetworkError) else "warning"
        if told.error is None:
            result = "done"
        work.tell(Step(does="release", title=told.title_id, reason=_GONE, result=result, error=told.error))


_GONE = "its license was destroyed, or it was removed"


async def _sources(work: Pass) -> None:
    """What sources offer now. One that fails costs nothing yet: what it offered last stays."""
    if work.dry_run:
        return
    async for source, change, error in refreshed(work.library, work.licensing.engine):
        if error is not None:
            work.tell(Step(does="read", title=source, reason="it may have changed", result="warning", error=error))
        elif change is not None:
            message = f"{change.new} new, {change.gone} gone"
            work.tell(Step(does="read", title=source, reason="it changed", result="done", message=message))


PARTS: tuple[Callable[[Pass], Awaitable[None]], ...] = (_time, _sources, _renewals, _releases)
