"""Puts the parts together: reads the settings and passes values, opens the library, and keeps signals in order."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from offlinedl import clock, config
from offlinedl.catalog import Catalog
from offlinedl.cli import options
from offlinedl.config import Settings
from offlinedl.errors import Stopped
from offlinedl.library import Library
from offlinedl.store import Store
from offlinedl.vault import Vault

if TYPE_CHECKING:
    from offlinedl.engine import Engine

T = TypeVar("T")


def settings() -> Settings:
    """What the person set."""
    return config.settings(config.folders(options.home()).config)


@contextmanager
def library() -> Iterator[Library]:
    """The library of this home, open."""
    folders = config.folders(options.home())
    catalog = Catalog(folders.catalog)
    try:
        yield Library(catalog, Store(folders.titles), Vault(folders.vault), clock.now)
    finally:
        catalog.close()


@asynccontextmanager
async def engine(connections: int) -> AsyncIterator[Engine]:
    """A session with the network."""
    from offlinedl.engine import Engine
    from offlinedl.http import Http
    from offlinedl.manifest.limits import Limits

    own = settings()
    async with Http(connections=connections, redirects=own.redirects) as http:
        yield Engine(
            http=http,
            connections=connections,
            retries=own.retries,
            backoff=own.backoff,
            limits=Limits(bytes=own.manifest_bytes, segments=own.segments, depth=own.depth),
        )


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end. The first SIGINT or SIGTERM cancels it, a second one ends the process at once."""
    import asyncio
    import signal

    received: list[int] = []

    async def main() -> T:
        task = asyncio.ensure_future(work)

        def stop(number: int) -> None:
            if received:
                os._exit(128 + number)
            received.append(number)
            task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if not received:
            raise
        raise Stopped(received[0]) from None
