"""Fragmented MP4 that was put together of several encodings, as that of one (ISO/IEC 14496-12).

HLS has init segments that change, and clocks that begin anew (EXT-X-MAP, EXT-X-DISCONTINUITY). FFmpeg, and with it most
players that are no browsers, takes the first init segment for that of all, and drops what its clock has seen before.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from offlinedl.errors import DamagedError
from offlinedl.media import mp4
from offlinedl.media.moof import Run, Sample, box, fragment
from offlinedl.media.mp4 import Box, Data

_SETUPS = {"avc1": ("avcC", 4, 5), "hvc1": ("hvcC", 21, 22)}
"""Where a decoder's setup has the length of lengths, and its parameter sets (ISO/IEC 14496-15 sections 5.3.3.1 and
8.3.3.1)."""
_VISUAL = 78
_DEPENDS = 0x10000
_HOLDERS = ("moov", "trak", "mdia", "minf", "stbl")
_MOST = 2**20
"""Samples in a run: before anything is made that long."""


class Track(NamedTuple):
    """A track of an init segment: its id, units a second, the time at which it is presented first (section 8.6.6), the
    box with its sample entries and these, and what holds where fragments say nothing: the number of an entry, then the
    duration, size and flags of samples (trex, section 8.8.3)."""

    id: int
    timescale: int
    shift: int
    described: bytes
    entries: tuple[bytes, ...]
    defaults: tuple[int, int, int, int]


class Joined:
    """Segments of `inits`, which become one but for the setup of their decoders."""

    def __init__(self, inits: Sequence[bytes]) -> None:
        self._tracks = [tuple(_tracks(init)) for init in inits]
        self._first = inits[0]

    @staticmethod
    def fits(inits: Sequence[bytes]) -> bool:
        """Can they be? They must have as many tracks, of the same codecs."""
        try:
            alike = {tuple(frozenset(e[4:8] for e in track.entries) for track in _tracks(init)) for init in inits}
        except DamagedError:
            return False
        return len(alike) == 1 and all(len(formats) == 1 for formats in next(iter(alike)))

    def init(self, number: int) -> bytes:
        """The init segment in the place of that number."""
        described = [track.described for track in self._tracks[number]]
        return b"".join(self._rewritten(outer, described) for outer in mp4.boxes(self._first))

    def begins(self, data: Data, number: int) -> float | None:
        """When a fragment of the init segment of that number is presented, in seconds; None for nothing."""
        found = [self._shown(run, number) for run in self._runs(data, number)]
        return min((float(at) for at in found), default=None)

    def fragment(self, data: Data, number: int, seconds: float) -> bytes:
        """The same, so many seconds later."""
        return fragment(1, [self._moved(run, number, seconds) for run in self._runs(data, number)])

    def _shown(self, run: Run, number: int) -> float:
        track = self._tracks[number][run.track]
        starts = accumulate((sample.duration for sample in run.samples), initial=run.start)
        first = min(start + sample.offset for start, sample in zip(starts, run.samples, strict=False))
        return (first - track.shift) / track.timescale

    def _moved(self, run: Run, number: int, seconds: float) -> Run:
        """In the units of the first init segment; rounding adds up to nothing."""
        own, first = self._tracks[number][run.track], self._tracks[0][run.track]
        later = first.shift / first.timescale - own.shift / own.timescale + seconds
        ends = list(accumulate((sample.duration for sample in run.samples), initial=run.start))
        times = [max(round((at / own.timescale + later) * first.timescale), 0) for at in ends]
        samples = [
            sample._replace(
                duration=times[n + 1] - times[n], offset=round(sample.offset / own.timescale * first.timescale)
            )
            for n, sample in enumerate(run.samples)
        ]
        return Run(first.id, times[0], samples)

    def _runs(self, data: Data, number: int) -> Iterator[Run]:
        """The samples of each track that a segment has, by its place among the tracks."""
        tracks = self._tracks[number]
        found: dict[int, Run] = {}
        for moof in (outer for outer in mp4.boxes(data) if outer.type == "moof"):
            for traf in (inner for inner in mp4.children(data, moof) if inner.type == "traf"):
                place, run = _run(data, moof, traf, tracks)
                before = found.get(place)
                found[place] = run if before is None else before._replace(samples=[*before.samples, *run.samples])
        inband = len({track[place].described for place in found for track in self._tracks}) > 1
        for place, run in sorted(found.items()):
            yield run._replace(samples=_set_up(run.samples, tracks[place])) if inband else run

    def _rewritten(self, own: Box, described: list[bytes]) -> bytes:
        if own.type == "stsd":
            return described.pop(0)
        if own.type in _HOLDERS:
            return box(own.type, *(self._rewritten(child, described) for child in mp4.children(self._first, own)))
        return self._first[own.start : own.end]


def _tracks(init: Data) -> Iterator[Track]:
    defaults = {}
    for trex in mp4.find(init, "moov/mvex/trex"):
        number, *own = struct.unpack(">4x5I", mp4.open_box(init, trex).take(24))
        defaults[number] = (own[0], own[1], own[2], own[3])
    for trak in mp4.find(init, "moov/trak"):
        head, clock = mp4.field(init, "tkhd", trak), mp4.field(init, "mdia/mdhd", trak)
        stsd = next(mp4.find(init, "mdia/minf/stbl/stsd", trak), None)
        if head is None or clock is None or stsd is None:
            raise DamagedError("a track without a head")
        head.take(16 if head.full_box()[0] else 8)
        clock.take(16 if clock.full_box()[0] else 8)
        number = head.number(4)
        entries = tuple(bytes(init[e.start : e.end]) for e in mp4.children(init, stsd))
        described = bytes(init[stsd.start : stsd.end])
        held = defaults.get(number, (1, 0, 0, 0))
        yield Track(number, max(clock.number(4), 1), _shift(init, trak), described, entries, held)


def _shift(init: Data, trak: Box) -> int:
    """Of the edits only the first that shows something counts in a file of fragments."""
    reader = mp4.field(init, "edts/elst", trak)
    if reader is None:
        return 0
    size = 8 if reader.full_box()[0] else 4
    for _ in range(min(reader.number(4), 2)):
        reader.take(size)
        time = int.from_bytes(reader.take(size), signed=True)
        reader.take(4)
        if time >= 0:
            return time
    return 0


def _run(data: Data, moof: Box, traf: Box, tracks: Sequence[Track]) -> tuple[int, Run]:
    """The samples of a track fragment (sections 8.8.7, 8.8.8 and 8.8.12); clear media, whose offsets count from their
    moof."""
    head, time = mp4.field(data, "tfhd", traf), mp4.field(data, "tfdt", traf)
    if head is None or time is None:
        raise DamagedError("a fragment that does not say when it begins")
    flags, number = head.full_box()[1], head.number(4)
    place = next((at for at, track in enumerate(tracks) if track.id == number), None)
    if place is None or flags & 1:
        raise DamagedError(f"track {number}: the init segment has none such, or its samples lie elsewhere")
    head.take(4 if flags & 2 else 0)
    defaults = [
        head.number(4) if flags & bit else own for bit, own in zip((8, 16, 32), tracks[place].defaults[1:], strict=True)
    ]
    start = time.number(8 if time.full_box()[0] else 4)
    at, samples = moof.start, list[Sample]()
    for trun in (own for own in mp4.children(data, traf) if own.type == "trun"):
        at, own = _samples(data, trun, defaults, (moof.start, at))
        samples += own
    return place, Run(place, start, samples)


def _samples(data: Data, trun: Box, defaults: Sequence[int], places: tuple[int, int]) -> tuple[int, list[Sample]]:
    """The samples of a run, and where they end. `places` are where its moof begins and where the run before ends."""
    reader = mp4.open_box(data, trun)
    version, flags = reader.full_box()
    count = reader.number(4)
    if count > _MOST:
        raise DamagedError(f"a run of {count} samples")
    base, at = places
    at = base + int.from_bytes(reader.take(4), signed=True) if flags & 1 else at
    first = reader.number(4) if flags & 4 else None
    found = []
    for n in range(count):
        duration, size, own = (
            reader.number(4) if flags & bit else default
            for bit, default in zip((256, 512, 1024), defaults, strict=True)
        )
        own = first if first is not None and n == 0 else own
        offset = int.from_bytes(reader.take(4), signed=version > 0) if flags & 2048 else 0
        if not 0 <= at <= at + size <= len(data):
            raise DamagedError("samples that are not there")
        found.append(Sample(bytes(data[at : at + size]), duration, offset, not own & _DEPENDS))
        at += size
    return at, found


def _set_up(samples: Sequence[Sample], track: Track) -> list[Sample]:
    """The parameter sets before each picture that depends on no other: who takes no second init segment has them."""
    sets = _sets(track.entries[min(track.defaults[0], len(track.entries)) - 1])
    return [sample._replace(data=sets + sample.data) if sets and sample.is_key else sample for sample in samples]


def _sets(entry: bytes) -> bytes:
    """The parameter sets of a sample entry as a sample has them."""
    name, length, at = _SETUPS.get(entry[4:8].decode("latin-1"), ("", 0, 0))
    found = next((own for own in mp4.boxes(entry, 8 + _VISUAL) if own.type == name), None) if name else None
    if found is None:
        return b""
    setup = mp4.open_box(entry, found)
    width = 1 + (entry[found.body + length] & 3)
    setup.take(at)
    units = []
    if name == "avcC":
        for mask in (31, 255):
            units += [setup.take(setup.number(2)) for _ in range(setup.number(1) & mask)]
    else:
        for _ in range(setup.number(1)):
            setup.take(1)
            units += [setup.take(setup.number(2)) for _ in range(setup.number(2))]
    return b"".join(len(unit).to_bytes(width) + unit for unit in units)
