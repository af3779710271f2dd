"""What the streams of a file become in fragments of MP4.

Every sample keeps when it is presented. When it is decoded only MP4 says: elsewhere FFmpeg guesses, and guesses other
times where an index leads into the middle of a file than from its begin. There the times of presentation in their order
are those of decoding, early enough for every picture to be decoded before it is shown.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.media import moof, mp4
from offlinedl.media.moof import Run, Sample
from offlinedl.remux.container import streams

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream

_INIT = {"movflags": "empty_moov+delay_moov+default_base_moof+skip_trailer"}
_ENOUGH, _TOO_MANY = 100, 5000
"""Packets of each stream that are looked at where only they tell how they are decoded, and of all streams: one that has
none among so many is left out."""
_MARGIN = 2
"""Pictures. A film may begin with fewer that wait for later ones than it has where more moves."""


class Lane(NamedTuple):
    """What a stream becomes: its number among tracks, and how many units a second it has there. In its own units:
    `delay` is how long before it is shown a picture is decoded, None where the file says that; `shift` is taken from
    all times so that none is negative, which the init segment says."""

    track: int
    scale: int
    delay: int | None
    shift: int


def prepared(container: InputContainer) -> tuple[Mapping[int, Lane], bytes]:
    """What the streams become, by their index, and the init segment, which FFmpeg makes of the first packet of each."""
    import av

    firsts = _firsts(container)
    buffer = io.BytesIO()
    lanes: dict[int, Lane] = {}
    with av.open(buffer, "w", format="mp4", options=_INIT) as out:
        made = {stream.index: _added(out, stream) for stream in streams(container) if stream.index in firsts}
        for index, (first, *_) in firsts.items():
            lane = _lane(made[index].index + 1, container, firsts[index])
            first.pts, first.dts = (first.pts or 0) if lane.shift else 0, lane.shift
            first.stream = made[index]
            out.mux_one(first)
            lanes[index] = lane
        scales = {index: (stream.time_base or Fraction(1)).denominator for index, stream in made.items()}
    data = buffer.getvalue()
    moov = next(mp4.find(data, "moov"), None)
    if moov is None:
        raise DamagedError("nothing in it can be played", "fetch it again")
    return {index: lane._replace(scale=scales[index]) for index, lane in lanes.items()}, data[: moov.end]


def fragment(number: int, packets: Iterable[Packet[Any]], lanes: Mapping[int, Lane]) -> bytes:
    """`packets` as the fragment of that number (from 0)."""
    by_stream: dict[int, list[Packet[Any]]] = {}
    for packet in packets:
        if packet.pts is not None and packet.stream.index in lanes:
            by_stream.setdefault(packet.stream.index, []).append(packet)
    return moof.fragment(number + 1, [_run(lanes[index], by_stream[index]) for index in sorted(by_stream)])


def _firsts(container: InputContainer) -> dict[int, list[Packet[Any]]]:
    found: dict[int, list[Packet[Any]]] = {}
    wanted, enough = streams(container), 1 if _tells(container) else _ENOUGH
    for count, packet in enumerate(container.demux(wanted)):
        if packet.pts is not None:
            found.setdefault(packet.stream.index, []).append(packet)
        if count > _TOO_MANY or (len(found) == len(wanted) and min(map(len, found.values())) >= enough):
            break
    return found


def _lane(track: int, container: InputContainer, firsts: Sequence[Packet[Any]]) -> Lane:
    first = firsts[0]
    if _tells(container):
        return Lane(track, 0, None, min(first.dts or 0, 0))
    delay = _delay([packet.pts or 0 for packet in firsts])
    return Lane(track, 0, delay, min((first.pts or 0) - delay, 0))


def _tells(container: InputContainer) -> bool:
    """Does the file say when each sample is decoded?"""
    return container.format.name.startswith("mov,")


def _delay(shown: Sequence[int]) -> int:
    """How long before it is shown a picture is decoded at most."""
    order = sorted(shown)
    late = max(place - own for place, own in zip(order, shown, strict=True))
    step = min((b - a for a, b in pairwise(order) if b > a), default=0)
    return late + _MARGIN * step if late else 0


def _added(out: OutputContainer, stream: Stream) -> Stream:
    try:
        added: Stream = out.add_stream_from_template(stream)
    except ValueError as error:
        name = stream.codec_context.name if stream.codec_context else "an unknown codec"
        raise UnsupportedError(f"{name} cannot be put into MP4", "ask for the title's HLS or DASH address") from error
    return added


def _run(lane: Lane, packets: Sequence[Packet[Any]]) -> Run:
    unit = (packets[0].time_base or Fraction(1)) * lane.scale
    shown = [round(((packet.pts or 0) - lane.shift) * unit) for packet in packets]
    if lane.delay is None:
        times = [round(((packet.dts or 0) - lane.shift) * unit) for packet in packets]
    else:
        times = [at - round(lane.delay * unit) for at in sorted(shown)]
    last = round((packets[-1].duration or 0) * unit) or (times[-1] - times[-2] if len(times) > 1 else 1)
    samples = [
        Sample(bytes(packet), max(later - own, 0), at - own, bool(packet.is_keyframe))
        for packet, at, own, later in zip(packets, shown, times, [*times[1:], times[-1] + last], strict=True)
    ]
    return Run(lane.track, max(times[0], 0), samples)
