"""refresh: read all sources, each by itself: one that fails stops no other."""

from __future__ import annotations

from collections.abc import AsyncIterator

from offlinedl.engine import Engine
from offlinedl.errors import OfflinedlError
from offlinedl.library import Library
from offlinedl.sources.refresh import Change, refresh


async def refreshed(
    library: Library, engine: Engine
) -> AsyncIterator[tuple[str, Change | None, OfflinedlError | None]]:
    """The name of each source, and what changed there, or why it could not be read."""
    for source in library.catalog.offers.sources():
        try:
            yield source.name, await refresh(source, library.catalog, engine, library.time), None
        except OfflinedlError as error:
            yield source.name, None, error
