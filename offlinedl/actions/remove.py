"""remove: free every byte of a title, destroy its key, keep the destruction record for the license server."""

from __future__ import annotations

from offlinedl import removal
from offlinedl.library import Library
from offlinedl.model import Entry
from offlinedl.series import Why


async def remove(entry: Entry, library: Library, why: Why | None = "removed") -> int:
    """Returns the bytes freed. BusyError where another process works on the title. What a person `removed` does not
    come back by itself."""
    with library.lock(entry.id):
        return removal.remove(entry, library, why)
