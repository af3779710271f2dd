"""When the segments of a representation begin, and how many there are (23009-1 sections 5.3.9.5 and 5.3.9.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest.units import signed, whole
from offlinedl.manifest.xml import Element

MAX_SEGMENTS = 2_000_000

_HINT = "The MPD is damaged: fetch it again, or tell its publisher."


class Slots(NamedTuple):
    """The segments of a representation, a column each: $Number$, $Time$, and the place on the title's time line in seconds."""

    numbers: Sequence[int]
    times: Sequence[int]
    starts: Sequence[Fraction]
    durations: Sequence[Fraction]

    def rows(self) -> Iterator[tuple[int, int, Fraction, Fraction]]:
        """(number, time, start, duration) of each segment."""
        return zip(self.numbers, self.times, self.starts, self.durations, strict=True)


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


def from_duration(timing: Timing, duration: int) -> Slots:
    """Segments of one length: as many as begin before the period ends, up to endNumber; the last ends with it."""
    each = Fraction(duration, timing.timescale)
    counts = []
    if timing.period is not None:
        counts.append(ceil(timing.period / each))
    if timing.last is not None:
        counts.append(timing.last - timing.first + 1)
    if not counts:
        raise DamagedError("The MPD does not say how long the title is, nor how many segments it has.", _HINT)
    count = _within_limit(max(min(counts), 0))
    starts = [timing.start + each * k for k in range(count)]
    durations = [each] * count
    if count and timing.period is not None:
        durations[-1] = min(each, timing.start + timing.period - starts[-1])
    times = range(timing.offset, timing.offset + count * duration, duration)
    return Slots(range(timing.first, timing.first + count), times, starts, durations)


def from_timeline(timing: Timing, timeline: Element) -> Slots:
    """The segments of a SegmentTimeline (section 5.3.9.6), up to endNumber."""
    numbers: list[int] = []
    times: list[int] = []
    durations: list[Fraction] = []
    number = timing.first
    known: dict[int, Fraction] = {}
    for first, time, each, repeated in _runs(timeline.all("S"), timing):
        number = number if first is None else first
        count = repeated if timing.last is None else max(min(repeated, timing.last - number + 1), 0)
        _within_limit(len(times) + count)
        duration = known.get(each)
        if duration is None:
            duration = known[each] = Fraction(each, timing.timescale)
        numbers.extend(range(number, number + count))
        times.extend(range(time, time + each * count, each) if each else [time] * count)
        durations.extend([duration] * count)
        number += count
    return Slots(numbers, times, _on_the_time_line(times, timing), durations)


def _on_the_time_line(times: list[int], timing: Timing) -> list[Fraction]:
    """Media times in seconds from the title's begin (section 5.3.9.6.3), with one division each."""
    above, below = timing.start.numerator * timing.timescale, timing.start.denominator
    scale = timing.timescale * below
    offset = timing.offset * below - above
    return [Fraction(time * below - offset, scale) for time in times]


def _runs(elements: list[Element], timing: Timing) -> Iterator[tuple[int | None, int, int, int]]:
    """Each S as (number, time, duration, count). Without @t it follows the one before; a negative @r fills the room."""
    time = 0
    for position, element in enumerate(elements):
        attributes = element.attributes
        each = whole(attributes.get("d"))
        if each is None:
            raise DamagedError("An S of a SegmentTimeline has no duration.", _HINT)
        if "t" in attributes:
            time = _time(attributes["t"])
        count = 1
        if "r" in attributes:
            repeat = signed(attributes["r"])
            if repeat is None:
                raise DamagedError("An S of a SegmentTimeline has an r that is not a number.", _HINT)
            count = repeat + 1 if repeat >= 0 else _to_next(time, each, elements[position + 1 : position + 2], timing)
        yield whole(attributes.get("n")), time, each, count
        time += each * count


def _to_next(time: int, each: int, following: list[Element], timing: Timing) -> int:
    """How often an S with @r below 0 stands: until the next S@t, or else until the period ends."""
    given = following[0].get("t") if following else None
    if given is not None:
        end = Fraction(_time(given))
    elif timing.period is not None:
        end = timing.offset + timing.period * timing.timescale
    else:
        raise DamagedError("A SegmentTimeline repeats to the end of a period without end.", _HINT)
    if each == 0:
        raise DamagedError("An S of a SegmentTimeline repeats without a duration.", _HINT)
    return max(ceil((end - time) / each), 0)


def _time(text: str) -> int:
    time = whole(text)
    if time is None:
        raise DamagedError("An S of a SegmentTimeline has a t that is not a number.", _HINT)
    return time


def _within_limit(count: int) -> int:
    if count > MAX_SEGMENTS:
        raise UnsupportedError(f"A representation has more than {MAX_SEGMENTS} segments.", code="too-large")
    return count
