"""Stories about segment indexes: one for each period, indexes of indexes, and an index in a file of its own."""

from __future__ import annotations

import pytest

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest import dash
from offlinedl.manifest.limits import Limits
from offlinedl.streams import ByteRange, Rendition, Resource
from tests.mpds import SINGLE, URL, mpd, period, sidx, video

INDEX = 0x80000000


def single(name: str, attributes: str = 'duration="PT4S"') -> str:
    """A period that is one file with an index at its bytes 100 to 199."""
    inside = SINGLE.format(last=199).replace("v.mp4", name)
    body = f'<Representation id="v" codecs="avc1.4d401f">{inside}</Representation>'
    return f'<Period {attributes}><AdaptationSet mimeType="video/mp4">{body}</AdaptationSet></Period>'


def read(rendition: Rendition, files: dict[tuple[str, int], bytes]) -> Rendition:
    """The rendition after all its indexes have been read from `files`, by name and first byte."""
    while rendition.index is not None:
        part = rendition.index.range
        first, last = (part.first, part.last) if part else (0, 10**9)
        data = files[rendition.index.url.rpartition("/")[2], first]
        rendition = dash.expand(rendition, data[: last - first + 1], rendition.index.url)
    return rendition


def test_each_period_has_an_index_of_its_own() -> None:
    """A29, C39: read one after the other, with a period of a template between them."""
    manifest = mpd(single("a.mp4") + period("t", 'id="1"') + single("b.mp4"), "")
    (only,) = manifest.renditions
    assert (len(only.unread), len(only.segments), int(manifest.duration)) == (2, 2, 12)
    files = {("a.mp4", 100): sidx(0, 0, (50, 1000), (60, 3000)), ("b.mp4", 100): sidx(0, 0, (70, 4000))}
    full = read(only, files)
    assert [s.resource.url.rpartition("/")[2] for s in full.segments] == ["a.mp4"] * 2 + ["1-1.m4s", "1-2.m4s", "b.mp4"]
    assert [s.number for s in full.segments] == [0, 1, 2, 3, 4]
    assert [int(s.start) for s in full.segments] == [0, 1, 4, 6, 8]
    assert [full.inits[s.init or 0].resource.url.rpartition("/")[2] for s in full.segments] == [
        "a.mp4", "a.mp4", "t.mp4", "t.mp4", "b.mp4",
    ]  # fmt: skip
    assert (full.unread, full.index) == ((), None)


def test_an_index_that_leads_to_others_is_followed_through_the_file() -> None:
    """C38: hierarchical sidx, each lying before the media that it lists."""
    first, second = sidx(0, 0, (50, 1000), (60, 1000)), sidx(1, 0, (70, 2000))
    top = sidx(0, 0, (INDEX | len(first) + 110, 2000), (40, 500), (INDEX | len(second) + 70, 2000))
    only = video(SINGLE.format(last=99 + len(top)))
    begin = 100 + len(top)
    then = begin + len(first) + 110
    files = {("v.mp4", 100): top, ("v.mp4", begin): first, ("v.mp4", then + 40): second}
    full = read(only, files)
    assert [(s.resource.range.first, s.resource.range.size) for s in full.segments if s.resource.range] == [
        (begin + len(first), 50),
        (begin + len(first) + 50, 60),
        (then, 40),
        (then + 40 + len(second), 70),
    ]
    assert [float(s.start) for s in full.segments] == [0, 1, 2, 2.5]
    assert [s.number for s in full.segments] == [0, 1, 2, 3]


def test_an_index_that_is_longer_than_the_first_look_is_asked_for_whole() -> None:
    """C38."""
    leaf = sidx(0, 0, *[(50, 1000)] * 500)
    top = sidx(0, 0, (INDEX | len(leaf) + 25_000, 500_000))
    only = video(SINGLE.format(last=99 + len(top)))
    full = read(only, {("v.mp4", 100): top, ("v.mp4", 100 + len(top)): leaf})
    assert len(full.segments) == 500


def test_an_index_in_a_file_of_its_own_counts_from_the_begin_of_the_media() -> None:
    """C38: RepresentationIndex (23009-1 section 5.3.9.2)."""
    only = video(
        '<BaseURL>v.mp4</BaseURL><SegmentBase><Initialization range="0-99"/>'
        '<RepresentationIndex sourceURL="v.sidx"/></SegmentBase>'
    )
    assert only.index == Resource(url="https://media.test/film/v.sidx")
    (segment,) = read(only, {("v.sidx", 0): sidx(0, 100, (50, 10_000))}).segments
    assert segment.resource == Resource(url="https://media.test/film/v.mp4", range=ByteRange(first=100, last=149))


def test_indexes_without_end_are_refused() -> None:
    """A35."""
    loop = sidx(0, 0, (INDEX | 1000, 1000))
    only = video(SINGLE.format(last=99 + len(loop)))
    for _ in range(9):
        only = dash.expand(only, loop, URL)
    with pytest.raises(UnsupportedError, match="deep") as caught:
        dash.expand(only, loop, URL)
    assert caught.value.code == "too-large"


def test_more_segments_than_the_limit_are_refused() -> None:
    data = sidx(0, 0, (50, 1000), (50, 1000), (50, 1000))
    only = video(SINGLE.format(last=99 + len(data)))
    assert len(dash.expand(only, data, URL, Limits(segments=3)).segments) == 3
    with pytest.raises(UnsupportedError, match="more segments"):
        dash.expand(only, data, URL, Limits(segments=2))


def test_an_index_that_is_not_there_is_named() -> None:
    """A35: no index where the manifest says one."""
    with pytest.raises(DamagedError, match=r"https://media\.test/film/title\.mpd: v: no segment index"):
        dash.expand(video(SINGLE.format(last=199)), bytes(100), URL)
