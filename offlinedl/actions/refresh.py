"""refresh: read all sources, side by side and each by itself: one that fails or hangs stops no other."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from offlinedl.added import AddedSource
from offlinedl.engine import Engine
from offlinedl.errors import OfflinedlError
from offlinedl.library import Library
from offlinedl.sources import Said
from offlinedl.sources.refresh import Change, refresh

Found: TypeAlias = tuple[str, Change | None, OfflinedlError | None]
"""The name of a source, and what changed there, or why it could not be read."""

_AT_ONCE = 8
"""Feeds are read into memory, and may be large."""


async def refreshed(library: Library, engine: Engine, said: Said) -> list[Found]:
    """What was found of each, in the order of their names. What they `said` is heard there."""
    seats = asyncio.Semaphore(_AT_ONCE)

    async def read(source: AddedSource) -> Found:
        async with seats:
            try:
                return source.name, await refresh(source, library.catalog, engine, library.time, said), None
            except OfflinedlError as error:
                return source.name, None, error

    async with asyncio.TaskGroup() as tasks:
        reading = [tasks.create_task(read(source)) for source in library.catalog.offers.sources()]
    return [task.result() for task in reading]
