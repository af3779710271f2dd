"""Fragments in their places: which of them are one segment, and which one, by their times."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from offlinedl.media.pieces import File, Piece, Span
from offlinedl.streams import Segment

_NEAR = Fraction(1, 3)
"""Sound is cut where its frames end: so much of a segment may be off."""
_CHUNK = Fraction(15, 100)


def groups(pieces: Sequence[Piece], files: Sequence[File]) -> Iterator[list[Piece]]:
    """The fragments of each segment: where some say that a segment begins with them, those of one until the next. A
    file of one fragment is a segment, whatever else is in it."""
    alone = {file.path: file for file in files if len(file.pieces) == 1 and not file.inits}
    opens = any(piece.opens for piece in pieces)
    group: list[Piece] = []
    for piece in pieces:
        whole = alone.get(piece.span.path)
        if group and (piece.opens or not opens or piece.span.first != group[-1].span.end):
            yield group
            group = []
        group.append(piece if whole is None else piece._replace(span=whole.whole))
    if group and not (files[-1].torn and (len(group) > 1 or not opens)):  # of one that was cut off, more may be missing
        yield group


def placed(segments: Sequence[Segment], groups: Sequence[Sequence[Piece]], scale: int) -> tuple[dict[int, Span], bool]:
    """The places of the groups among the segments, and whether that is sure: where their times are on the title's time
    line, or, where there are as many as these, in their order."""
    spans = [Span(g[0].span.path, g[0].span.first, g[-1].span.end - g[0].span.first) for g in groups]
    units = [g[0].time for g in groups if g[0].time is not None]
    if not spans:  # of a file that was cut off in its first segment
        return {}, False
    is_even = len(groups) == len(segments)
    if len(units) != len(groups):
        return (dict(enumerate(spans)), False) if is_even else ({}, False)
    if not scale:
        in_order = all(before < after for before, after in pairwise(units))
        return (dict(enumerate(spans)), True) if is_even and in_order else ({}, False)
    timed = sorted(zip((Fraction(unit, scale) for unit in units), spans, strict=True))
    for origin in (Fraction(0), timed[0][0] - segments[0].start):
        places = _by_time(segments, [span for _, span in timed], [time - origin for time, _ in timed])
        if places:
            return places, origin == 0 or len(places) == len(segments)
    return {}, False


def _by_time(segments: Sequence[Segment], spans: Sequence[Span], times: Sequence[Fraction]) -> dict[int, Span]:
    """Nothing where one of them is nowhere near the begin of a segment, or the rest of one."""
    starts = [segment.start for segment in segments]
    in_chunks = len(spans) > len(segments)
    near = _CHUNK if in_chunks else _NEAR * sorted(segment.duration for segment in segments)[len(segments) // 2]
    places: dict[int, Span] = {}
    at = 0
    for span, time in zip(spans, times, strict=True):
        at = max(0, bisect_right(starts, time + _CHUNK) - 1)
        if not in_chunks and at + 1 < len(starts) and starts[at + 1] - time < time - starts[at]:
            at += 1
        if abs(time - starts[at]) <= near and at not in places:
            places[at] = span
        elif in_chunks and at in places and places[at].end == span.first and time < starts[at] + segments[at].duration:
            places[at] = places[at]._replace(size=span.end - places[at].first)
        else:
            return {}
    if in_chunks and at + 1 < len(segments):  # it was stopped, perhaps in the middle
        del places[at]
    return places
