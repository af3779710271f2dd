"""WebVTT in the samples of MP4: as a packager makes it, and in shapes that none makes."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from offlinedl.errors import DamagedError
from offlinedl.media import timed, webvtt, wvtt
from offlinedl.media.timed import Head
from offlinedl.media.webvtt import Cue
from tests import packager
from tests.boxes import box, full_box, numbers


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.texts(packager.session_folder(tmp_path_factory))


def read(head: Head, segment: bytes) -> webvtt.Document:
    return wvtt.read(head, timed.samples(head, segment))


def test_the_cues_are_those_that_were_packaged(texts: Path) -> None:
    source = webvtt.parse((texts / "source.vtt").read_bytes())
    head = timed.read_head((texts / "wvtt/init.mp4").read_bytes())
    pieces = [read(head, (texts / f"wvtt/{n}.m4s").read_bytes()) for n in range(1, 16)]
    assert sum(len(piece.cues) for piece in pieces) > 20
    assert webvtt.joined(pieces).cues == source.cues


def test_one_file_is_read_as_segments_are(texts: Path) -> None:
    film = (texts / "film.mp4").read_bytes()
    source = webvtt.parse((texts / "source.vtt").read_bytes())
    assert webvtt.joined([read(timed.read_head(film), film)]).cues == source.cues


def init(entry: bytes, timescale: int = 1000, default: int = 0) -> bytes:
    """An init segment of one track of text."""
    head = full_box("tkhd", 0, numbers(0, 0, 1, 0, 0))
    clock = full_box("mdhd", 0, numbers(0, 0, timescale, 0, 0))
    stbl = box("stbl", full_box("stsd", 0, numbers(1), entry))
    trak = box("trak", head, box("mdia", clock, box("minf", stbl)))
    return box("moov", trak, box("mvex", full_box("trex", 0, numbers(1, 1, default, 0, 0))))


def wvtt_entry(config: str = "WEBVTT") -> bytes:
    return box("wvtt", bytes(6), struct.pack(">H", 1), box("vttC", config.encode()))


def segment(*samples: tuple[int, bytes], start: int = 0, duration: int | None = None) -> bytes:
    """A fragment of samples of (duration, bytes); with a `duration`, that is in the head and not in the run."""
    rows = [numbers(len(data)) if duration is not None else numbers(own, len(data)) for own, data in samples]
    head = full_box(
        "tfhd", 0, numbers(1, *([duration] if duration is not None else [])), flags=0x20000 | 8 * (duration is not None)
    )
    flags = 0x201 | (0 if duration is not None else 0x100)

    def moof(offset: int) -> bytes:
        run = full_box("trun", 0, numbers(len(samples), offset), *rows, flags=flags)
        return box("moof", box("traf", head, full_box("tfdt", 1, start.to_bytes(8)), run))

    return moof(len(moof(0)) + 8) + box("mdat", *(data for _, data in samples))


def vttc(text: str, *, source: int | None = None, settings: str = "", name: str = "") -> bytes:
    parts = [box("vsid", numbers(source))] if source is not None else []
    parts += [box("iden", name.encode())] if name else []
    parts += [box("sttg", settings.encode())] if settings else []
    return box("vttc", *parts, box("payl", text.encode()))


VTTE = box("vtte")
ROWS = [
    pytest.param([(1000, vttc("a")), (500, VTTE)], [Cue(start=0, end=1000, text="a")], id="cue-and-gap"),
    pytest.param(
        [(1000, vttc("a", source=1)), (1000, vttc("a", source=1) + vttc("b", source=2)), (1000, vttc("b", source=2))],
        [Cue(start=0, end=2000, text="a"), Cue(start=1000, end=3000, text="b")],
        id="cut-by-each-other",
    ),
    pytest.param(
        [(1000, vttc("a", source=1)), (1000, vttc("a", source=2))],
        [Cue(start=0, end=1000, text="a"), Cue(start=1000, end=2000, text="a")],
        id="twice-by-its-author",
    ),
    pytest.param(
        [(1000, vttc("a", settings="line:0 align:left", name="n"))],
        [Cue(start=0, end=1000, text="a", settings="line:0 align:left", id="n")],
        id="settings-and-name",
    ),
    pytest.param([(1000, vttc("a\r\n\r\nb --> c"))], [Cue(start=0, end=1000, text="a\nb --&gt; c")], id="odd-text"),
    pytest.param([(1000, b"")], [], id="empty-sample"),
    pytest.param([(1000, box("vtta", b"note"))], [], id="note"),
]


@pytest.mark.parametrize(("samples", "cues"), ROWS)
def test_samples_are_cues(samples: list[tuple[int, bytes]], cues: list[Cue]) -> None:
    head = timed.read_head(init(wvtt_entry()))
    assert list(read(head, segment(*samples)).cues) == cues


def test_times_are_those_of_the_track() -> None:
    head = timed.read_head(init(wvtt_entry(), timescale=90_000))
    [cue] = read(head, segment((90_000, vttc("a")), start=2**33)).cues
    assert (cue.start, cue.end) == (2**33 // 90, 2**33 // 90 + 1000)


@pytest.mark.parametrize(
    ("default", "duration"), [pytest.param(7000, None, id="run"), pytest.param(0, 1000, id="head")]
)
def test_a_duration_may_stand_elsewhere(default: int, duration: int | None) -> None:
    head = timed.read_head(init(wvtt_entry(), default=default))
    [cue] = read(head, segment((1000, vttc("a")), duration=duration)).cues
    assert cue.end == 1000


def test_what_stands_before_all_cues_is_kept() -> None:
    head = timed.read_head(init(wvtt_entry("WEBVTT\n\nSTYLE\n::cue { color: red }")))
    assert read(head, segment((1, VTTE))).blocks == ("STYLE\n::cue { color: red }",)


BROKEN = [
    pytest.param(init(wvtt_entry(), timescale=0), b"", id="no-clock"),
    pytest.param(b"", b"", id="no-head"),
    pytest.param(box("moov"), b"", id="no-track"),
    pytest.param(init(wvtt_entry()), segment((1000, box("vttc", b"\0\0\0\x09payl"))), id="cue-cut-off"),
    pytest.param(init(wvtt_entry()), segment((1000, vttc("a")))[:-4], id="segment-cut-off"),
]


@pytest.mark.parametrize(("head", "data"), BROKEN)
def test_what_does_not_fit_is_damaged(head: bytes, data: bytes) -> None:
    with pytest.raises(DamagedError):
        read(timed.read_head(head), data)


def test_any_byte_may_be_wrong(texts: Path) -> None:
    """Another byte at each place in turn: cues or DamagedError, nothing else."""
    begin, data = (texts / "wvtt/init.mp4").read_bytes(), (texts / "wvtt/2.m4s").read_bytes()
    for at in range(len(begin) + len(data)):
        both = bytearray(begin + data)
        both[at] ^= 0xFF
        try:
            read(timed.read_head(both[: len(begin)]), bytes(both[len(begin) :]))
        except DamagedError:
            continue
