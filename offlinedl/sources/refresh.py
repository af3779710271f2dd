"""What sources offer, brought to the catalog: read only where it may have changed, and as a whole or not at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from offlinedl.added import AddedSource, Offer
from offlinedl.catalog import Catalog
from offlinedl.engine import Engine
from offlinedl.errors import DamagedError, NetworkError, OfflinedlError, UsageError, shown
from offlinedl.frozen import frozen
from offlinedl.http import Headers
from offlinedl.model import Failure, Title
from offlinedl.signatures import unsigned
from offlinedl.sources import Said
from offlinedl.sources.kinds import Source, kind, opened
from offlinedl.sources.reading import Fault, Sent, is_local, told


@frozen
class Change:
    """How many titles a source offers, how many of them are new, and how many others are gone. `left_out` is what is
    wrong with titles that are none of these; it is `known` where it was said before."""

    titles: int
    new: int
    gone: int
    left_out: tuple[Fault, ...] = ()
    known: bool = False


async def add(
    name: str, url: str, kind_name: str | None, catalog: Catalog, engine: Engine, *, clock: Callable[[], datetime]
) -> Change:
    """Add a source, with what it offers now; one that is known is read anew. Nothing is written where it cannot be
    read; no name is taken from another one."""
    known = catalog.offers.source(name)
    if known is not None and unsigned(known.url) != unsigned(url):
        there = known.url if is_local(known.url) else shown(known.url)
        hint = f"take another name; or, where it has moved, `offlinedl source remove {name}` first: its titles stay"
        raise UsageError(f"{name}: the name of a source already, {there}", hint)
    found, sent = await opened(url, kind_name, _hasty(engine))
    offers, wrong = _offers(found, sent, name)
    with catalog.transaction():
        catalog.offers.add(name, url, found.NAME, clock())
        catalog.offers.replace(name, offers, _checksum(sent.body), told(wrong))
        catalog.offers.answered(name, sent.etag, sent.last_modified, clock())
    titles = len({offer.id for offer in offers})
    return Change(titles=titles, new=titles, gone=0, left_out=wrong)


async def refresh(
    source: AddedSource, catalog: Catalog, engine: Engine, clock: Callable[[], datetime], said: Said | None = None
) -> Change | None:
    """Read a source. None where nothing changed: then nothing is parsed; and where it was removed meanwhile, or has
    another address. Where it fails, what it offered last stays, and the failure is noted and raised. What it `said`
    need not be read again for a title of it."""
    try:
        found = kind(source.kind)
        sent = await _sent(source, found, _hasty(engine))
        if sent is not None and said is not None:
            said.heard(source, sent)
        if sent is None or _checksum(sent.body) == source.checksum:
            known = sent or Sent(body=b"", url="", etag=source.etag, last_modified=source.last_modified)
            with catalog.transaction():
                if _stands(source, catalog):
                    catalog.offers.answered(source.name, known.etag, known.last_modified, clock())
            return None
        offers, wrong = _offers(found, sent, source.name)
    except OfflinedlError as error:
        failure = Failure(code=error.code, message=error.message, hint=error.hint)
        with catalog.transaction():
            if not _stands(source, catalog):
                return None
            catalog.offers.failed(source.name, failure, clock())
        raise
    with catalog.transaction():
        if not _stands(source, catalog):
            return None
        before = catalog.offers.ids(source.name)
        catalog.offers.replace(source.name, offers, _checksum(sent.body), told(wrong))
        catalog.offers.answered(source.name, sent.etag, sent.last_modified, clock())
    now = {offer.id for offer in offers}
    is_known = _unplaced(told(wrong)) == _unplaced(source.left_out)
    return Change(titles=len(now), new=len(now - before), gone=len(before - now), left_out=wrong, known=is_known)


def _offers(found: Source, sent: Sent, name: str) -> tuple[list[Offer], tuple[Fault, ...]]:
    """What a source offers, and what is wrong with titles that are left out. Raises where none is right, or where the
    source itself is not."""
    try:
        return list(offered(found.titles(sent.body, name, sent.url), name)), ()
    except DamagedError as error:
        seen = list(found.look(sent.body, name, sent.url))
        wrong = tuple(fault for one in seen if one.title is None for fault in one.faults)
        right = [one.title for one in seen if one.title is not None]
        if right and all(one.path or not one.faults for one in seen):
            return list(offered(right, name)), wrong
        raise DamagedError(told(wrong), error.hint, code=error.code) from error


def _unplaced(said: str) -> str:
    """What is wrong, wherever that stands: with each new title the others move."""
    return re.sub(r"[0-9]+", "", said)


def _hasty(engine: Engine) -> Engine:
    """With less patience than media are worth: a person waits for this, or all downloads of a run, and the next run
    tries it again."""
    return replace(engine, retries=min(1, engine.retries))


def _stands(source: AddedSource, catalog: Catalog) -> bool:
    """Is it still a source, of this kind and there?"""
    known = catalog.offers.source(source.name)
    return known is not None and (known.url, known.kind) == (source.url, source.kind)


async def _sent(source: AddedSource, found: Source, engine: Engine) -> Sent | None:
    """What a source says, None where its server says that this is known."""
    try:
        return await found.read(source.url, engine, _conditions(source))
    except NetworkError as error:
        if error.status != 304:
            raise
        return None


def _conditions(source: AddedSource) -> Headers:
    """RFC 9110 sections 13.1.2 and 13.1.3."""
    said = (("If-None-Match", source.etag), ("If-Modified-Since", source.last_modified))
    return [(name, value) for name, value in said if value]


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def offered(titles: Iterable[Title], source: str) -> Iterator[Offer]:
    """What the catalog keeps of titles. Season 0 is where services put what is no episode."""
    for position, title in enumerate(titles):
        yield Offer(
            id=title.id,
            source=source,
            position=position,
            name=title.name,
            series=title.series,
            season=title.season,
            episode=title.episode,
            special=title.special or title.season == 0,
            published=title.details.published,
            available_from=title.rights.available_from,
            available_until=title.rights.available_until,
            duration=title.details.duration,
            download=title.rights.download,
            reason=title.rights.reason,
        )
