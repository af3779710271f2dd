"""When the segments of a representation begin, and how many there are (23009-1 sections 5.3.9.5 and 5.3.9.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from math import ceil
from typing import NamedTuple

from offlinedl.errors import DamagedError
from offlinedl.manifest.limits import LIMITS, Limits
from offlinedl.manifest.units import signed, whole
from offlinedl.manifest.xml import Element

_HINT = "the MPD is damaged: fetch it again, or tell its publisher"


class Slots(NamedTuple):
    """Segments in columns: $Number$, $Time$, and the place on the title's time line in seconds."""

    numbers: Sequence[int]
    times: Sequence[int]
    starts: Sequence[Fraction]
    durations: Sequence[Fraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The clock of a representation: `offset` is presentationTimeOffset, `first` and `last` are segment numbers.

    `start` and `period` are the period's begin and length in seconds, the length None where it is unknown.
    """

    timescale: int
    offset: int
    first: int
    last: int | None
    start: Fraction
    period: Fraction | None
    limits: Limits = LIMITS


def from_duration(timing: Timing, duration: int) -> Slots:
    """Segments of one length: as many as begin before the period ends, up to endNumber; the last ends with it."""
    each = Fraction(duration, timing.timescale)
    counts = []
    if timing.period is not None:
        counts.append(ceil(timing.period / each))
    if timing.last is not None:
        counts.append(timing.last - timing.first + 1)
    if not counts:
        raise DamagedError("it does not say how long the title is, nor how many segments it has", _HINT)
    count = max(min(counts), 0)
    timing.limits.check_segments(count)
    starts = [timing.start + each * k for k in range(count)]
    durations = [each] * count
    if count and timing.period is not None:
        durations[-1] = min(each, timing.start + timing.period - starts[-1])
    times = range(timing.offset, timing.offset + count * duration, duration)
    return Slots(range(timing.first, timing.first + count), times, starts, durations)


def from_timeline(timing: Timing, timeline: Element) -> Slots:
    """The segments of a SegmentTimeline (section 5.3.9.6), up to endNumber.

    An S without @t follows the one before it; @n, where it is given, goes on counting from there.
    """
    numbers: list[int] = []
    times: list[int] = []
    durations: list[Fraction] = []
    number, time = timing.first, 0
    known: dict[str | None, tuple[int, Fraction]] = {}
    for position, row in enumerate(timeline.rows):
        length = row.get("d")
        if length not in known:
            units = _whole(length, "d")
            known[length] = units, Fraction(units, timing.timescale)
        each, duration = known[length]
        begin = row.get("t")
        if begin is not None:
            time = int(begin) if len(begin) <= 20 and begin.isascii() and begin.isdigit() else _whole(begin, "t")
        if "n" in row:
            number = _whole(row["n"], "n")
        repeated = _count(timeline.rows, position, (time, each), timing) if "r" in row else 1
        count = repeated if timing.last is None else max(min(repeated, timing.last - number + 1), 0)
        if count == 1:
            numbers.append(number)
            times.append(time)
            durations.append(duration)
        else:
            timing.limits.check_segments(len(times) + count)
            numbers.extend(range(number, number + count))
            times.extend(range(time, time + each * count, each) if each else [time] * count)
            durations.extend([duration] * count)
        number += count
        time += each * repeated
    timing.limits.check_segments(len(times))
    return Slots(numbers, times, _on_the_time_line(times, timing), durations)


def _on_the_time_line(times: list[int], timing: Timing) -> list[Fraction]:
    """Media times in seconds from the title's begin (section 5.3.9.6.3), with one division each."""
    above, below = timing.start.numerator * timing.timescale, timing.start.denominator
    scale = timing.timescale * below
    offset = timing.offset * below - above
    return list(map(Fraction, [time * below - offset for time in times], repeat(scale)))


def _count(rows: list[dict[str, str]], position: int, run: tuple[int, int], timing: Timing) -> int:
    """How often the S at `position` stands: @r times more; below 0, to the next S@t or else the end of the period."""
    repeat = signed(rows[position]["r"])
    if repeat is None:
        raise DamagedError("an S of a SegmentTimeline has an r that is not a number", _HINT)
    if repeat >= 0:
        return repeat + 1
    time, each = run
    following = rows[position + 1] if position + 1 < len(rows) else {}
    if "t" in following:
        end = Fraction(_whole(following["t"], "t"))
    elif timing.period is not None:
        end = timing.offset + timing.period * timing.timescale
    else:
        raise DamagedError("a SegmentTimeline repeats to the end of a period without end", _HINT)
    if each == 0:
        raise DamagedError("an S of a SegmentTimeline repeats without a duration", _HINT)
    return max(ceil((end - time) / each), 0)


def _whole(text: str | None, name: str) -> int:
    number = whole(text)
    if number is None:
        raise DamagedError(f"an S of a SegmentTimeline has no {name}, or one that is not a number", _HINT)
    return number
