"""What a file on the disk is made of, by its bytes: where its init segments and its fragments lie (ISO/IEC 14496-12
sections 8.8 and 8.16). Files that tools wrote are read here, also such as were cut off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import NamedTuple

from offlinedl.errors import DamagedError
from offlinedl.frozen import frozen
from offlinedl.media import ebml, mp4
from offlinedl.media.mp4 import Box, Data

_LEADING = {"styp", "sidx", "ssix", "emsg", "prft"}
"""Boxes that stand before the moof of the segment that they belong to (sections 8.16.2 to 8.16.5)."""
_PACKET = 188


class Span(NamedTuple):
    """`size` bytes of the file at `path`, from byte `first` on."""

    path: str
    first: int
    size: int

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.first + self.size


class Piece(NamedTuple):
    """A fragment with what belongs to it. `time` is that of its first sample in units of its `track` (tfdt), None where
    it does not say; `opens` that it says that a segment begins with it."""

    span: Span
    track: int
    time: int | None
    opens: bool


@frozen
class File:
    """A file: `kind` is "mp4", "ts", "vtt", "webm", or "" for what shows nothing of itself. `edges` are the bytes where
    boxes begin or end, `scales` the units a second of its tracks. A `remuxed` one has a movie that is no sequence of
    fragments; a `torn` one ends within a box."""

    path: str
    size: int
    kind: str = ""
    inits: tuple[Span, ...] = ()
    pieces: tuple[Piece, ...] = ()
    edges: frozenset[int] = frozenset()
    scales: Mapping[int, int] = field(default_factory=dict)
    remuxed: bool = False
    torn: bool = False

    @property
    def whole(self) -> Span:
        """All of it."""
        return Span(self.path, 0, self.size)


def read(path: str, data: Data) -> File:
    """What `data`, the content of the file at `path`, is made of. Of MP4 only the headers are looked at."""
    size = len(data)
    if mp4.is_mp4(data):
        return _mp4(path, data)
    if bytes(data[:4]) == ebml.HEAD:
        return File(path=path, size=size, kind="webm")
    if bytes(data[:9]).removeprefix(b"\xef\xbb\xbf").startswith(b"WEBVTT"):
        return File(path=path, size=size, kind="vtt")
    is_ts = size >= _PACKET and set(bytes(data[: 8 * _PACKET : _PACKET])) == {0x47}
    return File(path=path, size=size, kind="ts" if is_ts else "")


def _mp4(path: str, data: Data) -> File:
    found = list(_boxes(data))
    moofs = [box for box in found if box.type == "moof"]
    lone_index = sum(box.type == "sidx" for box in found) == 1 and not any(box.type == "styp" for box in found)
    own = [box for box in found if not (lone_index and box.type == "sidx")]
    return File(
        path=path,
        size=len(data),
        kind="mp4",
        inits=tuple(_inits(path, found)) if moofs or not any(box.type == "mdat" for box in found) else (),
        pieces=tuple(_pieces(path, data, own)),
        edges=frozenset(edge for box in found for edge in (box.start, box.end)),
        scales=_scales(data, found),
        torn=bool(found) and found[-1].end < len(data),
        remuxed=not moofs and any(box.type == "mdat" for box in found),
    )


def _boxes(data: Data) -> Iterator[Box]:
    """The boxes at the top, as far as they are whole."""
    try:
        yield from mp4.boxes(data)
    except DamagedError:
        return


def _inits(path: str, found: list[Box]) -> Iterator[Span]:
    """Each movie box, from the file type before it on."""
    start: int | None = None
    for box in found:
        if box.type == "ftyp":
            start = box.start
        elif box.type == "moov":
            first = box.start if start is None else start
            yield Span(path, first, box.end - first)
            start = None
        elif box.type not in {"free", "skip", "pdin"}:
            start = None


def _pieces(path: str, data: Data, found: list[Box]) -> Iterator[Piece]:
    """Each moof with its media data, what stands before it and what fills it up."""
    start: int | None = None
    kinds: set[str] = set()
    moof: Box | None = None
    end, has_media = 0, False
    for box in [*found, Box("", len(data), len(data), len(data))]:
        if moof is not None and (box.type in {*_LEADING, "moof", "mfra", "ftyp", "moov", ""}):
            first = moof.start if start is None else start
            if has_media:
                yield Piece(Span(path, first, end - first), *_head(data, moof), opens=bool(kinds))
            start, moof, kinds, has_media = None, None, set(), False
        if box.type in _LEADING:
            start = box.start if start is None else start
            kinds.add(box.type)
        elif box.type == "moof":
            moof = box
        elif moof is None:
            start, kinds = None, set()
        has_media = has_media or (moof is not None and box.type == "mdat")
        end = box.end


def _head(data: Data, moof: Box) -> tuple[int, int | None]:
    """The track of a fragment, and its time."""
    track, time = 0, None
    try:
        for traf in mp4.find(data, "traf", moof):
            head, decode = mp4.field(data, "tfhd", traf), mp4.field(data, "tfdt", traf)
            if head is not None:
                head.full_box()
                track = head.number(4)
            if decode is not None:
                time = decode.number(8 if decode.full_box()[0] else 4)
            break
    except DamagedError:
        return 0, None
    return track, time


def _scales(data: Data, found: list[Box]) -> dict[int, int]:
    """Sections 8.3.2 and 8.4.2."""
    scales: dict[int, int] = {}
    try:
        for trak in (trak for box in found if box.type == "moov" for trak in mp4.find(data, "trak", box)):
            head, media = mp4.field(data, "tkhd", trak), mp4.field(data, "mdia/mdhd", trak)
            if head is None or media is None:
                continue
            head.take(16 if head.full_box()[0] else 8)
            media.take(16 if media.full_box()[0] else 8)
            scales[head.number(4)] = media.number(4)
    except DamagedError:
        return {}
    return scales
