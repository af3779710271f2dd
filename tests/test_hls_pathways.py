"""Stories about HLS streams that are at several addresses, and about variables that media playlists import."""

from __future__ import annotations

import pytest

from offlinedl.errors import DamagedError
from offlinedl.manifest import hls
from offlinedl.streams import Rendition
from tests.playlists import media, segment, top, variant

FHD = "BANDWIDTH=2,RESOLUTION=1920x1080"
HD = "BANDWIDTH=1,RESOLUTION=1280x720"
A = "https://a.test/x/"
B = "https://b.test/y/"


def bases(renditions: tuple[Rendition, ...]) -> list[tuple[tuple[str, ...], ...]]:
    return [rendition.bases for rendition in renditions]


def test_the_same_variant_on_another_host_is_a_fallback_and_no_rung() -> None:
    """C32: RFC 8216 section 6.2.4."""
    found = top(
        variant(f"{A}hd.m3u8", HD), variant(f"{A}fhd.m3u8", FHD), variant(f"{B}hd.m3u8", HD), variant(f"{B}f.m3u8", FHD)
    )
    assert [r.height for r in found] == [720, 1080]
    assert bases(found) == [((f"{A}hd.m3u8", f"{B}hd.m3u8"),), ((f"{A}fhd.m3u8", f"{B}f.m3u8"),)]


SEGMENTS_BESIDE = [
    pytest.param(f"{A}hd.m3u8", ((A, B),), id="as-named"),
    pytest.param("https://edge.test/hd.m3u8?t=1", (("https://edge.test/", A, B),), id="redirected"),
    pytest.param(f"{B}hd.m3u8", ((B, A),), id="the-fallback-itself"),
]


@pytest.mark.parametrize(("url", "expected"), SEGMENTS_BESIDE)
def test_segments_lie_beside_their_playlist_wherever_that_is(url: str, expected: tuple[tuple[str, ...], ...]) -> None:
    (only,) = top(variant(f"{A}hd.m3u8", HD), variant(f"{B}hd.m3u8", HD))
    full = hls.expand(only, media(segment("a.ts")), url)
    assert full.bases == expected
    assert full.segments[0].resource.url == expected[0][0] + "a.ts"


def test_variants_of_one_host_are_never_the_same() -> None:
    """C49: two variants of equal attributes, and both again on a second host."""
    found = top(*(variant(f"{host}{name}.m3u8", HD) for host in (A, B) for name in ("one", "two")))
    assert bases(found) == [((f"{A}{name}.m3u8", f"{B}{name}.m3u8"),) for name in ("one", "two")]


def test_pathways_bring_groups_of_their_own() -> None:
    """rfc8216bis section 4.4.6.2: PATHWAY-ID; sounds of the second pathway stand for those of the first."""

    def sound(group: str, host: str, language: str) -> str:
        return f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{group}",NAME="n",LANGUAGE="{language}",URI="{host}{language}.m3u8"'

    found = top(
        "#EXT-X-CONTENT-STEERING:SERVER-URI=https://s.test",
        *(sound("b", B, language) for language in ("en", "fr", "de")),
        *(sound("a", A, language) for language in ("en", "fr")),
        variant(f"{A}v.m3u8", HD + ',PATHWAY-ID="A",AUDIO="a"'),
        variant(f"{B}v.m3u8", HD + ',PATHWAY-ID="B",AUDIO="b"'),
    )
    assert [(r.group, r.language) for r in found[1:]] == [("a", "en"), ("a", "fr"), ("b", "de")]
    assert bases(found) == [*(((f"{A}{n}.m3u8", f"{B}{n}.m3u8"),) for n in ("v", "en", "fr")), ()]


def test_a_playlist_imports_the_variables_of_the_one_above() -> None:
    """A39, C45: EXT-X-DEFINE:IMPORT, in a child playlist that is itself named by a variable."""
    (video,) = top('#EXT-X-DEFINE:NAME="p",VALUE="x/y"', '#EXT-X-DEFINE:QUERYPARAM="sig"', variant("{$p}/v.m3u8"))
    assert video.variables == (("p", "x/y"), ("sig", "1"))
    assert "x/y" not in repr(video).replace("x/y/v.m3u8", "")
    full = hls.expand(
        video, media('#EXT-X-DEFINE:IMPORT="sig"', segment("a.ts?s={$sig}")), "https://media.test/film/x/y/v.m3u8"
    )
    assert full.segments[0].resource.url == "https://media.test/film/x/y/a.ts?s=1"
    with pytest.raises(DamagedError, match="imports the variable other"):
        hls.expand(video, media('#EXT-X-DEFINE:IMPORT="other"', segment()), "https://media.test/v.m3u8")


def test_a_variable_of_the_query_is_that_of_the_address_after_redirects() -> None:
    """C45: rfc8216bis section 4.4.2.3."""
    (video,) = top(variant("v.m3u8?t=before"))
    data = media('#EXT-X-DEFINE:QUERYPARAM="t"', segment("{$t}.ts"))
    full = hls.expand(video, data, "https://edge.test/v.m3u8?t=after%2B1")
    assert full.segments[0].resource.url == "https://edge.test/after+1.ts"


def test_what_players_choose_by_is_kept() -> None:
    video, audio, text = top(
        variant(attributes=HD + ',FRAME-RATE=29.970,VIDEO-RANGE=PQ,SUPPLEMENTAL-CODECS="dvh1.08.07/db4h"'),
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="E",CHANNELS="16/JOC",AUTOSELECT=YES,URI="a.m3u8"',
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="E",FORCED=YES,DEFAULT=YES,URI="s.m3u8"',
    )
    assert (str(video.frame_rate), video.video_range) == ("2997/100", "PQ")
    assert video.supplemental_codecs == "dvh1.08.07/db4h"
    assert (audio.channels, audio.autoselect, audio.default, audio.forced) == ("16/JOC", True, False, False)
    assert (text.autoselect, text.default, text.forced) == (True, True, True)


MUXED = [
    pytest.param(['NAME="E",LANGUAGE="en",DEFAULT=YES', 'NAME="F",LANGUAGE="fr",URI="f.m3u8"'], "en", id="default"),
    pytest.param(['NAME="E"', 'NAME="F",LANGUAGE="fr",DEFAULT=YES,URI="f.m3u8"'], "", id="not-said"),
    pytest.param(['NAME="F",LANGUAGE="fr",URI="f.m3u8"'], None, id="none"),
    pytest.param(['NAME="E",LANGUAGE="en"', 'NAME="G",LANGUAGE="de",DEFAULT=YES'], "de", id="the-default-of-two"),
]


@pytest.mark.parametrize(("lines", "language"), MUXED)
def test_sound_without_an_address_is_in_the_pictures_own_segments(lines: list[str], language: str | None) -> None:
    """C49: an audio group without a URI."""
    tags = [f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",{line}' for line in lines]
    assert top(variant(attributes=HD + ',AUDIO="a"'), *tags)[0].muxed_audio == language
