"""Where a file is cut: before key frames, as far as an index tells where they are, else where reading finds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from offlinedl.errors import DamagedError
from offlinedl.remux.container import INTERLEAVED, main, streams

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

_SECONDS = 4
"""A segment is as long as that at least."""
_FAR = 60
"""Seconds. An index whose last place is as far from the end is not one of the whole file."""
_MICROSECOND = Fraction(1, 1_000_000)


class Cut(NamedTuple):
    """A segment: the time of its first packet in units of its stream, where that lies in the file, and in seconds its
    begin and length."""

    stamp: int
    place: int
    start: float
    duration: float


def cuts(at_begin: Callable[[], InputContainer]) -> Sequence[Cut]:
    """The segments of the file that `at_begin` opens. DamagedError where it has none."""
    container = at_begin()
    base = main(container).time_base or Fraction(1)
    places = _indexed(container, main(container))
    end = ((container.start_time or 0) + (container.duration or 0)) * _MICROSECOND
    if not places or not container.duration or end - max(places) * base > _FAR:
        places, end = _scanned(at_begin())
    chosen: list[int] = []
    for stamp in sorted(places):
        if not chosen or (stamp - chosen[-1]) * base >= _SECONDS:
            chosen.append(stamp)
    if not chosen:
        raise DamagedError("no key frame in it", "fetch it again")
    ends: list[Fraction | int] = [*chosen[1:], max(end / base, Fraction(chosen[-1] + 1))]
    return [
        Cut(stamp, places[stamp], float((stamp - chosen[0]) * base), float((after - stamp) * base))
        for stamp, after in zip(chosen, ends, strict=True)
    ]


def _indexed(container: InputContainer, stream: Stream) -> dict[int, int]:
    """The times of key frames and their places. The index of Matroska is read when it is needed first, and a file of
    fragments knows those that were read."""
    if container.format.name == INTERLEAVED:
        container.seek(0)
    elif not stream.frames or len(stream.index_entries) < stream.frames:
        return {}
    return {entry.timestamp: entry.pos for entry in stream.index_entries if entry.is_keyframe}


def _scanned(container: InputContainer) -> tuple[dict[int, int], Fraction]:
    """The same, and when all ends in seconds, from every packet."""
    index, by_shown = main(container).index, container.format.name == INTERLEAVED
    places: dict[int, int] = {}
    end = Fraction(0)
    for packet in container.demux(streams(container)):
        stamp = packet.pts if by_shown or packet.dts is None else packet.dts
        if stamp is None or packet.pts is None:
            continue
        end = max(end, (packet.pts + (packet.duration or 0)) * (packet.time_base or Fraction(1)))
        if packet.stream.index == index and packet.is_keyframe and packet.pos is not None:
            places[stamp] = packet.pos
    return places, end
