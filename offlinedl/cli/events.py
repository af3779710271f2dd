"""Progress as events for programs: one JSON object a line. Their shapes are in docs/progress.schema.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from offlinedl import clock
from offlinedl.api.events import Event
from offlinedl.cli.output import note
from offlinedl.errors import OfflinedlError


def tell(event: Event, at: Callable[[], datetime] = clock.now) -> None:
    """An event on a line."""
    _tell(_shape(event, at()))


def _shape(event: Event, at: datetime) -> dict[str, object]:
    shape: dict[str, object] = {
        "event": event.event,
        "title": event.title,
        "name": event.name,
        "at": _moment(at),
        "step": event.step,
        "bytes_done": event.bytes_done,
        "bytes_total": event.bytes_total,
        "estimated": event.estimated,
        "percent": event.percent,
        "bytes_per_second": event.bytes_per_second,
        "seconds_left": event.seconds_left,
    }
    shape |= {} if event.message is None else {"message": event.message}
    return shape | ({} if event.error is None else {"error": _error(event.error)})


def failed(error: OfflinedlError, about: str | None = None) -> int:
    """An error as an event, of the title that it is `about`. Returns its exit code."""
    what = {"event": "error", "title": about, "at": _moment(clock.now()), "error": _error(error)}
    _tell(what | {"exit_code": error.exit_code})
    return error.exit_code


def _error(error: OfflinedlError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "hint": error.hint}


def _tell(event: dict[str, object]) -> None:
    note(json.dumps(event))


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
