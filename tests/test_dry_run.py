"""get --dry-run: what would be fetched and why. No media is asked for, no license, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from offlinedl.demo.origin import DATA
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.test_get import TITLES


@pytest.mark.parametrize("path", TITLES.values(), ids=TITLES.keys())
def test_the_plan_names_every_fetch_that_get_then_makes(path: str, offlinedl: Offlinedl, origin: Origin) -> None:
    url = f"{origin.url}/{path}"
    options = ["--license-url", f"{origin.url}/license"] if "harbour" in path else []
    [plan] = offlinedl.ok("get", url, "--dry-run", "--json", *options).json
    assert not origin.asked("license")
    assert not origin.asked("key")
    assert not [asked for asked in origin.log if asked.path.endswith(("m4s", ".ts", "init.mp4"))]
    assert offlinedl.listed() == []

    [title] = offlinedl.ok("get", url, "--json", *options).json
    stored = {(f["source"], f["first"], f["last"]) for track in title["tracks"] for f in track["files"]}
    assert {(f["url"], f["first"], f["last"]) for f in plan["fetches"]} == stored
    assert {r["id"] for r in plan["renditions"] if r["chosen"]} == {track["id"] for track in title["tracks"]}


def test_every_rendition_has_its_reason(demo: Offlinedl) -> None:
    [plan] = demo.ok("get", "demo:harbour-1", "--dry-run", "--json").json
    assert {(r["kind"], r["height"] or r["language"]): r["why"] for r in plan["renditions"]} == {
        ("video", 360): "shorter than the chosen one",
        ("video", 720): "tallest within standard",
        ("video", 1080): "taller than 720",
        ("audio", "en"): "the title's main language",
        ("audio", "fr"): "not a language that was asked for",
        ("subtitles", "en"): "the audio's language",
        ("subtitles", "fr"): "not a language that was asked for",
    }


def test_the_fetches_of_every_rendition_on_request(demo: Offlinedl) -> None:
    [plan] = demo.ok("get", "demo:lighthouse", "--dry-run", "--json", "--all-renditions").json
    assert {f["rendition"] for f in plan["fetches"]} == {r["id"] for r in plan["renditions"]}
    ranges = [f for f in plan["fetches"] if f["first"] is not None]
    for fetch in ranges:
        assert fetch["last"] < (DATA / "titles" / fetch["url"].partition("/titles/")[2]).stat().st_size


def test_sizes_are_exact_where_ranges_give_them_and_say_so(demo: Offlinedl) -> None:
    [plan] = demo.ok("get", "demo:lighthouse", "--dry-run", "--json", "--all-renditions").json
    [title] = demo.ok("get", "demo:lighthouse", "--json").json
    video = next(track for track in title["tracks"] if track["kind"] == "video")
    planned: dict[str, Any] = next(r for r in plan["renditions"] if r["id"] == video["id"])
    assert planned["estimated_from"] == "ranges"
    assert planned["estimated_bytes"] == sum(file["bytes"] for file in video["files"])


def test_who_licenses_it_and_the_rights_are_shown(demo: Offlinedl) -> None:
    [plan] = demo.ok("get", "demo:harbour-2", "--dry-run", "--json").json
    assert plan["license"]["systems"] == ["clearkey"]
    assert len(plan["license"]["kids"]) == 2
    assert plan["rights"]["storage_seconds"] == 2592000
    assert plan["free_bytes"] > 0
    shown = demo.ok("get", "demo:harbour-2", "--dry-run").out
    assert "download allowed, 30 days to keep, 2 days from first play" in shown


def test_a_title_that_nobody_can_license_is_shown_with_the_reason(offlinedl: Offlinedl, origin: Origin) -> None:
    """C52: and get stops before any media byte."""
    url = f"{origin.url}/titles/harbour-1/manifest.mpd"
    [plan] = offlinedl.ok("get", url, "--dry-run", "--json").json
    assert plan["license"]["refusal"] == "the title is protected, and nothing says where its license is"
    assert offlinedl("get", url).code == 5
    assert not origin.asked(".m4s")


def test_a_manifest_that_is_a_page_is_said_to_be_one(offlinedl: Offlinedl, origin: Origin) -> None:
    origin.fault("manifest.mpd", o.page())
    result = offlinedl("get", f"{origin.url}/titles/harbour-1/manifest.mpd", "--dry-run")
    assert result.code == 9
    assert "HTML page" in result.err


@pytest.mark.parametrize(
    ("size", "height"), [("200kB", 1080), ("170 KB", 720), ("155kB", 360), ("1GiB", 1080)], ids=str
)
def test_fit_takes_the_highest_quality_at_which_all_fit_together(size: str, height: int, demo: Offlinedl) -> None:
    got = demo.ok("get", "demo:harbour-1", "demo:harbour-2", "--fit", size, "--json").json
    assert [title["quality"]["height"] for title in got] == [height, height]


def test_what_does_not_fit_at_all_is_said_before_anything_is_fetched(demo: Offlinedl, origin: Origin) -> None:
    result = demo("get", "demo:harbour-1", "--fit", "10kB")
    assert (result.code, "10000 are allowed" in result.err) == (6, True)
    assert demo("get", "demo:harbour-1", "--fit", "much").code == 2
    assert not origin.asked(".m4s")
    assert demo.listed() == []


def test_what_a_manifest_does_not_tell_is_not_counted_as_nothing(offlinedl: Offlinedl, origin: Origin) -> None:
    result = offlinedl("get", f"{origin.url}/titles/ferry/v720.m3u8", "--fit", "1GB")
    assert (result.code, "does not tell how large it is" in result.err) == (9, True)


def test_numbers_that_no_manifest_means_are_no_defect(offlinedl: Offlinedl, origin: Origin) -> None:
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9223372036854775808\nv720.m3u8\n"
    origin.fault("/ferry/huge.m3u8", o.body(master.encode()))
    refused = offlinedl("get", f"{origin.url}/titles/ferry/huge.m3u8")
    assert (refused.code, "about 3.3 TB are to come" in refused.err) == (6, True)


@pytest.mark.parametrize("words", [["-q", "0p"], ["--fit", "1GB", "-q", "high"], ["--all-renditions"]], ids=" ".join)
def test_what_is_wrong_on_the_command_line_is_said_first(words: list[str], demo: Offlinedl, origin: Origin) -> None:
    assert demo("get", "demo:harbour-1", *words).code == 2
    assert origin.log == []
