"""What playing promises: it stops at the deadline, and goes on where it stopped. With real players."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
from aiohttp import web

from offlinedl.demo import client
from tests import packager
from tests.conftest import Offlinedl
from tests.origin import Fault, Handler, Origin
from tests.test_cli import on_terminal
from tests.test_rotation import served

TELLS = """
mp.register_event("playback-restart", function()
    local place = io.open(os.getenv("TOLD"), "a")
    local lines = io.popen("cat /proc/[0-9]*/cmdline | tr '\\\\0\\\\n' '  '"):read("*a")
    place:write(mp.get_property("path"), "\\n", mp.get_property("time-pos"), "\\n", lines, "\\n")
    place:close()
end)
local stop, began = os.getenv("STOPS_AT"), false
mp.register_event("playback-restart", function()
    if stop and began then
        mp.add_timeout(1, function() mp.command("quit") end)
    elseif stop then
        mp.commandv("seek", stop, "absolute")
        began = true
    end
end)
"""


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


@pytest.fixture
def told(offlinedl: Offlinedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What mpv tells of its next playback, for each place where one begins: its path, its position, and the command
    lines of all processes."""
    scripts = Path(os.environ["MPV_HOME"]) / "scripts"
    scripts.mkdir()
    (scripts / "tells.lua").write_text(TELLS)
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


def in_its_time() -> None:
    """mpv plays a second in a second."""
    (Path(os.environ["MPV_HOME"]) / "mpv.conf").write_text("vo=null\nao=null\n")


def title(offlinedl: Offlinedl) -> Any:
    [title] = offlinedl.listed()
    return title


def test_at_the_deadline_mpv_stops(
    minute: Callable[..., str], offlinedl: Offlinedl, told: Callable[[], list[str]], tmp_path: Path
) -> None:
    """It could play on: it reads ahead. The address with its token is on no command line meanwhile."""
    in_its_time()
    stopped = offlinedl("play", minute(6), "--player", "mpv")
    ended = datetime.now(UTC)
    assert (stopped.code, "expired while it played" in stopped.err) == (5, True), stopped
    assert "first play, the playback clock runs. Expires in 0 minutes" in stopped.out
    began = datetime.fromisoformat(title(offlinedl)["license"]["first_played_at"])
    assert 6 <= (ended - began).total_seconds() < 12  # the machine may be busy with other things
    assert 1 <= title(offlinedl)["position_seconds"] <= 7
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
    in_its_time()
    ref = minute()
    monkeypatch.setenv("STOPS_AT", "20")
    assert re.search(r"minute: 0:2\d of 1:00\n", offlinedl.ok("play", ref, "--player", "mpv").out)
    assert (title(offlinedl)["position_seconds"] // 10, title(offlinedl)["watched"]) == (2, False)
    assert float(told()[1]) < 1
    monkeypatch.setenv("STOPS_AT", "57")
    offlinedl.ok("play", ref, "--player", "mpv")
    assert (title(offlinedl)["position_seconds"], title(offlinedl)["watched"]) == (0, True)
    assert 20 <= float(told()[1]) < 30
    offlinedl.ok("mark", ref, "--position", "30")
    offlinedl.ok("play", ref, "--player", "mpv", "--from", "0:10")
    assert 10 <= float(told()[1]) < 11


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
    in_its_time()
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
    refused = demo("play", "demo:harbour-1", "--player", "mpv", f"--from={place}")
    assert (refused.code, said in refused.err) == (2, True), refused
    assert demo.listed()[0]["license"]["first_played_at"] is None


def test_a_language_that_is_not_here(demo: Offlinedl) -> None:
    demo.ok("get", "demo:harbour-1")
    refused = demo("play", "demo:harbour-1", "--audio", "fr")
    assert (refused.code, "--audio fr: not downloaded (there are: en)" in refused.err) == (3, True)


def test_what_is_left_is_shown_while_it_plays(
    minute: Callable[..., str], offlinedl: Offlinedl, told: Callable[[], list[str]], tmp_path: Path
) -> None:
    """On one line, which is wiped away."""
    in_its_time()
    written = on_terminal("play", minute(7200), "--player", "mpv", "--from", "57", TERM="xterm")
    assert re.search(r"\r\x1b\[KExpires in 1 hour · 0:5[789] of 1:00, watched\r\x1b\[K", written)
    assert written.rstrip().endswith("minute: 1:00 of 1:00, watched")


def test_the_browser_gets_an_address_that_opens_once(
    minute: Callable[..., str], offlinedl: Offlinedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands on its command line is worth nothing afterwards."""
    os.mkfifo(tmp_path / "opened")
    (tmp_path / "browser").write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    (tmp_path / "browser").chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{tmp_path}/browser")
    with subprocess.Popen(
        [sys.executable, "-m", "offlinedl", "play", minute(), "--player", "browser"], stdout=subprocess.DEVNULL
    ) as process:
        address = (tmp_path / "opened").read_text().strip()
        assert client.read(address) > 100
        with pytest.raises(HTTPError, match="404"):
            client.read(address)
        process.send_signal(signal.SIGINT)
    assert process.returncode == 130
