"""GET after GET over one connection, against a server that says exactly what it was told to."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offlinedl.errors import NetworkError, OfflinedlError
from offlinedl.http import Head, Http, Take
from offlinedl.http.exchange import LARGEST_PIECE, BrokenError, Connection
from offlinedl.http.failures import translated
from offlinedl.streams import ByteRange
from tests.scripted import End, More, Scripted, Step, answer, scripted

BODY = bytes(range(256)) * 4
LARGE = bytes(range(251)) * 5000


@dataclass
class Taken:
    """What came of downloads: the heads that were accepted, and the bytes of the last body."""

    heads: list[Head] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    pause: float = 0.0

    def accept(self, head: Head) -> Take:
        self.heads.append(head)
        self.body.clear()
        return self.take

    def take(self, data: memoryview) -> float:
        assert len(data)
        self.body += data
        return self.pause


async def bodies(http: Http, *urls: str, range: ByteRange | None = None) -> list[bytes]:
    """One body after the other. Each was accepted once."""
    got = []
    for url in urls:
        taken = Taken()
        await http.download(url, range, taken.accept)
        assert len(taken.heads) == 1
        got.append(bytes(taken.body))
    return got


def asked(
    *conversations: Sequence[Step], count: int = 1, range: ByteRange | None = None, path: str = "/x"
) -> tuple[list[bytes], Scripted]:
    """So many downloads from a server with these conversations: the bodies, and the server afterwards."""

    async def main() -> tuple[list[bytes], Scripted]:
        async with asyncio.timeout(10), scripted(*conversations) as server, Http() as http:
            return await bodies(http, *[server.url + path] * count, range=range), server

    return asyncio.run(main())


# what is understood

UNDERSTOOD = [
    pytest.param(answer(BODY), BODY, id="plain"),
    pytest.param(answer(), b"", id="empty"),
    pytest.param(answer(LARGE), LARGE, id="larger than the buffer"),
    pytest.param(answer(BODY, status="200"), BODY, id="no reason"),
    pytest.param(answer(BODY, status="200 "), BODY, id="an empty reason"),
    pytest.param(answer(BODY, "Content-Length: 1024"), BODY, id="C27: the same length twice"),
    pytest.param(answer(BODY, "content-length:\t1024 \t", length=None), BODY, id="blanks around a value"),
    pytest.param(answer(BODY, "X-Odd: \xe9\xff:;\"", "X-Empty:"), BODY, id="odd values"),
    pytest.param(answer(BODY, *[f"X-{n}: {'v' * 300}" for n in range(200)]), BODY, id="60 kB of headers"),
    pytest.param(answer(BODY).replace(b"/1.1", b"/1.0"), BODY, id="HTTP/1.0"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(BODY), BODY, id="100 before it"),
    pytest.param(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2 + answer(BODY), BODY, id="103 twice before it"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("said", "body"), UNDERSTOOD)
def test_a_body_is_the_bytes_that_came(said: bytes, body: bytes) -> None:
    got, server = asked([said])
    assert got == [body]
    assert (server.connections, len(server.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("said", "connections"),
    [
        pytest.param(answer(BODY), 1, id="kept"),
        pytest.param(answer(BODY, "Connection: keep-alive"), 1, id="kept by name"),
        pytest.param(answer(BODY, "Connection: close"), 3, id="to be closed"),
        pytest.param(answer(BODY, "Connection: Keep-Alive, Close"), 3, id="to be closed, among other words"),
        pytest.param(answer(BODY, "Connection: x", "Connection: close"), 3, id="to be closed, on another line"),
        pytest.param(answer(BODY).replace(b"/1.1", b"/1.0"), 3, id="HTTP/1.0"),
        pytest.param(answer(BODY) + b"more", 3, id="C27: longer than promised"),
        pytest.param(answer(BODY) + answer(b"not asked for"), 3, id="an answer too many"),
    ],
)
def test_a_connection_is_used_again_where_that_is_safe(said: bytes, connections: int) -> None:
    """RFC 9112 section 9.3, and never after bytes that nobody asked for."""
    got, server = asked([said] * 3, count=3)
    assert got == [BODY] * 3
    assert server.connections == connections


CLOSED_AT_REST = [
    pytest.param([answer(BODY), End.CLOSED], id="before it is asked"),
    pytest.param([answer(BODY), End.RESET], id="reset before it is asked"),
    pytest.param([answer(BODY), b"", End.CLOSED], id="when it is asked"),
    pytest.param([answer(BODY), b"", End.RESET], id="reset when it is asked"),
    pytest.param([answer(BODY), More(answer(status="408 Request Timeout")), End.CLOSED], id="with a 408"),
]


@pytest.mark.parametrize("resting", CLOSED_AT_REST)
def test_a_connection_that_was_closed_while_it_rested_is_no_failure(resting: list[Step]) -> None:
    """Servers do that; whoever asks sees nothing of it."""
    got, _ = asked(resting, [answer(b"fresh")], count=2)
    assert got == [BODY, b"fresh"]


# what is refused

CHUNKED = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"


def chunked(body: bytes, coding: str = "chunked") -> bytes:
    return answer(body, f"Transfer-Encoding: {coding}", length=None)


REFUSED = [
    pytest.param([answer(BODY, "Content-Length: 9")], "two lengths", id="two lengths"),
    pytest.param([answer(CHUNKED, "Transfer-Encoding: chunked")], "two lengths", id="chunks and a length"),
    pytest.param([chunked(CHUNKED, "gzip, chunked")], "its transfer coding", id="compressed chunks"),
    pytest.param([chunked(CHUNKED, "chunked, chunked")], "its transfer coding", id="chunks in chunks"),
    pytest.param([chunked(CHUNKED).replace(b"/1.1", b"/1.0")], "its transfer coding", id="chunks of HTTP/1.0"),
    pytest.param([chunked(b"0x5\r\nhello\r\n0\r\n\r\n")], "its chunks", id="a chunk with another number"),
    pytest.param([chunked(b"-5\r\nhello\r\n0\r\n\r\n")], "its chunks", id="a negative chunk"),
    pytest.param([chunked(b" 5\r\nhello\r\n0\r\n\r\n")], "its chunks", id="a blank before a chunk"),
    pytest.param([chunked(b"\r\nhello\r\n0\r\n\r\n")], "its chunks", id="a chunk without a size"),
    pytest.param([chunked(b"5\nhello\n0\n\n")], "its chunks", id="chunks with LF alone"),
    pytest.param([chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n")], "its chunks", id="a bare CR in a chunk"),
    pytest.param([chunked(b"5\r\nhello!\r\n0\r\n\r\n")], "its chunks", id="more than the chunk"),
    pytest.param([chunked(b"%x\r\n" % 2**60)], "its chunks", id="a chunk beyond all"),
    pytest.param([chunked(b"5;" + b"x" * 5000)], "its chunks", id="an extension without end"),
    pytest.param([chunked(b"0\r\n" + b"X: y\r\n" * 20_000)], "its trailers", id="trailers without end"),
    pytest.param([chunked(b"5\r\nhello\r\n"), End.CLOSED], "cut off", id="C27: chunks without the last"),
    pytest.param([chunked(b"5\r\nhel"), End.CLOSED], "cut off", id="cut off in a chunk"),
    pytest.param([chunked(CHUNKED[:-2]), End.CLOSED], "cut off", id="cut off in the trailers"),
    pytest.param([answer(BODY, length=None), End.RESET], "cut off|reset", id="reset, where closed is the end"),
    pytest.param([answer(BODY, "Content-Length: +1024", length=None)], "its length", id="a length with a sign"),
    pytest.param([answer(BODY, "Content-Length: -1", length=None)], "its length", id="a negative length"),
    pytest.param([answer(BODY, "Content-Length: 0x400", length=None)], "its length", id="a hexadecimal length"),
    pytest.param([answer(BODY, "Content-Length: 1024, 1024", length=None)], "its length", id="a list of lengths"),
    pytest.param([answer(BODY, "Content-Length:", length=None)], "its length", id="an empty length"),
    pytest.param([answer(BODY, f"Content-Length: {'9' * 20}", length=None)], "its length", id="a length beyond all"),
    pytest.param([answer(BODY, "X-Folded: a\r\n b")], "its headers", id="a folded header"),
    pytest.param([answer(BODY, " X-Blank: before")], "its headers", id="a blank before a name"),
    pytest.param([answer(BODY, "X-Blank : after")], "its headers", id="a blank after a name"),
    pytest.param([answer(BODY, "no colon")], "its headers", id="no colon"),
    pytest.param([answer(BODY, ": no name")], "its headers", id="no name"),
    pytest.param([answer(BODY, "X-Two: a\nX-Other: b")], "its lines", id="a bare LF in a header"),
    pytest.param([answer(BODY, "X-Two: a\rX-Other: b")], "its lines", id="a bare CR in a header"),
    pytest.param([answer(BODY, "X-Zero: a\0b")], "its lines", id="a zero in a header"),
    pytest.param([answer(BODY).replace(b"\r", b"")], "its lines", id="lines that end with LF alone"),
    pytest.param([b"\r\n" + answer(BODY)], "not HTTP", id="an empty line first"),
    pytest.param([answer(BODY, status="20 OK")], "its first line", id="a status of two digits"),
    pytest.param([answer(BODY, status="2000 OK")], "its first line", id="a status of four digits"),
    pytest.param([answer(BODY, status="\xb2\xb2\xb2 OK")], "its first line", id="digits of another kind"),
    pytest.param([answer(BODY).replace(b"HTTP/1.1", b"HTTP/3.0")], "not HTTP", id="another version"),
    pytest.param([answer(BODY).replace(b"HTTP", b"ICY")], "not HTTP", id="another protocol"),
    pytest.param([b"220 mail.test ESMTP\r\n"], "not HTTP", id="another service"),
    pytest.param([More(b"SSH-2.0-OpenSSH_9.2\r\n"), b""], "not HTTP", id="another service, which speaks first"),
    pytest.param([b"\x15\x03\x01\x00\x02\x02\x46"], "not HTTP", id="TLS where there should be none"),
    pytest.param([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000], "of headers", id="headers without end"),
    pytest.param([b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2**20], "of headers", id="a header without end"),
    pytest.param([answer(BODY[:-1], length=1024), End.CLOSED], "cut off", id="C27: shorter than promised"),
    pytest.param([answer(BODY[:-1], length=1024), End.RESET], "cut off|reset", id="reset in the middle of the body"),
    pytest.param([answer(length=1024), End.CLOSED], "cut off", id="B13: nothing of what was promised"),
    pytest.param([b"HTTP/1.1 200", End.CLOSED], "without an answer", id="closed in the middle of the head"),
    pytest.param([b"", End.CLOSED], "without an answer", id="closed after the request"),
    pytest.param([b"", End.RESET], "reset", id="reset after the request"),
    pytest.param([End.CLOSED], "without an answer|reset", id="closed before the request"),
    pytest.param([End.RESET], "reset|without an answer", id="reset before the request"),
    pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n", End.CLOSED], "without an answer", id="nothing after 100"),
    pytest.param([answer(BODY, status="204 No Content")], "status 204", id="204"),
    pytest.param([answer(status="304 Not Modified", length=1024)], "status 304", id="304"),
    pytest.param([answer(BODY, status="206 Partial Content")], "status 206", id="206 to what asked for all"),
    pytest.param([answer(BODY, "Content-Encoding: gzip")], "sent as gzip", id="C27: compressed"),
    pytest.param([answer(BODY, status="404 Not Found", length=None)], "status 404", id="404 without a length"),
    pytest.param(
        [answer(b"0\r\n\r\n", "Transfer-Encoding: chunked", status="503 No", length=None)], "503", id="503 in chunks"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "said"), REFUSED)
def test_what_is_not_an_answer_is_refused_at_once(steps: list[Step], said: str) -> None:
    """RFC 9112 section 11.2: what could be read in two ways is not read. And no second attempt is made unseen."""

    async def main() -> Scripted:
        async with asyncio.timeout(10), scripted(steps) as server, Http() as http:
            with pytest.raises(NetworkError, match=said) as refused:
                await bodies(http, f"{server.url}/x?sig=secret")
            assert "secret" not in refused.value.message
            assert not len(http._resting)
            return server

    assert asyncio.run(main()).connections == 1


MANY = 6


@pytest.mark.parametrize("end", [[], [End.CLOSED]], ids=["left open", "closed by the servers"])
def test_no_more_connections_are_open_than_there_may_be_however_many_origins_there_are(end: list[Step]) -> None:
    async def main() -> list[Scripted]:
        async with AsyncExitStack() as opened:
            servers = [await opened.enter_async_context(scripted([answer(BODY), *end])) for _ in range(MANY)]
            http = await opened.enter_async_context(Http(connections=4))
            for server in servers:
                await asyncio.gather(*[bodies(http, f"{server.url}/x") for _ in range(4)])
            async with asyncio.timeout(10):
                while sum(server.open for server in servers) > 4:  # noqa: ASYNC110 - servers see it some turns later
                    await asyncio.sleep(0)
            return servers

    assert [server.connections for server in asyncio.run(main())] == [4] * MANY


def test_connections_to_several_origins_are_used_again_while_there_is_room_for_them() -> None:
    async def main() -> list[int]:
        says = [answer(BODY)] * 5
        async with scripted(says) as one, scripted(says) as other, Http(connections=2) as http:
            await bodies(http, *[f"{one.url}/x", f"{other.url}/x"] * 5)
            assert len(http._resting) == 2
            return [one.connections, other.connections]

    assert asyncio.run(main()) == [1, 1]


# what says in other ways where it ends

PART = "Content-Range: bytes 0-10/100"
UNSTATED = [
    pytest.param(answer(CHUNKED, "Transfer-Encoding: chunked", length=None), None, id="C27: chunks"),
    pytest.param(answer(b"hello world", "Connection: close", length=None), None, id="no length"),
    pytest.param(
        answer(CHUNKED, PART, "Transfer-Encoding: chunked", status="206 Partial Content", length=None),
        ByteRange(first=0, last=10),
        id="a range in chunks",
    ),
    pytest.param(answer(b"hello world and all"), ByteRange(first=0, last=10), id="B10: all for a range"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "range"), UNSTATED)
def test_a_body_without_a_stated_length_is_the_bytes_that_came(said: bytes, range: ByteRange | None) -> None:
    """And is asked for once."""
    got, server = asked([said, End.CLOSED] if b"close" in said else [said] * 3, count=3, range=range)
    assert got == [b"hello world"] * 3
    assert len(server.requests) == 3


@pytest.mark.parametrize("size", [0, 10, 12, 10**9])
def test_a_range_in_chunks_is_as_long_as_it_says(size: int) -> None:
    """What is beyond it is left; what is missing is missed."""
    said = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-10/100\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = said + b"%x\r\n" % size + b"hello world!"[:size] + b"\r\n0\r\n\r\n"
    if size < 11:
        with pytest.raises(NetworkError, match=f"{size} bytes came of 11 promised"):
            asked([chunks], range=ByteRange(first=0, last=10))
    else:
        assert asked([chunks], range=ByteRange(first=0, last=10))[0] == [b"hello world"]


CHUNKS = [
    pytest.param(b'B;name="a;b"\r\nhello world\r\n0\r\n\r\n', id="an extension"),
    pytest.param(b"00b \t\r\nhello world\r\n000\r\n\r\n", id="zeros before it and blanks after it"),
    pytest.param(b"b\r\nhello world\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n", id="trailers"),
]


@pytest.mark.parametrize("chunks", CHUNKS)
def test_what_is_said_beside_chunks_is_passed_over(chunks: bytes) -> None:
    """RFC 9112 sections 7.1.1 and 7.1.2."""
    said = answer(chunks, "Transfer-Encoding: chunked", length=None)
    got, server = asked([said] * 2, count=2)
    assert (got, server.connections) == ([b"hello world"] * 2, 1)


def test_a_redirect_is_followed_and_its_target_asked_once() -> None:
    moved = answer(b"over there", "Location: /there", status="302 Found")
    got, server = asked([moved, answer(BODY)] * 2, count=2)
    assert (got, server.targets, server.connections) == ([BODY] * 2, ["/x", "/there"] * 2, 1)


# what is sent


def test_a_request_says_what_is_wanted_and_no_more() -> None:
    _, server = asked([answer(BODY)], path="/a?b=c")
    line, *fields = server.requests[0].split("\r\n")
    assert line == "GET /a?b=c HTTP/1.1"
    assert {field.partition(":")[0] for field in fields} == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
    assert server.sent("Host") == [server.url.removeprefix("http://")]
    assert server.sent("Accept-Encoding") == ["identity"]


WRITTEN = ["/a%2Fb", "/%7Euser/~user", "/a[1].m4s", "/x?sig=a/b+c==&d=%3d", "/a//b/./c/../d", "/a|b{c}^`\\'\"<d>", "/"]


@pytest.mark.parametrize("path", WRITTEN)
def test_an_address_is_sent_as_it_was_written(path: str) -> None:
    """A signature covers it."""
    assert asked([answer(BODY)], path=path)[1].targets == [path]


@pytest.mark.parametrize(
    ("path", "sent"), [("/a b\t\u00e9", "/a%20b%09%C3%A9"), ("", "/"), ("?a=1", "/?a=1"), ("/x#part", "/x")]
)
def test_what_no_request_line_may_hold_is_escaped(path: str, sent: str) -> None:
    assert asked([answer(BODY)], path=path)[1].targets == [sent]


async def trusting(server: Scripted, work: Callable[[Http], Awaitable[None]], *headers: tuple[str, str]) -> None:
    async with asyncio.timeout(10), Http() as http:
        http.trust(server.url, headers)
        await work(http)


def sent_with(*headers: tuple[str, str], said: bytes = answer(BODY), user: str = "") -> Scripted:
    """Two downloads and a manifest, over a session that sends `headers`."""

    async def main() -> Scripted:
        async with scripted([said, said, said, said]) as server:
            url = server.url.replace("//", f"//{user}") + "/x"

            async def work(http: Http) -> None:
                await http.get(url)
                assert await bodies(http, url, url) == [BODY, BODY]

            await trusting(server, work, *headers)
            return server

    return asyncio.run(main())


@pytest.mark.parametrize("name", ["User-Agent", "user-agent", "USER-AGENT", "Accept", "accept-encoding"])
def test_a_header_that_a_person_gave_takes_the_place_of_ours(name: str) -> None:
    """Whatever the case of its letters, it is sent once."""
    assert sent_with((name, "mine")).sent(name) == ["mine"] * 3


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_login_that_a_person_gave_wins_over_that_of_the_address(name: str) -> None:
    assert sent_with((name, "Bearer x"), user="user:pass@").sent("Authorization") == ["Bearer x"] * 3


def test_user_info_is_sent_as_a_login_and_not_as_an_address() -> None:
    """RFC 7617."""
    server = sent_with(user="user:p%40ss@")
    assert server.sent("Authorization") == ["Basic dXNlcjpwQHNz"] * 3
    assert "@" not in "".join(server.targets) + "".join(map(str, server.sent("Host")))


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\nX-Other: b", "a\rX-Other: b", "a\r\n\r\nGET /y HTTP/1.1"])
def test_a_header_that_would_become_two_is_not_sent(value: str) -> None:
    async def main() -> None:
        async with scripted([answer(BODY)]) as server:

            async def work(http: Http) -> None:
                with pytest.raises(OfflinedlError) as refused:
                    await bodies(http, f"{server.url}/x")
                assert (refused.value.exit_code, server.connections) == (2, 0)

            await trusting(server, work, ("X-Token", value))

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/\ud800", "/?sig=\udfff"])
def test_an_address_with_what_is_no_letter_is_said(path: str) -> None:
    with pytest.raises(NetworkError, match="not a URL"):
        asked([answer(BODY)], path=path)


# cookies


def test_cookies_that_came_are_sent_from_then_on() -> None:
    """Also those that came with media, several at once, and changed."""
    first = answer(BODY, "Set-Cookie: a=1; Path=/", "Set-Cookie: b=2/3=; HttpOnly")
    second = answer(BODY, "Set-Cookie: a=; Max-Age=0", "Set-Cookie: c=4; Secure")
    _, server = asked([first, second, answer(BODY)], count=3)
    assert server.sent("Cookie") == [None, "a=1; b=2/3=", "b=2/3="]


def test_a_cookie_that_a_person_gave_stays_beside_those_that_came() -> None:
    server = sent_with(("Cookie", "login=mine; lang=en"), said=answer(BODY, "Set-Cookie: seen=1"))
    assert [sorted(str(sent).split("; ")) for sent in server.sent("Cookie")] == [
        ["lang=en", "login=mine"],
        ["lang=en", "login=mine", "seen=1"],
        ["lang=en", "login=mine", "seen=1"],
    ]


# addresses of all kinds


def test_a_host_may_be_an_address_of_the_newer_kind() -> None:
    async def main() -> None:
        async with scripted([answer(BODY)], host="::1") as server, Http() as http:
            assert await bodies(http, f"{server.url}/x") == [BODY]
            assert server.sent("Host") == [server.url.removeprefix("http://")]

    asyncio.run(main())


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_where_nobody_listens_is_said_so(host: str) -> None:
    url = f"http://{host}:{closed_port()}/x"

    async def main() -> list[str]:
        said = []
        async with Http() as http:
            for work in (bodies(http, url), http.get(url)):
                with pytest.raises(NetworkError) as failed:
                    await work
                said.append(failed.value.message)
        return said

    assert asyncio.run(main()) == [f"{url}: Connection refused"] * 2


def test_where_nobody_listens_at_any_address_of_a_host_is_said_so_too() -> None:
    """asyncio tells of several addresses in one text."""
    each = "[Errno 111] Connect call failed ('{}', 80)"
    error = OSError(f"Multiple exceptions: {each.format('::1')}, {each.format('127.0.0.1')}")
    assert str(translated("http://media.test/x", error)) == "http://media.test/x: Connection refused"


# however it comes


class Line(asyncio.Transport):
    """A transport without a network, which brings a connection what it is told to."""

    def __init__(self, connection: Connection, end: socket.socket) -> None:
        super().__init__({"socket": end})
        self.is_cut = self.is_paused = False
        self.resumed = asyncio.Event()
        self._connection = connection
        connection.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def is_closing(self) -> bool:
        return self.is_cut

    def pause_reading(self) -> None:
        self.is_paused = True
        self.resumed.clear()

    def resume_reading(self) -> None:
        self.is_paused = False
        self.resumed.set()

    def abort(self) -> None:
        self.is_cut = True

    async def bring(self, data: bytes) -> None:
        """Bytes that come at once, as far as there is room for them, and they are wanted."""
        while data and not self.is_cut:
            if self.is_paused:
                await self.resumed.wait()
            room = self._connection.get_buffer(-1)
            count = min(len(room), len(data))
            room[:count] = data[:count]
            self._connection.buffer_updated(count)
            data = data[count:]


Outcome = tuple[int | str, bytes, bool]
"""The status or what went wrong, the body as far as it came, and whether the connection can be used again."""


def outcome(pieces: Iterable[bytes], *, turns: bool = False, piece: int = LARGEST_PIECE, pause: float = 0.0) -> Outcome:
    """What becomes of these pieces, after which the other side hangs up. With `turns`, each comes by itself."""

    async def main() -> Outcome:
        with socket.socket() as end:
            connection, taken = Connection(piece), Taken(pause=pause)
            line = Line(connection, end)
            asking = asyncio.ensure_future(connection.get(b"", taken.accept))
            await asyncio.sleep(0)
            for data in pieces:
                await line.bring(data)
                if turns:
                    await asyncio.sleep(0)
            is_open = connection.is_open
            connection.connection_lost(None)
            try:
                return (await asking).status, bytes(taken.body), is_open
            except BrokenError as error:
                return str(error), bytes(taken.body), False

    return asyncio.run(main())


LINES = ["Content-Length: 5", "Connection: close", "X-A: b", 'ETag: "x"', "X-Odd: a\nb", "Transfer-Encoding: chunked"]
HINTS = [b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
STATUSES = ["200 OK", "206 Partial Content", "204 No Content", "404 Not Found", "20"]
BODIES = [
    CHUNKED,
    b"5;x\r\nhello\r\nlo\r\n",
    b"hello",
    b"hell",
    b"hello and more",
    b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"",
]


@st.composite
def scripts(draw: st.DrawFn) -> bytes:
    """What a server may say, whole or cut off."""
    before = draw(st.lists(st.sampled_from(HINTS), max_size=2))
    lines = draw(st.lists(st.sampled_from(LINES), max_size=3, unique=True))
    said = answer(draw(st.sampled_from(BODIES)), *lines, status=draw(st.sampled_from(STATUSES)), length=None)
    return (b"".join(before) + said)[: draw(st.none() | st.integers(0, 120))]


@given(scripts(), st.lists(st.integers(0, 200)), st.booleans(), st.sampled_from([1, 3, 64, LARGEST_PIECE]))
def test_however_an_answer_is_cut_into_pieces_it_is_the_same(
    said: bytes, cuts: list[int], turns: bool, piece: int
) -> None:
    pieces = [said[first:last] for first, last in pairwise([0, *sorted(cuts), len(said)])]
    assert outcome(pieces, turns=turns, piece=piece) == outcome([said])


WHOLE = b"HTTP/1.1 103 Hint\r\n\r\n" + answer(BODY, 'ETag: "x"')


@pytest.mark.parametrize("turns", [False, True], ids=["at once", "one after the other"])
def test_a_head_may_be_cut_anywhere(turns: bool) -> None:
    for place in range(len(WHOLE) - len(BODY) + 2):
        assert outcome([WHOLE[:place], WHOLE[place:]], turns=turns) == (200, BODY, True)


def test_two_connections_may_read_their_heads_and_bodies_in_turns() -> None:
    """They have one buffer."""

    async def main() -> list[bytes]:
        with socket.socket() as one_end, socket.socket() as other_end:
            both = [(Connection(LARGEST_PIECE), Taken(), end) for end in (one_end, other_end)]
            lines = [Line(connection, end) for connection, _, end in both]
            asking = [asyncio.ensure_future(connection.get(b"", taken.accept)) for connection, taken, _ in both]
            await asyncio.sleep(0)
            wholes = answer(b"one"), answer(b"other")
            for place in range(max(map(len, wholes))):
                for line, whole in zip(lines, wholes, strict=True):
                    await line.bring(whole[place : place + 1])
            await asyncio.gather(*asking)
            return [bytes(taken.body) for _, taken, _ in both]

    assert asyncio.run(main()) == [b"one", b"other"]


def test_two_threads_have_a_buffer_each() -> None:
    """An application may have a library in each: the system writes into one while the other reads what came."""
    mine = Connection(LARGEST_PIECE).get_buffer(-1)
    with ThreadPoolExecutor(1) as thread:
        other = thread.submit(lambda: Connection(LARGEST_PIECE).get_buffer(-1)).result()
    mine[:5], other[:5] = b"one  ", b"other"
    assert bytes(mine[:5]) == b"one  "


def test_a_request_that_cannot_be_sent_is_heard_of_at_once() -> None:
    """As where TLS heard that the other side ended it."""

    class Broken(Line):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            raise ssl.SSLEOFError(8, "EOF occurred in violation of protocol")

    async def main() -> None:
        with socket.socket() as end:
            connection = Connection(LARGEST_PIECE)
            line = Broken(connection, end)
            with pytest.raises(BrokenError, match="closed without an answer: EOF occurred") as broken:
                await connection.get(b"", Taken().accept)
            assert (broken.value.fresh, line.is_cut) == (True, True)

    asyncio.run(main())


def test_what_comes_before_anybody_asks_is_no_answer() -> None:
    """And no reason to ask again as if it had rested."""

    async def main() -> bool:
        with socket.socket() as end:
            connection = Connection(LARGEST_PIECE)
            await Line(connection, end).bring(answer(BODY))
            with pytest.raises(BrokenError, match="without an answer") as broken:
                await connection.get(b"", Taken().accept)
            return broken.value.fresh

    assert asyncio.run(main())


@pytest.mark.parametrize("piece", [1, 100, 1000, LARGEST_PIECE])
def test_no_more_is_read_at_once_than_was_said_and_nothing_during_a_pause(piece: int) -> None:
    """C60."""
    assert outcome([WHOLE], piece=piece, pause=0.00001) == (200, BODY, True)
