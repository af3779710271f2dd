"""Many fetches side by side: one that stalls holds no other up, and few files are open at once."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from tests import origin as o
from tests import titles
from tests.conftest import Offlinedl
from tests.origin import Asked, Origin
from tests.test_get import assert_origins_bytes
from tests.test_kill import serve

COUNT = 24


@pytest.mark.parametrize("connections", [2, 4, 8])
def test_the_first_segment_stalls(connections: int, offlinedl: Offlinedl, origin: Origin) -> None:
    """C56: all others come meanwhile. Each file is whole by itself, so nothing waits to be put in order: of torn ones
    there are never more than connections."""
    url = serve(origin, titles.fmp4(count=COUNT))
    released = asyncio.Event()
    parts: list[int] = []

    def watch(asked: Asked) -> None:
        parts.append(len(list(offlinedl.home.rglob("*.part"))))
        if len(origin.asked(".m4s")) == COUNT:
            released.set()

    origin.watchers.append(watch)
    origin.fault("/0.m4s", o.held(released))
    [title] = offlinedl.ok("get", url, "-N", f"{connections}", "--json").json
    assert_origins_bytes(title, origin.files)
    assert len(origin.asked("/0.m4s")) == 1
    assert max(parts) <= connections


@pytest.mark.parametrize("words", [(), ("-N", "64")], ids=["as many connections as there are", "64 of them"])
def test_hundreds_of_segments_and_few_open_files(words: tuple[str, ...], offlinedl: Offlinedl, origin: Origin) -> None:
    """C58: `ulimit -n 64`."""
    url = serve(origin, titles.fmp4(count=300, size=100))
    assert offlinedl.start("get", url, *words, before="few_files(64)").wait() == 0
    [title] = offlinedl.listed()
    assert_origins_bytes(offlinedl.ok("show", title["id"], "--json").json, origin.files)


@pytest.mark.parametrize("most", range(13, 24))
def test_too_few_open_files_are_said(most: int, offlinedl: Offlinedl, origin: Origin) -> None:
    """C58: fewer than it takes, be it a file, a connection or a process that is one too many."""
    url = serve(origin, titles.fmp4(count=12))
    process = offlinedl.start("get", url, before=f"few_files({most})", err=subprocess.PIPE)
    _, said = process.communicate()
    ended = (process.returncode, b"ulimit -n" in said)
    assert ended == (6, True) or (most >= 22 and ended == (0, False)), said  # 22 are enough where files come quickly


def test_fewer_connections_need_fewer_open_files(offlinedl: Offlinedl, origin: Origin) -> None:
    """C58: what is done is kept."""
    url = serve(origin, titles.fmp4(count=12))
    assert offlinedl.start("get", url, before="few_files(20)").wait() == 6
    assert [title["state"] for title in offlinedl.listed()] == ["paused"]
    assert offlinedl.start("get", url, "-N", "1", before="few_files(20)").wait() == 0
