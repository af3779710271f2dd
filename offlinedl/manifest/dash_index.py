"""Segment indexes as segments (ISO/IEC 14496-12 section 8.16.3): one for a period, or one that leads to others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest.limits import Limits, absurd, too_large
from offlinedl.media import mp4
from offlinedl.streams import ByteRange, Rendition, Resource, Segment, Unread, steady

_HINT = "the title's files are damaged: tell its publisher"
_MAX_DEPTH = 8
_MAX_INDEXES = 10_000
_FIRST_LOOK = 4096
"""How many bytes are fetched of an index that lies before the media which it lists, and does not say how long it is."""
_LONGEST = 40 + 12 * 0xFFFF
"""Section 8.16.3: bytes of a sidx with as many references as it can have."""


def read(rendition: Rendition, data: bytes, limits: Limits) -> Rendition:
    """`rendition` with what the first of its unread indexes lists; those that this one refers to come next."""
    unread, later = rendition.unread[0], rendition.unread[1:]
    longer = _longer(unread, data)
    if longer is not None:
        return replace(rendition, index=longer.resource, unread=(longer, *later))
    found = _Found(unread, limits.segments - len(rendition.segments), indexes=unread.read, waiting=len(later))
    found.read(memoryview(data), _anchor(unread, data), unread.depth)
    if not found.segments and not found.unread:
        raise DamagedError("the segment index lists nothing", _HINT)
    if later:
        later = (replace(later[0], at=later[0].at + found.gap()), *later[1:])
    before, behind = rendition.segments[: unread.at], rendition.segments[unread.at :]
    return _with(rendition, (*before, *found.segments, *behind), (*found.unread, *later), found.indexes)


def _with(rendition: Rendition, segments: tuple[Segment, ...], unread: tuple[Unread, ...], indexes: int) -> Rendition:
    """Numbered anew once all is read: until then nobody needs the numbers."""
    if not unread:
        segments = tuple(s if s.number == n else replace(s, number=n) for n, s in enumerate(segments))
        return replace(rendition, index=None, unread=(), segments=segments)
    first = replace(unread[0], read=indexes)
    return replace(rendition, index=first.resource, unread=(first, *unread[1:]), segments=segments)


def _longer(unread: Unread, data: bytes) -> Unread | None:
    """The same index with its true length, where only its beginning came; None where all is there."""
    part = unread.resource.range
    size = int.from_bytes(data[:4])
    if part is None or not unread.depth or data[4:8] != b"sidx" or size <= part.size or part.size != _FIRST_LOOK:
        return None
    if size > _LONGEST:
        raise DamagedError(f"a segment index (sidx) cannot be {size} bytes long", _HINT)
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
    """What an index lists: `segments`, and the places of indexes that lie elsewhere in the media.

    `left` segments may still come. `indexes` have been read of the rendition so far, and `waiting` are to be read.
    """

    place: Unread
    left: int
    indexes: int
    waiting: int
    segments: list[Segment] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    elapsed: Fraction = Fraction(0)
    last: int | None = None

    def gap(self) -> int:
        """How many segments come after the last index that was found, or else after the rendition's begin."""
        return self.place.at + len(self.segments) if self.last is None else len(self.segments) - self.last

    def read(self, data: memoryview, offset: int, depth: int) -> None:
        """Takes the sidx in `data`, which is at `offset` of the media, and those below it within the same bytes."""
        if depth > _MAX_DEPTH:
            raise UnsupportedError(f"its segment indexes lie more than {_MAX_DEPTH} deep", code="too-large")
        self.indexes += 1
        self._check_indexes()
        for reference in mp4.sidx(data, offset):
            begin = reference.range.first - offset
            if not reference.is_index:
                self._media(reference)
            elif 0 <= begin < len(data) - 8 and offset >= 0:
                self.read(data[begin:], reference.range.first, depth + 1)
            else:
                self._index(reference, depth + 1)

    def _check_indexes(self) -> None:
        if self.indexes + self.waiting + len(self.unread) > _MAX_INDEXES:
            raise absurd("it has more segment indexes than are read", _MAX_INDEXES)

    def _media(self, reference: mp4.Reference) -> None:
        if len(self.segments) >= self.left:
            raise too_large("it has more segments than are read", self.left)
        self.segments.append(
            Segment(
                number=len(self.segments),
                resource=Resource(url=self.place.media, range=reference.range),
                start=self.place.start + self.elapsed,
                duration=reference.duration,
                init=self.place.init,
            )
        )
        self.elapsed = steady(self.elapsed + reference.duration)

    def _index(self, reference: mp4.Reference, depth: int) -> None:
        """What is referred to begins with the index and goes on with its media: only the beginning is asked for."""
        first, here = reference.range.first, len(self.segments)
        part = ByteRange(first=first, last=min(reference.range.last, first + _FIRST_LOOK - 1))
        self.unread.append(
            replace(
                self.place,
                resource=Resource(url=self.place.media, range=part),
                start=self.place.start + self.elapsed,
                at=self.place.at + here if self.last is None else here - self.last,
                depth=depth,
            )
        )
        self.last = here
        self.elapsed = steady(self.elapsed + reference.duration)
        self._check_indexes()
