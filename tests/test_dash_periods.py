"""Stories about periods that become one time line."""

from __future__ import annotations

import pytest

from offlinedl.errors import UnsupportedError
from tests.mpds import files, mpd, period, track


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
    assert [s.breaks for s in only.segments] == [False, False, True, False]


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
    words = r'period 2 \("advert"\) has no video that goes with the video "1" of period 1'
    with pytest.raises(UnsupportedError, match=words):
        mpd(period("a", 'id="1"') + other, "")


def test_adverts_take_no_rung_and_no_subtitles_from_the_film() -> None:
    """C39: the longest period leads, wherever it stands; subtitles may pause."""
    text = '<Representation id="s" mimeType="text/vtt"><BaseURL>s.vtt</BaseURL></Representation>'
    text = f'<AdaptationSet contentType="text" lang="en">{text}</AdaptationSet></Period>'
    advert = period("a", 'id="1" height="360"')
    film = period("f", 'id="1" height="360"', 'id="2" height="720"', attributes='duration="PT8S"').replace(
        "</Period>", text
    )
    small, large, subtitles = mpd(advert + film + advert, "").renditions
    assert [len(small.segments), len(large.segments)] == [8, 8]
    assert files(large)[1:3] == ["a/1-2.m4s", "f/2-1.m4s"]
    assert [int(s.start) for s in subtitles.segments] == [4]


def test_sound_is_joined_by_language_or_by_the_only_one_there_is() -> None:
    manifest = mpd(
        f'<Period duration="PT4S">{track("en")}{track("fr")}</Period><Period duration="PT4S">{track("und")}</Period>'
        f'<Period duration="PT4S">{track("fr")}{track("en")}</Period>',
        "",
    )
    assert [files(r) for r in manifest.renditions] == [["en/1", "und/1", "en/1"], ["fr/1", "und/1", "fr/1"]]
