"""What playing promises: it stops at the deadline, and goes on where it stopped. With real players."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from aiohttp import web

from offlinedl import clock
from offlinedl.actions.sitting import Sitting
from offlinedl.catalog import Catalog
from offlinedl.demo import client
from offlinedl.engine import Engine
from offlinedl.errors import RefusedError
from offlinedl.http import Http
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.model import Windows
from offlinedl.playing import check
from offlinedl.store import Store
from offlinedl.vault import Vault
from tests import packager
from tests.conftest import Offlinedl
from tests.origin import Fault, Handler, Origin
from tests.test_rotation import served

TELLS = """
mp.register_event("playback-restart", function()
    local place = io.open(os.getenv("TOLD"), "a")
    local lines = io.popen("cat /proc/[0-9]*/cmdline | tr '\\\\0\\\\n' '  '"):read("*a")
    place:write(mp.get_property("path"), "\\n", mp.get_property("time-pos"), "\\n", lines, "\\n")
    place:close()
end)
local stop = tonumber(os.getenv("STOPS_AT"))
mp.observe_property("time-pos", "number", function(_, place)
    if stop and place and place >= stop then mp.command("quit") end
end)
"""


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


@pytest.fixture
def told(offlinedl: Offlinedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What mpv tells of its next playback, for each place where one begins: its path, its position, and the command
    lines of all processes."""
    (tmp_path / "mpv/scripts").mkdir()
    (tmp_path / "mpv/scripts/tells.lua").write_text(TELLS)
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))

    def read() -> list[str]:
        lines = (tmp_path / "told").read_text().splitlines()
        (tmp_path / "told").unlink()
        return lines

    return read


def licensing(seconds: int | None) -> Fault:
    """Licenses with such a playback window."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        kids = {base64.urlsafe_b64decode(f"{text}=="): text for text in json.loads(await request.read())["kids"]}
        keys = [
            {"kty": "oct", "kid": text, "k": base64.urlsafe_b64encode(packager.KEYS[kid]).decode().rstrip("=")}
            for kid, text in kids.items()
        ]
        policy = {"can_persist": True, "can_renew": True, "playback_duration_seconds": seconds}
        return web.json_response({"keys": keys, "type": "persistent-license", "policy": policy})

    return fault


@pytest.fixture
def minute(root: Path, offlinedl: Offlinedl, origin: Origin) -> Callable[..., str]:
    """Gets a title of a minute, with a playback window of so many seconds. Its id."""

    def get(seconds: int | None = None) -> str:
        origin.fault("/titles/minute/", served(packager.minute(root)))
        origin.fault("/license", licensing(seconds))
        url = f"{origin.url}/titles/minute/manifest.mpd"
        [title] = offlinedl.ok("get", url, "--license-url", f"{origin.url}/license", "--json").json
        return str(title["id"])

    return get


def in_its_time(offlinedl: Offlinedl, tmp_path: Path) -> None:
    """mpv plays a second in a second."""
    (tmp_path / "mpv/mpv.conf").write_text("vo=null\nao=null\n")


def title(offlinedl: Offlinedl) -> Any:
    [title] = offlinedl.listed()
    return title


def test_at_the_deadline_mpv_stops(
    minute: Callable[..., str], offlinedl: Offlinedl, told: Callable[[], list[str]], tmp_path: Path
) -> None:
    """It could play on: it reads ahead. The address with its token is on no command line meanwhile."""
    in_its_time(offlinedl, tmp_path)
    stopped = offlinedl("play", minute(6), "--player", "mpv")
    ended = datetime.now(UTC)
    assert (stopped.code, "expired while it played" in stopped.err) == (5, True), stopped
    assert "first play, the playback clock runs. Expires in 0 minutes" in stopped.out
    began = datetime.fromisoformat(title(offlinedl)["license"]["first_played_at"])
    assert 6 <= (ended - began).total_seconds() < 8  # began is rounded down to the second
    assert 2 <= title(offlinedl)["position_seconds"] <= 7
    path, _, lines = told()
    [token] = set(re.findall(r"127\.0\.0\.1:\d+/([\w-]{32})/", path))
    assert "--input-ipc-client" in lines
    assert token not in lines
    assert not [pid for pid in Path("/proc").glob("[0-9]*/environ") if f"TOLD={tmp_path}" in _environment(pid)]


def _environment(file: Path) -> str:
    try:
        return file.read_text(errors="replace") if file.parent.name != str(os.getpid()) else ""
    except OSError:
        return ""


def test_at_the_deadline_other_clients_get_nothing(minute: Callable[..., str], offlinedl: Offlinedl) -> None:
    said: list[str] = []
    words = ("play", minute(3), "--player", "none")
    with subprocess.Popen(
        [sys.executable, "-m", "offlinedl", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        first = re.sub(r"master\.m3u8$", "video-1/1.m4s", address)
        assert client.read(first) > 10_000
        said += process.communicate()
    assert (process.returncode, "expired while it played" in said[1]) == (5, True)
    with pytest.raises(URLError):
        client.read(first)


def test_it_goes_on_where_it_stopped(
    minute: Callable[..., str],
    offlinedl: Offlinedl,
    told: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ref = minute()
    monkeypatch.setenv("STOPS_AT", "20")
    assert "0:20 of 1:00\n" in offlinedl.ok("play", ref, "--player", "mpv").out
    assert (title(offlinedl)["position_seconds"], title(offlinedl)["watched"]) == (20, False)
    assert float(told()[1]) < 10  # it plays as fast as it can, and tells in between
    monkeypatch.setenv("STOPS_AT", "55")
    offlinedl.ok("play", ref, "--player", "mpv")
    assert (title(offlinedl)["position_seconds"] // 5, title(offlinedl)["watched"]) == (0, True)
    assert 19 <= float(told()[1]) < 30
    offlinedl.ok("mark", ref, "--unwatched", "--position", "30")
    monkeypatch.setenv("STOPS_AT", "54.5")
    offlinedl.ok("play", ref, "--player", "mpv", "--from", "0:10")
    assert (title(offlinedl)["position_seconds"], title(offlinedl)["watched"]) == (54, True)
    assert 9 <= float(told()[1]) < 19


def test_what_is_removed_while_it_plays_stops(minute: Callable[..., str], offlinedl: Offlinedl) -> None:
    ref = minute()
    command = [sys.executable, "-m", "offlinedl", "play", ref, "--player", "none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        offlinedl.ok("rm", ref)
        _, err = process.communicate()
    assert (process.returncode, "removed while it played" in err) == (3, True), address


def test_ctrl_c_stops_the_player(
    minute: Callable[..., str], offlinedl: Offlinedl, told: Callable[[], list[str]], tmp_path: Path
) -> None:
    in_its_time(offlinedl, tmp_path)
    ref = minute()
    command = [sys.executable, "-m", "offlinedl", "play", ref, "--player", "mpv", "--from", "12"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "minute: playing. Available\n"
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130
    assert not [pid for pid in Path("/proc").glob("[0-9]*/environ") if f"TOLD={tmp_path}" in _environment(pid)]


PLACES = [
    pytest.param("x", "not a place in a title", id="a word"),
    pytest.param("-1", "not a place in a title", id="before the beginning"),
    pytest.param("nan", "not a place in a title", id="no number"),
    pytest.param("1:2:3:4", "not a place in a title", id="days"),
    pytest.param("12:34", "seconds long", id="past the end"),
]


@pytest.mark.parametrize(("place", "said"), PLACES)
def test_a_place_that_is_none(place: str, said: str, demo: Offlinedl) -> None:
    demo.ok("get", "demo:harbour-1")
    refused = demo("play", "demo:harbour-1", "--player", "none", f"--from={place}")
    assert (refused.code, said in refused.err) == (2, True), refused
    assert demo.listed()[0]["license"]["first_played_at"] is None


def test_a_language_that_is_not_here(demo: Offlinedl) -> None:
    demo.ok("get", "demo:harbour-1")
    refused = demo("play", "demo:harbour-1", "--audio", "fr")
    assert (refused.code, "--audio fr: not downloaded (there are: en)" in refused.err) == (3, True)


# The clocks of a sitting, and its place


class Sat:
    """A sitting that has begun, on a clock that can be set. `later` lets so many seconds pass."""

    def __init__(self, home: Path, window: Windows) -> None:
        self.now = clock.now()
        self.catalog = Catalog(home / "catalog.db")
        self.library = Library(self.catalog, Store(home / "titles"), Vault(home / "vault"), lambda: self.now)
        entry = self.library.find("demo:harbour-1")
        assert entry.license is not None
        with self.catalog.transaction():
            self.catalog.license(entry.id, replace(entry.license, windows=window))
        self.sitting = asyncio.run(self._begun())

    async def _begun(self) -> Sitting:
        async with Http(connections=1) as http:
            licensing = Licensing(engine=Engine(http=http))
            sitting = Sitting(self.library.must("demo:harbour-1"), self.library, licensing, 100.0)
            await sitting.begin()
            return sitting

    def left(self) -> float | None:
        left = self.sitting.left()
        return left if left is None else round(left)


@pytest.fixture
def sat(demo: Offlinedl) -> Iterator[Callable[..., Sat]]:
    demo.ok("get", "demo:harbour-1")
    with ExitStack() as open_:

        def begin(**windows: Any) -> Sat:
            sat = Sat(demo.home, Windows(**windows))
            open_.callback(sat.catalog.close)
            return sat

        yield begin


def test_a_clock_that_is_set_back_while_it_plays_lengthens_nothing(sat: Callable[..., Sat]) -> None:
    """It is less than what is taken for the clock of a network."""
    playing = sat(playback_seconds=100)
    assert playing.left() == 100
    playing.now -= timedelta(seconds=60)
    assert playing.left() == 100
    playing.now += timedelta(seconds=159)
    assert playing.left() == 1
    assert not playing.sitting.is_over
    playing.now += timedelta(seconds=2)
    assert playing.sitting.is_over


def test_without_a_clock_nothing_ends_it(sat: Callable[..., Sat]) -> None:
    assert sat().left() is None


def test_a_soft_clock_ends_the_next_start_alone(sat: Callable[..., Sat]) -> None:
    playing = sat(playback_seconds=100, soft=frozenset({"playback"}))
    assert playing.left() is None
    playing.now += timedelta(seconds=200)
    asyncio.run(playing.sitting.begin())
    with pytest.raises(RefusedError, match="Expired"):
        check(playing.library.must("demo:harbour-1"), playing.library)


def test_it_begins_once(sat: Callable[..., Sat]) -> None:
    """Each piece of media asks."""
    playing = sat(playback_seconds=100)
    asyncio.run(playing.sitting.begin())
    assert [event for _, event in playing.catalog.history("demo:harbour-1")].count("played") == 1
    playing.now += timedelta(seconds=100)
    with pytest.raises(RefusedError, match="expired while it played"):
        asyncio.run(playing.sitting.begin())


def test_a_renewal_by_another_process_lengthens_it(sat: Callable[..., Sat], demo: Offlinedl) -> None:
    playing = sat(storage_seconds=1000)
    assert (playing.left() or 0) <= 1000
    demo.ok("renew", "demo:harbour-1")
    assert (playing.left() or 0) > 40 * 3600


PLACES_KEPT = [
    pytest.param(50.7, 50, False, id="in the middle"),
    pytest.param(89.9, 89, False, id="before nine tenths"),
    pytest.param(90.0, 90, True, id="at nine tenths"),
    pytest.param(94.9, 94, True, id="in the credits"),
    pytest.param(95.0, 0, True, id="at its end"),
]


@pytest.mark.parametrize(("place", "kept", "watched"), PLACES_KEPT)
def test_where_it_stopped_is_kept(place: float, kept: int, watched: bool, sat: Callable[..., Sat]) -> None:
    playing = sat()
    playing.sitting.at(place)
    playing.sitting.close()
    entry = playing.library.must("demo:harbour-1")
    assert (entry.position_seconds, entry.watched) == (kept, watched)
