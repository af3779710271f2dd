"""Movie fragments, made (ISO/IEC 14496-12 section 8.8)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

_KEY, _OTHER = 0x02000000, 0x01010000
"""Section 8.8.3.1: a sample that depends on no other, and one that does and cannot be begun with."""
_BASE_IS_MOOF = 0x20000
_EACH_SAMPLE = 0x1 | 0x100 | 0x200 | 0x400 | 0x800
"""Section 8.8.8: an offset for the run; duration, size, flags and composition offset for each sample."""


class Sample(NamedTuple):
    """A frame, in units of its track; `offset` is from its decoding to its presentation, and may be negative."""

    data: bytes
    duration: int
    offset: int = 0
    is_key: bool = True


class Run(NamedTuple):
    """Samples of a track in the order of their decoding, the first of which is decoded at `start`."""

    track: int
    start: int
    samples: Sequence[Sample]


def fragment(number: int, runs: Sequence[Run]) -> bytes:
    """A moof and its mdat, `number` (from 1) being its place among those of a file."""
    size = len(_moof(number, runs, 0))
    media = b"".join(sample.data for run in runs for sample in run.samples)
    return _moof(number, runs, size + 8) + box("mdat", media)


def box(kind: str, *content: bytes) -> bytes:
    """Section 4.2."""
    return struct.pack(">I4s", 8 + sum(map(len, content)), kind.encode("latin-1")) + b"".join(content)


def full_box(kind: str, version: int, flags: int, *content: bytes) -> bytes:
    """A box with a version and flags."""
    return box(kind, (version << 24 | flags).to_bytes(4), *content)


def _moof(number: int, runs: Sequence[Run], at: int) -> bytes:
    """What the samples lie behind; those of the first run begin `at` bytes after its begin."""
    parts = [full_box("mfhd", 0, 0, number.to_bytes(4))]
    for run in runs:
        parts.append(_traf(run, at))
        at += sum(len(sample.data) for sample in run.samples)
    return box("moof", *parts)


def _traf(run: Run, at: int) -> bytes:
    table = (
        struct.pack(">IIIi", sample.duration, len(sample.data), _KEY if sample.is_key else _OTHER, sample.offset)
        for sample in run.samples
    )
    return box(
        "traf",
        full_box("tfhd", 0, _BASE_IS_MOOF, run.track.to_bytes(4)),
        full_box("tfdt", 1, 0, run.start.to_bytes(8)),
        full_box("trun", 1, _EACH_SAMPLE, struct.pack(">II", len(run.samples), at), *table),
    )
