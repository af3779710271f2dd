"""What stands between a client and an origin: TLS in front of it, and an HTTP proxy."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def tls(target: str, context: ssl.SSLContext) -> Iterator[str]:
    """The origin at `target`, over TLS: its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _joined(reader, writer, *await _opened(target))

    with _listening(serve, context) as port:
        yield f"https://127.0.0.1:{port}"


@dataclass
class Proxy:
    """A running proxy. `asked` are the heads of the requests that it heard. It asks for `login`, where there is one."""

    login: str = ""
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request (RFC 9110 sections 9.3.6 and 7.8, RFC 9112 section 3.2.2)."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().removesuffix("\r\n\r\n")
        self.asked.append(head)
        line, *fields = head.split("\r\n")
        method, target, version = line.split(" ")
        if self.login and f"Proxy-Authorization: {self.login}" not in fields:
            writer.write(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        elif method == "CONNECT":
            origin = await _opened(f"//{target}")
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _joined(reader, writer, *origin)
        else:
            origin = await _opened(target)
            sent = [f for f in fields if not f.lower().startswith(("proxy-", "connection:"))]
            path = urlsplit(target)._replace(scheme="", netloc="").geturl()
            origin[1].write("\r\n".join([f"{method} {path} {version}", *sent, "Connection: close", "", ""]).encode())
            await _joined(reader, writer, *origin)


@contextmanager
def proxy(login: str = "") -> Iterator[Proxy]:
    """An HTTP proxy while the block runs."""
    running = Proxy(login)
    with _listening(running.serve) as running.port:
        yield running


async def _opened(target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(target)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _joined(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamReader, forth: asyncio.StreamWriter
) -> None:
    """Bytes go both ways until one side ends."""
    ways = {asyncio.ensure_future(_copied(reader, forth)), asyncio.ensure_future(_copied(back, writer))}
    _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in left:
        way.cancel()
    forth.close()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@contextmanager
def _listening(serve: Serve, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server in a thread of its own: its port."""
    loop = asyncio.new_event_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    async def stop() -> None:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    listening = loop.run_until_complete(asyncio.start_server(one, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
