"""A loop whose time passes only when nothing else can happen: then it jumps to whatever was waited for next."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_LOOK_SECONDS = 0.001
"""How long, in real time, other threads have to bring something about before the time jumps."""


class _Selector(selectors.DefaultSelector):
    """Waits for nobody: tells the loop to let its time pass instead."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        events = super().select(min(timeout, _LOOK_SECONDS))
        if not events:
            self.passed += timeout
        return events


class Clockwork(asyncio.SelectorEventLoop):
    """A loop with such a time, which begins at 1000 seconds."""

    def __init__(self) -> None:
        self._own = _Selector()
        super().__init__(self._own)

    def time(self) -> float:
        """Seconds."""
        return 1000.0 + self._own.passed


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end, in no time."""
    with asyncio.Runner(loop_factory=Clockwork) as runner:
        return runner.run(work)
