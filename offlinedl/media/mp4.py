"""Boxes of the ISO base media file format (ISO/IEC 14496-12), read from bytes.

Everything here takes untrusted bytes: whatever is wrong with them ends in DamagedError, never in another exception.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from typing import NamedTuple, TypeAlias
from uuid import UUID

from offlinedl.errors import DamagedError
from offlinedl.protection import Protection
from offlinedl.streams import ByteRange

Data: TypeAlias = bytes | bytearray | memoryview
Buffer: TypeAlias = bytearray | memoryview
"""Data that can be written."""

# Fixed fields that stand before the child boxes: stsd (8.5.2), VisualSampleEntry and AudioSampleEntry (12.1.3, 12.2.3)
_FIELDS_BEFORE_CHILDREN = {"stsd": 8, "encv": 78, "enca": 28, "enct": 8}
# The sample entries that encryption puts in the place of the codec's own (section 8.12)
ENCRYPTED_ENTRIES = ("encv", "enca", "enct")
NO_KID = bytes(16)
_HEADER = struct.Struct(">I4s")
# The boxes of PIFF 1.1 (sections 5.3.1 to 5.3.3) that became boxes of common encryption with the same content
_PIFF = {
    bytes.fromhex("8974dbce7be74c5184f97148f9882554"): "tenc",
    bytes.fromhex("a2394f525a9b4f14a2446c427c648df4"): "senc",
    bytes.fromhex("d08a4f1810f34a82b6c832d8aba183d3"): "pssh",
}
_BEFORE_SIDX = 16
_FIRST_BOXES = {
    b"ftyp",
    b"styp",
    b"moov",
    b"moof",
    b"sidx",
    b"free",
    b"emsg",
    b"prft",
    b"mdat",
    b"wide",
    b"skip",
    b"pdin",
}


class Box(NamedTuple):
    """A box at data[start:end] whose content begins at `body` (after the extended type of 16 bytes where there is one).

    `type` is "uuid" for extended types, those of PIFF apart: they are what became of them.
    """

    type: str
    start: int
    body: int
    end: int


Boxes: TypeAlias = Sequence[Box]


class Reference(NamedTuple):
    """One reference of a sidx: bytes in the resource, seconds, and whether another sidx is there instead of media."""

    range: ByteRange
    duration: Fraction
    is_index: bool


class Reader:
    """Reads big-endian fields in turn from data[at:end], and never past `end` (DamagedError)."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: Data, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def take(self, size: int) -> bytes:
        start, self.at = self.at, self.at + size
        if self.at > self.end:
            raise DamagedError(f"a box ends at byte {self.end}, where {size} bytes more are needed from {start}")
        return bytes(self.data[start : self.at])

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def full_box(self) -> tuple[int, int]:
        """(version, flags) of a FullBox (section 4.2)."""
        return divmod(self.number(4), 2**24)


def boxes(data: Data, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes that fill data[start:end] (section 4.2). Errors: DamagedError where one does not fit."""
    stop = len(data) if end is None else end
    while start < stop:
        box = _box(data, start, stop)
        yield box
        start = box.end


def _box(data: Data, at: int, stop: int) -> Box:
    if stop - at < _HEADER.size:
        raise DamagedError(f"a box ends at byte {stop}, in the header of one that begins at byte {at}")
    size, name = _HEADER.unpack_from(data, at)
    kind, body = name.decode("latin-1"), at + _HEADER.size
    if size < 2 or name == b"uuid":
        header = Reader(data, body, stop)
        # 1: the size follows in 8 bytes; 0: to the end of what holds it
        size = header.number(8) if size == 1 else size or stop - at
        kind = _PIFF.get(header.take(16), kind) if name == b"uuid" else kind
        body = header.at
    if not body <= at + size <= stop:
        raise DamagedError(f"the box {kind!r} at byte {at} cannot be {size} bytes long: {stop - at} are there")
    return Box(kind, at, body, at + size)


def children(data: Data, box: Box) -> Iterator[Box]:
    """The boxes in `box`, after its fixed fields. Only for boxes that hold boxes."""
    return boxes(data, min(box.body + _FIELDS_BEFORE_CHILDREN.get(box.type, 0), box.end), box.end)


def find(data: Data, path: str, within: Box | None = None) -> Iterator[Box]:
    """Every box at `path` ("moov/trak"), in file order, from the top of `data` or from the children of `within`."""
    first, _, rest = path.partition("/")
    for box in boxes(data) if within is None else children(data, within):
        if box.type == first and rest:
            yield from find(data, rest, box)
        elif box.type == first:
            yield box


def first(found: Boxes, kind: str) -> Box | None:
    """The first of these boxes that is of that type."""
    return next((box for box in found if box.type == kind), None)


def open_box(data: Data, box: Box) -> Reader:
    """A reader on the content of `box`."""
    return Reader(data, box.body, box.end)


def field(data: Data, path: str, within: Box) -> Reader | None:
    """A reader on the first box at `path` in `within`; None where there is none."""
    return next((open_box(data, box) for box in find(data, path, within)), None)


def is_piff(data: Data, box: Box) -> bool:
    """Does a box have its older form, that of PIFF?"""
    return bytes(data[box.start + 4 : box.start + 8]) == b"uuid"


def scheme_of(data: Data, sinf: Box) -> str | None:
    """The scheme_type of a protection scheme information box (section 8.12.5), such as "cenc"; None without one."""
    reader = field(data, "schm", sinf)
    if reader is None:
        return None
    reader.full_box()
    return reader.take(4).decode("latin-1")


def is_mp4(data: Data) -> bool:
    """Does `data` begin like an MP4 file or a piece of one (ISO/IEC 14496-12 section 4.3)?"""
    return bytes(data[4:8]) in _FIRST_BOXES


def protections(init: Data) -> tuple[Protection, ...]:
    """What an init segment says of its protection (ISO/IEC 23001-7 sections 8.1 and 8.2).

    First one Protection for each distinct tenc (no `system`; no `kids` where the KID is all zero, which is what
    rotating keys have), then one for each pssh box, as they stand. Errors: DamagedError.
    """
    stated = dict.fromkeys(_stated(init))
    holders = (box for box in boxes(init) if box.type in {"moov", "moof"})
    return (*stated, *(_system(init, pssh) for holder in holders for pssh in find(init, "pssh", holder)))


def _stated(init: Data) -> Iterator[Protection]:
    for stsd in find(init, "moov/trak/mdia/minf/stbl/stsd"):
        for entry in children(init, stsd):
            for sinf in find(init, "sinf", entry) if entry.type in ENCRYPTED_ENTRIES else ():
                for tenc in find(init, "schi/tenc", sinf):
                    reader = open_box(init, tenc)
                    reader.take(8)  # version, flags, pattern, isProtected, IV size
                    kid = reader.take(16)
                    scheme = None if is_piff(init, tenc) else scheme_of(init, sinf)
                    yield Protection(scheme=scheme, kids=() if kid == NO_KID else (kid,))


def _system(data: Data, pssh: Box) -> Protection:
    system, kids, _ = _pssh(open_box(data, pssh))
    return Protection(
        system=system,
        kids=tuple(kids[at : at + 16] for at in range(0, len(kids), 16)),
        init_data=(8 + pssh.end - pssh.body).to_bytes(4) + b"pssh" + data[pssh.body : pssh.end],
    )


def _pssh(reader: Reader) -> tuple[str, bytes, bytes]:
    """The system of a pssh box, the key ids that it names from version 1 on, and the system's own data."""
    version, _ = reader.full_box()
    system = str(UUID(bytes=reader.take(16)))
    kids = reader.take(16 * reader.number(4)) if version > 0 else b""
    return system, kids, reader.take(reader.number(4))


def about(pssh: Data) -> bytes:
    """The system's own data in the first of these pssh boxes; none where they are damaged."""
    try:
        return _pssh(open_box(pssh, next(boxes(pssh))))[2]
    except (DamagedError, StopIteration):
        return b""


def sidx(data: Data, offset: int) -> tuple[Reference, ...]:
    """The references of the first Segment Index box (section 8.16.3) in `data`, which is at `offset` of the resource.

    A few boxes before it are skipped. Errors: DamagedError, also where there is no sidx.
    """
    box = next((box for box in islice(boxes(data), _BEFORE_SIDX) if box.type == "sidx"), None)
    if box is None:
        raise DamagedError(f"no segment index (sidx) at byte {offset}")
    reader = open_box(data, box)
    version, _ = reader.full_box()
    reader.take(4)  # reference_ID
    timescale = reader.number(4)
    if timescale == 0:
        raise DamagedError("the segment index (sidx) has a time scale of 0")
    reader.take(8 if version else 4)  # earliest_presentation_time
    first = offset + box.end + reader.number(8 if version else 4)
    reader.take(2)
    return tuple(_references(reader, reader.number(2), timescale, first))


def _references(reader: Reader, count: int, timescale: int, first: int) -> Iterator[Reference]:
    for _ in range(count):
        word, duration = reader.number(4), Fraction(reader.number(4), timescale)
        reader.take(4)  # stream access point
        is_index, size = bool(word >> 31), word & 0x7FFFFFFF
        if size == 0:
            raise DamagedError("the segment index (sidx) refers to an empty piece")
        yield Reference(ByteRange(first=first, last=first + size - 1), duration, is_index)
        first += size
