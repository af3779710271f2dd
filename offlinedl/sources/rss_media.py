"""The media of an item of a feed: which of the ways to say where they are it uses, and which are worth asking for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

from offlinedl.errors import UnsupportedError
from offlinedl.http import origin
from offlinedl.manifest import xml
from offlinedl.manifest.limits import ADDRESS
from offlinedl.model import MediaSource

_VOCABULARIES = {
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes:",
    "http://search.yahoo.com/mrss": "media:",
    "https://podcastindex.org/namespace/1.0": "podcast:",
    "https://github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md": "podcast:",
    "http://purl.org/dc/elements/1.1": "dc:",
    "http://www.w3.org/2005/atom": "",
    "http://purl.org/rss/1.0": "",
    "": "",
}
_MOST = 8
"""Ways to the same media that are kept: each is asked for, to choose among them."""

_ADAPTIVE = {"application/x-mpegurl", "application/vnd.apple.mpegurl", "audio/mpegurl", "application/dash+xml"}
_NO_MEDIA = {"jpg", "jpeg", "png", "gif", "webp", "pdf", "epub", "torrent", "html", "htm", "zip", "txt"}


class Item:
    """An element, whose children are called by their vocabulary's usual prefix, whatever the feed's is. `url` is what
    addresses resolve against."""

    def __init__(self, element: xml.Element, url: str) -> None:
        self.url = url
        self._children: dict[str, list[xml.Element]] = {}
        for child in element.children:
            self._children.setdefault(_name(child), []).append(child)

    def all(self, *names: str) -> list[xml.Element]:
        """The children that are called so, those of the first name first."""
        return [child for name in names for child in self._children.get(name, ())]

    def text(self, *names: str) -> str:
        """The text of the first of them that has any."""
        return next((child.text for child in self.all(*names) if child.text), "")

    def address(self, written: str | None) -> str | None:
        """The URL, None where it is none that is fetched."""
        if not written or len(written) > ADDRESS:
            return None
        try:
            address = urljoin(self.url, written.strip())
            origin(address)
        except (ValueError, UnsupportedError):
            return None
        return address if address.isprintable() else None


def _name(element: xml.Element) -> str:
    return _vocabulary(element.namespace) + element.name


@lru_cache(maxsize=256)
def _vocabulary(namespace: str) -> str:
    """A namespace that nobody declared is its prefix, and that is what it is taken for."""
    space = namespace.rstrip("/").lower()
    return _VOCABULARIES.get(space, f"{space}:")


def media(item: Item) -> tuple[MediaSource, ...]:
    """Alternatives, the best first. Where there is an adaptive stream, no files beside it are asked for."""
    found = {source.url: source for source in _all(item)}.values()
    adaptive = [source for source in found if _is_adaptive(source)]
    return tuple(adaptive or found)[:_MOST]


def _is_adaptive(source: MediaSource) -> bool:
    main = source.type.partition(";")[0].strip().lower()
    return main in _ADAPTIVE or urlsplit(source.url).path.lower().endswith((".m3u8", ".mpd", ".ism/manifest"))


def _all(item: Item) -> Iterator[MediaSource]:
    for written, kind in (*_alternates(item), *_contents(item), *_enclosures(item)):
        address = item.address(written)
        if address is not None and _is_media(address, kind):
            yield MediaSource(url=address, type=kind)


def _alternates(item: Item) -> Iterator[tuple[str | None, str]]:
    """Of each alternateEnclosure the first source that is at an http URL: the others are mirrors of it. One with a
    `rel` of its own has other content."""
    for element in item.all("podcast:alternateEnclosure"):
        if (element.get("rel") or "default").lower() != "default":
            continue
        said = element.get("type") or ""
        ways = ((e.get("uri"), e.get("contentType") or said) for e in Item(element, item.url).all("podcast:source"))
        yield from [way for way in ways if item.address(way[0]) and "bittorrent" not in way[1]][:1]


def _contents(item: Item) -> Iterator[tuple[str | None, str]]:
    groups = (Item(group, item.url) for group in item.all("media:group"))
    for holder in (item, *groups):
        for element in holder.all("media:content"):
            medium = (element.get("medium") or "").lower()
            if medium in {"", "video", "audio"} and (element.get("expression") or "full").lower() == "full":
                yield element.get("url"), element.get("type") or (f"{medium}/*" if medium else "")


def _enclosures(item: Item) -> Iterator[tuple[str | None, str]]:
    for element in item.all("enclosure"):
        yield element.get("url"), element.get("type") or ""
    for element in item.all("link"):
        if (element.get("rel") or "").lower() == "enclosure":  # RFC 4287 section 4.2.7.2
            yield element.get("href"), element.get("type") or ""


def _is_media(address: str, kind: str) -> bool:
    main = kind.partition(";")[0].strip().lower()
    if main.startswith(("video/", "audio/")) or main in _ADAPTIVE:
        return True
    if main not in {"", "application/octet-stream"}:
        return main == "application/vnd.ms-sstr+xml"
    return urlsplit(address).path.rpartition(".")[2].lower() not in _NO_MEDIA
