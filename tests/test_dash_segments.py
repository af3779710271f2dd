"""Stories about the segments of an MPD: how many there are, where they lie, and when they begin."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import pytest

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest import dash
from offlinedl.manifest.limits import Limits
from offlinedl.streams import ByteRange, Resource
from tests.mpds import SINGLE, URL, files, mpd, sidx, timeline, video

TIMELINES = [
    pytest.param(['<S t="0" d="4" r="1"/>', '<S d="2"/>'], [0, 4, 8], id="repeats-and-follows"),
    pytest.param(['<S t="0" d="2" r="-1"/>', '<S t="6" d="4"/>'], [0, 2, 4, 6], id="r-1-closed-by-the-next-t-C34"),
    pytest.param(['<S d="3" r="-1"/>'], [0, 3, 6, 9], id="r-1-closed-by-the-period-C34"),
    pytest.param(['<S t="0" d="2"/>', '<S t="5" d="5"/>'], [0, 5], id="gap-C35"),
    pytest.param(['<S t="0" d="4"/>', '<S t="3" d="4"/>'], [0, 3], id="overlap-C35"),
    pytest.param(['<S d="5"/>', '<S d="5"/>'], [0, 5], id="first-t-left-out-C35"),
    pytest.param(['<S t="12" d="4" r="-1"/>'], [], id="r-1-with-nothing-left"),
]


@pytest.mark.parametrize(("elements", "times"), TIMELINES)
def test_a_timeline_says_when_each_segment_begins(elements: list[str], times: list[int]) -> None:
    """C34, C35."""
    if not times:
        with pytest.raises(UnsupportedError, match="no segments"):
            video(timeline(*elements))
    else:
        assert files(video(timeline(*elements))) == [f"{time}.m4s" for time in times]


def test_an_offset_moves_the_segments_to_the_begin_of_their_period() -> None:
    only = video(timeline('<S t="900" d="4" r="-1"/>', attributes='timescale="2" presentationTimeOffset="900"'))
    assert [s.start for s in only.segments] == [0, 2, 4, 6, 8]
    assert files(only)[:2] == ["900.m4s", "904.m4s"]


def test_numbers_of_a_timeline_go_on_from_startnumber_or_from_n() -> None:
    elements = '<S t="0" d="2" r="1"/><S n="9" d="2" r="9"/>'
    template = '<SegmentTemplate media="$Number$.m4s" startNumber="5" endNumber="11">'
    only = video(f"{template}<SegmentTimeline>{elements}</SegmentTimeline></SegmentTemplate>")
    assert files(only) == ["5.m4s", "6.m4s", "9.m4s", "10.m4s", "11.m4s"]


COUNTS = [
    pytest.param('duration="4"', 3, id="the-last-one-is-shorter-C36"),
    pytest.param('duration="5"', 2, id="none-at-the-very-end"),
    pytest.param('duration="4" startNumber="0"', 3, id="from-0-C36"),
    pytest.param('duration="4" endNumber="2"', 2, id="up-to-endNumber"),
    pytest.param('timescale="90000" duration="300300"', 3, id="10-s-of-3.3366-s"),
    pytest.param('timescale="30" duration="1"', 300, id="exact-where-floats-are-not"),
    pytest.param('timescale="10000000" duration="33333333"', 4, id="a-rest-of-a-ten-millionth"),
    pytest.param("", 1, id="neither-duration-nor-timeline-is-one"),
]


@pytest.mark.parametrize(("attributes", "count"), COUNTS)
def test_as_many_segments_as_begin_before_the_period_ends(attributes: str, count: int) -> None:
    """C36."""
    only = video(f'<SegmentTemplate media="$Number$.m4s" {attributes}/>')
    assert len(only.segments) == count
    assert only.segments[0].start == 0
    if "endNumber" not in attributes:
        assert only.segments[-1].start + only.segments[-1].duration == 10


TEMPLATES = [
    pytest.param("$RepresentationID$/$Number$.m4s", "v/3.m4s", id="id-C37"),
    pytest.param("$Bandwidth$-$Number%05d$.m4s", "9-00003.m4s", id="width-C37"),
    pytest.param("$Bandwidth%04d$-$Number$", "0009-3", id="width-of-bandwidth"),
    pytest.param("a$$b-$Number$.m4s?x=50%25", "a$b-3.m4s?x=50%25", id="dollar-and-percent-C37"),
    pytest.param("$Number%d$.m4s", "3.m4s", id="no-width"),
    pytest.param("$Nummer$-$Number$", "$Nummer$-3", id="unknown-name-stays"),
    pytest.param("$Number$-$", "3-$", id="a-dollar-that-opens-nothing"),
    pytest.param("../$Number%02x$", "https://media.test/03", id="hexadecimal-and-above"),
    pytest.param("a/../%b/$Number$/../$Number$.m4s", "%b/3.m4s", id="dots-around-numbers"),
]


@pytest.mark.parametrize(("media", "url"), TEMPLATES)
def test_templates_name_the_segments(media: str, url: str) -> None:
    """C37."""
    assert files(video(f'<SegmentTemplate media="{media}" duration="10" startNumber="3"/>')) == [url]


def test_templates_inherit_at_every_level() -> None:
    period = '<SegmentTemplate timescale="1000" duration="5000" media="x" initialization="$RepresentationID$.mp4"/>'
    body = '<Representation id="v" bandwidth="1"><SegmentTemplate startNumber="7"/></Representation>'
    inner = f'<AdaptationSet mimeType="video/mp4"><SegmentTemplate media="$Number$.m4s"/>{body}</AdaptationSet>'
    (only,) = mpd(f"<Period>{period}{inner}</Period>").renditions
    assert files(only) == ["7.m4s", "8.m4s"]
    assert only.inits[0].resource.url == "https://media.test/film/v.mp4"
    assert [s.init for s in only.segments] == [0, 0]


def test_a_list_names_its_segments_and_their_ranges() -> None:
    """C38: Initialization@range, mediaRange, and a packager's range that means the whole file."""
    only = video(
        '<BaseURL>v.mp4</BaseURL><SegmentList duration="4"><Initialization range="0-99"/>'
        '<SegmentURL mediaRange="100-199"/><SegmentURL mediaRange="200-299"/>'
        '<SegmentURL media="t.vtt" mediaRange="0-0"/></SegmentList>'
    )
    assert only.inits[0].resource.range == ByteRange(first=0, last=99)
    assert [s.resource.range for s in only.segments] == [
        ByteRange(first=100, last=199),
        ByteRange(first=200, last=299),
        None,
    ]
    assert files(only) == ["v.mp4", "v.mp4", "t.vtt"]
    assert [s.duration for s in only.segments] == [4, 4, 2]


@pytest.mark.parametrize("version", [0, 1])
def test_an_index_is_named_and_then_read(version: int) -> None:
    """C38: SegmentBase with a sidx of both versions and a first_offset."""
    index = sidx(version, 8, (50, 4000), (60, 3000))
    only = video(SINGLE.format(last=99 + len(index)))
    assert only.index == Resource(url="https://media.test/film/v.mp4", range=ByteRange(first=100, last=99 + len(index)))
    full = dash.expand(only, index, "https://edge.test/signed/v.mp4?sig=2")
    begin = 100 + len(index) + 8
    assert [(s.resource.range, s.start, s.duration) for s in full.segments] == [
        (ByteRange(first=begin, last=begin + 49), Fraction(0), Fraction(4)),
        (ByteRange(first=begin + 50, last=begin + 109), Fraction(4), Fraction(3)),
    ]
    assert {s.resource.url for s in full.segments} == {"https://media.test/film/v.mp4"}
    assert full.index is None


def test_an_index_of_indexes_is_read_where_it_lies_together() -> None:
    """C38: hierarchical sidx."""
    leaf = sidx(0, 0, (50, 1000))
    top = sidx(0, 0, (0x80000000 | len(leaf) + 50, 1000))
    only = video(SINGLE.format(last=99 + len(top) + len(leaf)))
    (segment,) = dash.expand(only, top + leaf, URL).segments
    assert segment.resource.range == ByteRange(first=100 + len(top + leaf), last=149 + len(top + leaf))


def test_an_index_that_is_none_is_damage() -> None:
    with pytest.raises(DamagedError):
        dash.expand(video(SINGLE.format(last=199)), b"<html></html>", URL)


WHOLE = [
    pytest.param("<BaseURL>v.mp4</BaseURL>", "video/mp4", id="base-url-only"),
    pytest.param("<BaseURL>v.mp4</BaseURL><SegmentBase/>", "video/mp4", id="no-index-range"),
    pytest.param('<BaseURL>v.webm</BaseURL><SegmentBase indexRange="9-99"/>', "video/webm", id="index-of-webm"),
]


@pytest.mark.parametrize(("addressing", "mime"), WHOLE)
def test_a_file_without_an_index_is_one_segment(addressing: str, mime: str) -> None:
    only = video(addressing, f'id="v" mimeType="{mime}"')
    assert [(s.resource.range, int(s.duration), s.init) for s in only.segments] == [(None, 10, None)]


DAMAGE = [
    pytest.param("", "does not say where", id="no-addressing"),
    pytest.param('<SegmentTemplate media="$Number$" duration="2" timescale="0"/>', "timescale", id="timescale-0"),
    pytest.param('<SegmentTemplate media="$Number$" duration="two"/>', "duration", id="duration-in-words"),
    pytest.param('<SegmentTemplate duration="2"/>', "no media", id="template-without-media"),
    pytest.param('<SegmentTemplate media="$Number%0999d$" duration="2"/>', "digits", id="numbers-too-wide"),
    pytest.param(
        '<SegmentTemplate media="a" initialization="$Number$" duration="2"/>', "init", id="init-with-a-number"
    ),
    pytest.param(timeline('<S t="0" d="0" r="-1"/>'), "without a duration", id="endless-nothing"),
    pytest.param(timeline('<S t="0"/>'), "no d,", id="s-without-d"),
    pytest.param("<SegmentList/>", "empty", id="empty-list"),
    pytest.param('<SegmentList><SegmentURL mediaRange="9-1"/></SegmentList>', "byte range", id="range-backwards"),
    pytest.param("<BaseURL>http://[/</BaseURL>", "not a URL", id="no-url"),
]


@pytest.mark.parametrize(("addressing", "words"), DAMAGE)
def test_damage_is_named(addressing: str, words: str) -> None:
    with pytest.raises(DamagedError, match=words):
        video(addressing)


LIMITS = [
    pytest.param('<SegmentTemplate media="$Number$" duration="1" timescale="999999999"/>', id="by-duration"),
    pytest.param(timeline('<S t="0" d="1" r="2000000"/>'), id="by-repetition"),
    pytest.param(
        '<SegmentTemplate media="$Number$" duration="1" endNumber="9999999" timescale="999999999"/>', id="by-number"
    ),
]


@pytest.mark.parametrize("addressing", LIMITS)
def test_a_bomb_of_segments_is_refused_before_it_goes_off(addressing: str) -> None:
    with pytest.raises(UnsupportedError, match="limit is 2000000") as caught:
        video(addressing)
    assert caught.value.code == "too-large"


def test_the_limit_of_segments_is_that_of_the_whole_manifest() -> None:
    body = "".join(f'<Representation id="{n}"/>' for n in range(3))
    template = '<SegmentTemplate media="$RepresentationID$-$Number$" duration="2"/>'
    inside = f'<Period duration="PT4S"><AdaptationSet mimeType="video/mp4">{template}{body}</AdaptationSet></Period>'
    data = f"<MPD>{inside}</MPD>".encode()
    assert len(dash.parse(data, URL, Limits(segments=6)).renditions) == 3
    with pytest.raises(UnsupportedError, match="limit is 5") as caught:
        dash.parse(data, URL, Limits(segments=5))
    assert caught.value.code == "too-large"


def test_memory_grows_with_the_text_and_no_faster() -> None:
    """C42: at most 30 bytes for each byte of a timeline without repetition, the densest that an MPD can be."""
    rows = "".join(f'<S t="{n * 180_180}" d="180180"/>' for n in range(30_000))
    inside = timeline(rows, attributes='timescale="90000"')
    body = f'<AdaptationSet mimeType="video/mp4">{inside}<Representation id="v"/></AdaptationSet>'
    data = f"<MPD><Period>{body}</Period></MPD>".encode()
    tracemalloc.start()
    manifest = dash.parse(data, URL)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(manifest.renditions[0].segments) == 30_000
    assert peak < 30 * len(data)


def test_a_title_without_any_length_is_damage_only_where_it_is_needed() -> None:
    template = '<SegmentTemplate media="$Number$" duration="2" {}/>'
    inside = '<Representation id="v">{}</Representation>'
    body = f'<Period><AdaptationSet mimeType="video/mp4">{inside}</AdaptationSet></Period>'
    assert len(mpd(body.format(template.format('endNumber="3"')), "").renditions[0].segments) == 3
    with pytest.raises(DamagedError, match="how long"):
        mpd(body.format(template.format("")), "")
