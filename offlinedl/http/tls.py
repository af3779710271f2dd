"""Connections are opened, with TLS between them and their sockets where that is wanted (RFC 8446).

What asyncio has for it costs more for an answer of 50 KB than decrypting that does.
"""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from typing import Any

from offlinedl.http.exchange import LARGEST_PIECE, Connection, Room

_CONNECT_SECONDS = 15
_SEALED = Room()


def trusting() -> ssl.SSLContext:
    """Whom the system trusts is trusted. Nothing is agreed on anew (RFC 5746): to write never needs reading."""
    context = ssl.create_default_context()
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


async def connect(host: str, port: int, tls: ssl.SSLContext | None, piece: int = LARGEST_PIECE) -> Connection:
    """An open connection, both families of addresses tried (RFC 8305). Raises OSError, ssl.SSLError, TimeoutError."""
    connection = Connection(piece)
    sealed = Sealed(tls, host, connection) if tls else None
    async with asyncio.timeout(_CONNECT_SECONDS):
        transport, _ = await asyncio.get_running_loop().create_connection(
            lambda: sealed or connection, host, port, happy_eyeballs_delay=0.25
        )
        try:
            if sealed:
                await sealed.opened
        except BaseException:
            transport.abort()
            raise
    return connection


class Sealed(asyncio.BufferedProtocol, asyncio.Transport):
    """The protocol of a socket, and the transport of `inner`. `opened` is done when the server has shown who it is."""

    def __init__(self, context: ssl.SSLContext, host: str, inner: Connection) -> None:
        super().__init__()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._inner = inner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._socket: asyncio.Transport
        self._error: Exception | None = None
        self._is_open = self._is_paused = self._is_over = False

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - sockets have no other kind
        self._socket = transport
        self._go_on()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return _SEALED.view

    def buffer_updated(self, nbytes: int) -> None:
        """`nbytes` came."""
        self._incoming.write(_SEALED.view[:nbytes])
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side, or the network, ended it. Where that did not say so, somebody else may have (RFC 9112 section
        9.8): what ends with its connection is not whole."""
        cut = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        if self._is_open:
            self._inner.connection_lost(self._error or exc or (None if self._is_over else cut))
        elif not self.opened.done():
            self.opened.set_exception(self._error or exc or cut)

    def _go_on(self) -> None:
        try:
            if not self._is_open:
                self._tls.do_handshake()
                self._is_open = True
                self._inner.connection_made(self)
                self.opened.set_result(None)
            self._read()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._error = error
        self._send()
        if self._error:  # an alert has said why (section 6.2)
            self._socket.close()

    def _read(self) -> None:
        while self._incoming.pending or self._tls.pending():
            if self._is_paused or self._socket.is_closing():
                return
            count = self._opened_into(self._inner.get_buffer(LARGEST_PIECE))
            if count:
                self._inner.buffer_updated(count)

    def _opened_into(self, view: memoryview) -> int:
        """How many bytes there were, and room for."""
        count, room = 0, len(view)
        sealed, read = self._incoming, self._tls.read  # looked up once, for it is read record by record
        try:
            while some := read(room - count, view[count:]):
                count += some  # type: ignore[operator]  # with a buffer it is their number (SSLObject.read)
                if count == room or not sealed.pending:
                    return count
            self._is_over = True  # it said that no more comes (section 6.1)
            self._socket.close()
        except ssl.SSLWantReadError:  # the rest of a record is still to come
            pass
        return count

    def _send(self) -> None:
        if self._outgoing.pending:
            self._socket.write(self._outgoing.read())

    # asyncio.Transport

    def write(self, data: Any) -> None:
        """Send it all."""
        while data:
            data = data[self._tls.write(data) :]
        self._send()

    def pause_reading(self) -> None:
        """Hand over nothing for now."""
        self._is_paused = True
        self._socket.pause_reading()

    def resume_reading(self) -> None:
        """Hand over what came meanwhile, and what comes."""
        self._is_paused = False
        self._socket.resume_reading()
        self._go_on()

    def is_closing(self) -> bool:
        """Is it at its end?"""
        return self._socket.is_closing()

    def abort(self) -> None:
        """No more of it."""
        self._socket.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the socket knows of itself."""
        return self._socket.get_extra_info(name, default)
