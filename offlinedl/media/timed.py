"""Samples that have their times with them: those of text in fragments (ISO/IEC 14496-12 section 8.8)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple

from offlinedl.errors import DamagedError
from offlinedl.frozen import frozen
from offlinedl.media.encryption import Encryption, read_tracks
from offlinedl.media.fragment import placed
from offlinedl.media.mp4 import Box, Boxes, Data, children, field, find, first, open_box

_ENTRY_FIELDS = 8  # of a PlainTextSampleEntry, before its boxes (ISO/IEC 14496-30 section 6.4; 14496-12 section 8.5.2)


class Sample(NamedTuple):
    """When a sample begins and ends, in milliseconds of its track, and what it is."""

    start: int
    end: int
    data: bytes


@frozen
class Head:
    """What an init segment says of its one track of text: the format of its samples ("wvtt", "stpp"), what stands
    before all of them (vttC), units a second, and how long a sample is where nothing else says so."""

    tracks: Encryption
    format: str
    config: str
    timescale: int
    duration: int


def read_head(init: Data) -> Head:
    """The head of a clear init segment. Errors: DamagedError."""
    tracks = read_tracks(init)
    moov = next(find(init, "moov"))
    trak = next(find(init, "trak", moov), None)
    clock = trak and field(init, "mdia/mdhd", trak)
    entry = trak and next((e for stsd in find(init, "mdia/minf/stbl/stsd", trak) for e in children(init, stsd)), None)
    if clock is None or entry is None:
        raise DamagedError("an init segment without a track of text")
    clock.take(16 if clock.full_box()[0] else 8)
    timescale = clock.number(4)
    if not timescale:
        raise DamagedError("a track of text with a time scale of 0")
    extends = field(init, "mvex/trex", moov)
    duration = int.from_bytes(extends.take(16)[12:]) if extends else 0
    config = _config(init, entry) if entry.type == "wvtt" else ""
    return Head(tracks=tracks, format=entry.type, config=config, timescale=timescale, duration=duration)


def _config(init: Data, entry: Box) -> str:
    inside = Box(entry.type, entry.start, min(entry.body + _ENTRY_FIELDS, entry.end), entry.end)
    found = field(init, "vttC", inside)
    return found.take(found.end - found.at).decode("utf-8", "replace") if found else ""


def samples(head: Head, segment: Data) -> Iterator[Sample]:
    """The samples of a clear segment, in their order. Errors: DamagedError."""
    for boxes, runs in placed(head.tracks, segment):
        at, duration = _begin(segment, boxes), _default(segment, boxes, head.duration)
        timings = (timing for box in boxes if box.type == "trun" for timing in _timings(segment, box, duration))
        for run in runs:
            place = run.start
            for size in run.sizes:
                own, offset = next(timings)
                begin = at + offset
                yield Sample(
                    begin * 1000 // head.timescale,
                    (begin + own) * 1000 // head.timescale,
                    bytes(segment[place : place + size]),
                )
                place, at = place + size, at + own


def _begin(segment: Data, traf: Boxes) -> int:
    """Section 8.8.12: when a fragment begins."""
    box = first(traf, "tfdt")
    if box is None:
        return 0
    reader = open_box(segment, box)
    return reader.number(8 if reader.full_box()[0] else 4)


def _default(segment: Data, traf: Boxes, default: int) -> int:
    """Section 8.8.7: how long a sample of a fragment is where its run does not say so."""
    box = first(traf, "tfhd")
    if box is None:
        return default
    reader = open_box(segment, box)
    _, flags = reader.full_box()
    reader.take(4 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0))
    return reader.number(4) if flags & 0x8 else default


def _timings(segment: Data, box: Box, default: int) -> Iterator[tuple[int, int]]:
    """Section 8.8.8: duration and composition offset of each sample of a run."""
    reader = open_box(segment, box)
    _, flags = reader.full_box()
    count = reader.number(4)
    reader.take((4 if flags & 0x1 else 0) + (4 if flags & 0x4 else 0))
    fields = [flags & bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    for row in (
        struct.iter_unpack(f">{len(fields)}I", reader.take(4 * count * len(fields))) if fields else repeat((), count)
    ):
        own = dict(zip(fields, row, strict=True))
        offset = own.get(0x800, 0)
        yield own.get(0x100, default), offset - 2**32 if offset >= 2**31 else offset
