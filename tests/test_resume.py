"""Run again after any interruption: only what is missing is fetched, and no second license is asked for."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import web

from offlinedl.errors import StorageError
from offlinedl.library import Library
from offlinedl.model import Entry
from offlinedl.streams import Fetch
from tests import origin as o
from tests import titles
from tests.conftest import Offlinedl
from tests.origin import Asked, Fault, Handler, Origin
from tests.test_get import assert_origins_bytes
from tests.test_kill import kill_at, serve


@pytest.mark.parametrize("seed", range(10))
def test_kill_9_at_a_random_moment(seed: int, demo: Offlinedl, origin: Origin) -> None:
    """C1, B14: pictures, sound and subtitles in two languages each, under three keys. The next get ends with the
    origin's bytes, with one license in all, and never ready without it. (Four kinds of titles: test_kill.py.)

    The moment is a request: the process dies when the origin hears it, before the answer. The license request itself is
    left out, for then the server has heard and nobody has its answer.
    """
    moment = random.Random(seed).choice([*range(1, 3), *range(4, 20)])
    process = demo.start("get", "demo:harbour-2", "--audio", "all", "--subs", "all")
    heard = threading.Event()

    def kill(asked: Asked) -> None:
        media = [a for a in origin.log if a.path.startswith("/titles/")]
        if len(media) >= moment and not asked.path.endswith("/license") and not heard.is_set():
            heard.set()
            os.kill(process.pid, signal.SIGKILL)

    origin.watchers.append(kill)
    process.wait()
    origin.watchers.clear()
    assert heard.is_set() == (process.returncode == -signal.SIGKILL)
    for title in demo.listed():
        assert title["state"] != "ready" or title["license"] is not None
    demo.claimed()

    [title] = demo.ok("get", "demo:harbour-2", "--audio", "all", "--subs", "all", "--json").json
    assert title["state"] == "ready"
    assert_origins_bytes(title)
    assert len(origin.asked("/license")) == 1


def test_who_stops_it_stops_all_of_it_also_where_nothing_can_be_written(
    demo: Offlinedl, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C2: the next title is not begun."""
    import asyncio

    def full(library: Library, entry: Entry) -> None:
        raise StorageError("the catalog cannot be written: no space")

    monkeypatch.setattr(Library, "pause", full)
    origin.watchers.append(lambda asked: os.kill(os.getpid(), signal.SIGINT) if "v720/2" in asked.path else None)
    origin.fault("v720/2.m4s", o.held(asyncio.Event()))
    assert demo("get", "demo:harbour-1", "demo:lighthouse").code == 130
    assert [title["state"] for title in demo.listed()] == ["paused", "queued"]


def test_there_is_nothing_to_resume_of_a_title_that_is_not_there(demo: Offlinedl, origin: Origin) -> None:
    for ref in (f"{origin.url}/titles/lighthouse/master.m3u8", "demo:harbour-1"):
        assert demo("resume", ref).code == 3
    assert (demo.listed(), origin.log) == ([], [])


def test_a_pause_is_heard_during_the_proof_and_is_over_when_the_title_is_ready(
    demo: Offlinedl, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, ready = Library.reading, Library.ready
    looked: list[Entry] = []

    def asked(library: Library, entry: Entry) -> Callable[[Fetch], memoryview]:
        looked.append(entry)
        if len(looked) == 2:  # the first look is at the init segments
            library.ask_pause(entry, asked=True)
        return reading(library, entry)

    async def too_late(library: Library, entry: Entry) -> Entry:
        library.ask_pause(entry, asked=True)
        return await ready(library, entry)

    monkeypatch.setattr(Library, "reading", asked)
    monkeypatch.setattr(Library, "ready", too_late)
    assert demo("get", "demo:harbour-1").code == 130
    assert [title["state"] for title in demo.listed()] == ["paused"]
    demo.ok("get", "demo:harbour-1")
    with closing(sqlite3.connect(demo.home / "catalog.db")) as catalog:
        assert catalog.execute("SELECT pause_asked FROM titles").fetchone() == (0,)


@pytest.mark.parametrize("ref", ["demo:harbour-1", "demo:ferry"], ids=["a license", "a key"])
def test_a_license_that_does_not_come_is_left_without_a_word(ref: str, demo: Offlinedl, origin: Origin) -> None:
    """C2: it is waited for less than a second, and what becomes of the request is nobody's matter."""
    process = subprocess.Popen(
        [sys.executable, "-m", "offlinedl", "get", ref, "--progress", "none"], stderr=subprocess.PIPE
    )
    stop_at(origin, process, "/license" if "harbour" in ref else "/key", signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, b"Stopped. What is done is kept: the same command goes on from there.\n")


def stop_at(origin: Origin, process: subprocess.Popen[bytes], part: str, number: int) -> threading.Event:
    """Send the signal when `part` is asked for, which is then never answered."""
    import asyncio

    stopped = threading.Event()

    def stop(asked: Asked) -> None:
        if part in asked.path and not stopped.is_set():
            stopped.set()
            os.kill(process.pid, number)

    origin.watchers.append(stop)
    origin.fault(part, o.held(asyncio.Event()))
    return stopped


def test_nothing_that_is_there_is_fetched_twice(demo: Offlinedl, origin: Origin) -> None:
    origin.fault("v720/2.m4s", o.status(404))
    assert demo("get", "demo:harbour-1").code == 4
    origin.mend()
    demo.ok("get", "demo:harbour-1")
    counts = Counter(asked.path for asked in origin.log if asked.path.startswith("/titles/"))
    assert counts.pop("/titles/harbour-1/v720/2.m4s") == 3  # twice refused, then fetched
    assert set(counts.values()) == {1}
    assert len(origin.asked("/license")) == 1


def test_a_file_that_was_deleted_or_cut_is_the_only_one_fetched_again(demo: Offlinedl, origin: Origin) -> None:
    """C14, C16."""
    origin.fault("a-en/3.m4s", o.status(404))
    demo("get", "demo:harbour-1")
    origin.mend()
    [title] = demo.listed()
    assert title["state"] == "failed"
    shown = demo.ok("show", "demo:harbour-1", "--json").json
    video = next(track for track in shown["tracks"] if track["kind"] == "video")
    folder = Path(shown["folder"])
    (folder / video["files"][1]["path"]).unlink()
    (folder / video["files"][2]["path"]).write_bytes(b"cut")
    origin.forget()
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert_origins_bytes(title)
    assert sorted(asked.path.removeprefix("/titles/harbour-1/") for asked in origin.log) == [
        "a-en/3.m4s",
        "v720/1.m4s",
        "v720/2.m4s",
    ]


def test_what_failed_is_all_that_is_touched(demo: Offlinedl, origin: Origin) -> None:
    """C20: pictures and subtitles are there, of the sound there is nothing."""
    origin.fault("a-en/[123].m4s", o.status(404))
    assert demo("get", "demo:harbour-1").code == 4
    origin.mend()
    origin.forget()
    there = {f: f.stat().st_mtime_ns for f in demo.home.rglob("*.m4s")}
    assert len(there) == 3
    demo.ok("get", "demo:harbour-1")
    assert {f: f.stat().st_mtime_ns for f in demo.home.rglob("*.m4s")}.items() > there.items()
    assert sorted(asked.path for asked in origin.log) == [f"/titles/harbour-1/a-en/{n}.m4s" for n in (1, 2, 3)]


def shorter() -> Fault:
    """Promise what was asked for, and close after half of it."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        first, stop = request.http_range.start or 0, request.http_range.stop or 0
        response = web.StreamResponse(status=206, headers={"Content-Length": str(stop - first)})
        response.headers["Content-Range"] = f"bytes {first}-{stop - 1}/*"
        await response.prepare(request)
        await response.write(bytes((stop - first) // 2))
        assert request.transport is not None
        request.transport.close()
        return response

    return fault


def everything() -> Fault:
    """200, for a range."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        content = MADE.files["/titles/made/v.mp4"]
        return web.Response(body=content, headers={"ETag": f'"{len(content)}"'})

    return fault


MADE = titles.implied_ranges(count=12)
AFTERWARDS = {
    "B10: all of it for a range": (everything(), 0),
    "B11: another range": (o.other_range(7), 4),
    "B13: less than was promised": (shorter(), 4),
    "C28: no such range": (o.status(416), 4),
}


@pytest.mark.parametrize("case", AFTERWARDS)
def test_a_server_that_is_another_after_the_interruption(case: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """B10, B11, B13: nothing is appended to, and what is not what was asked for never counts."""
    fault, code = AFTERWARDS[case]
    url = serve(origin, MADE)
    kill_at(origin, offlinedl.start("get", url, "-N", "1"), requests=6)
    there = offlinedl.files()
    assert len(there) == 1 + 3
    origin.fault("v.mp4", fault)
    assert offlinedl("get", url).code == code
    assert offlinedl.claimed() == offlinedl.files()
    assert code == 0 or offlinedl.files() == there
    origin.mend()
    [title] = offlinedl.ok("get", url, "--json").json
    assert_origins_bytes(title, origin.files)


def test_a_ready_title_that_lost_a_file_is_not_called_there(demo: Offlinedl, origin: Origin) -> None:
    """C16, C69. One that has its length still is for `check` to find: reading a whole library takes its time."""
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    lost = title["tracks"][0]["files"][1]
    (Path(title["folder"]) / lost["path"]).unlink()
    origin.forget()
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert_origins_bytes(title)
    assert [asked.path for asked in origin.log] == [lost["source"].removeprefix(origin.url)]


def test_new_tracks_of_a_ready_title_go_on_where_they_were_killed(demo: Offlinedl, origin: Origin) -> None:
    """And the title stays ready meanwhile."""
    demo.ok("get", "demo:harbour-1")
    process = demo.start("get", "demo:harbour-1", "--audio", "en,fr", "-N", "1")
    stop_at(origin, process, "a-fr/3.m4s", signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    origin.mend()
    assert [title["state"] for title in demo.listed()] == ["ready"]
    origin.forget()
    [title] = demo.ok("get", "demo:harbour-1", "--audio", "en,fr", "--json").json
    assert_origins_bytes(title)
    assert [a.path for a in origin.log if a.path.endswith(("mp4", "m4s"))] == ["/titles/harbour-1/a-fr/3.m4s"]
