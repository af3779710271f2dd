"""Stories about manifests that need more than one answer, and about broadcasts that are not over."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from datetime import UTC, datetime

import pytest

from offlinedl.actions.prepare import Prepared, prepare
from offlinedl.choose import Preferences
from offlinedl.engine import Engine
from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.http import Http
from offlinedl.license import Licensing
from offlinedl.manifest.limits import LIMITS, Limits
from offlinedl.model import MediaSource, Title, Wanted
from tests import origin as o
from tests.conftest import Offlinedl
from tests.mpds import mpd_text, period, sidx
from tests.origin import Asked, Origin
from tests.playlists import media, segment

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = 'type="dynamic" availabilityStartTime="{}" mediaPresentationDuration="PT4S"'


def prepared(url: str, retries: int = 0, limits: Limits = LIMITS) -> Prepared:
    async def run() -> Prepared:
        async with Http() as http:
            title = Title(id="t", name="t", sources=(MediaSource(url=url),))
            engine = Engine(http=http, retries=retries, backoff=0, limits=limits)
            return await prepare(title, Wanted(), Licensing(engine=engine), Preferences(), now=NOW)

    return asyncio.run(run())


def paths(found: Prepared) -> list[str]:
    return [f.url.rpartition("/titles/")[2] for f in found.plan().fetches]


def test_a_period_at_another_address_is_fetched_and_put_in(origin: Origin) -> None:
    linked = mpd_text('<Period xlink:href="advert.xml"/>' + period("f", 'id="1"'), "")
    origin.fault("x.mpd", o.body(linked))
    origin.fault("advert.xml", o.body(period("a", 'id="1"').encode()))
    assert paths(prepared(f"{origin.url}/titles/x.mpd"))[2:] == ["a/1-1.m4s", "a/1-2.m4s", "f/1-1.m4s", "f/1-2.m4s"]
    assert len(origin.asked("advert.xml")) == 1


def test_pieces_that_are_too_large_together_stop_the_others(origin: Origin) -> None:
    """They are fetched side by side: what is left of them is not waited for."""
    asked: list[str] = []
    origin.watchers.append(lambda request: asked.append(request.path))
    links = "".join(f'<Period xlink:href="{n}.xml"/>' for n in range(50))
    origin.fault("x.mpd", o.body(mpd_text(links, "")))
    origin.fault("[0-9].xml", o.body(period("a" * 4000, 'id="1"').encode()))
    with pytest.raises(UnsupportedError, match="the limit is 20000") as caught:
        prepared(f"{origin.url}/titles/x.mpd", limits=Limits(bytes=20_000))
    assert caught.value.code == "too-large"
    assert len(asked) < 40


def test_a_period_that_cannot_be_had_is_named(origin: Origin) -> None:
    origin.fault("x.mpd", o.body(mpd_text('<Period xlink:href="advert.xml"/>' + period("f", 'id="1"'), "")))
    with pytest.raises(DamagedError, match=r"advert\.xml: the Period that the MPD keeps here"):
        prepared(f"{origin.url}/titles/x.mpd")


@pytest.mark.parametrize(("begin", "over"), [("2025-12-31T23:59:55Z", True), ("2025-12-31T23:59:58Z", False)])
def test_a_broadcast_is_a_title_once_it_is_over(begin: str, over: bool, origin: Origin) -> None:
    """C50."""
    origin.fault("x.mpd", o.body(mpd_text(period("f", 'id="1"', attributes=""), ENDS.format(begin))))
    if over:
        assert len(paths(prepared(f"{origin.url}/titles/x.mpd"))) == 3
    else:
        with pytest.raises(UnsupportedError, match="live until 2026-01-01 00:00 UTC") as caught:
            prepared(f"{origin.url}/titles/x.mpd")
        assert caught.value.code == "live"


def test_an_index_that_is_none_is_named_with_its_rendition(origin: Origin) -> None:
    """A35."""
    single = '<Representation id="v"><BaseURL>v.mp4</BaseURL><SegmentBase indexRange="100-199"/></Representation>'
    inside = f'<Period><AdaptationSet mimeType="video/mp4">{single}</AdaptationSet></Period>'
    origin.fault("x.mpd", o.body(mpd_text(inside)))
    origin.fault("v.mp4", o.body(bytes(100) + sidx(0, 0, (50, 1000)).replace(b"sidx", b"free") + bytes(200)))
    with pytest.raises(DamagedError, match=r"v\.mp4: v: "):
        prepared(f"{origin.url}/titles/x.mpd")


def test_a_child_playlist_has_the_variables_of_the_one_above_and_of_where_it_really_is(origin: Origin) -> None:
    """A39, C45: IMPORT, and QUERYPARAM after a redirect."""
    top = '#EXTM3U\n#EXT-X-DEFINE:NAME="p",VALUE="seg"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nchild.m3u8\n'
    lines = ['#EXT-X-DEFINE:IMPORT="p"', '#EXT-X-DEFINE:QUERYPARAM="t"', segment("{$p}-{$t}.ts")]
    origin.fault("top.m3u8", o.body(top.encode()))
    origin.fault("child.m3u8", o.redirected("moved.m3u8?t=9"))
    origin.fault("moved.m3u8", o.body(media(*lines)))
    assert paths(prepared(f"{origin.url}/titles/top.m3u8")) == ["seg-9.ts"]


@pytest.mark.parametrize("moment", [1, 2, 6], ids=["manifest", "index", "segment"])
def test_a_stop_at_any_stage_is_recovered_from(moment: int, demo: Offlinedl, origin: Origin) -> None:
    """A36: at the manifest, at an index and at a segment; the next get goes on, and ends ready."""
    process = demo.start("get", "demo:lighthouse")
    stopped = threading.Event()

    def stop(_asked: Asked) -> None:
        if len(origin.asked("/titles/")) >= moment and not stopped.is_set():
            stopped.set()
            os.kill(process.pid, signal.SIGINT)

    origin.watchers.append(stop)
    process.wait(timeout=30)
    origin.watchers.clear()
    assert stopped.is_set()
    [title] = demo.ok("get", "demo:lighthouse", "--json").json
    assert (title["state"], title["percent"]) == ("ready", 100.0)
