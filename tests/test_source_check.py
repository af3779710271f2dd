"""source check: all that is wrong with a source, each with its path, and not only the first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from offlinedl.sources import exolist, feed, rss
from offlinedl.sources.check import check
from offlinedl.sources.kinds import Source
from offlinedl.sources.reading import Sent
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.test_feed import OF_THE_SERVICE, URL, WRONG, drm, title
from tests.test_rss import ENCLOSURE, channel


def faults(kind: Source, body: bytes) -> list[str]:
    return [f"{fault.path}: {fault.what}" if fault.path else fault.what for fault in check(kind, _sent(body))[1]]


def _sent(body: bytes) -> Sent:
    return Sent(body=body, url=URL)


def document(*titles: Any, **more: Any) -> bytes:
    return json.dumps({"offlinedl": 1, "titles": titles, **more}).encode()


RIGHT = title(id="right")


@pytest.mark.parametrize(("wrong", "said"), WRONG, ids=[f"{n} {said}" for n, (_, said) in enumerate(WRONG)])
def test_what_stops_the_reader_is_found(wrong: Any, said: str) -> None:
    assert faults(feed, document(wrong, RIGHT))[0] == said


@pytest.mark.parametrize(("wrong", "said"), OF_THE_SERVICE, ids=[said for _, said in OF_THE_SERVICE])
def test_so_is_that_of_the_service(wrong: dict[str, Any], said: str) -> None:
    assert faults(feed, document(RIGHT, **wrong)) == [said]


def test_all_of_it_is_named() -> None:
    worst = {"name": 1, "season": "1", "sources": [{"url": "ftp://a"}, 5], "rights": {"export": 1}, "series": {}}
    assert faults(feed, document(RIGHT, worst, "a", name=5)) == [
        "name: not a text",
        "titles[1].id: missing",
        "titles[1].name: not a text",
        "titles[1].series.id: missing",
        "titles[1].season: not a whole number",
        "titles[1].sources[0].url: not a URL",
        "titles[1].sources[1]: not an object",
        "titles[1].rights.export: not true or false",
        "titles[2]: not an object",
    ]


SERIES = {"id": "s"}
ODD = [
    pytest.param([], ["no titles"], id="no titles"),
    pytest.param(
        [title(), title(id="b"), title()],
        ["titles[2]: its id a is that of titles[0], too: only that one can be had"],
        id="an id twice",
    ),
    pytest.param(
        [title(series=SERIES, season=1, episode=2), title(id="b", series=SERIES, season=1, episode=2)],
        ["titles[1]: season 1, episode 2 of its series is titles[0], too"],
        id="an episode twice",
    ),
    pytest.param(
        [title(series=SERIES, season=1, episode=2), title(id="b", series=SERIES, season=2, episode=2)],
        [],
        id="the same number in another season",
    ),
    pytest.param([title(rights={"download": False})], ["no title may be downloaded"], id="rights that refuse all"),
    pytest.param([title(rights={"download": False}), RIGHT], [], id="rights that refuse one"),
    pytest.param(
        [title(rights={"storage_seconds": 2**62, "playback_seconds": 2**62 - 1})],
        ["titles[0].rights.storage_seconds: overflows, and is taken for no limit"],
        id="a window that overflows",
    ),
    pytest.param(
        [title(rights={"available_from": "2026-11-02", "available_until": "2026-11-01"})],
        ["titles[0]: never available: available_until is not after available_from"],
        id="never available",
    ),
    pytest.param(
        [drm(system="nagra")],
        ["titles[0].sources[0].drm[0].system: none of clearkey, widevine, playready, fairplay"],
        id="an unknown system",
    ),
    pytest.param([drm(system="Widevine")], [], id="a system in capitals"),
]


@pytest.mark.parametrize(("titles", "said"), ODD)
def test_what_is_odd(titles: list[Any], said: list[str]) -> None:
    assert [fault for fault in faults(feed, document(*titles)) if fault != "no titles" or not titles] == said


def test_what_is_no_feed_at_all() -> None:
    assert faults(feed, b"[")[0].startswith("the feed is not JSON")
    assert faults(feed, document(RIGHT).replace(b"[", b"{}, [", 1))[0].startswith("the feed is not JSON")
    assert faults(feed, b'{"offlinedl": 1, "titles": {}}') == ["titles: not a list"]


def test_of_rss() -> None:
    wrong = (
        "<pubDate>soon</pubDate><itunes:episode>one</itunes:episode><itunes:episodeType>x</itunes:episodeType>"
        '<enclosure url="magnet:x"/>'
    )
    assert faults(rss, channel(f"<guid>1</guid><title>A</title>{ENCLOSURE}", wrong, f"<guid>1</guid>{ENCLOSURE}")) == [
        "item[1].guid: missing: its id changes with its address",
        "item[1].title: missing",
        "item[1].pubDate: not a date (RFC 822)",
        "item[1].itunes:episode: not a number",
        "item[1].itunes:episodeType: none of full, trailer, bonus",
        "item[1].enclosure: its url is not an http or https URL",
        "item[1]: no media that can be fetched over http or https",
        "item[2].title: missing",
        "item[2]: its id 1 is that of item[0], too: only that one can be had",
    ]
    assert faults(rss, b"<rss><item>")[0].startswith("line 1, column 12")


def test_of_a_list_of_samples() -> None:
    sample = {"name": "a", "uri": "a", "drm_scheme": "x", "drm_license_uri": "l"}
    body = json.dumps([{"name": "G", "samples": [sample, {"name": "b"}]}]).encode()
    assert faults(exolist, body) == [
        "[0].samples[0].drm_scheme: none of clearkey, playready, widevine",
        "[0].samples[1].uri: missing",
    ]


# the command


def test_a_source_by_its_name_or_address(demo: Offlinedl, origin: Origin) -> None:
    assert demo.ok("source", "check", "demo").out == "4 titles: nothing wrong\n"
    assert demo.ok("source", "check", f"{origin.url}/feed.json", "--json").json == {"titles": 4, "faults": []}


def test_what_is_wrong_ends_with_8(offlinedl: Offlinedl, tmp_path: Path) -> None:
    path = tmp_path / "feed.json"
    path.write_bytes(document({"id": "a"}, RIGHT | {"sources": [{"url": "https://example.com/"}]}))
    result = offlinedl("source", "check", str(path))
    assert (result.code, result.out) == (8, "titles[0].sources: missing\n1 title: 1 thing wrong\n")
    result = offlinedl("source", "check", str(path), "--json")
    found = [{"path": "titles[0].sources", "what": "missing"}]
    assert (result.code, result.json) == (8, {"titles": 1, "faults": found})
    assert result.err == ""


def test_what_is_not_there_is_not_found(offlinedl: Offlinedl, origin: Origin) -> None:
    assert offlinedl("source", "check", "nothing").code == 3
    assert offlinedl("source", "check", f"{origin.url}/nothing").code == 3
