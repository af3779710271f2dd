"""Work beside the loop's own: in a thread that nobody waits for, in a task that loses no wish to stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """What `work` gives, in a thread. Who is cancelled does not wait for it, and the process does not either (as it
    does for those of asyncio.to_thread): a disk may take its time."""
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(outcome)


async def alone(work: Awaitable[T]) -> T:
    """What `work` gives. Who is cancelled meanwhile is cancelled, also where `work` answers that with an error: then
    there is more to stop than what failed.

    In a task of its own: in Python 3.11 a TaskGroup that fails leaves its task counted as cancelled.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - whoever awaits is in one
    before = task.cancelling()
    try:
        return await asyncio.ensure_future(work)
    except BaseException as error:
        if task.cancelling() > before:
            raise asyncio.CancelledError from error
        raise
