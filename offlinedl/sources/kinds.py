"""The kinds of sources that there are, and which of them a source is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from offlinedl.engine import Engine
from offlinedl.errors import NotFoundError, UnsupportedError, UsageError, printable
from offlinedl.http import Headers
from offlinedl.model import Title
from offlinedl.sources import manifest_url, reading
from offlinedl.sources.reading import Find, Found, Sent


class Source(Protocol):
    """A kind of source. A module of this room is one. `source` is the name of one that was added, and `url` where
    `body` came from."""

    NAME: str

    def recognises(self, body: bytes) -> bool:
        """Is `body` of this kind? Judged by its beginning, never raises."""

    async def read(self, url: str, engine: Engine, _headers: Headers = ...) -> Sent:
        """What the source has to say. With conditions in the headers, NetworkError 304 where it is known."""

    def titles(self, body: bytes, source: str, url: str) -> Iterator[Title]:
        """Every title, its id with the prefix "source:". Raises DamagedError and UnsupportedError."""

    def finder(self, body: bytes, source: str, url: str) -> Find:
        """Finds titles by their ids."""

    async def complete(self, title: Title, _engine: Engine) -> Title:
        """The title with the addresses of its media, where the source has only one of something else."""

    def look(self, body: bytes, source: str, url: str) -> Iterator[Found]:
        """Everything in it, each with all that is wrong with it."""


NAMES = ("feed", "exolist", "rss", "folder", "sites")


def kinds() -> Iterator[Source]:
    """Those that there are, those that are easily told from others first. Each is imported when it is its turn."""
    from offlinedl.sources import feed

    yield feed
    from offlinedl.sources import exolist

    yield exolist
    from offlinedl.sources import rss

    yield rss
    from offlinedl.sources import folder

    yield folder
    from offlinedl.sources import sites

    yield sites


def kind(name: str) -> Source:
    """The kind of this name. UsageError where there is none."""
    for one in kinds():
        if name == one.NAME:
            return one
    raise UsageError(f"{printable(name)}: no kind of source", f"one of: {', '.join(NAMES)}")


async def opened(url: str, name: str | None, engine: Engine) -> tuple[Source, Sent]:
    """A source of the kind `name`, and what it sent. Where nobody says, that tells of which kind it is."""
    if name is not None:
        known = kind(name)
        return known, await known.read(url, engine)
    sent = await reading.read(url, engine)
    for one in kinds():
        if one.recognises(sent.body):
            return one, (sent if one.read is reading.read else await one.read(url, engine))
    if reading.is_list(url) and b"#EXT-X-" not in sent.body:
        return kind("folder"), sent
    raise UnsupportedError(
        "not a source that offlinedl knows: neither a feed, nor RSS, nor a list of titles or addresses",
        f"is it the address of one? If so, say which with --kind ({', '.join(NAMES)})",
    )


def place(text: str) -> str:
    """The URL of a source that a person names by its URL, or by a path on this machine."""
    if manifest_url.is_url(text) or reading.is_local(text):
        return text
    path = Path(text).expanduser()
    if "://" in text:
        raise UnsupportedError(f"{printable(text)}: not an http or https URL", "only http and https are fetched")
    if not path.exists():
        raise NotFoundError(f"{printable(text)}: neither a URL nor a path that is there", "check the address")
    return reading.local_url(path)
