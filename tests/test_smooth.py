"""Stories about Smooth Streaming manifests: fragments, tracks, protection, and a title from a small server."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from offlinedl.demo import origin as demo
from offlinedl.errors import DamagedError, OfflinedlError, UnsupportedError
from offlinedl.manifest import smooth
from offlinedl.model import Kind, Setup
from offlinedl.streams import Manifest, Rendition
from tests.boxes import box, full_box, numbers
from tests.conftest import Offlinedl
from tests.test_playready import KID, TEXT, header, pro

URL = "https://media.test/film.ism/Manifest?token=1"
SPS = "000000016742C00CDB06077E5C05A80000000168CA8DC8"
C = '<c t="0" d="20000000"/><c d="15000000"/>'
VIDEO = (
    f'<QualityLevel Index="0" Bitrate="500000" FourCC="AVC1" CodecPrivateData="{SPS}" MaxWidth="640" MaxHeight="360"/>'
)
SYSTEM = "9a04f079-9840-4286-ab92-e65be0885f95"


def media(inside: str, attributes: str = 'Duration="35000000"') -> Manifest:
    text = f'<SmoothStreamingMedia MajorVersion="2" MinorVersion="0" {attributes}>{inside}</SmoothStreamingMedia>'
    return smooth.parse(text.encode(), URL)


def stream(levels: str = VIDEO, fragments: str = C, attributes: str = 'Type="video" Name="video"') -> str:
    url = "" if "Url=" in attributes else 'Url="QualityLevels({bitrate})/Fragments(video={start time})"'
    return f"<StreamIndex {attributes} {url}>{levels}{fragments}</StreamIndex>"


def only(inside: str, attributes: str = 'Duration="35000000"') -> Rendition:
    (rendition,) = media(inside, attributes).renditions
    return rendition


def audio(attributes: str) -> Rendition:
    return only(stream(f"<QualityLevel {attributes}/>", attributes='Type="audio" Name="a"'))


def test_a_track_is_a_rendition_with_its_fragments() -> None:
    found = media(stream(attributes='Type="video" Name="video" Language="de"'))
    (video,) = found.renditions
    assert (found.format, found.duration) == ("smooth", Fraction(7, 2))
    assert (video.id, video.kind, video.container, video.bandwidth) == ("video=500000", Kind.VIDEO, "mp4", 500_000)
    assert (video.width, video.height, video.codecs, video.language) == (640, 360, "avc1.42c00c", "de")
    assert [s.resource.url for s in video.segments] == [
        "https://media.test/film.ism/QualityLevels(500000)/Fragments(video=0)",
        "https://media.test/film.ism/QualityLevels(500000)/Fragments(video=20000000)",
    ]
    assert [(s.number, float(s.start), float(s.duration)) for s in video.segments] == [(0, 0, 2), (1, 2, 1.5)]
    assert video.inits == ()
    assert all(segment.init is None for segment in video.segments)


TIMES = [
    pytest.param('<c d="10"/><c d="20"/>', [(0, 10), (10, 20)], id="durations"),
    pytest.param('<c t="5" d="10"/><c d="20"/>', [(5, 10), (15, 20)], id="durations-from-a-time"),
    pytest.param('<c t="0"/><c t="10"/>', [(0, 10), (10, 25)], id="times-the-last-to-the-end-C51"),
    pytest.param('<c t="0"/><c t="10" d="3"/>', [(0, 10), (10, 3)], id="times-the-last-stated-C51"),
    pytest.param('<c d="10" r="3"/>', [(0, 10), (10, 10), (20, 10)], id="r-counts-the-first-too-C51"),
    pytest.param('<c d="5" r="2"/><c d="7"/>', [(0, 5), (5, 5), (10, 7)], id="after-a-repetition-C51"),
    pytest.param('<c d="5" r="1"/><c d="5" r="0"/>', [(0, 5), (5, 5)], id="r-of-one-and-none-C51"),
    pytest.param('<c t="0" d="5"/><c t="9" d="5"/>', [(0, 5), (9, 5)], id="a-gap"),
    pytest.param('<c n="0" d="5"><f i="0" s="1"/></c><c n="1" d="5"/>', [(0, 5), (5, 5)], id="numbers-and-track-data"),
    pytest.param("<c/>", [(0, 35)], id="neither"),
]


@pytest.mark.parametrize(("fragments", "expected"), TIMES)
def test_fragments_follow_each_other(fragments: str, expected: list[tuple[int, int]]) -> None:
    """C51: r is how many there are in all; a duration that is missing lasts to the next fragment, or to the end."""
    found = only(stream(fragments=fragments), 'TimeScale="10" Duration="35"')
    assert [(int(s.start * 10), int(s.duration * 10)) for s in found.segments] == expected
    assert [s.resource.url.rpartition("=")[2] for s in found.segments] == [f"{start})" for start, _ in expected]


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 20)), min_size=1, max_size=20))
def test_runs_of_fragments_have_no_gap(runs: list[tuple[int, int]]) -> None:
    fragments = "".join(f'<c d="{length}" r="{count}"/>' for length, count in runs)
    found = only(stream(fragments=fragments)).segments
    assert len(found) == sum(count for _, count in runs)
    assert all(a.start + a.duration == b.start for a, b in pairwise(found))


BAD_FRAGMENTS = [
    pytest.param('<c t="0"/><c d="5"/><c/><c/>', "when it begins", id="no-begin"),
    pytest.param('<c t="0" r="2"/>', "without a duration", id="repeated-without-duration"),
    pytest.param('<c d="-5"/>', "not a number", id="negative"),
    pytest.param('<c t="x"/>', "not a number", id="no-number"),
]


@pytest.mark.parametrize(("fragments", "words"), BAD_FRAGMENTS)
def test_a_time_that_cannot_be_known_is_named(fragments: str, words: str) -> None:
    with pytest.raises(DamagedError, match=words):
        media(stream(fragments=fragments))


def test_more_fragments_than_a_title_has_are_refused() -> None:
    with pytest.raises(UnsupportedError) as caught:
        media(stream(fragments='<c d="1" r="99999999999"/>'))
    assert caught.value.code == "too-large"


def test_a_stream_has_a_clock_of_its_own() -> None:
    slow = stream(fragments='<c d="96000"/><c/>', attributes='Type="video" TimeScale="48000"')
    found = only(slow, 'TimeScale="1000" Duration="4500"')
    assert [s.duration for s in found.segments] == [2, Fraction(5, 2)]
    assert found.setup
    assert found.setup.timescale == 48000


PATTERNS = [
    pytest.param("Q({bitrate})/F(v={start time})", "Q(500000)/F(v=0)", id="usual"),
    pytest.param("Q({Bitrate})/F(v={start_time})", "Q(500000)/F(v=0)", id="other-spelling-C51"),
    pytest.param("Q({bitrate},{CustomAttributes})/F(v={start time})", "Q(500000)/F(v=0)", id="no-attributes"),
    pytest.param("{bitrate}/{start time}.m4s?a={bitrate}", "500000/0.m4s?a=500000", id="twice"),
    pytest.param("https://cdn.test/{bitrate}/{start time}", "https://cdn.test/500000/0", id="absolute"),
]


@pytest.mark.parametrize(("pattern", "address"), PATTERNS)
def test_placeholders_are_filled_in(pattern: str, address: str) -> None:
    """C51."""
    found = only(stream(attributes=f'Type="video" Url="{pattern}"'))
    expected = address if "://" in address else f"https://media.test/film.ism/{address}"
    assert found.segments[0].resource.url == expected


def test_custom_attributes_are_part_of_the_address() -> None:
    custom = '<CustomAttributes><Attribute Name="kind" Value="a b"/><Attribute Name="x" Value="1"/></CustomAttributes>'
    level = f'<QualityLevel Bitrate="5" FourCC="WVC1">{custom}</QualityLevel>'
    url = 'Type="video" Url="Q({bitrate},{CustomAttributes})/F({start time})"'
    found = only(stream(level, attributes=url))
    assert found.segments[0].resource.url == "https://media.test/film.ism/Q(5,kind=a%20b,x=1)/F(0)"
    assert found.codecs == "wvc1"


CODECS = [
    pytest.param('FourCC="AACL" CodecPrivateData="1190"', "mp4a.40.2", "1190", id="aac"),
    pytest.param('FourCC="AACH" CodecPrivateData="2B8A0800"', "mp4a.40.5", "2b8a0800", id="he-aac"),
    pytest.param('FourCC="AACH" CodecPrivateData="1310"', "mp4a.40.5", "1310", id="he-aac-implied"),
    pytest.param('FourCC="AACL" SamplingRate="48000" Channels="2"', "mp4a.40.2", "1190", id="aac-made-up"),
    pytest.param('FourCC="AACL" SamplingRate="44100" Channels="6"', "mp4a.40.2", "1230", id="aac-made-up-5.1"),
    pytest.param('FourCC="AACH" SamplingRate="24000" Channels="2"', "mp4a.40.5", "2b118800", id="he-aac-made-up"),
    pytest.param('SamplingRate="48000" Channels="2"', "mp4a.40.2", "1190", id="no-fourcc-is-aac"),
    pytest.param('FourCC="EC-3" CodecPrivateData="00063F"', "ec-3", "00063f", id="ec-3-C51"),
    pytest.param('FourCC="dac3"', "ac-3", "", id="ac-3"),
    pytest.param('FourCC="WMAP" CodecPrivateData="xyz"', "wmap", "", id="another-as-it-stands"),
]


@pytest.mark.parametrize(("attributes", "codecs", "private"), CODECS)
def test_sound_has_the_codecs_of_rfc_6381(attributes: str, codecs: str, private: str) -> None:
    found = audio(attributes)
    assert (found.kind, found.codecs) == (Kind.AUDIO, codecs)
    assert found.setup
    assert found.setup.private.hex() == private


def test_what_an_init_segment_is_made_from_is_kept() -> None:
    level = VIDEO.replace("FourCC", 'NALUnitLengthField="2" FourCC')
    assert only(stream(level)).setup == Setup(
        fourcc="AVC1", timescale=10_000_000, private=bytes.fromhex(SPS), nal_length=2
    )
    sound = audio('FourCC="AACL" CodecPrivateData="1190" SamplingRate="48000" Channels="2"').setup
    assert sound == Setup(
        fourcc="AACL", timescale=10_000_000, private=bytes.fromhex("1190"), sampling_rate=48000, channels=2
    )


def test_pictures_without_a_fourcc_are_known_by_their_parameter_sets() -> None:
    old = f'<QualityLevel Bitrate="5" CodecPrivateData="{SPS}" Width="640" Height="352"/>'
    found = only(stream(old))
    assert (found.codecs, found.width, found.height) == ("avc1.42c00c", 640, 352)
    assert found.setup
    assert found.setup.fourcc == "H264"


@pytest.mark.parametrize("fourcc", ["TTML", "DFXP"])
def test_subtitles_are_ttml_in_fragments(fourcc: str) -> None:
    text = stream(f'<QualityLevel Bitrate="0" FourCC="{fourcc}"/>', attributes='Type="text" Subtype="CAPT" Name="t"')
    found = only(text)
    assert (found.kind, found.codecs, found.container, found.roles) == (Kind.SUBTITLES, "stpp", "mp4", ("caption",))


LEFT_OUT = [
    pytest.param('Type="text" Subtype="SCMD"', '<QualityLevel Bitrate="0"/>', "SCMD", id="script-commands"),
    pytest.param('Type="text" Subtype="DATA"', '<QualityLevel FourCC=""/>', "DATA", id="sparse-data"),
    pytest.param('Type="text" Subtype="CTRL" ManifestOutput="TRUE"', "<QualityLevel/>", "CTRL", id="control"),
    pytest.param('Type="text" Subtype="CAPT" ManifestOutput="TRUE"', "<QualityLevel/>", "itself", id="in-the-manifest"),
    pytest.param('Type="video" Subtype="ZOET" FourCC="JPEG"', "<QualityLevel/>", "seeking", id="thumbnails"),
    pytest.param('Type="binary"', "<QualityLevel/>", "neither", id="unknown"),
    pytest.param('Type="video" Url=""', "<QualityLevel/>", "no Url", id="no-address"),
]


@pytest.mark.parametrize(("attributes", "level", "words"), LEFT_OUT)
def test_what_is_no_track_of_a_film_is_left_out(attributes: str, level: str, words: str) -> None:
    extra = stream(level, attributes=attributes)
    assert [r.kind for r in media(extra + stream()).renditions] == [Kind.VIDEO]
    with pytest.raises(UnsupportedError, match=words):
        media(extra)


def test_tracks_of_one_rate_have_ids_of_their_own() -> None:
    assert [r.id for r in media(stream(VIDEO + VIDEO)).renditions] == ["video=500000", "video=500000#2"]


REFUSED = [
    pytest.param('IsLive="TRUE"', stream(), UnsupportedError, "live", id="live"),
    pytest.param('TimeScale="0"', stream(), DamagedError, "TimeScale", id="no-clock"),
    pytest.param("", "", DamagedError, "no stream", id="empty"),
    pytest.param("", stream(fragments=""), UnsupportedError, "no fragments", id="no-fragments"),
    pytest.param("", stream(attributes='Type="video" Url="file:///x"'), UnsupportedError, "only http", id="file"),
]


@pytest.mark.parametrize(("attributes", "inside", "error", "words"), REFUSED)
def test_what_is_no_title_is_refused_by_name(
    attributes: str, inside: str, error: type[OfflinedlError], words: str
) -> None:
    with pytest.raises(error, match=words):
        media(inside, attributes)


def test_a_broadcast_is_refused_with_its_code() -> None:
    with pytest.raises(UnsupportedError) as caught:
        media(stream(), 'IsLive="true"')
    assert caught.value.code == "live"


@pytest.mark.parametrize(
    "system",
    [SYSTEM, f"{{{SYSTEM.upper()}}}", "{9A04F079-9840-4286-AB92E65BE0885F95}"],
    ids=["plain", "braces", "typo"],
)
def test_protection_names_keys_and_who_licenses_them(system: str) -> None:
    text = header("4.0.0.0", f"<KID>{TEXT}</KID><LA_URL>https://l.test/rights</LA_URL>")
    data = base64.b64encode(pro(text)).decode()
    around = f'<Protection><ProtectionHeader SystemID="{system}">\n {data} \n</ProtectionHeader></Protection>'
    text_stream = stream('<QualityLevel FourCC="TTML"/>', attributes='Type="text" Subtype="SUBT"')
    video, subtitles = media(around + stream() + text_stream).renditions
    stated, playready = video.protections
    assert (stated.system, stated.scheme, stated.kids) == ("", "cenc", (KID,))
    assert (playready.system, playready.scheme, playready.kids) == (SYSTEM, "cenc", (KID,))
    assert playready.license_url == "https://l.test/rights"
    assert playready.init_data
    assert playready.init_data[4:8] == b"pssh"
    assert playready.init_data.endswith(pro(text))
    assert subtitles.protections == ()


@pytest.mark.parametrize("inside", ["", '<ProtectionHeader SystemID="x">!</ProtectionHeader>'])
def test_protection_that_cannot_be_read_is_still_protection(inside: str) -> None:
    found = only(f"<Protection>{inside}</Protection>" + stream())
    assert [(p.system, p.scheme, p.kids) for p in found.protections] == [("", "cenc", ())]


# a title


def fragment(text: str, *, more: bytes = b"") -> bytes:
    """A fragment as servers send them: no file type, and the time in a box of its own (section 2.2.4.4)."""
    tfxd = box("uuid", bytes.fromhex("6d1d9b0542d544e680e2141daff757b2"), bytes(20))
    traf = box("traf", full_box("tfhd", 0, numbers(1)), full_box("trun", 0, numbers(0)), more, tfxd)
    return box("moof", full_box("mfhd", 0, numbers(1)), traf) + box("mdat", text.encode() * 50)


FRAGMENTS = {
    f"/film.ism/QualityLevels({rate})/Fragments({name}={start})": fragment(f"{name} {rate} {start} ")
    for name, rate in (("video", 500000), ("video", 1500000), ("sound", 64000))
    for start in (0, 20000000)
}
FILM = (
    '<?xml version="1.0" encoding="utf-16"?>'
    '<SmoothStreamingMedia MajorVersion="2" MinorVersion="2" Duration="35000000">{}'
    + stream(VIDEO + VIDEO.replace("500000", "1500000").replace("360", "720"))
    + stream(
        '<QualityLevel Bitrate="64000" FourCC="AACL" CodecPrivateData="1190"/>',
        attributes='Type="audio" Name="sound" Url="QualityLevels({bitrate})/Fragments(sound={start time})"',
    )
    + "</SmoothStreamingMedia>"
)


@contextmanager
def serving(asked: list[str], protection: str = "", fragments: Mapping[str, bytes] = FRAGMENTS) -> Iterator[str]:
    """A server of one Smooth title; `asked` hears every path."""

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/film.ism/Manifest":
            return web.Response(body=FILM.replace("{}", protection, 1).encode("utf-16"), content_type="text/xml")
        return web.Response(body=fragments[request.path]) if request.path in fragments else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    with demo.in_thread(app) as url:
        yield url


def test_a_title_is_stored_as_its_server_has_it(offlinedl: Offlinedl) -> None:
    asked: list[str] = []
    with serving(asked) as url:
        [title] = offlinedl.ok("get", f"{url}/film.ism/Manifest", "--json").json
        assert (title["state"], title["name"], title["quality"]["height"]) == ("ready", "film", 720)
        stored = {
            file["source"].removeprefix(url): (Path(title["folder"]) / file["path"]).read_bytes()
            for track in title["tracks"]
            for file in track["files"]
        }
        assert stored == {path: body for path, body in FRAGMENTS.items() if "(500000)" not in path}
        first = dict.fromkeys(asked)
        assert len(first) == len(asked)

        gone = next(f for track in title["tracks"] for f in track["files"])
        (Path(title["folder"]) / gone["path"]).unlink()
        asked.clear()
        offlinedl.ok("get", f"{url}/film.ism/Manifest", "-q", "high")
        assert [path for path in asked if path != "/film.ism/Manifest"] == [gone["source"].removeprefix(url)]


def test_what_stands_in_for_init_segments_is_in_the_catalog(offlinedl: Offlinedl) -> None:
    from offlinedl.catalog import Catalog

    with serving([]) as url:
        offlinedl.ok("get", f"{url}/film.ism/Manifest")
    catalog = Catalog(offlinedl.home / "catalog.db")
    [entry] = catalog.entries()
    catalog.close()
    assert {t.setup.fourcc: t.setup.private for t in entry.tracks if t.setup} == {
        "AVC1": bytes.fromhex(SPS),
        "AACL": bytes.fromhex("1190"),
    }


@pytest.mark.parametrize("options", [[], ["--license-url", "http://127.0.0.1:9/license"]], ids=["playready", "named"])
def test_a_protected_title_is_refused_before_its_media(options: list[str], offlinedl: Offlinedl) -> None:
    """Also where a license server is named: without an init segment nothing proves that its license opens the media."""
    data = base64.b64encode(pro(header("4.0.0.0", f"<KID>{TEXT}</KID>"))).decode()
    asked: list[str] = []
    protection = f'<Protection><ProtectionHeader SystemID="{SYSTEM}">{data}</ProtectionHeader></Protection>'
    with serving(asked, protection) as url:
        result = offlinedl("get", f"{url}/film.ism/Manifest", *options)
    assert result.code == 9
    assert ("playready" if not options else "proven") in result.err.lower()
    assert asked == ["/film.ism/Manifest"]
    assert offlinedl.listed() == []


SENC = [
    pytest.param(full_box("senc", 0, numbers(0)), id="senc"),
    pytest.param(box("uuid", bytes.fromhex("a2394f525a9b4f14a2446c427c648df4"), bytes(8)), id="piff"),
]


@pytest.mark.parametrize("senc", SENC)
def test_fragments_that_are_encrypted_do_not_pass_for_clear(senc: bytes, offlinedl: Offlinedl) -> None:
    """B8: whatever the manifest leaves out, the first fragments tell, before the rest is fetched."""
    asked: list[str] = []
    with serving(asked, fragments={path: fragment("x", more=senc) for path in FRAGMENTS}) as url:
        result = offlinedl("get", f"{url}/film.ism/Manifest")
    assert result.code == 5
    assert "protected" in result.err
    assert sorted(path.rpartition("=")[2] for path in asked) == ["/film.ism/Manifest", "0)", "0)"]
