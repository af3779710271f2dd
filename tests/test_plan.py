"""From renditions to fetches: the order, the files, and what each carries with it."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offlinedl import streams
from offlinedl.choose import Choice
from offlinedl.model import Kind, Track, Wanted
from offlinedl.plan import build
from offlinedl.protection import Key, LicenseServer
from offlinedl.streams import ByteRange, Fetch, Plan, Rendition, Resource, Segment


def segment(number: int, start: float = 0, duration: float = 2, **more: Any) -> Segment:
    resource = more.pop("resource", Resource(url=f"https://example.com/{number}?sig=1"))
    return Segment(number=number, resource=resource, start=Fraction(start), duration=Fraction(duration), **more)


def rendition(rendition_id: str, kind: Kind = Kind.VIDEO, *segments: Segment, **more: Any) -> Rendition:
    more.setdefault("container", "mp4")
    return Rendition(id=rendition_id, kind=kind, segments=segments, **more)


def plan(*renditions: Rendition, **more: Any) -> Plan:
    choices = [Choice(rendition=r, why=f"{r.id} is wanted") for r in renditions]
    more = {"kids": (), "license": None, **more}
    return build("https://example.com/a.mpd", Wanted(quality="best"), choices, **more)


def of(planned: Plan) -> list[str]:
    return [f"{f.rendition}{'i' if f.init else ''}{f.number}" for f in planned.fetches]


ORDERS = [
    pytest.param([(0, 2), (2, 2)], [(0, 2), (2, 2)], "vi0 ai0 v0 a0 v1 a1", id="in step"),
    pytest.param([(0, 4), (4, 4)], [(0, 2), (2, 2), (4, 2)], "vi0 ai0 v0 a0 a1 v1 a2", id="of other lengths"),
    pytest.param([(0, 2), (1.5, 2)], [(1.25, 2), (1.75, 1)], "vi0 ai0 v0 a0 v1 a1", id="interleaved"),
    pytest.param([], [(0, 2)], "vi0 ai0 a0", id="one that is empty"),
    pytest.param([(0, 0), (0, 0)], [(0, 0)], "vi0 ai0 v0 v1 a0", id="no times: track by track"),
]


@pytest.mark.parametrize(("video", "audio", "order"), ORDERS)
def test_heads_come_first_then_the_media_as_they_are_played(
    video: list[tuple[float, float]], audio: list[tuple[float, float]], order: str
) -> None:
    """A28."""
    one = rendition("v", Kind.VIDEO, *(segment(n, *t) for n, t in enumerate(video)), inits=(segment(0, 0, 0),))
    two = rendition("a", Kind.AUDIO, *(segment(n, *t) for n, t in enumerate(audio)), inits=(segment(0, 0, 0),))
    planned = plan(one, two)
    assert " ".join(of(planned)) == order
    assert planned.fetches[: len(planned.heads)] == planned.heads


def test_a_second_init_is_a_head_too() -> None:
    """A29: periods with init segments of their own."""
    inits = (segment(0, 0, 0), segment(1, 10, 0))
    planned = plan(rendition("v", Kind.VIDEO, segment(0, init=0), segment(1, 10, init=1), inits=inits))
    assert of(planned) == ["vi0", "vi1", "v0", "v1"]
    assert [f.needs_init for f in planned.fetches if not f.init] == [0, 1]
    assert [plain(f.path) for f in planned.heads] == ["video/init-0.mp4", "video/init-1.mp4"]


def plain(path: str) -> str:
    """A path without what tells its rung from others of the same kind and language."""
    return re.sub(r"-[0-9a-f]{4}(?=/|$)", "", path)


FOLDERS = [
    pytest.param([{"height": 720}], ["video-720p"], id="a height"),
    pytest.param([{}], ["video"], id="no height"),
    pytest.param([{"height": 720, "language": "en"}], ["video-720p"], id="a height before a language"),
    pytest.param([{"kind": Kind.AUDIO, "language": "pt-BR"}], ["audio-pt-br"], id="a language"),
    pytest.param([{"kind": Kind.AUDIO, "height": 720}], ["audio"], id="a height of no picture"),
    pytest.param([{"kind": Kind.AUDIO, "language": "en"}] * 3, ["audio-en"] * 3, id="twins"),
    pytest.param(
        [{"kind": Kind.AUDIO, "language": tag} for tag in ("en-2", "en", "en")],
        ["audio-en-2", "audio-en", "audio-en"],
        id="a name that a twin would have",
    ),
    pytest.param(
        [{"kind": Kind.AUDIO, "language": tag} for tag in ("EN", "en")], ["audio-en", "audio-en"], id="case alone"
    ),
    pytest.param([{"kind": Kind.SUBTITLES, "language": "../../x"}], ["subtitles--x"], id="a path as a language"),
    pytest.param([{"kind": Kind.SUBTITLES, "language": "日本語"}], ["subtitles"], id="not ASCII"),
]


@pytest.mark.parametrize(("tracks", "folders"), FOLDERS)
def test_a_track_has_a_folder_that_a_person_finds(tracks: list[dict[str, Any]], folders: list[str]) -> None:
    renditions = [
        rendition(str(n), track.get("kind", Kind.VIDEO), segment(0), **{k: v for k, v in track.items() if k != "kind"})
        for n, track in enumerate(tracks)
    ]
    named = [f.path.partition("/")[0] for f in plan(*renditions).fetches]
    assert [plain(name) for name in named] == folders
    assert len(set(named)) == len(named)


@given(
    st.lists(
        st.builds(
            lambda kind, language, height: (kind, language, height),
            st.sampled_from(list(Kind)),
            st.text(max_size=60) | st.sampled_from(["en", "EN", "en-2", "../..", "a/b", "\0"]),
            st.integers(0, 5000),
        ),
        max_size=8,
    )
)
def test_paths_are_unique_and_safe_whatever_a_manifest_says(tracks: list[tuple[Kind, str, int]]) -> None:
    renditions = [
        rendition(str(n), kind, segment(0), segment(1, 2), language=language, height=height, inits=(segment(0, 0, 0),))
        for n, (kind, language, height) in enumerate(tracks)
    ]
    paths = [f.path for f in plan(*renditions).fetches]
    assert len({path.lower() for path in paths}) == len(paths) == 3 * len(tracks)
    for path in paths:
        folder, _, name = path.partition("/")
        assert set(folder) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert name in {"init-0.mp4", "000000.m4s", "000001.m4s"}
        assert len(folder) < 60


@pytest.mark.parametrize(("container", "name"), [("mp4", "000007.m4s"), ("ts", "000007.ts"), ("vtt", "000007.vtt")])
def test_a_files_extension_is_what_it_holds(container: str, name: str) -> None:
    [fetch] = plan(rendition("v", Kind.VIDEO, segment(7), container=container)).fetches
    assert plain(fetch.path) == f"video/{name}"


def test_a_number_longer_than_its_place_keeps_all_its_digits() -> None:
    one, two = plan(rendition("v", Kind.VIDEO, segment(1_000_000), segment(100_000, 2))).fetches
    assert (plain(one.path), plain(two.path)) == ("video/1000000.m4s", "video/100000.m4s")


K1, K2 = "https://example.com/k1", "https://example.com/k2"


def key(uri: str, iv: int = 0, **more: Any) -> Key:
    return Key(method="AES-128", uri=uri, iv=bytes([iv]) * 16, **more)


def test_a_key_is_listed_once_and_its_iv_goes_with_the_segment() -> None:
    """A38: two key URIs, four segments; the key is one, whatever the IV."""
    keys = [(key(K1, 1),), (key(K1, 2),), (key(K2, 3),), ()]
    planned = plan(rendition("v", Kind.VIDEO, *(segment(n, n, keys=k) for n, k in enumerate(keys))))
    assert planned.keys == (Key(method="AES-128", uri=K1), Key(method="AES-128", uri=K2))
    assert [f.key for f in planned.fetches] == [0, 0, 1, None]
    assert [f.iv and f.iv[0] for f in planned.fetches] == [1, 2, 3, None]


def test_an_init_segment_can_have_a_key_of_its_own() -> None:
    """C7."""
    init = segment(0, 0, 0, keys=(key(K1, 1),))
    planned = plan(rendition("v", Kind.VIDEO, segment(0, keys=(key(K2, 2),)), inits=(init,)))
    assert [planned.keys[f.key or 0].uri for f in planned.fetches] == [K1, K2]
    assert [f.key for f in planned.fetches] == [0, 1]


def test_of_several_keys_the_one_that_is_readable_here_counts() -> None:
    """C47."""
    drm = Key(method="SAMPLE-AES", uri="skd://x", keyformat="com.apple.streamingkeydelivery")
    planned = plan(rendition("v", Kind.VIDEO, segment(0, keys=(drm, key(K1, 1))), segment(1, 2, keys=(drm,))))
    assert [k.uri for k in planned.keys] == [K1]
    assert [(f.key, f.iv is None) for f in planned.fetches] == [(0, False), (None, True)]


ESTIMATES = [
    pytest.param(Resource(url="https://example.com/m", range=ByteRange(first=100, last=199)), 100, id="a range"),
    pytest.param(Resource(url="https://example.com/m"), 1_000_000 * 2.5 / 8, id="a rate"),
]


@pytest.mark.parametrize(("resource", "estimate"), ESTIMATES)
def test_the_size_is_estimated_before_it_is_known(resource: Resource, estimate: int) -> None:
    [fetch] = plan(rendition("v", Kind.VIDEO, segment(0, 0, 2.5, resource=resource), bandwidth=1_000_000)).fetches
    assert (fetch.estimate, fetch.size) == (estimate, None)
    assert (fetch.url, fetch.range) == (resource.url, resource.range)


def test_what_no_manifest_says_is_estimated_as_nothing() -> None:
    assert [f.estimate for f in plan(rendition("v", Kind.VIDEO, segment(0))).fetches] == [0]


def test_a_fetch_carries_all_that_is_known_of_it() -> None:
    resource = Resource(url="https://example.com/m?sig=1", range=ByteRange(first=0, last=9))
    media = segment(3, 1.5, 2.002, resource=resource, init=0, keys=(key(K1, 9),))
    [fetch] = plan(rendition("v", Kind.VIDEO, media, height=720)).fetches
    assert fetch._replace(path=plain(fetch.path)) == Fetch(
        rendition="v",
        init=False,
        number=3,
        url="https://example.com/m?sig=1",
        path="video-720p/000003.m4s",
        range=ByteRange(first=0, last=9),
        start=1.5,
        duration=2.002,
        needs_init=0,
        key=0,
        iv=bytes([9]) * 16,
        estimate=10,
    )


def test_a_plan_carries_its_tracks_and_who_licenses_them() -> None:
    server = LicenseServer(system="clearkey", url="https://example.com/license")
    wide = rendition("v", width=1280, height=720, bandwidth=9, codecs="avc1", language="en", name="main")
    planned = plan(wide, kids=(bytes(16),), license=server)
    assert planned.tracks == (
        Track(
            id="v", kind=Kind.VIDEO, container="mp4", bandwidth=9, width=1280, height=720, codecs="avc1",
            language="en", name="main", why="v is wanted",
        ),
    )  # fmt: skip
    assert (planned.kids, planned.license) == ((bytes(16),), server)
    assert (planned.manifest_url, planned.wanted) == ("https://example.com/a.mpd", Wanted(quality="best"))


CUT = [
    pytest.param([("u", 0, 9), ("u", 10, 19)], True, id="pieces"),
    pytest.param([("u", 0, 9)], False, id="one-piece-is-the-file"),
    pytest.param([("u", 5, 9), ("u", 10, 19)], False, id="not-from-the-first-byte"),
    pytest.param([("u", 0, 9), ("u", 11, 19)], False, id="with-a-gap"),
    pytest.param([("u", 0, 9), ("w", 10, 19)], False, id="of-two-files"),
    pytest.param([("u", 0, 12), ("u", 13, 19)], False, id="ranges-of-a-playlist"),
]


@pytest.mark.parametrize(("ranges", "is_cut"), CUT)
def test_pieces_of_one_file_are_known_as_such(
    ranges: list[tuple[str, int, int]], is_cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file says of itself was read before it was cut: no piece is looked at as if it were a file."""
    monkeypatch.setattr(streams, "PIECE", 10)
    fetches = tuple(
        Fetch(rendition="v", init=False, number=n, url=url, path=str(n), range=ByteRange(first=first, last=last))
        for n, (url, first, last) in enumerate(ranges)
    )
    track = Track(id="v", kind=Kind.VIDEO, container="mp4")
    plan = Plan(manifest_url="u", wanted=Wanted(), tracks=(track,), fetches=fetches)
    assert plan.cut == ({"v"} if is_cut else set())
    assert plan.heads == (() if is_cut else fetches[:1])
