"""MPEG-2 transport streams (ISO/IEC 13818-1): what they carry, and where in them it lies.

Everything here takes untrusted bytes: whatever is wrong with them ends in DamagedError.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from offlinedl.errors import DamagedError
from offlinedl.media.mp4 import Data, Reader

PACKET = 188
_SYNC, _HEAD = 0x47, 4
_PLAIN = re.compile(rb"(?s)G([\0-?\x80-\xbf].)[\x10-\x1f].{184}(?:G\1[\x10-\x1f].{184})*+")
"""Packets of one PID that nothing begins in, and that are a head and a payload alone (section 2.4.3.2)."""
_PAT, _PMT = 0, 2  # table ids (section 2.4.4)
_SECTION_PACKETS = 32  # more than any section needs

Spans: TypeAlias = list[tuple[int, int]]
"""The (start, end) of bytes that belong together, in their order. Where they go on over packets, the heads of those
that begin within are no part of them."""


class Stream(NamedTuple):
    """An elementary stream of a program map: its stream_type, its PID, and its descriptors as they stand."""

    type: int
    pid: int
    descriptors: bytes


Payload: TypeAlias = tuple[int, int, int]
"""The (start, end) of the payload of a packet, or of plain ones as of Spans; and whether a section or PES packet begins
in it: 0 for none."""


class Transport:
    """A segment taken apart. The PIDs of its streams with their types are in `streams`."""

    def __init__(self, segment: Data) -> None:
        self._segment = segment
        self._payloads = _payloads(segment)
        programs = {pid for section in self._sections(0) for pid in _programs(gather(segment, section))}
        self.maps = [section for pid in sorted(programs) for section in self._sections(pid)]
        self.streams = {s.pid: s.type for section in self.maps for s in _streams(gather(segment, section))}

    def elementary(self, pid: int) -> Spans:
        """Where the bytes of an elementary stream lie, without the headers of its PES packets (section 2.4.3.6)."""
        return [
            (start + _pes_header(self._segment, start, end) if begins else start, end)
            for start, end, begins in self._payloads.get(pid, ())
        ]

    def _sections(self, pid: int) -> Iterator[Spans]:
        """The sections that a PID carries, one at the beginning of a payload (section 2.4.4.1)."""
        payloads = self._payloads.get(pid, ())
        for number, (start, end, begins) in enumerate(payloads):
            at = start + 1 + self._segment[start] if begins and start < end else end
            if at + 3 <= end:
                size = 3 + (int.from_bytes(self._segment[at + 1 : at + 3]) & 0xFFF)
                others = payloads[number + 1 : number + _SECTION_PACKETS]
                rest = (piece for start, end, begins in others if not begins for piece in _pieces(start, end))
                yield _first(size, (at, end), rest)


def _payloads(segment: Data) -> dict[int, list[Payload]]:
    """The payloads of each PID (section 2.4.3.2)."""
    found: dict[int, list[Payload]] = {}
    if len(segment) % PACKET or bytes(segment[::PACKET]).strip(bytes((_SYNC,))):
        raise DamagedError("not whole packets of MPEG-TS")
    at = 0
    while at < len(segment):
        plain = _PLAIN.match(segment, at)  # at once: to look into each packet takes ten times as long
        end = plain.end() if plain else at + PACKET
        high, low, control = segment[at + 1 : at + _HEAD]
        start = at + _HEAD
        if control & 0x20:
            start += 1 + segment[start]
            if start > end:
                raise DamagedError(f"the packet at byte {at} has an adaptation field that is longer than itself")
        if control & 0x10:
            found.setdefault((high & 0x1F) << 8 | low, []).append((start, end, high & 0x40))
        at = end
    return found


def _pieces(start: int, end: int) -> Iterator[tuple[int, int]]:
    """A span, packet for packet."""
    while start < end:
        packet = start - start % PACKET + PACKET
        yield start, min(packet, end)
        start = packet + _HEAD


def _first(size: int, span: tuple[int, int], rest: Iterable[tuple[int, int]]) -> Spans:
    """The first `size` bytes of all."""
    spans: Spans = []
    for start, end in (span, *([] if span[1] - span[0] >= size else rest)):
        spans.append((start, min(end, start + size)))
        size -= spans[-1][1] - start
        if not size:
            return spans
    raise DamagedError(f"the section at byte {span[0]} has no end")


def _pes_header(segment: Data, start: int, end: int) -> int:
    """How long the header of the PES packet is that begins here."""
    size = 9 + segment[start + 8] if start + 9 <= end else 0
    if bytes(segment[start : start + 3]) != b"\0\0\1" or not 0 < size <= end - start:
        raise DamagedError(f"the packet at byte {start} does not begin with the header of a PES packet")
    return size


def gather(segment: Data, spans: Sequence[tuple[int, int]]) -> bytearray:
    """What lies at `spans`, in one."""
    whole = bytearray()
    for start, end in spans:
        first = min(start - start % PACKET + PACKET, end)
        others = bytearray(segment[first:end])
        for left in range(_HEAD):  # each time the first byte of all heads
            del others[:: PACKET - left]
        whole += segment[start:first]
        whole += others
    return whole


def _programs(section: Data) -> Iterator[int]:
    """The PIDs of the program maps (section 2.4.4.3). Program 0 is the network, which has none."""
    for at in range(8, len(section) - 4 - 3, 4) if section[0] == _PAT else ():
        if section[at : at + 2] != b"\0\0":
            yield int.from_bytes(section[at + 2 : at + 4]) & 0x1FFF


def _streams(section: Data) -> Iterator[Stream]:
    """What a program map lists (section 2.4.4.8)."""
    if section[0] != _PMT:
        return
    reader = Reader(section, 0, len(section) - 4)
    reader.take(10)
    reader.take(reader.number(2) & 0xFFF)
    while reader.at < reader.end:
        kind, pid = reader.number(1), reader.number(2) & 0x1FFF
        yield Stream(kind, pid, reader.take(reader.number(2) & 0xFFF))


def rewrite_map(segment: bytearray, spans: Spans, change: Callable[[Stream], Stream]) -> None:
    """Change the streams of the program map that lies at `spans`. It must not grow: what is left over is stuffed."""
    old = gather(segment, spans)
    if old[0] != _PMT:
        return
    head = old[:12] + old[12 : 12 + (int.from_bytes(old[10:12]) & 0xFFF)]
    body = b"".join(
        bytes((s.type,)) + (0xE000 | s.pid).to_bytes(2) + (0xF000 | len(s.descriptors)).to_bytes(2) + s.descriptors
        for s in map(change, _streams(old))
    )
    size = len(head) + len(body) + 4 - 3
    new = head[:1] + (int.from_bytes(head[1:3]) & 0xF000 | size).to_bytes(2) + head[3:] + body
    scatter(segment, spans, (new + _crc(new).to_bytes(4)).ljust(len(old), b"\xff"))


def scatter(segment: bytearray, spans: Spans, content: bytes | bytearray) -> None:
    """Put back what was gathered from `spans`."""
    at = 0
    for start, end in spans:
        first = min(start - start % PACKET + PACKET, end)
        segment[start:first] = content[at : at + first - start]
        at += first - start
        if first == end:
            continue
        count = (end - first) // PACKET
        size = count * (PACKET - _HEAD)
        pieces = struct.unpack(f"{PACKET - _HEAD}s" * count, content[at : at + size])
        packets = bytearray(bytes(_HEAD).join((b"", *pieces)))
        for n in range(_HEAD):
            packets[n::PACKET] = segment[first + n : end : PACKET]
        segment[first:end] = packets
        at += size


def _crc(data: Data) -> int:
    """The CRC_32 of sections (annex A)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc


def tables(beginning: Data) -> bytes:
    """The packets at the beginning of a stream that say what is in it: the first with the program association and with
    each program map (sections 2.4.4.3 and 2.4.4.8); as far as there are any."""
    packets = [bytes(beginning[at : at + PACKET]) for at in range(0, len(beginning) - PACKET + 1, PACKET)]
    firsts: dict[int, bytes] = {}
    for packet in packets:
        if packet[1] & 0x40:
            firsts.setdefault((packet[1] & 0x1F) << 8 | packet[2], packet)
    if 0 not in firsts:
        return b""
    whole = Transport(firsts[0])
    programs = [pid for spans in whole._sections(0) for pid in _programs(gather(firsts[0], spans))]
    return b"".join(firsts[pid] for pid in (0, *programs) if pid in firsts)
