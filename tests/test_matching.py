"""Which files are which segments: a table of what tools leave, and what a file is made of by its boxes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest

from offlinedl.matching import Listing, Match, matches
from offlinedl.media import pieces
from offlinedl.media.pieces import File, Piece, Span
from offlinedl.model import Kind
from offlinedl.streams import ByteRange, Rendition, Resource, Segment
from tests.boxes import box, full_box, numbers

SECONDS, SCALE = 4, 1000


def rendition(count: int = 4, container: str = "mp4", url: str = "v/{}.m4s", name: str = "v") -> Rendition:
    """Segments of 4 s; with fragments, one init segment."""
    init = Segment(number=0, resource=Resource(url="https://x.test/film/v/init.mp4"))
    media = [
        Segment(
            number=n,
            resource=Resource(url=f"https://x.test/film/{url.format(n)}?sig=1"),
            start=Fraction(SECONDS * n),
            duration=Fraction(SECONDS),
        )
        for n in range(count)
    ]
    inits = (init,) if container == "mp4" else ()
    return Rendition(id=name, kind=Kind.VIDEO, container=container, inits=inits, segments=tuple(media))


def ranged(*sizes: int) -> Rendition:
    """Segments that are ranges of one file, an init segment of 10 bytes and an index of 5 before them."""
    url, at, media = "https://x.test/v.mp4", 15, []
    for n, size in enumerate(sizes):
        place = ByteRange(first=at, last=at + size - 1)
        media.append(
            Segment(number=n, resource=Resource(url=url, range=place), start=Fraction(4 * n), duration=Fraction(4))
        )
        at += size
    init = Segment(number=0, resource=Resource(url=url, range=ByteRange(first=0, last=9)))
    return Rendition(id="v", kind=Kind.VIDEO, container="mp4", inits=(init,), segments=tuple(media))


def blank(*paths: str, kind: str = "") -> list[File]:
    return [File(path=path, size=100, kind=kind) for path in paths]


def one(path: str, time: int | None, opens: bool = True) -> File:
    """A file that is a fragment."""
    return File(path=path, size=100, kind="mp4", pieces=(Piece(Span(path, 0, 100), 1, time, opens),))


def init(path: str) -> File:
    return File(path=path, size=10, kind="mp4", inits=(Span(path, 0, 10),), scales={1: SCALE})


def joined(*times: int | None, path: str = "film.mp4", torn: bool = False, opens: bool = True) -> File:
    """An init segment and fragments in one file, 100 bytes each."""
    found = [Piece(Span(path, 10 + 100 * n, 100), 1, time, opens) for n, time in enumerate(times)]
    edges = frozenset([0, 10, *(piece.span.end for piece in found)])
    return File(
        path=path, size=10 + 100 * len(times), kind="mp4", inits=(Span(path, 0, 10),), pieces=tuple(found),
        scales={1: SCALE}, edges=edges, torn=torn,
    )  # fmt: skip


def best(rendition: Rendition, files: Sequence[File], listings: Sequence[Listing] = ()) -> Match | None:
    return next(matches([rendition], files, listings), None)


def found(match: Match | None) -> dict[int, str]:
    """Where the segments lie: "path" of a whole file, else "path@first+size"."""
    spans = match.media.items() if match else ()
    return {n: s.path if not s.first and s.size == 100 else f"{s.path}@{s.first}+{s.size}" for n, s in sorted(spans)}


TS = rendition(container="ts", url="v720-{}.ts")
CASES = [
    pytest.param(TS, blank("v720-0.ts", "v720-2.ts"), {0: "v720-0.ts", 2: "v720-2.ts"}, True, id="names"),
    pytest.param(TS, blank("x.test/film/v720-1.ts"), {1: "x.test/film/v720-1.ts"}, True, id="a mirror of the site"),
    pytest.param(
        rendition(2, "ts", "{}/media.ts"), blank("0/media.ts", "1/media.ts"), {0: "0/media.ts", 1: "1/media.ts"}, True,
        id="names that only their folders tell apart",
    ),
    pytest.param(TS, blank(*(f"s{n}" for n in range(4))), {n: f"s{n}" for n in range(4)}, False, id="numbers from 0"),
    pytest.param(
        TS, blank(*(f"{n:03}.ts" for n in range(1, 5))), {n: f"{n + 1:03}.ts" for n in range(4)}, False,
        id="numbers from 1",
    ),
    pytest.param(TS, blank("9.ts", "10.ts", "11.ts", "12.ts"), {0: "9.ts", 1: "10.ts", 2: "11.ts", 3: "12.ts"}, False,
        id="numbers from anywhere, where there are as many"),
    pytest.param(TS, blank("0.ts", "3.ts"), {0: "0.ts", 3: "3.ts"}, False, id="numbers with gaps"),
    pytest.param(TS, blank("2.ts", "3.ts"), {}, None, id="numbers from who knows where"),
    pytest.param(TS, blank("0.ts", "1.ts", "7.ts"), {}, None, id="more numbers than segments"),
    pytest.param(TS, blank("0.ts", kind="mp4"), {}, None, id="numbers of files of another kind"),
    pytest.param(
        rendition(), [init("i.mp4"), *(one(f"{word}.m4s", t) for word, t in (("a", 8000), ("b", 0), ("c", 12000)))],
        {0: "b.m4s", 2: "a.m4s", 3: "c.m4s"}, True, id="files by their times",
    ),
    pytest.param(rendition(), [joined(0, 4000, 8000, 12000)], {n: f"film.mp4@{10 + 100 * n}+100" for n in range(4)},
        True, id="one file"),
    pytest.param(rendition(), [joined(0, 3990, 8010, 12005)], {n: f"film.mp4@{10 + 100 * n}+100" for n in range(4)},
        True, id="sound, which is cut where its frames end"),
    pytest.param(rendition(), [joined(0, 8000)], {0: "film.mp4@10+100", 2: "film.mp4@110+100"}, True,
        id="one file with a gap"),
    pytest.param(rendition(), [joined(90000, 94000, 98000, 102000)],
        {n: f"film.mp4@{10 + 100 * n}+100" for n in range(4)}, True, id="times of another begin"),
    pytest.param(rendition(), [joined(90000, 94000)], {0: "film.mp4@10+100", 1: "film.mp4@110+100"}, False,
        id="times of another begin, and the end is missing: a guess"),
    pytest.param(rendition(), [joined(0, 1000, 2000)], {}, None, id="times of another cut"),
    pytest.param(rendition(), [joined(0, 4000, 4000, 8000)], {}, None, id="one segment twice"),
    pytest.param(
        rendition(2), [joined(0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, opens=False)],
        {0: "film.mp4@10+400", 1: "film.mp4@410+400"}, True, id="several fragments a segment",
    ),
    pytest.param(
        rendition(3), [joined(0, 1000, 2000, 3000, 4000, opens=False)], {0: "film.mp4@10+400"}, True,
        id="several fragments a segment, and stopped in the second",
    ),
    pytest.param(rendition(2), [joined(0, 4000, opens=False, torn=True)], {0: "film.mp4@10+100"}, True, id="cut off"),
    pytest.param(rendition(2), [joined(0, opens=False, torn=True)], {}, None, id="cut off in the first segment"),
    pytest.param(
        rendition(2), [one("1\u00b22.m4s", 4000), one("1\u00b21.m4s", 0)], {0: "1\u00b21.m4s", 1: "1\u00b22.m4s"}, True,
        id="names with digits that are no numbers",
    ),
    pytest.param(rendition(), [joined(*[None] * 4)], {n: f"film.mp4@{10 + 100 * n}+100" for n in range(4)}, False,
        id="fragments without times, as many as segments"),
    pytest.param(rendition(), [joined(*[None] * 3)], {}, None, id="fragments without times, and not as many"),
    pytest.param(ranged(100, 100), [joined(0, 4000)], {0: "film.mp4@10+100", 1: "film.mp4@110+100"}, True,
        id="ranges in a file without its index"),
    pytest.param(ranged(100, 99), [joined(0, 4000)], {}, None, id="ranges of other sizes"),
    pytest.param(
        ranged(50, 50), [File(path="a.mp4", size=115, kind="mp4")], {0: "a.mp4@15+50", 1: "a.mp4@65+50"}, True,
        id="a file that is as long as all ranges",
    ),
    pytest.param(ranged(50, 50), [File(path="a.mp4", size=116, kind="mp4")], {}, None, id="a file that is longer"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "files", "expected", "sure"), CASES)
def test_a_segment_is_found(wanted: Rendition, files: list[File], expected: dict[int, str], sure: bool | None) -> None:
    match = best(wanted, files)
    assert found(match) == expected
    assert (match and match.sure) == sure


def test_a_playlist_tells_the_order_of_what_is_only_called_something() -> None:
    listing = Listing(path="v.m3u8", inits=(), media=(Span("x", 0, 100), None, Span("y", 0, 100), Span("z", 0, 100)))
    match = best(TS, blank("x", "y", "z"), [listing])
    assert found(match) == {0: "x", 2: "y", 3: "z"}
    assert best(rendition(3, "ts"), blank("x", "y", "z"), [listing]) is None


def test_the_rung_whose_paths_agree_most_comes_first() -> None:
    low, high = (rendition(container="ts", url=f"{name}/{{}}.ts", name=name) for name in ("v360", "v720"))
    files = [*blank(*(f"there/v720/{n}.ts" for n in range(4))), *blank("there/v360/0.ts")]
    first, second, *_ = matches([low, high], files)
    assert (first.rendition.id, first.likeness, len(first.media)) == ("v720", 2, 4)
    assert second.rendition.id == "v360"
    assert second.likeness < first.likeness


# what a file is made of


def moof(time: int, track: int = 1) -> bytes:
    head = full_box("tfhd", 0, numbers(track))
    return box("moof", box("traf", head, full_box("tfdt", 1, time.to_bytes(8)))) + box("mdat", b"media")


INIT = box("ftyp", b"isom") + box("moov", box("trak", full_box("tkhd", 0, bytes(8), numbers(1)), box(
    "mdia", full_box("mdhd", 0, bytes(8), numbers(SCALE)))))  # fmt: skip
STYP, SIDX, FREE, MFRA = box("styp", b"msdh"), box("sidx", bytes(20)), box("free", bytes(3)), box("mfra", bytes(9))
ONE, TWO = moof(0), moof(4000)

FILES = [
    pytest.param(INIT + ONE + TWO, [ONE, TWO], id="fragments"),
    pytest.param(INIT + STYP + SIDX + ONE + STYP + SIDX + TWO, [STYP + SIDX + ONE, STYP + SIDX + TWO], id="segments"),
    pytest.param(INIT + SIDX + ONE + TWO, [ONE, TWO], id="an index of all"),
    pytest.param(INIT + ONE + FREE + TWO + FREE, [ONE + FREE, TWO + FREE], id="what fills them up"),
    pytest.param(INIT + ONE + INIT + TWO + MFRA, [ONE, TWO], id="an init segment in the middle, an index at the end"),
    pytest.param(INIT + ONE + TWO[:-1], [ONE], id="cut off in its media"),
    pytest.param(INIT + ONE + TWO[:30], [ONE], id="cut off in its boxes"),
    pytest.param(INIT + ONE + b"\0\0", [ONE], id="cut off in a header"),
]


@pytest.mark.parametrize(("data", "expected"), FILES)
def test_a_file_is_cut_where_its_segments_begin(data: bytes, expected: list[bytes]) -> None:
    file = pieces.read("a.mp4", data)
    assert [data[piece.span.first : piece.span.end] for piece in file.pieces] == expected
    assert [piece.time for piece in file.pieces] == [0, 4000][: len(expected)]
    assert (file.kind, file.scales, file.remuxed) == ("mp4", {1: SCALE}, False)
    assert data[: file.inits[0].size] == INIT
    assert file.torn == (len(expected) == 1)


KINDS = [
    pytest.param(box("ftyp", b"isom") + box("moov") + box("mdat", b"all"), "mp4", True, id="no fragments"),
    pytest.param(b"\x47" + bytes(187) + b"\x47" + bytes(187), "ts", False, id="MPEG-TS"),
    pytest.param(b"\xef\xbb\xbfWEBVTT\n", "vtt", False, id="WebVTT"),
    pytest.param(b"\x1a\x45\xdf\xa3" + bytes(90), "webm", False, id="Matroska"),
    pytest.param(bytes(range(256)), "", False, id="nothing that shows"),
    pytest.param(b"", "", False, id="empty"),
]


@pytest.mark.parametrize(("data", "kind", "remuxed"), KINDS)
def test_a_file_is_of_a_kind(data: bytes, kind: str, remuxed: bool) -> None:
    file = pieces.read("a", data)
    assert (file.kind, file.remuxed, file.pieces) == (kind, remuxed, ())
