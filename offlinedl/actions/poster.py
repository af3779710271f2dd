"""The picture of a title, fetched beside its media. A title without one is as good: no failure of it costs anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from offlinedl.errors import OfflinedlError
from offlinedl.http import Http
from offlinedl.library import Library
from offlinedl.model import Entry

_LARGEST = 8 * 2**20
_SECONDS = 3.0
"""What it may take longer than all the media."""


@asynccontextmanager
async def beside(entry: Entry, library: Library, http: Http) -> AsyncIterator[None]:
    """While the block works, the picture of the title comes too, if its service names one and it is not there. It comes
    with the title or not at all: whoever fails or stops waits for no picture."""
    work = asyncio.ensure_future(_fetched(entry, library, http))
    try:
        yield
        await asyncio.wait({work}, timeout=_SECONDS)
    finally:
        work.cancel()
        await asyncio.wait({work})
        if not work.cancelled():
            work.exception()  # seen: whatever it was, the title is what was asked for


async def _fetched(entry: Entry, library: Library, http: Http) -> None:
    url = library.catalog.marks.details(entry.id).poster
    if not url or library.store.poster(entry.folder) is not None:
        return
    with suppress(OfflinedlError):
        picture = (await http.get(url, limit=_LARGEST)).body
        if name := _name(picture):
            part = library.store.part(entry.folder, name)
            try:
                part.write(picture)
                part.keep()
            except OfflinedlError:
                part.drop()


def _name(picture: bytes) -> str | None:
    """What its file is called; None for what is no picture that all browsers show, whatever its server calls it."""
    if picture.startswith(b"\xff\xd8\xff"):
        return "poster.jpg"
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        return "poster.png"
    return "poster.webp" if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP" else None
