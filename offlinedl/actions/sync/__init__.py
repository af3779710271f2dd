"""sync: one pass over the library, as cron makes it. Its parts go in order: the time and what is over, sources,
renewals, releases, and then what the rules of smart downloads decide: what goes, and what comes.

Each part looks at the library and tells of its steps, each with its reason; one that fails stops no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack

from offlinedl.actions.sync.clocks import time
from offlinedl.actions.sync.outbox import all_releases
from offlinedl.actions.sync.record import Record, known, recorded
from offlinedl.actions.sync.renewals import is_due, renewals
from offlinedl.actions.sync.smart import smart_downloads
from offlinedl.actions.sync.sources import sources
from offlinedl.actions.sync.trip import before_trip, of_trip
from offlinedl.actions.sync.work import Pass, Result, Step
from offlinedl.errors import BusyError, OfflinedlError
from offlinedl.store import SYNC

__all__ = ["PARTS", "Pass", "Result", "Step", "is_due", "sync"]

PARTS: tuple[tuple[str, Callable[[Pass], Awaitable[None]]], ...] = (
    ("ask the time", time),
    ("read", sources),
    ("renew", renewals),
    ("prepare", before_trip),
    ("release", all_releases),
    ("decide", smart_downloads),
    ("look ahead", of_trip),
)


async def sync(work: Pass) -> tuple[Step, ...]:
    """One pass. Its steps. BusyError where another one is at it."""
    with ExitStack() as held:
        if not work.dry_run:
            try:
                held.enter_context(work.library.store.lock(SYNC))
            except BusyError as error:
                raise BusyError("another `offlinedl sync` is at work", "let it end: it does the same") from error
        record = Record(known(work.library))
        work = held.enter_context(recorded(work, record))
        if work.fault is not None:
            work.tell(Step(does="download", title="", reason="", result="failed", error=work.fault))
        for does, part in PARTS:
            try:
                await part(work)
            except OfflinedlError as error:
                work.tell(Step(does=does, title="", reason="", result="failed", error=error))
    return tuple(record.steps)
