"""A stored subtitle track as one text on the title's time line, in whatever form and pieces it came."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from offlinedl import remux
from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.license.opening import Opening
from offlinedl.media import webvtt
from offlinedl.media.webvtt import Cue
from offlinedl.model import Kind, Setup, Track, Wanted
from offlinedl.playback import subtitles
from offlinedl.streams import Fetch, Plan
from tests import packager
from tests.boxes import box
from tests.test_wvtt import init, segment, vttc, wvtt_entry


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


def stored(
    files: Sequence[bytes],
    seconds: float = 4.0,
    *,
    head: bytes | None = None,
    starts: Sequence[float] | None = None,
    setup: Setup | None = None,
    kind: Kind = Kind.SUBTITLES,
    breaks: Collection[int] = (),
) -> Opening:
    """A stored track of segments of so many seconds, one after the other or at `starts`."""
    names = [f"{n}.bin" for n in range(len(files))]
    fetches = [
        Fetch(
            rendition="t",
            init=False,
            number=n,
            url=f"https://media.test/{name}",
            path=name,
            start=starts[n] if starts else n * seconds,
            duration=seconds,
            needs_init=None if head is None else 0,
            breaks=n in breaks,
            size=len(files[n]),
        )
        for n, name in enumerate(names)
    ]
    content = dict(zip(names, files, strict=True))
    if head is not None:
        first = Fetch(rendition="t", init=True, number=0, url="https://media.test/i", path="init", size=len(head))
        fetches.insert(0, first)
        content["init"] = head
    track = Track(id="t", kind=kind, container="vtt" if head is None else "mp4", setup=setup)
    plan = Plan(manifest_url="https://media.test/", wanted=Wanted(), tracks=(track,), fetches=tuple(fetches))
    return Opening(plan, "t", lambda fetch: content[fetch.path], {})


def vtt(*cues: tuple[float, float, str], head: str = "") -> bytes:
    made = tuple(Cue(start=round(s * 1000), end=round(e * 1000), text=text) for s, e, text in cues)
    text = webvtt.write(webvtt.Document(cues=made))
    return text.replace("WEBVTT", f"WEBVTT\n{head}" if head else "WEBVTT", 1).encode()


def shown(opening: Opening, media: Opening | None = None) -> list[tuple[float, float, str]]:
    return [(cue.start / 1000, cue.end / 1000, cue.text) for cue in subtitles.read(opening, media).cues]


def test_what_the_packager_cut_is_whole_again(root: Path) -> None:
    folder = packager.texts(root)
    source = webvtt.parse((folder / "source.vtt").read_bytes())
    numbers = range(1, 16)
    mp4 = stored(
        [(folder / f"wvtt/{n}.m4s").read_bytes() for n in numbers], head=(folder / "wvtt/init.mp4").read_bytes()
    )
    cut = stored([(folder / f"vtt/{n}.vtt").read_bytes() for n in numbers])
    film = stored([(folder / "film.mp4").read_bytes()], 60.0)
    beside = stored([(folder / "source.vtt").read_bytes()], 60.0)
    assert [subtitles.read(opening).cues for opening in (mp4, cut, film, beside)] == [source.cues] * 4
    assert subtitles.read(cut).blocks == subtitles.read(beside).blocks == source.blocks


PLACES = [
    pytest.param([0, 4, 8], [(1, 2), (5, 6), (9, 10)], [(1, 2), (5, 6), (9, 10)], id="of-the-title"),
    pytest.param([0, 4, 8], [(1, 2), (1, 2.5), (1, 3)], [(1, 2), (5, 6.5), (9, 11)], id="of-each-segment"),
    pytest.param([0, 4, 8], [(1, 2), (5, 6), (1, 3)], [(1, 2), (5, 6), (9, 11)], id="of-each-period"),
    pytest.param([0, 4, 8], [(1, 2), (3, 9), (3, 9)], [(1, 2), (3, 9)], id="of-the-title-and-repeated"),
    pytest.param([0, 4, 8], [(1, 4), (1, 4), (9, 10)], [(1, 4), (9, 10)], id="of-the-title-and-over-already"),
    pytest.param([0, 4, 8], [(1, 2), (11, 12), (9, 10)], [(1, 2), (9, 10), (11, 12)], id="a-segment-too-early"),
]


@pytest.mark.parametrize(("starts", "cues", "expected"), PLACES)
def test_webvtt_without_a_map(starts: list[float], cues: list[tuple[float, float]], expected: list[object]) -> None:
    opening = stored([vtt((*times, "x")) for times in cues], starts=starts)
    assert [(start, end) for start, end, _ in shown(opening)] == expected


@pytest.fixture(scope="module")
def pictures(root: Path) -> list[bytes]:
    """Segments of 2 s of MPEG-TS. The clock of the first picture is not 0."""
    return [(packager.streams(root, clear=True) / f"v-ts/{n}.ts").read_bytes() for n in packager.SEGMENTS]


def clock_of(segment: bytes) -> int:
    """When MPEG-TS begins, in units of 90 kHz."""

    begins = remux.begins(segment)
    assert begins
    return round(begins * 90_000)


MAPS = [
    pytest.param(0, 0, (1, 2), id="the-clock-of-the-media"),
    pytest.param(90_000, 0, (0, 1), id="a-second-later-than-the-media"),
    pytest.param(0, 1000, (0, 1), id="local-time"),
    pytest.param(2**33, 0, (1, 2), id="wrapped"),
    pytest.param(-(2**33), 0, (1, 2), id="wrapped-back"),
]


@pytest.mark.parametrize(("units", "local", "expected"), MAPS)
def test_webvtt_on_the_clock_of_mpeg_ts(
    pictures: list[bytes], units: int, local: int, expected: tuple[float, float]
) -> None:
    mpegts = (clock_of(pictures[0]) - units) % 2**33
    head = f"X-TIMESTAMP-MAP=LOCAL:00:00:0{local // 1000}.000,MPEGTS:{mpegts}"
    opening = stored([vtt((1, 2, "x"), head=head)], 2)
    assert shown(opening, stored(pictures, 2, kind=Kind.VIDEO)) == [(*expected, "x")]


def test_segments_are_counted_from_their_own_maps(pictures: list[bytes]) -> None:
    first = clock_of(pictures[0])
    own = [
        vtt((0.5, 1, f"{n}"), head=f"X-TIMESTAMP-MAP=MPEGTS:{first + n * 180_000},LOCAL:00:00.000") for n in range(4)
    ]
    expected = [(2 * n + 0.5, 2 * n + 1, f"{n}") for n in range(4)]
    assert shown(stored(own, 2), stored(pictures, 2, kind=Kind.VIDEO)) == expected


def test_a_clock_that_begins_anew_is_read_where_it_does(pictures: list[bytes]) -> None:
    """An advert, and the film again: the clock of each begins anew, and far from where the playlist has it."""
    starts = [0.0, 100.0, 102.0]
    media = stored([pictures[0], pictures[0], pictures[1]], 2, starts=starts, kind=Kind.VIDEO)
    head = f"X-TIMESTAMP-MAP=LOCAL:00:00.000,MPEGTS:{clock_of(pictures[0])}"
    texts = [vtt((0.5, 1, "a"), head=head), vtt((0.5, 1, "b"), head=head), vtt((2.5, 3, "c"), head=head)]
    assert shown(stored(texts, 2, starts=starts), media) == [(0.5, 1, "a"), (100.5, 101, "b"), (102.5, 103, "c")]


def test_a_clock_that_breaks_is_read_after_the_break(pictures: list[bytes]) -> None:
    """As near as it begins anew, no cue looks out of place."""
    starts = [0.0, 2.0, 4.0]
    breaks = [pictures[0], pictures[1], pictures[1]]
    media = stored(breaks, 2, starts=starts, kind=Kind.VIDEO, breaks={2})
    second = f"X-TIMESTAMP-MAP=LOCAL:00:00.000,MPEGTS:{clock_of(pictures[1])}"
    own = stored([vtt(), vtt((0.5, 1, "b"), head=second), vtt((0.5, 1, "c"), head=second)], 2, starts=starts)
    assert shown(own, media) == [(2.5, 3, "b"), (4.5, 5, "c")]


def test_a_map_without_media_that_tell_the_clock_is_no_error() -> None:
    head = "X-TIMESTAMP-MAP=LOCAL:00:00.000,MPEGTS:126000"
    assert shown(stored([vtt((1, 2, "x"), head=head)])) == [(1, 2, "x")]
    broken = stored([b"\x47" + bytes(187)], kind=Kind.VIDEO)
    assert shown(stored([vtt((1, 2, "x"), head=head)]), broken) == [(1, 2, "x")]


def test_wvtt_whose_clock_begins_elsewhere() -> None:
    """DASH with a presentationTimeOffset, and a second period whose clock begins at 0 again."""
    own = [segment((4000, vttc(f"{n}")), start=1_000_000 + 4000 * n) for n in range(2)]
    own.append(segment((4000, vttc("2")), start=0))
    assert shown(stored(own, head=init(wvtt_entry()))) == [(0, 4, "0"), (4, 8, "1"), (8, 12, "2")]


def test_wvtt_beside_places_that_were_rounded() -> None:
    own = [segment((4100, vttc(f"{n}")), start=4100 * n) for n in range(4)]
    assert [start for start, _, _ in shown(stored(own, head=init(wvtt_entry())))] == [0, 4.1, 8.2, 12.3]


def ttml(*times: tuple[str, str, str]) -> bytes:
    body = "".join(f'<p begin="{begin}" end="{end}">{text}</p>' for begin, end, text in times)
    return f'<tt xmlns="http://www.w3.org/ns/ttml"><body><div>{body}</div></body></tt>'.encode()


STPP = init(box("stpp", bytes(6), b"\0\1", b"http://www.w3.org/ns/ttml\0\0\0"))
SAMPLED = [
    pytest.param([("1s", "2s", "a")], [("4.5s", "9s", "b")], [(1, 2, "a"), (4.5, 8, "b")], id="of-the-track"),
    pytest.param([("1s", "2s", "a")], [("0.5s", "2s", "b")], [(1, 2, "a"), (4.5, 6, "b")], id="of-the-sample"),
    pytest.param([("1s", "6s", "a")], [("1s", "6s", "a")], [(1, 6, "a")], id="in-both-samples"),
    pytest.param([("1s", "2s", "a")], [], [(1, 2, "a")], id="an-empty-document"),
]


@pytest.mark.parametrize(("one", "two", "expected"), SAMPLED)
def test_ttml_in_mp4(
    one: list[tuple[str, str, str]], two: list[tuple[str, str, str]], expected: list[tuple[float, float, str]]
) -> None:
    own = [segment((4000, ttml(*one))), segment((4000, ttml(*two)), start=4000)]
    assert shown(stored(own, head=STPP)) == expected


def test_ttml_as_a_file() -> None:
    text = ttml(("1s", "2s", "a"), ("3s", "100h", "b")).replace(b' end="100h"', b"")
    assert shown(stored([text], 60)) == [(1, 2, "a"), (3, 60, "b")]


def test_ttml_of_smooth_streaming_has_no_init_segments() -> None:
    own = [box("moof") + box("mdat", ttml(("1s", "2s", "a"))), box("moof") + box("mdat", ttml(("5s", "6s", "b")))]
    assert shown(stored(own, setup=Setup(fourcc="TTML", timescale=10_000_000))) == [(1, 2, "a"), (5, 6, "b")]


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(DamagedError, match=r"^1\.bin: not WebVTT"):
        subtitles.read(stored([vtt(), b"<html", b"nonsense"][::2]))
    with pytest.raises(UnsupportedError, match="tx3g"):
        subtitles.read(stored([segment((1, b""))], head=init(box("tx3g", bytes(8)))))


def test_more_text_than_any_film_has_is_refused_before_it_is_read() -> None:
    files = [vtt((n, n + 1, "x" * 2**20)) for n in range(33)]
    with pytest.raises(UnsupportedError, match="subtitles of more than"):
        subtitles.read(stored(files))
