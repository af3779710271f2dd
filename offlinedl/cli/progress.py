"""How a download is watched: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from offlinedl.cli.output import in_colour, note, size

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from offlinedl.progress import Progress

_STEPS = {
    "license": "asking for the license",
    "media": "downloading",
    "proof": "proving that the license opens it",
    "check": "looking at what came",
}
_SECONDS_BETWEEN_LINES = 5.0
_SPEED_WINDOW_SECONDS = 10.0
_SHORTEST_WINDOW_SECONDS = 0.5


@contextmanager
def shown() -> Iterator[Progress]:
    """The progress of one title, drawn where stderr is a terminal."""
    if not in_colour(sys.stderr):
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

    def begin(self, name: str, done: int, total: int, share: float | None = None) -> None:
        """See engine.Progress."""
        self._name, self._done, self._total = name, done, total
        there = f", {size(done)} there already" if done else ""
        note(f"{name}: {f'about {size(total)}' if total else 'of unknown size'}{there}")

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

    def finished(self, share: float) -> None:
        """See engine.Progress."""

    def end(self, message: str) -> None:
        """See engine.Progress."""
        note(message)


class Bar:
    """A bar with bytes, speed and time left. It never goes back, and goes away for the line that says how it ended."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("reading the manifest", total=None, speed="", left="")
        self._name = ""
        self._done = self._total = self._drawn = 0
        self._came: deque[tuple[float, int]] = deque()

    def begin(self, name: str, done: int, total: int, share: float | None = None) -> None:
        """See engine.Progress."""
        self._name, self._done, self._total, self._drawn = name, done, total, done
        self._bars.update(self._task, description=name, completed=done, total=max(1, total))

    def step(self, what: str) -> None:
        """See engine.Progress."""
        description = self._name if what == "media" else f"{self._name}: {_STEPS[what]}"
        self._bars.update(self._task, description=description)

    def advance(self, count: int, total_change: int = 0) -> None:
        """See engine.Progress."""
        self._done += count
        self._total += total_change
        self._drawn = max(self._drawn, min(self._done, self._total * 999 // 1000))
        speed = self._speed(max(0, count))
        self._bars.update(
            self._task,
            completed=self._drawn,
            total=max(1, self._total, self._drawn),
            speed=f"{size(int(speed))}/s" if speed else "",
            left=_clock((self._total - self._done) / speed) if speed else "",
        )

    def finished(self, share: float) -> None:
        """See engine.Progress."""

    def end(self, message: str) -> None:
        """See engine.Progress."""
        self._bars.print(f"✓ {message}")

    def _speed(self, count: int) -> float:
        """Bytes a second over the last seconds. What was there before the start is not in it."""
        now = time.monotonic()
        self._came.append((now, count))
        while now - self._came[0][0] > _SPEED_WINDOW_SECONDS:
            self._came.popleft()
        passed = now - self._came[0][0]
        return sum(n for _, n in self._came) / passed if passed > _SHORTEST_WINDOW_SECONDS else 0.0


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[speed]}"),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True, markup=False, highlight=False),
        transient=True,
    )
