"""What a person gets: a rung within the caps, audio and subtitles in the languages asked for, and the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offlinedl.choose import QUALITIES, Caps, Preferences, caps, choose, passed_over, spelled, written
from offlinedl.errors import NotFoundError, RefusedError, UnsupportedError, UsageError
from offlinedl.languages import asked, lookup
from offlinedl.model import Kind, Wanted
from offlinedl.streams import Manifest, Rendition


def video(rendition_id: str, height: int, kbits: int, **more: Any) -> Rendition:
    return Rendition(id=rendition_id, kind=Kind.VIDEO, container="mp4", height=height, bandwidth=kbits * 1000, **more)


def audio(rendition_id: str, language: str = "", kbits: int = 128, **more: Any) -> Rendition:
    return Rendition(
        id=rendition_id, kind=Kind.AUDIO, container="mp4", language=language, bandwidth=kbits * 1000, **more
    )


def text(rendition_id: str, language: str = "", **more: Any) -> Rendition:
    return Rendition(id=rendition_id, kind=Kind.SUBTITLES, container="vtt", language=language, **more)


def manifest(renditions: Sequence[Rendition]) -> Manifest:
    return Manifest(format="dash", url="https://example.com/a.mpd", renditions=tuple(renditions))


def chosen(
    renditions: Sequence[Rendition], wanted: Wanted | str = "best", *, names: Mapping[str, Caps] = QUALITIES,
    max_height: int | None = None, **preferred: Any,
) -> list[str]:  # fmt: skip
    """The ids of what is chosen."""
    wanted = Wanted(quality=wanted) if isinstance(wanted, str) else wanted
    choices = choose(manifest(renditions), wanted, Preferences(qualities=names, **preferred), max_height)
    assert all(choice.why for choice in choices)
    return [choice.rendition.id for choice in choices]


def best(audio: tuple[str, ...] = (), subtitles: tuple[str, ...] = ()) -> Wanted:
    return Wanted(quality="best", audio=audio, subtitles=subtitles)


# rungs

LADDER = [
    video("2160", 2160, 16_000),
    video("1080+", 1080, 6_000),
    video("1080", 1080, 4_000),
    video("720+", 720, 2_400),
    video("720", 720, 1_600),
    video("540", 540, 1_100),
    video("480", 480, 800),
    video("360", 360, 500),
    video("240", 240, 250),
]

QUALITY = [
    ("data-saver", "480"),
    ("standard", "720"),
    ("high", "1080"),
    ("best", "2160"),
    ("1080p", "1080"),
    ("1079p", "720"),
    ("720p", "720"),
    ("10p", "240"),
    ("9999p", "2160"),
    ("2.5M", "720"),
    ("2.5m", "720"),
    ("2399999", "720"),
    ("3999999", "720"),
    ("4M", "1080"),
    ("1G", "2160"),
    ("500K", "360"),
    ("500k", "360"),
    ("20K", "240"),
    ("High", "1080"),
    ("DATA-SAVER", "480"),
    ("720P", "720"),
    ("1080p/2.5M", "720"),
    ("480P/4m", "480"),
    ("2160p/1G", "2160"),
]


@pytest.mark.parametrize(("quality", "rung"), QUALITY, ids=[quality for quality, _ in QUALITY])
@pytest.mark.parametrize("backwards", [False, True], ids=["from the top", "from the bottom"])
def test_a_quality_is_the_tallest_rung_within_both_caps(quality: str, rung: str, backwards: bool) -> None:
    """The table of qualities: of equal heights the lowest bandwidth, whatever the manifest's order."""
    assert chosen(LADDER[::-1] if backwards else LADDER, quality) == [rung]


def test_the_named_qualities_are_these() -> None:
    assert {name: (c.height, c.bandwidth) for name, c in QUALITIES.items()} == {
        "data-saver": (480, 800_000),
        "standard": (720, 1_600_000),
        "high": (1080, 4_000_000),
        "best": (None, None),
    }


NO_QUALITY = [
    "", "good", "standard ", "0p", "720p/", "/2M", "720p/5", "2M/720p", "720p/high", "720p/2M/2M",
    "720P ", "-720p", "7p", "0", "0M", "0.1", "M", "2,5M", "2.5 M", "1e6", "inf",
    "9" * 400 + "M", "nan", "720p\n", "best\n",
]  # fmt: skip


@pytest.mark.parametrize("quality", NO_QUALITY, ids=lambda quality: repr(quality[:10]))
def test_what_is_no_quality_is_wrong_usage(quality: str) -> None:
    with pytest.raises(UsageError, match="not a quality") as refused:
        caps(quality)
    assert "data-saver, standard, high, best" in refused.value.hint


def test_a_number_alone_is_bits_per_second_where_a_video_can_have_so_few() -> None:
    assert caps("720000") == Caps(bandwidth=720_000)
    with pytest.raises(UsageError):
        caps("720")


SPELLED = [
    ("high", "high"),
    ("HIGH", "high"),
    ("720P", "720p"),
    ("2.5m", "2.5M"),
    ("500k", "500K"),
    ("1080P/4g", "1080p/4G"),
]


@pytest.mark.parametrize(("given", "kept"), SPELLED, ids=[given for given, _ in SPELLED])
def test_one_quality_is_kept_in_one_spelling(given: str, kept: str) -> None:
    """What was downloaded as High is already there as high."""
    assert spelled(given) == kept


def test_names_that_differ_by_their_letters_alone_are_two() -> None:
    names = {"train": Caps(height=360), "Train": Caps(height=480)}
    assert [caps(name, names).height for name in ("train", "Train", "TRAIN")] == [360, 480, 360]


def test_a_rate_is_the_one_that_is_written() -> None:
    """Not one bit less, which would leave out the rung that has it: 8.2 million times 1.0 is a little below 8200000."""
    assert all(caps(f"{tenths / 100:.2f}M").bandwidth == tenths * 10_000 for tenths in range(1, 3000))


@given(
    st.builds(Caps, height=st.none() | st.integers(10, 99_999), bandwidth=st.none() | st.integers(10**4, 10**12 - 1))
)
def test_caps_can_be_written_and_read_again(limits: Caps) -> None:
    assert caps(written(limits)) == limits


def test_caps_that_no_video_has_can_be_written_too() -> None:
    for odd in (Caps(height=1, bandwidth=1), Caps(height=10**9, bandwidth=2**63)):
        caps(written(odd))


def test_a_name_can_be_given_another_meaning() -> None:
    names = {**QUALITIES, "standard": Caps(height=360), "flight": Caps(bandwidth=1_100_000)}
    assert chosen(LADDER, "standard", names=names) == ["360"]
    assert chosen(LADDER, "flight", names=names) == ["540"]


RUNGS = [
    pytest.param([video("a", 1080, 5000), video("b", 720, 3000)], "standard", None, "b", id="none fits: the lowest"),
    pytest.param([video("a", 720, 0), video("b", 1080, 0)], "2M", None, "b", id="no rate is stated: none is too high"),
    pytest.param([video("a", 0, 900), video("b", 0, 1500)], "720p", None, "b", id="no height is stated: the best rate"),
    pytest.param([video("a", 0, 900), video("b", 0, 1700)], "standard", None, "a", id="no height, but a rate"),
    pytest.param([video("a", 0, 900), video("b", 360, 500)], "best", None, "b", id="a stated height before none"),
    pytest.param([video("a", 720, 2000), video("b", 720, 1000)], "best", None, "b", id="equals: the lowest rate"),
    pytest.param([video("a", 720, 1000), video("b", 720, 1000)], "best", None, "a", id="twins: the first"),
    pytest.param(LADDER, "best", 1080, "1080", id="the service allows 1080 lines"),
    pytest.param(LADDER, "best", 1079, "720", id="the service allows 1079 lines"),
    pytest.param(LADDER, "data-saver", 1080, "480", id="the service allows more than is wanted"),
    pytest.param(LADDER[:3], "10p", 1080, "1080", id="none fits, of those that are allowed"),
]


@pytest.mark.parametrize(("rungs", "quality", "max_height", "rung"), RUNGS)
def test_a_ladder_with_gaps(rungs: list[Rendition], quality: str, max_height: int | None, rung: str) -> None:
    assert chosen(rungs, quality, max_height=max_height) == [rung]


def test_a_service_that_allows_none_of_its_rungs_is_said() -> None:
    with pytest.raises(RefusedError, match="taller than the 200 lines"):
        chosen(LADDER, "best", max_height=200)


def test_the_reason_says_whether_it_fits() -> None:
    [within] = choose(manifest(LADDER), Wanted(quality="high"))
    [below] = choose(manifest(LADDER), Wanted(quality="10p"))
    assert (within.why, below.why) == ("tallest within high", "lowest: none fits 10p")


@pytest.mark.parametrize("renditions", [[], [text("s", "en")]], ids=["nothing", "subtitles alone"])
def test_a_manifest_without_pictures_and_sound_is_said(renditions: list[Rendition]) -> None:
    with pytest.raises(UnsupportedError, match="no video and no audio"):
        chosen(renditions)


def test_sound_alone_is_a_title() -> None:
    """A102."""
    assert chosen([audio("a", "en"), text("s", "en")]) == ["a", "s"]


# languages

LOOKUP = [
    ("pt-BR", ["pt-BR", "pt", "pt-PT"], ["pt-BR"]),
    ("pt-BR", ["pt", "pt-PT"], ["pt"]),
    ("pt-BR", ["pt-PT", "en"], ["pt-PT"]),
    ("pt", ["pt-BR", "pt"], ["pt"]),
    ("pt", ["pt-PT", "pt-BR"], ["pt-PT", "pt-BR"]),
    ("pt-PT", ["en", "es"], []),
    ("zh-Hant-TW", ["zh-Hans", "zh-Hant", "zh"], ["zh-Hant"]),
    ("zh-Hant", ["zh-Hans", "zh-Hant-TW"], ["zh-Hant-TW"]),
    ("zh-Hant-TW", ["zh-Hans", "zh-Hant-HK"], ["zh-Hant-HK"]),
    ("zh-Hant-TW", ["zh", "zh-Hans"], ["zh"]),
    ("zh-Hant", ["zh-Hans"], ["zh-Hans"]),
    ("EN-us", ["en-US", "en"], ["en-US"]),
    ("en", ["EN"], ["EN"]),
    ("en_GB", ["en-GB", "en-US"], ["en-GB"]),
    ("en", ["eng", "e", "enx-US"], ["eng"]),
    ("ger-AT", ["de", "en"], ["de"]),
    ("en", ["e", "enx-US"], []),
    ("e", ["en", "e"], ["e"]),
    ("und", ["", "en"], [""]),
    ("und", ["und"], ["und"]),
    ("en", ["und", ""], []),
]


@pytest.mark.parametrize(("asked", "offered", "found"), LOOKUP, ids=[f"{a} in {' '.join(o)}" for a, o, _ in LOOKUP])
def test_a_language_is_looked_up(asked: str, offered: list[str], found: list[str]) -> None:
    """RFC 4647 section 3.4; and where that finds nothing, what is closest of the same language (A73)."""
    assert [r.language for r in lookup(asked, [audio(tag, tag) for tag in offered])] == found


ASKED = [
    ("en,fr", ("en", "fr")),
    (" en , fr ", ("en", "fr")),
    ("all", ("all",)),
    ("ALL,", ("all",)),
    (" None", ("none",)),
    ("", ()),
]


@pytest.mark.parametrize(("text", "languages"), ASKED, ids=[repr(text) for text, _ in ASKED])
def test_a_list_of_languages_is_read_as_people_write_it(text: str, languages: tuple[str, ...]) -> None:
    assert asked(text.split(","), "--subs", ("all", "none")) == languages


@pytest.mark.parametrize("text", ["all,en", "en,All", "none,en", "all,none", "all,all"])
def test_all_and_none_stand_alone(text: str) -> None:
    with pytest.raises(UsageError, match=rf"--subs {text}: (all|none) stands alone"):
        asked(text.split(","), "--subs", ("all", "none"))


AUDIO = [
    pytest.param([audio("a", "en"), audio("b", "fr", default=True)], (), ["b"], id="the default"),
    pytest.param([audio("a", "en"), audio("b", "fr", roles=("main",))], (), ["b"], id="the main role"),
    pytest.param([audio("a", "en"), audio("b", "fr")], (), ["a"], id="nothing is said: the first"),
    pytest.param([audio("a", "en", 64), audio("b", "en", 128)], (), ["b"], id="the richer"),
    pytest.param([audio("a", "en", 128), audio("b", "en", 448)], (), ["a"], id="not the wasteful"),
    pytest.param([audio("a", "en", 640), audio("b", "en", 448)], (), ["b"], id="the plainest of wasteful ones"),
    pytest.param(
        [audio("a", "en", 128, roles=("commentary",)), audio("b", "en", 64)], ("en",), ["b"], id="no commentary"
    ),
    pytest.param([audio("a", "en", 128, roles=("description",)), audio("b", "en", 64)], (), ["b"], id="no description"),
    pytest.param([audio("a", "en", roles=("commentary",))], ("en",), ["a"], id="nothing but a commentary"),
    pytest.param([audio("a", "en"), audio("b", "fr")], ("fr", "en"), ["b", "a"], id="in the order asked for"),
    pytest.param([audio("a", "en"), audio("b", "fr")], ("en", "en-GB"), ["a"], id="asked for twice"),
    pytest.param([audio("a", "en"), audio("b", "fr"), audio("c", "en")], ("all",), ["a", "b"], id="all"),
    pytest.param([audio("a", ""), audio("b", "fr")], ("all",), ["a", "b"], id="all, also what has no language"),
    pytest.param([audio("a", ""), audio("b", "fr")], ("und",), ["a"], id="what has no language, by its name"),
    pytest.param([], ("en",), [], id="sound within the pictures"),
]


@pytest.mark.parametrize(("offered", "languages", "ids"), AUDIO)
def test_audio(offered: list[Rendition], languages: tuple[str, ...], ids: list[str]) -> None:
    assert chosen([video("v", 720, 1000), *offered], best(languages, ("none",))) == ["v", *ids]


@pytest.mark.parametrize(
    ("kind", "wanted"), [("audio", best(audio=("en", "de"))), ("subtitles", best(subtitles=("en", "de")))]
)
def test_a_language_that_is_not_there_is_said_with_those_that_are(kind: str, wanted: Wanted) -> None:
    offered = [audio("a", "fr"), audio("b", "en"), text("s", "fr"), text("t", "en")]
    with pytest.raises(NotFoundError, match=f"no {kind} in de") as missing:
        chosen(offered, wanted)
    assert (missing.value.code, missing.value.hint) == ("no-such-language", "there is: en, fr")


def test_every_language_that_is_named_as_being_there_can_be_asked_for() -> None:
    offered = [audio("a", ""), audio("b", "en")]
    with pytest.raises(NotFoundError) as missing:
        chosen(offered, best(("de",)))
    there = missing.value.hint.removeprefix("there is: ").split(", ")
    assert sorted(chosen(offered, best(tuple(there)))) == ["a", "b"]


GROUPED = [
    video("v1", 360, 500, audio_group="low", subtitle_group="subs"),
    video("v2", 720, 1500, audio_group="high", subtitle_group="subs"),
    audio("low-en", "en", 64, group="low", default=True),
    audio("high-en", "en", 128, group="high", default=True),
    audio("high-fr", "fr", 128, group="high"),
    text("s-en", "en", group="subs"),
    text("other-en", "en", group="other"),
    text("side-fr", "fr"),
]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (best(), ["v2", "high-en", "s-en"]),
        (Wanted(quality="360p"), ["v1", "low-en", "s-en"]),
        (best(("fr",)), ["v2", "high-fr", "side-fr"]),
        (best(("all",), ("all",)), ["v2", "high-en", "high-fr", "s-en", "side-fr"]),
    ],
    ids=["the tallest", "the lowest", "a language", "all"],
)
def test_a_rung_brings_its_groups(wanted: Wanted, ids: list[str]) -> None:
    """RFC 8216 section 4.3.4.2: and subtitles that stand beside the manifest belong to no group."""
    assert chosen(GROUPED, wanted) == ids


def test_a_group_that_is_not_there_is_not_held_against_the_title() -> None:
    assert chosen([video("v", 720, 1000, audio_group="gone"), audio("a", "en", group="x")]) == ["v", "a"]


SUBTITLES = [
    pytest.param([text("a", "fr"), text("b", "en")], (), ["b"], id="the audio's language"),
    pytest.param([text("a", "fr")], (), [], id="none in the audio's language"),
    pytest.param([text("a", "en", roles=("forced-subtitle",)), text("b", "en")], (), ["b"], id="whole before forced"),
    pytest.param([text("a", "en", roles=("forced",))], (), ["a"], id="forced where there is nothing else"),
    pytest.param([text("a", "en-GB")], (), ["a"], id="nearly the audio's language"),
    pytest.param([text("a", "fr"), text("b", "en")], ("none",), [], id="none"),
    pytest.param([text("a", "fr"), text("b", "en"), text("c", "en")], ("all",), ["a", "b"], id="all"),
    pytest.param([], ("all",), [], id="all of none"),
    pytest.param([], (), [], id="no subtitles"),
    pytest.param([text("a", "fr"), text("b", "en")], ("fr",), ["a"], id="a language"),
]


@pytest.mark.parametrize(("offered", "languages", "ids"), SUBTITLES)
def test_subtitles(offered: list[Rendition], languages: tuple[str, ...], ids: list[str]) -> None:
    assert chosen([audio("sound", "en"), *offered], best((), languages)) == ["sound", *ids]


def test_no_rendition_is_chosen_twice() -> None:
    """Two kinds of English share the one subtitle track."""
    offered = [audio("a", "en-US"), audio("b", "en-GB"), text("s", "en")]
    assert chosen(offered, best(("en-US", "en-GB"))) == ["a", "b", "s"]


def test_every_choice_says_why() -> None:
    def why(wanted: Wanted) -> list[str]:
        return [choice.why for choice in choose(manifest([audio("a", "en"), text("s", "en")]), wanted)]

    assert why(best()) == ["the title's main language", "the audio's language"]
    assert why(best(("en",), ("en-US",))) == ["audio asked for: en", "subtitles asked for: en-US"]


# sound within the pictures' own segments

MUXED = [
    pytest.param("en", (), [], [], id="the-main-sound-is-within"),
    pytest.param("en", (), ["fr"], [], id="no-other-language-instead"),
    pytest.param("en", ("en",), ["fr"], [], id="asked-for-and-within"),
    pytest.param("en", ("fr",), ["fr"], ["fr"], id="asked-for-and-beside"),
    pytest.param("en", ("en", "fr"), ["fr"], ["fr"], id="one-within-one-beside"),
    pytest.param("", (), ["fr"], [], id="language-not-said"),
    pytest.param(None, (), ["fr"], ["fr"], id="nothing-within"),
]


@pytest.mark.parametrize(("muxed", "asked", "beside", "expected"), MUXED)
def test_sound_within_the_pictures_is_known(
    muxed: str | None, asked: tuple[str, ...], beside: list[str], expected: list[str]
) -> None:
    """C49: an audio group without a URI."""
    rung = video("v", 720, 1000, audio_group="a", muxed_audio=muxed)
    others = [audio(language, language, group="a") for language in beside]
    assert chosen([rung, *others], best(audio=asked)) == ["v", *expected]


def test_a_default_beside_goes_before_the_sound_within() -> None:
    rung = video("v", 720, 1000, audio_group="a", muxed_audio="en")
    assert chosen([rung, audio("fr", "fr", group="a", default=True)]) == ["v", "fr"]


def test_other_groups_do_not_stand_for_the_sound_within() -> None:
    rung = video("v", 720, 1000, audio_group="a", muxed_audio="en")
    assert chosen([rung, audio("de", "de", group="b", default=True)]) == ["v"]


def test_subtitles_follow_the_sound_within() -> None:
    rung = video("v", 720, 1000, audio_group="a", muxed_audio="en")
    assert chosen([rung, text("s", "en")]) == ["v", "s"]


def rung(height: int, kbits: int, codecs: str, **more: Any) -> Rendition:
    return Rendition(
        id=f"{codecs.partition('.')[0]}-{height}{more.get('video_range', '')}", kind=Kind.VIDEO, container="mp4",
        height=height, bandwidth=kbits * 1000, codecs=codecs, **more,
    )  # fmt: skip


MIXED = [
    rung(720, 1500, "avc1.64001f"),
    rung(720, 900, "hvc1.1.6.L93.B0"),
    rung(1080, 3000, "avc1.640028"),
    rung(1080, 2500, "hvc1.2.4.L120.B0", video_range="PQ"),
    rung(2160, 9000, "dvh1.05.06"),
]
PREFERRED = [
    pytest.param({}, "avc1-1080", id="every family that players play, no HDR, no Dolby Vision"),
    pytest.param({"hdr": True}, "hvc1-1080PQ", id="HDR where it is asked for: of equals the lowest bandwidth"),
    pytest.param({"codecs": (("hevc",), ("avc",))}, "hvc1-720", id="HEVC before H.264"),
    pytest.param({"codecs": (("av1",), ("avc",))}, "avc1-1080", id="AV1 is not there, H.264 is"),
    pytest.param({"codecs": (("vp9",),)}, "dvh1-2160", id="none of what is preferred: all count"),
]


@pytest.mark.parametrize(("preferred", "wanted"), PREFERRED)
def test_codecs_and_dynamic_range_are_preferred(preferred: dict[str, Any], wanted: str) -> None:
    assert chosen(MIXED, "best", **preferred) == [wanted]


def test_hdr_alone_is_better_than_nothing() -> None:
    assert chosen([rung(1080, 2500, "hvc1.2.4.L120.B0", video_range="PQ")], "best") == ["hvc1-1080PQ"]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        pytest.param(best(), ["a", "full", "forced"], id="by default"),
        pytest.param(best(subtitles=("fr",)), ["a", "french", "forced"], id="beside subtitles that were asked for"),
        pytest.param(best(subtitles=("none",)), ["a"], id="not where none are wanted"),
        pytest.param(best(audio=("fr",)), ["b", "french"], id="of another language they do not"),
    ],
)
def test_forced_subtitles_follow_the_audio(wanted: Wanted, ids: list[str]) -> None:
    """C54: forced, full and another language."""
    offered = [
        audio("a", "en", default=True), audio("b", "fr"),
        text("forced", "en", forced=True), text("full", "en"), text("french", "fr"),
    ]  # fmt: skip
    assert chosen(offered, wanted) == ids


PASSED_OVER = [
    pytest.param(video("a", 0, 400), "fewer bits", id="no heights: fewer bits"),
    pytest.param(video("a", 0, 5000), "above 2 Mbit/s", id="no heights: more than is wanted"),
    pytest.param(video("a", 0, 2000), "as tall, and no fewer bits", id="the same again"),
]


@pytest.mark.parametrize(("other", "why"), PASSED_OVER)
def test_what_is_passed_over_has_its_reason(other: Rendition, why: str) -> None:
    choices = choose(manifest([video("b", 0, 2000), other]), Wanted(quality="2M"))
    assert passed_over(other, choices, caps("2M"), None) == why
