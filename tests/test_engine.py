"""The engine against servers that fail: what may pass is tried again, what stays wrong is named, the count is exact."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from offlinedl.demo.origin import DATA
from offlinedl.engine import Engine
from offlinedl.engine.addresses import Renew
from offlinedl.engine.attempt import ChangedError
from offlinedl.errors import NetworkError, NotFoundError, OfflinedlError, StorageError
from offlinedl.http import Http
from offlinedl.http import origin as origin_of
from offlinedl.intake import Intake
from offlinedl.model import Entry, Kind, State, Track, Wanted
from offlinedl.store import Store
from offlinedl.store.writer import Here, Slot
from offlinedl.streams import PIECE, ByteRange, Fetch, Plan
from tests import clockwork
from tests import origin as o
from tests.origin import Fault, Handler, Origin
from tests.scripted import answer, scripted

V720 = "titles/harbour-1/v720"
SIZES = {number: (DATA / V720 / f"{number}.m4s").stat().st_size for number in (1, 2, 3)}


@dataclass
class Watcher:
    """Somebody who watches: counts what came, and calls `hears` with each change."""

    count: int = 0
    total: int = 0
    lowest: int = 0
    hears: Callable[[], None] = lambda: None

    def begin(self, name: str, done: int, total: int, share: float | None = None) -> None: ...

    def finished(self, share: float, size: int) -> None:
        self.hears()

    def step(self, what: str) -> None: ...

    def end(self, message: str, name: str, size: int) -> None: ...

    def advance(self, count: int, total_change: int = 0) -> None:
        self.count += count
        self.total += total_change
        self.lowest = min(self.lowest, self.count)
        self.hears()


TITLE = Entry(id="title", name="Title", state=State.QUEUED, folder="title", license_slot="")


def plan(fetches: list[Fetch]) -> Plan:
    return Plan(manifest_url="", wanted=Wanted(), tracks=(), fetches=tuple(fetches))


class Watched(Intake):
    """An intake that remembers in `finished` the numbers and sizes of what came."""

    finished: list[tuple[int, int]]

    def keep(self, file: Here | Slot, fetch: Fetch, size: int, validator: str | None) -> None:
        super().keep(file, fetch, size, validator)
        self.finished.append((fetch.number, size))


@dataclass
class Download:
    """A folder that fetches go to, and those who hear of it."""

    store: Store
    watcher: Watcher = field(default_factory=Watcher)
    done: list[tuple[int, int]] = field(default_factory=list)

    async def run(
        self, engine: Engine, fetches: list[Fetch], *bases: tuple[str, ...], renew: Renew | None = None
    ) -> None:
        """Fetch those that are not done. `bases` are those of the plan."""
        whole = replace(plan(fetches), bases=bases)
        async with Watched(None, self.store, TITLE) as intake:
            intake.finished = self.done
            missing = [f for f in fetches if f.size is None]
            await engine.run(whole, missing, intake, self.watcher, renew)

    @property
    def files(self) -> dict[str, bytes]:
        """What lies in the folder beside the journal, torn parts too."""
        folder = self.store.folder("title")
        found = (f for f in folder.rglob("*") if f.is_file() and f.name != ".journal")
        return {f.relative_to(folder).as_posix(): f.read_bytes() for f in found}

    def assert_exact(self, *numbers: int) -> None:
        """These segments are there, whole, and nothing else; and they were counted to the byte."""
        assert self.files == {f"v/{n}.m4s": (DATA / V720 / f"{n}.m4s").read_bytes() for n in numbers}
        assert sorted(self.done) == [(n, SIZES[n]) for n in numbers]
        assert self.watcher.count == sum(SIZES[n] for n in numbers)
        assert self.watcher.lowest == 0


@pytest.fixture
def download(tmp_path: Path) -> Download:
    return Download(Store(tmp_path / "titles"))


CUT = b"abcdefghij" * 6
PIECES = [(0, 19), (20, 39), (40, 59)]


def pieces(url: str, *, validators: dict[int, str] | None = None) -> list[Fetch]:
    """A file of 60 bytes in three ranges; those that have a validator are done."""
    return [
        Fetch(
            rendition="v",
            init=False,
            number=number,
            url=f"{url}?sig=secret",
            path=f"v/{number}",
            range=ByteRange(first=first, last=last),
            size=20 if number in (validators or {}) else None,
            validator=(validators or {}).get(number),
        )
        for number, (first, last) in enumerate(PIECES)
    ]


def ranged(content: bytes, etag: str) -> Fault:
    """The range that was asked for, of this version."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        first, last = request.http_range.start or 0, (request.http_range.stop or 1) - 1
        headers = {"Content-Range": f"bytes {first}-{last}/{len(content)}", "ETag": etag}
        return web.Response(status=206, body=content[first : last + 1], headers=headers)

    return fault


def engine(work: Callable[[Engine], Awaitable[None]], *, retries: int = 2, connections: int = 4) -> None:
    """Run `work` with an engine that does not wait before a retry."""

    async def main() -> None:
        async with Http(connections=50) as http:
            await work(Engine(http=http, connections=connections, retries=retries, backoff=0))
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def segments(origin: Origin, *numbers: int, estimate: int = 0) -> list[Fetch]:
    return [
        Fetch(
            rendition="v",
            init=False,
            number=number,
            url=f"{origin.url}/{V720}/{number}.m4s?sig=secret",
            path=f"v/{number}.m4s",
            estimate=estimate,
        )
        for number in numbers
    ]


PASSING = [
    pytest.param(o.status(503), id="503"),
    pytest.param(o.status(500), id="500"),
    pytest.param(o.status(429), id="429"),
    pytest.param(o.status(408), id="408"),
    pytest.param(o.dropped(), id="the connection dropped"),
    pytest.param(o.truncated(1000), id="the body cut"),
]


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_what_does_not_pass_is_tried_as_often_as_allowed(
    retries: int, fault: Fault, download: Download, origin: Origin
) -> None:
    """A3: N retries are N + 1 attempts."""
    origin.fault("1.m4s", fault)
    with pytest.raises(NetworkError, match="v, segment 1: "):
        engine(lambda e: download.run(e, segments(origin, 1)), retries=retries)
    assert len(origin.log) == retries + 1
    download.assert_exact()


@pytest.mark.parametrize("fault", PASSING)
def test_the_last_attempt_counts(fault: Fault, download: Download, origin: Origin) -> None:
    """A4."""
    origin.fault("1.m4s", fault, times=2)
    engine(lambda e: download.run(e, segments(origin, 1)), retries=2)
    assert len(origin.log) == 3
    download.assert_exact(1)


@pytest.mark.parametrize("code", [404, 410])
def test_gone_once_is_not_gone(code: int, download: Download, origin: Origin) -> None:
    """C21."""
    origin.fault("1.m4s", o.status(code), times=1)
    engine(lambda e: download.run(e, segments(origin, 1)), retries=5)
    download.assert_exact(1)


@pytest.mark.parametrize("code", [404, 410, 416])
def test_one_that_is_gone_for_ever_leaves_all_others_fetched(code: int, download: Download, origin: Origin) -> None:
    """C21: and it is named."""
    origin.fault("1.m4s", o.status(code))
    with pytest.raises(NetworkError, match=f"v, segment 1: .*status {code}") as failed:
        engine(lambda e: download.run(e, segments(origin, 1, 2, 3)), retries=5, connections=1)
    assert (failed.value.status, failed.value.exit_code) == (code, 4)
    assert "secret" not in failed.value.message + failed.value.hint
    assert len(origin.asked("1.m4s")) == (1 if code == 416 else 2)
    download.assert_exact(2, 3)


UNFIT = [
    pytest.param(o.page(), 2, id="C26: a page"),
    pytest.param(o.status(200, {"Content-Encoding": "gzip"}), 2, id="C27: compressed"),
    pytest.param(o.status(206), 2, id="a part that was not asked for"),
    pytest.param(o.truncated(1000), 4, id="C27: the body cut"),
    pytest.param(o.truncated(0), 4, id="B13: no body at all"),
]


@pytest.mark.parametrize(("fault", "attempts"), UNFIT)
def test_an_answer_that_will_not_do_is_about_one_of_them(
    fault: Fault, attempts: int, download: Download, origin: Origin
) -> None:
    """C26: the others are fetched, from the same server."""
    origin.fault("1.m4s", fault)
    with pytest.raises(NetworkError, match="v, segment 1: "):
        engine(lambda e: download.run(e, segments(origin, 1, 2, 3)), retries=3, connections=1)
    assert len(origin.asked("1.m4s")) == attempts
    download.assert_exact(2, 3)


def test_a_page_once_is_no_page_for_ever(download: Download, origin: Origin) -> None:
    origin.fault("1.m4s", o.page(), times=1)
    engine(lambda e: download.run(e, segments(origin, 1)))
    download.assert_exact(1)


def test_a_title_that_is_gone_is_not_asked_for_piece_by_piece(download: Download, origin: Origin) -> None:
    """C21: and one that lacks a piece here and there is."""
    origin.fault(".m4s", o.status(404))
    with pytest.raises(NetworkError, match="v, segment 0: "):
        engine(lambda e: download.run(e, segments(origin, *range(1000))), connections=4)
    assert len(origin.log) < 2 * 30
    origin.mend()
    origin.fault("[1-9].m4s", o.status(404))
    origin.fault("0.m4s", o.body(b"media"))
    with pytest.raises(NetworkError, match="v, segment 1: "):
        engine(lambda e: download.run(e, segments(origin, *range(100))), connections=1)
    assert len(download.done) == 10


@pytest.mark.parametrize("code", [400, 401, 403, 451])
def test_a_refusal_is_not_argued_with(code: int, download: Download, origin: Origin) -> None:
    origin.fault("1.m4s", o.status(code))
    with pytest.raises(NetworkError) as failed:
        engine(lambda e: download.run(e, segments(origin, 1)), retries=5)
    assert (failed.value.status, len(origin.log)) == (code, 1)


@pytest.mark.parametrize("fault", [o.status(403), o.status(503), o.dropped()], ids=["403", "503", "no answer"])
def test_a_server_that_is_gone_is_not_asked_for_the_rest(fault: Fault, download: Download, origin: Origin) -> None:
    origin.fault("1.m4s", fault)
    with pytest.raises(NetworkError):
        engine(lambda e: download.run(e, segments(origin, 1, 2, 3)), connections=1)
    assert not origin.asked("2.m4s")
    download.assert_exact()


def typed(content_type: str) -> Fault:
    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(body=b"<html>Sign in</html>", headers={"Content-Type": content_type})

    return fault


@pytest.mark.parametrize(
    "content_type", ["text/html", "text/html; charset=utf-8", "Text/HTML", "application/xhtml+xml"]
)
def test_a_web_page_is_no_segment(content_type: str, download: Download, origin: Origin) -> None:
    """C26."""
    origin.fault("1.m4s", typed(content_type))
    with pytest.raises(NetworkError, match="a web page came"):
        engine(lambda e: download.run(e, segments(origin, 1)))
    download.assert_exact()


@pytest.mark.parametrize("estimate", [0, 1, 15_000, 10**9], ids=["no estimate", "too low", "about right", "too high"])
def test_the_count_is_exact_after_failures(estimate: int, download: Download, origin: Origin) -> None:
    """A32: what came in vain is taken back, and the total ends at what there is."""
    for number, fault in enumerate((o.truncated(9_000), o.truncated(70), o.status(503)), start=1):
        origin.fault(f"{number}.m4s", fault, times=2)
    engine(lambda e: download.run(e, segments(origin, 1, 2, 3, estimate=estimate)))
    download.assert_exact(1, 2, 3)
    assert 3 * estimate + download.watcher.total == sum(SIZES.values())


def test_the_count_is_exact_when_some_failed_for_good(download: Download, origin: Origin) -> None:
    """A32: and exact when the rest is fetched later (A31)."""
    origin.fault("2.m4s", o.truncated(1000))
    with pytest.raises(NetworkError):
        engine(lambda e: download.run(e, segments(origin, 1, 2, estimate=500)), connections=1)
    download.assert_exact(1)
    assert 1000 + download.watcher.total == SIZES[1] + 500
    origin.mend()
    engine(lambda e: download.run(e, segments(origin, 2, estimate=500)))
    download.assert_exact(1, 2)
    assert 1000 + download.watcher.total == SIZES[1] + SIZES[2]


@pytest.mark.parametrize("connections", [1, 3])
def test_never_more_at_once_than_allowed(connections: int, download: Download, origin: Origin) -> None:
    """And never fewer while there is work: nobody is answered before so many have asked."""
    running = highest = 0
    together = asyncio.Barrier(connections)

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal running, highest
        running += 1
        highest = max(highest, running)
        await together.wait()
        running -= 1
        return web.Response(body=b"media")

    origin.fault("", fault)
    engine(lambda e: download.run(e, segments(origin, *range(30))), connections=connections)
    assert highest == connections
    assert len(download.done) == 30


def stalling(count: int) -> Fault:
    """Send `count` bytes, and then nothing more."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(10**6)})
        await response.prepare(request)
        await response.write(bytes(count))
        await asyncio.Event().wait()
        return response

    return fault


def test_cancelled_in_the_middle_nothing_stays(download: Download, origin: Origin) -> None:
    """B38: no task, no torn part, and what came is no longer counted."""
    origin.fault("[12].m4s", stalling(1000))
    came = asyncio.Event()
    there = {"v/1.m4s.part", "v/2.m4s.part", "v/3.m4s"}
    download.watcher.hears = lambda: came.set() if there == set(download.files) else None

    async def work(engine: Engine) -> None:
        task = asyncio.create_task(download.run(engine, segments(origin, 1, 2, 3)))
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    engine(work)
    download.assert_exact(3)


class Stubborn(Watched):
    """An intake that answers a cancellation with an error."""

    async def settle_now_and_then(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise StorageError("the disk is gone")


def test_who_is_cancelled_is_cancelled_whatever_fails_at_that_moment(download: Download, origin: Origin) -> None:
    origin.fault("1.m4s", stalling(1000))
    came = asyncio.Event()
    download.watcher.hears = lambda: came.set() if download.watcher.count else None

    async def work(engine: Engine) -> None:
        fetches = segments(origin, 1)
        intake = Stubborn(None, download.store, TITLE)
        task = asyncio.create_task(engine.run(plan(fetches), fetches, intake, download.watcher))
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    engine(work)
    download.assert_exact()


def test_one_that_fails_for_good_stops_those_under_way(download: Download, origin: Origin) -> None:
    origin.fault("1.m4s", stalling(1000))
    origin.fault("2.m4s", o.status(403))
    with pytest.raises(NetworkError, match="403"):
        engine(lambda e: download.run(e, segments(origin, 1, 2)))
    download.assert_exact()


def test_a_disk_that_fails_is_not_asked_again(download: Download, origin: Origin) -> None:
    download.store.make("title")
    (download.store.folder("title") / "v").write_bytes(b"in the way")
    with pytest.raises(StorageError):
        engine(lambda e: download.run(e, segments(origin, 1, 2, 3)), connections=1)
    assert len(origin.log) == 1
    assert download.watcher.count == 0


class Full(Intake):
    """An intake that has no room to write anything down."""

    def keep(self, file: Here | Slot, fetch: Fetch, size: int, validator: str | None) -> None:
        raise StorageError("no space")


def test_a_row_that_cannot_be_written_stops_it(download: Download, origin: Origin) -> None:
    async def work(e: Engine) -> None:
        fetches = segments(origin, 1, 2, 3)
        await e.run(plan(fetches), fetches, Full(None, download.store, TITLE), download.watcher)

    with pytest.raises(StorageError):
        engine(work, connections=1)
    assert len(origin.log) == 1


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_who_waits_for_a_seat_hears_when_the_server_may_be_asked(status: str, download: Download) -> None:
    """C24."""
    busy = answer(b"", "Retry-After: 200", status=status)

    async def work() -> tuple[float, int]:
        async with scripted([busy], [answer(b"media")] * 3) as server, Http() as http:
            fetches = [f._replace(url=f"{server.url}/{f.number}") for f in segments(Origin(), 1, 2, 3)]
            times: list[float] = []
            download.watcher.hears = lambda: times.append(loop.time()) if download.watcher.count else None
            loop = asyncio.get_running_loop()
            began = loop.time()
            await download.run(Engine(http=http, per_host=1, backoff=0), fetches)
            return times[0] - began, len(server.requests)

    waited, requests = clockwork.run(work())
    assert waited >= 200
    assert requests == 4


def test_nothing_to_fetch_is_nothing_asked(download: Download, origin: Origin) -> None:
    engine(lambda e: download.run(e, []))
    assert origin.log == []


RESOLVING: list[tuple[Fault, type[OfflinedlError], int]] = [
    (o.status(404), NotFoundError, 2),
    (o.status(410), NotFoundError, 2),
    (o.status(403), NetworkError, 1),
    (o.status(503), NetworkError, 3),
    (o.dropped(), NetworkError, 3),
]


@pytest.mark.parametrize(("fault", "error", "attempts"), RESOLVING, ids=["404", "410", "403", "503", "no answer"])
def test_a_manifest_is_asked_for_with_the_same_patience(
    fault: Fault, error: type[OfflinedlError], attempts: int, origin: Origin
) -> None:
    async def work(engine: Engine) -> None:
        await engine.get(f"{origin.url}/titles/harbour-1/manifest.mpd")

    origin.fault("mpd", fault)
    with pytest.raises(error) as failed:
        engine(work)
    assert type(failed.value) is error
    assert len(origin.log) == attempts


def test_an_index_is_a_range(origin: Origin) -> None:
    async def work(engine: Engine) -> None:
        answer = await engine.get(f"{origin.url}/{V720}/1.m4s", ByteRange(first=4, last=7))
        assert answer.body == b"styp"

    engine(work)


def test_a_server_gets_no_more_requests_at_once_than_it_should(download: Download, origin: Origin) -> None:
    at_once = [0, 0]
    two = asyncio.Event()

    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        at_once[0] += 1
        at_once[1] = max(at_once)
        if at_once[0] == 2:
            two.set()
        await two.wait()
        response = await handler(request)
        at_once[0] -= 1
        return response

    origin.fault(".m4s", counted)
    fetches = [f._replace(number=n, path=f"v/{n}.m4s") for n, f in enumerate(segments(origin, 1, 2, 3) * 5)]
    engine(lambda e: download.run(replace(e, per_host=2), fetches))
    assert at_once == [0, 2]


# one file, in ranges


def test_pieces_of_one_version_are_fetched(download: Download, origin: Origin) -> None:
    origin.fault("/f", ranged(CUT, '"1"'))
    engine(lambda e: download.run(e, pieces(f"{origin.url}/f")))
    assert b"".join(download.files[f"v/{n}"] for n in range(3)) == CUT


@pytest.mark.parametrize("change", [-1, 1, 1000], ids=["shorter", "longer", "much longer"])
def test_a_file_that_has_another_length_than_planned_changed(change: int, download: Download, origin: Origin) -> None:
    """C28: the plan cut it into pieces by its length."""
    total = PIECE + 10
    first, second, _ = pieces(f"{origin.url}/f")
    first = first._replace(range=ByteRange(first=0, last=PIECE - 1), size=PIECE)
    second = second._replace(range=ByteRange(first=PIECE, last=total - 1))

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = {"Content-Range": f"bytes {PIECE}-{total - 1}/{total + change}"}
        return web.Response(status=206, body=b"0123456789", headers=headers)

    origin.fault("/f", fault)
    with pytest.raises(ChangedError):
        engine(lambda e: download.run(e, [first, second]))
    assert len(origin.log) == 1
    change = 0
    engine(lambda e: download.run(e, [first, second]))


def test_a_file_that_changed_since_is_not_continued(download: Download, origin: Origin) -> None:
    origin.fault("/f", ranged(CUT, '"new"'))
    with pytest.raises(ChangedError):
        engine(lambda e: download.run(e, pieces(f"{origin.url}/f", validators={0: '"old"'})))
    assert download.files == {}


def test_another_server_may_not_mix_its_own_version_in(download: Download, origin: Origin) -> None:
    """C28, C32: after a resume, too; and that the one beside has another version changes nothing."""
    origin.fault("/a/f", o.status(404))
    origin.fault("/b/f", ranged(CUT, '"other"'))
    origin.fault("/c/f", ranged(CUT, '"same"'))
    with o.running() as planned:
        planned.fault("", o.status(503))
        bases = (f"{planned.url}/a/", f"{origin.url}/b/")
        fetches = pieces(f"{planned.url}/a/f", validators={0: '"same"'})
        with pytest.raises(NetworkError) as failed:
            engine(lambda e: download.run(e, fetches, bases), retries=0)
        assert not isinstance(failed.value, ChangedError)
        assert download.files == {}
        engine(lambda e: download.run(e, fetches, (*bases, f"{origin.url}/c/")), retries=0)
    assert set(download.files) == {"v/1", "v/2"}


def test_two_tracks_at_one_address_are_two_files(download: Download, origin: Origin) -> None:
    """What tells them apart is in the query."""
    origin.fault("/f", ranged(CUT, '"1"'))
    one = pieces(f"{origin.url}/f")
    other = [f._replace(rendition="a", path=f"a/{f.number}", validator='"2"', size=20) for f in one]
    engine(lambda e: download.run(e, [*one, *other]))
    assert set(download.files) == {"v/0", "v/1", "v/2"}


# signed addresses


def signed(origin: Origin, *numbers: int, age: int = 0) -> list[Fetch]:
    return [f._replace(url=f"{f.url}&age={age}") for f in segments(origin, *numbers)]


def test_an_answer_that_takes_its_time_holds_no_others_up(download: Download, origin: Origin) -> None:
    """C22: who got new addresses is first to use them, and the others do not wait for its end."""
    others_came = asyncio.Event()
    answered: list[str] = []
    alone: list[bool] = []

    async def fresh(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.query["age"] == "0":
            return web.Response(status=403)
        if request.path.endswith("/1.m4s"):
            with suppress(TimeoutError):
                await asyncio.wait_for(others_came.wait(), 5)
            alone.append(not others_came.is_set())
        answered.append(request.path)
        if len(answered) == 20:
            others_came.set()
        return await handler(request)

    origin.fault(".m4s", fresh)
    renewals = []

    async def renew() -> Plan:
        renewals.append(1)
        return plan(fresh_ones)

    fetches = [f._replace(number=n, path=f"v/{n}") for n, f in enumerate(signed(origin, *[1, *[2, 3] * 10]))]
    fresh_ones = [f._replace(url=f.url.replace("age=0", "age=1")) for f in fetches]
    engine(lambda e: download.run(e, fetches, renew=renew), connections=4)
    assert len(download.done) == 21
    assert alone == [False]
    assert len(renewals) == 1


def test_a_server_that_refuses_fresh_addresses_too_is_not_the_only_one(download: Download, origin: Origin) -> None:
    """C32: the next one is asked then, and for the others no more addresses are got."""
    origin.fault("/a/", o.status(403))
    origin.fault("/b/", o.body(b"media"))
    renewals = []

    async def renew() -> Plan:
        renewals.append(1)
        return replace(plan(fetches), bases=(bases,))

    bases = (f"{origin.url}/a/", f"{origin.url}/b/")
    fetches = [f._replace(url=f"{origin.url}/a/{f.number}?sig=1") for f in segments(origin, *range(20))]
    engine(lambda e: download.run(e, fetches, bases, renew=renew), connections=2)
    assert len(download.done) == 20
    assert len(renewals) == 1


def test_one_that_is_refused_for_ever_does_not_keep_the_others_from_new_addresses(
    download: Download, origin: Origin
) -> None:
    """C22: that fresh addresses did not help is about that one."""
    token = 0

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal token
        if request.path.endswith("/1.m4s"):
            return web.Response(status=410)
        if request.query["age"] != f"{token}":
            return web.Response(status=410)
        token += request.path.endswith("/3.m4s")  # it is old after that one
        return await handler(request)

    async def renew() -> Plan:
        nonlocal token
        token += 1
        return plan([f._replace(url=f.url.replace("age=0", f"age={token}")) for f in fetches])

    origin.fault(".m4s", fault)
    fetches = [f._replace(number=n) for n, f in enumerate(signed(origin, 2, 1, 3, 2))]
    with pytest.raises(NetworkError, match=r"segment 1: .*410"):
        engine(lambda e: download.run(e, fetches, renew=renew), connections=1)
    assert [number for number, _ in download.done] == [0, 2, 3]


def test_bytes_that_are_not_wanted_are_no_stall(download: Download, origin: Origin) -> None:
    """B10: of all that came for a range, the range is the end. Each part comes when the one before was taken."""
    size = 20 * 65536

    async def slowly(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(size)})
        await response.prepare(request)
        for _ in range(20):
            await response.write(b"x" * 65536)
            await asyncio.sleep(0.05)
        return response

    origin.fault("/f", slowly)
    [fetch, *_] = pieces(f"{origin.url}/f")
    fetch = fetch._replace(range=ByteRange(first=size - 10, last=size - 1))
    engine(lambda e: download.run(replace(e, stall_seconds=0.5), [fetch]), retries=0)
    assert download.files == {"v/0": b"x" * 10}


HEARD = [
    pytest.param(False, 3, id="nobody was ever there"),
    pytest.param(True, 6, id="it gave something before, and may be started anew"),
]


@pytest.mark.parametrize(("before", "attempts"), HEARD)
def test_where_nobody_listens_it_is_not_tried_for_long(before: bool, attempts: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"

        async def work(e: Engine) -> None:
            if before:
                e.heard.add(origin_of(url))
            failures = 0
            while True:
                failures += 1
                try:
                    await e.http.get(url, limit=100)
                except NetworkError as error:
                    try:
                        await e.again(url, error, failures)
                    except NetworkError:
                        assert failures == attempts
                        return

        engine(work, retries=5)


def test_what_fails_is_called_as_people_call_it(origin: Origin, download: Download) -> None:
    track = Track(id="6", kind=Kind.VIDEO, container="mp4", bandwidth=1, height=1080, why="")
    fetch = segments(origin, 1)[0]._replace(rendition="6")
    whole = replace(plan([fetch]), tracks=(track,))
    origin.fault("1.m4s", o.status(404))

    async def work(e: Engine) -> None:
        async with Watched(None, download.store, TITLE) as intake:
            await e.run(whole, [fetch], intake, download.watcher)

    with pytest.raises(NetworkError, match=r"^video 1080p, segment 1: http"):
        engine(work)
