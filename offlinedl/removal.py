"""A title is removed: the state first, then the destruction record and the key, then the media, the row last.

Only where the disk is full the media go before all that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from offlinedl.errors import StorageError
from offlinedl.library import Library
from offlinedl.model import Entry, State

if TYPE_CHECKING:
    from offlinedl.series import Why

_ROOM = 1024 * 1024
"""Bytes with which the catalog can surely write."""


def remove(entry: Entry, library: Library, why: Why | None = None) -> int:
    """Free every byte, destroy the key, keep the destruction record; `why` is remembered. Returns the bytes freed."""
    freed = library.must(entry.id).bytes_done
    try:
        _begin(entry, library, why)
    except StorageError:
        if library.store.free_bytes() > _ROOM:
            raise
        # Where the disk is full, no row can be written before there is room. Who is stopped between the two leaves
        # a title without files: nothing plays it, and `rm` and `get` take it from there.
        library.store.remove(entry.folder)
        _begin(entry, library, why)
    library.licenses.drop(library.must(entry.id), "license destroyed", leaves=True)
    library.store.remove(entry.folder)
    with library.catalog.transaction():
        library.catalog.forget(entry.id)
    return freed


def _begin(entry: Entry, library: Library, why: Why | None) -> None:
    with library.catalog.transaction():
        library.catalog.followed.remember(entry.id, why, library.time())
        library.catalog.followed.succeeded(entry.id)
        library.become(entry.id, State.REMOVING)
        library.catalog.note(entry.id, "removed", library.time())
