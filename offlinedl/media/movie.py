"""What the movie box of an MP4 file says of the whole file (ISO/IEC 14496-12 sections 8.2.2, 8.4.3 and 8.5.2)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from offlinedl.errors import DamagedError
from offlinedl.frozen import frozen
from offlinedl.media import mp4
from offlinedl.protection import Protection

_ENTRY_FIELDS = {"vide": 78, "soun": 28}  # what stands before the boxes in a sample entry (12.1.3, 12.2.3)


class Place(NamedTuple):
    """A box at the top of a file, of which perhaps not all is there: bytes `start` to `end`, the end excluded."""

    type: str
    start: int
    end: int | None


@frozen
class Movie:
    """`duration` is in seconds, 0 where it is not stated; `codecs` are RFC 6381, as far as the sample entries tell."""

    duration: Fraction
    has_pictures: bool
    has_sound: bool
    is_fragmented: bool
    width: int = 0
    height: int = 0
    codecs: str = ""
    protections: tuple[Protection, ...] = ()


def top(data: bytes) -> Iterator[Place]:
    """The boxes at the top of a file that begins with `data`: those whose header is there. `end` None: to its end."""
    at = 0
    while at + 16 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8].decode("latin-1")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16])
        yield Place(kind, at, at + size if size else None)
        if size < 8:
            return
        at += size


def read(data: bytes) -> Movie:
    """What the moov at the beginning of `data` says. Raises DamagedError where its boxes do not fit."""
    moov = next(mp4.find(data, "moov"), None)
    if moov is None:
        raise DamagedError("the file has no movie box (moov) where it should be", "fetch it again")
    tracks = [track for trak in mp4.find(data, "trak", moov) if (track := _track(data, trak))]
    pictures = next((track for track in tracks if track.handler == "vide"), None)
    return Movie(
        duration=_duration(data, moov),
        has_pictures=pictures is not None,
        has_sound=any(track.handler == "soun" for track in tracks),
        is_fragmented=any(mp4.find(data, "mvex", moov)),
        width=pictures.width if pictures else 0,
        height=pictures.height if pictures else 0,
        codecs=",".join(dict.fromkeys(track.codec for track in tracks if track.codec)),
        protections=_protections(data[moov.start : moov.end], tracks),
    )


class _Track(NamedTuple):
    handler: str
    entry: str
    codec: str
    width: int = 0
    height: int = 0


def _track(data: bytes, trak: mp4.Box) -> _Track | None:
    """Section 8.4.3: the handler of a track, and its first sample entry."""
    handler = mp4.field(data, "mdia/hdlr", trak)
    stsd = next(mp4.find(data, "mdia/minf/stbl/stsd", trak), None)
    entry = next(mp4.children(data, stsd), None) if stsd else None
    if handler is None or entry is None:
        return None
    handler.take(8)
    kind = handler.take(4).decode("latin-1")
    if kind not in _ENTRY_FIELDS:
        return _Track(kind, entry.type, "")
    codec = _codec(data, entry, entry.body + _ENTRY_FIELDS[kind])
    if kind == "soun":
        return _Track(kind, entry.type, codec)
    fields = mp4.open_box(data, entry)
    fields.take(24)
    return _Track(kind, entry.type, codec, fields.number(2), fields.number(2))


def _codec(data: bytes, entry: mp4.Box, at: int) -> str:
    """The sample entry's type, the original one where it is encrypted, with H.264's profile and level."""
    name = entry.type
    for box in mp4.boxes(data, min(at, entry.end), entry.end) if name in {*mp4.ENCRYPTED_ENTRIES, "avc1"} else ():
        if box.type == "sinf" and (original := mp4.field(data, "frma", box)):
            name = original.take(4).decode("latin-1")
        if box.type == "avcC" and box.end - box.body >= 4:
            return f"avc1.{data[box.body + 1 : box.body + 4].hex()}"
    return name if name.isascii() and name.isprintable() else ""


def _duration(data: bytes, moov: mp4.Box) -> Fraction:
    """Section 8.2.2; all ones stand for what is not known."""
    reader = mp4.field(data, "mvhd", moov)
    if reader is None:
        return Fraction(0)
    size = 8 if reader.full_box()[0] else 4
    reader.take(2 * size)
    scale, units = reader.number(4), reader.number(size)
    return Fraction(units, scale) if scale and units != 2 ** (8 * size) - 1 else Fraction(0)


def _protections(moov: bytes, tracks: list[_Track]) -> tuple[Protection, ...]:
    """As for init segments; entries that are encrypted in a way which names no key id still say that they are."""
    stated = mp4.protections(moov)
    hidden = any(track.entry in mp4.ENCRYPTED_ENTRIES for track in tracks) and all(p.system for p in stated)
    return (Protection(), *stated) if hidden else stated
