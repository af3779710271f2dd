"""Stories about content steering: who is asked first, and pathways that no playlist names (rfc8216bis section 7)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offlinedl.manifest import hls, hls_steering
from offlinedl.streams import Manifest, Steering
from tests.playlists import URL, variant

A = "https://a.test/x/"
B = "https://b.test:8443/y/"
SERVER = "https://steer.test/s?video=1"
HD = "BANDWIDTH=1,RESOLUTION=1280x720"


def sound(group: str, host: str) -> str:
    stable = 'STABLE-RENDITION-ID="s"'
    return f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{group}",NAME="n",LANGUAGE="en",{stable},URI="{host}en.m3u8"'


def lines(tag: str = f'SERVER-URI="{SERVER}",PATHWAY-ID="A"') -> list[str]:
    return [
        f"#EXT-X-CONTENT-STEERING:{tag}",
        sound("a", A),
        sound("b", B),
        variant(f"{A}v.m3u8?t=1", HD + ',STABLE-VARIANT-ID="v",PATHWAY-ID="A",AUDIO="a"'),
        variant(f"{B}v.m3u8", HD + ',STABLE-VARIANT-ID="v",PATHWAY-ID="B",AUDIO="b"'),
    ]


def parsed(said: Any = None, playlist: list[str] | None = None) -> Manifest:
    """The playlist, steered by a steering manifest where one is given."""
    body = said if isinstance(said, bytes) else json.dumps({"VERSION": 1, "TTL": 300, **(said or {})}).encode()
    text = "\n".join(["#EXTM3U", *(playlist or lines())]).encode()
    return hls.parse(text, URL, pieces={} if said is None else {SERVER: body})


def addresses(manifest: Manifest) -> list[tuple[str, ...]]:
    """The addresses of each rendition, in the order in which they are asked."""
    for rendition in manifest.renditions:
        assert rendition.index
        assert not rendition.bases or rendition.bases[0][0] == rendition.index.url
    return [r.bases[0] if r.bases else (r.index.url if r.index else "",) for r in manifest.renditions]


def first(manifest: Manifest) -> list[str]:
    return [group[0] for group in addresses(manifest)]


def clone(**replacement: Any) -> dict[str, Any]:
    return {"ID": "C", "BASE-ID": "A", "URI-REPLACEMENT": replacement}


TAGS = [
    pytest.param(f'SERVER-URI="{SERVER}",PATHWAY-ID="B"', Steering(url=SERVER, pathway="B"), id="said"),
    pytest.param(f'SERVER-URI="{SERVER}"', Steering(url=SERVER, pathway="A"), id="the-first-pathway-there-is"),
    pytest.param('SERVER-URI="/s"', Steering(url="https://media.test/s", pathway="A"), id="relative"),
    pytest.param('SERVER-URI="data:application/json,{}",PATHWAY-ID="B"', None, id="nobody-to-ask"),
    pytest.param('PATHWAY-ID="B"', None, id="without-an-address"),
    pytest.param('SERVER-URI="http://[",PATHWAY-ID="B"', None, id="no-address"),
]


@pytest.mark.parametrize(("tag", "steering"), TAGS)
def test_the_playlist_says_who_steers(tag: str, steering: Steering | None) -> None:
    """rfc8216bis section 4.4.6.6."""
    assert parsed(playlist=lines(tag)).steering == steering


def test_a_playlist_without_pathways_is_on_the_one_that_all_are_on() -> None:
    found = parsed(playlist=[f'#EXT-X-CONTENT-STEERING:SERVER-URI="{SERVER}"', variant(f"{A}v.m3u8", HD)])
    assert found.steering == Steering(url=SERVER, pathway=".")


@pytest.mark.parametrize(("pathway", "host"), [("A", A), ("B", B), ("none", A)])
def test_until_the_server_has_spoken_the_pathway_of_the_tag_is_first(pathway: str, host: str) -> None:
    """rfc8216bis section 4.4.6.6: also where there is nobody to ask."""
    found = parsed(playlist=lines(f'SERVER-URI="data:,",PATHWAY-ID="{pathway}"'))
    assert all(url.startswith(host) for url in first(found))


PRIORITIES = [
    pytest.param(["A", "B"], A, id="as-they-stand"),
    pytest.param(["B", "A"], B, id="the-other-one-first"),
    pytest.param(["B"], B, id="one-is-not-named-and-comes-last"),
    pytest.param(["X", "B", "A"], B, id="one-that-nobody-has"),
    pytest.param([], A, id="none"),
    pytest.param(["B", 7, None], B, id="odd-ones"),
]


@pytest.mark.parametrize(("priority", "host"), PRIORITIES)
def test_the_steering_manifest_orders_the_addresses(priority: list[Any], host: str) -> None:
    """C32: rfc8216bis section 7.1; what is not asked first stays a fallback, and ids stay the same."""
    found = parsed({"PATHWAY-PRIORITY": priority})
    assert [len(group) for group in addresses(found)] == [2, 2]
    assert all(url.startswith(host) for url in first(found))
    assert [r.id for r in found.renditions] == ["v", "s"]


CLONES = [
    pytest.param(clone(HOST="c.test"), ["https://c.test/x/v.m3u8?t=1", "https://c.test/x/en.m3u8"], id="host"),
    pytest.param(clone(HOST="c.test:99"), ["https://c.test:99/x/v.m3u8?t=1", "https://c.test:99/x/en.m3u8"], id="port"),
    pytest.param(
        clone(PARAMS={"t": "2 3", "a": "&"}), [f"{A}v.m3u8?a=%26&t=2%203", f"{A}en.m3u8?a=%26&t=2%203"], id="parameters"
    ),
    pytest.param(
        clone(HOST="c.test", **{"PER-VARIANT-URIS": {"v": "https://d.test/v"}, "PER-RENDITION-URIS": {"s": f"{B}s"}}),
        ["https://d.test/v", f"{B}s"],
        id="whole-addresses-replace-all-else",
    ),
    pytest.param(
        clone(HOST="c.test", **{"PER-VARIANT-URIS": {"s": f"{B}s"}, "PER-RENDITION-URIS": {"v": f"{B}v"}}),
        ["https://c.test/x/v.m3u8?t=1", "https://c.test/x/en.m3u8"],
        id="ids-of-the-other-kind",
    ),
]


@pytest.mark.parametrize(("said", "expected"), CLONES)
def test_a_clone_is_a_pathway_elsewhere(said: dict[str, Any], expected: list[str]) -> None:
    """rfc8216bis section 7.2: HOST, PARAMS, PER-VARIANT-URIS and PER-RENDITION-URIS."""
    found = parsed({"PATHWAY-PRIORITY": ["C", "A", "B"], "PATHWAY-CLONES": [said]})
    assert first(found) == expected
    assert [len(group) for group in addresses(found)] == [3, 3]
    unsteered = parsed({"PATHWAY-PRIORITY": ["A"], "PATHWAY-CLONES": [said]})
    assert [group[-1] for group in addresses(unsteered)] == expected


def test_the_port_stays_where_the_host_names_none() -> None:
    found = parsed({"PATHWAY-PRIORITY": ["C"], "PATHWAY-CLONES": [{**clone(HOST="c.test"), "BASE-ID": "B"}]})
    assert first(found) == ["https://c.test:8443/y/v.m3u8", "https://c.test:8443/y/en.m3u8"]


def test_a_clone_may_be_cloned() -> None:
    again = {"ID": "D", "BASE-ID": "C", "URI-REPLACEMENT": {"PARAMS": {"d": "1"}}}
    found = parsed({"PATHWAY-PRIORITY": ["D"], "PATHWAY-CLONES": [clone(HOST="c.test"), again]})
    assert first(found)[0] == "https://c.test/x/v.m3u8?t=1&d=1"


def test_who_is_known_at_one_host_is_not_said_at_another() -> None:
    playlist = [f'#EXT-X-CONTENT-STEERING:SERVER-URI="{SERVER}"', variant("https://me:secret@a.test/v.m3u8", HD)]
    said = {"PATHWAY-PRIORITY": ["C"], "PATHWAY-CLONES": [{**clone(HOST="c.test"), "BASE-ID": "."}]}
    assert first(parsed(said, playlist)) == ["https://c.test/v.m3u8"]


NO_CLONES = [
    pytest.param(clone(HOST="c.test/elsewhere"), id="a-path-for-a-host"),
    pytest.param(clone(HOST="me@c.test"), id="a-user-for-a-host"),
    pytest.param(clone(HOST=7), id="a-number-for-a-host"),
    pytest.param(clone(HOST="c.test:99999"), id="a-port-that-is-none"),
    pytest.param({**clone(HOST="c.test"), "BASE-ID": "X"}, id="of-what-is-not-there"),
    pytest.param({**clone(HOST="c.test"), "ID": None}, id="without-a-name"),
    pytest.param(
        clone(**{"PER-VARIANT-URIS": {"v": "file:///v"}, "PER-RENDITION-URIS": {"s": "skd://s"}}), id="scheme"
    ),
    pytest.param(clone(PARAMS={"t": "\ud800"}), id="half-a-letter"),
    pytest.param("C", id="a-word"),
]


@pytest.mark.parametrize("said", NO_CLONES)
def test_a_clone_that_cannot_be_is_left_out(said: object) -> None:
    found = parsed({"PATHWAY-PRIORITY": ["C", "B"], "PATHWAY-CLONES": [said]})
    assert addresses(found) == addresses(parsed({"PATHWAY-PRIORITY": ["B"]}))


def test_no_more_clones_are_read_than_anybody_needs() -> None:
    clones = [{**clone(HOST=f"c{n}.test"), "ID": f"C{n}"} for n in range(10_000)]
    assert max(map(len, addresses(parsed({"PATHWAY-CLONES": clones})))) == 18


NO_DIRECTIONS = [b"", b"<html>", b"[]", b'{"VERSION": 2, "PATHWAY-PRIORITY": ["B"]}', b'"', b"[" * 100_000, b"\xff"]


@pytest.mark.parametrize("body", NO_DIRECTIONS, ids=lambda body: repr(body[:20]))
def test_what_is_no_steering_manifest_steers_nothing(body: bytes) -> None:
    assert parsed(body) == parsed()


NAMES = ["ID", "BASE-ID", "URI-REPLACEMENT", "HOST", "PARAMS", "PER-VARIANT-URIS", "v", "s", "A"]
WORDS = st.none() | st.integers() | st.text(st.characters(exclude_categories=()))
SAID = st.recursive(WORDS, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner))


@given(SAID, st.sampled_from(["PATHWAY-PRIORITY", "PATHWAY-CLONES", "VERSION"]))
def test_whatever_the_server_says_the_title_stays(said: Any, name: str) -> None:
    steered = addresses(parsed({name: said}))
    assert all(set(group) <= set(now) for group, now in zip(addresses(parsed()), steered, strict=True))


def test_the_server_is_told_where_the_title_comes_from() -> None:
    """rfc8216bis section 7.4."""
    assert hls_steering.request(Steering(url=SERVER, pathway="A-1"), 5_140_000) == (
        f"{SERVER}&_HLS_pathway=%22A-1%22&_HLS_throughput=5140000"
    )
    assert hls_steering.request(Steering(url="https://s.test/", pathway="."), 0).startswith("https://s.test/?_HLS_")
