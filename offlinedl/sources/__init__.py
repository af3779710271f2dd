"""Where titles come from. A reference is a URL, or "source:id" with a source that was added."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

from offlinedl.errors import NotFoundError, OfflinedlError, UnsupportedError, UsageError, printable, shown
from offlinedl.http import Answer
from offlinedl.model import Title
from offlinedl.sources import manifest_url

Read = Callable[[str], Awaitable[Answer]]

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


async def resolve(ref: str, sources: Mapping[str, str], read: Read) -> Title:
    """The title that `ref` names. `sources` are the URLs of those that were added, by name."""
    if manifest_url.is_url(ref):
        return manifest_url.title(ref)
    if "://" in ref:
        raise UnsupportedError(f"{shown(ref)}: not an http or https URL", "only http and https are fetched")
    name = ref.partition(":")[0]
    if ":" not in ref and sources:
        return await _alone(ref, sources, read)
    if name not in sources:
        known = ", ".join(sources) or "none yet"
        raise NotFoundError(
            f"{ref}: neither a URL nor a title of a known source",
            f"name a title as source:id (sources: {known}); `offlinedl source add NAME URL` adds one",
        )
    from offlinedl.sources import feed

    answer = await read(sources[name])
    return feed.one(answer.body, name, answer.url, ref)


async def _alone(ref: str, sources: Mapping[str, str], read: Read) -> Title:
    """The title with this id, where one source has it and no other. The first failure where none does."""
    from offlinedl.sources import feed

    found: list[Title] = []
    failures: list[OfflinedlError] = []
    for name, url in sources.items():
        try:
            answer = await read(url)
            found.append(feed.one(answer.body, name, answer.url, f"{name}:{ref}"))
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
        f"it is in none of: {', '.join(sources)}; `offlinedl source add NAME URL` adds another",
    )
