"""How a download is watched: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from offlinedl.cli.output import note, size

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from offlinedl.engine import Progress

_STEPS = {"license": "asking for the license", "media": "downloading", "proof": "proving that the license opens it"}
_SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def shown() -> Iterator[Progress]:
    """The progress of one title, drawn where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    bars = _bars()
    with bars:
        yield Bar(bars)


class Lines:
    """One line a step, and every few seconds how far it is."""

    def __init__(self) -> None:
        self._name = ""
        self._done = self._total = 0
        self._told = time.monotonic()

    def begin(self, name: str, done: int, total: int) -> None:
        """See engine.Progress."""
        self._name, self._done, self._total = name, done, total
        there = f", {size(done)} there already" if done else ""
        note(f"{name}: about {size(total)}{there}")

    def step(self, what: str) -> None:
        """See engine.Progress."""
        note(f"{self._name}: {_STEPS[what]}")

    def advance(self, count: int, total_change: int = 0) -> None:
        """See engine.Progress."""
        self._done += count
        self._total += total_change
        if time.monotonic() - self._told >= _SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            percent = min(99, 100 * self._done // self._total) if self._total else 0
            note(f"{self._name}: {percent} %, {size(self._done)} of {size(self._total)}")

    def end(self, message: str) -> None:
        """See engine.Progress."""
        note(message)


class Bar:
    """A bar with bytes, speed and time left. It never goes back, and is full only when the title is ready."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("reading the manifest", total=None)
        self._name = ""
        self._done = self._total = self._drawn = 0

    def begin(self, name: str, done: int, total: int) -> None:
        """See engine.Progress."""
        self._name, self._done, self._total, self._drawn = name, done, total, done
        # A reset, not an update: bytes that were there already are no speed.
        self._bars.reset(self._task, description=name, completed=done, total=max(1, total))

    def step(self, what: str) -> None:
        """See engine.Progress."""
        description = self._name if what == "media" else f"{self._name}: {_STEPS[what]}"
        self._bars.update(self._task, description=description)

    def advance(self, count: int, total_change: int = 0) -> None:
        """See engine.Progress."""
        self._done += count
        self._total += total_change
        self._drawn = max(self._drawn, min(self._done, self._total * 999 // 1000))
        self._bars.update(self._task, completed=self._drawn, total=max(1, self._total, self._drawn))

    def end(self, message: str) -> None:
        """See engine.Progress."""
        total = max(1, self._total)
        self._bars.update(self._task, description=self._name, completed=total, total=total)
        self._bars.print(message)


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, markup=False, highlight=False),
    )
