"""trusted: ask a title's service for the time, where the clock of this machine was set back."""

from __future__ import annotations

from collections.abc import Iterator

from offlinedl import expiry
from offlinedl.errors import DamagedError
from offlinedl.http import Http
from offlinedl.library import Library, suspect
from offlinedl.model import Entry, State


async def settled(entry: Entry, library: Library, http: Http) -> Entry:
    """The title as it is once it is known what time it is: one request, for no license, where it is not known.

    RefusedError where it stays unknown and the title does not play therefore. One that is expired by what is known goes
    on: it needs a new license, or nothing but the time.
    """
    if not library.time.reading().is_suspect or not expiry.is_limited(entry.license):
        return entry
    if entry.state not in {State.CLOCK_SUSPECT, State.EXPIRED}:
        return entry
    url = next((url for url in _addresses(entry, library) if url.lower().startswith("https:")), None)
    if url is not None:
        date = (await http.head(url)).date
        if date is not None:
            library.time.trust(date)
    entry = library.entry(entry.id) or entry
    if entry.state is State.CLOCK_SUSPECT:
        raise suspect(entry)
    return entry


def _addresses(entry: Entry, library: Library) -> Iterator[str]:
    """Where the title's license server is, and that which keeps its keys or its manifest where there is no other."""
    try:
        server = library.licenses.server(entry)
    except DamagedError:
        server = None
    if server is not None and server.url is not None:
        yield server.url
    yield from (key.uri for key in library.plan(entry.id).keys)
    yield library.manifest_url(entry)
