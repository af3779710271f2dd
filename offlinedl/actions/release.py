"""release: tell license servers and entitlement servers what is gone from this device, until they have heard it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from offlinedl.custody import Owed
from offlinedl.errors import NetworkError, OfflinedlError
from offlinedl.library import Library
from offlinedl.license import Licensing, entitlement, hls_key
from offlinedl.model import Departure

SHORT, LONG = 3.0, 60.0
"""Seconds that all servers together have to answer: while somebody waits for something else, and while nobody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of a release of the title: None where the server has acknowledged it, else why it stays owed."""

    title_id: str
    error: OfflinedlError | None


def owed(library: Library, titles: Collection[str] | None = None) -> list[Owed | Departure]:
    """What is to be told, of these titles alone where some are given."""
    found: list[Owed | Departure] = [*library.licenses.owed(), *library.catalog.outbox.departures()]
    return [one for one in found if titles is None or title_of(one) in titles]


def title_of(one: Owed | Departure) -> str:
    """The id of the title that is gone."""
    return one.title_id if isinstance(one, Departure) else one.record.title_id


async def release(
    releases: Collection[Owed | Departure], library: Library, licensing: Licensing, patience: float
) -> list[Told]:
    """Tell all of it, side by side, in so many seconds; what is not acknowledged by then is told the next time."""
    return await asyncio.gather(*(_told(one, library, licensing, patience) for one in releases))


async def _told(one: Owed | Departure, library: Library, licensing: Licensing, patience: float) -> Told:
    work = _departed(one, library, licensing) if isinstance(one, Departure) else _destroyed(one, library, licensing)
    try:
        async with asyncio.timeout(patience):
            await work
    except TimeoutError:
        return Told(title_id=title_of(one), error=NetworkError("no answer came in time", "`offlinedl sync` asks again"))
    except OfflinedlError as error:
        return Told(title_id=title_of(one), error=error)
    return Told(title_id=title_of(one), error=None)


async def _destroyed(one: Owed, library: Library, licensing: Licensing) -> None:
    if one.record.license.system != hls_key.NAME:
        record, server = library.licenses.opened(one)
        if server is not None:
            await licensing.release(server, record)
    library.licenses.acknowledged(one)


async def _departed(one: Departure, library: Library, licensing: Licensing) -> None:
    device = library.licenses.device()
    await entitlement.release(licensing.engine.http, one.entitlement_url, device, one.title_id)
    with library.catalog.transaction():
        library.catalog.outbox.heard(one)
