"""kill -9 at any moment: what the catalog claims is there, and the next run ends with the origin's bytes."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from typing import Any

import pytest
from aiohttp import web

from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Asked, Handler, Origin
from tests.test_get import assert_origins_bytes
from tests.titles import KINDS, Made, fmp4


def serve(origin: Origin, title: Made) -> str:
    """The URL of a title that `origin` has from now on."""
    origin.files |= title.files
    return origin.url + title.manifest


def kill_at(origin: Origin, process: subprocess.Popen[bytes], *, requests: int = 0, sent: int = 0) -> None:
    """Kill the process at this request for anything but a key, or before so many bytes of the title are out."""

    def asking(_: Asked) -> None:
        if requests and len(origin.log) - len(origin.asked("key")) >= requests:
            os.kill(process.pid, signal.SIGKILL)

    def sending(_: Asked) -> None:
        if sent and sum(a.sent for a in origin.log) >= sent:
            os.kill(process.pid, signal.SIGKILL)

    origin.watchers.append(asking)
    origin.slices.append(sending)
    assert process.wait() == -signal.SIGKILL
    origin.watchers.clear()
    origin.slices.clear()


def asked_for(title: dict[str, Any], origin: Origin, log: list[Asked]) -> set[str]:
    """The files of the title whose bytes were asked for."""
    asked = {a.what for a in log}
    found = set()
    for file in (file for track in title["tracks"] for file in track["files"]):
        part = "" if file["first"] is None else f"bytes={file['first']}-{file['last']}"
        if (file["source"].removeprefix(origin.url), part) in asked:
            found.add(file["path"])
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(25))
def test_at_a_random_moment(kind: str, seed: int, offlinedl: Offlinedl, origin: Origin) -> None:
    """C1, B14: 0 wrong bytes, 0 claims of absent bytes, one license, and nothing is fetched twice but what was in
    flight. Half of the moments are requests, half are bytes; half of the processes write rows while files arrive.

    Requests for the key are no moments: the server has heard, and nobody has its answer.
    """
    title = KINDS[kind]()
    url = serve(origin, title)
    chance = random.Random(f"{kind} {seed}")
    connections = chance.choice([8, 16])
    if seed % 2:
        offlinedl.slow_down()
    settles = "settles(0.01)" if seed % 2 else "pass"
    process = offlinedl.start("get", url, "-N", f"{connections}", before=f"begins_with({connections}); {settles}")
    if seed % 4 < 2:
        kill_at(origin, process, requests=chance.randint(1, title.fetches))
    else:
        kill_at(origin, process, sent=chance.randint(1, sum(map(len, title.files.values())) - 50_000))
    journals = "".join(f.read_text() for f in offlinedl.home.rglob(".journal"))
    complete = {path for path in offlinedl.files() if not path.endswith(".part")}
    kept = offlinedl.claimed() | {path for path in complete if path in journals}
    assert len(complete - kept) <= 1, "killed between a name and its line"

    killed, origin.log = origin.log, []
    [got] = offlinedl.ok("get", url, "--json").json
    assert got["state"] == "ready"
    assert_origins_bytes(got, origin.files)
    assert offlinedl.files() == {file["path"] for track in got["tracks"] for file in track["files"]}
    assert len(offlinedl.files()) == title.fetches
    twice = asked_for(got, origin, killed) & asked_for(got, origin, origin.log)
    assert not twice & kept
    assert len(twice) <= connections
    assert len([a for a in killed + origin.log if a.path.endswith("key")]) == title.keys


def test_with_sixteen_in_flight(offlinedl: Offlinedl, origin: Origin) -> None:
    """C1: none of them is answered; each comes again, and no other does."""
    title = fmp4(size=100)
    url = serve(origin, title)
    answered = 12
    origin.fault(".m4s", passed, times=answered)
    origin.fault(".m4s", o.held(asyncio.Event()))
    process = offlinedl.start("get", url, "-N", "16", before="begins_with(16)")
    kill_at(origin, process, requests=2 + answered + 16)
    origin.mend()
    assert len(offlinedl.files()) == 1 + answered
    killed, origin.log = origin.log, []
    [got] = offlinedl.ok("get", url, "--json").json
    assert_origins_bytes(got, origin.files)
    assert len(asked_for(got, origin, killed) & asked_for(got, origin, origin.log)) == 16
    assert len(asked_for(got, origin, origin.log)) == title.fetches - 1 - answered


async def passed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No fault."""
    return await handler(request)
