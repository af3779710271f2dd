"""Manifests bent, cut and mixed: whatever comes, the answer is a manifest or an error that says why."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offlinedl.errors import OfflinedlError
from offlinedl.manifest import dash, detect, hls, xml

URL = "https://media.test/a/title?sig=1"

MULTIVARIANT = """#EXTM3U
#EXT-X-DEFINE:NAME="p",VALUE="v"
#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="skd://k",KEYFORMAT="com.apple.streamingkeydelivery"
#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=1280x720,CODECS="avc1.4d401f,mp4a.40.2",AUDIO="a",SUBTITLES="s"
{$p}/720.m3u8
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="E",LANGUAGE="en",DEFAULT=YES,URI="en.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="E",LANGUAGE="en",FORCED=YES,URI="s.m3u8"
"""
MEDIA = """#EXTM3U
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="i.mp4",BYTERANGE="100@0"
#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x00000000000000000000000000000001
#EXT-X-BYTERANGE:50@100
#EXTINF:6.006,title
a.mp4
#EXT-X-BYTERANGE:50
#EXTINF:6,
a.mp4
#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="data:;base64,AAAA",KEYFORMAT="com.microsoft.playready",KEYID=0x01
#EXT-X-GAP
#EXTINF:4,
b.mp4
#EXT-X-ENDLIST
"""
TEMPLATE = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013"
 type="static" mediaPresentationDuration="PT10S">
<BaseURL>https://cdn.test/x/</BaseURL><Period id="1" duration="PT4.5S"><AdaptationSet mimeType="video/mp4" lang="en">
<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc"
 cenc:default_KID="0a0b0c0d-0000-4000-8000-00000000000f"/>
<ContentProtection schemeIdUri="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed">
<cenc:pssh>AAAA</cenc:pssh></ContentProtection>
<SegmentTemplate timescale="90000" media="$RepresentationID$/$Time%05d$.m4s" initialization="$RepresentationID$.mp4">
<SegmentTimeline><S t="0" d="180000" r="-1"/><S t="540000" d="90000"/></SegmentTimeline></SegmentTemplate>
<Representation id="v" bandwidth="1000000" width="1280" height="720" codecs="avc1.4d401f"/></AdaptationSet></Period>
<Period id="2"><AdaptationSet mimeType="video/mp4"><Representation id="w" bandwidth="9" codecs="avc1.4d401f">
<SegmentTemplate timescale="3" duration="7" startNumber="4" media="$Number$$$.m4s"/></Representation>
</AdaptationSet></Period></MPD>
"""
LISTS = """<MPD mediaPresentationDuration="P0DT10S"><Period><AdaptationSet contentType="audio"><Role value="main"/>
<Representation id="a"><BaseURL>a.mp4</BaseURL><SegmentList duration="4"><Initialization range="0-99"/>
<SegmentURL mediaRange="100-199"/><SegmentURL mediaRange="200-299"/></SegmentList></Representation>
<Representation id="b"><BaseURL>b.mp4</BaseURL><SegmentBase indexRange="100-199"/></Representation></AdaptationSet>
<AdaptationSet mimeType="text/vtt" lang="de"><Representation id="t"><BaseURL>t.vtt</BaseURL>
</Representation></AdaptationSet>
</Period></MPD>
"""
SMOOTH = """<?xml version="1.0"?>
<SmoothStreamingMedia MajorVersion="2" MinorVersion="0" TimeScale="10000000" Duration="35000000">
<Protection><ProtectionHeader SystemID="{9A04F079-9840-4286-AB92-E65BE0885F95}">DgAAAAEAAQAEAFcAUgA=</ProtectionHeader>
</Protection><StreamIndex Type="video" Name="video" Url="Q({bitrate},{CustomAttributes})/F(video={start time})">
<QualityLevel Index="0" Bitrate="500000" FourCC="AVC1" CodecPrivateData="000000016742C00CDB0000000168CA" MaxWidth="640">
<CustomAttributes><Attribute Name="a" Value="b"/></CustomAttributes></QualityLevel><c t="0" d="20000000" r="2"/>
<c d="5"/></StreamIndex><StreamIndex Type="audio" TimeScale="48000" Language="en" Url="{bitrate}/{start_time}">
<QualityLevel Bitrate="64000" FourCC="AACL" SamplingRate="48000" Channels="2"/><c t="0"/><c t="96000"/></StreamIndex>
<StreamIndex Type="text" Subtype="CAPT" Url="t/{start time}"><QualityLevel Bitrate="0" FourCC="TTML"/><c d="35000000"/>
</StreamIndex></SmoothStreamingMedia>
"""
WHOLE = [text.encode() for text in (MULTIVARIANT, MEDIA, TEMPLATE, LISTS, SMOOTH)]

# What has hurt readers of manifests: other numbers, quotes, breaks, schemes, variables, references.
PIECES = [
    b'"',
    b"<",
    b">",
    b"=",
    b",",
    b"\n",
    b"\r",
    b"$",
    b"%",
    b"0",
    b"-1",
    b"9" * 20,
    b"9" * 5000,
    b"1e9",
    b"nan",
    b"[",
    b"://",
]
PIECES += [
    b"http://[",
    b"\xff",
    b"\0",
    b"\x1f",
    b"&#x0;",
    b"&lt;",
    b"{$",
    b"{$p}",
    b"@",
    b'r="-1"',
    b'd="0"',
    b"PT1S",
    b"%0999d",
]
PIECES += [
    "\u2028".encode(),
    "\u0663".encode(),
    "\u00b2".encode(),
    b"#EXT-X-ENDLIST\n",
    b"data:,",
    b"file:///x",
    b"xmlns:",
    b"<!DOCTYPE MPD>",
]

places = st.floats(0, 1, exclude_max=True)
edits = st.lists(
    st.tuples(st.sampled_from(["insert", "replace", "cut", "drop", "repeat"]), places, places, st.sampled_from(PIECES)),
    max_size=6,
)


def bent(data: bytes, changes: list[tuple[str, float, float, bytes]]) -> bytes:
    """`data` after these changes, each at a place given as a share of its length."""
    for what, place, other, piece in changes:
        at, to = int(place * len(data)), int(other * len(data))
        if what == "insert":
            data = data[:at] + piece + data[at:]
        elif what == "replace":
            data = data[:at] + piece + data[at + len(piece) :]
        elif what == "cut":
            data = data[:at]
        elif what == "drop":
            data = data[:at] + data[at + 1 + to % 40 :]
        else:
            data = data[:at] + data[to : to + 120] + data[at:]
    return data


def read(data: bytes) -> None:
    """Reads `data` as whatever it is; fails on any exception that is not one of ours."""
    try:
        form = detect(data, URL)
        manifest = form.parse(data, URL)
    except OfflinedlError as error:
        assert type(error) is not OfflinedlError, error.message  # noqa: PT017 - an error is as good as a manifest here
        return
    assert manifest.renditions
    for rendition in manifest.renditions:
        assert rendition.segments or rendition.index
        assert all(s.resource.url.startswith(("http://", "https://")) for s in (*rendition.inits, *rendition.segments))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(WHOLE), edits)
def test_bent_manifests_give_a_manifest_or_a_reason(
    data: bytes, changes: list[tuple[str, float, float, bytes]]
) -> None:
    read(bent(data, changes))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"#EXTM3U\n", b"<MPD>", b"<MPD", b"\xff\xfe<\0M\0P\0D\0"]))
def test_noise_gives_a_reason(noise: bytes, head: bytes) -> None:
    read(head + noise)


@pytest.mark.parametrize("data", WHOLE, ids=["multivariant", "media", "template", "lists", "smooth"])
def test_cut_at_every_byte_gives_a_manifest_or_a_reason(data: bytes) -> None:
    for length in range(len(data)):
        read(data[:length])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.sampled_from(WHOLE), edits)
def test_noise_for_an_index_gives_segments_or_a_reason(
    index: bytes, changes: list[tuple[str, float, float, bytes]]
) -> None:
    for form, data in ((hls, WHOLE[0]), (dash, WHOLE[3])):
        rendition = next(r for r in form.parse(data, URL).renditions if r.index)
        try:
            assert form.expand(rendition, bent(index, changes), URL).segments
        except OfflinedlError as error:
            assert type(error) is not OfflinedlError  # noqa: PT017 - as above


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_xml_never_fails_in_another_way(data: bytes) -> None:
    for text in (data, b"<a>" + data + b"</a>"):
        try:
            xml.parse(text)
        except OfflinedlError as error:
            assert error.message  # noqa: PT017 - as above
