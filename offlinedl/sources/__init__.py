"""Where titles come from. A reference is a URL, or "source:id" with a source that was added."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from offlinedl.added import AddedSource
from offlinedl.errors import NotFoundError, OfflinedlError, UnsupportedError, UsageError, printable, shown
from offlinedl.model import Title
from offlinedl.sources import manifest_url

if TYPE_CHECKING:
    from offlinedl.catalog.offers import Offers
    from offlinedl.engine import Engine

is_url = manifest_url.is_url

RESERVED = frozenset({"url", "http", "https"})
"""Names that a source may not have: references with them mean something else."""


def title_id(ref: str) -> str:
    """The catalog's id of what `ref` names, if it names it in full. UsageError where it is a URL that is none."""
    try:
        return manifest_url.title_id(ref) if manifest_url.is_url(ref) else ref
    except ValueError as error:
        raise UsageError(f"{printable(ref)}: not a URL: {error}", "check the address") from error


def is_of_url(title_id: str) -> bool:
    """Is it the id of a title that was named by its URL, and comes from no source?"""
    return title_id.startswith("url:")


def check_name(name: str) -> None:
    """Raise UsageError where `name` cannot name a source."""
    if name in RESERVED or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UsageError(f"{name}: not a name for a source", "use letters, digits, '.', '-' and '_', but not 'url'")


async def resolve(ref: str, offers: Offers, engine: Engine) -> Title:
    """The title that `ref` names: its source is read for it, since what opens it is in no catalog."""
    if manifest_url.is_url(ref):
        return manifest_url.title(ref)
    if "://" in ref:
        raise UnsupportedError(f"{shown(ref)}: not an http or https URL", "only http and https are fetched")
    sources = offers.sources()
    if ":" not in ref and sources:
        return await _alone(ref, sources, offers, engine)
    source = offers.source(ref.partition(":")[0])
    if source is None:
        known = ", ".join(source.name for source in sources) or "none yet"
        raise NotFoundError(
            f"{ref}: neither a URL nor a title of a known source",
            f"name a title as source:id (sources: {known}); `offlinedl source add NAME URL` adds one",
        )
    return await _of(source, ref, engine)


async def _of(source: AddedSource, wanted: str, engine: Engine) -> Title:
    from offlinedl.sources.kinds import kind

    known = kind(source.kind)
    sent = await known.read(source.url, engine)
    return await known.complete(known.one(sent.body, source.name, sent.url, wanted), engine)


async def _alone(ref: str, sources: Sequence[AddedSource], offers: Offers, engine: Engine) -> Title:
    """The title with this id, where one source has it and no other: as they offered it last, else as they do now. The
    first failure where none does."""
    offered = {offer.source for offer in offers.named(ref)}
    found: list[Title] = []
    failures: list[OfflinedlError] = []
    for source in (source for source in sources if not offered or source.name in offered):
        try:
            found.append(await _of(source, f"{source.name}:{ref}", engine))
        except OfflinedlError as error:
            failures += [] if isinstance(error, NotFoundError) else [error]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(title.id for title in found)
        raise NotFoundError(f"{ref}: more than one source has it", f"name one of: {ids}", code="ambiguous")
    if failures:
        raise failures[0]
    raise NotFoundError(
        f"{ref}: neither a URL nor a title of a known source",
        f"it is in none of: {', '.join(s.name for s in sources)}; `offlinedl source add NAME URL` adds another",
    )
