"""How much lies here, how much may, and what would make room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from offlinedl.errors import StorageError, sized
from offlinedl.library import Library
from offlinedl.model import Entry, State

if TYPE_CHECKING:
    from offlinedl.series import Following, Shelf
    from offlinedl.smart import Leaving
    from offlinedl.streams import Fetch


def shelf(library: Library, following: Sequence[Following]) -> Shelf:
    """What the rules of smart downloads look at, as it is now."""
    from offlinedl.series import Shelf, Stored

    followed, reading = library.catalog.followed, library.time.reading()
    standings = followed.standings()
    series = [rule.series.id for rule in following]

    def is_over(entry: Entry) -> bool:
        destroyed = entry.license is not None and entry.license.destroyed_at is not None
        return entry.state is State.EXPIRED and (destroyed or reading.is_undisputed)

    return Shelf(
        stored=tuple(
            Stored(
                entry=entry,
                standing=standings[entry.id],
                over=is_over(entry),
                played=library.store.is_played(entry.folder),
            )
            for entry in library.entries()
            if entry.id in standings
        ),
        offered=tuple(offer for id_ in series for offer in library.catalog.offers.of_series(id_)),
        gone=tuple(gone for id_ in series for gone in followed.gone(id_)),
        tries=followed.tries(),
        unread={s.name: s.failure.message for s in library.catalog.offers.sources() if s.failure is not None},
    )


def goes_first(library: Library) -> list[Leaving]:
    """What would go to make room, in this order."""
    from offlinedl import smart

    following = library.catalog.followed.rules()
    return smart.goes_first(shelf(library, following), following, library.time())


def check(entry: Entry, fetches: Iterable[Fetch], library: Library) -> None:
    """StorageError where what is missing of `fetches`, of a title that is here, does not fit above what is to stay
    free, or under the quota. What others download at the moment needs its room, too."""
    missing = [f.estimate for f in fetches if f.size is None]
    if not missing:
        return
    to_come, space, here = sum(missing), library.space(), library.entries()
    others = [e for e in here if e.id != entry.id and e.state is State.DOWNLOADING]
    theirs = sum(max(0, e.bytes_total - e.bytes_done) for e in others)
    if to_come + theirs + space.keep_free > space.free:
        beside = f" beside {sized(theirs)} of others" if theirs else ""
        disk = f"{sized(space.free)} are free, and {sized(space.keep_free)} stay free"
        raise StorageError(
            f"about {sized(to_come)} are to come{beside}; {disk}",
            "free some space, or choose a lower quality; what is done is kept",
            code="no-space",
        )
    used = sum(e.bytes_done for e in here) + theirs
    if space.quota is not None and used + to_come > space.quota:
        raise StorageError(
            f"about {sized(to_come)} are to come; {sized(used)} of the quota of {sized(space.quota)} are used",
            _advice(used + to_come - space.quota, entry, library),
            code="over-quota",
        )


def _advice(lacking: int, entry: Entry, library: Library) -> str:
    """What to remove for `lacking` bytes."""
    chosen: list[Leaving] = []
    for one in goes_first(library):
        if sum(c.bytes for c in chosen) < lacking and one.title != entry.id:
            chosen.append(one)
    made = sum(c.bytes for c in chosen)
    if not chosen:
        return "remove something, choose a lower quality, or set [storage] quota higher; what is done is kept"
    ids, why = " ".join(c.title for c in chosen), "; ".join(f"{c.title}: {c.reason}" for c in chosen)
    more = "" if made >= lacking else f"; {sized(lacking - made)} are lacking still"
    return f"`offlinedl rm {ids}` frees {sized(made)} ({why}){more}"
