"""What a run did, written down: that it began before it does anything, so that one that was killed is seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from offlinedl.actions.sync.work import Pass, Result, Step
from offlinedl.catalog import Catalog
from offlinedl.errors import BusyError, GoneError, OfflinedlError
from offlinedl.library import Library
from offlinedl.series import Run, Trouble
from offlinedl.smart import LIMITS

_FAILURES = 20
_NO_ROOM: Trouble = ("download", "", "skipped", "no-room")
_LASTS = timedelta(days=2)
"""A limit that nothing ran into for so long is another one when it is there again."""


class Record:
    """The `steps` of a run. What is `known` to be wrong from the runs before is no news."""

    def __init__(self, known: frozenset[Trouble] = frozenset()) -> None:
        self.steps: list[Step] = []
        self._known = known
        self._troubles: set[Trouble] = set()

    def add(self, step: Step) -> Step:
        """One was done. Returns it as it is to be told: what another process is at, or removed, is left; a limit of
        a service is a failure once, and then known."""
        if step.lacks_room:
            step = replace(step, is_news=_NO_ROOM not in self._known | self._troubles)
            self._troubles.add(_NO_ROOM)
        elif step.error is not None and step.title and isinstance(step.error, BusyError | GoneError):
            step = _left(step, step.error)
        elif step.error is not None:
            trouble = _trouble(step.does, step.title, step.result, step.error.code)
            is_known = trouble in self._known or trouble in self._troubles
            self._troubles.add(trouble)
            is_left = is_known and step.error.code in LIMITS
            step = _left(step, step.error) if is_left else replace(step, is_news=step.is_news or not is_known)
        self.steps.append(step)
        return step

    @property
    def exit_code(self) -> int:
        """That of the first failure, 0 where there is none."""
        return next((s.error.exit_code for s in self.steps if s.result == "failed" and s.error), 0)

    def written(self, run: Run) -> Run:
        """`run`, and what it did."""
        failed = [
            (s.title, s.error.message) for s in self.steps if s.error and (s.result == "failed" or s.does == "read")
        ]
        waits = [s.reason for s in self.steps if s.does == "download" and s.waits]
        return replace(
            run,
            done=Counter(s.does for s in self.steps if s.result == "done"),
            waits=waits[-1] if waits else "",
            failures=tuple(failed[:_FAILURES]),
            troubles=frozenset(self._troubles),
        )


def known(library: Library) -> frozenset[Trouble]:
    """What was wrong in the last run that came to its end, and with downloads that wait since they failed."""
    last = next((run for run in library.catalog.runs.last() if run.exit_code is not None), None)
    now = library.time()
    tried = frozenset(
        _trouble("download", title, "failed", tries.code)
        for title, tries in library.catalog.followed.tries().items()
        if tries.code not in LIMITS or now - tries.last_at < _LASTS
    )
    return tried | (last.troubles if last else frozenset())


def _left(step: Step, error: OfflinedlError) -> Step:
    return replace(step, result="skipped", reason=error.message.removeprefix(f"{step.title}: "), error=None)


def _trouble(does: str, title: str, result: Result, code: str) -> Trouble:
    """A limit is one of the service, whatever title runs into it; the time is that of the machine."""
    whose = title.partition(":")[0] if code in LIMITS else title
    return (does, "" if does == "ask the time" else whose, result, code)


@contextmanager
def recorded(work: Pass, record: Record) -> Iterator[Pass]:
    """`work`, whose steps `record` hears of, too. The run is in the catalog when the block ends, however that is."""

    def tell(step: Step) -> None:
        work.tell(record.add(step))

    if work.dry_run:
        yield replace(work, tell=tell)
        return
    catalog, time = work.library.catalog, work.library.time
    run = Run(began_at=time())
    with catalog.transaction():
        number = catalog.runs.began(run.began_at)
    try:
        yield replace(work, tell=tell)
        run = replace(run, exit_code=record.exit_code)
    finally:
        _end(catalog, number, record.written(replace(run, ended_at=time())))


def _end(catalog: Catalog, number: int, run: Run) -> None:
    with catalog.transaction():
        catalog.runs.ended(number, run)
