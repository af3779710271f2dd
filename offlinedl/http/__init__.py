"""HTTP, with the settings without which bytes go wrong.

Nothing is decompressed, no URL is rewritten, nothing is believed that the headers contradict, and headers that a
person gave for one origin never reach another. All requests go over connections of our own (exchange.py) but those
through a proxy, which are aiohttp's (session.py).
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from offlinedl import __version__
from offlinedl.errors import NetworkError, shown
from offlinedl.http import names, proxies
from offlinedl.http.address import REDIRECTS, Headers, escaped, once, origin, place, split, without_credentials
from offlinedl.http.answer import Answer, Head
from offlinedl.http.body import Accept, Collected, Enough, EnoughError, Reading
from offlinedl.http.exchange import LARGEST_PIECE, BrokenError, Connection, Take
from offlinedl.http.failures import translated
from offlinedl.http.request import Begin, Request, address, fields
from offlinedl.http.resting import Resting
from offlinedl.http.tls import connect, trusting
from offlinedl.streams import ByteRange

if TYPE_CHECKING:
    from offlinedl.http.jar import Jar
    from offlinedl.http.session import Session

__all__ = ["Accept", "Answer", "Enough", "Head", "Headers", "Http", "Take", "origin"]

_MIB = 1024 * 1024
_AGENT = f"offlinedl/{__version__}"


class Http:
    """One session. Open it with `async with`.

    Where no more than `connections` requests are made at once, no more connections are open. `redirects` is how many
    are followed for one request. `proxy` is asked for everything, where there is one. `cookies` is a file of the
    Netscape format. Media are read in pieces of at most `piece` bytes. An answer of which nothing comes for
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
        self._plain: dict[str, bytes] = {}
        self._redirects = redirects
        self._proxy = None if proxy is None else proxies.check(proxy)
        self._cookies_file = cookies
        self._jar: Jar | None = None
        self._session: Session | None = None
        self._small = asyncio.Semaphore(connections)
        self._trusted: dict[str, Headers] = {}
        self._resting = Resting(connections)
        self._tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> Self:
        names.ask_aside()
        if self._cookies_file is not None:
            self._cookies().read(self._cookies_file)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resting.close()
        if self._session is not None:
            await self._session.close()

    @property
    def proxy(self) -> str | None:
        """What is asked for everything, where a person said so."""
        return self._proxy

    def trust(self, url: str, headers: Headers) -> None:
        """Send `headers`, and what user info `url` holds, with every request to its origin, and to no other."""
        self._preambles.clear()
        self._plain.clear()
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
        content = Collected(url, limit, enough)
        reading = Reading(range, lambda _: content.take)
        sent = [*_ranged(range), *headers]
        asked = Request(url=url, begin=reading.begin, headers=sent, patience=self._stall_seconds)
        whole = await self._read(asked)
        reading.end()
        size = len(content.bytes) if whole and range is None else reading.head.size
        return _answer(reading.url, reading.head, content.bytes, size)

    async def post(self, url: str, body: bytes, headers: Headers, *, limit: int = _MIB) -> Answer:
        """Send `body`; any status is an answer. Reads at most `limit` bytes of it."""
        content = bytearray()

        def take(data: memoryview) -> float:
            content.extend(data[: limit - len(content)])
            if len(content) == limit:
                raise EnoughError
            return 0.0

        sent = [("Content-Type", "application/octet-stream"), *headers, ("Content-Length", str(len(body)))]
        reading = Reading(None, lambda _: take)
        asked = Request(
            url=url, begin=reading.any, headers=sent, method="POST", body=body, patience=self._stall_seconds
        )
        await self._read(asked)
        return _answer(reading.url, reading.head, content, None)

    async def head(self, url: str) -> Answer:
        """What the server itself says of a resource, and no cache for it; any status is an answer."""
        reading = Reading(None, lambda _: lambda _: 0.0)
        asked = Request(
            url=url,
            begin=reading.any,
            headers=[("Cache-Control", "no-cache")],
            method="HEAD",
            patience=self._stall_seconds,
        )
        await self._read(asked)
        return _answer(reading.url, reading.head, bytearray(), None)

    async def _read(self, asked: Request) -> bool:
        """Read a small answer. False where there was more than was wanted of it."""
        async with self._small:
            try:
                await self._followed(asked)
            except EnoughError:
                return False
        return True

    async def download(self, url: str, range: ByteRange | None, accept: Accept) -> None:
        """Hand the body of a resource, or of `range` of it, to what `accept` gives for it. Anything but success is an
        error. The bytes of a body that is given up half way were handed over all the same."""
        reading = Reading(range, accept)
        try:
            await self._followed(Request(url=url, begin=reading.begin, headers=_ranged(range)))
        except EnoughError:
            return
        reading.end()

    async def _followed(self, asked: Request) -> None:
        """Ask, and follow redirects by our own rules: http(s) only, never from https to http, headers stay at their
        origin."""
        first = asked
        for _ in range(self._redirects + 1):
            try:
                if asked.patience is None:
                    head = await self._sent(asked, asked.begin)
                else:
                    head = await self._patiently(asked, asked.patience)
            except (OSError, ValueError) as error:
                raise translated(asked.url, error) from error
            location = head.headers.get("location")
            if head.status not in REDIRECTS or location is None:
                return
            asked = asked.redirected(location, head.status, first)
        raise NetworkError(
            f"{shown(asked.url)}: more than {self._redirects} redirects", "the server sends requests in a circle"
        )

    async def _patiently(self, asked: Request, patience: float) -> Head:
        """Ask once, and give up when nothing comes for `patience` seconds."""
        clock = asyncio.get_running_loop().time
        async with asyncio.timeout(patience) as deadline:

            def begin(url: str, head: Head) -> Take:
                take = asked.begin(url, head)

                def patient(data: memoryview) -> float:
                    deadline.reschedule(clock() + patience)
                    return take(data)

                return patient

            return await self._sent(asked, begin)

    async def _sent(self, asked: Request, begin: Begin) -> Head:
        url = asked.url

        def look(head: Head) -> Take | None:
            if head.cookies:
                self._cookies().keep(url, head.cookies)
            if head.status in REDIRECTS and "location" in head.headers:
                return None  # nobody wants the body of a redirect
            return begin(url, head)

        proxy = self._proxy_for(url)
        if proxy is not None:
            return await self._through_proxies().exchange(asked, self._headers(asked), proxy, look)
        written = asked.written(self._fields(asked))
        while True:
            connection = await self._connection(url, is_new=asked.method != "GET")
            try:
                head = await connection.get(written, look, has_body=asked.method != "HEAD")
                break
            except BrokenError as error:
                if error.fresh or asked.patience is not None:
                    raise  # how often to ask for what resolves a title is for the engine to say
        if connection.is_open:
            self._resting.rest(origin(url), connection)
        return head

    def _proxy_for(self, url: str) -> str | None:
        place = origin(url)
        if place not in self._proxies:
            self._proxies[place] = proxies.proxy_for(place, self._proxy)
        return self._proxies[place]

    async def _connection(self, url: str, *, is_new: bool) -> Connection:
        """One that rests, where it may be asked again if it was closed meanwhile; else a new one."""
        if not is_new and (rested := self._resting.take(origin(url))) is not None:
            return rested
        scheme, host, port = place(url)
        if scheme == "https" and self._tls is None:
            self._tls = trusting()
        tls = self._tls if scheme == "https" else None
        return await self._resting.opened(connect(host, port, tls, self._piece))

    def _fields(self, asked: Request) -> bytes:
        """The headers of a request as bytes, which are the same for most."""
        if asked.method != "GET" or asked.headers or self._jar is not None:
            return fields(asked.url, self._headers(asked))
        site, _ = split(escaped(asked.url))
        if site not in self._plain:
            self._plain[site] = fields(asked.url, self._headers(asked))
        return self._plain[site]

    def _headers(self, asked: Request) -> dict[str, str]:
        site, _ = split(escaped(asked.url))
        trusted = self._trusted.get(origin(asked.url), ())
        if site not in self._preambles:
            target, credentials = without_credentials(site)
            own = [("Host", urlsplit(target).netloc), ("User-Agent", _AGENT), ("Accept", "*/*")]
            self._preambles[site] = [*own, ("Accept-Encoding", "identity"), *credentials, *trusted]
        headers = [*self._preambles[site], *asked.headers]
        if self._jar is not None:
            headers += self._jar.sent(asked.url, headers)
        return once(headers)

    def _cookies(self) -> Jar:
        if self._jar is None:
            from offlinedl.http.jar import Jar  # it is aiohttp's, and large

            self._jar = Jar()
        return self._jar

    def _through_proxies(self) -> Session:
        if self._session is None:
            from offlinedl.http.session import Session  # aiohttp is large, and most need no proxy

            self._session = Session(self._connections, self._stall_seconds, self._piece)
        return self._session


def _answer(url: str, head: Head, content: bytearray, size: int | None) -> Answer:
    return Answer(url=address(url), status=head.status, headers=head.headers, body=bytes(content), size=size)


def _ranged(range: ByteRange | None) -> Headers:
    return () if range is None else (("Range", f"bytes={range.first}-{range.last}"),)
