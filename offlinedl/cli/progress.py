"""How a download is watched: a bar on a terminal, plain lines elsewhere, events for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from offlinedl.cli.events import failed, tell
from offlinedl.cli.output import clocked, in_colour, note, size
from offlinedl.errors import OfflinedlError, Stopped
from offlinedl.tally import Tally

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from offlinedl.api.events import Watcher

_STEPS = {
    "license": "asking for the license",
    "media": "downloading",
    "proof": "proving that the license opens it",
    "check": "proving that its media decode",
    "reading": "reading its files",
    "export": "writing the file",
    "copying": "copying what is there",
    "elsewhere": "another offlinedl is at it; waiting for that",
}
_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_DRAWINGS = 0.1


class How(StrEnum):
    """What `--progress` takes."""

    AUTO = "auto"
    BAR = "bar"
    LINES = "lines"
    JSON = "json"
    NONE = "none"


@contextmanager
def watcher(how: How) -> Iterator[Watcher | None]:
    """Who watches the work on one title. A bar is only where stderr is a terminal that may be drawn on."""
    if how is How.JSON:
        yield tell
    elif how is How.NONE:
        yield None
    elif how is How.LINES or not in_colour(sys.stderr):
        yield Lines()
    else:
        bars = _bars()
        with bars:
            yield Bar(bars)


@contextmanager
def ended(how: How) -> Iterator[None]:
    """How a command ends is told as all before it: where there are events, there is nothing else on stderr."""
    try:
        yield
    except (OfflinedlError, Stopped) as left:
        if how is not How.JSON:
            raise
        raise typer.Exit(failed(left) if isinstance(left, OfflinedlError) else left.exit_code) from None


def remark(how: How, text: str) -> None:
    """A line beside the result, where there are no events and somebody wants to hear."""
    if how not in {How.JSON, How.NONE}:
        note(text)


class Lines:
    """One line a step, and every few seconds how far it is."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._name = ""
        self._tally = Tally()
        self._told = now()

    def begin(self, name: str, done: int, total: int, share: float | None = None) -> None:
        """See engine.Progress."""
        self._name = name
        self._tally.begin(done, total, self._now(), share)
        there = f", {size(done)} there already" if done else ""
        note(f"{name}: {f'about {size(total)}' if total else 'of unknown size'}{there}")

    def step(self, what: str) -> None:
        """See engine.Progress."""
        note(f"{self._name}: {_STEPS[what]}")

    def advance(self, count: int, total_change: int = 0) -> None:
        """See engine.Progress."""
        now = self._now()
        self._tally.advance(count, total_change, now)
        if now - self._told >= _SECONDS_BETWEEN_LINES:
            self._told = now
            percent = f"{int(self._tally.percent)} %, " if self._tally.total else ""
            note(f"{self._name}: {percent}{_figures(self._tally, now)}")

    def finished(self, share: float, size: int) -> None:
        """See engine.Progress."""
        self._tally.finished(share, size, self._now())

    def end(self, message: str, name: str, size: int) -> None:
        """See engine.Progress."""
        note(message)


class Bar:
    """A bar with bytes, speed and time left. It never goes back, and goes away for the line that says how it ended."""

    def __init__(self, bars: Bars, now: Callable[[], float] = time.monotonic) -> None:
        self._bars = bars
        self._now = now
        self._name = ""
        self._tally = Tally()
        self._drawn = now()
        self._task = bars.add_task("reading the manifest", total=None, figures=self)

    def __str__(self) -> str:
        """What stands beside the bar. It is asked for whenever the bar is drawn, so that a stall is seen."""
        return _figures(self._tally, self._now()) if self._name else ""

    def begin(self, name: str, done: int, total: int, share: float | None = None) -> None:
        """See engine.Progress."""
        self._name = name
        self._tally.begin(done, total, self._now(), share)
        self._draw(name)

    def step(self, what: str) -> None:
        """See engine.Progress."""
        self._draw(self._name if what == "media" else f"{self._name}: {_STEPS[what]}")

    def advance(self, count: int, total_change: int = 0) -> None:
        """See engine.Progress."""
        now = self._now()
        self._tally.advance(count, total_change, now)
        if now - self._drawn >= _SECONDS_BETWEEN_DRAWINGS:
            self._drawn = now
            self._draw()

    def finished(self, share: float, size: int) -> None:
        """See engine.Progress."""
        self._tally.finished(share, size, self._now())

    def end(self, message: str, name: str, size: int) -> None:
        """See engine.Progress."""
        self._bars.print(f"✓ {message}")

    def _draw(self, description: str | None = None) -> None:
        total = 100 if self._tally.total else None
        self._bars.update(self._task, description=description, completed=self._tally.percent, total=total)


def _figures(tally: Tally, now: float) -> str:
    """ "35 MB of 85 MB, 2.1 MB/s, 0:24 left"; what is not known is left out."""
    speed, left = int(tally.speed(now)), tally.seconds_left(now)
    parts = [f"{size(tally.done)} of {size(tally.total)}" if tally.total else size(tally.done)]
    parts += [f"{size(speed)}/s"] if speed else []
    parts += [] if left is None else [f"{clocked(left)} left"]
    return ", ".join(parts)


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        console=Console(stderr=True, markup=False, highlight=False),
        transient=True,
    )
