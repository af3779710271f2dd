"""The page of playback in a real browser: a headless Chromium, which plays HLS by itself."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from offlinedl.errors import DamagedError
from offlinedl.playback import About, Presentation, Text
from offlinedl.playback.server import Served, serving
from tests.browser import Tab, chromium
from tests.shelf import Sat, Shelf, folder, harbour

ABOUT = About(name="Low Tide", series="The Harbour")
FRAMES = "video.getVideoPlaybackQuality().totalVideoFrames"
WORDS = b"WEBVTT\n\n00:00.000 --> 01:00.000\nThe tide is going out.\n"


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clear title of a minute, as HLS: pictures and sound, in pieces of four seconds."""
    root = tmp_path_factory.mktemp("clear")
    subprocess.run(
        [
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=60",
            "-f", "lavfi", "-i", "sine=440:duration=60", "-map", "0", "-map", "1", "-c:v", "libx264", "-c:a", "aac",
            "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "96", "-f", "hls", "-hls_time", "4",
            "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4", "-var_stream_map", "v:0,agroup:a a:0,agroup:a",
            "-master_pl_name", "master.m3u8", "-hls_segment_filename", "%v/%d.m4s", "%v/index.m3u8",
        ],
        cwd=root, check=True,
    )  # fmt: skip
    return root


@pytest.fixture
def minute(clear: Path) -> Shelf:
    (clear / "s.vtt").write_bytes(WORDS)
    return folder(clear, 60.0, (Text(path="s.vtt", language="en", name="English"),))


@dataclass
class Stage:
    """A title that is served, and a browser."""

    served: Served
    sitting: Sat
    tab: Tab

    async def open(self) -> None:
        """Open the page."""
        await self.tab.go(self.served.page())


@asynccontextmanager
async def staged(title: Presentation, about: About, window: float | None, profile: Path) -> AsyncIterator[Stage]:
    sitting = Sat(time.monotonic, window)
    async with serving(title, sitting, about) as served, chromium(profile) as tab:
        yield Stage(served, sitting, tab)


@dataclass
class Theatre:
    """Where stories are played, each with a browser of its own."""

    folder: Path

    def play(
        self,
        story: Callable[[Stage], Awaitable[None]],
        title: Presentation,
        about: About = ABOUT,
        window: float | None = None,
    ) -> None:
        """A story on a stage, whose window begins with the first media."""

        async def told() -> None:
            async with asyncio.timeout(120), staged(title, about, window, self.folder) as stage:
                await story(stage)

        asyncio.run(told())


@pytest.fixture
def theatre(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "profile")


def test_a_clear_title_plays_from_where_it_stopped(theatre: Theatre, minute: Shelf) -> None:
    async def story(stage: Stage) -> None:
        await stage.open()
        await stage.tab.until(f"{FRAMES} > 24 && video.currentTime > 31")
        assert await stage.tab.run("[document.title, name.textContent, series.textContent, left.textContent]") == [
            "Low Tide · The Harbour", "Low Tide", "The Harbour", "",
        ]  # fmt: skip
        await stage.tab.run("video.pause(); new Promise((done) => setTimeout(done, 100))")
        assert 31 < stage.sitting.places[-1] < 40
        assert stage.sitting.begun
        assert stage.tab.faults == []

    theatre.play(story, minute, About(name="Low Tide", series="The Harbour", start=30.0))


def test_subtitles_show(theatre: Theatre, minute: Shelf) -> None:
    async def story(stage: Stage) -> None:
        await stage.open()
        await stage.tab.until("video.textTracks.length && video.textTracks[0].activeCues?.length")
        track = "[...video.textTracks].map((t) => [t.kind, t.label, t.language, t.mode, t.activeCues[0].text])"
        assert await stage.tab.run(track) == [["subtitles", "English", "en", "showing", "The tide is going out."]]
        assert stage.tab.faults == []

    theatre.play(story, minute, About(name="Low Tide", text="s.vtt"))


def test_an_encrypted_title_plays_to_its_end_and_is_over(theatre: Theatre) -> None:
    async def story(stage: Stage) -> None:
        await stage.open()
        await stage.tab.until("video.ended")
        assert await stage.tab.run(FRAMES) > 12
        await asyncio.wait_for(stage.served.over.wait(), 10)
        assert stage.sitting.places[-1] == pytest.approx(12, abs=0.2)
        assert stage.served.failure is None
        assert stage.tab.faults == []

    theatre.play(story, harbour(), About(name="Low Tide", start=8.0))


def test_at_the_deadline_it_stops_and_nothing_stays(theatre: Theatre, minute: Shelf) -> None:
    async def story(stage: Stage) -> None:
        await stage.open()
        await stage.tab.until("video.currentTime > 1 && left.textContent.startsWith('Expires in')")
        await stage.tab.until("done")
        assert stage.sitting.ends is not None
        assert 0 <= time.monotonic() - stage.sitting.ends < 5  # it takes that long on a machine that is very busy
        assert await stage.tab.run("[what.textContent, notice.hidden, video.hidden]") == [
            "This title has expired", False, True,
        ]  # fmt: skip
        assert await stage.tab.run("[video.videoWidth, video.readyState, video.buffered.length]") == [0, 0, 0]
        assert not [path for path in minute.made if path.endswith(".m4s") and int(Path(path).stem) > 2]

    theatre.play(story, minute, window=6)


CLOCKS = [
    pytest.param("performance", 700_000, True, id="it slept, and one clock tells"),
    pytest.param("Date", 700_000, True, id="it slept, and the other tells"),
    pytest.param("Date", -700_000, False, id="its clock was set back"),
]


@pytest.mark.parametrize(("clock", "passed", "over"), CLOCKS)
def test_the_page_heeds_the_clock_that_is_ahead(
    clock: str, passed: int, over: bool, theatre: Theatre, minute: Shelf
) -> None:
    async def story(stage: Stage) -> None:
        await stage.open()
        await stage.tab.until("left.textContent.startsWith('Expires in')")
        now = f"{clock}.now() + {passed}"
        assert await stage.tab.run(f"{{ const then = {now}; {clock}.now = () => then; tick(); done }}") is over

    theatre.play(story, minute, window=600)


def test_one_jumps_while_a_deadline_is_near(theatre: Theatre, minute: Shelf) -> None:
    async def story(stage: Stage) -> None:
        await stage.open()
        await stage.tab.until("video.currentTime > 0.5")
        for place in (52, 20, 44):
            await stage.tab.run(f"video.currentTime = {place}")
            await stage.tab.until(f"!video.seeking && video.currentTime > {place + 0.3}")

    theatre.play(story, minute, window=90)


def test_a_damaged_piece_is_named_to_the_caller_and_the_page_says_so(theatre: Theatre, minute: Shelf) -> None:
    damaged = DamagedError("0/0.m4s: not as it was stored")
    minute.faults.update({f"{track}/{n}.m4s": damaged for track in "01" for n in range(15)})

    async def story(stage: Stage) -> None:
        await stage.open()
        await stage.tab.until("done")
        assert stage.served.failure is damaged
        assert stage.served.over.is_set()

    theatre.play(story, minute)


def test_a_browser_without_hls_names_other_players(theatre: Theatre, minute: Shelf) -> None:
    async def story(stage: Stage) -> None:
        script = "HTMLMediaElement.prototype.canPlayType = () => ''"
        await stage.tab.ask("Page.addScriptToEvaluateOnNewDocument", source=script)
        await stage.open()
        await stage.tab.until("done")
        assert "mpv" in await stage.tab.run("advice.textContent")
        assert minute.made == []
        assert stage.tab.faults == []

    theatre.play(story, minute)


def test_a_page_that_loads_anew_goes_on_and_one_that_is_closed_is_over(theatre: Theatre, minute: Shelf) -> None:
    async def story(stage: Stage) -> None:
        await stage.open()
        await stage.tab.until("video.currentTime > 1")
        await stage.tab.go(await stage.tab.run("location.href"))
        await stage.tab.until("video.currentTime > 0.5")
        assert not stage.served.over.is_set()
        told = len(stage.sitting.places)
        await stage.tab.go("about:blank")
        await asyncio.wait_for(stage.served.over.wait(), 10)
        assert len(stage.sitting.places) > told

    theatre.play(story, minute)


_THIEF = """async (address) => {
    const fetched = (options) => fetch(address, options).then((answer) => answer.type, (error) => error.name);
    const shown = (kind) => new Promise((done) => {
        const element = document.createElement(kind);
        element.onerror = () => done("refused");
        element.onload = element.onloadedmetadata = () => done("had");
        element.src = address;
        document.body.append(element);
    });
    return [await fetched({}), await fetched({ mode: "no-cors" }), await shown("video"), await shown("script")];
}"""


@pytest.mark.parametrize("path", ["master.m3u8", "0/0.m4s"])
def test_another_page_in_the_browser_gets_nothing(theatre: Theatre, minute: Shelf, path: str) -> None:
    async def story(stage: Stage) -> None:
        async def page(request: web.Request) -> web.Response:
            return web.Response(text="<!doctype html><body></body>", content_type="text/html")

        app = web.Application()
        app.router.add_get("/", page)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        await stage.tab.go(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        address = stage.served.master.replace("master.m3u8", path)
        assert await stage.tab.run(f"({_THIEF})({address!r})") == ["TypeError", "TypeError", "refused", "refused"]
        assert minute.made == []
        await runner.cleanup()

    theatre.play(story, minute)
