"""list: the catalog, with what is left of each title."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer

from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, marks, note, size, styled, table


def verb(
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Only titles in this state.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only what still plays then (2026-12-24, or with a time).")
    ] = None,
    sort: Annotated[str, typer.Option(metavar="KEY", help="series, name, expires, size or state.")] = "series",
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Show the catalog, with what is left of each title."""
    from offlinedl import clock
    from offlinedl.cli import dates, shape, wiring

    order, then, wanted = _order(sort), dates.moment("--until", until) if until else None, _state(state)
    with wiring.library() as library:
        entries, reading = library.entries(), library.time.reading()
    if wanted is not None or then is not None:
        entries = [e for e in entries if _matches(e, wanted, then)]
    if order is not None:
        entries.sort(key=order)
    if json:
        document([shape.title(e, reading.now) for e in entries])
    elif entries:
        spare, rows = ("SIZE", "AUDIO", "QUALITY", "NAME"), _rows(entries, reading.now)
        table(("ID", "NAME", "QUALITY", "AUDIO", "SIZE", ""), rows, spare, short="NAME")
    else:
        _nothing(filtered=bool(state or until))
    if reading.is_suspect:
        note(f"The clock of this machine is {clock.words(reading)}.")
        note("Set it right; or go online: `offlinedl get ID` asks the service for the time, if it has https.")


def _rows(entries: list[Any], now: datetime) -> list[tuple[str, ...]]:
    """A row for each title. They may be many: what one of them needs is imported once."""
    from offlinedl.api.titles import message
    from offlinedl.model import Kind

    rows: list[tuple[str, ...]] = []
    for entry in entries:
        heights = " ".join([f"{t.height}p" for t in entry.tracks if t.kind is Kind.VIDEO and t.height])
        audio = " ".join(dict.fromkeys([t.language or "und" for t in entry.tracks if t.kind is Kind.AUDIO]))
        season = "" if entry.season is None else f"S{entry.season} "
        number = "" if entry.episode is None else f"{season}E{entry.episode}  "
        name = f"{entry.series.name}  {number}{entry.name}" if entry.series else entry.name
        left = message(entry, now)
        bytes_ = size(entry.bytes_done or entry.bytes_total)
        left = left if not entry.error else f"Failed: {left}"
        rows.append((entry.id, name, heights, audio, bytes_, ", ".join([left, *marks(entry)])))
    return rows


def _nothing(*, filtered: bool) -> None:
    if filtered:
        note("No title is like that. `offlinedl list` shows them all.")
        return
    note("Nothing here yet.")
    note(f"Get a title with {styled('offlinedl get URL', 'bold')}, or see the whole story with offlinedl demo.")


def _matches(entry: Any, state: str | None, then: datetime | None) -> bool:
    from offlinedl import expiry
    from offlinedl.model import State

    if state is not None and entry.state != state:
        return False
    return then is None or (entry.state is State.READY and not expiry.is_over(entry.license, then))


def _state(text: str | None) -> str | None:
    from offlinedl.errors import UsageError
    from offlinedl.model import State

    if text is not None and text not in set(State):
        raise UsageError(f"--state {text}: no such state", f"use one of: {', '.join(State)}")
    return text


def _order(key: str) -> Callable[[Any], Any] | None:
    from offlinedl import expiry
    from offlinedl.cli import dates
    from offlinedl.errors import UsageError

    orders: dict[str, Callable[[Any], Any] | None] = {
        "series": None,  # as the catalog has them
        "name": lambda e: e.name.casefold(),
        "expires": lambda e: expiry.deadline(e.license).at or dates.FOREVER,
        "size": lambda e: -e.bytes_done,
        "state": lambda e: e.state,
    }
    if key not in orders:
        raise UsageError(f"--sort {key}: no such order", f"use one of: {', '.join(orders)}")
    return orders[key]
