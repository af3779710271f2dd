"""get: the whole path, for each kind of title, against the real origin."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from offlinedl.demo.origin import DATA
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin

TITLES = {
    "DASH cbcs, one key": "titles/harbour-1/manifest.mpd",
    "DASH cbcs, three keys": "titles/harbour-2/manifest.mpd",
    "HLS cbcs, one key": "titles/harbour-1/master.m3u8",
    "HLS cbcs, three keys": "titles/harbour-2/master.m3u8",
    "DASH clear, byte ranges": "titles/lighthouse/manifest.mpd",
    "HLS clear, byte ranges": "titles/lighthouse/master.m3u8",
    "HLS TS AES-128": "titles/ferry/master.m3u8",
}


def assert_origins_bytes(title: dict[str, Any], own: Mapping[str, bytes] | None = None) -> None:
    """Every stored file is what the origin has (`own` files of a story, or the demo's), at the place where the file
    says it is from."""
    files = [(track, file) for track in title["tracks"] for file in track["files"]]
    assert files
    for _, file in files:
        path = file["source"].partition("/titles/")[2]
        resource = own[f"/titles/{path}"] if own else (DATA / "titles" / path).read_bytes()
        wanted = resource if file["first"] is None else resource[file["first"] : file["last"] + 1]
        stored = (Path(title["folder"]) / file["path"]).read_bytes()
        assert stored == wanted, file["path"]
        assert len(stored) == file["bytes"]


@pytest.mark.parametrize("path", TITLES.values(), ids=TITLES.keys())
def test_every_kind_of_title_is_stored_as_the_origin_has_it(path: str, offlinedl: Offlinedl, origin: Origin) -> None:
    options = ["--audio", "all", "--subs", "all", "--license-url", f"{origin.url}/license"]
    if "ferry" in path or "lighthouse" in path:
        options = options[:4]
    [title] = offlinedl.ok("get", f"{origin.url}/{path}", *options, "--json").json
    assert title["state"] == "ready"
    assert title["percent"] == 100.0
    assert_origins_bytes(title)
    assert len(origin.asked("/license")) == (1 if "harbour" in path else 0)
    assert len(origin.asked("/key")) == (1 if "ferry" in path else 0)


def test_a_title_of_a_feed_has_the_windows_of_its_license(demo: Offlinedl) -> None:
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert title["id"] == "demo:harbour-1"
    assert (title["series"], title["season"], title["episode"]) == ("The Harbour", 1, 1)
    assert title["license"]["system"] == "clearkey"
    assert title["license"]["storage_seconds"] == 2592000
    assert title["license"]["playback_seconds"] == 172800
    assert title["license"]["window"] == "storage"
    assert title["message"] == "Available for 29 more days"


def test_windows_of_hls_keys_come_from_the_rights(demo: Offlinedl) -> None:
    [title] = demo.ok("get", "demo:ferry", "--json").json
    assert title["license"]["system"] == "hls-key"
    assert title["message"] == "Available for 6 more days"


def test_a_clear_title_without_windows_has_no_license(demo: Offlinedl) -> None:
    [title] = demo.ok("get", "demo:lighthouse", "--json").json
    assert (title["license"], title["message"]) == (None, "Available")


@pytest.mark.parametrize(
    ("quality", "height"),
    [
        ("data-saver", 360),
        ("standard", 720),
        ("high", 1080),
        ("best", 1080),
        ("720p", 720),
        ("100p", 360),
        ("20K", 360),
    ],
)
def test_quality_decides_the_rung(quality: str, height: int, demo: Offlinedl) -> None:
    [title] = demo.ok("get", "demo:harbour-1", "-q", quality, "--json").json
    assert (title["quality"]["name"], title["quality"]["height"]) == (quality, height)


def test_languages_are_those_asked_for(demo: Offlinedl) -> None:
    [title] = demo.ok("get", "demo:harbour-1", "--audio", "fr,en", "--subs", "none", "--json").json
    assert (title["audio"], title["subtitles"]) == (["fr", "en"], [])


def test_a_language_that_is_not_there_is_named_before_anything_is_fetched(demo: Offlinedl, origin: Origin) -> None:
    result = demo("get", "demo:harbour-1", "--audio", "de")
    assert result.code == 3
    assert result.err == "error: demo:harbour-1: no audio in de\nhint: there is: en, fr\n"
    assert not origin.asked(".m4s")
    assert demo.listed() == []


def test_a_ready_title_is_not_fetched_again(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", "demo:harbour-1")
    origin.forget()
    result = demo.ok("get", "demo:harbour-1")
    assert "already there" in result.err
    assert origin.log == []


def test_other_tracks_of_a_ready_title_are_the_only_ones_fetched(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", "demo:harbour-1")
    origin.forget()
    [title] = demo.ok("get", "demo:harbour-1", "--audio", "en,fr", "--json").json
    assert title["audio"] == ["en", "fr"]
    assert_origins_bytes(title)
    assert {asked.path.split("/")[3] for asked in origin.asked("m4s")} == {"a-fr"}
    assert not origin.asked("/license")


def test_another_rung_replaces_the_first(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", "demo:harbour-1", "-q", "data-saver")
    [title] = demo.ok("get", "demo:harbour-1", "-q", "standard", "--json").json
    assert_origins_bytes(title)
    stored = {f.parent.name.rpartition("-")[0] for f in Path(title["folder"]).rglob("*.m4s")}
    assert stored == {"video-720p", "audio-en"}


def test_one_title_that_fails_leaves_the_others(demo: Offlinedl) -> None:
    """C68."""
    result = demo("get", "demo:nothing", "demo:harbour-1")
    assert result.code == 3
    assert [title["state"] for title in demo.listed()] == ["ready"]


def test_the_original_bytes_stay_encrypted_and_the_key_is_in_no_file_beside_them(demo: Offlinedl) -> None:
    """B34."""
    from offlinedl.demo.origin import keys

    demo.ok("get", "demo:harbour-1", "demo:harbour-2", "demo:ferry")
    everything = b"".join(f.read_bytes() for f in demo.home.rglob("*") if f.is_file())
    for key in keys().values():
        assert key not in everything
        assert key.hex().encode() not in everything
    assert (demo.home / "vault" / "key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("title", ["harbour-1", "harbour-2"])
def test_keys_at_uris_of_their_own_open_a_title_too(title: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """HLS identity keys: each URI once."""
    url = f"{origin.url}/titles/{title}/master.m3u8"
    [got] = offlinedl.ok("get", url, "--audio", "all", "--json").json
    assert (got["state"], got["license"]["system"]) == ("ready", "hls-key")
    assert len(origin.asked("/key")) == {"harbour-1": 1, "harbour-2": 2}[title]


def in_two_periods() -> bytes:
    """The lighthouse twice, one after the other; the second time the two rungs have each other's files."""
    text = (DATA / "titles/lighthouse/manifest.mpd").read_text().replace("PT12S", "PT24S")
    head, period, tail = re.split(r"(<Period.*</Period>)", text, flags=re.DOTALL)
    files = {"v360": "v720", "v720": "v360"}
    second = re.sub("v360|v720", lambda found: files[found[0]], period.replace('Period id="0"', 'Period id="1"'))
    return (head + period.replace("<Period ", '<Period duration="PT12S" ') + second + tail).encode()


def test_a_title_is_downloaded_whole_and_removed_whole(offlinedl: Offlinedl, origin: Origin) -> None:
    """A30, A34, B19, B20: there are no downloads of a part of the time, and so nothing of a title lies beyond its own:
    all of each period is there, and nothing of any is when it is removed."""
    origin.fault("/lighthouse/twice.mpd", o.body(in_two_periods()))
    [title] = offlinedl.ok("get", f"{origin.url}/titles/lighthouse/twice.mpd", "--json").json
    assert_origins_bytes(title)
    stored = {(file["source"].rpartition("/")[2], file["first"]) for t in title["tracks"] for file in t["files"]}
    for name in ("v720.mp4", "v360.mp4", "a-en.mp4"):  # an init segment and three segments of each
        assert len([first for file, first in stored if file == name]) == 4
    assert [len(t["files"]) for t in title["tracks"] if t["kind"] == "video"] == [8]
    offlinedl.ok("rm", title["id"])
    assert list((offlinedl.home / "titles").iterdir()) == []
    with closing(sqlite3.connect(offlinedl.home / "catalog.db")) as catalog:
        for table in ("titles", "tracks", "keys", "fetches", "licenses"):
            assert catalog.execute(f"SELECT count(*) FROM {table}").fetchall() == [(0,)]


@pytest.mark.parametrize("fails", ["v1080/2.m4s", "v1080/init.mp4"])
def test_a_ready_title_stays_ready_until_its_new_tracks_are_there(fails: str, demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", "demo:harbour-1", "-q", "data-saver")
    origin.fault(fails, o.status(404))
    assert demo("get", "demo:harbour-1", "-q", "high").code == 4
    [title] = demo.listed()
    assert (title["state"], title["quality"]["height"]) == ("ready", 360)
    demo.play("demo:harbour-1")

    origin.mend()
    [title] = demo.ok("get", "demo:harbour-1", "-q", "high", "--json").json
    assert_origins_bytes(title)
    assert title["quality"]["height"] == 1080
    assert len(origin.asked("/license")) == 1


def test_a_home_may_be_moved(demo: Offlinedl, origin: Origin, tmp_path: Path) -> None:
    """B40: what the catalog says of files holds wherever they are."""
    demo.ok("get", "demo:harbour-1")
    moved = demo.home.rename(tmp_path / "elsewhere")
    origin.forget()
    [title] = demo.ok("--home", str(moved), "get", "demo:harbour-1", "--json").json
    assert_origins_bytes(title)
    assert title["folder"].startswith(str(moved))
    demo.play("demo:harbour-1", "--home", str(moved))
    assert origin.log == []


@pytest.mark.parametrize("id_", ["https://example.com/?p=1", "urn:uuid:1", "tv:1", "a b/c?d"])
def test_whatever_a_feed_calls_a_title_is_its_name(id_: str, offlinedl: Offlinedl, origin: Origin) -> None:
    titles = [{"id": id_, "sources": [{"url": "titles/lighthouse/manifest.mpd"}]}]
    origin.files["/own.json"] = json.dumps({"offlinedl": 1, "titles": titles}).encode()
    assert f"own:{id_}" in offlinedl.ok("source", "add", "own", f"{origin.url}/own.json").out
    offlinedl.ok("get", f"own:{id_}")
    assert offlinedl.ok("show", f"own:{id_}", "--json").json["id"] == f"own:{id_}"
    offlinedl.ok("rm", f"own:{id_}")
    if not id_.startswith("http"):
        offlinedl.ok("get", id_)
