"""Requests through a proxy. The only door to aiohttp's client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import aiohttp
from yarl import URL

from offlinedl.errors import NetworkError, shown
from offlinedl.http.address import escaped, place, without_credentials
from offlinedl.http.answer import Head
from offlinedl.http.exchange import Take
from offlinedl.http.failures import CHECK, NOT_A_URL, said
from offlinedl.http.request import Request

_CONNECT_SECONDS = 15
_LONGEST_HEADER = 65536
_READ_BUFFER = 128 * 1024
_WORDS = {
    aiohttp.ServerDisconnectedError: "closed without an answer",
    aiohttp.ClientPayloadError: "cut off in the middle of the body",
    aiohttp.ClientResponseError: "not HTTP",
}


class Session:
    """At most so many `connections` at once. An answer of which nothing comes for `stall_seconds` is given up; bodies
    are read in pieces of at most `piece` bytes."""

    def __init__(self, connections: int, stall_seconds: float, piece: int) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=stall_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            requote_redirect_url=False,
            read_bufsize=min(_READ_BUFFER, piece),
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        # aiohttp repeats a request whose connection was dropped, unseen: how often to try is for the engine to say.
        self._session._retry_connection = False

    async def close(self) -> None:
        """No more of it."""
        await self._session.close()

    async def exchange(
        self, asked: Request, headers: Mapping[str, str], proxy: str, look: Callable[[Head], Take | None]
    ) -> Head:
        """Send a request through `proxy`, with all its `headers`. For the rest see Connection.get."""
        with _translated(asked.url):
            async with self._session.request(
                asked.method,
                URL(escaped(without_credentials(asked.url)[0]), encoded=True),
                headers=headers,
                data=asked.body or None,
                allow_redirects=False,
                proxy=proxy,
            ) as response:
                head = _head_of(response)
                take = look(head)
                if take is not None:
                    async for chunk in response.content.iter_any():
                        pause = take(memoryview(chunk)) if chunk else 0.0
                        if pause > 0:
                            await asyncio.sleep(pause)
                return head


def _head_of(response: aiohttp.ClientResponse) -> Head:
    return Head(
        status=response.status,
        reason=response.reason or "",
        headers={name.lower(): _latin(value) for name, value in response.headers.items()},
        length=response.content_length,
        cookies=tuple(response.headers.getall("Set-Cookie", ())),
    )


def _latin(value: str) -> str:
    """As an exchange has it: a letter for each byte."""
    return value.encode("utf-8", "surrogateescape").decode("latin-1")


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """What only aiohttp says, in the house's words; the rest is for http.failures."""
    try:
        yield
    except aiohttp.InvalidURL as error:
        raise NetworkError(f"{shown(url)}: {NOT_A_URL}", "tell the service") from error
    except (aiohttp.ClientConnectorCertificateError, TimeoutError):
        raise
    except aiohttp.ClientError as error:
        whose = "the proxy: " if _is_of_proxy(error, url) else ""
        raise NetworkError(f"{shown(url)}: {whose}{_said(error)}", CHECK) from error


def _is_of_proxy(error: aiohttp.ClientError, url: str) -> bool:
    """Was it another server than that of `url` that could not be reached? Then it was to pass the request on."""
    return isinstance(error, aiohttp.ClientConnectorError) and (error.host, error.port) != place(url)[1:]


def _said(error: aiohttp.ClientError) -> str:
    told = getattr(error, "os_error", None) or error
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy: status {error.status}"
    return _WORDS.get(type(told)) or said(told)
