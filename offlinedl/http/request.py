"""A request, and how it goes over the wire (RFC 9112 section 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from offlinedl.errors import UsageError, shown
from offlinedl.http.address import Headers, escaped, origin, redirected, split, without_credentials
from offlinedl.http.answer import Head
from offlinedl.http.exchange import Take

_HARMLESS = {"Range", "Content-Type", "Content-Length"}
"""Headers that say nothing of who asks: they go along to another origin."""

Begin = Callable[[str, Head], Take]


class Request(NamedTuple):
    """`begin` is given where the answer came from, and its head, and gives what takes the body. `headers` are those of
    this request alone. It is given up when for `patience` seconds nothing comes, where that is set.
    """

    url: str
    begin: Begin
    headers: Headers = ()
    method: str = "GET"
    body: bytes = b""
    patience: float | None = None

    def redirected(self, location: str, status: int, first: Request) -> Request:
        """The same at the address `location`, `first` being what was asked at first. Raises NetworkError where that
        must not be followed. A header's letters come as they are; those of an address are UTF-8 if they are any."""
        target = location.encode("latin-1").decode("utf-8", "surrogateescape")
        url = redirected(self.url, target, status, self.method)
        own = first.headers if origin(url) == origin(first.url) else [h for h in first.headers if h[0] in _HARMLESS]
        return self._replace(url=url, headers=own)

    def written(self, fields: bytes) -> bytes:
        """As bytes, with its headers, which `fields` wrote."""
        path = split(escaped(self.url))[1]
        return f"{self.method} {path} HTTP/1.1\r\n".encode() + fields + self.body


def fields(url: str, headers: Mapping[str, str]) -> bytes:
    """Headers for `url`, as bytes. UsageError for what would become two of them."""
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if not text.count("\r") == text.count("\n") == len(headers):
        raise UsageError(f"{shown(url)}: a header of two lines cannot be sent", "check the headers")
    return f"{text}\r\n".encode("utf-8", "surrogateescape")


def address(url: str) -> str:
    """`url` as it is asked for: without user info and fragment."""
    site, path = split(escaped(url))
    return without_credentials(site)[0] + path
