"""A place with manifests and nothing that describes them: the page on which a server lists a folder, a list of
addresses (one a line, or M3U with names), or a folder of this machine with such lists and `.strm` files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urldefrag, urljoin

from offlinedl.errors import DamagedError, UnsupportedError, printable
from offlinedl.http import origin
from offlinedl.manifest.limits import ADDRESS
from offlinedl.model import Details, MediaSource, Title
from offlinedl.signatures import unsigned
from offlinedl.sources import reading
from offlinedl.sources.manifest_url import name_of
from offlinedl.sources.naming import stable_id
from offlinedl.sources.reading import Fault, Find, Found, complete, read, told

__all__ = ["NAME", "complete", "finder", "look", "read", "recognises", "titles"]

NAME = "folder"

_MANIFESTS = (".m3u8", ".mpd", ".ism/manifest", ".isml/manifest", ".mp4", ".m4v", ".mkv", ".webm", ".m4a", ".mp3")
_LOOK = 64 * 1024
_LINK = re.compile(
    r"\bhref\s{0,9}=\s{0,9}(?:\"([^\"<>]{1,8192})\"|'([^'<>]{1,8192})'|([^\s\"'<>]{1,8192}))", re.IGNORECASE
)
_LINKED = re.compile(
    rb"\bhref\s{0,9}=\s{0,9}[\"']?[^\"'>\s]{1,8192}\.(?:m3u8|mpd|isml?/manifest|mp4|m4v|mkv|webm)\b", re.IGNORECASE
)
_NAMED = re.compile(r"#EXTINF:\s*(-?[0-9]{0,9}(?:\.[0-9]{0,9})?)[^,]*,(.*)")


def recognises(body: bytes) -> bool:
    """Is it a list of addresses, or a page that links to manifests?"""
    head = body[:_LOOK].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] == b"<":
        return _LINKED.search(body) is not None
    if b"#EXT-X-" in head:
        return False  # a playlist of HLS is a title, and no list of titles
    lines = [line.strip() for line in head.splitlines()[:20] if line.strip() and not line.startswith(b"#")]
    addresses = sum(re.match(rb"https?://\S+$", line, re.IGNORECASE) is not None for line in lines)
    return head.startswith(b"#EXTM3U") or 0 < len(lines) <= addresses * 2


def titles(body: bytes, source: str, url: str) -> Iterator[Title]:
    """Every address. DamagedError names a line that is none."""
    for found in look(body, source, url):
        if found.title is None:
            raise DamagedError(told(found.faults), "is it the address of a list of addresses?")
        yield found.title


def finder(body: bytes, source: str, url: str) -> Find:
    """Finds titles by their ids."""
    return reading.finder(look(body, source, url))


def look(body: bytes, source: str, url: str) -> Iterator[Found]:
    """Every address, as what it leads to."""
    text = body.decode("utf-8-sig", "replace")
    listed = _links(text) if text.lstrip().startswith("<") else _lines(text)
    for path, written, name, seconds in listed:
        address = _address(written, url)
        if address is None:
            yield Found(path=path, faults=(Fault(path=path, what="not an http or https URL"),))
            continue
        called = printable(name).strip() or name_of(address)
        yield Found(
            path=path,
            title=Title(
                id=f"{source}:{stable_id(unsigned(address), name_of(address))}",
                name=called,
                sources=(MediaSource(url=address),),
                details=Details(duration=seconds),
            ),
        )


def _lines(text: str) -> Iterator[tuple[str, str, str, float]]:
    """Where each address stands, the address, what it is called, and its seconds."""
    name, seconds = "", 0.0
    file, before = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        said = _NAMED.match(line)
        if line.startswith(reading.FILE):
            file, before = f"{line.removeprefix(reading.FILE)}, ", number
        elif said:
            name, seconds = said[2], _seconds(said[1])
        elif line.strip() and not line.lstrip().startswith("#"):
            yield f"{file}line {number - before}", line.strip(), name, seconds
            name, seconds = "", 0.0


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0


def _links(text: str) -> Iterator[tuple[str, str, str, float]]:
    links = (unescape(next(filter(None, found.groups()), "")) for found in _LINK.finditer(text))
    manifests = (link for link in links if link.partition("#")[0].partition("?")[0].lower().endswith(_MANIFESTS))
    for number, link in enumerate(dict.fromkeys(manifests)):
        yield f"link {number}", link, "", 0.0


def _address(written: str, url: str) -> str | None:
    """Relative addresses have no meaning in a list on this machine."""
    try:
        address = urldefrag(urljoin(url, written))[0]
        origin(address)
    except (ValueError, UnsupportedError):
        return None
    return address if len(address) <= ADDRESS and address.isprintable() else None
