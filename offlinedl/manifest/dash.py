"""DASH (ISO/IEC 23009-1): an MPD as renditions with their segments, or with the index that lists them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest import dash_periods, dash_protection, dash_skeleton, dash_track, xml
from offlinedl.manifest.dash_segments import Known, Place, address
from offlinedl.manifest.tracks import distinct
from offlinedl.manifest.units import iso_duration
from offlinedl.manifest.urls import join
from offlinedl.media import mp4
from offlinedl.streams import Manifest, Rendition, Resource, Segment

__all__ = ["NAME", "expand", "parse", "recognises"]

NAME = "dash"

_HINT = "The MPD is damaged: fetch it again, or tell its publisher."
_ASK = "Ask for the title's HLS address."
_MAX_INDEX_DEPTH = 8
_ROWS = frozenset({"S", "SegmentURL"})


def recognises(data: bytes) -> bool:
    """Is the root element an MPD, in whatever namespace (section 5.3.1)?"""
    name = xml.root_name(data)
    return name == "MPD" or (not name and b"<MPD" in data[:4096])  # what is damaged at its root is named by `parse`


def parse(data: bytes, url: str) -> Manifest:
    """The renditions of the MPD `data`, which came from `url`. Raises DamagedError and UnsupportedError."""
    root = xml.parse(data, rows=_ROWS)
    if root.name != "MPD":
        raise UnsupportedError(f"The root element is {root.name}, not MPD.")
    _refuse_live(root)
    mpd = _Mpd(root, dash_skeleton.read(root), url)
    periods = [
        (period.name, offered) for period in _periods(root, mpd.skeleton) if (offered := list(mpd.renditions(period)))
    ]
    if not periods:
        raise mpd.nothing()
    renditions = tuple(distinct(dash_periods.join(periods)))
    duration = _duration(root, renditions)
    return Manifest(format=NAME, url=url, renditions=renditions, duration=duration, title=_title(root))


def expand(rendition: Rendition, index: bytes, url: str) -> Rendition:
    """`rendition` with the segments that the sidx in `index` lists (ISO/IEC 14496-12 section 8.16.3).

    The segments keep the URL of the MPD, not `url`: where redirects end is signed, and ages.
    """
    if rendition.index is None or rendition.index.range is None:
        raise UnsupportedError(f"Rendition {rendition.id} has no index to read.", _ASK)
    at = rendition.inits[0].start if rendition.inits else Fraction(0)
    init = 0 if rendition.inits else None
    segments: list[Segment] = []
    for reference in _references(index, rendition.index.range.first, 0):
        resource = Resource(url=rendition.index.url, range=reference.range)
        segment = Segment(number=len(segments), resource=resource, start=at, duration=reference.duration, init=init)
        segments.append(segment)
        at += reference.duration
    if not segments:
        raise DamagedError(f"The segment index of rendition {rendition.id} is empty.", _HINT)
    return replace(rendition, index=None, segments=tuple(segments))


def _references(index: bytes, offset: int, depth: int) -> Iterator[mp4.Reference]:
    """The media that a sidx lists; an index that it refers to is read where it lies within the same bytes."""
    for reference in mp4.sidx(index, offset):
        if not reference.is_index:
            yield reference
            continue
        begin = reference.range.first - offset
        if depth == _MAX_INDEX_DEPTH or begin >= len(index):
            raise UnsupportedError("The segment index refers to others that lie elsewhere in the file.", _ASK)
        yield from _references(index[begin:], reference.range.first, depth + 1)


def _refuse_live(root: xml.Element) -> None:
    """Section 5.3.1.2: a dynamic MPD changes with time."""
    if (root.get("type") or "static").strip() == "dynamic":
        raise UnsupportedError(
            'The MPD is live: its type is "dynamic".',
            "Come back when the broadcast is over, or ask its publisher for the recording.",
            code="live",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Period:
    """A period with its place on the time line, in seconds; `duration` is None where nothing tells."""

    name: str
    element: xml.Element
    skeleton: Any
    start: Fraction
    duration: Fraction | None


def _periods(root: xml.Element, skeleton: Any) -> list[_Period]:
    """Section 5.3.2.1: a period lasts as long as it says, or else to the next one, the last to the end of the MPD."""
    pairs = zip(root.all("Period"), skeleton.periods or [], strict=True)
    kept = [(element, typed) for element, typed in pairs if not _resolves_to_nothing(element)]
    elements = [element for element, _ in kept]
    if any(element.local("href") and not element.all("AdaptationSet") for element in elements):
        raise UnsupportedError("The MPD keeps a Period at another address (xlink).", _ASK)
    starts = _starts(elements)
    ends = [*starts[1:], _end(root, starts)]
    periods = []
    for number, (element, typed) in enumerate(kept):
        duration, end = iso_duration(element.get("duration")), ends[number]
        if duration is None and end is not None:
            duration = max(end - starts[number], Fraction(0))
        name = _name(element, number)
        periods.append(_Period(name=name, element=element, skeleton=typed, start=starts[number], duration=duration))
    return periods


def _starts(elements: list[xml.Element]) -> list[Fraction]:
    """Section 5.3.2.1: a period begins when it says, or else where the one before it ends; the first one at 0."""
    starts: list[Fraction] = []
    ended: Fraction | None = Fraction(0)
    for number, element in enumerate(elements):
        stated = iso_duration(element.get("start"))
        start = ended if stated is None else stated
        if start is None:
            raise DamagedError(f"Period {_name(element, number)} does not say when it begins.", _HINT)
        duration = iso_duration(element.get("duration"))
        ended = None if duration is None else start + duration
        starts.append(start)
    return starts


def _end(root: xml.Element, starts: list[Fraction]) -> Fraction | None:
    """Section 5.3.1.2: where the last period ends. For a recording that kept its broadcast's clock it is a length."""
    total = iso_duration(root.get("mediaPresentationDuration"))
    return total + starts[0] if total is not None and starts and total <= starts[-1] else total


def _name(element: xml.Element, number: int) -> str:
    return element.get("id") or f"number {number + 1}"


def _resolves_to_nothing(element: xml.Element) -> bool:
    """Section 5.5.3: an xlink that says that there is nothing takes its element with it."""
    return element.local("href") == "urn:mpeg:dash:resolve-to-zero:2013"


@dataclass(slots=True)
class _Mpd:
    """The MPD while it is read: its tree, its skeleton, and why something was left out."""

    root: xml.Element
    skeleton: Any
    url: str
    left_out: list[str] = field(default_factory=list)

    def renditions(self, period: _Period) -> Iterator[Rendition]:
        """What a period offers (section 5.3.3)."""
        known: Known = {}
        sets = zip(period.element.all("AdaptationSet"), period.skeleton.adaptation_sets or [], strict=True)
        for adaptation, typed in sets:
            if _resolves_to_nothing(adaptation):
                continue
            if adaptation.local("href") and not adaptation.all("Representation"):
                raise UnsupportedError("The MPD keeps an AdaptationSet at another address (xlink).", _ASK)
            pairs = zip(adaptation.all("Representation"), typed.representations or [], strict=True)
            for representation, typed_representation in pairs:
                levels = (representation, adaptation, period.element)
                track = dash_track.Track(levels, typed_representation, typed)
                rendition = self._rendition(track, period, known)
                if rendition is not None:
                    yield rendition

    def _rendition(self, track: dash_track.Track, period: _Period, known: Known) -> Rendition | None:
        """One representation (section 5.3.5); None where it is left out."""
        found = dash_protection.descriptors(track.levels, self.root)
        reason = track.left_out() or dash_protection.left_out(found)
        kind = track.kind()
        if reason or kind is None:
            self.left_out.append(f"{track.id} {reason or 'is neither picture, sound nor subtitles'}")
            return None
        base, has_base = _base(self.url, (self.root, *reversed(track.levels)))
        place = Place(
            levels=track.levels,
            base=base,
            has_base=has_base,
            id=track.id,
            bandwidth=track.bandwidth,
            container=track.container(),
            start=period.start,
            duration=period.duration,
            known=known,
        )
        pieces = address(place)
        if not pieces.segments and not pieces.index:
            self.left_out.append(f"{track.id} has no segments")
            return None
        described = track.described(kind, dash_protection.read(found, self.url))
        return replace(described, inits=pieces.inits, segments=pieces.segments, index=pieces.index)

    def nothing(self) -> UnsupportedError | DamagedError:
        """Why no rendition is left."""
        if self.left_out:
            return UnsupportedError(f"The MPD offers nothing that can be used: {'; '.join(self.left_out[:3])}.", _ASK)
        return DamagedError("The MPD offers no representation.", _HINT)


def _base(url: str, levels: tuple[xml.Element, ...]) -> tuple[str, bool]:
    """Section 5.6: the BaseURLs from the MPD down, each seen from the one above; the first of several holds."""
    base, found = url, False
    for level in levels:
        element = level.first("BaseURL")
        if element is not None and element.text:
            base, found = join(base, element.text), True
    return base, found


def _duration(root: xml.Element, renditions: tuple[Rendition, ...]) -> Fraction:
    """Section 5.3.1.2: as stated, or else the end of the last segment."""
    stated = iso_duration(root.get("mediaPresentationDuration"))
    ends = (r.segments[-1].start + r.segments[-1].duration for r in renditions if r.segments)
    return stated if stated is not None else max(ends, default=Fraction(0))


def _title(root: xml.Element) -> str:
    """Section 5.3.7.2: ProgramInformation/Title."""
    information = root.first("ProgramInformation")
    title = information.first("Title") if information else None
    return title.text if title else ""
