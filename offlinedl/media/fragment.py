"""Where the protected samples of a segment are (ISO/IEC 14496-12 section 8.8, ISO/IEC 23001-7 section 6)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, groupby
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.frozen import frozen
from offlinedl.media.auxiliary import Record, overridden, records, tells, whole_ivs
from offlinedl.media.encryption import SCHEMES, Encryption, Entry, Parameters, Track, is_seig, read_groups
from offlinedl.media.mp4 import Box, Boxes, Data, Reader, boxes, children, find, first, open_box
from offlinedl.media.samples import check_begins, check_units

_SMALL = 4096  # bytes; of larger samples the decryption itself takes longer than what is done for each
_FEW = 96  # three copies of so many samples of sound fit in what an allocator keeps
_LOCAL_GROUPS = 0x10000  # group indices above it count the descriptions of the fragment itself (14496-12 section 8.9.4)


Ranges: TypeAlias = Iterable[tuple[bytes, int, int]]
"""Of protected bytes of the segment: the IV of 16 bytes of the sample that begins with them, b"" where it began before;
their start and end."""


class Run(NamedTuple):
    """Samples without a gap: where they start and end, the size of each and, in a batch, its IV of 16 bytes."""

    start: int
    end: int
    sizes: Sequence[int]
    ivs: Sequence[bytes] = ()


class Batch(NamedTuple):
    """Protected samples with the same parameters. Their ranges can be read once; `runs` say the same of samples that
    are protected as a whole, and small: a few at a time, for memory taken anew in large pieces costs more than they."""

    scheme: str
    parameters: Parameters
    ranges: Ranges
    runs: Iterable[Run] = ()


class Protected(NamedTuple):
    """The protected samples of a segment, in file order, and the boxes of its fragments that speak of encryption."""

    batches: list[Batch]
    boxes: list[Box]


@frozen
class _Fragment:
    """The boxes of a traf box, its head (tfhd, section 8.8.7) and its runs, relative to its base. `base` is
    base-data-offset, None where it has none."""

    boxes: Boxes
    track: Track
    entry: Entry
    base: int | None
    from_moof: bool
    runs: tuple[Run, ...]


def has_encryption(segment: Data) -> bool:
    """Does a fragment say that its samples are encrypted, though there is no init segment to say how?"""
    return any(find(segment, "moof/traf/senc"))


def protected(encryption: Encryption, segment: Data) -> Protected:
    """What is protected in `segment`. Errors: DamagedError; UnsupportedError for other schemes."""
    found = Protected([], [])
    for inside, placed in _moofs(encryption, segment):
        for fragment, base in placed:
            if fragment.entry.parameters is not None:
                found.batches.extend(_batches(segment, fragment, base))
        told = chain(inside, *(fragment.boxes for fragment, _ in placed))
        found.boxes.extend(box for box in told if tells(segment, box))
    return found


def check(encryption: Encryption, segment: Data) -> None:
    """Samples have the form of their codec, as far as that shows: NAL units also where they are encrypted, because
    lengths are clear (23001-7 section 9.5.2) unless whole samples are. Errors: DamagedError."""
    for fragment, base in chain.from_iterable(placed for _, placed in _moofs(encryption, segment)):
        entry = fragment.entry
        for run in fragment.runs:
            if entry.unit and (entry.parameters is None or _has_subsamples(segment, fragment)):
                check_units(segment, entry.unit, base + run.start, run.sizes)
            elif entry.parameters is None:
                check_begins(segment, entry.format, base + run.start, run.sizes)


def placed(encryption: Encryption, segment: Data) -> Iterator[tuple[Boxes, list[Run]]]:
    """The boxes of each fragment (traf), and its runs of samples where they lie in `segment`. Errors: DamagedError."""
    for fragment, base in chain.from_iterable(own for _, own in _moofs(encryption, segment)):
        yield fragment.boxes, [Run(base + start, base + end, sizes) for start, end, sizes, _ in fragment.runs]


def _moofs(encryption: Encryption, segment: Data) -> Iterator[tuple[list[Box], list[tuple[_Fragment, int]]]]:
    """The boxes of each moof of `segment`, and its fragments, whose samples are there, each with what its offsets count
    from."""
    layout = list(boxes(segment))
    payloads = [box for box in layout if box.type == "mdat"]
    left = len(segment)  # samples that may still come: a few bytes can claim any number of them
    for moof in (box for box in layout if box.type == "moof"):
        inside = list(children(segment, moof))
        fragments: list[_Fragment] = []
        for traf in (box for box in inside if box.type == "traf"):
            fragments.append(_fragment(encryption, segment, traf, left))
            left -= sum(len(run.sizes) for run in fragments[-1].runs)
        placed = list(zip(fragments, _bases(fragments, moof, payloads), strict=True))
        for fragment, base in placed:
            _check_runs(fragment, base, payloads)
        yield inside, placed


def _has_subsamples(segment: Data, fragment: _Fragment) -> bool:
    box = first(fragment.boxes, "senc")
    return box is not None and bool(open_box(segment, box).full_box()[1] & 0x2)


def _fragment(encryption: Encryption, segment: Data, traf: Box, left: int) -> _Fragment:
    found = [*children(segment, traf)]  # once: there are as many fragments as segments, and more in long files
    box = first(found, "tfhd")
    if box is None:
        raise DamagedError(f"the fragment at byte {traf.start} has no head (tfhd)")
    head = open_box(segment, box)
    _, flags = head.full_box()
    track = encryption.tracks.get(number := head.number(4))
    base = head.number(8) if flags & 0x1 else None
    index = head.number(4) if flags & 0x2 else track.entry if track else 0
    head.take(4 if flags & 0x8 else 0)
    if track is None or not 0 < index <= len(track.entries):
        raise DamagedError(f"track {number}, sample description {index}: the init segment has none such")
    size = head.number(4) if flags & 0x10 else track.sample_size
    entry, runs = overridden(segment, found, track.entries[index - 1]), tuple(_runs(segment, found, size, left))
    return _Fragment(boxes=found, track=track, entry=entry, base=base, from_moof=bool(flags & 0x20000), runs=runs)


def _runs(segment: Data, traf: Boxes, default_size: int, left: int) -> Iterator[Run]:
    """The runs of samples (trun, section 8.8.8), `left` at most. One without an offset follows the one before."""
    at = 0
    for box in (box for box in traf if box.type == "trun"):
        reader = open_box(segment, box)
        _, flags = reader.full_box()
        count = reader.number(4)
        left -= count
        if left < 0:  # before anything is made that long
            raise DamagedError(f"a run of {count} samples is longer than all that is there")
        if flags & 0x1:
            (at,) = struct.unpack(">i", reader.take(4))
        reader.take(4 if flags & 0x4 else 0)
        sizes = _sizes(reader, count, flags, default_size)
        start, at = at, at + sum(sizes)
        yield Run(start, at, sizes)


def _sizes(reader: Reader, count: int, flags: int, default: int) -> Sequence[int]:
    fields = (flags & 0xF00).bit_count()
    numbers = struct.unpack(f">{count * fields}I", reader.take(4 * count * fields))
    return numbers[(flags >> 8) & 1 :: fields] if flags & 0x200 else (default,) * count


def _bases(fragments: Sequence[_Fragment], moof: Box, payloads: Sequence[Box]) -> Iterator[int]:
    """Where the offsets of each fragment count from, in the segment (section 8.8.7).

    base-data-offset counts from the start of the whole file, and the segment may be a piece of that: the piece starts
    where the first run then begins the first mdat box after its moof.
    """
    piece, end = None, moof.start
    for fragment in fragments:
        base = moof.start if fragment.from_moof else end
        if fragment.base is not None and fragment.runs:
            if piece is None:
                begin = next((box.body for box in payloads if box.start > moof.start), 0)
                piece = fragment.base + fragment.runs[0].start - begin
            base = fragment.base - piece
        if fragment.runs:
            end = base + fragment.runs[-1].end
        yield base


def _check_runs(fragment: _Fragment, base: int, payloads: Sequence[Box]) -> None:
    for run in fragment.runs:
        start, end = base + run.start, base + run.end
        if start != end and not any(box.body <= start and end <= box.end for box in payloads):
            raise DamagedError(f"samples at bytes {start} to {end}: no mdat box holds them")


def _batches(segment: Data, fragment: _Fragment, base: int) -> Iterator[Batch]:
    scheme = fragment.entry.scheme
    if scheme not in SCHEMES:
        raise UnsupportedError(f"media encrypted with the scheme {scheme!r}")
    counts = [len(run.sizes) for run in fragment.runs]
    parameters = _parameters(segment, fragment, sum(counts))
    ivs = whole_ivs(segment, fragment.boxes, parameters) if parameters else None
    if ivs:  # what sound has most of all, and thousands of them: nothing is looked at one by one
        for (start, end, sizes, _), done in zip(fragment.runs, accumulate(counts, initial=0), strict=False):
            run = Run(base + start, base + end, sizes, ivs[done : done + len(sizes)])
            few = _few(run) if end - start < _SMALL * len(sizes) else ()
            yield Batch(scheme, parameters[0], zip(run.ivs, *_edges(run), strict=False), few)
        return
    found = records(segment, fragment.boxes, parameters, base, counts)
    edges = chain.from_iterable(zip(*_edges(run, base), strict=False) for run in fragment.runs)
    for own, group in groupby(zip(parameters, edges, found, strict=True), itemgetter(0)):
        if own.protected:
            told = [span for _, (start, end), record in group for span in _protected(own, start, end, record)]
            yield Batch(scheme, own, told)


def _few(run: Run) -> Iterator[Run]:
    end = run.start
    for at in range(0, len(run.sizes), _FEW):
        sizes = run.sizes[at : at + _FEW]
        start, end = end, end + sum(sizes)
        yield Run(start, end, sizes, run.ivs[at : at + _FEW])


def _edges(run: Run, base: int = 0) -> tuple[Iterator[int], Iterator[int]]:
    """Where the samples begin, the end of the last one after them, and where they end."""
    starts, ends = (accumulate(run.sizes, initial=base + run.start) for _ in range(2))
    next(ends)
    return starts, ends


def _protected(own: Parameters, start: int, end: int, record: Record) -> Iterator[tuple[bytes, int, int]]:
    """The protected bytes of a sample; without subsamples that is all of it (23001-7 section 9.4).

    Of an IV of 8 bytes the others are the block counter, which starts at 0 (section 9.2).
    """
    iv = (record.iv or own.constant_iv).ljust(16, b"\0")
    if not record.iv and not own.constant_iv:
        raise DamagedError(f"the sample at byte {start} has no initialization vector")
    if not record.subsamples:
        yield iv, start, end
        return
    at = start
    for clear, protected in record.subsamples:
        at += clear + protected
        if protected:
            yield iv, at - protected, at
            iv = b""
    if at > end:
        raise DamagedError(f"the subsamples of the sample at byte {start} are longer than the sample")


def _parameters(segment: Data, fragment: _Fragment, count: int) -> list[Parameters]:
    """The parameters of each sample: those of its seig group, else those of its sample entry (section 6)."""
    own = read_groups(segment, fragment.boxes)
    default = own.default + _LOCAL_GROUPS if own.default else fragment.track.groups.default
    found: list[Parameters] = []
    for length, index in chain(_grouped(segment, fragment.boxes), [(count, 0)]):
        if fits := min(length, count - len(found)):
            found += [_group(fragment, own.parameters, index or default)] * fits
    return found


def _grouped(segment: Data, traf: Boxes) -> Iterator[tuple[int, int]]:
    """How many samples are in which group (sbgp, 14496-12 section 8.9.2), those of index 0 in none."""
    for box in (box for box in traf if box.type == "sbgp" and is_seig(segment, box)):
        reader = open_box(segment, box)
        version, _ = reader.full_box()
        reader.take(8 if version else 4)
        yield from struct.iter_unpack(">2I", reader.take(8 * reader.number(4)))


def _group(fragment: _Fragment, own: Sequence[Parameters], index: int) -> Parameters:
    if index == 0 and fragment.entry.parameters is not None:
        return fragment.entry.parameters
    groups, place = (own, index - _LOCAL_GROUPS) if index > _LOCAL_GROUPS else (fragment.track.groups.parameters, index)
    if not 0 < place <= len(groups):
        raise DamagedError(f"the sample group {index} is nowhere described")
    return groups[place - 1]
