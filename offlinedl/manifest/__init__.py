"""Manifests: what a title offers, and where its pieces lie. Bytes in, values out; nothing is fetched here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NoReturn, Protocol

from offlinedl.errors import DamagedError, UnsupportedError, shown
from offlinedl.manifest.limits import LIMITS, Limits
from offlinedl.streams import Manifest, Rendition

__all__ = ["LIMITS", "Format", "Limits", "detect", "formats"]


class Format(Protocol):
    """A way to write manifests. A module of this room is one."""

    NAME: str

    def recognises(self, data: bytes) -> bool:
        """Is `data` written this way? Judged by its beginning, never raises."""

    def parse(self, data: bytes, url: str, limits: Limits = ..., pieces: Mapping[str, bytes] = ...) -> Manifest:
        """The manifest `data`, which came from `url` (after redirects). Raises DamagedError and UnsupportedError.

        `pieces` are what an earlier answer's `missing` asked for, by their addresses; b"" where one cannot be had.
        """

    def expand(self, rendition: Rendition, index: bytes, url: str, limits: Limits = ...) -> Rendition:
        """`rendition` with inits and segments, from the bytes `index` of `rendition.index`, which came from `url`."""


def formats() -> Iterator[Format]:
    """Those that there are. Each is imported when it is its turn: most titles need the first alone."""
    from offlinedl.manifest import hls

    yield hls
    from offlinedl.manifest import dash

    yield dash
    from offlinedl.manifest import smooth

    yield smooth
    from offlinedl.manifest import progressive

    yield progressive


def detect(data: bytes, url: str) -> Format:
    """The format of `data`, by its content alone: names and types of URLs lie. Raises what else it is."""
    for form in formats():
        if form.recognises(data):
            return form
    return _refuse(data, shown(url))


def _refuse(data: bytes, url: str) -> NoReturn:
    """Says what came instead of a manifest."""
    if not data.strip(b"\xef\xbb\xbf \t\r\n\0"):
        raise DamagedError(f"{url}: an empty answer came", "try again later, or check the address", code="empty")
    what, hint = _description(data[: 256 * 2**10])
    raise UnsupportedError(f"{url}: not a manifest that can be read: it is {what}", hint)


_LOOK = "give the address of the manifest itself (.m3u8, .mpd, .ism/Manifest), as the player of the page requests it"


def _description(data: bytes) -> tuple[str, str]:
    """What `data` is, and what to do about it."""
    from offlinedl.manifest import xml

    head = data.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    root = xml.root_name(data)
    if root.lower() == "html" or head.startswith((b"<!doctype html", b"<html")) or b"<html" in head[:4096]:
        return _page(head)
    if root == "smil":
        return "a presentation for servers (SMIL)", "add /Manifest to an address that ends in .ism, or " + _LOOK
    if root or head.startswith(b"<?xml"):
        return f"XML with the root {root or '(none)'}", _LOOK
    if head.startswith((b"{", b"[")):
        return "JSON", "it may be an error message or a player's configuration; " + _LOOK
    if b"#ext" in head:
        return "a playlist without #EXTM3U on its first line", "it is damaged: fetch it again, or tell its publisher"
    return _file(data, head), _LOOK


def _page(head: bytes) -> tuple[str, str]:
    if b'type="password"' in head or b"type='password'" in head or b"type=password" in head:
        return "a login form", "sign in with a browser and give what it then sends as a header (--header)"
    return "an HTML page", _LOOK


def _file(data: bytes, head: bytes) -> str:
    """Kinds of files that addresses turn out to be."""
    if data[4:8] in {b"styp", b"moof", b"sidx", b"emsg", b"prft"}:
        return "a piece of an MP4 file"
    if head.startswith(b"webvtt"):
        return "a WebVTT file"
    if data.startswith(b"\x1f\x8b"):
        return "compressed data"
    if b"\0" in data[:4096]:
        return "a binary file"
    return "text of another kind"
