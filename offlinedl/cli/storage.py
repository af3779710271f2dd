"""storage: what the library uses, what it may, and what would go first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, note, say, size, table

if TYPE_CHECKING:
    from offlinedl.model import Entry
    from offlinedl.smart import Leaving
    from offlinedl.space import Space


def verb(json: Json = False, home: Home = None, verbose: Verbose = False) -> None:
    """Show what each title uses, the quota, what is free, and what would go first to make room."""
    from offlinedl import storage
    from offlinedl.cli import wiring

    own = wiring.home()
    with own.library(own.space()) as library:
        entries, space = library.entries(), library.space()
        going = storage.goes_first(library)
    entries.sort(key=lambda entry: -entry.bytes_done)
    if json:
        document(_shape(entries, space, going))
        return
    places = {one.title: (str(place), one.reason) for place, one in enumerate(going, 1)}
    if entries:
        cells = [(e.id, e.name, size(e.bytes_done), *places.get(e.id, ("", _stays(e)))) for e in entries]
        table(("ID", "NAME", "SIZE", "GOES", ""), cells, ("NAME",), short="NAME")
    else:
        note("Nothing here yet.")
    say(_sum(sum(entry.bytes_done for entry in entries), space))


def _sum(used: int, space: Space) -> str:
    quota = "" if space.quota is None else f" of a quota of {size(space.quota)}"
    return f"{size(used)} used{quota}; {size(space.free)} free, of which {size(space.keep_free)} stay free"


def _stays(entry: Entry) -> str:
    """Why a title is not among what would go."""
    if entry.kept:
        return "kept"
    if entry.watched:
        return "stays a while after it was watched"
    return "being watched" if entry.position_seconds else "stays"


def _shape(entries: list[Entry], space: Space, going: list[Leaving]) -> dict[str, Any]:
    return {
        "used": sum(entry.bytes_done for entry in entries),
        "quota": space.quota,
        "free": space.free,
        "keep_free": space.keep_free,
        "titles": [{"id": e.id, "name": e.name, "state": e.state, "bytes": e.bytes_done} for e in entries],
        "goes_first": [{"id": one.title, "bytes": one.bytes, "reason": one.reason} for one in going],
    }
