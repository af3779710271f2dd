"""Stories about HLS media playlists: what they list, and what they are refused for."""

from __future__ import annotations

import sys
from fractions import Fraction

import pytest

from offlinedl.errors import DamagedError, OfflinedlError, UnsupportedError
from offlinedl.manifest import hls
from offlinedl.manifest.limits import Limits
from offlinedl.model import Kind
from offlinedl.streams import ByteRange, Rendition, Resource
from tests.playlists import URL, media, rung, segment

WIDEVINE = "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"


def test_a_media_playlist_given_directly_is_one_rendition() -> None:
    """A37."""
    manifest = hls.parse(media(segment("a.ts", "6.006"), segment("b.ts", "4")), URL)
    (only,) = manifest.renditions
    assert (only.kind, only.container, only.index) == (Kind.VIDEO, "ts", None)
    assert [s.resource.url for s in only.segments] == ["https://media.test/film/a.ts", "https://media.test/film/b.ts"]
    assert [s.start for s in only.segments] == [0, Fraction(6006, 1000)]
    assert manifest.duration == Fraction(10006, 1000)


ADDRESSES = [
    pytest.param("a.ts", "https://media.test/film/a.ts", id="beside"),
    pytest.param("../a.ts", "https://media.test/a.ts", id="above"),
    pytest.param("/a.ts", "https://media.test/a.ts", id="from-the-root"),
    pytest.param("//cdn.test/a.ts", "https://cdn.test/a.ts", id="other-host"),
    pytest.param("http://cdn.test/x/../a.ts", "http://cdn.test/a.ts", id="absolute"),
    pytest.param("?seg=1", "https://media.test/film/index.m3u8?seg=1", id="query-only-keeps-the-file-name"),
    pytest.param("a.ts?b=c/d", "https://media.test/film/a.ts?b=c/d", id="query"),
    pytest.param("a/./b.ts", "https://media.test/film/a/b.ts", id="dot-segment"),
    pytest.param(".//a.ts", "https://media.test/film//a.ts", id="empty-segment-is-kept"),
    pytest.param("a b.ts#t=1", "https://media.test/film/a b.ts", id="no-fragment"),
    pytest.param("../../../a.ts", "https://media.test/a.ts", id="above-the-root"),
    pytest.param("b/..", "https://media.test/film/", id="ends-in-dots"),
    pytest.param("https:///a.ts", None, id="no-host"),
    pytest.param("https:a.ts", None, id="scheme-alone"),
    pytest.param("http://h:99999/a.ts", None, id="no-port"),
    pytest.param("a:b.ts", None, id="looks-like-a-scheme"),
    pytest.param("file:///etc/passwd", None, id="file"),
    pytest.param("ftp://h/a.ts", None, id="ftp"),
    pytest.param("http://[::1/a.ts", None, id="no-url"),
]


@pytest.mark.parametrize(("uri", "url"), ADDRESSES)
def test_only_http_and_https_leave_the_parser(uri: str, url: str | None) -> None:
    if url is None:
        with pytest.raises(OfflinedlError):
            rung(segment(uri))
    else:
        assert rung(segment(uri)).segments[0].resource.url == url


LINES = [
    pytest.param("#EXTINF:6,Foo\u2028Bar\na.ts", id="line-separator-in-a-title"),
    pytest.param("#EXTINF:6,Foo\x85Bar\x0b\x0c\na.ts", id="controls-in-a-title"),
    pytest.param("#EXTINF:6\r\na.ts\r", id="crlf-and-no-comma"),
    pytest.param("# a remark\n\n#EXTINF:6s,\n\na.ts", id="unit-after-the-number"),
    pytest.param('#EXTINF:6 tvg-id="x",t\na.ts', id="attributes-in-extinf"),
    pytest.param("#EXT-X-KEYS-NEW:x\n#EXT-X-VERSION:7.0\n#EXTINF:6,\na.ts", id="unknown-tag-with-a-known-beginning"),
    pytest.param("#EXT-X-PROGRAM-DATE-TIME:never\n#EXTINF:6,\na.ts", id="date-that-is-none"),
    pytest.param("#EXT-X-DISCONTINUITY-SEQUENCE:3\n#EXTINF:6,\na.ts", id="discontinuity-sequence-C44"),
]


@pytest.mark.parametrize("lines", LINES)
def test_oddities_of_the_text_lose_no_segment(lines: str) -> None:
    """C44, C49."""
    (only,) = rung(lines).segments
    assert (only.resource.url, float(only.duration)) == ("https://media.test/film/a.ts", 6.0)


REFUSED = [
    pytest.param(media(segment(), end=""), UnsupportedError, "live", id="live-C50"),
    pytest.param(media("#EXT-X-PLAYLIST-TYPE:EVENT", segment(), end=""), UnsupportedError, "live", id="event-C50"),
    pytest.param(media("#EXT-X-I-FRAMES-ONLY", segment()), UnsupportedError, "single pictures", id="i-frames-C50"),
    pytest.param(media("#EXT-X-SKIP:SKIPPED-SEGMENTS=3", segment()), UnsupportedError, "delta", id="delta-update"),
    pytest.param(media(segment(), "#EXTINF:6,", end=""), DamagedError, "middle of a segment", id="cut-off"),
    pytest.param(media(segment(), "b.ts"), DamagedError, "no EXTINF before", id="uri-without-extinf"),
    pytest.param(media("#EXTINF:long,", "a.ts"), DamagedError, "line 3: an EXTINF has no duration", id="no-duration"),
    pytest.param(media("#EXTINF:-1,", "a.ts"), DamagedError, "no duration", id="negative-duration"),
    pytest.param(
        media("#EXT-X-MEDIA-SEQUENCE:" + "9" * 5000, segment()), DamagedError, "not a number", id="huge-number"
    ),
    pytest.param(media(), DamagedError, "no segment", id="no-segment"),
    pytest.param(media("#EXT-X-GAP", segment()), DamagedError, "no segment", id="nothing-but-a-gap"),
    pytest.param(b"#EXTM3U\n#EXT-X-I-FRAME-STREAM-INF:URI=x\n", UnsupportedError, "single pictures", id="i-frame-list"),
    pytest.param(b"#EXTINF:6,\na.ts\n#EXT-X-ENDLIST", UnsupportedError, "#EXTM3U", id="no-first-line-C49"),
]


@pytest.mark.parametrize(("data", "error", "words"), REFUSED)
def test_what_is_no_title_is_refused_by_name(data: bytes, error: type[OfflinedlError], words: str) -> None:
    """C49, C50."""
    with pytest.raises(error, match=words) as caught:
        hls.parse(data, URL)
    assert caught.value.hint or error is UnsupportedError


LIMITED = [
    pytest.param(Limits(segments=1), "more segments than are read; the limit is 1", id="segments"),
    pytest.param(Limits(bytes=20), "bytes; the limit is 20", id="bytes"),
]


@pytest.mark.parametrize(("limits", "words"), LIMITED)
def test_limits_are_refused_by_name(limits: Limits, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words) as caught:
        hls.parse(media(segment(), segment()), URL, limits)
    assert caught.value.code == "too-large"


def test_a_key_is_not_mistaken_for_the_one_before() -> None:
    """C47: keys that differ by their IV alone are read in short; everything else counts too."""
    only = rung(
        KEY + ",IV=0x1", segment(), KEY + ",IV=0x2", segment(), KEY.replace("k", "l") + ",IV=0x3", segment(),
        KEY + ',IV=0x4,KEYFORMAT="identity"', segment(), KEY, segment(), KEY + ",IV=0x5,IV=0x6", segment(),
        KEY + ",IV=0x5,IV=0x6", segment(),
    )  # fmt: skip
    found = [(s.keys[0].uri[-1], int.from_bytes(s.keys[0].iv or b"")) for s in only.segments]
    assert found == [("k", 1), ("k", 2), ("l", 3), ("k", 4), ("k", 4), ("k", 5), ("k", 5)]


def test_vod_without_its_end_mark_is_a_title() -> None:
    data = media("#EXT-X-PLAYLIST-TYPE:VOD", segment(), end="")
    assert len(hls.parse(data, URL).renditions[0].segments) == 1


def test_empty_segments_of_the_base_are_kept() -> None:
    (only,) = hls.parse(media(segment("a.ts"), segment("../b.ts")), "https://media.test/x//y/p.m3u8").renditions
    assert [s.resource.url[18:] for s in only.segments] == ["/x//y/a.ts", "/x//b.ts"]


def ranges(rendition: Rendition) -> list[tuple[int, int] | None]:
    return [(s.resource.range.first, s.resource.range.last) if s.resource.range else None for s in rendition.segments]


def test_a_range_without_an_offset_follows_the_one_before() -> None:
    """C8."""
    lines = ["#EXT-X-BYTERANGE:10@100", segment(), "#EXT-X-BYTERANGE:5", segment(), segment("b.ts")]
    assert ranges(rung(*lines)) == [(100, 109), (110, 114), None]


def test_a_gap_still_counts_for_the_range_after_it() -> None:
    lines = ["#EXT-X-BYTERANGE:10@0", "#EXT-X-GAP", segment(), "#EXT-X-BYTERANGE:5", segment()]
    assert ranges(rung(*lines)) == [(10, 14)]


RANGES = [
    pytest.param(["#EXT-X-BYTERANGE:5", segment()], "no offset", id="first-C9"),
    pytest.param(
        ["#EXT-X-BYTERANGE:5@0", segment(), "#EXT-X-BYTERANGE:5", segment("b.ts")], "no offset", id="other-uri-C9"
    ),
    pytest.param([segment(), "#EXT-X-BYTERANGE:5", segment()], "no offset", id="after-a-whole-file"),
    pytest.param(["#EXT-X-BYTERANGE:0@5", segment()], "no length", id="no-length"),
    pytest.param(["#EXT-X-BYTERANGE:5@", segment()], "not of the form", id="half-an-offset"),
]


@pytest.mark.parametrize(("lines", "words"), RANGES)
def test_a_range_that_begins_nowhere_is_an_error(lines: list[str], words: str) -> None:
    """C9."""
    with pytest.raises(DamagedError, match=words):
        rung(*lines)


def test_inits_change_repeat_and_keep_their_numbers() -> None:
    """C43: a new MAP at a discontinuity, the old one again, and one with a byte range."""
    lines = [
        '#EXT-X-MAP:URI="i.mp4"',
        segment("a.m4s"),
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="j.mp4",BYTERANGE="9@3"',
    ]
    lines += [segment("b.m4s"), '#EXT-X-MAP:URI="i.mp4"', segment("c.m4s")]
    only = rung(*lines)
    assert [s.init for s in only.segments] == [0, 1, 0]
    assert [i.resource for i in only.inits] == [
        Resource(url="https://media.test/film/i.mp4"),
        Resource(url="https://media.test/film/j.mp4", range=ByteRange(first=3, last=11)),
    ]
    assert only.container == "mp4"


def test_a_gap_is_recorded_and_not_fetched() -> None:
    """C46: the number and the time of the segments after it stay theirs."""
    only = rung(segment("a.ts"), "#EXT-X-GAP", segment("b.ts"), segment("c.ts"))
    assert [(s.number, int(s.start)) for s in only.segments] == [(0, 0), (2, 12)]
    assert only.gaps == (1,)


def test_a_clock_that_does_not_go_on_is_recorded() -> None:
    """Before the first segment there is nothing to go on from; what a gap hides comes with the segment after it."""
    broken = "#EXT-X-DISCONTINUITY"
    only = rung(broken, segment(), broken, segment(), segment(), broken, "#EXT-X-GAP", segment(), segment(), segment())
    assert [(s.number, s.breaks) for s in only.segments] == [
        (0, False), (1, True), (2, False), (4, True), (5, False),
    ]  # fmt: skip


KEY = '#EXT-X-KEY:METHOD=AES-128,URI="k"'


def test_an_iv_that_is_not_stated_is_the_original_media_sequence_number() -> None:
    """C5."""
    only = rung("#EXT-X-MEDIA-SEQUENCE:100", KEY, segment(), "#EXT-X-GAP", segment(), segment())
    assert [int.from_bytes(s.keys[0].iv or b"") for s in only.segments] == [100, 102]


def test_a_stated_iv_is_kept_and_short_ones_are_filled_up() -> None:
    only = rung(KEY + ",IV=0x0102", segment(), KEY + ",IV=0X" + "f" * 32, segment())
    assert [s.keys[0].iv for s in only.segments] == [bytes(14) + b"\1\2", b"\xff" * 16]


KEY_DAMAGE = [
    pytest.param('#EXT-X-KEY:URI="k"', "METHOD", id="no-method"),
    pytest.param("#EXT-X-KEY:METHOD=AES-128", "no URI", id="no-uri"),
    pytest.param(KEY + ",IV=0xZZ", "IV", id="iv-of-letters"),
    pytest.param(KEY + ",IV=0x" + "0" * 33, "IV", id="iv-too-long"),
    pytest.param('#EXT-X-KEY:METHOD=AES-128,URI="file:///k"', "file", id="key-in-a-file"),
]


@pytest.mark.parametrize(("line", "words"), KEY_DAMAGE)
def test_a_key_that_cannot_be_asked_for_is_an_error(line: str, words: str) -> None:
    with pytest.raises(OfflinedlError, match=words):
        rung(line, segment())


def test_keys_of_several_systems_hold_side_by_side_until_none() -> None:
    """C47: two EXT-X-KEY with different KEYFORMAT on one segment; METHOD=NONE in the middle."""
    box = "AAAAIHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAAAA="
    only = rung(
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://one",KEYFORMAT="com.apple.streamingkeydelivery"',
        f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:text/plain;base64,{box}",KEYFORMAT="{WIDEVINE}",KEYID=0x{"ab" * 16}',
        segment(),
        "#EXT-X-KEY:METHOD=NONE",
        segment(),
    )
    assert [[key.uri[:5] for key in s.keys] for s in only.segments] == [["skd:/", "data:"], []]
    fairplay, widevine = only.protections
    assert fairplay.system == "94ce86fb-07ff-4f43-adb8-93d2fa968ca2"
    assert (widevine.system, widevine.scheme, widevine.kids) == (WIDEVINE[9:], "cbcs", (b"\xab" * 16,))
    assert (widevine.init_data or b"")[4:8] == b"pssh"


def test_playready_objects_are_put_into_a_box() -> None:
    line = '#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="data:text/plain;base64,AQID",KEYFORMAT="com.microsoft.playready"'
    (protection,) = rung(line, segment()).protections
    assert (protection.scheme, (protection.init_data or b"")[-3:]) == ("cenc", b"\1\2\3")


def test_an_init_segment_is_encrypted_by_the_keys_before_it_only() -> None:
    """C6, C7: a clear MAP before its key, and a MAP under another key than its media."""
    clear = rung('#EXT-X-MAP:URI="i.mp4"', KEY, segment("a.m4s"))
    assert (clear.inits[0].keys, len(clear.segments[0].keys)) == ((), 1)
    other = rung(KEY + ",IV=0x1", '#EXT-X-MAP:URI="i.mp4"', '#EXT-X-KEY:METHOD=AES-128,URI="l"', segment("a.m4s"))
    assert other.inits[0].keys[0].uri != other.segments[0].keys[0].uri
    with pytest.raises(DamagedError, match="no IV"):
        rung(KEY, '#EXT-X-MAP:URI="i.mp4"', segment("a.m4s"))


def test_a_key_after_extinf_is_the_key_of_that_segment() -> None:
    only = rung("#EXTINF:6,", KEY, "a.ts")
    assert len(only.segments[0].keys) == 1


def test_thousands_of_keys_take_linear_work() -> None:
    """C47: a new key for every segment. Calls are counted, not seconds: those depend on the machine."""

    def calls(count: int) -> int:
        lines = [f'#EXT-X-KEY:METHOD=AES-128,URI="k{n}",IV=0x{n:x}\n#EXTINF:6,\n{n}.ts' for n in range(count)]
        data = media(*lines)
        made = 0

        def counted(*_: object) -> None:
            nonlocal made
            made += 1

        sys.setprofile(counted)
        try:
            segments = hls.parse(data, URL).renditions[0].segments
        finally:
            sys.setprofile(None)
        assert len({s.keys for s in segments}) == count
        return made

    assert calls(2000) < 9 * calls(250)  # quadratic would be 64


def test_variables_are_replaced_wherever_they_may_stand() -> None:
    """A39, C45: several variables, in segment URLs, key URIs and byte ranges of the query."""
    only = rung(
        '#EXT-X-DEFINE:NAME="host",VALUE="https://cdn.test"',
        '#EXT-X-DEFINE:NAME="dir",VALUE="a-b_C"',
        '#EXT-X-DEFINE:QUERYPARAM="sig"',
        '#EXT-X-KEY:METHOD=AES-128,URI="{$host}/k?s={$sig}"',
        segment("{$host}/{$dir}/a.ts?s={$sig}"),
    )
    assert only.segments[0].resource.url == "https://cdn.test/a-b_C/a.ts?s=1"
    assert only.segments[0].keys[0].uri == "https://cdn.test/k?s=1"


VARIABLES = [
    pytest.param([segment("{$x}.ts")], "uses the variable x", id="undefined"),
    pytest.param(
        [segment("{$x}.ts"), '#EXT-X-DEFINE:NAME="x",VALUE="1"'], "uses the variable x", id="defined-too-late"
    ),
    pytest.param(['#EXT-X-DEFINE:IMPORT="x"', segment()], "imports the variable x", id="nothing-to-import-from"),
    pytest.param(['#EXT-X-DEFINE:QUERYPARAM="x"', segment()], "takes the variable x", id="no-such-parameter"),
    pytest.param(['#EXT-X-DEFINE:NAME="x",VALUE="1"'] * 2 + [segment()], "variable x twice", id="twice"),
    pytest.param(["#EXT-X-DEFINE:FOO=1", segment()], "without a name", id="nameless"),
]


@pytest.mark.parametrize(("lines", "words"), VARIABLES)
def test_a_variable_without_a_value_is_an_error(lines: list[str], words: str) -> None:
    """C45."""
    with pytest.raises(DamagedError, match=words):
        rung(*lines)


def test_variables_that_build_on_each_other_do_not_blow_up() -> None:
    lines = ['#EXT-X-DEFINE:NAME="v0",VALUE="xxxxxxxxxxxxxxxx"']
    lines += [f'#EXT-X-DEFINE:NAME="v{n + 1}",VALUE="{{$v{n}}}{{$v{n}}}"' for n in range(60)]
    with pytest.raises(UnsupportedError, match="attribute lists has") as caught:
        rung(*lines, segment())
    assert caught.value.code == "too-large"
    with pytest.raises(UnsupportedError, match="variables add more") as caught:
        rung(*lines[:15], *[segment("{$v14}")] * 300)
    assert caught.value.code == "too-large"
