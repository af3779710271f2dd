"""The pieces of a representation: SegmentTemplate, SegmentList, SegmentBase, or one file (23009-1 section 5.3.9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import repeat
from math import ceil
from typing import TypeAlias

from offlinedl.errors import DamagedError
from offlinedl.frozen import frozen
from offlinedl.manifest import dash_timeline, xml
from offlinedl.manifest.columns import rows
from offlinedl.manifest.dash_source import Source
from offlinedl.manifest.dash_template import Template
from offlinedl.manifest.dash_timeline import Slots, Timing
from offlinedl.manifest.limits import check_address
from offlinedl.manifest.units import first_to_last
from offlinedl.manifest.urls import join, joiner
from offlinedl.streams import ByteRange, Resource, Segment, Unread

_HINT = "the MPD is damaged: fetch it again, or tell its publisher"
SEGMENT_URL = xml.Row("SegmentList", ("media", "mediaRange"))
"""Section 5.3.9.3.2: a segment of a list, and the part of its file."""
_Layout: TypeAlias = tuple[Timing, int, xml.Element | None]


@dataclass(frozen=True, slots=True)
class Known:
    """What the representations of a period share: each timeline is counted, and laid out, once."""

    counts: dict[_Layout, int] = field(default_factory=dict)
    slots: dict[_Layout, Slots] = field(default_factory=dict)


@frozen
class Place:
    """A representation in its period: `levels` from the representation up to the period, `base` their joined BaseURL.

    `start` and `duration` are the period's, in seconds, None where its end is unknown. `known` keeps timelines that
    several representations share. `query` is added to the addresses that are asked for.
    """

    levels: tuple[xml.Element, ...]
    base: str
    has_base: bool
    id: str
    bandwidth: int
    container: str
    start: Fraction
    duration: Fraction | None
    known: Known = field(default_factory=Known)
    query: str = ""

    def asked(self, url: str) -> str:
        """`url` with `query`."""
        if not self.query:
            return url
        check_address(full := f"{url}{'&' if '?' in url else '?'}{self.query}")
        return full


@frozen
class Addressed:
    """What a representation comes to: its segments, or the index that must be read first."""

    inits: tuple[Segment, ...] = ()
    segments: tuple[Segment, ...] = ()
    unread: Unread | None = None


def count(place: Place) -> tuple[int, int]:
    """How many segments `address` will make, and how many letters their addresses have together at most."""
    source = Source(place.levels)
    if source.kind == "SegmentTemplate":
        segments = _count(place, source)
        return segments, segments * len(place.asked(_media(place, source).longest(place.base)))
    if source.kind == "SegmentList":
        medias = _listed_urls(source)[::2]
        letters = sum(map(len, filter(None, medias))) + len(medias) * (len(place.base) + len(place.query))
        return max(len(medias), _count(place, source) if source.child("SegmentTimeline") else 0), letters
    return 1, len(place.base)


def address(place: Place) -> Addressed:
    """The pieces of the representation. The nearest addressing holds, and inherits from those of its kind above."""
    source = Source(place.levels)
    make = {"SegmentTemplate": _template, "SegmentList": _list, "SegmentBase": _base}.get(source.kind, _whole_file)
    return make(place, source)


def _layout(place: Place, source: Source) -> _Layout | None:
    """What the times of the segments follow from; None where neither a SegmentTimeline nor a duration is given."""
    duration, timeline = source.number("duration", 0), source.child("SegmentTimeline")
    timing = source.timing(place.start, place.duration)
    return (timing, duration, timeline) if duration or timeline else None


def _count(place: Place, source: Source) -> int:
    """How many segments there are times for."""
    layout, counts = _layout(place, source), place.known.counts
    if layout is not None and layout not in counts:
        counts[layout] = dash_timeline.count(*layout)
    return 1 if layout is None else counts[layout]


def _slots(place: Place, source: Source) -> Slots | None:
    """The times of the segments; None where nothing tells."""
    layout, slots = _layout(place, source), place.known.slots
    if layout is not None and layout not in slots:
        slots.clear()  # those that share a timeline follow each other, and it is as large as what is made of it
        slots[layout] = dash_timeline.slots(*layout)
    return None if layout is None else slots[layout]


def _template(place: Place, source: Source) -> Addressed:
    """Section 5.3.9.4: one URL for every segment, with its number or its time in it."""
    slots = _slots(place, source)
    if slots is None:
        slots = Slots([source.number("startNumber", 1)], [0], [place.start], [_known_duration(place)])
    inits = _inits(place, source)
    init = 0 if inits else None
    urls = _media(place, source).urls(place.base, slots.numbers, slots.times)
    urls = [place.asked(url) for url in urls] if place.query else urls
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


def _media(place: Place, source: Source) -> Template:
    media = source.text("media")
    if media is None:
        raise DamagedError(f"{place.id}: its SegmentTemplate has no media", _HINT)
    return Template(media, place.id, place.bandwidth)


def _inits(place: Place, source: Source) -> tuple[Segment, ...]:
    """Sections 5.3.9.2.2 and 5.3.9.4.2: the init segment, by template or as an Initialization; none without either."""
    template = source.text("initialization")
    if template is not None:
        url = Template(template, place.id, place.bandwidth).url(place.base)
        return (Segment(number=0, resource=Resource(url=place.asked(url)), start=place.start),)
    element = source.child("Initialization")
    if element is None:
        return ()
    url, part = join(place.base, element.get("sourceURL") or ""), _range(element.get("range"))
    return (Segment(number=0, resource=Resource(url=place.asked(url), range=part), start=place.start),)


def _listed_urls(source: Source) -> list[str | None]:
    return next((found for element in source.elements if (found := element.cells)), [])


def _list(place: Place, source: Source) -> Addressed:
    """Section 5.3.9.3: every segment named. A range of one byte at 0 is a packager's way to say the whole file."""
    listed = _listed_urls(source)
    medias, ranges = listed[::2], listed[1::2]
    if not medias:
        raise DamagedError(f"{place.id}: its SegmentList is empty", _HINT)
    slots = _listed(place, source, len(medias))
    inits = _inits(place, source)
    init = 0 if inits else None
    absolute = joiner(place.base)
    segments = tuple(
        Segment(
            number=number,
            resource=Resource(url=place.asked(absolute(media or "")), range=None if part == "0-0" else _range(part)),
            start=start,
            duration=duration,
            init=init,
        )
        for number, (media, part, start, duration) in enumerate(
            zip(medias, ranges, slots.starts, slots.durations, strict=False)
        )
    )
    return Addressed(inits=inits, segments=segments)


def _listed(place: Place, source: Source, count: int) -> Slots:
    """The times of `count` listed segments, or of as many of them as begin before the period ends."""
    timing = source.timing(place.start, place.duration)
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


def _base(place: Place, source: Source) -> Addressed:
    """Section 5.3.9.2: one file, and where its segment index is. Without one, and for WebM, the file is one segment."""
    element = source.child("RepresentationIndex")
    part = _range(source.text("indexRange") or None) or _range((element.get("range") if element else None) or None)
    elsewhere = element.get("sourceURL") if element else None
    if (part is None and not elsewhere) or place.container != "mp4":
        return _whole_file(place, source)
    inits, media = _inits(place, source), place.asked(place.base)
    if elsewhere:
        part = _range(element.get("range")) if element else None
    elif (
        not inits and part is not None and part.first
    ):  # what goes before the index is what the player needs before the first segment
        before = Resource(url=media, range=ByteRange(first=0, last=part.first - 1))
        inits = (Segment(number=0, resource=before, start=place.start),)
    index = Resource(url=place.asked(join(place.base, elsewhere or "")), range=part)
    unread = Unread(resource=index, media=media, start=place.start, init=0 if inits else None)
    return Addressed(inits=inits, unread=unread)


def _whole_file(place: Place, _source: Source) -> Addressed:
    """Section 5.3.9.1: no addressing at all, so the BaseURL is the one segment, and holds its own initialization."""
    if not place.has_base or place.base.endswith("/"):
        raise DamagedError(f"{place.id}: it does not say where its segments are", _HINT)
    resource = Resource(url=place.asked(place.base))
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
