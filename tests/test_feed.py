"""A service's feed: read in full, wrong members named by their path, the rest of the world ignored."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from offlinedl.errors import DamagedError, NotFoundError, OfflinedlError, UnsupportedError
from offlinedl.model import Details, Drm, MediaSource, Rights, Series, Service, SideTrack, Title
from offlinedl.sources import feed

URL = "https://example.com/feeds/feed.json?token=secret"

EXAMPLE = """
{"offlinedl": 1, "name": "Harbour TV",
 "limits": {"downloads_per_device": 100, "devices": 2, "downloads_per_month": null},
 "entitlement_url": "https://example.com/entitlement",
 "titles": [
   {"id": "harbour-1", "name": "Low Tide", "summary": "...", "poster": "https://example.com/p.jpg", "duration": 60,
    "series": {"id": "harbour", "name": "The Harbour"}, "season": 1, "episode": 1, "published": "2026-11-01T00:00:00Z",
    "sources": [
      {"url": "https://example.com/manifest.mpd", "type": "application/dash+xml",
       "drm": [{"system": "clearkey", "license_url": "https://example.com/license", "headers": {"X-Token": "..."}}]},
      {"url": "https://example.com/master.m3u8", "type": "application/vnd.apple.mpegurl"}],
    "subtitles": [{"url": "https://example.com/en.vtt", "language": "en", "kind": "subtitles"}],
    "rights": {"download": true, "reason": null, "storage_seconds": 2592000, "playback_seconds": 172800,
               "available_from": null, "available_until": null, "max_height": null, "export": false}}]}
"""


def title(**more: Any) -> dict[str, Any]:
    return {"id": "a", "name": "A", "sources": [{"url": "a.mpd"}], **more}


def read(*titles: Any, **more: Any) -> list[Title]:
    return list(feed.titles(json.dumps({"offlinedl": 1, "titles": titles, **more}).encode(), "demo", URL))


def test_the_example_is_read_in_full() -> None:
    assert list(feed.titles(EXAMPLE.encode(), "demo", URL)) == [
        Title(
            id="demo:harbour-1",
            name="Low Tide",
            sources=(
                MediaSource(
                    url="https://example.com/manifest.mpd",
                    type="application/dash+xml",
                    drm=(
                        Drm(
                            system="clearkey",
                            license_url="https://example.com/license",
                            headers=(("X-Token", "..."),),
                        ),
                    ),
                ),
                MediaSource(url="https://example.com/master.m3u8", type="application/vnd.apple.mpegurl"),
            ),
            series=Series(id="demo:harbour", name="The Harbour"),
            season=1,
            episode=1,
            details=Details(
                published=datetime(2026, 11, 1, tzinfo=UTC),
                duration=60.0,
                summary="...",
                poster="https://example.com/p.jpg",
            ),
            subtitles=(SideTrack(url="https://example.com/en.vtt", language="en", kind="subtitles"),),
            rights=Rights(storage_seconds=2592000, playback_seconds=172800),
            service=Service(
                name="Harbour TV",
                downloads_per_device=100,
                devices=2,
                entitlement_url="https://example.com/entitlement",
            ),
        )
    ]


def test_little_is_enough() -> None:
    [read_] = read({"id": "a", "sources": [{"url": "a.mpd"}]})
    assert read_ == Title(id="demo:a", name="a", sources=(MediaSource(url="https://example.com/feeds/a.mpd"),))


def test_null_is_as_good_as_absent() -> None:
    names = ("name", "series", "season", "episode", "published", "subtitles", "rights", "summary", "poster", "duration")
    assert read(title(**dict.fromkeys(names))) == read({"id": "a", "sources": [{"url": "a.mpd"}]})


def test_what_is_not_known_is_ignored() -> None:
    more = {"x": {"y": [1]}}
    source = {"url": "a.mpd", "drm": [{"system": "clearkey", "license_url": "l", **more}], **more}
    strange = title(sources=[source], series={"id": "s", **more}, rights={"export": True, **more}, **more)
    [read_] = read(strange, **more)
    assert (read_.series, read_.rights) == (Series(id="demo:s", name="s"), Rights(export=True))


# what is wrong


def drm(**more: Any) -> dict[str, Any]:
    return title(sources=[{"url": "a", "drm": [{"system": "clearkey", "license_url": "l", **more}]}])


WRONG: list[tuple[Any, str]] = [
    ("a", "titles[0]: not an object"),
    ({}, "titles[0].id: missing"),
    (title(id=""), "titles[0].id: missing"),
    (title(id=5), "titles[0].id: not a text"),
    (title(name=["A"]), "titles[0].name: not a text"),
    (title(name="\udce9"), "titles[0].name: not a text"),
    (title(id="\udce9"), "titles[0].id: not a text"),
    (title(season="1"), "titles[0].season: not a whole number"),
    (title(season=1.5), "titles[0].season: not a whole number"),
    (title(season=True), "titles[0].season: not a whole number"),
    (title(season=float("inf")), "titles[0].season: not a whole number"),
    (title(season=10**30), "titles[0].season: not a whole number"),
    (title(episode=float("nan")), "titles[0].episode: not a whole number"),
    (title(episode={}), "titles[0].episode: not a whole number"),
    (title(published=5), "titles[0].published: not a text"),
    (title(published="yesterday"), "titles[0].published: not a date (ISO 8601)"),
    (title(published="2026-02-30"), "titles[0].published: not a date (ISO 8601)"),
    (title(published="0001-01-01T00:00:00+14:00"), "titles[0].published: not a date (ISO 8601)"),
    (title(series="The Harbour"), "titles[0].series: not an object"),
    (title(series={}), "titles[0].series.id: missing"),
    (title(series={"id": 1}), "titles[0].series.id: not a text"),
    (title(series={"id": "s", "name": 1}), "titles[0].series.name: not a text"),
    (title(sources=None), "titles[0].sources: missing"),
    (title(sources=[]), "titles[0].sources: missing"),
    (title(sources={}), "titles[0].sources: not a list"),
    (title(sources=["a.mpd"]), "titles[0].sources[0]: not an object"),
    (title(sources=[{}]), "titles[0].sources[0].url: missing"),
    (title(sources=[{"url": ""}]), "titles[0].sources[0].url: missing"),
    (title(sources=[{"url": 5}]), "titles[0].sources[0].url: not a text"),
    (title(sources=[{"url": "a"}, {"url": "file:///a"}]), "titles[0].sources[1].url: not a URL"),
    (title(sources=[{"url": "https://[::1/a"}]), "titles[0].sources[0].url: not a URL"),
    (title(sources=[{"url": "https://a:99999/"}]), "titles[0].sources[0].url: not a URL"),
    (title(sources=[{"url": "a", "type": 5}]), "titles[0].sources[0].type: not a text"),
    (title(sources=[{"url": "a", "drm": {}}]), "titles[0].sources[0].drm: not a list"),
    (drm(system=""), "titles[0].sources[0].drm[0].system: missing"),
    (drm(license_url=None), "titles[0].sources[0].drm[0].license_url: missing"),
    (drm(license_url="ftp://a"), "titles[0].sources[0].drm[0].license_url: not a URL"),
    (drm(certificate_url=5), "titles[0].sources[0].drm[0].certificate_url: not a text"),
    (drm(certificate_url="skd://a"), "titles[0].sources[0].drm[0].certificate_url: not a URL"),
    (drm(headers=[]), "titles[0].sources[0].drm[0].headers: not an object"),
    (drm(headers={"X-Token": 5}), "titles[0].sources[0].drm[0].headers.X-Token: not a text"),
    (drm(headers={"X-Token": "a\r\nX-Other: b"}), "titles[0].sources[0].drm[0].headers.X-Token: not a header"),
    (title(subtitles={}), "titles[0].subtitles: not a list"),
    (title(subtitles=[{"language": "en"}]), "titles[0].subtitles[0].url: missing"),
    (title(subtitles=[{"url": "a", "language": 1}]), "titles[0].subtitles[0].language: not a text"),
    (title(subtitles=[{"url": "a", "kind": 1}]), "titles[0].subtitles[0].kind: not a text"),
    (title(rights=[]), "titles[0].rights: not an object"),
    (title(rights={"download": "yes"}), "titles[0].rights.download: not true or false"),
    (title(rights={"download": None}), "titles[0].rights.download: not true or false"),
    (title(rights={"export": 1}), "titles[0].rights.export: not true or false"),
    (title(rights={"reason": 1}), "titles[0].rights.reason: not a text"),
    (title(rights={"storage_seconds": "30 days"}), "titles[0].rights.storage_seconds: not a number of seconds"),
    (title(rights={"storage_seconds": float("nan")}), "titles[0].rights.storage_seconds: not a number of seconds"),
    (title(rights={"playback_seconds": [1]}), "titles[0].rights.playback_seconds: not a number of seconds"),
    (title(rights={"available_from": "soon"}), "titles[0].rights.available_from: not a date (ISO 8601)"),
    (title(rights={"available_until": 1}), "titles[0].rights.available_until: not a text"),
    (title(rights={"max_height": "720p"}), "titles[0].rights.max_height: not a whole number"),
]


OF_THE_SERVICE: list[tuple[dict[str, Any], str]] = [
    ({"name": 5}, "name: not a text"),
    ({"limits": []}, "limits: not an object"),
    ({"limits": {"downloads_per_device": "2"}}, "limits.downloads_per_device: not a whole number"),
    ({"limits": {"downloads_per_month": 1.5}}, "limits.downloads_per_month: not a whole number"),
    ({"limits": {"devices": True}}, "limits.devices: not a whole number"),
    ({"limits": {"devices": float("nan")}}, "limits.devices: not a whole number"),
    ({"entitlement_url": 5}, "entitlement_url: not a text"),
    ({"entitlement_url": "ftp://a"}, "entitlement_url: not a URL"),
]


@pytest.mark.parametrize(("wrong", "said"), OF_THE_SERVICE, ids=[said for _, said in OF_THE_SERVICE])
def test_so_is_one_of_the_service(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(DamagedError) as failed:
        read(title(), **wrong)
    assert (failed.value.message, failed.value.code) == (said, "feed-damaged")


@pytest.mark.parametrize("written", [None, 0, -1, 2**31 + 1, 2**62, 10**30])
def test_limits_that_are_none(written: int | None) -> None:
    names = ("downloads_per_device", "downloads_per_month", "devices")
    [read_] = read(title(rights={"max_height": written}), limits=dict.fromkeys(names, written), entitlement_url=None)
    assert (read_.service, read_.rights) == (Service(), Rights())


def test_the_service_of_each_title() -> None:
    limits = {"downloads_per_device": 2, "downloads_per_month": 3, "devices": 4.0}
    service = Service(
        name="S",
        downloads_per_device=2,
        downloads_per_month=3,
        devices=4,
        entitlement_url="https://example.com/feeds/may?x=1",
    )
    found = read(title(), title(id="b"), name="S", limits=limits, entitlement_url="may?x=1")
    assert [title.service for title in found] == [service, service]


@pytest.mark.parametrize(("wrong", "said"), WRONG, ids=[f"{n} {said}" for n, (_, said) in enumerate(WRONG)])
def test_a_wrong_member_is_named_by_its_path(wrong: Any, said: str) -> None:
    with pytest.raises(DamagedError) as failed:
        read(wrong)
    assert failed.value.message == said
    assert (failed.value.code, failed.value.exit_code) == ("feed-damaged", 8)


def test_the_path_counts_the_titles() -> None:
    with pytest.raises(DamagedError, match=r"^titles\[3\]\.sources\[0\]\.url: not a URL$"):
        read(title(), title(), title(), title(sources=[{"url": "ftp://example.com/a"}]))


NO_FEED: list[tuple[bytes, type[OfflinedlError]]] = [
    (b"", DamagedError),
    (b"<html>", DamagedError),
    (b'{"offlinedl": 1, "titles": [', DamagedError),
    (b"\xff\xfe\x00", DamagedError),
    (b"[" * 100_000, DamagedError),
    (b"null", UnsupportedError),
    (b"[]", UnsupportedError),
    (b'"offlinedl"', UnsupportedError),
    (b'{"version": "https://jsonfeed.org/version/1.1"}', UnsupportedError),
    (b'{"offlinedl": 2, "titles": []}', UnsupportedError),
    (b'{"offlinedl": "1", "titles": []}', UnsupportedError),
    (b'{"offlinedl": null, "titles": []}', UnsupportedError),
    (b'{"offlinedl": 1, "titles": {}}', DamagedError),
    (b'{"offlinedl": 1, "titles": [null]}', DamagedError),
]


@pytest.mark.parametrize(("body", "error"), NO_FEED, ids=[repr(body[:40]) for body, _ in NO_FEED])
def test_what_is_no_feed_is_said(body: bytes, error: type[OfflinedlError]) -> None:
    with pytest.raises(error) as failed:
        list(feed.titles(body, "demo", URL))
    assert "secret" not in failed.value.message + failed.value.hint


@pytest.mark.parametrize(
    "body", [b'{"offlinedl": 1}', b'{"offlinedl": 1, "titles": null}', b'\xef\xbb\xbf{"offlinedl": 1}']
)
def test_a_feed_without_titles_is_one(body: bytes) -> None:
    assert list(feed.titles(body, "demo", URL)) == []


# addresses, windows, dates


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a.mpd", "https://example.com/feeds/a.mpd"),
        ("/a.mpd?x=1", "https://example.com/a.mpd?x=1"),
        ("../a%2Fb.mpd", "https://example.com/a%2Fb.mpd"),
        ("//cdn.example.com/a", "https://cdn.example.com/a"),
        ("?a", "https://example.com/feeds/feed.json?a"),
        ("http://other.example.com/a[1]", "http://other.example.com/a[1]"),
    ],
)
def test_addresses_are_relative_to_the_feed(written: str, meant: str) -> None:
    source = {"url": written, "drm": [{"system": "ClearKey", "license_url": written}]}
    [read_] = read(title(sources=[source], subtitles=[{"url": written}]))
    assert read_.sources == (MediaSource(url=meant, drm=(Drm(system="clearkey", license_url=meant),)),)
    assert read_.subtitles == (SideTrack(url=meant, language=""),)


WINDOWS = [(None, None), (0, None), (-1, None), (2**62, None), (2**63 - 1, None), (2**64, None), (10**30, None),
           (2**62 - 1, 2**62 - 1), (1, 1), (2592000, 2592000), (2592000.0, 2592000)]  # fmt: skip


@pytest.mark.parametrize("name", ["storage_seconds", "playback_seconds"])
@pytest.mark.parametrize(("written", "meant"), WINDOWS)
def test_windows(name: str, written: float | None, meant: int | None) -> None:
    """What means no limit: absent, null, 0, negative, 2^62 or more."""
    [read_] = read(title(rights={name: written}))
    assert getattr(read_.rights, name) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T12:00:00", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("2026-11-01T12:00:00Z", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("2026-11-01T12:00:00+02:00", datetime(2026, 11, 1, 10, tzinfo=UTC)),
    ],
)
def test_dates_are_utc(written: str, meant: datetime) -> None:
    [read_] = read(title(published=written, rights={"available_from": written, "available_until": written}))
    assert read_.details.published == read_.rights.available_from == read_.rights.available_until == meant
    assert read_.details.published is not None
    assert read_.details.published.tzinfo is UTC


# one title


def test_one_title_is_found_by_its_id() -> None:
    body = json.dumps({"offlinedl": 1, "titles": [title(id="a"), title(id="b:c/d")]}).encode()
    assert feed.finder(body, "demo", URL)("demo:b:c/d").id == "demo:b:c/d"
    with pytest.raises(NotFoundError, match="demo:c"):
        feed.finder(body, "demo", URL)("demo:c")


def test_one_that_cannot_be_printed_is_found_as_it_is_offered() -> None:
    body = json.dumps({"offlinedl": 1, "titles": [title(id="a\tb")]}).encode()
    [offered] = feed.titles(body, "demo", URL)
    assert feed.finder(body, "demo", URL)(offered.id) == offered


def test_of_two_titles_with_one_id_the_first_counts() -> None:
    body = json.dumps({"offlinedl": 1, "titles": [title(name="first"), title(name="second")]}).encode()
    assert feed.finder(body, "demo", URL)("demo:a").name == "first"


def test_headers_are_not_shown() -> None:
    [read_] = read(drm(headers={"X-Token": "s3cr3t"}))
    assert "s3cr3t" not in repr(read_)
