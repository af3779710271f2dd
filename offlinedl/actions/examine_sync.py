"""What `sync` is like on this machine: who runs it, when it ran last, whether it may download now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from offlinedl import clock, expiry, schedule, timers
from offlinedl.actions.examine import Finding
from offlinedl.actions.sync.gate import Gate
from offlinedl.added import AddedSource
from offlinedl.errors import BusyError, NotFoundError
from offlinedl.series import Run

_LATE = timedelta(minutes=30)


def of_schedule(name: str, runs: Sequence[Run], now: datetime) -> Iterator[Finding]:
    """Who runs the job of this name, and how that went."""
    found, every = timers.installed(name), None
    if found is None:
        yield Finding(what="schedule", state="absent", detail="none: `offlinedl schedule install`")
    else:
        every = schedule.every(found[1])
        yield Finding(
            what="schedule", state="ok", detail=f"{found[0]}, every {expiry.span(every)}" if every else found[0]
        )
    yield _last(runs, now, every) if runs else Finding(what="last sync", state="absent", detail="none")


def of_sources(sources: Iterable[AddedSource]) -> Iterator[Finding]:
    """Those of which nothing new comes."""
    for source in sources:
        if source.failure is None or source.failing_since is None:
            continue
        detail = f"fails since {source.failing_since.astimezone():%Y-%m-%d %H:%M}: {source.failure.message}"
        error = NotFoundError(detail, source.failure.hint, code=source.failure.code)
        yield Finding(what=f"source {source.name}", state="broken", detail=detail, error=error)


async def of_gate(gate: Gate) -> Finding:
    """Whether sync may download now."""
    async with gate.watched():
        why = gate.hindrance()
    if gate.fault is not None:
        return Finding(what="downloads", state="broken", detail=gate.fault.message, error=gate.fault)
    said = f"`offlinedl sync` does not download now: {why}" if why else "`offlinedl sync` may download now"
    return Finding(what="downloads", state="ok", detail=said)


def _last(runs: Sequence[Run], now: datetime, every: timedelta | None) -> Finding:
    """The last run. It is overdue where two are missing; not those for which the machine was off."""
    last, up = runs[0], clock.boot()
    passed = max(now - last.began_at, timedelta(0))
    detail = f"{expiry.span(passed)} ago; {_end(last)}"
    awake = passed if up is None else min(passed, timedelta(seconds=up.seconds))
    if every is None or awake <= 2 * every + _LATE:
        return Finding(what="last sync", state="ok", detail=detail)
    hint = "does it run? `offlinedl schedule install` sets it right"
    error = BusyError(f"{detail}: the next one is overdue", hint, code="overdue")
    return Finding(what="last sync", state="broken", detail=error.message, error=error)


def _end(run: Run) -> str:
    if run.ended_at is None:
        return "it is at work, or was killed"
    return "it was stopped" if run.exit_code is None else f"it ended with {run.exit_code}"
