"""What a run did, written down: that it began before it does anything, so that one that was killed is seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from offlinedl.actions.sync.work import Pass, Step
from offlinedl.catalog import Catalog
from offlinedl.series import Run

_FAILURES = 20


class Record:
    """The steps of a run."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    def add(self, step: Step) -> None:
        """One was done."""
        self._steps.append(step)

    @property
    def exit_code(self) -> int:
        """That of the first failure, 0 where there is none."""
        return next((s.error.exit_code for s in self._steps if s.result == "failed" and s.error), 0)

    def written(self, run: Run) -> Run:
        """`run`, and what it did."""
        failed = [(s.title, s.error.message) for s in self._steps if s.result == "failed" and s.error]
        waits = [s.reason for s in self._steps if s.does == "download" and s.waits]
        return replace(
            run,
            done=Counter(s.does for s in self._steps if s.result == "done"),
            waits=waits[-1] if waits else "",
            failures=tuple(failed[:_FAILURES]),
        )


@contextmanager
def recorded(work: Pass, record: Record) -> Iterator[Pass]:
    """`work`, whose steps `record` hears of, too. The run is in the catalog when the block ends, however that is."""

    def tell(step: Step) -> None:
        record.add(step)
        work.tell(step)

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
