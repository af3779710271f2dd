"""GET after GET over one open connection, each body straight to where it goes (HTTP/1.1, RFC 9112).

Whoever asks looks at the head first, and takes the body or leaves it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from offlinedl.http.answer import Head
from offlinedl.http.framing import Chunks, Framing, Stated, TornError, UntilClosed

Take = Callable[[memoryview], float]
"""Takes the next bytes of a body, and says for how many seconds no more are to be read."""

LARGEST_PIECE = 256 * 1024
_LONGEST_HEAD = 64 * 1024
_LONGEST_WASTE = 64 * 1024
_PIECES_AHEAD, _LEAST_AHEAD = 4, 16 * 1024
"""How much the system may read ahead of who reads slowly. With less, the other side waits for more room between any
two packets, and nothing comes near the rate."""

_EMPTY = (204, 304)
_BEGINNING = b"HTTP/1."


class Room(threading.local):
    """One buffer for all connections of a thread, for what came is handed over at once: it stays in the processor's
    cache. Other threads have other loops, and one of their own."""

    def __init__(self) -> None:
        self.came = bytearray(LARGEST_PIECE + _LONGEST_HEAD)
        self.view = memoryview(self.came)


_ROOM = Room()


class BrokenError(ConnectionError):
    """The connection ended, or what came is not HTTP. `fresh` is False where it had served before and not a byte of
    this answer came: servers close connections that rest, and asking again is no second attempt."""

    def __init__(self, message: str, *, fresh: bool = True) -> None:
        super().__init__(message)
        self.fresh = fresh


class Connection(asyncio.BufferedProtocol):
    """An open connection. One exchange at a time, and at most `piece` bytes of it at once."""

    def __init__(self, piece: int) -> None:
        self.is_open = True
        self._transport: asyncio.Transport
        self._piece = piece
        self._kept = b""  # of a head that is not all there
        self._served = 0
        self._head: Head | None = None
        self._take: Take | None = None
        self._framing: Framing = Stated(0)
        self._answer: asyncio.Future[Head] | None = None
        self._begun = False
        self._has_body = True
        self._accept: Callable[[Head], Take | None] = _no_body

    async def get(self, request: bytes, accept: Callable[[Head], Take | None], *, has_body: bool = True) -> Head:
        """Send `request`, whole, and let `accept` see the head of the answer: it gives what takes the body, or
        None where it is not wanted. Returns when the body is through. Raises BrokenError, and what `accept` and the
        taking raise; the connection is closed then."""
        self._has_body = has_body
        self._accept, self._head, self._kept, self._take, self._begun = accept, None, b"", None, False
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        try:
            if not self.is_open:
                raise BrokenError("closed without an answer", fresh=not self._served)
            # With those of other connections, one after the other: what is sent alone wakes its server up, and that
            # takes longer than all the rest of sending it.
            loop.call_soon(self._send, request)
            head = await self._answer
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = None
        self._served += 1
        return head

    def _send(self, request: bytes) -> None:
        if not self.is_open:
            return
        try:
            self._transport.write(request)
        except OSError as error:  # TLS heard meanwhile that the other side ended it
            self._fail(BrokenError(f"closed without an answer{_detail(error)}", fresh=self._begun or not self._served))

    def close(self) -> None:
        """No more of it."""
        self.is_open = False
        self._transport.abort()

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is there."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - sockets and TLS have no other kind
        self._transport = transport
        if self._piece < LARGEST_PIECE:  # who reads slowly on purpose must not let the system read far ahead
            ahead = max(_PIECES_AHEAD * self._piece, _LEAST_AHEAD)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ahead)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side, or the network, ended it."""
        self.is_open = False
        if self._head and exc is None and isinstance(self._framing, UntilClosed):
            self._end()
        what = "cut off in the middle of the body" if self._head else f"closed without an answer{_detail(exc)}"
        self._fail(BrokenError(what, fresh=self._begun or not self._served))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        start, view = len(self._kept), _ROOM.view
        view[:start] = self._kept
        return view[start : start + self._piece]

    def buffer_updated(self, nbytes: int) -> None:
        """`nbytes` came."""
        if self._answer is None or self._answer.done():
            self.close()  # nobody asked
            return
        self._begun = True
        if self._head is not None:
            self._body(_ROOM.view[:nbytes])
        else:
            self._read_head(len(self._kept) + nbytes)

    def _read_head(self, filled: int) -> None:
        start, came = 0, _ROOM.came
        while (end := came.find(b"\r\n\r\n", start, min(filled, start + _LONGEST_HEAD))) >= 0:
            try:
                head = _parsed(bytes(came[start:end]))
            except ValueError as error:
                self._fail(BrokenError(f"not HTTP: {error}"))
                return
            start = end + 4
            if 100 <= head.status < 200:  # RFC 9110 section 15.2: an answer is still to come
                continue
            self._kept = b""
            self._begin(head, _ROOM.view[start:filled])
            return
        if filled - start > _LONGEST_HEAD:
            self._fail(BrokenError(f"more than {_LONGEST_HEAD} bytes of headers"))
        elif not _BEGINNING.startswith(came[start : min(filled, start + len(_BEGINNING))]):
            self._fail(BrokenError("not HTTP: its first line"))
        elif came.find(b"\n\n", start, filled) >= 0:
            self._fail(BrokenError("not HTTP: its lines"))
        else:
            self._kept = bytes(came[start:filled])

    def _begin(self, head: Head, data: memoryview) -> None:
        self._head = head
        try:
            self._take = self._accept(head)
        except Exception as error:
            self._fail(error)
            return
        if not self._has_body:  # RFC 9110 section 9.3.2: whatever length it states
            self._framing = Stated(0)
            self._body(data)
            return
        if self._take is None and (head.length is None or head.length > _LONGEST_WASTE):
            self._end()
            self.close()
            return
        if head.length is not None:
            self._framing = Stated(head.length)
        else:
            self._framing = Chunks() if "transfer-encoding" in head.headers else UntilClosed()
        self._body(data)

    def _body(self, data: memoryview) -> None:
        framing, take, pause = self._framing, self._take, 0.0
        try:
            for piece in framing.body(data) if len(data) else ():
                pause = max(pause, take(piece)) if take else 0.0
        except TornError as error:
            self._fail(BrokenError(f"not HTTP: {error}"))
            return
        except Exception as error:
            self._fail(error)
            return
        if framing.ended:
            self._end()
            if framing.beyond:
                self.close()  # bytes beyond what was promised: where the next answer begins cannot be known
        if pause > 0 and self.is_open:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(pause, self._go_on)

    def _go_on(self) -> None:
        if self.is_open and not self._transport.is_closing():
            self._transport.resume_reading()

    def _end(self) -> None:
        if self._answer is not None and not self._answer.done() and self._head is not None:
            self._answer.set_result(self._head)
            if "close" in self._head.headers.get("connection", "").lower():
                self.close()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


def _no_body(head: Head) -> None:
    return None


def _detail(error: Exception | None) -> str:
    said = error and (getattr(error, "strerror", None) or type(error).__name__)
    return f": {said}" if said else ""


def _parsed(head: bytes) -> Head:
    """RFC 9112 sections 4 and 5, strictly: what could be read in two ways is refused (section 11.2)."""
    text = head.decode("latin-1")
    line, *fields = text.split("\r\n")
    version, _, rest = line.partition(" ")
    number, _, reason = rest.partition(" ")
    if version not in {"HTTP/1.1", "HTTP/1.0"}:
        raise ValueError("its first line")
    if not text.count("\r") == text.count("\n") == len(fields) or "\0" in text:
        raise ValueError("its lines")
    if not (len(number) == 3 and number.isascii() and number.isdigit()):
        raise ValueError("its first line")
    pairs = [*map(_field, fields)]
    headers: dict[str, str] = dict(pairs)
    cookies: tuple[str, ...] = ()
    if len(headers) < len(pairs) or "set-cookie" in headers:
        headers, cookies = _joined(pairs)
    if version == "HTTP/1.0":
        headers["connection"] = "close"
    length = _length(int(number), version, headers)
    return Head(int(number), reason, headers, length, cookies)


def _joined(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Headers of which some come more than once (RFC 9110 section 5.3), and the cookies among them."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in pairs:
        if name == "set-cookie":
            cookies.append(value)
        elif name in headers and (name != "content-length" or headers[name] != value):
            if name == "content-length":
                raise ValueError("two lengths")
            headers[name] += f", {value}"
        else:
            headers[name] = value
    return headers, tuple(cookies)


@lru_cache(maxsize=64)
def _field(line: str) -> tuple[str, str]:
    """Name and value. A server says most of its lines again and again."""
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise ValueError("its headers")
    return name.lower(), value.strip(" \t")


def _length(status: int, version: str, headers: Mapping[str, str]) -> int | None:
    """RFC 9112 section 6.3; None where the body comes in chunks, or ends with its connection."""
    if status in _EMPTY:
        return 0
    stated, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if coding is not None and stated is not None:
        raise ValueError("two lengths")
    if coding is not None and (coding.lower() != "chunked" or version == "HTTP/1.0"):
        raise ValueError("its transfer coding")
    if stated is None:
        return None
    if not (stated.isascii() and stated.isdigit() and len(stated) < 20):
        raise ValueError("its length")
    return int(stated)
