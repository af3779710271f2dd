"""Stories about multivariant HLS playlists: what they offer, and the license that they tell of."""

from __future__ import annotations

import pytest

from offlinedl.errors import DamagedError
from offlinedl.manifest import hls
from offlinedl.model import Kind
from offlinedl.streams import Resource
from tests.playlists import URL, media, segment, top, variant


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


def test_another_camera_has_the_size_of_its_group() -> None:
    """RFC 8216 section 4.3.4.1.1: EXT-X-MEDIA of type VIDEO."""
    _, angle = top(
        variant("main.m3u8", 'BANDWIDTH=9,RESOLUTION=640x360,VIDEO="low"'),
        '#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="low",NAME="Main",DEFAULT=YES,URI="main.m3u8"',
        '#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="low",NAME="Dugout",URI="dugout.m3u8"',
    )
    assert (angle.name, angle.height, angle.bandwidth, angle.roles) == ("Dugout", 360, 9, ("alternate",))


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


def test_variables_reach_the_address_of_a_child_playlist() -> None:
    """A39."""
    (video,) = top('#EXT-X-DEFINE:NAME="p",VALUE="x/y"', variant("{$p}/v.m3u8"))
    assert video.index == Resource(url="https://media.test/film/x/y/v.m3u8")
