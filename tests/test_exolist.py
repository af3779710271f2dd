"""The list of Media3's demo player: its titles with their DRM, its playlists, and what is wrong with it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offlinedl.errors import DamagedError, NotFoundError, OfflinedlError
from offlinedl.model import Drm, MediaSource, SideTrack, Title
from offlinedl.sources import exolist

URL = "https://example.com/lists/media.exolist.json"
UUID = "EDEF8BA9-79D6-4ACE-A3C8-27DCD51D21ED"


def body(*samples: Any, group: str = "Clear DASH") -> bytes:
    return json.dumps([{"name": group, "samples": samples}]).encode()


def read(*samples: Any) -> list[Title]:
    return list(exolist.titles(body(*samples), "demo", URL))


def test_a_sample_is_read_in_full() -> None:
    sample = {
        "name": "HD (cenc)",
        "uri": "tears.mpd?x=1",
        "extension": "mpd",
        "drm_scheme": "widevine",
        "drm_license_uri": "https://license.example.com/?a=b",
        "drm_key_request_properties": {"X-Token": "s3cr3t"},
        "drm_session_for_clear_content": True,
        "subtitle_uri": "en.vtt",
        "subtitle_language": "en",
        "subtitle_mime_type": "text/vtt",
        "clip_end_position_ms": 5,
    }
    drm = Drm(
        system="widevine", license_url="https://license.example.com/?a=b", headers=(("X-Token", "s3cr3t"),)
    )  # fmt: skip
    url = "https://example.com/lists/tears.mpd?x=1"
    assert read(sample) == [
        Title(
            id="demo:clear-dash.hd-cenc",
            name="HD (cenc)",
            sources=(MediaSource(url=url, type="application/dash+xml", drm=(drm,)),),
            subtitles=(SideTrack(url="https://example.com/lists/en.vtt", language="en"),),
        )
    ]
    assert "s3cr3t" not in repr(read(sample))


SYSTEMS = [("widevine", "widevine"), ("PlayReady", "playready"), (UUID, "widevine"), ("clearkey", "clearkey")]


@pytest.mark.parametrize(("written", "meant"), SYSTEMS)
@pytest.mark.parametrize("name", ["drm_license_uri", "drm_license_url"])
def test_systems(written: str, meant: str, name: str) -> None:
    [title] = read({"name": "a", "uri": "a", "drm_scheme": written, name: "l"})
    assert title.sources[0].drm == (Drm(system=meant, license_url="https://example.com/lists/l"),)


def test_without_an_address_the_manifest_says_who_licenses_it() -> None:
    assert read({"name": "a", "uri": "a", "drm_scheme": "widevine"})[0].sources[0].drm == ()


def test_each_item_of_a_playlist_is_a_title() -> None:
    items = [{"uri": "1.mp4", "drm_scheme": "clearkey", "drm_license_uri": "1"}, {"uri": "2.mp4"}]
    found = read({"name": "Both", "drm_scheme": "widevine", "drm_license_uri": "0", "playlist": items})
    assert [(t.id, t.name, t.sources[0].drm[0].system) for t in found] == [
        ("demo:clear-dash.both-1", "Both (1)", "clearkey"),
        ("demo:clear-dash.both-2", "Both (2)", "widevine"),
    ]


def test_ids_of_what_is_called_alike() -> None:
    samples = [{"name": name, "uri": name} for name in ("A", "a", "潮")]
    ids = [title.id for title in read(*samples)]
    assert ids[:2] == ["demo:clear-dash.a", "demo:clear-dash.a-2"]
    assert exolist.finder(body(*samples), "demo", URL)(ids[1]).sources[0].url == "https://example.com/lists/a"
    with pytest.raises(NotFoundError):
        exolist.finder(body(), "demo", URL)(ids[0])


WRONG = [
    pytest.param({"uri": "a"}, "[0].samples[0].name: missing", id="no name"),
    pytest.param({"name": "a"}, "[0].samples[0].uri: missing", id="no address"),
    pytest.param({"name": "a", "uri": "asset:///a.mp4"}, "[0].samples[0].uri: not a URL", id="of the application"),
    pytest.param({"name": "a", "uri": 5}, "[0].samples[0].uri: not a text", id="a number"),
    pytest.param("a", "[0].samples[0]: not an object", id="a text"),
    pytest.param({"name": "a", "playlist": {}}, "[0].samples[0].playlist: not a list", id="no list"),
    pytest.param({"name": "a", "playlist": [{}]}, "[0].samples[0].playlist[0].uri: missing", id="within a playlist"),
    pytest.param(
        {"name": "a", "uri": "a", "drm_scheme": "x", "drm_license_uri": "data:;base64,AA=="},
        "[0].samples[0].drm_license_uri: not a URL",
        id="a license in the list",
    ),
]


@pytest.mark.parametrize(("sample", "said"), WRONG)
def test_what_is_wrong_is_named_and_passed_over(sample: Any, said: str) -> None:
    right = {"name": "right", "uri": "a"}
    assert [title.name for title in read(sample, right)] == ["right"]
    faults = [f"{f.path}: {f.what}" for found in exolist.look(body(sample, right), "demo", URL) for f in found.faults]
    assert faults == [said]


def test_a_group_that_is_none_stops_no_other() -> None:
    groups: list[Any] = [5, {"samples": {}}, {"name": "G", "samples": [{"name": "a", "uri": "a"}]}]
    assert [title.id for title in exolist.titles(json.dumps(groups).encode(), "demo", URL)] == ["demo:g.a"]


@pytest.mark.parametrize("broken", [b"", b'[{"samples": [', b"[" * 100_000, b"\xff"])
def test_what_is_broken_is_said(broken: bytes) -> None:
    with pytest.raises(DamagedError):
        list(exolist.titles(broken, "demo", URL))


NAMES = (
    *("name", "uri", "samples", "playlist", "extension", "subtitle_uri"),
    *("drm_scheme", "drm_license_uri", "drm_key_request_properties"),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["http://[", "a\ud800", UUID]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=20,
)


@given(st.lists(VALUES, max_size=4))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_is_a_title_or_an_error(document: list[Any]) -> None:
    with suppress(OfflinedlError):
        assert all(title.sources for title in exolist.titles(json.dumps(document).encode(), "demo", URL))
