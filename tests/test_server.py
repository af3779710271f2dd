"""The server of playback: what it gives, when, and to whom."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from yarl import URL

from offlinedl.errors import DamagedError, RefusedError
from offlinedl.playback import About, Part, Text
from offlinedl.playback.ranges import wanted
from offlinedl.playback.server import Served, serving
from tests import clockwork
from tests.shelf import Sat, Shelf, Time, long

NOBODY = 65534
PROMISED = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

as_root = pytest.mark.skipif(
    os.geteuid() != 0 and "CI" not in os.environ, reason="only root can ask as somebody else; in CI this has to run"
)


@dataclass
class Stage:
    """A server, what it serves, and a client."""

    served: Served
    shelf: Shelf
    sitting: Sat
    time: Time
    client: aiohttp.ClientSession

    @property
    def root(self) -> str:
        """The folder of the title, with the token."""
        return self.served.master.removesuffix("master.m3u8")

    async def status(self, path: str, **headers: str) -> int:
        """How a request for a part ends; 0 where the answer is cut off."""
        async with self.client.get(self.root + path, headers=headers) as answer:
            try:
                await answer.read()
            except aiohttp.ClientPayloadError:
                return 0
            return answer.status

    async def read(self, path: str, **headers: str) -> bytes:
        """A part, which is there."""
        async with self.client.get(self.root + path, headers=headers) as answer:
            assert answer.status in {200, 206}, answer.status
            return await answer.read()

    async def post(self, body: str) -> Any:
        """What the page hears that tells its place."""
        async with self.client.post(self.root.replace("/title/", "/at"), data=body) as answer:
            return await answer.json() if answer.ok else answer.status


@asynccontextmanager
async def staged(shelf: Shelf, window: float | None, about: About) -> AsyncIterator[Stage]:
    time = Time()
    sitting = Sat(time, window)
    async with (
        serving(shelf, sitting, about, time=time, rest=time.rest) as served,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as client,
    ):
        yield Stage(served, shelf, sitting, time, client)


def play(
    story: Callable[[Stage], Awaitable[None]],
    shelf: Shelf | None = None,
    window: float | None = None,
    about: About | None = None,
) -> None:
    """A story on a stage, whose window begins with the first media."""

    async def told() -> None:
        async with staged(shelf or long(), window, about or About(name="Low Tide")) as stage:
            await story(stage)

    asyncio.run(told())


# What it gives


RANGES = [
    pytest.param("bytes=0-", range(100), id="all-from-the-first"),
    pytest.param("bytes=10-19", range(10, 20), id="some"),
    pytest.param("bytes=99-99", range(99, 100), id="the-last"),
    pytest.param("bytes=90-1000", range(90, 100), id="more-than-there-are"),
    pytest.param("bytes=-10", range(90, 100), id="the-last-ten"),
    pytest.param("bytes=-1000", range(100), id="more-last-ones-than-there-are"),
    pytest.param("Bytes=0-0", range(1), id="units-have-no-case"),
    pytest.param("bytes=100-", range(0), id="past-the-end"),
    pytest.param("bytes=-0", range(0), id="none-of-the-last"),
    pytest.param("", None, id="nothing"),
    pytest.param("bytes=0-1,5-6", None, id="several"),
    pytest.param("bytes=9-8", None, id="backwards"),
    pytest.param("bytes=-", None, id="neither-end"),
    pytest.param("bytes=a-b", None, id="no-numbers"),
    pytest.param("items=0-1", None, id="other-units"),
    pytest.param(f"bytes={'9' * 5000}-", None, id="a-number-without-end"),
]


@pytest.mark.parametrize(("field", "bytes_"), RANGES)
def test_a_range_is_understood(field: str, bytes_: range | None) -> None:
    found = wanted(field, 100)
    assert (found is None) == (bytes_ is None)
    assert found is None or list(found) == list(bytes_ or ())


ANSWERS = [
    pytest.param({}, 200, None, slice(None), id="whole"),
    pytest.param({"Range": "bytes=2-5"}, 206, "bytes 2-5/1000", slice(2, 6), id="a-range"),
    pytest.param({"Range": "bytes=990-"}, 206, "bytes 990-999/1000", slice(990, None), id="open-ended"),
    pytest.param({"Range": "bytes=-4"}, 206, "bytes 996-999/1000", slice(-4, None), id="a-suffix"),
    pytest.param({"Range": "bytes=0-1,3-4"}, 200, None, slice(None), id="several-ranges"),
    pytest.param({"Range": "bytes=2-5", "If-Range": '"x"'}, 200, None, slice(None), id="if-it-is-another-one"),
]


@pytest.mark.parametrize(("headers", "status", "place", "part"), ANSWERS)
def test_a_piece_and_its_ranges(headers: dict[str, str], status: int, place: str | None, part: slice) -> None:
    async def story(stage: Stage) -> None:
        async with stage.client.get(stage.root + "v0/1.m4s", headers=headers) as answer:
            assert (answer.status, answer.headers.get("Content-Range")) == (status, place)
            content = b"v0/1 ".ljust(1000, b".")[part]
            assert await answer.read() == content
            assert answer.headers["Content-Length"] == str(len(content))
            assert answer.headers["Content-Type"] == "video/iso.segment"

    play(story)


def test_a_range_of_nothing() -> None:
    async def story(stage: Stage) -> None:
        async with stage.client.get(stage.root + "v0/1.m4s", headers={"Range": "bytes=1000-"}) as answer:
            assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */1000")

    play(story)


def test_a_head_has_the_length_and_starts_no_clock() -> None:
    async def story(stage: Stage) -> None:
        async with stage.client.head(stage.root + "v0/1.m4s", headers={"Range": "bytes=0-1"}) as answer:
            assert (answer.status, answer.headers["Content-Length"], await answer.read()) == (200, "1000", b"")
        assert stage.sitting.begun == 0

    play(story)


def test_addresses_of_the_playlist_and_of_subtitles() -> None:
    shelf = long()
    text = Text(path="s/en.vtt", language="en", name="English")
    shelf.parts["s/en.vtt"] = Part(type="text/vtt", make=lambda: b"WEBVTT")  # type: ignore[index]
    shelf.texts = (text,)

    async def story(stage: Stage) -> None:
        for address, content in ((stage.served.master, b"#EXTM3U\n"), (stage.served.texts["s/en.vtt"], b"WEBVTT")):
            async with stage.client.get(address) as answer:
                assert await answer.read() == content
        assert await stage.status("v0/99.m4s") == 404

    play(story, shelf)


def test_what_was_made_is_kept_for_ranges_until_eight_others_were() -> None:
    async def story(stage: Stage) -> None:
        await asyncio.gather(*(stage.read("v0/0.m4s", Range=f"bytes={n}-{n}") for n in range(20)))
        assert stage.shelf.made == ["v0/0.m4s"]
        for number in range(1, 8):
            await stage.read(f"v0/{number}.m4s")
        await stage.read("v0/0.m4s")
        await stage.read("v0/8.m4s")
        await stage.read("v0/0.m4s")
        assert stage.shelf.made == [f"v0/{number}.m4s" for number in range(9)]
        await stage.read("v0/1.m4s")
        assert len(stage.shelf.made) == 10

    play(story)


def test_what_is_damaged_is_told_to_the_caller_and_starts_no_clock() -> None:
    damaged = DamagedError("video/0.m4s: not as it was stored")
    shelf = long()
    shelf.faults["v0/0.m4s"] = damaged

    async def story(stage: Stage) -> None:
        async with stage.client.get(stage.root + "v0/0.m4s") as answer:
            assert answer.status == 500
            assert b"m4s" not in await answer.read()
        await asyncio.wait_for(stage.served.over.wait(), 5)
        assert stage.served.failure is damaged
        assert stage.sitting.begun == 0
        assert await stage.status("v0/1.m4s") == 200
        shelf.faults.clear()
        assert await stage.status("v0/0.m4s") == 200

    play(story, shelf)


# When


def test_the_play_begins_with_the_first_media() -> None:
    async def story(stage: Stage) -> None:
        for path in ("master.m3u8", "v0/init.mp4", "v1/init.mp4"):
            await stage.read(path)
        assert stage.sitting.begun == 0
        await stage.read("v0/0.m4s")
        assert stage.sitting.begun == 1

    play(story)


REFUSALS = [
    pytest.param(None, 403, id="it-does-not-play"),
    pytest.param(0.0, 410, id="its-time-is-over"),
]


@pytest.mark.parametrize(("window", "status"), REFUSALS)
def test_a_play_that_is_refused(window: float | None, status: int) -> None:
    async def story(stage: Stage) -> None:
        stage.sitting.refusal = refusal = RefusedError("demo:harbour-1: not ready")

        async def begin() -> None:
            stage.sitting.ends = None if window is None else stage.time.now + window
            raise refusal

        stage.sitting.begin = begin  # type: ignore[method-assign]
        assert await stage.status("v0/0.m4s") == status
        assert stage.served.failure is (refusal if status == 403 else None)

    play(story)


def test_after_the_deadline_there_is_nothing() -> None:
    async def story(stage: Stage) -> None:
        assert await stage.status("v0/0.m4s") == 200
        stage.time.now += 5.9
        assert await stage.status("v0/0.m4s") == 200
        stage.time.now += 0.1
        made = len(stage.shelf.made)
        for path in ("v0/0.m4s", "v1/7.m4s", "master.m3u8", "v0/init.mp4"):
            assert await stage.status(path) == 410
        assert len(stage.shelf.made) == made

    play(story, window=6)


def test_a_client_that_reads_all_gets_what_it_can_play() -> None:
    """60 seconds, of which six may be played: those with a margin, and as much as Chromium wants before it begins."""

    async def story(stage: Stage) -> None:
        found = [await stage.status(f"v0/{number}.m4s") for number in range(15)]
        assert found == [200] * 3 + [0] + [410] * 11
        assert sum(stage.time.rested) == pytest.approx(6)

    play(story, window=6)


def test_a_client_that_reads_all_is_kept_near_its_place() -> None:
    """60 seconds, and two minutes to play them: all of it leaves, but not at once."""

    async def story(stage: Stage) -> None:
        left = []
        for number in range(15):
            await stage.read(f"v0/{number}.m4s")
            left.append(stage.time.now - 500)
        assert left[8] == 0
        assert left[9:] == pytest.approx([4, 8, 12, 16, 20, 24])

    play(story, window=120)


@pytest.mark.parametrize("window", [None, 48 * 3600.0], ids=["no-end", "an-end-far-away"])
def test_where_nothing_ends_soon_nothing_waits(window: float | None) -> None:
    async def story(stage: Stage) -> None:
        for number in range(15):
            await stage.read(f"v0/{number}.m4s")
        assert stage.time.rested == []

    play(story, window=window)


def test_a_player_that_opens_every_rendition_and_jumps_waits_for_nothing() -> None:
    async def story(stage: Stage) -> None:
        for track in ("v0", "v1", "v2", "v3", "a"):
            for number in (0, 1):
                await stage.read(f"{track}/{number}.m4s")
        for number in (2, 8, 9, 3, 4, 12, 13):
            await stage.read(f"v2/{number}.m4s")
            await stage.read(f"a/{number}.m4s")
        assert stage.time.rested == []

    play(story, long(rungs=4), window=6)


def test_who_tells_where_it_is_gets_what_follows() -> None:
    async def story(stage: Stage) -> None:
        await stage.read("v0/0.m4s")
        await stage.read("v0/1.m4s")
        await stage.read("v0/2.m4s")
        stage.served.at(11)
        assert stage.sitting.places == [11]
        await stage.read("v0/3.m4s")
        await stage.read("v0/4.m4s")
        assert stage.time.rested == []

    play(story, window=6)


def test_a_body_is_cut_at_the_deadline() -> None:
    async def story(stage: Stage) -> None:
        stage.sitting.ends = stage.time.now + 6
        async with stage.client.get(stage.root + "v0/0.m4s") as answer:
            assert answer.status == 200
            await answer.content.readexactly(1000)
            stage.time.now += 6
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()

    play(story, long(4, 32_000_000, 1))


def test_a_body_that_nobody_reads_is_cut_at_the_deadline() -> None:
    """The player has paused: what is under way waits for it."""

    async def told() -> None:
        looks: list[float] = []

        def time() -> float:
            looks.append(asyncio.get_running_loop().time())
            return looks[-1]

        sitting, unhurried = Sat(time, 6), aiohttp.ClientTimeout(None)
        async with (
            serving(long(4, 32_000_000, 1), sitting, About(name="Low Tide"), time=time) as served,
            aiohttp.ClientSession(timeout=unhurried) as client,
            client.get(served.master.replace("master.m3u8", "v0/0.m4s")) as answer,
        ):
            assert answer.status == 200
            await asyncio.sleep(7)
            looked = len(looks)
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
            assert len(looks) == looked  # it was cut by then

    clockwork.run(told())


def test_a_body_that_nobody_reads_is_not_cut_where_the_deadline_has_moved() -> None:
    """The license is renewed while the player has paused."""

    async def told() -> None:
        def time() -> float:
            return asyncio.get_running_loop().time()

        sitting, unhurried = Sat(time, 6), aiohttp.ClientTimeout(None)
        async with (
            serving(long(4, 32_000_000, 1), sitting, About(name="Low Tide"), time=time) as served,
            aiohttp.ClientSession(timeout=unhurried) as client,
            client.get(served.master.replace("master.m3u8", "v0/0.m4s")) as answer,
        ):
            await asyncio.sleep(3)
            sitting.ends = time() + 600
            await asyncio.sleep(100)
            assert len(await answer.read()) == 32_000_000

    clockwork.run(told())


# To whom


TURNED_AWAY = [
    pytest.param("title/v0/0.m4s", {"Host": "rebound.example:{port}"}, 403, id="a-rebound-name"),
    pytest.param("title/v0/0.m4s", {"Host": "127.0.0.1"}, 403, id="another-port"),
    pytest.param("title/v0/0.m4s", {"Sec-Fetch-Site": "same-site"}, 403, id="a-page-on-another-port"),
    pytest.param("title/v0/0.m4s", {"Sec-Fetch-Site": "cross-site"}, 403, id="a-page-elsewhere"),
    pytest.param("", {"Sec-Fetch-Site": "cross-site"}, 403, id="who-embeds-the-page"),
    pytest.param("../wrong/title/v0/0.m4s", {}, 404, id="a-wrong-token"),
    pytest.param("../title/v0/0.m4s", {}, 404, id="no-token"),
    pytest.param("../", {}, 404, id="nothing-at-all"),
    pytest.param("../favicon.ico", {}, 404, id="what-browsers-ask-for"),
    pytest.param("../open/wrong", {}, 404, id="nobody-was-invited"),
    pytest.param("../%ff%ed%a0%80/", {}, 404, id="no-text"),
    pytest.param("title/../../wrong", {}, 404, id="up"),
    pytest.param("title/%2e%2e/%2e%2e/etc/passwd", {}, 404, id="up-in-disguise"),
    pytest.param("nothing", {}, 404, id="nothing-there"),
]


@pytest.mark.parametrize(("path", "headers", "status"), TURNED_AWAY)
def test_who_may_not_ask_gets_nothing(path: str, headers: dict[str, str], status: int) -> None:
    async def story(stage: Stage) -> None:
        asked = URL(stage.root.replace("/title/", "/") + path)
        headers_ = {name: value.format(port=asked.port) for name, value in headers.items()}
        async with stage.client.get(asked, headers=headers_) as answer:
            assert answer.status == status
            assert len(await answer.read()) < 30
            assert answer.headers.items() >= PROMISED.items()
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert stage.shelf.made == []

    play(story)


METHODS = [
    pytest.param("POST", "title/v0/0.m4s", id="post"),
    pytest.param("PUT", "title/v0/0.m4s", id="put"),
    pytest.param("DELETE", "", id="delete"),
    pytest.param("OPTIONS", "title/v0/0.m4s", id="a-preflight"),
    pytest.param("GET", "at", id="a-place-is-posted"),
]


@pytest.mark.parametrize(("method", "path"), METHODS)
def test_only_what_is_there_can_be_asked_for(method: str, path: str) -> None:
    async def story(stage: Stage) -> None:
        address = stage.root.replace("/title/", "/") + path
        async with stage.client.request(method, address, headers={"Origin": "http://127.0.0.1:1"}) as answer:
            assert answer.status == 405
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert stage.shelf.made == []

    play(story)


GARBAGE = [
    pytest.param(b"\x16\x03\x01\x02\x00", b"400", id="another-protocol"),
    pytest.param(b"GET /{token}/%s HTTP/1.1\r\n" % (b"a" * 9000), b"400", id="a-path-without-end"),
    pytest.param(b"GET /{token}/\xff HTTP/1.1\r\n", b"400", id="no-text"),
    pytest.param(b"GET /{token}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n", b"400", id="two-hosts"),
    pytest.param(b"OPTIONS * HTTP/1.1\r\n", b"404", id="no-path"),
    pytest.param(b"CONNECT x.example:443 HTTP/1.1\r\n", b"404", id="a-proxy-is-looked-for"),
]


@pytest.mark.parametrize(("sent", "status"), GARBAGE)
def test_what_is_no_request_is_not_told(sent: bytes, status: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody can send it, and the address may be in it."""

    async def story(stage: Stage) -> None:
        root = URL(stage.root)
        reader, writer = await asyncio.open_connection(root.host, root.port)
        port, token = str(root.port).encode(), stage.root.split("/")[3].encode()
        request = sent + b"Host: 127.0.0.1:{port}\r\n\r\n"
        writer.write(request.replace(b"{port}", port).replace(b"{token}", token))
        assert (await reader.readline()).split()[1] == status
        writer.close()

    play(story)
    assert caplog.records == []


_ASK = """
import encodings.idna, os, sys, urllib.error, urllib.request
os.setgid({user}); os.setuid({user})
for address in sys.argv[1:]:
    try:
        print(urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(address, timeout=20).status)
    except urllib.error.HTTPError as error:
        print(error.code)
"""


@as_root
def test_another_user_gets_nothing_with_the_right_address() -> None:
    async def story(stage: Stage) -> None:
        async def asked(user: int, *addresses: str) -> list[str]:
            program = [sys.executable, "-c", _ASK.format(user=user), *addresses]
            child = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
            out, _ = await child.communicate()
            return out.decode().split()

        invitation = stage.served.page()
        addresses = (stage.served.master, stage.root + "v0/0.m4s", invitation)
        assert await asked(NOBODY, *addresses) == ["403", "403", "403"]
        assert stage.shelf.made == []
        assert await asked(0, *addresses) == ["200", "200", "200"]  # the invitation was not used up

    play(story)


def test_the_page_is_opened_once() -> None:
    async def story(stage: Stage) -> None:
        first, second = stage.served.page(), stage.served.page()
        token = stage.served.master.split("/")[3]
        assert token not in first
        async with stage.client.head(first) as answer:
            assert answer.status == 405
        for address, status in ((first, 200), (first, 404), (second, 200), (second, 404)):
            async with stage.client.get(address) as answer:
                assert answer.status == status
                assert (token in answer.url.path) is (status == 200)

    play(story)


def test_the_page_may_load_nothing_from_elsewhere() -> None:
    async def story(stage: Stage) -> None:
        policies = []
        for _ in range(2):
            async with stage.client.get(stage.served.page()) as answer:
                text = await answer.text()
                policies.append(policy := answer.headers["Content-Security-Policy"])
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert "://" not in text
            assert "NONCE" not in text
        assert policies[0] != policies[1]

    play(story)


# What the page tells


def test_the_page_hears_of_the_title_and_tells_its_place() -> None:
    texts = (
        Text(path="s/en.vtt", language="en", name="English"),
        Text(path="s/fr.vtt", language="fr", name="Français", forced=True),
    )
    shelf = long()
    shelf.texts = texts
    about = About(name="Low Tide", series="The Harbour", poster=b"\x89PNG....", start=12.5)

    async def story(stage: Stage) -> None:
        folder = stage.root.replace("/title/", "/")
        async with stage.client.get(folder + "about") as answer:
            assert await answer.json() == {
                "name": "Low Tide", "series": "The Harbour", "poster": True, "start": 12.5, "left": None,
                "texts": [
                    {"path": "s/en.vtt", "language": "en", "name": "English", "forced": False, "on": False},
                    {"path": "s/fr.vtt", "language": "fr", "name": "Français", "forced": True, "on": True},
                ],
            }  # fmt: skip
        async with stage.client.get(folder + "poster") as answer:
            assert (answer.content_type, await answer.read()) == ("image/png", b"\x89PNG....")
        assert await stage.post('{"at": 17.25}') == {"left": None}
        await stage.read("v0/0.m4s")
        assert await stage.post('{"at": 18, "ended": false}') == {"left": 900}
        assert stage.sitting.places == [17.25, 18]
        assert not stage.served.over.is_set()
        await stage.post('{"at": 60, "ended": true}')
        assert stage.served.over.is_set()

    play(story, shelf, 900, about)


POSTERS = [
    pytest.param(None, id="none"),
    pytest.param(b"<svg/>", id="one-that-may-have-scripts"),
]


@pytest.mark.parametrize("poster", POSTERS)
def test_no_poster(poster: bytes | None) -> None:
    async def story(stage: Stage) -> None:
        async with stage.client.get(stage.root.replace("/title/", "/poster")) as answer:
            assert answer.status == 404

    play(story, about=About(name="Low Tide", poster=poster))


NO_PLACES = [
    pytest.param("", id="nothing"),
    pytest.param("12", id="no-object"),
    pytest.param("{}", id="no-place"),
    pytest.param('{"at": null}', id="null"),
    pytest.param('{"at": "x"}', id="a-word"),
    pytest.param('{"at": NaN}', id="no-number"),
    pytest.param('{"at": Infinity}', id="without-end"),
    pytest.param('{"at": -1}', id="before-the-beginning"),
    pytest.param('{"at": 1' + "0" * 400 + "}", id="larger-than-any"),
    pytest.param("[" * 900, id="deep"),
    pytest.param("\udcff", id="no-text"),
]


@pytest.mark.parametrize("body", NO_PLACES)
def test_what_is_no_place_is_refused(body: str) -> None:
    async def story(stage: Stage) -> None:
        address = stage.root.replace("/title/", "/at")
        async with stage.client.post(address, data=body.encode("utf-8", "surrogateescape")) as answer:
            assert answer.status == 400
        assert stage.sitting.places == []

    play(story)


def test_a_body_is_small() -> None:
    async def story(stage: Stage) -> None:
        assert await stage.post(" " * 5000 + '{"at": 1}') == 413

    play(story)


def test_a_page_that_is_closed_is_over_and_one_that_loads_anew_is_not() -> None:
    async def told() -> None:
        gone, resting = asyncio.Event(), asyncio.Event()

        async def rest(seconds: float) -> None:
            resting.set()
            await gone.wait()

        shelf, time = long(), Time()
        async with (
            serving(shelf, Sat(time), About(name="Low Tide"), time=time, rest=rest) as served,
            aiohttp.ClientSession() as client,
        ):
            presence = served.master.replace("/title/master.m3u8", "/presence")
            first = await client.get(presence)
            await first.content.readany()
            first.close()
            await resting.wait()
            second = await client.get(presence)
            await second.content.readany()
            gone.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not served.over.is_set()
            second.close()
            await asyncio.wait_for(served.over.wait(), 5)

    asyncio.run(told())
