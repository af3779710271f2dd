"""Puts the parts together: reads the settings and passes values, opens the library, and keeps signals in order."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from offlinedl import clock, config, endings, sizes
from offlinedl.catalog import Catalog
from offlinedl.cli import options
from offlinedl.config import Settings
from offlinedl.errors import Stopped, UsageError
from offlinedl.library import Library
from offlinedl.series import Space
from offlinedl.store import Store
from offlinedl.vault import Vault

if TYPE_CHECKING:
    from offlinedl.engine import Engine
    from offlinedl.license import Licensing

T = TypeVar("T")


def settings() -> Settings:
    """What the person set."""
    return config.settings(config.folders(options.home()).config)


@contextmanager
def of_settings() -> Iterator[None]:
    """What turns out to be wrong in the settings is said with the name of their file."""
    try:
        yield
    except UsageError as error:
        said = error.message.replace("--quality", "download.quality")
        raise UsageError(f"{config.folders(options.home()).config}: {said}", error.hint) from error


def keep_free() -> int:
    """Bytes of the disk that downloads leave alone."""
    said = settings().keep_free
    with of_settings():
        return 0 if said.strip() == "0" else sizes.size(said, "storage.keep_free")


def space() -> Space:
    """How much may lie here."""
    said = settings().quota
    with of_settings():
        quota = None if said is None else sizes.size(said, "storage.quota")
    return Space(quota=quota, keep_free=keep_free())


def vault() -> Vault:
    """The vault of this home. Where its key is to be is asked when the key is: most verbs need none."""
    return Vault(config.folders(options.home()).vault, lambda: settings().vault_key == "keyring")


@contextmanager
def library(space: Space | None = None) -> Iterator[Library]:
    """The library of this home, open. Downloads keep to `space`. Whoever opens it looks at the clock, and after the
    licenses that are over."""
    folders = config.folders(options.home())
    catalog = Catalog(folders.catalog)
    store = Store(folders.titles)
    try:
        library = Library(catalog, store, vault(), clock.now, boot=clock.boot, space=space or Space())
        library.time.keep()
        endings.heed(library)
        try:
            yield library
        finally:
            library.time.keep()  # what was seen until now: of a first license, too
    finally:
        catalog.close()
        store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What a command line says of the network; None leaves it to the settings."""

    connections: int | None = None
    limit_rate: str | None = None
    proxy: str | None = None
    cookies: Path | None = None


_FEWEST, _SHARE = 2, 250_000
"""Where a rate is kept, a connection for each such part of it will do: what is begun is ended before more is begun, and
kept when the download is stopped."""


def _rate(network: Network, own: Settings) -> int | None:
    if network.limit_rate is not None:
        return sizes.rate(network.limit_rate, "--limit-rate")
    with of_settings():
        return None if own.limit_rate is None else sizes.rate(own.limit_rate, "download.limit_rate")


@asynccontextmanager
async def engine(network: Network) -> AsyncIterator[Engine]:
    """A session with the network."""
    from offlinedl.engine import Engine
    from offlinedl.http import Http, proxies
    from offlinedl.http.exchange import LARGEST_PIECE
    from offlinedl.manifest.limits import Limits
    from offlinedl.rate import Bucket

    own = settings()
    connections, rate = network.connections or own.connections, _rate(network, own)
    bucket = None if rate is None else Bucket(rate)
    if rate is not None:
        connections = min(connections, max(_FEWEST, rate // _SHARE))
    with of_settings():
        proxy = None if own.proxy is None else proxies.check(own.proxy)
    async with Http(
        connections=connections,
        redirects=own.redirects,
        proxy=network.proxy or proxy,
        cookies=network.cookies,
        stall_seconds=own.stall_seconds,
        piece=LARGEST_PIECE if bucket is None else min(LARGEST_PIECE, bucket.piece),
    ) as http:
        yield Engine(
            http=http,
            connections=connections,
            per_host=own.per_host,
            retries=own.retries,
            backoff=own.backoff,
            stall_seconds=own.stall_seconds,
            bucket=bucket,
            limits=Limits(bytes=own.manifest_bytes, segments=own.segments, depth=own.depth),
        )


@asynccontextmanager
async def licensing(network: Network) -> AsyncIterator[Licensing]:
    """The systems at hand, those with an adapter in the settings too, over a session with the network."""
    from offlinedl.license import Licensing
    from offlinedl.license.adapter import adapters

    async with engine(network) as session:
        yield Licensing(engine=session, adapters=adapters(settings().cdm))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end. The first SIGINT or SIGTERM cancels it, a second one ends the process at once."""
    import asyncio
    import gc
    import signal

    gc.freeze()  # what is imported is no garbage, and need not be looked at
    gc.enable()
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
