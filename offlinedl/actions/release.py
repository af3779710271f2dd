"""release: tell license servers and entitlement servers what is gone from this device, until they have heard it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace

from offlinedl.custody import Owed
from offlinedl.errors import DamagedError, NetworkError, OfflinedlError
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.license import Licensing, entitlement, hls_key
from offlinedl.owed import Departure

SHORT, LONG = 3.0, 60.0
"""Seconds that all servers together have to answer: while somebody waits for something else, and while nobody does."""

_AT_ONCE = 16
"""Titles whose releases are under way; each of them is locked, and has a file open for that."""


@frozen
class Told:
    """What came of a release of the title: None where the server has acknowledged it, else why it stays owed. `reason`
    is why it is one."""

    title_id: str
    error: OfflinedlError | None = None
    reason: str = "it is not here any more"


def owed(library: Library, titles: Collection[str] = ("",)) -> list[Owed | Departure]:
    """What is to be told, of these titles alone where some are given."""
    found: list[Owed | Departure] = []
    for title_id in titles:
        found += [*library.licenses.owed(title_id), *library.catalog.outbox.departures(title_id)]
    return found


def title_of(one: Owed | Departure) -> str:
    """The id of the title that is gone."""
    return one.title_id if isinstance(one, Departure) else one.record.title_id


def reason(one: Owed | Departure) -> str:
    """Why it is owed: of a title its license server hears, and who counts its places."""
    return "its place is free again" if isinstance(one, Departure) else "its license was destroyed"


async def release(
    releases: Collection[Owed | Departure], library: Library, licensing: Licensing, patience: float
) -> list[Told]:
    """Tell all of it, side by side, in so many seconds; what is not acknowledged by then is told the next time."""
    until = asyncio.get_running_loop().time() + patience
    turns = asyncio.Semaphore(_AT_ONCE)

    async def of_title(title_id: str) -> list[Told]:
        async with turns:
            try:
                return await _released(title_id, library, licensing, until)
            except OfflinedlError as error:  # somebody is at work on the title: the next run looks again
                return [Told(title_id=title_id, error=error)]

    titles = dict.fromkeys(map(title_of, releases))
    return [told for some in await asyncio.gather(*map(of_title, titles)) for told in some]


async def _released(title_id: str, library: Library, licensing: Licensing, until: float) -> list[Told]:
    """Tell what is still owed of the title, while nobody can get it anew: a license that is granted before the server
    hears of the old one would be released in its place."""
    with library.lock(title_id):
        still = owed(library, [title_id])
        try:
            told = await asyncio.gather(*(_told(one, library, licensing, until) for one in still))
        finally:
            library.forget_lock(title_id)  # before the last is acknowledged: who is killed here comes here again
        with library.catalog.transaction():
            for one, answer in zip(still, told, strict=True):
                if answer.error is None:
                    _acknowledged(one, library)
    return told


async def _told(one: Owed | Departure, library: Library, licensing: Licensing, until: float) -> Told:
    work = _departed(one, library, licensing) if isinstance(one, Departure) else _destroyed(one, library, licensing)
    told = Told(title_id=title_of(one), reason=reason(one))
    try:
        async with asyncio.timeout_at(until):
            await work
    except TimeoutError:
        return replace(told, error=NetworkError("no answer came in time", "`offlinedl sync` asks again"))
    except OfflinedlError as error:
        return replace(told, error=error)
    return told


async def _destroyed(one: Owed, library: Library, licensing: Licensing) -> None:
    if one.record.license.system == hls_key.NAME:
        return
    try:
        record, server = library.licenses.opened(one)
    except DamagedError:
        library.licenses.give_up(one)
        raise
    if server is not None:
        await licensing.release(server, record)


async def _departed(one: Departure, library: Library, licensing: Licensing) -> None:
    device = library.licenses.device()
    await entitlement.release(licensing.engine.http, one.entitlement_url, device, one.title_id)


def _acknowledged(one: Owed | Departure, library: Library) -> None:
    if isinstance(one, Departure):
        library.catalog.outbox.heard(one)
    else:
        library.catalog.outbox.acknowledged(one.record.license.id)
