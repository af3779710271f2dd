"""pause, and two processes at one title: one of them has it, the other says so or asks it to stop."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import threading
import urllib.request

import pytest

from tests import origin as o
from tests import titles
from tests.conftest import Offlinedl
from tests.origin import Asked, Origin
from tests.test_get import assert_origins_bytes
from tests.test_kill import asked_for, serve

_RELEASE = "/titles/ferry/key"


def held_at(
    offlinedl: Offlinedl, origin: Origin, path: str, *words: str, verb: str = "get", err: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """A `get`, or another command, that has asked for `path`, and gets no answer until somebody asks for `_RELEASE`."""
    released, heard = asyncio.Event(), threading.Event()

    def watch(asked: Asked) -> None:
        if path in asked.path:
            heard.set()
        if asked.path == _RELEASE:
            released.set()

    origin.watchers.append(watch)
    origin.fault(path, o.held(released))
    process = offlinedl.start(verb, *words, err=err)
    assert heard.wait(60)
    return process


def test_a_download_that_another_process_runs(offlinedl: Offlinedl, origin: Origin) -> None:
    """It ends with 130, and the next get goes on where it stood."""
    url = serve(origin, titles.fmp4(count=12))
    process = held_at(offlinedl, origin, "/8.m4s", url)
    assert [title["state"] for title in offlinedl.listed()] == ["downloading"]
    assert offlinedl.ok("pause", url).out.endswith(": paused\n")
    assert process.wait() == 130
    assert [title["state"] for title in offlinedl.listed()] == ["paused"]
    origin.mend()
    origin.forget()
    kept = offlinedl.files()
    [title] = offlinedl.ok("get", url, "--json").json
    assert_origins_bytes(title, origin.files)
    assert "/titles/made/8.m4s" in {asked.path for asked in origin.log}
    assert asked_for(title, origin, origin.log) == offlinedl.files() - kept
    assert not origin.asked("key")


def test_the_other_titles_of_that_process_go_on(demo: Offlinedl, origin: Origin) -> None:
    process = held_at(demo, origin, "harbour-1/v720/2.m4s", "demo:harbour-1", "demo:lighthouse")
    demo.ok("pause", "demo:harbour-1")
    assert process.wait() == 130
    assert {title["id"]: title["state"] for title in demo.listed()} == {
        "demo:harbour-1": "paused",
        "demo:lighthouse": "ready",
    }


def test_what_nobody_downloads(demo: Offlinedl, origin: Origin) -> None:
    """After kill -9, and after a failure; twice is no error, and get goes on."""
    process = held_at(demo, origin, "v720/2.m4s", "demo:harbour-1")
    process.kill()
    process.wait()
    assert demo.ok("pause", "demo:harbour-1").out == "demo:harbour-1: paused\n"
    origin.mend()
    origin.fault("v720/2.m4s", o.status(404))
    assert demo("get", "demo:harbour-1").code == 4
    for _ in range(2):
        assert demo.ok("pause", "demo:harbour-1").out == "demo:harbour-1: paused\n"
    origin.mend()
    demo.ok("get", "demo:harbour-1")


def test_what_cannot_be_paused(demo: Offlinedl) -> None:
    """Each is said, the others are paused, and the code is that of the first."""
    demo.ok("get", "demo:lighthouse")
    refused = demo("pause", "demo:lighthouse", "demo:nothing")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.splitlines()[0] == "error: demo:lighthouse: ready, so there is nothing to pause"
    assert refused.err.splitlines()[2] == "error: demo:nothing: no such title in the catalog"
    assert demo("pause", "demo:nothing").code == 3
    assert [title["state"] for title in demo.listed()] == ["ready"]


def test_two_at_once_the_second_is_busy(demo: Offlinedl, origin: Origin) -> None:
    """C57, B27: where it is not to wait, it says so, and the first ends well."""
    first = held_at(demo, origin, "v720/2.m4s", "demo:harbour-1")
    assert demo.start("get", "demo:harbour-1", "--no-wait").wait() == 7
    assert demo("get", "demo:harbour-1", "--no-wait").code == 7
    assert demo("resume", "demo:harbour-1").code == 7
    assert demo("rm", "demo:harbour-1").code == 7
    urllib.request.urlopen(origin.url + _RELEASE).close()
    assert first.wait() == 0
    assert_origins_bytes(demo.ok("show", "demo:harbour-1", "--json").json)
    assert len(origin.asked("/license")) == 1


def joining(demo: Offlinedl, *words: str) -> subprocess.Popen[bytes]:
    """Another `get`, which waits for what a process is at."""
    process = demo.start("get", *words, "--progress", "json", err=subprocess.PIPE)
    assert process.stderr
    said = [json.loads(process.stderr.readline()) for _ in range(2)]
    assert [(event["event"], event["step"]) for event in said] == [("begin", None), ("step", "elsewhere")]
    return process


@pytest.mark.parametrize("words", [("demo:harbour-1",), ("harbour-1", "demo:lighthouse")], ids=["one", "of two"])
def test_two_at_once_the_second_joins(words: tuple[str, ...], demo: Offlinedl, origin: Origin) -> None:
    """C57: it watches, and ends with what the first one brings; nothing is fetched twice."""
    first = held_at(demo, origin, "harbour-1/v720/2.m4s", "demo:harbour-1")
    second = joining(demo, *words)
    urllib.request.urlopen(origin.url + _RELEASE).close()
    _, said = second.communicate()
    assert (first.wait(), second.returncode) == (0, 0)
    events = [json.loads(line) for line in said.splitlines()]
    [end] = [event for event in events if event["event"] == "end" and "harbour" in event["title"]]
    assert end["message"].startswith("Low Tide: already there. Available for")
    assert len(origin.asked("/license")) == 1
    assert len(origin.asked("harbour-1/v720/2.m4s")) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda number: number.name)
def test_who_joined_goes_on_where_the_first_was_stopped(number: int, demo: Offlinedl, origin: Origin) -> None:
    """C57, C1."""
    first = held_at(demo, origin, "v720/2.m4s", "demo:harbour-1")
    second = joining(demo, "demo:harbour-1")
    origin.mend()
    first.send_signal(number)
    assert second.communicate()
    assert second.returncode == 0
    assert_origins_bytes(demo.ok("show", "demo:harbour-1", "--json").json)
    assert len(origin.asked("/license")) == 1


def test_a_pause_is_for_those_who_joined_too(demo: Offlinedl, origin: Origin) -> None:
    first = held_at(demo, origin, "v720/2.m4s", "demo:harbour-1")
    second = joining(demo, "demo:harbour-1")
    demo.ok("pause", "demo:harbour-1")
    _, said = second.communicate()
    assert (first.wait(), second.returncode) == (130, 130)
    assert json.loads(said.splitlines()[-1])["event"] == "paused"
    assert [title["state"] for title in demo.listed()] == ["paused"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_the_lock_of_one_that_is_gone_holds_nobody_up(number: int, demo: Offlinedl, origin: Origin) -> None:
    """C57."""
    process = held_at(demo, origin, "v720/2.m4s", "demo:harbour-1")
    process.send_signal(number)
    process.wait()
    origin.mend()
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert_origins_bytes(title)


def test_two_that_begin_together_share_nothing(offlinedl: Offlinedl, origin: Origin) -> None:
    """C57, A11: two titles, one home, and a new one."""
    urls = [f"{origin.url}/titles/lighthouse/{name}" for name in ("manifest.mpd", "master.m3u8")]
    assert [process.wait() for process in [offlinedl.start("get", url) for url in urls]] == [0, 0]
    for title in offlinedl.listed():
        assert_origins_bytes(offlinedl.ok("show", title["id"], "--json").json)
