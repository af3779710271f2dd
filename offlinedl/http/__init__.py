"""HTTP, with the settings without which bytes go wrong. The only door to aiohttp's client.

Nothing is decompressed, no URL is rewritten, nothing is believed that the headers contradict, and headers that a
person gave for one origin never reach another. Media take a shorter way than all else (`download`): see exchange.py.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from offlinedl import __version__
from offlinedl.errors import DamagedError, NetworkError, UsageError, shown
from offlinedl.http import names, proxies
from offlinedl.http.address import (
    REDIRECTS,
    Headers,
    escaped,
    once,
    origin,
    place,
    redirected,
    split,
    without_credentials,
)
from offlinedl.http.answer import Answer, Head, check
from offlinedl.http.body import Body, head_of
from offlinedl.http.cookies import read as read_cookies
from offlinedl.http.exchange import LARGEST_PIECE, BrokenError, Connection, Take, connect
from offlinedl.http.failures import translated
from offlinedl.http.resting import Resting
from offlinedl.streams import ByteRange

__all__ = ["Accept", "Answer", "Body", "Enough", "Head", "Headers", "Http", "Take", "origin"]

Enough = Callable[[bytes], bool]
"""Looks at the beginning of a body, and says whether that is all that is wanted of it."""
Accept = Callable[[Head], Take]
"""Sees the head of an answer that holds what was asked for, and gives what takes its body."""

_MIB = 1024 * 1024
_FIRST_LOOK = 64 * 1024
_CONNECT_SECONDS = 15
_LONGEST_HEADER = 65536
_HARMLESS = {"Range", "Content-Type"}
"""Request headers that say nothing of who asks: they go along to another origin."""
_READ_BUFFER = 128 * 1024
_AGENT = f"offlinedl/{__version__}"


class Http:
    """One session. Open it with `async with`.

    Where no more than `connections` requests are made at once, no more connections for media are open. `redirects` is
    how many are followed for one request. `proxy` is asked for everything, where there is one. `cookies` is a file of
    the Netscape format. Media are read in pieces of at most `piece` bytes. An answer of which nothing comes for
    `stall_seconds` is given up.
    """

    def __init__(
        self,
        *,
        connections: int = 8,
        redirects: int = 10,
        proxy: str | None = None,
        cookies: Path | None = None,
        piece: int = LARGEST_PIECE,
        stall_seconds: float = 30.0,
    ) -> None:
        self._stall_seconds = stall_seconds
        self._connections = connections
        self._piece = piece
        self._proxies: dict[str, str | None] = {}
        self._preambles: dict[str, Headers] = {}
        self._redirects = redirects
        self._proxy = None if proxy is None else proxies.check(proxy)
        self._known = [] if cookies is None else list(read_cookies(cookies))
        self._trusted: dict[str, Headers] = {}
        self._resting = Resting(connections)
        self._roundabout: set[str] = set()
        self._tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> Self:
        names.ask_aside()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=self._stall_seconds),
            headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False),  # unsafe: hosts named by address, too
            auto_decompress=False,
            requote_redirect_url=False,
            read_bufsize=min(_READ_BUFFER, self._piece),
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        # aiohttp repeats a request whose connection was dropped, unseen: how often to try is for the engine to say.
        self._session._retry_connection = False
        for site, cookie in self._known:
            self._session.cookie_jar.update_cookies(cookie, URL(site))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resting.close()
        await self._session.close()

    def trust(self, url: str, headers: Headers) -> None:
        """Send `headers`, and what user info `url` holds, with every request to its origin, and to no other."""
        self._preambles.clear()
        self._trusted[origin(url)] = [*without_credentials(url)[1], *headers]

    async def get(
        self,
        url: str,
        *,
        range: ByteRange | None = None,
        limit: int = 64 * _MIB,
        enough: Enough | None = None,
        headers: Headers = (),
    ) -> Answer:
        """A whole resource, or `range` of it, of at most `limit` bytes. No more is read once `enough` says so."""
        async with self.stream(url, range=range, headers=headers) as body, aclosing(body.chunks()) as chunks:
            content = bytearray()
            look, whole = _FIRST_LOOK, True
            async for chunk in chunks:
                content += chunk
                if len(content) >= look and enough is not None:
                    if enough(bytes(content)):
                        whole = False
                        break
                    look = 2 * len(content)
                if len(content) > limit:
                    raise DamagedError(f"{shown(url)}: larger than {limit} bytes", "is this the right address?")
        size = len(content) if whole and range is None else body.head.size
        return Answer(url=body.url, status=body.head.status, headers=body.head.headers, body=bytes(content), size=size)

    async def post(self, url: str, body: bytes, headers: Headers, *, limit: int = _MIB) -> Answer:
        """Send `body`; any status is an answer. Reads at most `limit` bytes of it."""
        async with self._request("POST", url, headers, body) as response:
            with translated(url):
                content = await response.content.read(limit)
                while len(content) < limit and (more := await response.content.read(limit - len(content))):
                    content += more
            return Answer(
                url=str(response.url), status=response.status, headers=head_of(response).headers, body=content
            )

    async def head(self, url: str) -> Answer:
        """What the server itself says of a resource, and no cache for it; any status is an answer."""
        async with self._request("HEAD", url, [("Cache-Control", "no-cache")], None) as response:
            return Answer(url=str(response.url), status=response.status, headers=head_of(response).headers, body=b"")

    @asynccontextmanager
    async def stream(self, url: str, *, range: ByteRange | None = None, headers: Headers = ()) -> AsyncIterator[Body]:
        """The body of a resource, or of `range` of it. Anything but success is an error."""
        async with self._request("GET", url, [*_ranged(range), *headers], None) as response:
            yield Body(response, range)

    async def download(self, url: str, range: ByteRange | None, accept: Accept) -> None:
        """Hand the body of a resource, or of `range` of it, to what `accept` gives for it. Anything but success is an
        error. The bytes of a body that is given up half way were handed over all the same."""
        direct = self._proxy_for(url) is None and origin(url) not in self._roundabout
        if direct and await self._exchanged(url, range, accept):
            return
        async with self.stream(url, range=range) as body, aclosing(body.chunks()) as chunks:
            take = accept(body.head)
            async for chunk in chunks:
                pause = take(memoryview(chunk))
                if pause > 0:
                    await asyncio.sleep(pause)

    def _proxy_for(self, url: str) -> str | None:
        place = origin(url)
        if place not in self._proxies:
            self._proxies[place] = proxies.proxy_for(place, self._proxy)
        return self._proxies[place]

    async def _exchanged(self, url: str, range: ByteRange | None, accept: Accept) -> bool:
        """`download` over a connection of our own. False where the origin answers in ways that only aiohttp takes up
        (redirects, chunks, the whole for a range): it is asked that way from then on."""
        plain = True

        def look(head: Head) -> Take | None:
            nonlocal plain
            self._keep_cookies(url, head)
            moved = head.status in REDIRECTS and "location" in head.headers
            odd = head.length is None or (head.status == 200 and range is not None)
            plain = not (moved or (odd and head.status in {200, 206}))
            if not plain:
                return None
            check(url, head, range)
            return accept(head)

        with translated(url):
            request = self._written(url, range)
            while True:
                connection = await self._connection(url)
                try:
                    await connection.get(request, look)
                    break
                except BrokenError as error:
                    if error.fresh:
                        raise
        if connection.is_open:
            self._resting.rest(origin(url), connection)
        if not plain:
            self._roundabout.add(origin(url))
        return plain

    async def _connection(self, url: str) -> Connection:
        if (rested := self._resting.take(origin(url))) is not None:
            return rested
        scheme, host, port = place(url)
        if scheme == "https" and self._tls is None:
            self._tls = ssl.create_default_context()
        tls = self._tls if scheme == "https" else None
        return await self._resting.opened(connect(host, port, tls, self._piece))

    def _written(self, url: str, range: ByteRange | None) -> bytes:
        """The request, as it goes over the wire (RFC 9112 section 3)."""
        site, path = split(escaped(url))
        if site not in self._preambles:
            target, credentials = without_credentials(site)
            own = [("Host", urlsplit(target).netloc), ("User-Agent", _AGENT), ("Accept", "*/*")]
            trusted = self._trusted.get(origin(url), ())
            self._preambles[site] = [*own, ("Accept-Encoding", "identity"), *credentials, *trusted]
        headers = once([*self._preambles[site], *_ranged(range), *self._cookies(url)])
        text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if not text.count("\r") == text.count("\n") == len(headers):
            raise UsageError(f"{shown(url)}: a header of two lines cannot be sent", "check the headers")
        return f"GET {path} HTTP/1.1\r\n{text}\r\n".encode("utf-8", "surrogateescape")

    def _cookies(self, url: str) -> Headers:
        """Those that came, and with them those that a person gave."""
        jar = self._session.cookie_jar
        came = jar.filter_cookies(URL(escaped(url), encoded=True)).values() if len(jar) else ()
        if not came:
            return []
        trusted = self._trusted.get(origin(url), ())
        given = (pair for name, value in trusted if name.lower() == "cookie" for pair in value.split("; "))
        pairs = {name: value for name, _, value in (pair.partition("=") for pair in given)}
        pairs |= {cookie.key: cookie.coded_value for cookie in came}
        return [("Cookie", "; ".join(f"{name}={value}" for name, value in pairs.items()))]

    def _keep_cookies(self, url: str, head: Head) -> None:
        if head.cookies:
            self._session.cookie_jar.update_cookies_from_headers(head.cookies, URL(escaped(url), encoded=True))

    @asynccontextmanager
    async def _request(
        self, method: str, url: str, headers: Headers, body: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Follow redirects by our own rules: http(s) only, never from https to http, headers stay at their origin."""
        first = origin(url)
        for _ in range(self._redirects + 1):
            own = headers if origin(url) == first else [h for h in headers if h[0] in _HARMLESS]
            target, credentials = without_credentials(url)
            sent = [*credentials, *self._trusted.get(origin(url), ()), *own]
            with translated(url):
                response = await self._session.request(
                    method,
                    URL(escaped(target), encoded=True),
                    headers=once(sent),
                    data=body,
                    allow_redirects=False,
                    proxy=self._proxy_for(url),
                )
            async with response:
                location = response.headers.get("Location")
                if response.status not in REDIRECTS or location is None:
                    yield response
                    return
                url = redirected(url, location, response.status, method)
        raise NetworkError(
            f"{shown(url)}: more than {self._redirects} redirects", "the server sends requests in a circle"
        )


def _ranged(range: ByteRange | None) -> Headers:
    return [] if range is None else [("Range", f"bytes={range.first}-{range.last}")]
