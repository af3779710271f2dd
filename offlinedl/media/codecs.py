"""The names of codecs (RFC 6381), from what an init segment says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from offlinedl.errors import DamagedError
from offlinedl.media import mp4
from offlinedl.media.mp4 import Box, Data, Reader

_VISUAL, _AUDIO = 78, 28
"""Bytes of a sample entry before its boxes (ISO/IEC 14496-12 sections 12.1.3 and 12.2.3)."""


def codecs(init: Data) -> list[str]:
    """Those of the clear tracks of `init`; none at all where one of them has no name here."""
    try:
        found = [_named(init, e) for stsd in mp4.find(init, _STSD) for e in mp4.children(init, stsd)]
    except DamagedError:
        return []
    return list(dict.fromkeys(found)) if all(found) else []


_STSD = "moov/trak/mdia/minf/stbl/stsd"


def _named(init: Data, entry: Box) -> str:
    if entry.type not in _FORMS:
        return _PLAIN.get(entry.type, "")
    name, read = _FORMS[entry.type]
    start = entry.body + (_AUDIO if entry.type == "mp4a" else _VISUAL)
    box = next((box for box in mp4.boxes(init, min(start, entry.end), entry.end) if box.type == name), None)
    return read(entry.type, mp4.open_box(init, box)) if box else ""


def _avc(entry: str, setup: Reader) -> str:
    """ISO/IEC 14496-15 annex E.3: profile, constraints and level."""
    setup.take(1)
    return f"{entry}.{setup.take(3).hex()}"


def _hevc(entry: str, setup: Reader) -> str:
    """ISO/IEC 14496-15 annex E.3: profile, its compatibility in reverse, tier and level, and the constraints that there
    are."""
    setup.take(1)
    profile, compatible = setup.number(1), setup.number(4)
    constraints, level = setup.take(6).rstrip(b"\0"), setup.number(1)
    reverse = int(f"{compatible:032b}"[::-1], 2)
    space = " ABC"[profile >> 6].strip()
    parts = [f"{space}{profile & 31}", f"{reverse:X}", f"{'H' if profile & 32 else 'L'}{level}"]
    return ".".join([entry, *parts, *(f"{byte:X}" for byte in constraints)])


def _vp9(entry: str, setup: Reader) -> str:
    """VP Codec ISO Media File Format Binding: profile, level and bit depth."""
    setup.full_box()
    profile, level, depth = setup.number(1), setup.number(1), setup.number(1) >> 4
    return f"{entry}.{profile:02d}.{level:02d}.{depth:02d}"


def _av1(entry: str, setup: Reader) -> str:
    """AV1 Codec ISO Media File Format Binding, section 5: profile, level and tier, bit depth."""
    setup.take(1)
    first, second = setup.number(1), setup.number(1)
    depth = 8 if not second & 0x40 else 12 if second & 0x20 and first >> 5 == 2 else 10
    return f"{entry}.{first >> 5}.{first & 31:02d}{'H' if second & 0x80 else 'M'}.{depth:02d}"


def _mpeg4(entry: str, setup: Reader) -> str:
    """ISO/IEC 14496-1 section 7.2.6: the object type in the decoder's configuration, of MPEG-4 sound also the audio
    object type."""
    setup.full_box()
    while (tag := setup.number(1)) != 4:
        _size(setup)
        setup.take(2)
        if tag == 3:
            flags = setup.number(1)
            setup.take(2 * bool(flags & 0x80) + 2 * bool(flags & 0x20))
    _size(setup)
    kind = setup.number(1)
    setup.take(12)
    if kind != 0x40:
        return f"{entry}.{kind:02x}"
    setup.take(1)
    _size(setup)
    bits = setup.number(2)
    return f"{entry}.40.{32 + (bits >> 5 & 63) if bits >> 11 == 31 else bits >> 11}"


def _size(reader: Reader) -> int:
    """Seven bits in each byte but the last one's first."""
    value = 0
    while (byte := reader.number(1)) & 0x80:
        value = value << 7 | byte & 0x7F
    return value << 7 | byte


_FORMS: Mapping[str, tuple[str, Callable[[str, Reader], str]]] = {
    "avc1": ("avcC", _avc),
    "avc3": ("avcC", _avc),
    "hvc1": ("hvcC", _hevc),
    "hev1": ("hvcC", _hevc),
    "vp09": ("vpcC", _vp9),
    "av01": ("av1C", _av1),
    "mp4a": ("esds", _mpeg4),
}
_PLAIN = {"ac-3": "ac-3", "ec-3": "ec-3", "Opus": "opus", "fLaC": "fLaC"}
