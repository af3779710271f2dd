"""Pages with videos, through the real yt-dlp: what they list, what of it is fetched, and what never is."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from offlinedl.demo.origin import DATA
from offlinedl.sources import sites
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin

FERRY = '<video src="/titles/ferry/master.m3u8"></video>'


def page(origin: Origin, path: str, *videos: str) -> str:
    """A page at `path`. Its address."""
    html = f"<html><head><title>Harbour</title></head><body>{''.join(videos)}</body></html>"
    origin.fault(f"^{path}$", o.body(html.encode(), "text/html"))
    return f"{origin.url}{path}"


def ids(said: str) -> list[str]:
    return [line.split()[0] for line in said.splitlines()[1:]]


def test_a_page_is_a_source_and_its_video_is_downloaded(offlinedl: Offlinedl, origin: Origin) -> None:
    [title] = ids(offlinedl.ok("source", "add", "tv", page(origin, "/watch/ferry", FERRY)).out)
    assert offlinedl.ok("source", "list", "--json").json[0]["kind"] == "sites"
    origin.forget()
    assert offlinedl.ok("get", title, "--json").json[0]["state"] == "ready"
    by_us = [asked for asked in origin.asked("master.m3u8") if asked.headers["Accept-Encoding"] == "identity"]
    assert by_us
    assert all("Sec-Fetch-Mode" in asked.headers for asked in by_us), "the headers that yt-dlp names go along"
    assert offlinedl.ok("sync").err == "Nothing to do.\n"


def test_each_video_of_a_page_is_a_title(offlinedl: Offlinedl, origin: Origin) -> None:
    lighthouse = '<video src="/titles/lighthouse/master.m3u8"></video>'
    found = ids(offlinedl.ok("source", "add", "tv", page(origin, "/watch/both", FERRY, lighthouse)).out)
    assert len(found) == 2
    plans = [offlinedl.ok("get", title, "--dry-run", "--json").json[0] for title in found]
    assert [plan["fetches"][0]["url"].split("/")[4] for plan in plans] == ["ferry", "lighthouse"]


def test_a_list_is_read_without_its_pages(offlinedl: Offlinedl, origin: Origin) -> None:
    items = "".join(
        f"<item><title>{name}</title><link>{page(origin, f'/watch/{name}', FERRY)}</link></item>" for name in "ab"
    )
    origin.fault("^/list$", o.body(f"<rss><channel><title>L</title>{items}</channel></rss>".encode(), "text/xml"))
    added = offlinedl.ok("source", "add", "tv", f"{origin.url}/list", "--kind", "sites").out
    assert [line.split()[-1] for line in added.splitlines()[1:]] == ["a", "b"]
    assert origin.asked("/watch/") == []
    assert offlinedl.ok("get", ids(added)[1], "--dry-run", "--json").json[0]["fetches"]


def test_a_file_is_taken_where_there_is_no_manifest(offlinedl: Offlinedl, origin: Origin) -> None:
    origin.files["/film.mp4"] = (DATA / "titles/lighthouse/v360.mp4").read_bytes()
    [title] = ids(
        offlinedl.ok("source", "add", "tv", page(origin, "/watch/film", '<video src="/film.mp4"></video>')).out
    )
    plan = offlinedl.ok("get", title, "--dry-run", "--json").json[0]
    assert {fetch["url"] for fetch in plan["fetches"]} == {f"{origin.url}/film.mp4"}


def test_what_is_protected_is_never_asked_for(offlinedl: Offlinedl, origin: Origin) -> None:
    playlist = (
        '#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://key",'
        'KEYFORMAT="com.apple.streamingkeydelivery"\n#EXTINF:6,\na.ts\n#EXT-X-ENDLIST\n'
    )
    origin.fault("^/drm.m3u8$", o.body(playlist.encode(), "application/x-mpegURL"))
    added = offlinedl("source", "add", "tv", page(origin, "/watch/drm", '<video src="/drm.m3u8"></video>'))
    assert (added.code, "DRM protected" in added.err) == (9, True)
    assert origin.asked("/a.ts") == []


def test_a_page_without_videos_is_said(offlinedl: Offlinedl, origin: Origin) -> None:
    result = offlinedl("source", "add", "tv", page(origin, "/watch/none"))
    assert (result.code, "Unsupported URL" in result.err) == (9, True)
    assert "\x1b" not in result.err


def test_a_page_that_is_gone_is_not_found(offlinedl: Offlinedl, origin: Origin) -> None:
    assert offlinedl("source", "add", "tv", f"{origin.url}/watch/gone?token=s3cr3t", "--kind", "sites").code == 3


def test_a_page_that_is_gone_leaves_what_it_offered(offlinedl: Offlinedl, origin: Origin) -> None:
    offlinedl.ok("source", "add", "tv", page(origin, "/watch/ferry", FERRY))
    origin.mend()
    result = offlinedl.ok("sync")
    assert result.err.startswith("warning: tv: ")
    assert offlinedl.ok("source", "list", "--json").json[0]["titles"] == 1


def test_without_the_extra_it_says_what_to_install(
    offlinedl: Offlinedl, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yt_dlp", None)  # as it is where it was not installed
    result = offlinedl("source", "add", "tv", page(origin, "/watch/ferry", FERRY))
    assert (result.code, "pip install 'offlinedl[sites]'" in result.err) == (2, True)


ODD = [
    pytest.param({"timestamp": 10**15, "duration": -1, "season_number": 10**30}, id="out of range"),
    pytest.param({"timestamp": "x", "duration": [], "season_number": True, "title": 5}, id="of other types"),
    pytest.param({"title": "\x00\n", "description": {}, "timestamp": float("nan")}, id="nothing to be printed"),
]


@pytest.mark.parametrize("odd", ODD)
def test_what_a_reader_says_by_mistake_is_left_out(odd: dict[str, Any]) -> None:
    entry = {**dict.fromkeys(sites.KEPT), "id": "a", "url": "https://example.com/a", **odd}
    [title] = sites.titles(json.dumps({"title": None, "entries": [entry]}).encode(), "tv", "https://example.com/")
    assert title.details.published is None
    assert (title.details.duration, title.season) == (0.0, None)


def test_who_gives_it_another_name_has_the_same_title() -> None:
    """YouTube has ids that begin with a dash, which nobody can type."""
    entry = {**dict.fromkeys(sites.KEPT), "id": "-0x7c_Ab", "url": "https://example.com/a"}
    bodies = [json.dumps({"title": None, "entries": [{**entry, "title": name}]}).encode() for name in ("One", "1st")]
    [one], [other] = (list(sites.titles(body, "tv", "https://example.com/")) for body in bodies)
    assert (one.id, other.name) == (other.id, "1st")


def way(name: str, protocol: str = "https", **more: Any) -> dict[str, Any]:
    return {"url": f"https://example.com/{name}", "protocol": protocol, "vcodec": "avc1", "acodec": "aac", **more}


MASTER = "https://example.com/master.m3u8"
WAYS = [
    pytest.param([way("a.mp4"), way("b.mp4")], ["b.mp4", "a.mp4"], id="files, the best first"),
    pytest.param([way("a.mp4"), way("1", "m3u8_native", manifest_url=MASTER)], ["master.m3u8"], id="a manifest before"),
    pytest.param([way(n, "m3u8", manifest_url=MASTER) for n in "12"], ["master.m3u8"], id="each once"),
    pytest.param([way("1", "m3u8", has_drm=True), way("a.mp4")], ["a.mp4"], id="protected"),
    pytest.param([way("1", "m3u8", has_drm="maybe")], [], id="perhaps protected"),
    pytest.param([way("v.mp4", acodec="none"), way("a.m4a", vcodec="none")], [], id="in pieces"),
    pytest.param([way("a.m4a", vcodec="none")], ["a.m4a"], id="sound alone"),
    pytest.param([{"url": "rtmp://example.com/a", "protocol": "rtmp"}], [], id="another protocol"),
    pytest.param([way("m.mpd", "http_dash_segments")], ["m.mpd"], id="DASH"),
]  # fmt: skip


@pytest.mark.parametrize(("ways", "found"), WAYS)
def test_which_addresses_are_taken(ways: list[dict[str, Any]], found: list[str]) -> None:
    assert [source.url.rpartition("/")[2] for source in sites.addresses({"formats": ways})] == found
