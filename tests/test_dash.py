"""Stories about MPDs: what they list, how periods become one time line, and what they are refused for."""

from __future__ import annotations

import base64
import struct
from fractions import Fraction

import pytest

from offlinedl.errors import DamagedError, OfflinedlError, UnsupportedError
from offlinedl.manifest import dash
from offlinedl.model import ByteRange, Kind, Manifest, Rendition, Resource

URL = "https://media.test/film/title.mpd?sig=1"
KID = "0a0b0c0d-0000-4000-8000-00000000000f"
PSSH = base64.b64encode(b"\0\0\0\x20pssh" + bytes(24)).decode()


def mpd(inside: str, attributes: str = 'mediaPresentationDuration="PT10S"') -> Manifest:
    """An MPD with these periods."""
    text = f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013" {attributes}>{inside}</MPD>'
    return dash.parse(text.encode(), URL)


def video(addressing: str, representation: str = 'id="v" bandwidth="9"', around: str = "") -> Rendition:
    """The one video rendition of an MPD of 10 s, with its addressing in the representation."""
    body = f"<Representation {representation}>{addressing}</Representation>"
    (only,) = mpd(f'<Period><AdaptationSet mimeType="video/mp4">{around}{body}</AdaptationSet></Period>').renditions
    return only


def files(rendition: Rendition) -> list[str]:
    """The URLs of the segments, below the folder of the MPD."""
    return [s.resource.url.removeprefix("https://media.test/film/") for s in rendition.segments]


def timeline(*elements: str, attributes: str = 'timescale="1"') -> str:
    inside = "".join(elements)
    template = f'<SegmentTemplate media="$Time$.m4s" {attributes}>'
    return f"{template}<SegmentTimeline>{inside}</SegmentTimeline></SegmentTemplate>"


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
        '<SegmentURL mediaRange="100-199"/><SegmentURL mediaRange="200-299"/><SegmentURL media="t.vtt" mediaRange="0-0"/></SegmentList>'
    )
    assert only.inits[0].resource.range == ByteRange(first=0, last=99)
    assert [s.resource.range for s in only.segments] == [
        ByteRange(first=100, last=199),
        ByteRange(first=200, last=299),
        None,
    ]
    assert files(only) == ["v.mp4", "v.mp4", "t.vtt"]
    assert [s.duration for s in only.segments] == [4, 4, 2]


def sidx(version: int, first_offset: int, *references: tuple[int, int], tail: bytes = b"") -> bytes:
    """A segment index of (size with the index bit, duration in thousandths of a second)."""
    times = struct.pack(">QQ" if version else ">II", 0, first_offset)
    body = struct.pack(">BxxxII", version, 1, 1000) + times + struct.pack(">HH", 0, len(references))
    body += b"".join(struct.pack(">III", size, duration, 0x90000000) for size, duration in references)
    return struct.pack(">I4s", 8 + len(body), b"sidx") + body + tail


SINGLE = '<BaseURL>v.mp4</BaseURL><SegmentBase indexRange="100-{last}"><Initialization range="0-99"/></SegmentBase>'


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
    with pytest.raises(UnsupportedError, match="elsewhere"):
        dash.expand(only, top, URL)


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


def test_subtitles_in_one_file_are_one_segment() -> None:
    (text,) = mpd(
        '<Period><AdaptationSet contentType="text" lang="de"><Label> Deutsch </Label>'
        '<Role schemeIdUri="urn:mpeg:dash:role:2011" value="forced_subtitle"/><Representation id="t" mimeType="text/vtt"><BaseURL>de.vtt</BaseURL></Representation>'
        "</AdaptationSet></Period>"
    ).renditions
    assert (text.kind, text.container, text.language, text.name) == (Kind.SUBTITLES, "vtt", "de", "Deutsch")
    assert (text.roles, files(text)) == (("forced-subtitle",), ["de.vtt"])


BASES = [
    pytest.param("", "", "", "https://media.test/film/1", id="none-C40"),
    pytest.param("https://cdn.test/x/", "p/", "v/", "https://cdn.test/x/p/v/1", id="nested-C40"),
    pytest.param("https://cdn.test/x/", "http://other.test/", "v/", "http://other.test/v/1", id="absolute-inside-C40"),
    pytest.param("https://cdn.test/x", "", "", "https://cdn.test/1", id="no-slash-at-the-end-C40"),
    pytest.param("https://cdn.test/x/y.mpd?t=1", "", "", "https://cdn.test/x/1", id="ends-in-mpd-with-query-C40"),
    pytest.param(
        "\n  <!-- c -->https://cdn.test/<![CDATA[a]]>/ ", "", "", "https://cdn.test/a/1", id="comment-and-cdata"
    ),
]


@pytest.mark.parametrize(("top", "period", "inner", "url"), BASES)
def test_base_urls_nest(top: str, period: str, inner: str, url: str) -> None:
    """C40."""
    bases = [f"<BaseURL>{text}</BaseURL>" if text else "" for text in (top, period, inner)]
    template = '<SegmentTemplate media="$Number$" duration="10"/>'
    body = f'<AdaptationSet mimeType="video/mp4">{bases[2]}{template}<Representation id="v"/></AdaptationSet>'
    (only,) = mpd(f"{bases[0]}<Period>{bases[1]}{body}</Period>").renditions
    assert only.segments[0].resource.url == url


def test_the_first_of_several_base_urls_holds() -> None:
    assert files(video("<BaseURL>a.mp4</BaseURL><BaseURL>b.mp4</BaseURL>")) == ["a.mp4"]


@pytest.mark.parametrize("base", ["file:///etc/passwd", "data:video/mp4;base64,AA", "ftp://h/a.mp4"])
def test_only_http_and_https_leave_the_parser(base: str) -> None:
    with pytest.raises(UnsupportedError, match="only http and https"):
        video(f"<BaseURL>{base}</BaseURL>")


def period(inits: str, *representations: str, attributes: str = 'duration="PT4S"') -> str:
    """A period of 4 s with segments of 2 s."""
    template = (
        f'<SegmentTemplate media="{inits}/$RepresentationID$-$Number$.m4s" initialization="{inits}.mp4" duration="2"/>'
    )
    rungs = "".join(f'<Representation codecs="avc1.4d401f" {r}/>' for r in representations)
    return f'<Period {attributes}><AdaptationSet mimeType="video/mp4">{template}{rungs}</AdaptationSet></Period>'


def test_periods_follow_each_other_on_one_time_line() -> None:
    """A29, C39: the same id with another init segment; a duration known only from the next start."""
    manifest = mpd(
        period("a", 'id="1"', attributes='id="x"') + period("b", 'id="1"', attributes='start="PT4S"'),
        'mediaPresentationDuration="PT8S"',
    )
    (only,) = manifest.renditions
    assert files(only) == ["a/1-1.m4s", "a/1-2.m4s", "b/1-1.m4s", "b/1-2.m4s"]
    assert [int(s.start) for s in only.segments] == [0, 2, 4, 6]
    assert [(s.number, s.init) for s in only.segments] == [(0, 0), (1, 0), (2, 1), (3, 1)]
    assert [i.resource.url[-5:] for i in only.inits] == ["a.mp4", "b.mp4"]


def test_an_init_segment_that_periods_share_is_fetched_once() -> None:
    """C41: a URL that comes again in another period is kept: it is another segment of the time line."""
    (only,) = mpd(period("a", 'id="1"') * 2, "").renditions
    assert len(only.inits) == 1
    assert files(only) == ["a/1-1.m4s", "a/1-2.m4s"] * 2


def test_rungs_with_other_ids_are_joined_by_their_height_and_rate() -> None:
    """C39: different ids; a period with fewer rungs gives the nearest."""
    manifest = mpd(
        period("a", 'id="1" height="360" bandwidth="5"', 'id="2" height="720" bandwidth="9"')
        + period("b", 'id="y" height="700" bandwidth="8"', 'id="x" height="300" bandwidth="4"')
        + period("c", 'id="z" height="480" bandwidth="6"'),
        "",
    )
    small, large = manifest.renditions
    assert [file[:3] for file in files(small)[::2]] == ["a/1", "b/x", "c/z"]
    assert [file[:3] for file in files(large)[::2]] == ["a/2", "b/y", "c/z"]
    assert manifest.duration == 12


def test_a_period_that_nothing_continues_is_named() -> None:
    """C39: a period with no matching rung."""
    other = period("b", 'id="1"', attributes='id="advert" duration="PT4S"').replace("avc1.4d401f", "vp09.00.10.08")
    with pytest.raises(UnsupportedError, match="advert"):
        mpd(period("a", 'id="1"') + other, "")


def track(lang: str, kind: str = "audio", name: str = "") -> str:
    template = f'<SegmentTemplate media="{lang or name}/$Number$" duration="4"/>'
    body = f'{template}<Representation id="{lang}{name}"/>'
    return f'<AdaptationSet mimeType="{kind}/mp4" lang="{lang}">{body}</AdaptationSet>'


def test_sound_is_joined_by_language_or_by_the_only_one_there_is() -> None:
    manifest = mpd(
        f'<Period duration="PT4S">{track("en")}{track("fr")}</Period><Period duration="PT4S">{track("und")}</Period>'
        f'<Period duration="PT4S">{track("fr")}{track("en")}</Period>',
        "",
    )
    assert [files(r) for r in manifest.renditions] == [["en/1", "und/1", "en/1"], ["fr/1", "und/1", "fr/1"]]


def test_periods_of_single_files_are_refused_for_now() -> None:
    one = '<Period duration="PT4S"><AdaptationSet mimeType="video/mp4"><Representation id="v">'
    one += SINGLE.format(last=199) + "</Representation></AdaptationSet></Period>"
    with pytest.raises(UnsupportedError, match="several periods"):
        mpd(one * 2, "")


PROTECTIONS = [
    pytest.param(f"<cenc:pssh>{PSSH}</cenc:pssh>", id="usual-prefix"),
    pytest.param(f'<c:pssh xmlns:c="urn:mpeg:cenc:2013">{PSSH}</c:pssh>', id="other-prefix"),
    pytest.param(f'<pssh xmlns="urn:mpeg:cenc:2013">\n <!-- x -->{PSSH}\n</pssh>', id="default-namespace-and-comment"),
    pytest.param(f"<x:pssh>{PSSH}</x:pssh>", id="prefix-that-nobody-declared"),
]


@pytest.mark.parametrize("element", PROTECTIONS)
def test_protection_is_read_whatever_the_prefix(element: str) -> None:
    generic = f'<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cbcs" k:default_KID="{KID}"/>'
    system = (
        f'<ContentProtection schemeIdUri="urn:uuid:EDEF8BA9-79D6-4ACE-A3C8-27DCD51D21ED">{element}</ContentProtection>'
    )
    stated, widevine = video("<BaseURL>v.mp4</BaseURL>", around=generic + system).protections
    kid = bytes.fromhex(KID.replace("-", ""))
    assert (stated.system, stated.scheme, stated.kids, stated.init_data) == ("", "cbcs", (kid,), None)
    assert (widevine.system, widevine.scheme) == ("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", "cbcs")
    assert (widevine.kids, widevine.init_data) == ((kid,), base64.b64decode(PSSH))


LICENSES = [
    pytest.param('<d:laurl xmlns:d="https://dashif.org/">{}</d:laurl>', id="guideline"),
    pytest.param('<d:Laurl xmlns:d="https://dashif.org/CPS">{}</d:Laurl>', id="cps"),
    pytest.param(
        '<k:Laurl xmlns:k="http://dashif.org/guidelines/clearKey" Lic_type="EME-1.0">{}</k:Laurl>', id="legacy"
    ),
    pytest.param("<dashif:laurl>{}</dashif:laurl>", id="prefix-only"),
    pytest.param('<m:laurl xmlns:m="urn:microsoft" licenseUrl="{}"/>', id="attribute"),
]


@pytest.mark.parametrize("element", LICENSES)
def test_clear_key_names_its_license_server(element: str) -> None:
    scheme = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
    around = f'<ContentProtection schemeIdUri="{scheme}">{element.format("https://l.test/key")}</ContentProtection>'
    (only,) = video("<BaseURL>v.mp4</BaseURL>", around=around).protections
    assert (only.system, only.license_url) == (scheme[9:], "https://l.test/key")


def test_playready_objects_are_put_into_a_box() -> None:
    scheme = "urn:uuid:9a04f079-9840-4286-ab92-e65be0885f95"
    around = f'<ContentProtection schemeIdUri="{scheme}"><mspr:pro>AQID</mspr:pro></ContentProtection>'
    (only,) = video("<BaseURL>v.mp4</BaseURL>", around=around).protections
    assert (only.init_data or b"")[4:8] == b"pssh"
    assert (only.init_data or b"")[-3:] == b"\1\2\3"


def test_rotating_keys_leave_the_key_ids_open() -> None:
    zero = '<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc" cenc:default_KID="{}"/>'
    around = zero.format("00000000-0000-0000-0000-000000000000")
    assert video("<BaseURL>v.mp4</BaseURL>", around=around).protections[0].kids == ()


def test_a_protection_that_refers_to_another_takes_over_what_it_says() -> None:
    named = '<ContentProtection refId="a" schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc"/>'
    body = '<ContentProtection ref="a"/><Representation id="v"><BaseURL>v.mp4</BaseURL></Representation>'
    (only,) = mpd(f'<Period>{named}<AdaptationSet mimeType="video/mp4">{body}</AdaptationSet></Period>').renditions
    assert only.protections[0].scheme == "cenc"


LEFT_OUT = [
    pytest.param('<EssentialProperty schemeIdUri="urn:example:new"/>', "not understood", id="unknown-essential"),
    pytest.param(
        '<EssentialProperty schemeIdUri="http://dashif.org/guidelines/trickmode" value="1"/>',
        "trickmode|understood",
        id="trick-mode",
    ),
    pytest.param('<ContentProtection schemeIdUri="urn:mpeg:dash:sea:2012"/>', "as a whole", id="segment-encryption"),
]


@pytest.mark.parametrize(("around", "words"), LEFT_OUT)
def test_what_cannot_be_used_is_left_out_and_says_so(around: str, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        video("<BaseURL>v.mp4</BaseURL>", around=around)


def test_a_representation_that_is_left_out_leaves_the_others() -> None:
    new = '<EssentialProperty schemeIdUri="urn:example:new"/>'
    bad = f'<Representation id="x">{new}<BaseURL>x.mp4</BaseURL></Representation>'
    assert video("<BaseURL>v.mp4</BaseURL>", around=bad).id == "v"


def test_colour_and_other_understood_properties_leave_nothing_out() -> None:
    around = '<EssentialProperty schemeIdUri="urn:mpeg:mpegB:cicp:TransferCharacteristics" value="16"/>'
    assert video("<BaseURL>v.mp4</BaseURL>", around=around).id == "v"


KINDS = [
    pytest.param('contentType="audio"', "", Kind.AUDIO, id="content-type"),
    pytest.param("", 'mimeType="audio/mp4"', Kind.AUDIO, id="mime-type-inside"),
    pytest.param('mimeType="application/mp4" codecs="stpp.ttml.im1t"', "", Kind.SUBTITLES, id="ttml-in-mp4"),
    pytest.param('mimeType="application/ttml+xml"', "", Kind.SUBTITLES, id="ttml-file"),
    pytest.param("", 'codecs="mp4a.40.2"', Kind.AUDIO, id="codecs-only"),
    pytest.param('mimeType="image/jpeg"', "", None, id="thumbnails"),
    pytest.param('contentType="image"', 'mimeType="video/mp4"', None, id="content-type-image"),
    pytest.param('mimeType="application/x-rawcc"', "", None, id="raw-captions"),
]


@pytest.mark.parametrize(("outer", "inner", "kind"), KINDS)
def test_a_set_is_what_its_types_say(outer: str, inner: str, kind: Kind | None) -> None:
    body = f"<AdaptationSet {outer}><Representation {inner}><BaseURL>f.mp4</BaseURL></Representation></AdaptationSet>"
    other = '<Representation id="v"><BaseURL>v.mp4</BaseURL></Representation>'
    extra = f'<AdaptationSet mimeType="video/mp4">{other}</AdaptationSet>'
    kinds = [r.kind for r in mpd(f"<Period>{body}{extra}</Period>").renditions]
    assert kinds == [*([kind] if kind else []), Kind.VIDEO]


def test_descriptions_are_told_apart_from_the_main_sound() -> None:
    main = '<Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>'
    described = '<Accessibility schemeIdUri="urn:tva:metadata:cs:AudioPurposeCS:2007" value="1"/>'
    sets = (track("en").replace("<Seg", f"{extra}<Seg") for extra in (main, described))
    found = mpd(f"<Period>{''.join(sets)}</Period>")
    assert [(r.roles, r.default) for r in found.renditions] == [(("main",), True), (("description",), False)]
    assert [r.id for r in found.renditions] == ["en", "en#2"]


REFUSED = [
    pytest.param('<MPD type="dynamic"/>', UnsupportedError, "live", id="dynamic-C50"),
    pytest.param("<MPD/>", DamagedError, "no representation", id="empty"),
    pytest.param("<html><MPD/></html>", UnsupportedError, "html", id="not-an-mpd"),
    pytest.param("<MPD><Period>", DamagedError, "line 1", id="cut-off"),
    pytest.param('<!DOCTYPE MPD [<!ENTITY a "b">]><MPD/>', UnsupportedError, "DOCTYPE", id="doctype"),
    pytest.param(
        '<MPD xmlns:x="y"><Period x:href="https://h/p.xml"/></MPD>', UnsupportedError, "xlink", id="remote-period"
    ),
]


@pytest.mark.parametrize(("text", "error", "words"), REFUSED)
def test_what_is_no_title_is_refused_by_name(text: str, error: type[OfflinedlError], words: str) -> None:
    with pytest.raises(error, match=words):
        dash.parse(text.encode(), URL)


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
    with pytest.raises(UnsupportedError, match="2000000") as caught:
        video(addressing)
    assert caught.value.code == "too-large"


def test_a_title_without_any_length_is_damage_only_where_it_is_needed() -> None:
    template = '<SegmentTemplate media="$Number$" duration="2" {}/>'
    inside = '<Representation id="v">{}</Representation>'
    body = f'<Period><AdaptationSet mimeType="video/mp4">{inside}</AdaptationSet></Period>'
    assert len(mpd(body.format(template.format('endNumber="3"')), "").renditions[0].segments) == 3
    with pytest.raises(DamagedError, match="how long"):
        mpd(body.format(template.format("")), "")


def test_prefixes_on_every_element_change_nothing() -> None:
    text = (
        '<m:MPD xmlns:m="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT2S"><m:Period>'
        '<m:AdaptationSet id="two" group="x" mimeType="video/mp4"><m:Representation id="v" bandwidth="1e6" width="640">'
        "<m:BaseURL>v.mp4</m:BaseURL></m:Representation></m:AdaptationSet></m:Period></m:MPD>"
    )
    (only,) = dash.parse(text.encode("utf-16"), URL).renditions
    assert (only.width, only.bandwidth, files(only)) == (640, 0, ["v.mp4"])
