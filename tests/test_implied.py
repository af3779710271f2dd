"""What a playlist leaves implied stays right over an interruption: init segments, IVs, keys, places in a file."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from offlinedl.media import hls_aes
from tests import origin as o
from tests import titles
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.playlists import media, segment
from tests.test_get import assert_origins_bytes
from tests.test_kill import kill_at, serve
from tests.titles import Made


def opened(offlinedl: Offlinedl, title: Made) -> tuple[bytes, ...]:
    """The files of the one title in the order of its plan, each undone with the key and the IV of its row."""
    with closing(sqlite3.connect(offlinedl.home / "catalog.db")) as catalog:
        rows = catalog.execute(
            "SELECT folder, path, iv, uri FROM fetches JOIN titles ON id = fetches.title_id"
            " LEFT JOIN keys ON keys.number = key ORDER BY position"
        ).fetchall()
    clear = []
    for folder, path, iv, uri in rows:
        content = (offlinedl.home / "titles" / folder / path).read_bytes()
        key = uri and title.files["/titles/" + uri.partition("/titles/")[2]]
        clear.append(hls_aes.decrypt(content, key, iv) if key else content)
    return tuple(clear)


SEALED = {
    "C5: the first number is 100": lambda: titles.aes(count=12),
    "C6: a clear MAP before its key": lambda: titles.sealed_fmp4(map_key=False),
    "C7: a MAP under another key": lambda: titles.sealed_fmp4(map_key=True),
}


@pytest.mark.parametrize("moment", [3, 7, 13])
@pytest.mark.parametrize("case", SEALED)
def test_an_iv_that_is_not_stated(case: str, moment: int, offlinedl: Offlinedl, origin: Origin) -> None:
    """C5, C6, C7: after a kill in the middle, each file opens to what was sealed."""
    title = SEALED[case]()
    url = serve(origin, title)
    kill_at(origin, offlinedl.start("get", url), requests=moment)
    [got] = offlinedl.ok("get", url, "--json").json
    assert_origins_bytes(got, origin.files)
    assert opened(offlinedl, title) == title.clear
    assert len(origin.asked("key")) == title.keys


@pytest.mark.parametrize("moment", [2, 4, 11])
def test_one_init_segment_for_each_map(moment: int, offlinedl: Offlinedl, origin: Origin) -> None:
    """C4: also where the first MAP comes again; and each is asked for once, unless it was in flight."""
    title = titles.two_maps()
    url = serve(origin, title)
    kill_at(origin, offlinedl.start("get", url, "-N", "1"), requests=moment)
    [got] = offlinedl.ok("get", url, "--json").json
    assert_origins_bytes(got, origin.files)
    [track] = got["tracks"]
    assert [f["source"].rpartition("/")[2] for f in track["files"] if "init" in f["path"]] == [
        "init-0.mp4",
        "init-1.mp4",
    ]
    assert len(track["files"]) == title.fetches
    assert len(origin.asked("init")) <= (3 if moment < 4 else 2)


def test_ranges_that_follow_from_each_other(offlinedl: Offlinedl, origin: Origin) -> None:
    """C8: at the 7th segment. What was asked for before it is not asked for again."""
    title = titles.implied_ranges(count=12)
    url = serve(origin, title)
    kill_at(origin, offlinedl.start("get", url, "-N", "1"), requests=1 + 1 + 7)
    assert len(offlinedl.files() - {path for path in offlinedl.files() if path.endswith(".part")}) == 1 + 6
    origin.forget()
    [got] = offlinedl.ok("get", url, "--json").json
    assert_origins_bytes(got, origin.files)
    assert len(origin.asked("v.mp4")) == 12 - 6


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["#EXT-X-BYTERANGE:100", segment("v.ts")], id="no predecessor"),
        pytest.param(
            ["#EXT-X-BYTERANGE:100@0", segment("w.ts"), "#EXT-X-BYTERANGE:100", segment("v.ts")], id="another"
        ),
    ],
)
def test_a_range_that_follows_from_nothing_is_an_error(lines: list[str], offlinedl: Offlinedl, origin: Origin) -> None:
    """C9: before anything is asked for or written."""
    origin.fault("v.m3u8", o.body(media(*lines)))
    result = offlinedl("get", f"{origin.url}/titles/made/v.m3u8")
    assert (result.code, "BYTERANGE" in result.err) == (8, True), result
    assert [a.path for a in origin.log] == ["/titles/made/v.m3u8"]
    assert offlinedl.listed() == []
