"""What each sample says of its own encryption: senc, or saiz and saio (ISO/IEC 23001-7 section 7)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.media.encryption import SCHEMES, Entry, Parameters, is_seig, piff_entry
from offlinedl.media.mp4 import Box, Boxes, Data, Reader, first, is_piff, open_box

Subsamples: TypeAlias = tuple[tuple[int, int], ...]


class Record(NamedTuple):
    """`iv` is 0, 8 or 16 bytes; `subsamples` are (bytes clear, bytes protected), none where the whole is protected."""

    iv: bytes = b""
    subsamples: Subsamples = ()


def records(
    segment: Data, traf: Boxes, parameters: Sequence[Parameters], base: int, counts: Sequence[int]
) -> Iterator[Record]:
    """The record of each sample of a fragment: from senc, else through saiz and saio, else an empty one for each.

    `traf` is what is in that box, `parameters` are those of each sample, `base` is what offsets count from, `counts`
    the samples of each run. Errors: DamagedError; UnsupportedError for the forms of senc that are not of this
    standard's first edition.
    """
    senc = first(traf, "senc")
    if senc is not None:
        return _from_senc(open_box(segment, senc), is_piff(segment, senc), parameters)
    sizes, offsets = _sizes_and_offsets(segment, traf)
    if not sizes and not offsets:
        return (Record() for _ in parameters)
    # One offset is for all samples, else there is one for each run (14496-12 section 8.7.9)
    counts = [len(parameters)] if len(offsets) == 1 else counts
    if len(sizes) != len(parameters) or len(offsets) != len(counts):
        raise DamagedError(f"saiz and saio of the fragment at byte {traf[0].start} do not fit the samples")
    return _from_places(segment, parameters, sizes, _places([base + offset for offset in offsets], sizes, counts))


def whole_ivs(segment: Data, traf: Boxes, parameters: Sequence[Parameters]) -> Sequence[bytes] | None:
    """The IVs of the samples, 16 bytes each, where all have the same parameters and are protected as a whole, and senc
    says so; else None, and `records` tells."""
    own, count = parameters[0], len(parameters)
    senc = first(traf, "senc")
    if senc is None or not own.protected or parameters.count(own) != count:
        return None
    reader = open_box(segment, senc)
    if reader.full_box() != (0, 0) or reader.number(4) != count:
        return None
    if not own.iv_size:
        return [own.constant_iv.ljust(16, b"\0")] * count if own.constant_iv else None
    ivs = bytearray(16 * count)
    memoryview(ivs).cast("Q")[:: 16 // own.iv_size] = memoryview(reader.take(count * own.iv_size)).cast("Q")
    return struct.unpack("16s" * count, ivs)


def overridden(segment: Data, traf: Boxes, entry: Entry) -> Entry:
    """`entry` with the parameters that PIFF's sample encryption box may have of its own (PIFF 1.1 section 5.3.2)."""
    senc = first(traf, "senc")
    if senc is None or entry.parameters is None or not is_piff(segment, senc):
        return entry
    reader = open_box(segment, senc)
    return piff_entry(entry.format, reader) if reader.full_box()[1] & 0x1 else entry


def _from_senc(reader: Reader, piff: bool, parameters: Sequence[Parameters]) -> Iterator[Record]:
    """senc (section 7.2). It may leave out the samples that are clear."""
    version, flags = reader.full_box()
    if piff and flags & 0x1:
        reader.take(20)
    elif version or flags & 0x1:
        raise UnsupportedError("sample encryption (senc) for several keys, or with parameters of its own")
    count, protected = reader.number(4), sum(own.protected for own in parameters)
    if count not in {len(parameters), protected}:
        raise DamagedError(f"sample encryption (senc) for {count} samples, where there are {len(parameters)}")
    for own in parameters:
        yield _record(reader, own, bool(flags & 0x2)) if own.protected or count > protected else Record()


def _record(reader: Reader, parameters: Parameters, has_subsamples: bool) -> Record:
    iv = reader.take(parameters.iv_size)
    table = reader.take(6 * reader.number(2)) if has_subsamples else b""
    return Record(iv, tuple(struct.iter_unpack(">HI", table)))


def _sizes_and_offsets(segment: Data, traf: Boxes) -> tuple[Sequence[int], Sequence[int]]:
    """The content of saiz and saio (ISO/IEC 14496-12 sections 8.7.8 and 8.7.9)."""
    sizes: Sequence[int] = ()
    offsets: Sequence[int] = ()
    for box in (box for box in traf if _is_auxiliary(segment, box)):
        reader = open_box(segment, box)
        version, flags = reader.full_box()
        reader.take(8 if flags & 0x1 else 0)
        if box.type == "saio":
            width = 8 if version else 4
            offsets = [reader.number(width) for _ in range(reader.number(4))]
        else:
            default, count = reader.number(1), reader.number(4)
            # No more than the segment has bytes: a count may say anything
            sizes = bytes([default]) * min(count, len(segment)) if default else reader.take(count)
    return sizes, offsets


def tells(data: Data, box: Box) -> bool:
    """Does a box of a moof or traf speak of encryption?"""
    if box.type in {"sgpd", "sbgp"}:
        return is_seig(data, box)
    return box.type in {"senc", "pssh"} or _is_auxiliary(data, box)


def _is_auxiliary(segment: Data, box: Box) -> bool:
    """saiz and saio, unless they say that they are about something else than encryption."""
    if box.type not in {"saiz", "saio"}:
        return False
    typed = bytes(segment[box.body + 3 : box.body + 4]) == b"\x01"
    return not typed or bytes(segment[box.body + 4 : box.body + 8]).decode("latin-1") in SCHEMES


def _places(offsets: Sequence[int], sizes: Sequence[int], counts: Sequence[int]) -> Iterator[int]:
    """Where each record starts: those of one offset follow each other."""
    rest = iter(sizes)
    for offset, count in zip(offsets, counts, strict=True):
        place = offset
        for _ in range(count):
            yield place
            place += next(rest)


def _from_places(
    segment: Data, parameters: Sequence[Parameters], sizes: Sequence[int], places: Iterator[int]
) -> Iterator[Record]:
    for own, start, size in zip(parameters, places, sizes, strict=True):
        if not 0 <= start <= start + size <= len(segment):
            raise DamagedError(f"saio points to byte {start}, where the segment is not")
        yield _record(Reader(segment, start, start + size), own, size > own.iv_size) if size else Record()
