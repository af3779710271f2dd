"""trusted: ask the services of titles for the time, where the clock of this machine was set back or forward."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from offlinedl import expiry
from offlinedl.errors import DamagedError, NetworkError, RefusedError
from offlinedl.http import Http, origin
from offlinedl.library import Library
from offlinedl.model import Entry, State
from offlinedl.timekeeper import suspect


def is_unknown(library: Library) -> bool:
    """Was the clock moved, so that the time is not known?"""
    return library.time.reading().verdict in {"behind", "ahead"}


def ahead(title_id: str) -> RefusedError:
    """Nobody told whether the title is over, as a clock has it that was put forward."""
    return RefusedError(
        f"{title_id}: the clock of this machine was put forward, and nobody knows whether the title's time is over",
        "set the clock right",
        code="clock-suspect",
    )


def in_doubt(entry: Entry, library: Library) -> bool:
    """Does it depend on the time whether the title plays, and is that not known?"""
    stands = entry.state in {State.CLOCK_SUSPECT, State.EXPIRED} and expiry.is_limited(entry.license)
    return stands and is_unknown(library)


async def settled(entry: Entry, library: Library, http: Http) -> Entry:
    """The title as it is once the time is known, which its service is asked for where it is not.

    RefusedError where it stays unknown, and the title does not play therefore. One that is expired by what is known
    goes on: it needs a new license, or nothing but the time.
    """
    if not in_doubt(entry, library):
        return entry
    try:
        await ask([entry], library, http)
    except NetworkError:
        if entry.state is State.CLOCK_SUSPECT:
            raise
    entry = library.entry(entry.id) or entry
    if entry.state is State.CLOCK_SUSPECT:
        raise suspect(entry.id)
    return entry


async def ask(entries: Iterable[Entry], library: Library, http: Http) -> None:
    """Ask for the time, by a request for no license, until one tells what settles it: each server once. NetworkError
    where none can be reached."""
    asked: set[str] = set()
    failure: NetworkError | None = None
    for url in (_address(entry, library) for entry in entries):
        if url is None or origin(url) in asked:
            continue
        asked.add(origin(url))
        try:
            date = (await http.head(url)).date
        except NetworkError as error:
            failure = error
            continue
        if date is not None:
            library.time.trust(date)
        if not is_unknown(library):
            return
    if failure is not None:
        raise failure


def _address(entry: Entry, library: Library) -> str | None:
    """Where the title's license server is, or what keeps its keys or its manifest where there is no other. None where
    no date of theirs could be believed."""
    return next((url for url in _addresses(entry, library) if url.lower().startswith("https:")), None)


def _addresses(entry: Entry, library: Library) -> Iterator[str]:
    try:
        server = library.licenses.server(entry)
    except DamagedError:
        server = None
    if server is not None and server.url is not None:
        yield server.url
    yield from (key.uri for key in library.plan(entry.id).keys)
    yield library.manifest_url(entry)
