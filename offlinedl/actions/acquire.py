"""acquire: ask for a license once, and keep what is granted, whatever stops the process then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from urllib.parse import urljoin

from offlinedl import expiry
from offlinedl.custody import following
from offlinedl.errors import DamagedError
from offlinedl.http import origin
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.license.need import Grant, Need
from offlinedl.model import Entry, Held, License
from offlinedl.protection import LicenseServer

_LAST_WORD_SECONDS = 0.8
"""How long a license request that is under way is waited for when the person wants to stop."""

MAY_SERVE_YET = {"license-not-usable", "license-not-persistent"}
"""Codes of a license that is not at fault: it is the device, or its adapter as it is now."""

T = TypeVar("T")


def serves(license: License | None, need: Need, now: datetime) -> bool:
    """Is the license one for all of `need`, and not over?"""
    covers = license is not None and set(need.kids) <= set(license.kids)
    return covers and not expiry.is_over(license, now)


async def acquire(entry: Entry, library: Library, licensing: Licensing, need: Need) -> Entry:
    """The title, which has no license, with one for `need`."""

    async def granted() -> Entry:
        held, grant = await _granted(entry, library, licensing, need, slot=entry.license_slot)
        library.licenses.keep(entry, held, grant.warnings)
        _trust(grant, library)
        return replace(entry, license=held.license)

    return await _heard(granted())


async def another(entry: Entry, library: Library, licensing: Licensing, need: Need, renews: Held | None = None) -> Held:
    """A license that is to take the place of the title's, by the renewal of that where `renews` is given. It is kept
    beside that one."""

    async def granted() -> Held:
        slot = following(entry.license_slot)
        held, grant = await _granted(entry, library, licensing, need, slot=slot, renews=renews)
        library.licenses.offer(entry, held, grant.warnings)
        _trust(grant, library)
        return held

    return await _heard(granted())


async def loaded(entry: Entry, held: Held, library: Library, licensing: Licensing) -> Held:
    """`held`, once it was opened anew, with the windows that it states now under the rights of the title."""
    found = await licensing.load(held, library.time())
    windows = expiry.narrowed(found.license.windows, entry.rights)
    return replace(found, license=replace(found.license, windows=windows))


async def _granted(
    entry: Entry, library: Library, licensing: Licensing, need: Need, *, slot: str, renews: Held | None = None
) -> tuple[Held, Grant]:
    """The license that is granted, and as it was."""
    server = library.licenses.server(entry) or licensing.server_for((), (), need.keys.values())
    if renews is not None:
        server = _renewing(server, renews.license.renewal_url)
    grant = await licensing.acquire(server, need, library.time(), renews)
    license = License(
        id=slot,
        system=server.system,
        kids=need.kids,
        issued_at=grant.date or library.time(),
        windows=expiry.narrowed(grant.windows, entry.rights),
        renewable=grant.renewable,
        renewal_url=grant.renewal_url,
        policy=grant.policy,
    )
    return Held(license=license, keys=grant.keys, handle=grant.handle), grant


def _trust(grant: Grant, library: Library) -> None:
    """Only once the license is kept: what stops this costs the date, and no license."""
    if grant.date is not None:
        library.time.trust(grant.date)


def _renewing(server: LicenseServer, url: str | None) -> LicenseServer:
    """Who is asked for a renewal: the same server, where the license names it. What is asked in secret stays so, and
    what was said for one origin goes to no other."""
    if url is None or server.url is None:
        return server
    named = urljoin(server.url, url)
    secret = server.url.lower().startswith("https:")
    if not named.lower().startswith(("https://",) if secret else ("http://", "https://")):
        raise DamagedError(
            "the license names no address where it can be renewed safely", "tell the service", code="license-damaged"
        )
    return replace(server, url=named, headers=server.headers if origin(named) == origin(server.url) else ())


async def _heard(asking: Awaitable[T]) -> T:
    """What comes of `asking`. Who is cancelled waits for it a little: the server has heard, and what it grants is kept,
    or the next run would have to ask again."""
    task = asyncio.ensure_future(asking)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_LAST_WORD_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
