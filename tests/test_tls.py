"""TLS: however it comes, what was sealed is what is taken, and nothing that was changed on its way."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from offlinedl.errors import NetworkError
from offlinedl.http import Http
from offlinedl.http.exchange import LARGEST_PIECE, BrokenError, Connection
from offlinedl.http.tls import Sealed, trusting
from tests import certificates
from tests.scripted import answer
from tests.test_exchange import BODY, LARGE, Taken

HOST = "127.0.0.1"


class Peer(asyncio.Transport):
    """The socket of a sealed connection, and the server at its other end."""

    def __init__(self, server: ssl.SSLContext, sealed: Sealed, end: socket.socket) -> None:
        super().__init__({"socket": end})
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = server.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.is_over = self.is_paused = False
        self.resumed = asyncio.Event()
        self._sealed = sealed

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._incoming.write(data)

    def is_closing(self) -> bool:
        return self.is_over

    def close(self) -> None:
        self.is_over = True

    abort = close

    def pause_reading(self) -> None:
        self.is_paused = True
        self.resumed.clear()

    def resume_reading(self) -> None:
        self.is_paused = False
        self.resumed.set()

    async def opens(self) -> None:
        """Shake hands."""
        self._sealed.connection_made(self)
        while not self._sealed.opened.done():
            with suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
            await self.bring(self._outgoing.read())
        await self._sealed.opened

    def seals(self, said: bytes) -> bytes:
        """What the server sends to say this."""
        while said:
            said = said[self.tls.write(said) :]
        return self._outgoing.read()

    def says_goodbye(self) -> bytes:
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self._outgoing.read()

    async def bring(self, data: bytes, step: int = 2**20) -> None:
        """Bytes that come in pieces of `step`, while they are wanted."""
        for first in range(0, len(data), step):
            if self.is_paused:
                await self.resumed.wait()
            if self.is_over:
                return
            piece = data[first : first + step]
            while piece:
                room = self._sealed.get_buffer(-1)
                count = min(len(room), len(piece))
                room[:count] = piece[:count]
                self._sealed.buffer_updated(count)
                piece = piece[count:]


Talk = Callable[[Peer], Awaitable[None]]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server needs that is trusted here."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    return certificates.server(tmp_path / "certificate.pem")


def talked(server: ssl.SSLContext, talk: Talk, *, piece: int = LARGEST_PIECE, pause: float = 0.0) -> bytes:
    """What came of an answer, of which `talk` tells how it comes. Then the server hangs up."""

    async def main() -> bytes:
        connection, taken = Connection(piece), Taken(pause=pause)
        sealed = Sealed(trusting(), HOST, connection)
        with socket.socket() as end:
            peer = Peer(server, sealed, end)
            await peer.opens()
            asking = asyncio.ensure_future(connection.get(b"GET", taken.accept))
            for _ in range(2):  # it is asked for, and goes out in the turn after that
                await asyncio.sleep(0)
            assert peer.tls.read() == b"GET"
            await talk(peer)
            sealed.connection_lost(None)
            await asking
            return bytes(taken.body)

    return asyncio.run(main())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("step", "piece", "pause"),
    [
        pytest.param(2**20, LARGEST_PIECE, 0.0, id="at once"),
        pytest.param(2**20, 70_000, 0.0, id="more than there is room for"),
        pytest.param(1021, LARGEST_PIECE, 0.0, id="less than a record"),
        pytest.param(2**20, 70_000, 0.001, id="held to a rate"),
        pytest.param(16_384 + 22, 70_000, 0.001, id="a record at a time, held to a rate"),
    ],
)
def test_what_was_sealed_is_what_is_taken(
    version: ssl.TLSVersion, step: int, piece: int, pause: float, server: ssl.SSLContext
) -> None:
    server.maximum_version = version

    async def talk(peer: Peer) -> None:
        await peer.bring(peer.seals(answer(LARGE)), step)
        while peer.is_paused:  # what came is there: the rest of it waits inside
            await peer.resumed.wait()
            await asyncio.sleep(0)

    assert talked(server, talk, piece=piece, pause=pause) == LARGE


def test_each_byte_by_itself(server: ssl.SSLContext) -> None:
    async def talk(peer: Peer) -> None:
        await peer.bring(peer.seals(answer(BODY)), 1)

    assert talked(server, talk) == BODY


@pytest.mark.parametrize("place", [0, 5, 600, -1])
def test_a_byte_that_was_changed_ends_it(place: int, server: ssl.SSLContext) -> None:
    """RFC 8446 section 5.2: also where the body ends with the connection, it is not whole."""

    async def talk(peer: Peer) -> None:
        await peer.bring(peer.seals(answer(BODY, length=None)))
        changed = bytearray(peer.seals(BODY))
        changed[place] ^= 0x55
        await peer.bring(bytes(changed))
        assert peer.is_over

    with pytest.raises(BrokenError, match="cut off"):
        talked(server, talk)


@pytest.mark.parametrize("length", [None, len(BODY)], ids=["with its goodbye", "with its length"])
def test_a_goodbye_ends_a_connection(length: int | None, server: ssl.SSLContext) -> None:
    """RFC 8446 section 6.1."""

    async def talk(peer: Peer) -> None:
        await peer.bring(peer.seals(answer(BODY, length=length)) + peer.says_goodbye())
        assert peer.is_over

    assert talked(server, talk) == BODY


def test_what_ends_without_a_goodbye_is_not_whole(server: ssl.SSLContext) -> None:
    """RFC 9112 section 9.8: where nothing else says how long it is, anybody may have cut it off."""

    async def talk(peer: Peer) -> None:
        await peer.bring(peer.seals(answer(BODY, length=None)))

    with pytest.raises(BrokenError, match="cut off"):
        talked(server, talk)


Manner = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(manner: Manner, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of a server that talks in this manner to each who comes."""
    async with await asyncio.start_server(manner, HOST, 0, ssl=tls) as running:
        yield f"https://{HOST}:{running.sockets[0].getsockname()[1]}/x"


async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
    writer.write(answer(await reader.readexactly(length)))


async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def speaks_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(BODY))


def test_what_is_sent_is_sent_whole(server: ssl.SSLContext) -> None:
    """More than one record holds."""

    async def main() -> bytes:
        async with listening(echoes, server) as url, Http() as http:
            return (await http.post(url, LARGE[:300_000], [])).body

    assert asyncio.run(main()) == LARGE[:300_000]


@pytest.mark.parametrize("manner", [hangs_up, speaks_plainly])
def test_who_does_not_speak_it_is_said(manner: Manner) -> None:
    async def main() -> None:
        async with asyncio.timeout(10), listening(manner) as url, Http() as http:
            await http.get(url)

    with pytest.raises(NetworkError, match=r"/x: (Connection reset by peer|.*SSL)"):
        asyncio.run(main())


def test_who_is_another_is_not_spoken_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    other = certificates.server(tmp_path / "certificate.pem", address="127.0.0.2")

    async def main() -> None:
        async with listening(echoes, other) as url, Http() as http:
            await http.get(url)

    with pytest.raises(NetworkError, match="not trusted: IP address mismatch"):
        asyncio.run(main())
