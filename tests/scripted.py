"""A server that says, byte for byte, what it was told to, and ends connections as it was told to.

async with scripted([b"HTTP/1.1 200 OK...", End.CLOSED], [b"..."]) as server:
    ...     the first connection has one answer and ends; the second, and all after it, have another
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum


class End(Enum):
    """How a server ends a connection that it does not leave open."""

    CLOSED = "closed"
    RESET = "reset"


@dataclass(frozen=True)
class More:
    """What is said without being asked."""

    said: bytes


@dataclass(frozen=True)
class Wait:
    """So many seconds of the loop's time pass."""

    seconds: float


Step = bytes | More | Wait | End
"""Bytes answer the next request."""


@dataclass
class Scripted:
    """A running server. `requests` are the heads that came, in their order; `connections` counts who connected, `open`
    who still is."""

    url: str = ""
    requests: list[str] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    def sent(self, name: str) -> list[str | None]:
        """What each request said in this header, None where it said nothing."""
        return [_value(request, name) for request in self.requests]

    @property
    def targets(self) -> list[str]:
        """The request targets, as they stood in the request lines."""
        return [request.split(" ", 2)[1] for request in self.requests]


def _value(request: str, name: str) -> str | None:
    fields = [line.partition(": ") for line in request.split("\r\n")[1:]]
    found = [value for key, _, value in fields if key.lower() == name.lower()]
    assert len(found) <= 1, f"{name} twice: {request}"
    return found[0] if found else None


@asynccontextmanager
async def scripted(
    *conversations: Sequence[Step], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Scripted]:
    """The server, while the block runs. The last conversation is that of all connections that come after it."""
    server = Scripted()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        steps = conversations[min(server.connections, len(conversations) - 1)]
        server.connections += 1
        server.open += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            for step in steps:
                await _do(step, server, reader, writer)
            await reader.read()
        server.open -= 1
        writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(serve(reader, writer)))

    listening = await asyncio.start_server(begin, host, 0, ssl=tls)
    shown = f"[{host}]" if ":" in host else host
    server.url = f"http{'s' if tls else ''}://{shown}:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _do(step: Step, server: Scripted, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if isinstance(step, bytes):
        server.requests.append((await reader.readuntil(b"\r\n\r\n")).decode().removesuffix("\r\n\r\n"))
        writer.write(step)
    elif isinstance(step, More):
        writer.write(step.said)
    elif isinstance(step, Wait):
        await asyncio.sleep(step.seconds)
    else:
        if step is End.RESET:
            at_once = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        await writer.drain()
        writer.close()
        raise ConnectionError


def answer(body: bytes = b"", *lines: str, status: str = "200 OK", length: int | None = -1) -> bytes:
    """A whole answer. `length` is what it promises, -1 the truth, None nothing."""
    promised = [] if length is None else [f"Content-Length: {len(body) if length == -1 else length}"]
    return "\r\n".join([f"HTTP/1.1 {status}", *promised, *lines, "", ""]).encode("latin-1") + body
