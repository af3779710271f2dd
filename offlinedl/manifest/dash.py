"""DASH (ISO/IEC 23009-1): an MPD as renditions with their segments, or with the index that lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from offlinedl.errors import DamagedError, UnsupportedError, shown
from offlinedl.manifest import (
    dash_base,
    dash_index,
    dash_periods,
    dash_protection,
    dash_skeleton,
    dash_track,
    dash_xlink,
    xml,
)
from offlinedl.manifest.dash_segments import Known, Place, address
from offlinedl.manifest.limits import LIMITS, Limits, seen_at
from offlinedl.manifest.tracks import distinct
from offlinedl.manifest.units import iso_duration, moment
from offlinedl.streams import Manifest, Rendition

__all__ = ["NAME", "expand", "parse", "recognises"]

NAME = "dash"

_HINT = "the MPD is damaged: fetch it again, or tell its publisher"
_ASK = "ask for the title's HLS address"
_NO_PIECES: Mapping[str, bytes] = {}
_ROWS = frozenset({"S", "SegmentURL"})


def recognises(data: bytes) -> bool:
    """Is the root element an MPD, in whatever namespace (section 5.3.1)?"""
    name = xml.root_name(data)
    return name == "MPD" or (not name and b"<MPD" in data[:4096])  # what is damaged at its root is named by `parse`


def parse(data: bytes, url: str, limits: Limits = LIMITS, pieces: Mapping[str, bytes] = _NO_PIECES) -> Manifest:
    """The renditions of the MPD `data`, which came from `url`. Raises DamagedError and UnsupportedError.

    Where the MPD keeps pieces elsewhere (xlink) that are not among `pieces`, no more than their addresses.
    """
    with seen_at(shown(url)):
        root = xml.parse(data, rows=_ROWS, limits=limits)
        if root.name != "MPD":
            raise UnsupportedError(f"the root element is {root.name}, not MPD")
        _refuse_live(root)
        missing = dash_xlink.missing(root, url, pieces)
        if missing:
            return Manifest(format=NAME, url=url, renditions=(), missing=missing)
        dash_xlink.resolve(root, url, pieces, limits, _ROWS)
        return _read(root, url, limits)


def _read(root: xml.Element, url: str, limits: Limits) -> Manifest:
    mpd = _Mpd(root, dash_skeleton.read(root), url, limits)
    periods = _periods(root, mpd.skeleton)
    offers = [
        dash_periods.Period(name=period.name, offered=offered, duration=period.duration)
        for period in periods
        if (offered := list(mpd.renditions(period)))
    ]
    if not offers:
        raise mpd.nothing()
    renditions = tuple(distinct(dash_periods.join(offers)))
    return Manifest(
        format=NAME,
        url=url,
        renditions=renditions,
        duration=_duration(root, periods, renditions),
        title=_title(root),
        ends_at=_ends_at(root, periods),
    )


def expand(rendition: Rendition, index: bytes, url: str, limits: Limits = LIMITS) -> Rendition:
    """`rendition` with the segments that the sidx in `index` lists (ISO/IEC 14496-12 section 8.16.3).

    The segments keep the URL of the MPD, not `url`: where redirects end is signed, and ages.
    """
    with seen_at(f"{shown(url)}: {rendition.id}"):
        if not rendition.unread:
            raise UnsupportedError("there is no index to read", _ASK)
        return dash_index.read(rendition, index, limits)


def _refuse_live(root: xml.Element) -> None:
    """Section 5.3.1.2: a dynamic MPD changes with time, unless it says how long it is and that it will not change."""
    if (root.get("type") or "static").strip() != "dynamic" or _has_an_end(root):
        return
    raise UnsupportedError(
        'it is live: its type is "dynamic"',
        "come back when the broadcast is over, or ask its publisher for the recording",
        code="live",
    )


def _has_an_end(root: xml.Element) -> bool:
    """Section 5.3.1.2: no @minimumUpdatePeriod, so this is the last version, and all times are known."""
    stated = iso_duration(root.get("mediaPresentationDuration")), moment(root.get("availabilityStartTime"))
    return None not in stated and root.get("minimumUpdatePeriod") is None


def _ends_at(root: xml.Element, periods: list[_Period]) -> datetime | None:
    """Section 5.3.1.2: when the last segment of a dynamic MPD is available; None for a static one."""
    begin, last = moment(root.get("availabilityStartTime")), periods[-1]
    if begin is None or (root.get("type") or "static").strip() != "dynamic":
        return None
    try:
        return begin + timedelta(seconds=float(last.start + (last.duration or 0)))
    except OverflowError:
        raise DamagedError("its times lie beyond the end of the calendar", _HINT) from None


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
    kept = list(pairs)
    elements = [element for element, _ in kept]
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
            raise DamagedError(f"period {_name(element, number)} does not say when it begins", _HINT)
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


@dataclass(slots=True)
class _Mpd:
    """The MPD while it is read: its tree, its skeleton, and why something was left out."""

    root: xml.Element
    skeleton: Any
    url: str
    limits: Limits
    segments: int = 0
    left_out: list[str] = field(default_factory=list)

    def renditions(self, period: _Period) -> Iterator[Rendition]:
        """What a period offers (section 5.3.3)."""
        known: Known = {}
        sets = zip(period.element.all("AdaptationSet"), period.skeleton.adaptation_sets or [], strict=True)
        for adaptation, typed in sets:
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
        bases, has_base = dash_base.bases(self.url, (self.root, *reversed(track.levels)))
        place = Place(
            levels=track.levels,
            base=bases[0],
            has_base=has_base,
            id=track.id,
            bandwidth=track.bandwidth,
            container=track.container(),
            start=period.start,
            duration=period.duration,
            known=known,
            limits=self.limits,
        )
        pieces = address(place)
        self.segments += len(pieces.segments)
        self.limits.check_segments(self.segments)
        if not pieces.segments and not pieces.unread:
            self.left_out.append(f"{track.id} has no segments")
            return None
        described = track.described(kind, dash_protection.read(found, self.url))
        return replace(
            described,
            inits=pieces.inits,
            segments=pieces.segments,
            index=pieces.unread.resource if pieces.unread else None,
            unread=(pieces.unread,) if pieces.unread else (),
            bases=dash_base.fallbacks(bases, pieces),
        )

    def nothing(self) -> UnsupportedError | DamagedError:
        """Why no rendition is left."""
        if self.left_out:
            return UnsupportedError(f"it offers nothing that can be used: {'; '.join(self.left_out[:3])}", _ASK)
        return DamagedError("it offers no representation", _HINT)


def _duration(root: xml.Element, periods: list[_Period], renditions: tuple[Rendition, ...]) -> Fraction:
    """Section 5.3.1.2: as stated, or else the end of the last period, or that of the last segment."""
    stated, last = iso_duration(root.get("mediaPresentationDuration")), periods[-1]
    if stated is None and last.duration is not None:
        stated = last.start + last.duration
    ends = (r.segments[-1].start + r.segments[-1].duration for r in renditions if r.segments)
    return stated if stated is not None else max(ends, default=Fraction(0))


def _title(root: xml.Element) -> str:
    """Section 5.3.7.2: ProgramInformation/Title."""
    information = root.first("ProgramInformation")
    title = information.first("Title") if information else None
    return title.text if title else ""
