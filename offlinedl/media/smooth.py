"""What Smooth Streaming leaves out of MP4, made: the init segment of a track, and when a fragment is decoded.

[MS-SSTR] sections 2.2.2.5 and 2.2.4; boxes of ISO/IEC 14496-12, their sample entries of 14496-14 and 14496-15.
"""

from __future__ import annotations

import struct

from offlinedl.errors import UnsupportedError
from offlinedl.media import mp4
from offlinedl.media.moof import box, full_box
from offlinedl.media.mp4 import Box, Data
from offlinedl.model import Kind, Setup, Track

_TFXD = bytes.fromhex("6d1d9b0542d544e680e2141daff757b2")
"""[MS-SSTR] section 2.2.4.4: when a fragment begins, in units of its track."""
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_AVC, _HEVC = ("H264", "X264", "AVC1", "DAVC"), ("HEVC", "HVC1", "HEV1")
_AAC = ("AAC", "AACL", "AACH", "AACP")
_DOLBY = {"AC-3": "ac-3", "DAC3": "ac-3", "EC-3": "ec-3", "DEC3": "ec-3"}


def init(track: Track, setup: Setup, fragment: Data) -> bytes:
    """The init segment of a track of which `fragment` is one. UnsupportedError for codecs that are not known here."""
    number = track_of(fragment)
    is_video = track.kind is Kind.VIDEO
    entry = _pictures(track, setup) if is_video else _sound(setup)
    size = struct.pack(">2I", track.width << 16, track.height << 16) if is_video else bytes(8)
    volume = bytes(2) if is_video else b"\1\0"
    head = full_box("vmhd", 0, 1, bytes(8)) if is_video else full_box("smhd", 0, 0, bytes(4))
    handler = bytes(4) + (b"vide" if is_video else b"soun") + bytes(13)
    tables = [full_box(name, 0, 0, bytes(8 if name == "stsz" else 4)) for name in ("stts", "stsc", "stsz", "stco")]
    table = box("stbl", full_box("stsd", 0, 0, (1).to_bytes(4), entry), *tables)
    reference = box("dinf", full_box("dref", 0, 0, (1).to_bytes(4), full_box("url ", 0, 1)))
    clock = struct.pack(">4I", 0, 0, setup.timescale, 0)
    media = box(
        "mdia",
        full_box("mdhd", 0, 0, clock, b"\x55\xc4\0\0"),
        full_box("hdlr", 0, 0, handler),
        box("minf", head, reference, table),
    )
    place = struct.pack(">5I", 0, 0, number, 0, 0) + bytes(12) + volume + bytes(2) + _MATRIX + size
    movie = clock + b"\0\1\0\0\1\0" + bytes(10) + _MATRIX + bytes(24) + (number + 1).to_bytes(4)
    defaults = full_box("trex", 0, 0, struct.pack(">5I", number, 1, 0, 0, 0))
    trak = box("trak", full_box("tkhd", 0, 3, place), media)
    moov = box("moov", full_box("mvhd", 0, 0, movie), trak, box("mvex", defaults))
    return box("ftyp", b"iso6\0\0\0\0iso6dash") + moov


def track_of(fragment: Data) -> int:
    """The number that the first track of a fragment has."""
    head = next(mp4.find(fragment, "moof/traf/tfhd"), None)
    return int.from_bytes(fragment[head.body + 4 : head.body + 8]) if head else 1


def timed(fragment: bytes, start: int) -> bytes:
    """`fragment` with when it is decoded: as it says itself, else at `start`, in units of its track."""
    parts = []
    for outer in mp4.boxes(fragment):
        if outer.type != "moof" or any(mp4.find(fragment, "traf/tfdt", outer)):
            parts.append(fragment[outer.start : outer.end])
            continue
        inside = list(mp4.children(fragment, outer))
        more = 20 * sum(inner.type == "traf" for inner in inside)
        parts.append(box("moof", *(_timed(fragment, inner, start, more) for inner in inside)))
    return b"".join(parts)


def _timed(fragment: bytes, inner: Box, start: int, more: int) -> bytes:
    """A box of a moof that has `more` bytes than before, which its samples lie behind."""
    if inner.type != "traf":
        return fragment[inner.start : inner.end]
    found = list(mp4.children(fragment, inner))
    stated = next((t for b in found if (t := _stated(fragment, b)) is not None), start)
    parts = []
    for own in found:
        data = bytearray(fragment[own.start : own.end])
        at = own.body - own.start
        if own.type == "trun" and data[at + 3] & 1:  # section 8.8.8: its offset counts from the moof
            (offset,) = struct.unpack_from(">i", data, at + 8)
            struct.pack_into(">i", data, at + 8, offset + more)
        parts.append(bytes(data))
        if own.type == "tfhd":
            parts.append(full_box("tfdt", 1, 0, stated.to_bytes(8)))
    return box("traf", *parts)


def _stated(fragment: bytes, own: Box) -> int | None:
    if own.type != "uuid" or fragment[own.body - 16 : own.body] != _TFXD:
        return None
    reader = mp4.open_box(fragment, own)
    return reader.number(8 if reader.full_box()[0] else 4)


def _pictures(track: Track, setup: Setup) -> bytes:
    """A VisualSampleEntry (14496-12 section 12.1.3)."""
    if setup.fourcc not in {*_AVC, *_HEVC}:
        raise _unknown(setup)
    size = struct.pack(">2H", track.width & 0xFFFF, track.height & 0xFFFF)
    fields = bytes(7) + b"\1" + bytes(16) + size + struct.pack(">3IH", 0x480000, 0x480000, 0, 1)
    fields += bytes(32) + b"\0\x18\xff\xff"
    is_avc = setup.fourcc in _AVC
    return box("avc1" if is_avc else "hvc1", fields, _avc(setup) if is_avc else _hevc(setup))


def _units(setup: Setup, *, hevc: bool) -> dict[int, list[bytes]]:
    """The parameter sets by their type, which stand between start codes (ISO/IEC 14496-10 annex B)."""
    units: dict[int, list[bytes]] = {}
    for unit in (part.rstrip(b"\0") for part in setup.private.split(b"\0\0\1")):
        if len(unit) > 3:
            units.setdefault(unit[0] >> 1 & 0x3F if hevc else unit[0] & 0x1F, []).append(unit)
    return units


def _avc(setup: Setup) -> bytes:
    """AVCDecoderConfigurationRecord (14496-15 section 5.3.3.1)."""
    units = _units(setup, hevc=False)
    sets, pictures = units.get(7, []), units.get(8, [])
    if not sets:
        raise _unknown(setup)
    listed = [b"".join(len(unit).to_bytes(2) + unit for unit in own) for own in (sets, pictures)]
    head = b"\1" + sets[0][1:4] + bytes((0xFC | setup.nal_length - 1, 0xE0 | len(sets)))
    return box("avcC", head, listed[0], bytes((len(pictures),)), listed[1])


def _hevc(setup: Setup) -> bytes:
    """HEVCDecoderConfigurationRecord (14496-15 section 8.3.3.1); profile, tier and level stand at the begin of the
    sequence parameter set (ISO/IEC 23008-2 section 7.3.2.2.1). Of the format of samples the profile tells enough."""
    units = _units(setup, hevc=True)
    if 33 not in units:
        raise _unknown(setup)
    profile = units[33][0].replace(b"\0\0\3", b"\0\0")[3:15]
    depth = 2 if profile[0] & 31 == 2 else 0
    head = b"\1" + profile + b"\xf0\0\xfc\xfd" + bytes((0xF8 | depth, 0xF8 | depth, 0, 0, 0x0C | setup.nal_length - 1))
    arrays = [
        bytes((0x80 | kind,)) + len(own).to_bytes(2) + b"".join(len(unit).to_bytes(2) + unit for unit in own)
        for kind, own in ((kind, units[kind]) for kind in (32, 33, 34) if kind in units)
    ]
    return box("hvcC", head, bytes((len(arrays),)), *arrays)


def _sound(setup: Setup) -> bytes:
    """An AudioSampleEntry (14496-12 section 12.2.3)."""
    rate = setup.sampling_rate if setup.sampling_rate < 2**16 else 0
    fields = bytes(7) + b"\1" + bytes(8) + struct.pack(">2H2HI", setup.channels or 2, 16, 0, 0, rate << 16)
    if setup.fourcc in _DOLBY:
        return box(_DOLBY[setup.fourcc], fields)
    if setup.fourcc not in _AAC or not setup.private:
        raise _unknown(setup)
    return box("mp4a", fields, full_box("esds", 0, 0, _mpeg4(setup.private)))


def _mpeg4(config: bytes) -> bytes:
    """An ES_Descriptor for MPEG-4 sound (14496-1 section 7.2.6.5)."""
    specific = b"\5" + bytes((len(config),)) + config
    decoder = b"\x40\x15" + bytes(11) + specific
    stream = bytes(3) + b"\4" + bytes((len(decoder),)) + decoder + b"\6\1\2"
    return b"\3" + bytes((len(stream),)) + stream


def _unknown(setup: Setup) -> UnsupportedError:
    return UnsupportedError(
        f"Smooth Streaming with {setup.fourcc or 'an unnamed codec'} cannot be played",
        "ask for the title's HLS or DASH address",
    )
