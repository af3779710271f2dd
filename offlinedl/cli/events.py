"""Progress as events for programs: one JSON object a line. Their shapes are in docs/progress.schema.json."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime

from offlinedl import clock
from offlinedl.cli.output import note
from offlinedl.errors import OfflinedlError, PausedError
from offlinedl.tally import Tally

_SECONDS_BETWEEN_EVENTS = 0.25


class Events:
    """Of one title: each transition once, and a few times a second how far it is."""

    def __init__(
        self, title: str, now: Callable[[], float] = time.monotonic, at: Callable[[], datetime] = clock.now
    ) -> None:
        self._title = title
        self._now, self._at = now, at
        self._name: str | None = None
        self._step: str | None = None
        self._tally = Tally()
        self._told = now()

    def begin(self, name: str, done: int, total: int, share: float | None = None) -> None:
        """See engine.Progress."""
        begun, self._name = self._name is not None, name
        self._tally.begin(done, total, self._now(), share)
        if not begun:
            self._event("begin")

    def step(self, what: str) -> None:
        """See engine.Progress."""
        if what != self._step:
            self._step = what
            self._event("step")

    def advance(self, count: int, total_change: int = 0) -> None:
        """See engine.Progress."""
        now = self._now()
        self._tally.advance(count, total_change, now)
        if now - self._told >= _SECONDS_BETWEEN_EVENTS:
            self._event("progress")

    def finished(self, share: float) -> None:
        """See engine.Progress."""
        self._tally.finished(share, self._now())

    def end(self, message: str, name: str, size: int) -> None:
        """See engine.Progress."""
        done = max(self._tally.done, size)
        told = {"name": name, "bytes_done": done, "bytes_total": done or None, "percent": 100.0}
        self._event("end", **told, estimated=False, message=message)

    def paused(self, error: OfflinedlError | None = None) -> None:
        """Somebody stopped it, or `error` did, and it can go on from there."""
        self._event("paused", **({} if error is None else {"error": _error(error)}))

    def _event(self, event: str, **more: object) -> None:
        now, tally = self._now(), self._tally
        self._told = now
        left = tally.seconds_left(now)
        state = {
            "event": event,
            "title": self._title,
            "name": self._name,
            "at": _moment(self._at()),
            "step": self._step,
            "bytes_done": tally.done,
            "bytes_total": tally.total or None,
            "estimated": True,
            "percent": tally.percent,
            "bytes_per_second": int(tally.speed(now)),
            "seconds_left": None if left is None else int(left),
        }
        _tell(state | more)


def failed(error: OfflinedlError, about: str | None = None) -> int:
    """An error as an event, of the title that it is `about`. Returns its exit code."""
    what = {"event": "error", "title": about, "at": _moment(clock.now()), "error": _error(error)}
    _tell(what | {"exit_code": error.exit_code})
    return error.exit_code


def pauses(error: OfflinedlError) -> bool:
    """Is the title only paused by it? Then that is its last event."""
    return isinstance(error, PausedError) or error.code == "no-space"


def _error(error: OfflinedlError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "hint": error.hint}


def _tell(event: dict[str, object]) -> None:
    note(json.dumps(event))


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
