"""How a playback ends, and what a player that cannot do something does not: with real ones, and programs in their
place."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from offlinedl.errors import UnsupportedError
from offlinedl.playback.players import browser, named
from offlinedl.playback.players.show import Show
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.test_players import Nothing, program

PLAYS = """#!/bin/sh
read -r _; read -r line
/usr/bin/ffmpeg -v error -i "$(echo "$line" | cut -d"'" -f2)" -f null -
printf '3.00 A-V: '
sleep 0.5
"""


@pytest.fixture
def show(origin: Origin) -> Show:
    """A clear title."""
    address = f"{origin.url}/titles/lighthouse/master.m3u8"
    return Show(name="The Lighthouse", address=address, presentation=Nothing())


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    for driver in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
        monkeypatch.setenv(driver, "dummy")


@pytest.mark.parametrize("player", ["mpv", "vlc", "ffplay"])
@pytest.mark.parametrize("name", ["HUP", "INT", "KILL", "TERM"])
def test_a_player_that_somebody_ends_has_ended(name: str, player: str, show: Show, tmp_path: Path) -> None:
    path = program(tmp_path, player, f"#!/bin/sh\nkill -{name} $$\n")
    asyncio.run(named(player).play(path, show, lambda _: None))


@pytest.mark.parametrize("player", ["mpv", "ffplay"])
def test_a_real_player_that_is_terminated_has_ended(
    player: str, show: Show, silent: None, offlinedl: Offlinedl, tmp_path: Path
) -> None:
    """They end with codes of their own then."""
    (Path(os.environ["MPV_HOME"]) / "mpv.conf").write_text("vo=null\nao=null\n")
    path = program(tmp_path, player, f'#!/bin/sh\necho $$ > {tmp_path}/pid\nexec /usr/bin/{player} "$@"\n')
    ended: list[float] = []

    def end(seconds: float) -> None:
        if not ended:
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
        ended.append(seconds)

    asyncio.run(named(player).play(path, show, end))
    assert ended


def test_a_player_that_crashes_failed(show: Show, tmp_path: Path) -> None:
    path = program(tmp_path, "mpv", "#!/bin/sh\nkill -SEGV $$\n")
    with pytest.raises(UnsupportedError, match="was ended by signal 11"):
        asyncio.run(named("mpv").play(path, show, lambda _: None))


SIGNALS = [("INT", 130), ("TERM", 143), ("HUP", 143)]


@pytest.mark.parametrize(("name", "code"), SIGNALS, ids=[name for name, _ in SIGNALS])
def test_where_it_was_stopped_is_said(
    name: str, code: int, demo: Offlinedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.ok("get", "demo:lighthouse")
    path = program(tmp_path / "bin", "ffplay", f"{PLAYS}kill -{name} $PPID\nsleep 9\n")
    monkeypatch.setenv("PATH", f"{Path(path).parent}:{os.environ['PATH']}")
    command = [sys.executable, "-m", "offlinedl", "play", "demo:lighthouse", "--player", "ffplay"]
    stopped = subprocess.run(command, capture_output=True, text=True, check=False)
    assert stopped.returncode == code
    assert stopped.stdout.splitlines()[-1] == "The Lighthouse: 0:03 of 0:12"
    assert stopped.stderr == "Stopped. Play goes on from 0:03.\n"
    assert demo.listed()[0]["position_seconds"] == 3


CANNOT = [
    pytest.param("ffplay", ("--from", "6"), "--from: not with ffplay", id="ffplay from"),
    pytest.param("ffplay", ("--audio", "en"), "--audio: not with ffplay", id="ffplay audio"),
    pytest.param("browser", ("--audio", "en"), "--audio: not with browser", id="browser audio"),
    pytest.param("none", ("--from", "6"), "--from: not with clients of your own", id="none from"),
]


@pytest.mark.parametrize(("name", "words", "said"), CANNOT)
def test_what_a_player_cannot_is_said(name: str, words: tuple[str, ...], said: str, demo: Offlinedl) -> None:
    demo.ok("get", "demo:harbour-1")
    refused = demo("play", "demo:harbour-1", "--player", name, *words)
    assert (refused.code, said in refused.err, "take --player mpv or vlc" in refused.err) == (2, True, True), refused


def test_ffplay_leaves_the_place_that_it_cannot_go_on_from(
    demo: Offlinedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And who did not choose it hears that it plays."""
    demo.ok("get", "demo:lighthouse")
    demo.ok("mark", "demo:lighthouse", "--position", "6")
    program(tmp_path, "ffplay", f"{PLAYS}kill -TERM $$\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "cut", '#!/bin/sh\nexec /usr/bin/cut "$@"\n')
    program(tmp_path, "sleep", '#!/bin/sh\nexec /bin/sleep "$@"\n')
    played = demo.ok("play", "demo:lighthouse")
    assert (played.err, "0:03 of 0:12" in played.out) == ("Playing in ffplay.\n", True)
    assert demo.listed()[0]["position_seconds"] == 6


class Pages:
    """A page that nobody opens, unless it `is_opened`."""

    def __init__(self, *, is_opened: bool) -> None:
        self.opened = asyncio.Event()
        if is_opened:
            self.opened.set()

    def page(self) -> str:
        return "http://127.0.0.1/"


@pytest.mark.parametrize(("is_opened", "told"), [(True, [False]), (False, [False, True])], ids=["opened", "not"])
def test_a_page_that_nobody_opens_is_told_again(
    is_opened: bool, told: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    heard: list[bool] = []

    async def story() -> None:
        pages = Pages(is_opened=is_opened)
        await asyncio.wait_for(browser.play(pages, lambda _, again: heard.append(again), 0.001), 0.2)

    with pytest.raises(TimeoutError):
        asyncio.run(story())
    assert heard == told


def test_what_is_not_all_here_is_not_refused(demo: Offlinedl, origin: Origin) -> None:
    """It waits, or says why it failed; what is damaged is named as `check` does."""
    origin.fault("v720/3.m4s", o.status(404))
    assert demo("get", "demo:harbour-1").code == 4
    failed = demo("play", "demo:harbour-1")
    [title] = demo.listed()
    said = f"error: demo:harbour-1: {title['error']['message']}"
    assert (failed.code, failed.err.splitlines()[0]) == (3, said)
    origin.mend()
    demo.ok("pause", "demo:harbour-1")
    waits = demo("play", "demo:harbour-1")
    assert (waits.code, "it is paused" in waits.err, "`offlinedl get demo:harbour-1`" in waits.err) == (3, True, True)
    demo.ok("get", "demo:harbour-1")
    next((demo.home / "titles").glob("*/video-*/000001.m4s")).write_bytes(b"")
    assert demo("check").code == 8
    damaged = demo("play", "demo:harbour-1")
    assert damaged.code == 8
    assert damaged.err.splitlines() == [
        "error: demo:harbour-1: 1 of 11 files is damaged",
        "hint: `offlinedl check --repair demo:harbour-1` fetches just that",
    ]
