"""Stories about HLS playlists: what they list, and what they are refused for."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest

from offlinedl.errors import DamagedError, OfflinedlError, UnsupportedError
from offlinedl.manifest import hls
from offlinedl.model import ByteRange, Kind, Rendition, Resource

URL = "https://media.test/film/index.m3u8?sig=1"
WIDEVINE = "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"


def media(*lines: str, end: str = "#EXT-X-ENDLIST") -> bytes:
    """A media playlist of these lines."""
    return "\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:6", *lines, end]).encode()


def rung(*lines: str, url: str = URL) -> Rendition:
    """The one rendition of a media playlist."""
    (rendition,) = hls.parse(media(*lines), url).renditions
    return rendition


def segment(uri: str = "a.ts", seconds: str = "6") -> str:
    return f"#EXTINF:{seconds},\n{uri}"


def top(*lines: str, url: str = URL) -> tuple[Rendition, ...]:
    """The renditions of a multivariant playlist."""
    return hls.parse("\n".join(["#EXTM3U", *lines]).encode(), url).renditions


def variant(uri: str = "v.m3u8", attributes: str = "BANDWIDTH=1000000,RESOLUTION=1280x720") -> str:
    return f"#EXT-X-STREAM-INF:{attributes}\n{uri}"


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
    pytest.param("http://cdn.test/x/../a.ts", "http://cdn.test/x/../a.ts", id="absolute-stays"),
    pytest.param("?seg=1", "https://media.test/film/index.m3u8?seg=1", id="query-only-keeps-the-file-name"),
    pytest.param("a.ts?b=c/d", "https://media.test/film/a.ts?b=c/d", id="query"),
    pytest.param("a/./b.ts", "https://media.test/film/a/b.ts", id="dot-segment"),
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
    pytest.param(media(segment(), "b.ts"), DamagedError, "URI without", id="uri-without-extinf"),
    pytest.param(media("#EXTINF:long,", "a.ts"), DamagedError, r"no duration \(line 3\)", id="no-duration"),
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


def test_vod_without_its_end_mark_is_a_title() -> None:
    data = media("#EXT-X-PLAYLIST-TYPE:VOD", segment(), end="")
    assert len(hls.parse(data, URL).renditions[0].segments) == 1


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


def test_thousands_of_keys_take_linear_time() -> None:
    """C47: a new key for every segment."""

    def took(count: int) -> float:
        lines = [f'#EXT-X-KEY:METHOD=AES-128,URI="k{n}",IV=0x{n:x}\n#EXTINF:6,\n{n}.ts' for n in range(count)]
        data = media(*lines)
        begin = time.perf_counter()
        assert len({s.keys for s in hls.parse(data, URL).renditions[0].segments}) == count
        return time.perf_counter() - begin

    assert took(8000) < 16 * took(1000)  # quadratic would be 64


def test_variants_and_their_groups_become_renditions() -> None:
    """C49: MEDIA after STREAM-INF, spaces in attribute lists, unknown attributes, an audio group without a URI."""
    found = top(
        variant(
            "v.m3u8",
            'BANDWIDTH=1000000, RESOLUTION=1280x720 ,CODECS="avc1.4d401f,mp4a.40.2",AUDIO="a",SUBTITLES="s",X=Y',
        ),
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Bob\'s",LANGUAGE="en",DEFAULT=YES,URI="en.m3u8"',
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="in the video",LANGUAGE="fr"',
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="E",LANGUAGE="en",FORCED=YES,URI="s.m3u8"',
        '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="C",INSTREAM-ID="CC1"',
    )
    video, audio, text = found
    assert (video.kind, video.width, video.height, video.bandwidth) == (Kind.VIDEO, 1280, 720, 1_000_000)
    assert (video.audio_group, video.subtitle_group) == ("a", "s")
    assert video.index == Resource(url="https://media.test/film/v.m3u8")
    assert (audio.kind, audio.name, audio.language, audio.default) == (Kind.AUDIO, "Bob's", "en", True)
    assert (audio.group, audio.codecs) == ("a", "mp4a.40.2")
    assert (text.kind, text.group, text.roles) == (Kind.SUBTITLES, "s", ("forced-subtitle",))


DESCRIBED = [
    pytest.param("public.accessibility.describes-video", ("description",), id="description"),
    pytest.param(
        "public.accessibility.transcribes-spoken-dialog,public.easy-to-read", ("caption", "easyreader"), id="two"
    ),
    pytest.param("com.example.unknown", (), id="unknown"),
]


@pytest.mark.parametrize(("marks", "roles"), DESCRIBED)
def test_characteristics_become_roles(marks: str, roles: tuple[str, ...]) -> None:
    line = f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",CHARACTERISTICS="{marks}",URI="x.m3u8"'
    assert top(variant(), line)[1].roles == roles


KINDS = [
    pytest.param('BANDWIDTH=64000,CODECS="mp4a.40.2"', Kind.AUDIO, id="audio-only"),
    pytest.param("BANDWIDTH=64000", Kind.VIDEO, id="no-codecs-C49"),
    pytest.param('BANDWIDTH=64000,CODECS="mp4a.40.2,avc1.4d401f"', Kind.VIDEO, id="both"),
    pytest.param('CODECS="mp4a.40.2",RESOLUTION=1920X1080|auto', Kind.VIDEO, id="odd-resolution"),
    pytest.param('BANDWIDTH="64000.5"', Kind.VIDEO, id="quoted-float-bandwidth"),
]


@pytest.mark.parametrize(("attributes", "kind"), KINDS)
def test_a_variant_is_what_its_codecs_say(attributes: str, kind: Kind) -> None:
    """C49."""
    assert top(variant(attributes=attributes))[0].kind is kind


def test_variants_that_share_a_uri_are_told_apart_by_their_groups() -> None:
    one = '#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO="a"'
    two = '#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO="b"'
    for lines in ([one, "v.m3u8", two, "v.m3u8"], [one, two, "v.m3u8"]):
        found = top(*lines)
        assert [r.audio_group for r in found] == ["a", "b"]
        assert len({r.id for r in found}) == 2
    assert len(top(one, "v.m3u8", one, "v.m3u8")) == 1


def test_variants_of_equal_height_have_ids_of_their_own() -> None:
    """C49."""
    found = top(variant("a.m3u8"), variant("b.m3u8"), variant("c.m3u8", "BANDWIDTH=2,RESOLUTION=2x720"))
    assert len({r.id for r in found}) == 3


def test_session_keys_tell_of_the_license_before_any_media_playlist() -> None:
    line = '#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="skd://k",KEYFORMAT="com.apple.streamingkeydelivery"'
    manifest = hls.parse(f"#EXTM3U\n{line}\n{variant()}".encode(), URL)
    assert [p.system for p in manifest.protections] == ["94ce86fb-07ff-4f43-adb8-93d2fa968ca2"]


def test_expand_reads_the_media_playlist_from_where_it_really_was() -> None:
    video = top(variant())[0]
    full = hls.expand(video, media('#EXT-X-MAP:URI="i.mp4"', segment("a.m4s")), "https://edge.test/x/v.m3u8")
    assert full.segments[0].resource.url == "https://edge.test/x/a.m4s"
    assert (full.index, full.container, full.id, full.height) == (None, "mp4", video.id, 720)


def test_subtitles_keep_their_kind_whatever_their_files_are_called() -> None:
    text = top(variant(), '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="E",URI="s.m3u8"')[1]
    assert hls.expand(text, media(segment("one")), URL).container == "vtt"


WRONG_INDEX = [
    pytest.param(b"<html></html>", id="page"),
    pytest.param(f"#EXTM3U\n{variant()}".encode(), id="multivariant-again"),
]


@pytest.mark.parametrize("data", WRONG_INDEX)
def test_a_wrong_answer_in_place_of_a_media_playlist_is_damage(data: bytes) -> None:
    with pytest.raises(DamagedError):
        hls.expand(top(variant())[0], data, URL)


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


def test_variables_reach_the_address_of_a_child_playlist() -> None:
    """A39."""
    (video,) = top('#EXT-X-DEFINE:NAME="p",VALUE="x/y"', variant("{$p}/v.m3u8"))
    assert video.index == Resource(url="https://media.test/film/x/y/v.m3u8")


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
