"""Fetches from servers that are slow, busy, or want to be left alone, on a clock that jumps: nobody really waits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from offlinedl import clock
from offlinedl.demo.origin import serving
from offlinedl.engine import Engine
from offlinedl.errors import NetworkError
from offlinedl.http import Http
from offlinedl.http.exchange import LARGEST_PIECE
from offlinedl.rate import Bucket
from offlinedl.store import Store
from offlinedl.streams import Fetch
from tests import clockwork
from tests.scripted import End, More, Scripted, Step, Wait, answer, scripted
from tests.test_engine import Download

BODY = bytes(range(256)) * 8


@pytest.fixture
def download(tmp_path: Path) -> Download:
    return Download(Store(tmp_path / "titles"))


def fetches(url: str, count: int = 1, start: int = 0) -> list[Fetch]:
    return [
        Fetch(rendition="v", init=False, number=n, url=f"{url}/{n}", path=f"v/{n}.m4s")
        for n in range(start, start + count)
    ]


@dataclass
class Ended:
    """How it ended: with what error, after how many seconds, and the server afterwards."""

    error: str | None
    seconds: float
    server: Scripted


def fetched(
    download: Download,
    *conversations: Sequence[Step],
    retries: int = 2,
    backoff: float = 1.0,
    bucket: Bucket | None = None,
) -> Ended:
    """One fetch from a server with these conversations."""

    async def main() -> Ended:
        now = asyncio.get_running_loop().time
        piece = LARGEST_PIECE if bucket is None else bucket.piece
        async with scripted(*conversations) as server, Http(piece=piece) as http:
            engine = Engine(http=http, retries=retries, backoff=backoff, stall_seconds=30, bucket=bucket)
            began, error = now(), None
            try:
                await download.run(engine, fetches(server.url))
            except NetworkError as failed:
                error = failed.message
            return Ended(error, now() - began, server)

    return clockwork.run(main())


# stalls

SLOW = answer(b"", length=len(BODY))


def dripping(count: int, every: float) -> list[Step]:
    """The body, so many bytes at a time."""
    steps: list[Step] = [SLOW]
    for place in range(0, len(BODY), count):
        steps += [Wait(every), More(BODY[place : place + count])]
    return steps


STALLS = [
    pytest.param([b""], id="no answer"),
    pytest.param([b"HTTP/1.1 200"], id="half a head"),
    pytest.param([b"HTTP/1.1 103 Early Hints\r\n\r\n"], id="something before the answer"),
    pytest.param([SLOW], id="no body"),
    pytest.param([SLOW + BODY[:1000]], id="half a body"),
    pytest.param(dripping(1, 0.5), id="slow-loris: a byte twice a second"),
    pytest.param([b"", *[step for n in range(40) for step in (Wait(1), More(b"HTTP"[n : n + 1]))]], id="in the head"),
]


@pytest.mark.parametrize("steps", STALLS)
def test_what_stalls_is_cut_and_tried_again(steps: list[Step], download: Download) -> None:
    """C31: after 30 s without a byte, or with next to none."""
    ended = fetched(download, steps, [answer(BODY)])
    assert (ended.error, ended.server.connections) == (None, 2)
    assert 30 <= ended.seconds < 32.1
    assert download.files == {"v/0.m4s": BODY}
    assert download.watcher.count == len(BODY)


@pytest.mark.parametrize("steps", STALLS)
def test_what_stalls_for_ever_is_named(steps: list[Step], download: Download) -> None:
    """C31."""
    ended = fetched(download, steps, retries=1)
    url = f"{ended.server.url}/0"
    assert ended.error == f"v, segment 0: {url}: next to nothing came for 30 seconds"
    assert ended.server.connections == 2
    assert download.files == {}


def test_what_stalls_in_chunks_is_cut_too(download: Download) -> None:
    """C31."""
    chunks = answer(b"400\r\n" + BODY[:100], "Transfer-Encoding: chunked", length=None)
    ended = fetched(download, [chunks], [answer(BODY)])
    assert (ended.error, ended.server.connections) == (None, 2)
    assert 30 <= ended.seconds < 32.1
    assert download.files == {"v/0.m4s": BODY}


def test_what_is_slow_and_not_too_slow_is_waited_for(download: Download) -> None:
    """C31: a kilobyte a second is the least, over 30 s."""
    body = BODY * 100
    steps: list[Step] = [answer(b"", length=len(body))]
    for place in range(0, len(body), 2000):
        steps += [Wait(1.5), More(body[place : place + 2000])]
    ended = fetched(download, steps, retries=0)
    assert ended.error is None
    assert ended.seconds == pytest.approx(len(body) / 2000 * 1.5, rel=0.05)
    assert download.files == {"v/0.m4s": body}


def test_a_connection_that_does_not_come_about_is_given_up(download: Download) -> None:
    """C31: whoever connects to a full queue hears nothing."""

    async def main() -> tuple[str, float]:
        with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
            listening.bind(("127.0.0.1", 0))
            listening.listen(0)
            for other in (first, second):
                other.setblocking(False)
                with suppress(BlockingIOError):
                    other.connect(listening.getsockname())
            async with Http() as http:
                engine = Engine(http=http, retries=1, backoff=1.0)
                with pytest.raises(NetworkError) as failed:
                    await download.run(engine, fetches(f"http://127.0.0.1:{listening.getsockname()[1]}"))
                return failed.value.message, asyncio.get_running_loop().time()

    message, seconds = clockwork.run(main())
    assert message.endswith("nothing came for too long")
    assert 1030 < seconds < 1032


# how often

CUT: list[Step] = [answer(b"", length=len(BODY)), End.CLOSED]
FURTHER: list[Step] = [answer(BODY[:100], length=len(BODY)), End.CLOSED]
AS_FAR: list[Step] = [answer(BODY[:100], length=len(BODY)), End.RESET]
BUSY: list[Step] = [answer(status="503 Service Unavailable")]
GOOD: list[Step] = [answer(BODY)]
ATTEMPTS = [
    pytest.param([BUSY], 3, False, id="A3: no progress, N + 1 attempts"),
    pytest.param([FURTHER, AS_FAR], 3, False, id="A3: as far as before is no progress"),
    pytest.param([BUSY, CUT, GOOD], 3, True, id="A4: the last attempt counts"),
    pytest.param([BUSY, BUSY, FURTHER, BUSY, GOOD], 5, True, id="A5: progress begins a new count"),
    pytest.param([BUSY, BUSY, FURTHER, BUSY, BUSY, GOOD], 5, False, id="A6: progress, then N + 1 with it"),
]  # fmt: skip


@pytest.mark.parametrize(("conversations", "count", "is_there"), ATTEMPTS)
def test_progress_forgives(conversations: list[list[Step]], count: int, is_there: bool, download: Download) -> None:
    ended = fetched(download, *conversations)
    assert len(ended.server.requests) == count
    assert (ended.error is None) == is_there
    assert download.files == ({"v/0.m4s": BODY} if is_there else {})
    assert download.watcher.count == (len(BODY) if is_there else 0)


@pytest.mark.parametrize("end", [[End.CLOSED], [b"", End.CLOSED], [b"", End.RESET]], ids=["rest", "asked", "reset"])
def test_a_connection_that_was_closed_while_it_rested_is_no_attempt(end: list[Step], download: Download) -> None:
    """With no retries at all."""

    async def main() -> None:
        async with scripted([answer(BODY), *end], [answer(BODY)]) as server, Http() as http:
            await download.run(Engine(http=http, retries=0, connections=1), fetches(server.url, 2))

    clockwork.run(main())
    assert download.files == {"v/0.m4s": BODY, "v/1.m4s": BODY}


def test_the_waits_grow_and_differ(download: Download) -> None:
    """Half of each is jitter."""
    seconds = [fetched(download, BUSY, retries=3).seconds for _ in range(5)]
    assert all(0.5 + 1 + 2 <= each <= 1 + 2 + 4 for each in seconds)
    assert len(set(seconds)) == 5


# those who want to be left alone


@dataclass
class Busy:
    """A server whose requests are answered by `says`, and which knows when each came, and how many it had at once."""

    says: Callable[[web.Request], web.Response]
    seconds: float = 0.0
    came: list[tuple[float, str]] = field(default_factory=list)
    at_once: list[int] = field(default_factory=list)
    _now: int = 0

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        self._now += 1
        self.at_once.append(self._now)
        self.came.append((asyncio.get_running_loop().time(), request.path))
        said = self.says(request)
        if said.status == 200:
            await asyncio.sleep(self.seconds)
        self._now -= 1
        return said


def busy(work: Callable[[Engine, str], Awaitable[None]], server: Busy, connections: int = 4) -> None:
    async def main() -> None:
        async with serving(server.application()) as url, Http(connections=50) as http:
            await work(Engine(http=http, connections=connections, retries=5, backoff=0.5), url)

    clockwork.run(main())


def once(number: str, wait: Callable[[], str], code: int = 503) -> Callable[[web.Request], web.Response]:
    """Whoever asks for that one first hears that it is too much."""
    said: list[str] = []

    def says(request: web.Request) -> web.Response:
        if request.path == f"/{number}" and not said:
            said.append(number)
            return web.Response(status=code, headers={"Retry-After": wait()})
        return web.Response(body=BODY)

    return says


WAITS = [
    pytest.param(lambda: "20", id="seconds"),
    pytest.param(lambda: format_datetime(clock.now() + timedelta(seconds=22), usegmt=True), id="a date"),
]


@pytest.mark.parametrize("code", [503, 429])
@pytest.mark.parametrize("said", WAITS)
def test_nobody_is_asked_before_the_time_that_they_named(
    said: Callable[[], str], code: int, download: Download
) -> None:
    """C24, B17: by whoever it is, and for whatever."""
    server = Busy(once("5", said, code), seconds=0.1)

    async def work(engine: Engine, url: str) -> None:
        asked = asyncio.create_task(download.run(engine, fetches(url, 40)))
        await asyncio.sleep(1)
        await engine.get(f"{url}/manifest.mpd")
        await asked

    busy(work, server)
    assert len(download.files) == 40
    [first, again] = [at for at, path in server.came if path == "/5"]
    assert again - first >= 19.9
    assert not [path for at, path in server.came if first < at < first + 19.9]
    assert [path for at, path in server.came if at > first + 19.9 and path == "/manifest.mpd"]


def test_others_are_asked_meanwhile(download: Download) -> None:
    """C24: it is one host that asked."""
    held, other = Busy(once("0", lambda: "100")), Busy(lambda request: web.Response(body=BODY))

    async def work(engine: Engine, url: str) -> None:
        async with serving(other.application()) as another:
            await download.run(engine, [*fetches(url, 1), *fetches(another, 20, start=1)])

    busy(work, held)
    assert len(download.files) == 21
    assert held.came[1][0] - held.came[0][0] >= 100
    assert max(at for at, _ in other.came) < held.came[0][0] + 1


def test_a_server_that_names_a_day_is_not_waited_for(download: Download) -> None:
    """C24: somebody sits before it; the next run may ask again."""
    server = Busy(once("0", lambda: "86400"))

    async def work(engine: Engine, url: str) -> None:
        with pytest.raises(NetworkError, match="status 503"):
            await download.run(engine, fetches(url))
        assert asyncio.get_running_loop().time() < 1001

    busy(work, server)
    assert len(server.came) == 1


def allowing(count: int) -> Busy:
    """A server that wants no more than so many at once."""
    server = Busy(lambda request: web.Response(body=BODY), seconds=0.5)
    server.says = lambda request: web.Response(body=BODY) if server._now <= count else web.Response(status=429)
    return server


def test_a_server_that_has_too_many_at_once_gets_fewer_and_then_more_again(download: Download) -> None:
    """C25."""
    server = allowing(3)

    async def work(engine: Engine, url: str) -> None:
        await download.run(engine, fetches(url, 400))

    busy(work, server, connections=16)
    assert len(download.files) == 400
    refused = sum(count > 3 for count in server.at_once)
    assert refused < 40
    assert max(server.at_once[100:]) <= 5
    assert server.at_once[-50:].count(3) + server.at_once[-50:].count(2) > 30


# a rate


@pytest.mark.parametrize("lines", [(), ("Transfer-Encoding: chunked",)], ids=["its own way", "in chunks"])
def test_a_rate_is_held(lines: tuple[str, ...], download: Download) -> None:
    """C60: 10 kB at 1 kB/s take ten seconds."""
    body = BODY[:1000] * 10
    said = answer(body) if not lines else answer(b"2710\r\n%b\r\n0\r\n\r\n" % body, *lines, length=None)
    ended = fetched(download, [said, said], bucket=Bucket(1000), retries=0)
    assert ended.error is None
    assert ended.seconds == pytest.approx(10, rel=0.1)
    assert download.files == {"v/0.m4s": body}


def test_a_rate_is_reached(download: Download) -> None:
    """C60, in real time: a system that may read too little ahead waits ten times as long between two packets."""

    async def main() -> float:
        bucket, now = Bucket(1_000_000), asyncio.get_running_loop().time
        async with scripted([answer(BODY * 240)]) as server, Http(piece=bucket.piece) as http:
            began = now()
            await download.run(Engine(http=http, retries=0, bucket=bucket), fetches(server.url))
            return now() - began

    assert 0.4 < asyncio.run(main()) < 2.5


class Pausing(Bucket):
    """A bucket that says for how long to pause, and remembers when it was asked."""

    def __init__(self, pause: float) -> None:
        super().__init__(10**6)
        self.asked: list[tuple[float, int]] = []
        self._pause = pause

    def take(self, count: int, now: float) -> float:
        self.asked.append((now, count))
        return self._pause


def test_nothing_is_read_during_a_pause_however_long(download: Download) -> None:
    """C60: and a pause is no stall."""
    body = BODY * 14
    bucket = Pausing(40.0)
    ended = fetched(download, [answer(body)], bucket=bucket, retries=0)
    assert ended.error is None
    times = [at for at, _ in bucket.asked]
    assert all(later - earlier >= 40 for earlier, later in pairwise(times))
    assert sum(count for _, count in bucket.asked) == len(body)
    assert max(count for _, count in bucket.asked) <= bucket.piece


# cancelled


def sockets() -> int:
    """How many this process has open."""
    links = []
    for name in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            links.append(str(name.readlink()))
    return sum(link.startswith("socket:") for link in links)


CANCELLED = [
    pytest.param([b""], 10, id="before the head"),
    pytest.param([b"HTTP/1.1 200"], 10, id="in the head"),
    pytest.param([SLOW + BODY[:1000]], 10, id="in the body"),
    pytest.param([answer(b"400\r\n" + BODY[:100], "Transfer-Encoding: chunked", length=None)], 10, id="in chunks"),
    pytest.param([b"", End.CLOSED], 10, id="before the next attempt"),
    pytest.param([answer(b"", "Retry-After: 100", status="503 No")], 10, id="while a server is left alone"),
    pytest.param([answer(BODY)] * 9, 0, id="while connections rest"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "seconds"), CANCELLED)
def test_what_is_cancelled_leaves_no_task_and_no_socket(steps: list[Step], seconds: float, download: Download) -> None:
    """B38."""

    async def main() -> None:
        async with scripted(steps) as server:
            before = sockets()
            async with Http() as http:
                engine = Engine(http=http, retries=5, backoff=100.0, connections=3)
                task = asyncio.create_task(download.run(engine, fetches(server.url, 3)))
                await asyncio.sleep(seconds) if seconds else await task
                task.cancel()
                await asyncio.wait({task})
                mine = {t for t in asyncio.all_tasks() if "serve" not in repr(t)}
                assert mine == {asyncio.current_task()}
            await asyncio.sleep(1)  # the server has seen it too
            assert sockets() <= before
        assert not [name for name in download.files if name.endswith(".part")]

    clockwork.run(main())
