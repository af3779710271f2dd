"""Progress as events: each transition of a download once, and a few times a second how far it is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, cast

from offlinedl.errors import OfflinedlError, PausedError, StorageError, shown
from offlinedl.frozen import frozen
from offlinedl.progress import Progress
from offlinedl.tally import Tally

_SECONDS_BETWEEN_EVENTS = 0.25

Happened = Literal["begin", "step", "progress", "paused", "end"]
Doing = Literal["license", "media", "proof", "check", "reading", "export", "copying", "elsewhere"]


@frozen
class Event:
    """What a download tells, of the title as it was asked for (`title`, a URL without its query).

    `event` is what happened: "begin" once, when it is known what to fetch; "step" for each step; "progress" at most
    four times a second; last "end", when the title is ready (also where it was before: then that is the only one), or
    "paused", with `error` where it was not the caller who stopped it. What fails is raised, and is no event.

    `step` is what goes on: asking for the license, fetching media, proving that the license opens them, looking at what
    came without one, reading what is there, exporting it, copying what another tool downloaded, waiting for another
    process that is at the title ("elsewhere"). `bytes_done` and `percent` (0 to 100) never go back, and `percent` is
    100 only at the "end". `bytes_total` is None while nothing is known of it, and `estimated` until the end.
    `bytes_per_second` is that of the last ten seconds, `seconds_left` at that pace, None while nothing moves. `message`
    says at the end how long the title is available.
    """

    event: Happened
    title: str
    name: str | None
    step: Doing | None
    bytes_done: int
    bytes_total: int | None
    estimated: bool
    percent: float
    bytes_per_second: int
    seconds_left: int | None
    message: str | None = None
    error: OfflinedlError | None = None


Tell = Callable[[Event], None]
Watcher = Tell | Progress
"""Who watches: a function that is told of events, or a Progress, which hears of all that they are made of."""


class Watch:
    """A Progress of one title, which tells of it in events. `now` is in seconds of a monotonic clock."""

    def __init__(self, title: str, tell: Tell, now: Callable[[], float] = time.monotonic) -> None:
        self._title, self._tell, self._now = title, tell, now
        self._name: str | None = None
        self._step: Doing | None = None
        self._tally = Tally()
        self._told = now()

    def begin(self, name: str, done: int, total: int, share: float | None = None) -> None:
        """See Progress."""
        begun, self._name = self._name is not None, name
        self._tally.begin(done, total, self._now(), share)
        if not begun:
            self._event("begin")

    def step(self, what: str) -> None:
        """See Progress."""
        if what != self._step:
            self._step = cast(Doing, what)
            self._event("step")

    def advance(self, count: int, total_change: int = 0) -> None:
        """See Progress."""
        now = self._now()
        self._tally.advance(count, total_change, now)
        if now - self._told >= _SECONDS_BETWEEN_EVENTS:
            self._event("progress")

    def finished(self, share: float, size: int) -> None:
        """See Progress."""
        self._tally.finished(share, size, self._now())

    def end(self, message: str, name: str, size: int) -> None:
        """See Progress."""
        self._name = name
        done, last = max(self._tally.done, size), self._state("end")
        last = replace(last, bytes_done=done, bytes_total=done or None, percent=100.0, estimated=False)
        self._tell(replace(last, message=message))

    def paused(self, error: OfflinedlError | None = None) -> None:
        """Somebody stopped it, or `error` did, and it can go on from there."""
        self._tell(replace(self._state("paused"), error=error))

    def _event(self, event: Happened) -> None:
        self._tell(self._state(event))

    def _state(self, event: Happened) -> Event:
        now, tally = self._now(), self._tally
        self._told = now
        left = tally.seconds_left(now)
        return Event(
            event=event,
            title=self._title,
            name=self._name,
            step=self._step,
            bytes_done=tally.done,
            bytes_total=tally.total or None,
            estimated=True,
            percent=tally.percent,
            bytes_per_second=int(tally.speed(now)),
            seconds_left=None if left is None else int(left),
        )


def named(ref: str) -> str:
    """A title as it was asked for, a URL without its secrets. Ids of feeds may be URLs, and stay."""
    return shown(ref) if re.match(r"[\w+.-]+://", ref) else ref


@contextmanager
def watched(ref: str, watcher: Watcher | None) -> Iterator[Progress]:
    """What is to be told of work on the title that `ref` names while the block does it, so that `watcher` hears of
    it."""
    if watcher is not None and not callable(watcher):
        yield watcher
        return
    from asyncio import CancelledError

    watch = Watch(named(ref), watcher or _nobody)
    try:
        yield watch
    except CancelledError:
        watch.paused()
        raise
    except OfflinedlError as error:
        if pauses(error):
            watch.paused(error)
        raise


def _nobody(event: Event) -> None:
    """Who does not watch."""


def pauses(error: OfflinedlError) -> bool:
    """Is the title only paused by it?"""
    return isinstance(error, PausedError) or (isinstance(error, StorageError) and error.lacks_room)
