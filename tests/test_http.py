"""HTTP against origins that misbehave: bytes arrive as they are, or an error says why; secrets stay where they are."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from aiohttp import web

from offlinedl.demo.origin import DATA
from offlinedl.errors import DamagedError, NetworkError, OfflinedlError, StorageError, UnsupportedError
from offlinedl.http import Answer, Headers, Http
from offlinedl.streams import ByteRange
from tests import certificates
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Fault, Handler, Origin

SEGMENT = "/titles/harbour-1/v720/1.m4s"
BYTES = (DATA / SEGMENT.lstrip("/")).read_bytes()
TRUST: Headers = [("Authorization", "Bearer secret"), ("X-Token", "secret")]


@pytest.fixture
def elsewhere() -> Iterator[Origin]:
    """Another origin: the same host, another port."""
    with o.running() as running:
        yield running


def get(
    url: str,
    *,
    range: ByteRange | None = None,
    trusted: Sequence[str] = (),
    headers: Headers = TRUST,
    limit: int = 10**6,
) -> Answer:
    """A resource over a session of its own that sends `headers` to the origins of `trusted`."""

    async def main() -> Answer:
        async with Http() as http:
            for address in trusted:
                http.trust(address, headers)
            return await http.get(url, range=range, limit=limit)

    return asyncio.run(main())


def post(url: str, body: bytes, headers: Headers, limit: int = 10**6) -> Answer:
    async def main() -> Answer:
        async with Http() as http:
            return await http.post(url, body, headers, limit=limit)

    return asyncio.run(main())


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """A server with one answer, byte for byte as given, for whoever connects. It never hangs up first."""
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            kept.append(connection)
            connection.recv(65536)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in kept:
        connection.close()


def noting(seen: list[str]) -> Fault:
    """Answer, and note the request target as it stood in the request line."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        seen.append(request.raw_path)
        return web.Response(body=b"here")

    return fault


# headers and redirects


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_headers_of_one_origin_never_reach_another(code: int, origin: Origin, elsewhere: Origin) -> None:
    """C30."""
    origin.fault("/go", o.redirected(f"{elsewhere.url}{SEGMENT}", code))
    assert get(f"{origin.url}/go", trusted=[origin.url]).body == BYTES
    [first], [second] = origin.log, elsewhere.log
    assert (first.headers["Authorization"], first.headers["X-Token"]) == ("Bearer secret", "secret")
    assert not {"Authorization", "X-Token", "Referer"} & set(second.headers)


def test_headers_stay_over_redirects_within_their_origin(origin: Origin) -> None:
    origin.fault("/go", o.redirected(SEGMENT))
    get(f"{origin.url}/go", trusted=[f"{origin.url}/another/path"])
    assert [asked.headers.get("X-Token") for asked in origin.log] == ["secret", "secret"]


def test_each_origin_gets_its_own_headers(origin: Origin, elsewhere: Origin) -> None:
    async def main() -> None:
        async with Http() as http:
            http.trust(origin.url, [("X-Token", "one")])
            http.trust(elsewhere.url, [("X-Token", "two")])
            await http.get(f"{origin.url}/go")

    origin.fault("/go", o.redirected(f"{elsewhere.url}{SEGMENT}"))
    asyncio.run(main())
    assert [origin.log[0].headers["X-Token"], elsewhere.log[0].headers["X-Token"]] == ["one", "two"]


def test_a_range_goes_with_its_redirect(origin: Origin, elsewhere: Origin) -> None:
    origin.fault("/go", o.redirected(f"{elsewhere.url}{SEGMENT}"))
    assert get(f"{origin.url}/go", range=ByteRange(first=10, last=19)).body == BYTES[10:20]


def test_user_info_in_a_url_does_not_reach_the_redirects_target(origin: Origin, elsewhere: Origin) -> None:
    origin.fault("/go", o.redirected(f"{elsewhere.url}{SEGMENT}"))
    get(f"{origin.url.replace('//', '//user:pass@')}/go")
    assert origin.log[0].headers["Authorization"].startswith("Basic ")
    assert "Authorization" not in elsewhere.log[0].headers


def test_a_header_that_a_person_gave_wins_over_user_info_in_the_url(origin: Origin) -> None:
    url = f"{origin.url.replace('//', '//user:pass@')}{SEGMENT}"
    assert get(url, trusted=[origin.url]).body == BYTES
    assert origin.log[0].headers["Authorization"] == "Bearer secret"


def test_a_header_that_would_become_two_is_an_error_of_the_house(origin: Origin) -> None:
    with pytest.raises(OfflinedlError):
        get(f"{origin.url}{SEGMENT}", trusted=[origin.url], headers=[("X-Token", "a\r\nX-Other: b")])
    assert origin.log == []


def test_a_connection_that_is_one_open_file_too_many_is_no_fault_of_the_network(origin: Origin) -> None:
    """C58: no waiting helps, fewer connections do."""

    async def main() -> None:
        async with Http() as http:
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            try:
                with pytest.raises(StorageError, match="Too many open files") as caught:
                    await http.get(f"{origin.url}{SEGMENT}", limit=10**6)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert "ulimit -n" in caught.value.hint

    asyncio.run(main())


REFUSED_TARGETS = [
    pytest.param("file:///etc/hostname", id="file"),
    pytest.param("ftp://127.0.0.1/x", id="ftp"),
    pytest.param("http:///x", id="no host"),
    pytest.param("http://[::1/x", id="not a URL"),
    pytest.param("http://127.0.0.1:99999/x", id="not a port"),
]


@pytest.mark.parametrize("target", REFUSED_TARGETS)
def test_a_redirect_to_no_http_address_is_refused(target: str, origin: Origin) -> None:
    origin.fault("/go", o.redirected(target))
    with pytest.raises((NetworkError, UnsupportedError)):
        get(f"{origin.url}/go")


def test_a_redirect_in_letters_of_another_age_is_followed_or_refused_in_words() -> None:
    """Latin-1 in a Location: what it means is not known."""
    with (
        saying(b"HTTP/1.1 302 Found\r\nLocation: /caf\xe9\r\nContent-Length: 0\r\n\r\n") as url,
        pytest.raises(OfflinedlError),
    ):
        get(f"{url}/go")


def test_a_circle_of_redirects_ends(origin: Origin) -> None:
    origin.fault("/one", o.redirected("/two"))
    origin.fault("/two", o.redirected("/one"))
    with pytest.raises(NetworkError, match="more than 10 redirects"):
        get(f"{origin.url}/one")
    assert len(origin.log) == 11


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
def test_a_redirect_from_https_to_http_is_refused(scheme: str, offlinedl: Offlinedl, origin: Origin) -> None:
    with secure(f"{origin.url}{SEGMENT}", offlinedl.home / "certificate.pem") as (port, certificate):
        done = subprocess.run(
            [sys.executable, "-m", "offlinedl", "get", f"{scheme}://127.0.0.1:{port}/title.mpd?sig=secret"],
            capture_output=True, text=True, check=False, env={**os.environ, "SSL_CERT_FILE": certificate},
        )  # fmt: skip
    assert (done.returncode, origin.log) == (4, [])
    assert "redirects from https to http" in done.stderr
    assert "secret" not in done.stderr


@contextmanager
def secure(target: str, path: Path) -> Iterator[tuple[int, str]]:
    """An https server that redirects to `target`: its port, and the file of the certificate to trust it by."""
    context = certificates.server(path)

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirect) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1], str(path)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("code", [301, 302, 303])
def test_a_post_is_not_made_a_get(code: int, origin: Origin) -> None:
    origin.fault("/license", o.redirected("/license/other", code))
    with pytest.raises(NetworkError, match=f"status {code}"):
        post(f"{origin.url}/license", b"{}", [])
    assert len(origin.log) == 1


@pytest.mark.parametrize("code", [307, 308])
def test_a_post_is_repeated_in_full_where_the_server_says_so(code: int, origin: Origin, elsewhere: Origin) -> None:
    bodies: list[bytes] = []

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        bodies.append(await request.read())
        return web.Response()

    origin.fault("/license", o.redirected(f"{elsewhere.url}/license", code))
    elsewhere.fault("/license", fault)
    post(f"{origin.url}/license", b"challenge", [("X-Token", "secret")])
    assert bodies == [b"challenge"]
    assert [asked.method for asked in elsewhere.log] == ["POST"]
    assert "X-Token" not in elsewhere.log[0].headers


# what an answer may be


REFUSED_ANSWERS = [
    pytest.param(o.status(200, {"Content-Encoding": "gzip"}), None, "sent as gzip", id="Content-Encoding"),
    pytest.param(o.truncated(100), None, f"{len(BYTES)} promised|cut off", id="shorter than promised"),
    pytest.param(o.truncated(0), None, "127.0.0.1", id="nothing of what was promised"),
    pytest.param(o.dropped(), None, "127.0.0.1", id="no answer"),
    pytest.param(o.status(206), None, "status 206", id="206 to what asked for all"),
    pytest.param(o.other_range(1), (10, 19), "asked for bytes 10-19, got bytes 11-20", id="another range"),
    pytest.param(o.status(206), (10, 19), "got an unnamed range", id="206 without Content-Range"),
    pytest.param(o.status(416), (10, 19), "status 416", id="416"),
    pytest.param(o.body(b"x" * 19), (10, 19), "19 bytes long", id="200, too short for the range"),
    pytest.param(o.status(404), None, "status 404", id="404"),
    pytest.param(o.status(503), None, "status 503", id="503"),
    pytest.param(o.status(204), None, "status 204", id="204"),
    pytest.param(o.status(304), None, "status 304", id="304"),
]


@pytest.mark.parametrize(("fault", "asked", "said"), REFUSED_ANSWERS)
def test_an_answer_that_is_not_what_was_asked_for_is_refused(
    fault: Fault, asked: tuple[int, int] | None, said: str, origin: Origin
) -> None:
    """C27, C28: and its words hold no secret."""
    origin.fault(SEGMENT, fault)
    url = f"{origin.url.replace('//', '//secret:secret@')}{SEGMENT}?sig=secret#secret"
    with pytest.raises(NetworkError, match=said) as refused:
        get(url, range=ByteRange(first=asked[0], last=asked[1]) if asked else None)
    assert SEGMENT in refused.value.message
    assert "secret" not in f"{refused.value} {refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        pytest.param("http://secret:secret@127.0.0.1:1/x?secret", NetworkError, id="nobody listens"),
        pytest.param("ftp://secret:secret@127.0.0.1/secret", UnsupportedError, id="ftp"),
        pytest.param("http://secret@[::1/?secret", UnsupportedError, id="not a URL"),
        pytest.param("http://secret:secret@/x?secret", UnsupportedError, id="no host"),
    ],
)
def test_what_cannot_be_asked_is_said_without_secrets(url: str, error: type[OfflinedlError]) -> None:
    with pytest.raises(error) as failed:
        get(url)
    assert "secret" not in failed.value.message + failed.value.hint


def test_a_redirects_target_is_named_without_its_secrets(origin: Origin) -> None:
    origin.fault("/license", o.redirected(f"{origin.url.replace('//', '//secret@')}/go?sig=secret"))
    with pytest.raises(NetworkError, match="/go") as failed:
        post(f"{origin.url}/license?sig=secret", b"", [])
    assert "secret" not in failed.value.message + failed.value.hint


SLICES = [(0, 9), (10, 19), (0, len(BYTES) - 1), (len(BYTES) - 1, len(BYTES) - 1)]


@pytest.mark.parametrize(("first", "last"), SLICES, ids=["the start", "the middle", "all", "the last byte"])
@pytest.mark.parametrize("fault", [None, o.whole()], ids=["206", "200 with everything"])
def test_a_range_is_what_was_asked_for(fault: Fault | None, first: int, last: int, origin: Origin) -> None:
    """B10."""
    if fault:
        origin.fault(SEGMENT, fault)
    answer = get(f"{origin.url}{SEGMENT}", range=ByteRange(first=first, last=last))
    assert answer.body == BYTES[first : last + 1]
    assert origin.log[0].headers["Range"] == f"bytes={first}-{last}"


@pytest.mark.parametrize("first", [0, 10], ids=["from the start", "from the middle"])
def test_what_comes_after_the_range_is_not_waited_for(first: int) -> None:
    """A server that ignores ranges may have gigabytes to send."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"

    async def main(url: str) -> Answer:
        async with asyncio.timeout(10), Http() as http:
            return await http.get(url, range=ByteRange(first=first, last=first + 9))

    with saying(head + bytes(range(100))) as url:
        assert asyncio.run(main(url)).body == bytes(range(first, first + 10))


def test_how_long_nothing_may_come_is_for_the_person_to_say() -> None:
    async def main(url: str) -> None:
        async with asyncio.timeout(10), Http(stall_seconds=0.2) as http:
            await http.get(url)

    with saying(b"") as url, pytest.raises(NetworkError, match="nothing came for too long"):
        asyncio.run(main(url))


def test_a_206_that_is_longer_than_its_own_range_is_refused() -> None:
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/100\r\nContent-Length: 50\r\n\r\n"
    with saying(head + bytes(50)) as url, pytest.raises(NetworkError):
        get(url, range=ByteRange(first=0, last=9))


def test_nothing_is_decompressed_and_nothing_compressed_is_asked_for(origin: Origin) -> None:
    get(f"{origin.url}{SEGMENT}")
    assert origin.log[0].headers["Accept-Encoding"] == "identity"


def test_an_answer_larger_than_expected_is_refused(origin: Origin) -> None:
    with pytest.raises(DamagedError, match="larger than"):
        get(f"{origin.url}{SEGMENT}", limit=len(BYTES) - 1)
    assert len(get(f"{origin.url}{SEGMENT}", limit=len(BYTES)).body) == len(BYTES)


def test_an_answer_to_a_post_is_read_to_its_limit(origin: Origin) -> None:
    origin.fault("/license", o.body(b"x" * 1000))
    assert len(post(f"{origin.url}/license", b"", [], limit=100).body) == 100
    assert len(post(f"{origin.url}/license", b"", []).body) == 1000


def test_any_status_answers_a_post(origin: Origin) -> None:
    origin.fault("/license", o.status(403))
    assert post(f"{origin.url}/license", b"", []).status == 403


def test_the_address_in_the_end_is_that_of_the_answer(origin: Origin) -> None:
    origin.fault("/go", o.redirected(f"{SEGMENT}?sig=a%2Fb"))
    assert get(f"{origin.url}/go").url == f"{origin.url}{SEGMENT}?sig=a%2Fb"


# addresses


WRITTEN = [
    pytest.param("/a%2Fb", "/a%2Fb", id="an escaped slash"),
    pytest.param("/%7Euser/~user", "/%7Euser/~user", id="an escaped tilde"),
    pytest.param("/%e4%F6", "/%e4%F6", id="hexadecimal digits of both cases"),
    pytest.param("/a[1].m4s", "/a[1].m4s", id="brackets"),
    pytest.param("/a b", "/a%20b", id="a space"),
    pytest.param("/caf\u00e9", "/caf%C3%A9", id="not ASCII"),
    pytest.param("/x?a=b+c&d=%3d%20", "/x?a=b+c&d=%3d%20", id="a query"),
    pytest.param("/x?sig=a/b+c==&e=\u00e9", "/x?sig=a/b+c==&e=%C3%A9", id="a signature"),
    pytest.param("/x?a=1&&a=2;b", "/x?a=1&&a=2;b", id="odd separators"),
    pytest.param("/a//b/./c/../d", "/a//b/./c/../d", id="dots and empty steps"),
    pytest.param("/100%/x", "/100%/x", id="a percent sign that escapes nothing"),
    pytest.param("/a|b{c}^`\\'\"<d>", "/a|b{c}^`\\'\"<d>", id="what should have been escaped and was not"),
    pytest.param("/x#part?a=1", "/x", id="a fragment"),
    pytest.param("/a\tb\x7f", "/a%09b%7F", id="control codes"),
    pytest.param("?a=1", "/?a=1", id="no path"),
]


@pytest.mark.parametrize(("written", "sent"), WRITTEN)
def test_an_address_is_sent_as_it_was_written(written: str, sent: str, origin: Origin) -> None:
    """A signature covers it: only what no request line may hold is escaped."""
    seen: list[str] = []
    origin.fault("", noting(seen))
    get(origin.url + written)
    assert seen == [sent]


@pytest.mark.parametrize("target", ["/a%2Fb", "/%7Euser", "/a[1].m4s", "/x?sig=a/b+c==", "/%e4"])
def test_a_redirect_is_followed_as_it_was_written(target: str, origin: Origin) -> None:
    seen: list[str] = []
    origin.fault("/go", o.redirected(target))
    origin.fault("", noting(seen))
    get(f"{origin.url}/go")
    assert seen == [target]


# no more than is wanted


def read_until(url: str, enough: Callable[[bytes], bool], limit: int = 10**6) -> Answer:
    async def main() -> Answer:
        async with Http() as http:
            return await http.get(url, limit=limit, enough=enough)

    return asyncio.run(main())


def test_reading_stops_where_the_beginning_is_enough(origin: Origin) -> None:
    """A film of gigabytes is known by its beginning; its size is in the headers."""
    content = bytes(400_000)
    origin.fault("/film", o.body(content))
    looks: list[int] = []

    def enough(head: bytes) -> bool:
        looks.append(len(head))
        return len(head) >= 100_000

    answer = read_until(f"{origin.url}/film", enough)
    assert 100_000 <= len(answer.body) < len(content)
    assert (answer.size, answer.status) == (len(content), 200)
    assert min(looks) >= 65536


def test_what_is_never_enough_is_read_in_full_and_within_the_limit(origin: Origin) -> None:
    content = bytes(400_000)
    origin.fault("/film", o.body(content))
    answer = read_until(f"{origin.url}/film", lambda head: False)
    assert (answer.body, answer.size) == (content, len(content))
    with pytest.raises(DamagedError, match="larger than 300000 bytes"):
        read_until(f"{origin.url}/film", lambda head: False, limit=300_000)


def test_the_size_of_a_resource_is_known_from_one_byte_of_it(origin: Origin) -> None:
    answer = get(f"{origin.url}{SEGMENT}", range=ByteRange(first=0, last=0))
    assert (answer.status, answer.body, answer.size) == (206, BYTES[:1], len(BYTES))


@pytest.mark.parametrize(("redirects", "is_followed"), [(1, True), (0, False)])
def test_how_many_redirects_are_followed_is_a_setting(redirects: int, is_followed: bool, origin: Origin) -> None:
    origin.fault("/go", o.redirected(f"{origin.url}{SEGMENT}"))

    async def main() -> Answer:
        async with Http(redirects=redirects) as http:
            return await http.get(f"{origin.url}/go")

    if is_followed:
        assert asyncio.run(main()).body == BYTES
    else:
        with pytest.raises(NetworkError, match="more than 0 redirects"):
            asyncio.run(main())
