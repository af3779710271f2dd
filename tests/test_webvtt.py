"""WebVTT: read with patience, written strictly, and joined from the pieces that HLS makes of it."""

from __future__ import annotations

import pytest

from offlinedl.errors import DamagedError
from offlinedl.media import webvtt
from offlinedl.media.webvtt import Cue, Document, Stamp

ONE = Cue(start=1000, end=2500, text="one")

READ = [
    pytest.param("WEBVTT\n\n00:00:01.000 --> 00:00:02.500\none\n", [ONE], id="plain"),
    pytest.param("\ufeffWEBVTT\r\n\r\n00:01.000 --> 00:02.500\r\none", [ONE], id="bom-crlf-no-hours-no-last-line"),
    pytest.param("WEBVTT\r\r00:01.000 --> 00:02.500\rone", [ONE], id="lines-of-old-macs"),
    pytest.param("WEBVTT\n00:01.000 --> 00:02.500\none\n", [ONE], id="no-line-after-the-head"),
    pytest.param("1\n00:00:01,000 --> 00:00:02,500\none\n", [Cue(start=1000, end=2500, text="one", id="1")], id="srt"),
    pytest.param(
        "WEBVTT\n\nname\n00:01.000 --> 00:02.500  line:10%\talign:start \n<i>a</i> &amp;\nb\n",
        [Cue(start=1000, end=2500, text="<i>a</i> &amp;\nb", settings="line:10% align:start", id="name")],
        id="name-settings-markup-and-two-lines",
    ),
    pytest.param(
        "WEBVTT\n\n00:01.000 --> 00:02.500\none\n00:03.000 --> 00:04.000\ntwo\n",
        [ONE, Cue(start=3000, end=4000, text="two")],
        id="no-empty-line-between-cues",
    ),
    pytest.param("WEBVTT\n\n\n\nNOTE\nnothing\n", [], id="empty-segment"),
    pytest.param("", [], id="nothing"),
    pytest.param("WEBVTT\n\n00:01.000 --> soon\nlost\n\n00:01.000 --> 00:02.500\none\n", [ONE], id="one-without-times"),
    pytest.param(f"WEBVTT\n\n{'9' * 5000}:00:01.000 --> 00:02.500\nlost\n", [], id="a-number-of-5000-digits"),
    pytest.param("WEBVTT\n\n999999999:00:01.000 --> 999999999:00:02.000\n", None, id="a-time-in-114000-years"),
]


@pytest.mark.parametrize(("text", "cues"), READ)
def test_cues_are_read(text: str, cues: list[Cue] | None) -> None:
    document = webvtt.parse(text.encode())
    if cues is not None:
        assert list(document.cues) == cues
    again = webvtt.parse(webvtt.write(document).encode())
    assert (again.cues, again.blocks) == (document.cues, document.blocks)


MAPS = [
    pytest.param("X-TIMESTAMP-MAP=LOCAL:00:00:01.500,MPEGTS:900000", Stamp(1500, 900000), id="local-first"),
    pytest.param("X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:01.500", Stamp(1500, 900000), id="mpegts-first"),
    pytest.param(f"X-TIMESTAMP-MAP=LOCAL:00:00.000,MPEGTS:{2**33 + 5}", Stamp(0, 5), id="wrapped"),
    pytest.param("X-TIMESTAMP-MAP=LOCAL:00:00:00.000", None, id="local-only"),
    pytest.param("Kind: captions", None, id="none"),
]


@pytest.mark.parametrize(("line", "stamp"), MAPS)
def test_the_clock_of_mpeg_ts_is_read(line: str, stamp: Stamp | None) -> None:
    assert webvtt.parse(f"WEBVTT\n{line}\n\n00:01.000 --> 00:02.000\none\n".encode()).stamp == stamp


def test_what_stands_before_the_cues_is_kept_once() -> None:
    text = "WEBVTT\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:top\n\nNOTE by nobody\n\n00:01.000 --> 00:02.500\none\n"
    document = webvtt.parse(f"{text}\nNOTE between\n".encode())
    assert document.blocks == ("STYLE\n::cue { color: red }", "REGION\nid:top", "NOTE by nobody")
    assert webvtt.joined([document, document]) == document


def cue(start: int, end: int, text: str = "x", settings: str = "") -> Cue:
    return Cue(start=start, end=end, text=text, settings=settings)


JOINED = [
    pytest.param([[cue(1, 9)], [cue(1, 9)], [cue(1, 9)]], [cue(1, 9)], id="repeated"),
    pytest.param([[cue(1, 4)], [cue(4, 8)], [cue(8, 9)]], [cue(1, 9)], id="split"),
    pytest.param([[cue(1000, 4000)], [cue(4002, 8000)]], [cue(1000, 8000)], id="split-and-rounded"),
    pytest.param([[cue(1, 4)], [cue(104, 108)]], [cue(1, 4), cue(104, 108)], id="said-again-later"),
    pytest.param([[cue(1, 4), cue(4, 8)]], [cue(1, 4), cue(4, 8)], id="said-twice-by-its-author"),
    pytest.param([[cue(1, 4, "a")], [cue(4, 8, "b")]], [cue(1, 4, "a"), cue(4, 8, "b")], id="other-words"),
    pytest.param(
        [[cue(1, 4)], [cue(4, 8, settings="line:0")]], [cue(1, 4), cue(4, 8, settings="line:0")], id="elsewhere"
    ),
    pytest.param(
        [[cue(1, 9, "a"), cue(2, 9, "b")], [cue(1, 9, "a"), cue(2, 9, "b")]],
        [cue(1, 9, "a"), cue(2, 9, "b")],
        id="two-at-once",
    ),
    pytest.param([[cue(4, 8, "b")], [], [cue(1, 3, "a")]], [cue(1, 3, "a"), cue(4, 8, "b")], id="in-order"),
]


@pytest.mark.parametrize(("pieces", "cues"), JOINED)
def test_pieces_are_joined(pieces: list[list[Cue]], cues: list[Cue]) -> None:
    assert list(webvtt.joined(Document(cues=tuple(own)) for own in pieces).cues) == cues


def test_cues_are_moved() -> None:
    assert webvtt.moved([cue(1000, 3000)], 500) == (cue(1500, 3500),)
    assert webvtt.moved([cue(1000, 3000), cue(0, 2000)], -2000) == (cue(0, 1000),)


def test_what_is_no_text_with_times_is_damaged() -> None:
    with pytest.raises(DamagedError, match="not WebVTT"):
        webvtt.parse(b"<html>not found</html>")


def test_a_file_of_many_pieces_takes_no_longer_than_it_is_long() -> None:
    text = "WEBVTT\n\n" + "".join(f"{n // 60:02}:{n % 60:02}.000 --> 99:59.000\nsame\n\n" for n in range(5990))
    document = webvtt.parse(text.encode())
    assert len(document.cues) == 5990
    assert len(webvtt.joined([document] * 20).cues) == 1
