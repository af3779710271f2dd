"""TTML as cues: its times, lines, styles and places."""

from __future__ import annotations

import pytest

from offlinedl.errors import DamagedError, OfflinedlError, UnsupportedError
from offlinedl.media import ttml
from offlinedl.media.webvtt import Cue

_NAMES = (
    'xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling"'
    ' xmlns:ttp="http://www.w3.org/ns/ttml#parameter" xmlns:ttm="http://www.w3.org/ns/ttml#metadata"'
)


def tt(body: str, attributes: str = "", head: str = "") -> bytes:
    return f"<tt {_NAMES} {attributes}><head>{head}</head><body><div>{body}</div></body></tt>".encode()


TIMES = [
    pytest.param('begin="00:00:01.000" end="00:00:02.500"', "", (1000, 2500), id="clock"),
    pytest.param('begin="01:00:01" dur="1.5s"', "", (3601000, 3602500), id="duration"),
    pytest.param('begin="0.5m" end="0.01h"', "", (30000, 36000), id="minutes-and-hours"),
    pytest.param('begin="1000ms" end="2s"', "", (1000, 2000), id="milliseconds"),
    pytest.param('begin="00:00:01:15" end="00:00:02:00"', "", (1500, 2000), id="frames-of-30"),
    pytest.param('begin="00:00:01:12" end="50f"', 'ttp:frameRate="25"', (1480, 2000), id="frames-of-25"),
    pytest.param(
        'begin="24f" end="48f"',
        'ttp:frameRate="24" ttp:frameRateMultiplier="1000 1001"',
        (1001, 2002),
        id="frames-of-23.976",
    ),
    pytest.param('begin="10000000t" end="25000000t"', 'ttp:tickRate="10000000"', (1000, 2500), id="ticks"),
    pytest.param('begin="25t" end="50t"', 'ttp:frameRate="25"', (1000, 2000), id="ticks-that-are-frames"),
    pytest.param('begin="1s"', "", (1000, ttml.END), id="no-end"),
    pytest.param('begin="soon" end="2s"', "", (0, 2000), id="not-to-be-read"),
    pytest.param('begin="1s" end="2s" dur="10s"', "", (1000, 2000), id="end-and-duration"),
]


@pytest.mark.parametrize(("times", "attributes", "milliseconds"), TIMES)
def test_times(times: str, attributes: str, milliseconds: tuple[int, int]) -> None:
    [cue] = ttml.read(tt(f"<p {times}>x</p>", attributes))
    assert (cue.start, cue.end) == milliseconds


def test_times_count_from_those_of_what_is_around() -> None:
    [cue] = ttml.read(tt('<div begin="10s" end="20s"><p begin="1s" end="30s">x</p></div>'))
    assert (cue.start, cue.end) == (11000, 20000)


_HEAD = (
    '<styling><style xml:id="s" tts:fontStyle="italic"/><style xml:id="t" style="s" tts:fontWeight="bold"/></styling>'
    '<layout><region xml:id="top" tts:origin="10% 5%" tts:extent="80% 10%"/>'
    '<region xml:id="low"><style tts:origin="10% 80%"/><style tts:extent="80% 10%" tts:displayAlign="after"/></region>'
    '<region xml:id="mid" tts:origin="0% 0%" tts:extent="100% 100%" tts:displayAlign="center"/>'
    '<region xml:id="left" tts:origin="0% 80%" tts:extent="80% 10%" tts:textAlign="left"/></layout>'
)
WORDS = [
    pytest.param("<p>a<br/>b</p>", "a\nb", "", id="lines"),
    pytest.param("<p>\n   a\n  b  <br/>  <br/>\n c </p>", "a b\nc", "", id="white-space-is-one-space"),
    pytest.param('<p xml:space="preserve">a\nb</p>', "a\nb", "", id="white-space-preserved"),
    pytest.param('<p>a <span tts:fontStyle="italic">b</span> c</p>', "a <i>b</i> c", "", id="italic"),
    pytest.param('<p style="t">a</p>', "<i><b>a</b></i>", "", id="style-of-a-style"),
    pytest.param(
        '<p style="t">a<span tts:fontWeight="normal" tts:textDecoration="underline">b</span></p>',
        "<i><b>a</b></i><i><u>b</u></i>",
        "",
        id="style-overruled",
    ),
    pytest.param("<p>a &lt; b &amp; c --&gt; d</p>", "a &lt; b &amp; c --&gt; d", "", id="escaped"),
    pytest.param("<p><metadata>no</metadata><ttm:desc>no</ttm:desc>a</p>", "a", "", id="words-about-it"),
    pytest.param('<p region="top">a</p>', "a", "line:5%", id="above"),
    pytest.param('<p region="low">a</p>', "a", "", id="below"),
    pytest.param('<p region="mid">a</p>', "a", "line:50%", id="in-the-middle"),
    pytest.param('<p region="left">a</p>', "a", "align:left", id="left"),
    pytest.param('<p region="nowhere" style="none">a</p>', "a", "", id="nowhere"),
]


@pytest.mark.parametrize(("body", "text", "settings"), WORDS)
def test_words_and_their_place(body: str, text: str, settings: str) -> None:
    [cue] = ttml.read(tt(body, head=_HEAD))
    assert (cue.text, cue.settings) == (text, settings)


def test_words_with_times_of_their_own_are_cues_of_their_own() -> None:
    body = '<p>\n<span begin="1s" end="2s" tts:fontStyle="italic">a</span>\n<span begin="2s" end="3s">b</span>\n</p>'
    assert ttml.read(tt(body)) == (Cue(start=1000, end=2000, text="<i>a</i>"), Cue(start=2000, end=3000, text="b"))


def test_pictures_and_empty_paragraphs_are_no_cues() -> None:
    assert ttml.read(tt('<p begin="1s" end="2s"> <br/> </p><div><image/></div>')) == ()


def test_an_older_namespace_and_no_prefix_will_do() -> None:
    assert ttml.read(b'\n <tt><body><p begin="1s" end="2s">a</p></body></tt>') == (Cue(start=1000, end=2000, text="a"),)


HOSTILE = [
    pytest.param(b"<tt", DamagedError, id="cut-off"),
    pytest.param(b"", DamagedError, id="nothing"),
    pytest.param(b'<?xml version="1.0" encoding="x-none"?><tt/>', DamagedError, id="encoding"),
    pytest.param(b'<!DOCTYPE tt [<!ENTITY a "b">]><tt>&a;</tt>', UnsupportedError, id="entities"),
    pytest.param(b"<div>" * 10_000, UnsupportedError, id="depth"),
]


@pytest.mark.parametrize(("data", "error"), HOSTILE)
def test_what_is_no_ttml(data: bytes, error: type[OfflinedlError]) -> None:
    with pytest.raises(error):
        ttml.read(data)
