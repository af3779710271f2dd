"""HTTP, with the settings without which bytes go wrong. The only door to aiohttp's client.

Nothing is decompressed, no URL is rewritten, nothing is believed that the headers contradict, and headers that a
person gave for one origin never reach another.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote, urljoin, urlsplit

import aiohttp
from yarl import URL

from offlinedl import __version__
from offlinedl.errors import DamagedError, NetworkError, UnsupportedError, UsageError, shown
from offlinedl.streams import ByteRange

Headers = Sequence[tuple[str, str]]
Enough = Callable[[bytes], bool]
"""Looks at the beginning of a body, and says whether that is all that is wanted of it."""

_MIB = 1024 * 1024
_FIRST_LOOK = 64 * 1024
_CONNECT_SECONDS = 15
_STALL_SECONDS = 30
_LONGEST_HEADER = 65536
_HARMLESS = {"Range", "Content-Type"}
"""Request headers that say nothing of who asks: they go along to another origin."""
_READ_BUFFER = 128 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer: the `url` that it came from in the end, its `status`, `headers` (lower-case names), `body`.

    `size` is the number of bytes of the whole resource, of which `body` may be a part; None where it is not said.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int | None = None


class Body:
    """The body of an answer that was checked against what was asked for.

    `url` is where it came from in the end; `headers` have lower-case names; `length` is the number of bytes that must
    come, None where the server does not say (chunked); `status` is 200 or 206.
    """

    def __init__(self, response: aiohttp.ClientResponse, length: int | None, skip: int | None = None) -> None:
        self.url = str(response.url)
        self.status = response.status
        self.headers = _headers(response)
        self.length = length
        self._response = response
        self._skip = skip

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes as they come. Raises NetworkError where they are not as many as were promised."""
        left, received = self._skip or 0, 0
        with _translated(self.url):
            async for data in self._response.content.iter_any():
                chunk = data[left:] if left else data
                left = max(0, left - len(data))
                if self.length is not None:
                    chunk = chunk[: self.length - received]
                received += len(chunk)
                if chunk:
                    yield chunk
                if self._skip is not None and received == self.length:
                    break  # the server sent more than the range that was asked for: the rest is not wanted
        if self.length is not None and received != self.length:
            raise NetworkError(f"{shown(self.url)}: {received} bytes came of {self.length} promised")

    @property
    def size(self) -> int | None:
        """Bytes of the whole resource (RFC 9110 sections 8.6 and 14.4); None where it is not said."""
        if self.status != 206:
            return self._response.content_length
        total = self.headers.get("content-range", "").rpartition("/")[2].strip()
        return int(total) if total.isascii() and total.isdigit() else None


class Http:
    """One session. Open it with `async with`. `redirects` is how many are followed for one request."""

    def __init__(self, *, connections: int = 8, redirects: int = 10) -> None:
        self._connections = connections
        self._redirects = redirects
        self._trusted: dict[str, Headers] = {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_STALL_SECONDS),
            headers={"User-Agent": f"offlinedl/{__version__}", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # hosts named by address have cookies too
            auto_decompress=False,
            requote_redirect_url=False,
            read_bufsize=_READ_BUFFER,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        # aiohttp repeats a request whose connection was dropped, unseen: how often to try is for the engine to say.
        self._session._retry_connection = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    def trust(self, url: str, headers: Headers) -> None:
        """Send `headers`, and what user info `url` holds, with every request to its origin, and to no other."""
        self._trusted[origin(url)] = [*_without_credentials(url)[1], *headers]

    async def get(
        self, url: str, *, range: ByteRange | None = None, limit: int = 64 * _MIB, enough: Enough | None = None
    ) -> Answer:
        """A whole resource, or `range` of it, of at most `limit` bytes. No more is read once `enough` says so."""
        async with self.stream(url, range=range) as body, aclosing(body.chunks()) as chunks:
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
        size = len(content) if whole and range is None else body.size
        return Answer(url=body.url, status=body.status, headers=body.headers, body=bytes(content), size=size)

    async def post(self, url: str, body: bytes, headers: Headers, *, limit: int = _MIB) -> Answer:
        """Send `body`; any status is an answer. Reads at most `limit` bytes of it."""
        async with self._request("POST", url, headers, body) as response:
            with _translated(url):
                content = await response.content.read(limit)
                while len(content) < limit and (more := await response.content.read(limit - len(content))):
                    content += more
            return Answer(url=str(response.url), status=response.status, headers=_headers(response), body=content)

    @asynccontextmanager
    async def stream(self, url: str, *, range: ByteRange | None = None) -> AsyncIterator[Body]:
        """The body of a resource, or of `range` of it. Anything but success is an error."""
        headers = [] if range is None else [("Range", f"bytes={range.first}-{range.last}")]
        async with self._request("GET", url, headers, None) as response:
            yield _checked(response, range)

    @asynccontextmanager
    async def _request(
        self, method: str, url: str, headers: Headers, body: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Follow redirects by our own rules: http(s) only, never from https to http, headers stay at their origin."""
        first = origin(url)
        for _ in range(self._redirects + 1):
            own = headers if origin(url) == first else [h for h in headers if h[0] in _HARMLESS]
            target, credentials = _without_credentials(url)
            sent = [*credentials, *self._trusted.get(origin(url), ()), *own]
            with _translated(url):
                response = await self._session.request(
                    method, URL(_escaped(target), encoded=True), headers=dict(sent), data=body, allow_redirects=False
                )
            async with response:
                location = response.headers.get("Location")
                if response.status not in {301, 302, 303, 307, 308} or location is None:
                    yield response
                    return
                url = _redirected(url, location, response.status, method)
        raise NetworkError(
            f"{shown(url)}: more than {self._redirects} redirects", "the server sends requests in a circle"
        )


def origin(url: str) -> str:
    """Scheme, host and port (RFC 6454 section 4). Raises UnsupportedError for anything but http and https."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        raise UnsupportedError(f"{shown(url)}: not an http or https URL", "only http and https are fetched") from None
    if not parts.hostname:
        raise UnsupportedError(f"{shown(url)}: a URL without a host", "check the address")
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _redirected(url: str, location: str, status: int, method: str) -> str:
    try:
        target = urljoin(url, location)
        target.encode()
    except ValueError:  # also letters that are none
        raise NetworkError(f"{shown(url)}: redirects to what is not a URL", "tell the service") from None
    if origin(url).startswith("https:") and not target.lower().startswith("https:"):
        raise NetworkError(f"{shown(url)}: redirects from https to {shown(target)}", "a downgrade is never followed")
    if method == "POST" and status not in {307, 308}:
        raise NetworkError(f"{shown(url)}: answers a POST with status {status} to {shown(target)}", status=status)
    origin(target)
    return target


def _without_credentials(url: str) -> tuple[str, Headers]:
    """`url` without user info, and that as the header that it stands for (RFC 7617)."""
    parts = urlsplit(url)
    info, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, []
    user, _, password = info.partition(":")
    token = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    return parts._replace(netloc=host).geturl(), [("Authorization", f"Basic {token}")]


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _checked(response: aiohttp.ClientResponse, range: ByteRange | None) -> Body:
    """The body, if the status and headers are those of what was asked for."""
    url, status, headers = shown(str(response.url)), response.status, response.headers
    if status not in {200, 206} or (status == 206 and range is None):
        raise NetworkError(f"{url}: status {status} {response.reason or ''}".rstrip(), _advice(status), status=status)
    if headers.get("Content-Encoding", "identity") != "identity":
        raise NetworkError(f"{url}: sent as {headers['Content-Encoding']}, though that was not asked for")
    if status == 206 and range is not None:
        got = headers.get("Content-Range", "").partition("/")[0]
        if got != f"bytes {range.first}-{range.last}":
            raise NetworkError(f"{url}: asked for bytes {range.first}-{range.last}, got {got or 'an unnamed range'}")
        if response.content_length not in {range.size, None}:
            raise NetworkError(f"{url}: a range of {range.size} bytes, and {response.content_length} are announced")
        return Body(response, range.size)
    length = response.content_length
    if range is None:
        return Body(response, length)
    if length is not None and length <= range.last:
        raise NetworkError(f"{url}: {length} bytes long, byte {range.last} was to be there")
    return Body(response, range.size, skip=range.first)


def _advice(status: int) -> str:
    if status in {401, 403}:
        return "the address may have expired, or needs a login: try again with a fresh one"
    if status in {404, 410}:
        return "the server does not have it: run it again later, or tell the service"
    return "run it again later: what is done is kept"


def _escaped(url: str) -> str:
    """`url` with only that escaped which no request line may hold: a signature covers the rest as it stands."""
    return quote(url.partition("#")[0], safe="%!$&'()*+,/:;=?@[]~|{}^`\\\"<>")


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """aiohttp's errors in the house's words."""
    try:
        yield
    except (aiohttp.InvalidURL, UnicodeError) as error:
        raise NetworkError(f"{shown(url)}: not a URL that can be asked", "tell the service") from error
    except ValueError as error:  # a header that would become two, or that no request can carry
        raise UsageError(f"{shown(url)}: this cannot be sent: {error}", "check the headers") from error
    except TimeoutError as error:
        raise NetworkError(f"{shown(url)}: nothing came for too long", "run it again: what is done is kept") from error
    except (aiohttp.ClientError, ConnectionError) as error:
        said = getattr(error, "os_error", None) or error
        raise NetworkError(
            f"{shown(url)}: {getattr(said, 'strerror', None) or type(said).__name__}",
            "check the connection, then run it again: what is done is kept",
        ) from error
