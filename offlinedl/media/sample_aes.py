"""SAMPLE-AES undone in MPEG-TS and packed audio, in place, without a change of any size.

Apple's "MPEG-2 Stream Encryption Format for HTTP Live Streaming": H.264, AAC, AC-3 and Enhanced AC-3. Each frame or NAL
unit is in CBC by itself, from the same IV on. In fMP4 the same METHOD is common encryption (cbcs): see `cenc`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.media.mp4 import Data
from offlinedl.media.mpegts import Stream, Transport, gather, rewrite_map, scatter

_BLOCK = 16
_LEADER = 16  # bytes that stay clear at the beginning of an audio frame, its ADTS header apart
_NAL_LEADER, _NAL_ROUND = 32, 160  # of a NAL unit; then one block in each round of ten
_SLICES = {1, 5}  # the NAL units that are encrypted: slices of pictures (nal_unit_type)
_AC3_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)  # kbit/s


class _Run(NamedTuple):
    """Encrypted blocks of one frame or NAL unit: where the first is, how many, and from one to the next."""

    start: int
    blocks: int
    step: int = _BLOCK


def decrypt(segment: bytearray, key: bytes, iv: bytes) -> None:
    """Decrypt `segment` in place. The program map of MPEG-TS says then that its streams are clear; where a NAL unit
    loses bytes that its encryption had needed, zeros follow it. Errors, before any byte is changed: DamagedError;
    UnsupportedError where no stream is of a kind that is encrypted so."""
    if len(key) != _BLOCK or len(iv) != _BLOCK:
        raise DamagedError(f"a SAMPLE-AES key of {len(key)} bytes with an IV of {len(iv)}: both must have {_BLOCK}")
    if segment[:1] != b"G":
        _undo(segment, list(_audio(segment)), key, iv)
        return
    transport = Transport(segment)
    if not _KINDS.keys() & set(transport.streams.values()):
        raise UnsupportedError("SAMPLE-AES of a stream that is neither H.264, AAC nor AC-3", "ask for the DASH address")
    found = [(transport.elementary(pid), _KINDS[kind]) for pid, kind in transport.streams.items() if kind in _KINDS]
    clear = []
    for spans, own in found:
        stream = gather(segment, spans)
        _undo(stream, list(own.runs(stream)), key, iv)
        clear.append((spans, stream))
    for spans, stream in clear:
        scatter(segment, spans, stream)
    for section in transport.maps:
        rewrite_map(segment, section, _cleared)


def check(packed: Data) -> None:
    """Packed audio is whole frames, encrypted or not, one after the other. Errors: DamagedError."""
    for _ in _audio(packed):
        pass


def _undo(data: bytearray, runs: list[_Run], key: bytes, iv: bytes) -> None:
    """One cipher for all: to feed the IV as if it were a block starts the chain anew, see `cenc`."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    chain = bytearray()
    for run in runs:
        chain += iv + _gathered(data, run)
    clear = Cipher(algorithms.AES(key), modes.CBC(bytes(_BLOCK))).decryptor().update(chain)
    place = 0
    for run in runs:
        place += _BLOCK + run.blocks * _BLOCK
        _scattered(data, run, clear[place - run.blocks * _BLOCK : place])


def _gathered(data: bytearray, run: _Run) -> bytearray:
    """The blocks of a run. Where they lie apart, the first bytes of all of them, then the second ones, and so on: to
    copy each block takes much longer."""
    start, end = run.start, run.start + run.blocks * run.step
    if run.step == _BLOCK:
        return data[start:end]
    blocks = bytearray(run.blocks * _BLOCK)
    for n in range(_BLOCK):
        blocks[n::_BLOCK] = data[start + n : end : run.step]
    return blocks


def _scattered(data: bytearray, run: _Run, blocks: bytes) -> None:
    """Put back what was gathered."""
    start, end = run.start, run.start + run.blocks * run.step
    if run.step == _BLOCK:
        data[start:end] = blocks
        return
    for n in range(_BLOCK):
        data[start + n : end : run.step] = blocks[n::_BLOCK]


def _slices(stream: bytearray) -> Iterator[_Run]:
    """The encrypted blocks of H.264 in its byte stream format (ISO/IEC 14496-10 annex B).

    Emulation prevention was put into what is encrypted: it goes first, and zeros take its place behind the NAL unit.
    """
    end = stream.find(b"\0\0\1")
    while end >= 0:
        start, end = end + 3, stream.find(b"\0\0\1", end + 3)
        unit = bytes(stream[start : end if end >= 0 else len(stream)]).rstrip(b"\0")
        if len(unit) <= _NAL_LEADER + _BLOCK or unit[0] & 31 not in _SLICES:
            continue
        bare = unit.replace(b"\0\0\3", b"\0\0")
        stream[start : start + len(unit)] = bare.ljust(len(unit), b"\0")
        # A block is encrypted where more follows it: the last byte of a unit stays clear, and is never zero
        rounds = -(-(len(bare) - _NAL_LEADER - _BLOCK) // _NAL_ROUND)
        yield _Run(start + _NAL_LEADER, max(0, rounds), _NAL_ROUND)


def _audio(stream: Data) -> Iterator[_Run]:
    """The encrypted blocks of packed audio: frames of any kind one after the other, and ID3 tags between them
    (RFC 8216 section 3.4)."""
    at = 0
    while at < len(stream):
        head = bytes(stream[at : at + 10])
        size, header = _frame(head)
        if size == 0 or at + size > len(stream):
            raise DamagedError(f"no whole audio frame at byte {at}")
        if head[:3] != b"ID3":
            yield _Run(at + header + _LEADER, max(0, size - header - _LEADER) // _BLOCK)
        at += size


def _frame(head: bytes) -> tuple[int, int]:
    """The size of the frame or tag that begins with `head`, and of its ADTS header; 0 where none begins."""
    if head[:3] == b"ID3" and len(head) == 10:  # ID3v2 section 3.1: four times seven bits
        return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)), 0
    if len(head) > 6 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # ISO/IEC 14496-3 section 1.A.2.2
        size, header = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5, 7 if head[1] & 1 else 9
        return (size, header) if size >= header else (0, 0)
    if len(head) > 6 and head[:2] == b"\x0b\x77":
        return _ac3_size(head), 0
    return 0, 0


def _ac3_size(head: bytes) -> int:
    """ATSC A/52 sections 5.4.1 and E.1.3.1."""
    if head[5] >> 3 > 10:
        return 2 * (((head[2] & 7) << 8 | head[3]) + 1)
    rate, odd = divmod(head[4] & 63, 2)
    if rate >= len(_AC3_RATES):
        return 0
    words = (2 * _AC3_RATES[rate], _AC3_RATES[rate] * 320 // 147 + odd, 3 * _AC3_RATES[rate], 0)
    return 2 * words[head[4] >> 6]


class _Kind(NamedTuple):
    """The stream_type of the clear stream, and what of an encrypted one is encrypted."""

    clear: int
    runs: Callable[[bytearray], Iterator[_Run]]


_KINDS: Mapping[int, _Kind] = {
    0xDB: _Kind(0x1B, _slices),
    0xCF: _Kind(0x0F, _audio),
    0xC1: _Kind(0x81, _audio),
    0xC2: _Kind(0x87, _audio),
}


def _cleared(stream: Stream) -> Stream:
    """A stream of a program map as that of clear media: without private_data_indicator, and without the registration
    that holds the setup of its decoder."""
    if stream.type not in _KINDS:
        return stream
    kept, rest = b"", stream.descriptors
    while len(rest) >= 2:
        own, rest = rest[: 2 + rest[1]], rest[2 + rest[1] :]
        if own[0] != 0x0F and own[:1] + own[2:6] != b"\x05apad":
            kept += own
    return Stream(_KINDS[stream.type].clear, stream.pid, kept)
