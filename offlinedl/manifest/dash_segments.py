"""The pieces of a representation: SegmentTemplate, SegmentList, SegmentBase, or one file (23009-1 section 5.3.9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import repeat
from math import ceil

from offlinedl.errors import DamagedError
from offlinedl.manifest import xml
from offlinedl.manifest.columns import rows
from offlinedl.manifest.dash_template import Template
from offlinedl.manifest.dash_timeline import Slots, Timing, from_duration, from_timeline
from offlinedl.manifest.limits import LIMITS, Limits
from offlinedl.manifest.units import first_to_last, signed, whole
from offlinedl.manifest.urls import join, joiner
from offlinedl.streams import ByteRange, Resource, Segment, Unread

_HINT = "the MPD is damaged: fetch it again, or tell its publisher"
_KINDS = ("SegmentTemplate", "SegmentList", "SegmentBase")

Known = dict[tuple[object, ...], Slots]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A representation in its period: `levels` from the representation up to the period, `base` their joined BaseURL.

    `start` and `duration` are the period's, in seconds, None where its end is unknown. `known` keeps timelines that
    several representations share.
    """

    levels: tuple[xml.Element, ...]
    base: str
    has_base: bool
    id: str
    bandwidth: int
    container: str
    start: Fraction
    duration: Fraction | None
    known: Known = field(default_factory=dict)
    limits: Limits = LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """What a representation comes to: its segments, or the index that must be read first."""

    inits: tuple[Segment, ...] = ()
    segments: tuple[Segment, ...] = ()
    unread: Unread | None = None


def address(place: Place) -> Addressed:
    """The pieces of the representation. The nearest addressing holds, and inherits from those of its kind above."""
    kind = next((name for level in place.levels for name in _KINDS if level.first(name)), None)
    if kind is None:
        return _whole_file(place)
    source = _Source([element for level in place.levels for element in level.all(kind)])
    if kind == "SegmentTemplate":
        return _template(place, source)
    return _list(place, source) if kind == "SegmentList" else _base(place, source)


class _Source:
    """One kind of addressing at all its levels, the nearest first (section 5.3.9.1)."""

    def __init__(self, elements: list[xml.Element]) -> None:
        self.elements = elements

    def text(self, name: str) -> str | None:
        """The nearest attribute of this name."""
        return next((value for element in self.elements if (value := element.get(name)) is not None), None)

    def number(self, name: str, default: int) -> int:
        """The nearest attribute of this name, a whole number."""
        number = self.optional(name)
        return default if number is None else number

    def optional(self, name: str) -> int | None:
        text = self.text(name)
        number = whole(text)
        if text is not None and number is None:
            raise DamagedError(f"the {name} of a {self.elements[0].name} is not a whole number", _HINT)
        return number

    def child(self, name: str) -> xml.Element | None:
        """The nearest child of this name."""
        return next((child for element in self.elements if (child := element.first(name)) is not None), None)


def _timing(place: Place, source: _Source) -> Timing:
    """Section 5.3.9.2: the clock of the segments and their first number."""
    timescale = source.number("timescale", 1)
    if timescale == 0:
        raise DamagedError("a timescale is 0", _HINT)
    return Timing(
        timescale=timescale,
        offset=_offset(source.text("presentationTimeOffset")),
        first=source.number("startNumber", 1),
        last=source.optional("endNumber"),
        start=place.start,
        period=place.duration,
        limits=place.limits,
    )


def _offset(text: str | None) -> int:
    """Section 5.3.9.2: presentationTimeOffset. The schema knows no sign; packagers write one for audio priming."""
    offset = 0 if text is None else signed(text)
    if offset is None:
        raise DamagedError("a presentationTimeOffset is not a whole number", _HINT)
    return offset


def _slots(place: Place, source: _Source) -> Slots | None:
    """The times of the segments, from a SegmentTimeline or a constant duration; None where neither is given."""
    timing = _timing(place, source)
    timeline = source.child("SegmentTimeline")
    duration = source.optional("duration")
    if timeline is None and not duration:
        return None
    key = (id(timeline), duration, timing)
    slots = place.known.get(key)
    if slots is None:
        slots = from_duration(timing, duration or 0) if timeline is None else from_timeline(timing, timeline)
        place.known[key] = slots
    return slots


def _template(place: Place, source: _Source) -> Addressed:
    """Section 5.3.9.4: one URL for every segment, with its number or its time in it."""
    media = source.text("media")
    if media is None:
        raise DamagedError(f"{place.id}: its SegmentTemplate has no media", _HINT)
    template = Template(media, place.id, place.bandwidth)
    slots = _slots(place, source)
    if slots is None:
        slots = Slots([source.number("startNumber", 1)], [0], [place.start], [_known_duration(place)])
    inits = _inits(place, source)
    init = 0 if inits else None
    urls = template.urls(place.base, slots.numbers, slots.times)
    count = len(urls)
    segments = rows(
        Segment,
        count,
        number=range(count),
        resource=rows(Resource, count, url=urls),
        start=slots.starts,
        duration=slots.durations,
        init=repeat(init),
    )
    return Addressed(inits=inits, segments=tuple(segments))


def _inits(place: Place, source: _Source) -> tuple[Segment, ...]:
    """Sections 5.3.9.2.2 and 5.3.9.4.2: the init segment, by template or as an Initialization; none without either."""
    template = source.text("initialization")
    if template is not None:
        url = Template(template, place.id, place.bandwidth).url(place.base)
        return (Segment(number=0, resource=Resource(url=url), start=place.start),)
    element = source.child("Initialization")
    if element is None:
        return ()
    resource = Resource(url=join(place.base, element.get("sourceURL") or ""), range=_range(element.get("range")))
    return (Segment(number=0, resource=resource, start=place.start),)


def _list(place: Place, source: _Source) -> Addressed:
    """Section 5.3.9.3: every segment named. A range of one byte at 0 is a packager's way to say the whole file."""
    urls = next((found for element in source.elements if (found := element.rows)), [])
    if not urls:
        raise DamagedError(f"{place.id}: its SegmentList is empty", _HINT)
    place.limits.check_segments(len(urls))
    slots = _listed(place, source, len(urls))
    urls = urls[: len(slots.starts)]
    inits = _inits(place, source)
    init = 0 if inits else None
    absolute = joiner(place.base)
    segments = []
    for position, (url, start, duration) in enumerate(zip(urls, slots.starts, slots.durations, strict=True)):
        media = url.get("mediaRange")
        part = None if media == "0-0" else _range(media)
        resource = Resource(url=absolute(url.get("media") or ""), range=part)
        segment = Segment(number=position, resource=resource, start=start, duration=duration, init=init)
        segments.append(segment)
    return Addressed(inits=inits, segments=tuple(segments))


def _listed(place: Place, source: _Source, count: int) -> Slots:
    """The times of `count` listed segments, or of as many of them as begin before the period ends."""
    timing = _timing(place, source)
    if source.child("SegmentTimeline") is None:
        duration = source.optional("duration")
        each = Fraction(duration, timing.timescale) if duration else _known_duration(place) / count
        if place.duration is not None and each:
            count = min(count, ceil(place.duration / each))
        durations = [_clipped(place, each, k) for k in range(count)]
        return Slots(range(count), range(count), [place.start + each * k for k in range(count)], durations)
    slots = _slots(place, source)
    if slots is None or len(slots.times) < count:
        raise DamagedError(f"{place.id}: its SegmentList has more segments than its SegmentTimeline", _HINT)
    return Slots(slots.numbers[:count], slots.times[:count], slots.starts[:count], slots.durations[:count])


def _clipped(place: Place, each: Fraction, position: int) -> Fraction:
    """A segment's duration: the last one ends with its period."""
    if place.duration is None:
        return each
    return max(min(each, place.duration - each * position), Fraction(0))


def _base(place: Place, source: _Source) -> Addressed:
    """Section 5.3.9.2: one file, and where its segment index is. Without one, and for WebM, the file is one segment."""
    element = source.child("RepresentationIndex")
    part = first_to_last(source.text("indexRange")) or first_to_last(element.get("range") if element else None)
    elsewhere = element.get("sourceURL") if element else None
    if (part is None and not elsewhere) or place.container != "mp4":
        return _whole_file(place)
    inits = _inits(place, source)
    if elsewhere:
        part = _range(element.get("range")) if element else None
    elif (
        not inits and part is not None and part.first
    ):  # what goes before the index is what the player needs before the first segment
        before = Resource(url=place.base, range=ByteRange(first=0, last=part.first - 1))
        inits = (Segment(number=0, resource=before, start=place.start),)
    index = Resource(url=join(place.base, elsewhere or ""), range=part)
    unread = Unread(resource=index, media=place.base, start=place.start, init=0 if inits else None)
    return Addressed(inits=inits, unread=unread)


def _whole_file(place: Place) -> Addressed:
    """Section 5.3.9.1: no addressing at all, so the BaseURL is the one segment, and holds its own initialization."""
    if not place.has_base or place.base.endswith("/"):
        raise DamagedError(f"{place.id}: it does not say where its segments are", _HINT)
    resource = Resource(url=place.base)
    return Addressed(
        segments=(Segment(number=0, resource=resource, start=place.start, duration=_known_duration(place)),),
    )


def _known_duration(place: Place) -> Fraction:
    return place.duration or Fraction(0)


def _range(text: str | None) -> ByteRange | None:
    if text is None:
        return None
    part = first_to_last(text)
    if part is None:
        raise DamagedError("a byte range is not of the form FIRST-LAST", _HINT)
    return part
