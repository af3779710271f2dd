"""When the segments of a representation begin, and how many there are (23009-1 sections 5.3.9.5 and 5.3.9.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import repeat
from math import ceil
from typing import NamedTuple

from offlinedl.errors import DamagedError
from offlinedl.frozen import frozen
from offlinedl.manifest.units import signed, whole
from offlinedl.manifest.xml import Element, Row

S = Row("SegmentTimeline", ("t", "d", "r", "n"))
"""Section 5.3.9.6: when a segment begins, how long it is, how often it comes again, and its number."""
_WIDTH, _R, _N = 4, 2, 3
_HINT = "the MPD is damaged: fetch it again, or tell its publisher"


class Slots(NamedTuple):
    """Segments in columns: $Number$, $Time$, and the place on the title's time line in seconds."""

    numbers: Sequence[int]
    times: Sequence[int]
    starts: Sequence[Fraction]
    durations: Sequence[Fraction]


@frozen
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


def count(timing: Timing, duration: int, timeline: Element | None) -> int:
    """How many segments `slots` will make; never fewer than the timeline has S, each of which is work, too."""
    if timeline is None:
        return _by_duration(timing, Fraction(duration, timing.timescale))
    cells = timeline.cells or []
    elements = len(cells) // _WIDTH
    if timing.last is None and not any(cells[_R::_WIDTH]):
        return elements
    return max(elements, sum(count for *_, count in _runs(timing, timeline)))


def slots(timing: Timing, duration: int, timeline: Element | None) -> Slots:
    """The segments of a SegmentTimeline, or those of one `duration` where there is none (section 5.3.9.5)."""
    return _from_duration(timing, duration) if timeline is None else _from_timeline(timing, timeline)


def _by_duration(timing: Timing, each: Fraction) -> int:
    """As many as begin before the period ends, up to endNumber."""
    counts = []
    if timing.period is not None:
        counts.append(ceil(timing.period / each))
    if timing.last is not None:
        counts.append(timing.last - timing.first + 1)
    if not counts:
        raise DamagedError("it does not say how long the title is, nor how many segments it has", _HINT)
    return max(min(counts), 0)


def _from_duration(timing: Timing, duration: int) -> Slots:
    """Segments of one length; the last ends with the period."""
    each = Fraction(duration, timing.timescale)
    count = _by_duration(timing, each)
    times = range(timing.offset, timing.offset + count * duration, duration)
    starts = _on_the_time_line(times, timing)
    durations = [each] * count
    if count and timing.period is not None:
        durations[-1] = min(each, timing.start + timing.period - starts[-1])
    return Slots(range(timing.first, timing.first + count), times, starts, durations)


def _from_timeline(timing: Timing, timeline: Element) -> Slots:
    """The segments of a SegmentTimeline (section 5.3.9.6), up to endNumber."""
    numbers: list[int] = []
    times: list[int] = []
    durations: list[Fraction] = []
    jumps = any((timeline.cells or [])[_N::_WIDTH])
    for number, time, each, duration, count in _runs(timing, timeline):
        if jumps:
            numbers.extend(range(number, number + count))
        if count == 1:
            times.append(time)
            durations.append(duration)
        else:
            times.extend(range(time, time + each * count, each) if each else [time] * count)
            durations.extend([duration] * count)
    counted = numbers if jumps else range(timing.first, timing.first + len(times))
    return Slots(counted, times, _on_the_time_line(times, timing), durations)


def _runs(timing: Timing, timeline: Element) -> Iterator[tuple[int, int, int, Fraction, int]]:
    """Each S: the number and time of its first segment, how long each is, in units and in seconds, and how many.

    An S without @t follows the one before it; @n, where it is given, goes on counting from there.
    """
    number, time = timing.first, 0
    known: dict[str | None, tuple[int, Fraction]] = {}
    for position, (begin, length, again, own) in enumerate(timeline.rows(_WIDTH)):
        if length not in known:
            units = _whole(length, "d")
            known[length] = units, Fraction(units, timing.timescale)
        each, duration = known[length]
        if begin is not None:
            time = int(begin) if len(begin) <= 20 and begin.isascii() and begin.isdigit() else _whole(begin, "t")
        if own is not None:
            number = _whole(own, "n")
        repeated = 1 if again is None else _count(timeline, position, (time, each), timing)
        count = repeated if timing.last is None else max(min(repeated, timing.last - number + 1), 0)
        yield number, time, each, duration, count
        number += count
        time += each * repeated


def _on_the_time_line(times: Sequence[int], timing: Timing) -> list[Fraction]:
    """Media times in seconds from the title's begin (section 5.3.9.6.3), with one division each."""
    above, below = timing.start.numerator * timing.timescale, timing.start.denominator
    scale = timing.timescale * below
    offset = timing.offset * below - above
    return list(map(Fraction, [time * below - offset for time in times], repeat(scale)))


def _count(timeline: Element, position: int, run: tuple[int, int], timing: Timing) -> int:
    """How often the S at `position` stands: @r times more; below 0, to the next S@t or else the end of the period."""
    cells, after = timeline.cells or [], (position + 1) * _WIDTH
    repeat = signed(cells[after - _WIDTH + _R])
    if repeat is None:
        raise DamagedError("an S of a SegmentTimeline has an r that is not a number", _HINT)
    if repeat >= 0:
        return repeat + 1
    time, each = run
    following = cells[after] if after < len(cells) else None
    if following is not None:
        end = Fraction(_whole(following, "t"))
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
