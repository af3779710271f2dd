"""Boxes: what is read from whole ones, and that broken ones end in an error of ours and in no other."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offlinedl.errors import DamagedError, OfflinedlError
from offlinedl.media import mp4
from offlinedl.protection import Protection
from offlinedl.streams import ByteRange
from tests import packager
from tests.boxes import box, full_box

KID, OTHER = packager.KIDS["v"], packager.KIDS["a"]
COMMON = "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"


def protected_entry(kind: str, fields: int, scheme: bytes, kid: bytes) -> bytes:
    tenc = full_box("tenc", 0, bytes((0, 0, 1, 8)), kid)
    sinf = box("sinf", box("frma", b"avc1"), full_box("schm", 0, scheme, bytes(4)), box("schi", tenc))
    return box(kind, bytes(fields), box("avcC", b"x"), sinf)


def init_segment(*entries: bytes, moov: bytes = b"") -> bytes:
    traks = b"".join(
        box("trak", box("mdia", box("minf", box("stbl", full_box("stsd", 0, bytes(4), entry))))) for entry in entries
    )
    return box("ftyp", b"cmfc") + box("moov", traks, moov)


def pssh(version: int, *kids: bytes) -> bytes:
    listed = struct.pack(">I", len(kids)) + b"".join(kids) if version else b""
    return full_box("pssh", version, bytes.fromhex(COMMON.replace("-", "")), listed, bytes(4))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(b"", [], id="nothing holds no box"),
        pytest.param(box("free") + box("mdat", b"abc"), [("free", 0, 8, 8), ("mdat", 8, 16, 19)], id="two in turn"),
        pytest.param(b"\0\0\0\1mdat" + (18).to_bytes(8) + b"ab", [("mdat", 0, 16, 18)], id="64-bit size"),
        pytest.param(
            box("free") + b"\0\0\0\0mdatabc", [("free", 0, 8, 8), ("mdat", 8, 16, 19)], id="size 0: to the end"
        ),
        pytest.param(box("uuid", bytes(16), b"abc"), [("uuid", 0, 24, 27)], id="uuid: content after its long type"),
    ],
)
def test_boxes(data: bytes, found: list[tuple[str, int, int, int]]) -> None:
    assert list(mp4.boxes(memoryview(data))) == [mp4.Box(*expected) for expected in found]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        pytest.param(box("free") + b"\0\0\0\x08mo", 8, id="header cut off"),
        pytest.param(box("free") + b"\0\0\0\x10mdatabc", 8, id="content cut off"),
        pytest.param(b"\0\0\0\x07free", 0, id="smaller than its own header"),
        pytest.param(b"\0\0\0\1mdat" + (2**63).to_bytes(8), 0, id="64-bit size beyond all"),
        pytest.param(box("uuid", b"abc"), 8, id="uuid without its long type"),
    ],
)
def test_a_box_that_does_not_fit_is_damage_at_a_place(data: bytes, place: int) -> None:
    with pytest.raises(DamagedError, match=rf"\b{place}\b"):
        list(mp4.boxes(data))


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        pytest.param(init_segment(box("avc1", bytes(78))), [], id="clear"),
        pytest.param(
            init_segment(protected_entry("encv", 78, b"cbcs", KID), protected_entry("enca", 28, b"cbcs", KID)),
            [Protection(scheme="cbcs", kids=(KID,))],
            id="the same key for two tracks is one",
        ),
        pytest.param(
            init_segment(protected_entry("encv", 78, b"cenc", KID), protected_entry("enca", 28, b"cenc", OTHER)),
            [Protection(scheme="cenc", kids=(KID,)), Protection(scheme="cenc", kids=(OTHER,))],
            id="a key for each",
        ),
        pytest.param(
            init_segment(protected_entry("encv", 78, b"cenc", bytes(16))),
            [Protection(scheme="cenc")],
            id="a KID of zeros only says that keys rotate",
        ),
        pytest.param(
            init_segment(moov=pssh(0) + pssh(1, KID, OTHER)),
            [
                Protection(system=COMMON, init_data=pssh(0)),
                Protection(system=COMMON, kids=(KID, OTHER), init_data=pssh(1, KID, OTHER)),
            ],
            id="pssh boxes, kept whole",
        ),
    ],
)
def test_protections(init: bytes, expected: list[Protection]) -> None:
    assert list(mp4.protections(init)) == expected


def sidx(version: int, first_offset: int, *references: tuple[int, int]) -> bytes:
    times = struct.pack(">QQ" if version else ">II", 0, first_offset)
    entries = b"".join(struct.pack(">III", word, duration, 0) for word, duration in references)
    return full_box(
        "sidx", version, struct.pack(">II", 1, 1000), times, struct.pack(">HH", 0, len(references)), entries
    )


@pytest.mark.parametrize("version", [0, 1])
def test_a_sidx_counts_from_its_own_end(version: int) -> None:
    index = box("free", b"before it") + sidx(version, 10, (100, 1500), (1 << 31 | 50, 500))
    first = 700 + len(index) + 10
    assert mp4.sidx(index, 700) == (
        (ByteRange(first=first, last=first + 99), Fraction(3, 2), False),
        (ByteRange(first=first + 100, last=first + 149), Fraction(1, 2), True),
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(box("free"), id="no sidx"),
        pytest.param(sidx(0, 0, (100, 1))[:-1], id="cut off"),
        pytest.param(sidx(0, 0, (0, 1)), id="an empty piece"),
        pytest.param(sidx(0, 0, (100, 1)).replace(struct.pack(">I", 1000), bytes(4)), id="no time scale"),
    ],
)
def test_a_sidx_that_leads_nowhere_is_damage(data: bytes) -> None:
    with pytest.raises(DamagedError):
        mp4.sidx(data, 0)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


def test_the_sidx_of_a_real_file_names_its_segments(root: Path) -> None:
    data = (packager.package(root, "clear", single=True) / "v.mp4").read_bytes()
    head = next(mp4.find(data, "sidx")).start
    references = mp4.sidx(data[head:], head)
    pieces = [data[r.range.first : r.range.last + 1] for r in references]
    assert b"".join(pieces) == data[references[0].range.first :]
    assert [next(mp4.boxes(piece)).type for piece in pieces] == ["moof"] * len(packager.SEGMENTS)
    assert sum(r.duration for r in references) == 8


WHOLE = init_segment(protected_entry("encv", 78, b"cenc", KID), moov=pssh(1, KID, OTHER)) + sidx(1, 0, (100, 1500))


@pytest.mark.parametrize("read", [mp4.protections, lambda data: mp4.sidx(data, 0)], ids=["protections", "sidx"])
@given(
    flips=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4),
    end=st.integers(0, len(WHOLE)) | st.just(len(WHOLE)),
)
def test_whatever_is_broken_the_error_is_ours(
    read: Callable[[bytes], object], flips: list[tuple[int, int]], end: int
) -> None:
    data = bytearray(WHOLE)
    for at, value in flips:
        data[at] = value
    try:
        list(mp4.boxes(data[:end]))
        read(bytes(data[:end]))
    except OfflinedlError:
        pass
