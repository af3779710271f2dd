"""Progressive files: a title that is one file, known by its first bytes, and cut into ranges where that is possible.

Only the beginning of such a file is read. What an MP4 says of itself may stand at its end, where `expand` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from offlinedl import streams
from offlinedl.errors import DamagedError, UnsupportedError, shown
from offlinedl.manifest.limits import LIMITS, Limits, seen_at
from offlinedl.manifest.urls import join
from offlinedl.media import ebml, movie
from offlinedl.model import Kind
from offlinedl.streams import ByteRange, Manifest, Rendition, Resource, Segment

__all__ = ["NAME", "cut", "expand", "is_enough", "parse", "recognises"]

NAME = "progressive"

_MAX_MOVIE = 64 * 2**20
_PLACEHOLDERS = ("free", "skip", "wide", "mdat", "uuid", "pdin")
_PACKET = 188
_MATROSKA = ("webm", "mkv")
_HINT = "give the address of the whole file, or of the manifest"
_NO_PIECES: Mapping[str, bytes] = {}


def recognises(data: bytes) -> bool:
    """Is this the beginning of an MP4, WebM, Matroska, MP3, AAC, FLAC or Ogg file? Or of an MPEG-TS file, which `parse`
    refuses by its name."""
    return bool(_container(data))


def is_enough(head: bytes) -> bool:
    """Is `head` all that must be read of its resource: a media file, with its movie box where that comes first?"""
    container = _container(head)
    if container in _MATROSKA:
        return ebml.is_enough(head)
    if container != "mp4":
        return bool(container)
    return any(b.type == "mdat" or (b.type == "moov" and (b.end or 0) <= len(head)) for b in movie.top(head))


def parse(data: bytes, url: str, limits: Limits = LIMITS, pieces: Mapping[str, bytes] = _NO_PIECES) -> Manifest:
    """The one rendition of the file that begins with `data` and is at `url`: whole, until `cut` knows better."""
    container = _container(data)
    if container == "ts":
        raise UnsupportedError(
            f"{shown(url)}: an MPEG-TS file, and a title that is one such file cannot be downloaded yet",
            "give the address of the title's playlist (.m3u8), which names its segments, or of an MP4 file",
        )
    segment = Segment(number=0, resource=Resource(url=join(url, "")))
    rendition = Rendition(id=NAME, kind=_kind(data, container), container=container, segments=(segment,))
    with seen_at(shown(url)):
        if container == "mp4":
            rendition = _with_movie(rendition, data)
        elif container in _MATROSKA:
            _refuse_protected(data)
    return Manifest(format=NAME, url=url, renditions=(rendition,), duration=rendition.duration)


def cut(manifest: Manifest, size: int | None, limits: Limits = LIMITS, *, whole: int | None = None) -> Manifest:
    """`manifest` with its file of `size` bytes cut into ranges; None where it can only be had whole, and its server
    says that this is `whole`."""
    (rendition,) = manifest.renditions
    place = rendition.index
    if not size:
        segments = tuple(replace(s, resource=replace(s.resource, size=whole)) for s in rendition.segments)
        return replace(manifest, renditions=(replace(rendition, index=None, segments=segments),))
    limits.check_segments(-(-size // streams.PIECE))
    if place is not None and place.range is not None:  # from where the movie box must be, to the end of the file
        first = place.range.first
        if not first < size <= first + _MAX_MOVIE:
            raise _no_movie(f"{shown(place.url)}: ")
        place = Resource(url=place.url, range=ByteRange(first=first, last=size - 1))
    return replace(manifest, renditions=(_cut(replace(rendition, index=place), size),))


def _cut(rendition: Rendition, size: int) -> Rendition:
    """Ranges of one file. Their times are by their share of its bytes: good for order and progress, for no more."""
    url, duration = rendition.segments[0].resource.url, rendition.duration
    pieces = tuple(
        Segment(
            number=number,
            resource=Resource(url=url, range=ByteRange(first=first, last=min(first + streams.PIECE, size) - 1)),
            start=duration * first / size,
            duration=duration * (min(first + streams.PIECE, size) - first) / size,
        )
        for number, first in enumerate(range(0, size, streams.PIECE))
    )
    return replace(rendition, segments=pieces, bandwidth=int(size * 8 / duration) if duration else 0)


def expand(rendition: Rendition, index: bytes, url: str, limits: Limits = LIMITS) -> Rendition:
    """`rendition` with what the end of its file says, which `index` is. Raises DamagedError."""
    size = rendition.segments[-1].resource.range
    with seen_at(shown(url)):
        found = _described(replace(rendition, index=None), _movie(index))
    return _cut(found, size.last + 1) if size else found


def _with_movie(rendition: Rendition, data: bytes) -> Rendition:
    """`rendition` with what the movie box says; where that comes last, with its place for an index."""
    places = list(movie.top(data))
    moov = next((box for box in places if box.type == "moov"), None)
    if moov is not None and moov.end is not None and moov.end <= len(data):
        found = movie.read(data[moov.start : moov.end])
        _refuse_init(places, found, len(data))
        return _described(rendition, found)
    after = places[-1].end if places and places[-1].type in _PLACEHOLDERS else None
    if moov is not None:
        return rendition
    if after is None:
        raise _no_movie()
    return replace(rendition, index=Resource(url=rendition.segments[0].resource.url, range=_from(after)))


def _refuse_protected(data: bytes) -> None:
    """WebM and Matroska: what says that a track is encrypted stands before the media."""
    found = ebml.tracks(data)
    if found is None or not found.whole:
        raise UnsupportedError("no track is described at its beginning: it may be cut off", _HINT)
    if found.key_ids:
        raise UnsupportedError(*ebml.PROTECTED)


def _no_movie(where: str = "") -> UnsupportedError:
    """What cannot be read cannot be told clear from protected, nor whole from cut off."""
    return UnsupportedError(f"{where}no movie box is found in it: it may be cut off", _HINT)


def _from(first: int) -> ByteRange:
    return ByteRange(first=first, last=first)


def _refuse_init(places: list[movie.Place], found: movie.Movie, length: int) -> None:
    """A movie box for fragments (section 8.8.1), and nothing after it, is an init segment."""
    if found.is_fragmented and places[-1].end == length and not any(p.type in {"moof", "mdat"} for p in places):
        raise UnsupportedError("this is an init segment of a title, without its media", _HINT)


def _movie(index: bytes) -> movie.Movie:
    """The movie box among those that the end of the file holds."""
    for box in movie.top(index):
        if box.type == "moov":
            return movie.read(index[box.start : box.end])
    raise DamagedError("the file ends without a movie box (moov), so that nothing can play it", _HINT)


def _described(rendition: Rendition, found: movie.Movie) -> Rendition:
    """`rendition` as its movie box describes it."""
    sound_alone = found.has_sound and not found.has_pictures
    segments = tuple(replace(segment, duration=Fraction(0)) for segment in rendition.segments)
    return replace(
        rendition,
        kind=Kind.AUDIO if sound_alone else Kind.VIDEO,
        width=found.width,
        height=found.height,
        codecs=found.codecs,
        muxed_audio="" if found.has_sound and found.has_pictures else None,
        segments=(replace(segments[0], duration=found.duration), *segments[1:]),
        protections=found.protections,
    )


def _container(data: bytes) -> str:
    """The file extension of what begins with `data`; "" where it is no media file."""
    return next((name for name, is_so in _SIGNS if is_so(data)), "")


def _is_mp4(data: bytes) -> bool:
    """ISO/IEC 14496-12 section 4.3, and the older files without a file type. A fragment alone is no title."""
    kind, size = data[4:8], int.from_bytes(data[:4])
    if kind in {b"mdat", b"moov"}:
        return size in {0, 1} or size >= 8
    return kind in {b"ftyp", b"free", b"skip", b"wide", b"pdin"} and 8 <= size < 2**24  # words that text has, too


def _is_mp3(data: bytes) -> bool:
    """ISO/IEC 11172-3 section 2.4.1.3: layer III, with a bit rate and a sampling rate that exist; or an ID3 tag."""
    data = _after_id3(data)
    frame = len(data) >= 4 and data[0] == 0xFF and data[1] in {0xFA, 0xFB, 0xF2, 0xF3, 0xE2, 0xE3}
    return frame and data[2] >> 4 not in {0, 15} and data[2] >> 2 & 3 != 3


def _is_aac(data: bytes) -> bool:
    """ISO/IEC 14496-3 section 1.A.2.2, ADTS, with a sampling rate that exists."""
    data = _after_id3(data)
    return len(data) >= 4 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0 and data[2] >> 2 & 15 < 13


def _is_ts(data: bytes) -> bool:
    """ISO/IEC 13818-1 section 2.4.3.2: packets of 188 bytes, each with its sync byte."""
    return len(data) > 2 * _PACKET and set(data[: 8 * _PACKET : _PACKET]) == {0x47}


def _after_id3(data: bytes) -> bytes:
    """`data` without the ID3 tag before it (ID3v2.4 section 3.1), and without what it is filled up with."""
    if not data.startswith(b"ID3") or len(data) < 10:
        return data
    size = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(data[6:10])))
    rest = data[10 + size :].lstrip(b"\0")
    return rest or b"\xff\xfb\x90\0"  # a tag with a picture is longer than what is read: almost all such files are MP3


_SIGNS = (
    ("mp4", _is_mp4),
    ("webm", lambda data: data.startswith(ebml.HEAD) and b"webm" in data[:64]),
    ("mkv", lambda data: data.startswith(ebml.HEAD)),
    ("flac", lambda data: _after_id3(data).startswith(b"fLaC")),
    ("ogg", lambda data: data.startswith(b"OggS")),
    ("aac", _is_aac),
    ("mp3", _is_mp3),
    ("ts", _is_ts),
)


def _kind(data: bytes, container: str) -> Kind:
    """Pictures, as far as the beginning tells: codec names of Matroska (V_ and A_), the codec heads in Ogg."""
    if container in _MATROSKA:
        return Kind.AUDIO if b"\x86" in data and b"A_" in data and b"V_" not in data else Kind.VIDEO
    if container == "ogg":
        return Kind.VIDEO if any(name in data for name in (b"\x80theora", b"BBCD\0", b"OVP80")) else Kind.AUDIO
    return Kind.VIDEO if container == "mp4" else Kind.AUDIO
