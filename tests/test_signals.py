"""SIGINT and SIGTERM: within a second, with the code that says which, and what is done is kept."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time

import pytest
from aiohttp import web

from tests import origin as o
from tests import titles
from tests.conftest import Offlinedl
from tests.origin import Asked, Handler, Origin
from tests.test_get import assert_origins_bytes
from tests.test_kill import asked_for, serve

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def seconds_to_stop(origin: Origin, process: subprocess.Popen[bytes], number: int, sent: int) -> float:
    """Send the signal before so many bytes of the title are out. How long it took to end with the code that it must."""
    moments: list[float] = []

    def stop(_: Asked) -> None:
        if not moments and sum(asked.sent for asked in origin.log) >= sent:
            moments.append(time.monotonic())
            os.kill(process.pid, number)

    origin.slices[:] = [stop]
    assert process.wait() == CODES[signal.Signals(number)]
    return time.monotonic() - moments[0]


@pytest.mark.parametrize("connections", [1, 8])
@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_in_the_middle_of_a_segment(number: int, connections: int, offlinedl: Offlinedl, origin: Origin) -> None:
    """C2, C3: paused, no torn part stays, and nothing that was complete comes again. Of three times, one on a busy
    machine is within the second."""
    url = serve(origin, titles.fmp4(count=24, size=100_000))
    kept: set[str] = set()
    times = []
    for _ in range(3):
        process = offlinedl.start("get", url, "-N", f"{connections}")
        times.append(seconds_to_stop(origin, process, number, 250_000))
        assert [title["state"] for title in offlinedl.listed()] == ["paused"]
        [title] = [offlinedl.ok("show", t["id"], "--json").json for t in offlinedl.listed()]
        assert not asked_for(title, origin, origin.log) & kept
        kept = offlinedl.files()
        assert all(path.endswith(("m4s", "mp4")) for path in kept)
        origin.forget()
    assert min(times) < 1
    [title] = offlinedl.ok("get", url, "--json").json
    assert_origins_bytes(title, origin.files)
    assert asked_for(title, origin, origin.log) == offlinedl.files() - kept


def test_a_second_signal_ends_it_at_once(demo: Offlinedl, origin: Origin) -> None:
    """C2: also while it waits for the last word of a license server, which is all that it ever waits for. Which of
    two signals comes first is for the system to say."""
    origin.fault("/license", o.held(asyncio.Event()))
    process = demo.start("get", "demo:harbour-1", err=subprocess.PIPE)

    def stop(asked: Asked) -> None:
        if asked.path == "/license":
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)

    origin.watchers.append(stop)
    _, said = process.communicate()
    assert process.returncode in CODES.values()
    assert b"Stopped" not in said
    origin.mend()
    assert [title["state"] for title in demo.listed()] == ["paused"]
    demo.ok("get", "demo:harbour-1")


STEPS = {
    "the manifest is read": ("offlinedl.actions.get", "prepare", []),
    "the plan is written": ("offlinedl.catalog:Catalog", "begin", ["paused"]),
    "the disk is looked at": ("offlinedl.library:Library", "start", ["paused"]),
    "the license is kept": ("offlinedl.custody:Custody", "keep", ["paused"]),
    "all is there": ("offlinedl.actions.download:Download", "_proven", ["paused"]),
    "the proof goes on": ("offlinedl.license.proof", "prove", ["paused"]),
    "it becomes ready": ("offlinedl.library:Library", "ready", ["paused"]),
}


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
@pytest.mark.parametrize("step", STEPS)
def test_while(step: str, number: int, demo: Offlinedl, origin: Origin) -> None:
    """C2, C3: no license is asked for twice."""
    owner, name, states = STEPS[step]
    process = demo.start("get", "demo:harbour-1", before=f"dies_at({owner!r}, {name!r}, number={int(number)})")
    assert process.wait() == CODES[signal.Signals(number)]
    allowed = [states, ["ready"]] if step == "it becomes ready" else [states]  # it may be through before the signal is
    assert [title["state"] for title in demo.listed()] in allowed
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert_origins_bytes(title)
    assert len(origin.asked("/license")) == 1


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_while_the_license_server_answers(number: int, demo: Offlinedl, origin: Origin) -> None:
    """C2, C3: what it grants is kept: it is billed. The server takes its time."""

    async def slow(request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return await handler(request)

    origin.fault("/license", slow, times=1)
    process = demo.start("get", "demo:harbour-1")
    origin.watchers.append(lambda asked: os.kill(process.pid, number) if asked.path == "/license" else None)
    assert process.wait() == CODES[signal.Signals(number)]
    origin.watchers.clear()
    demo.ok("get", "demo:harbour-1")
    assert len(origin.asked("/license")) == 1
