"""Where titles come from. A reference is a URL, or "source:id" with a source that was added."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from offlinedl import clock
from offlinedl.added import AddedSource
from offlinedl.errors import NotFoundError, OfflinedlError, UnsupportedError, UsageError, printable, shown
from offlinedl.model import Title
from offlinedl.sources import manifest_url

if TYPE_CHECKING:
    from offlinedl.catalog.offers import Offers
    from offlinedl.engine import Engine
    from offlinedl.sources.reading import Find, Sent

is_url = manifest_url.is_url

_FRESH_SECONDS = 60.0
_KEPT_BYTES = 32 * 1024 * 1024
"""What all sources together may have sent, to be kept for titles that are wanted of them: the rest is read again."""

_NEVER = float("-inf")

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
        taken = ", ".join(sorted(RESERVED))
        raise UsageError(f"{name}: not a name for a source", f"letters, digits, '.', '-' and '_'; but none of {taken}")


class Said:
    """What sources said a moment ago: of several titles that are resolved one after the other, each source is read
    once. After a while it is so anew: what opens titles may be signed, and ages."""

    def __init__(self, ticks: Callable[[], float] = clock.ticks) -> None:
        self._ticks = ticks
        self._finds: dict[str, tuple[float, Find]] = {}
        self._sent: dict[str, tuple[float, Sent]] = {}

    def heard(self, source: AddedSource, sent: Sent) -> None:
        """`source` was read, and this is what it sent."""
        if sum(len(s.body) for _, s in self._sent.values()) + len(sent.body) <= _KEPT_BYTES:
            self._sent[source.name] = self._ticks(), sent

    async def title(self, source: AddedSource, wanted: str, engine: Engine) -> Title:
        """The title of the id `wanted`, as `source` has it."""
        from offlinedl.sources.kinds import kind

        known = kind(source.kind)
        at, find = self._finds.pop(source.name, (_NEVER, None))
        if find is None or self._ticks() - at > _FRESH_SECONDS:
            at, sent = self._sent.pop(source.name, (_NEVER, None))
            if sent is None or self._ticks() - at > _FRESH_SECONDS:
                sent = await known.read(source.url, engine)
                at = self._ticks()
            find = known.finder(sent.body, source.name, sent.url)
        title = find(wanted)
        self._finds[source.name] = at, find
        return await known.complete(title, engine)


async def resolve(ref: str, offers: Offers, engine: Engine, said: Said | None = None) -> Title:
    """The title that `ref` names: its source is read for it, since what opens it is in no catalog, unless that `said`
    it just now."""
    said = said or Said()
    if manifest_url.is_url(ref):
        return manifest_url.title(ref)
    sources = offers.sources()
    name, colon, _ = ref.partition(":")
    source = next((source for source in sources if colon and source.name == name), None)
    if source is not None:  # ids of feeds may be URLs themselves
        return await said.title(source, ref, engine)
    if "://" in ref:
        raise UnsupportedError(f"{shown(ref)}: not an http or https URL", "only http and https are fetched")
    if sources and (not colon or offers.named(ref)):
        return await _alone(ref, sources, offers, engine, said)
    known = ", ".join(source.name for source in sources) or "none yet"
    raise NotFoundError(
        f"{ref}: neither a URL nor a title of a known source",
        f"name a title as source:id (sources: {known}); `offlinedl source add NAME URL` adds one",
    )


async def _alone(ref: str, sources: Sequence[AddedSource], offers: Offers, engine: Engine, said: Said) -> Title:
    """The title with this id, where one source has it and no other: as they offered it last, else as they do now. The
    first failure where none does."""
    offered = {offer.source for offer in offers.named(ref)}
    found: list[Title] = []
    failures: list[OfflinedlError] = []
    for source in (source for source in sources if not offered or source.name in offered):
        try:
            found.append(await said.title(source, f"{source.name}:{ref}", engine))
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
