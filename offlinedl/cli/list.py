"""list: the catalog, with what is left of each title."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, marks, note, size, styled, table

if TYPE_CHECKING:
    from offlinedl.api.titles import OfflineTitle

_NAMED = 5


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
    from offlinedl.cli import dates, shape, wiring

    order, then, wanted = _order(sort), dates.moment("--until", until) if until else None, _state(state)
    with wiring.opened() as library:
        titles, fault = list(library.titles(until=then)), library.clock_fault()
        missed = library.missed() if wanted == "failed" else ()
    if wanted is not None:
        titles = [t for t in titles if t.state == wanted]
    if order is not None:
        titles.sort(key=order)
    if json:
        document([shape.title(t) for t in titles])
    elif titles:
        spare, rows = ("SIZE", "AUDIO", "QUALITY", "NAME"), _rows(titles)
        table(("ID", "NAME", "QUALITY", "AUDIO", "SIZE", ""), rows, spare, short="NAME")
    else:
        _nothing(filtered=bool(state or until))
    if missed:
        _tell_missed(missed)
    if fault:
        note(f"The clock of this machine is {fault}.")
        note("Set it right; or go online: `offlinedl get ID` asks the service for the time, if it has https.")


def _rows(titles: list[OfflineTitle]) -> list[tuple[str, ...]]:
    """A row for each title. They may be many: what one of them needs is imported once."""
    from offlinedl.model import Kind

    rows: list[tuple[str, ...]] = []
    video, sound = Kind.VIDEO, Kind.AUDIO
    for title in titles:
        heights = " ".join([f"{t.height}p" for t in title.tracks if t.kind is video and t.height])
        audio = " ".join(dict.fromkeys([t.language or "und" for t in title.tracks if t.kind is sound]))
        season = "" if title.season is None else f"S{title.season} "
        number = "" if title.episode is None else f"{season}E{title.episode}  "
        name = f"{title.series.name}  {number}{title.name}" if title.series else title.name
        left = title.message if not title.error else f"Failed: {title.message}"
        rows.append(
            (
                title.id,
                name,
                heights,
                audio,
                _size(title.bytes_done, title.bytes_total),
                ", ".join([left, *marks(title)]),
            )
        )
    return rows


def _size(done: int, total: int) -> str:
    """What is here, and of how much, where that is known and something is to come."""
    if done < total:
        return f"{size(done)} of {size(total)}"
    return size(done) if done else ""


def _nothing(*, filtered: bool) -> None:
    if filtered:
        note("No title is like that. `offlinedl list` shows them all.")
        return
    note("Nothing here yet.")
    note(f"Get a title with {styled('offlinedl get URL', 'bold')}, or see the whole story with offlinedl demo.")


def _tell_missed(ids: tuple[str, ...]) -> None:
    """What `sync` got in vain before it had a row is no title of the catalog, and `show` has none of it in JSON."""
    from offlinedl.errors import counted

    named = ", ".join(ids[:_NAMED]) + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")
    failed = f"{counted(len(ids), 'download')} that failed ({named})"
    note(f"Not listed, for nothing of it is here: {failed}. `offlinedl show ID` says why.")


def _state(text: str | None) -> str | None:
    from offlinedl.errors import UsageError
    from offlinedl.model import State

    if text is not None and text not in set(State):
        raise UsageError(f"--state {text}: no such state", f"use one of: {', '.join(State)}")
    return text


def _order(key: str) -> Callable[[OfflineTitle], Any] | None:
    from offlinedl.cli import dates
    from offlinedl.errors import UsageError

    orders: dict[str, Callable[[OfflineTitle], Any] | None] = {
        "series": None,  # as the catalog has them
        "name": lambda t: t.name.casefold(),
        "expires": lambda t: (t.clocks and t.clocks.deadline) or dates.FOREVER,
        "size": lambda t: -t.bytes_done,
        "state": lambda t: t.state,
    }
    if key not in orders:
        raise UsageError(f"--sort {key}: no such order", f"use one of: {', '.join(orders)}")
    return orders[key]
