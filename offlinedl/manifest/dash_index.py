"""Segment indexes as segments (ISO/IEC 14496-12 section 8.16.3): one for a period, or one that leads to others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest.limits import Limits, too_large
from offlinedl.media import mp4
from offlinedl.streams import ByteRange, Rendition, Resource, Segment, Unread

_HINT = "the title's files are damaged: tell its publisher"
_MAX_DEPTH = 8
_MAX_INDEXES = 10_000
_MAX_UNREAD = 10_000
_FIRST_LOOK = 4096
"""How many bytes are fetched of an index that lies before the media which it lists, and does not say how long it is."""


def read(rendition: Rendition, data: bytes, limits: Limits) -> Rendition:
    """`rendition` with what the first of its unread indexes lists; those that this one refers to come next."""
    unread = rendition.unread[0]
    longer = _longer(unread, data)
    if longer is not None:
        return _with(rendition, rendition.segments, (longer, *rendition.unread[1:]))
    found = _Found(unread, limits.segments - len(rendition.segments))
    found.read(data, _anchor(unread, data), unread.depth)
    if not found.segments and not found.unread:
        raise DamagedError("the segment index lists nothing", _HINT)
    added = len(found.segments)
    after = (replace(later, at=later.at + added) for later in rendition.unread[1:])
    before, behind = rendition.segments[: unread.at], rendition.segments[unread.at :]
    return _with(rendition, (*before, *found.segments, *behind), (*found.unread, *after))


def _with(rendition: Rendition, segments: tuple[Segment, ...], unread: tuple[Unread, ...]) -> Rendition:
    """Numbered anew once all is read: until then nobody needs the numbers."""
    if len(unread) > _MAX_UNREAD:
        raise too_large("its segment index refers to more indexes than are read", _MAX_UNREAD)
    index = unread[0].resource if unread else None
    if not unread:
        segments = tuple(s if s.number == n else replace(s, number=n) for n, s in enumerate(segments))
    return replace(rendition, index=index, unread=unread, segments=segments)


def _longer(unread: Unread, data: bytes) -> Unread | None:
    """The same index with its true length, where only its beginning came; None where all is there."""
    part = unread.resource.range
    size = int.from_bytes(data[:4])
    if part is None or not unread.depth or data[4:8] != b"sidx" or size <= len(part) or len(part) != _FIRST_LOOK:
        return None
    whole = ByteRange(first=part.first, last=part.first + size - 1)
    return replace(unread, resource=replace(unread.resource, range=whole))


def _anchor(unread: Unread, data: bytes) -> int:
    """Where `data` lies in the media; of an index in a file of its own the anchor is the begin of the media."""
    if unread.resource.url == unread.media:
        return unread.resource.range.first if unread.resource.range else 0
    box = next(mp4.find(data, "sidx"), None)
    return -box.end if box else 0


@dataclass(slots=True)
class _Found:
    """What an index lists: `segments`, and the places of indexes that lie elsewhere in the media."""

    place: Unread
    left: int
    segments: list[Segment] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    elapsed: Fraction = Fraction(0)
    indexes: int = 0

    def read(self, data: bytes, offset: int, depth: int) -> None:
        """Takes the sidx in `data`, which is at `offset` of the media, and those below it within the same bytes."""
        if depth > _MAX_DEPTH:
            raise UnsupportedError(f"its segment indexes lie more than {_MAX_DEPTH} deep", code="too-large")
        self.indexes += 1
        if self.indexes > _MAX_INDEXES:
            raise too_large("it has more segment indexes than are read", _MAX_INDEXES)
        for reference in mp4.sidx(data, offset):
            begin = reference.range.first - offset
            if not reference.is_index:
                self._media(reference)
            elif 0 <= begin < len(data) - 8 and offset >= 0:
                self.read(data[begin:], reference.range.first, depth + 1)
            else:
                self._index(reference, depth + 1)

    def _media(self, reference: mp4.Reference) -> None:
        if len(self.segments) >= self.left:
            raise too_large("it has more segments than are read", self.left)
        self.segments.append(
            Segment(
                number=self.place.at + len(self.segments),
                resource=Resource(url=self.place.media, range=reference.range),
                start=self.place.start + self.elapsed,
                duration=reference.duration,
                init=self.place.init,
            )
        )
        self.elapsed += reference.duration

    def _index(self, reference: mp4.Reference, depth: int) -> None:
        """What is referred to begins with the index and goes on with its media: only the beginning is asked for."""
        first = reference.range.first
        part = ByteRange(first=first, last=min(reference.range.last, first + _FIRST_LOOK - 1))
        self.unread.append(
            replace(
                self.place,
                resource=Resource(url=self.place.media, range=part),
                start=self.place.start + self.elapsed,
                at=self.place.at + len(self.segments),
                depth=depth,
            )
        )
        self.elapsed += reference.duration
