"""DASH (ISO/IEC 23009-1): an MPD as renditions with their segments, or with the index that lists them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from offlinedl.errors import DamagedError, UnsupportedError, shown
from offlinedl.manifest import (
    dash_base,
    dash_index,
    dash_levels,
    dash_periods,
    dash_protection,
    dash_segments,
    dash_skeleton,
    dash_timeline,
    dash_times,
    dash_track,
    dash_xlink,
    xml,
)
from offlinedl.manifest.dash_segments import Known, Place, address, count
from offlinedl.manifest.dash_times import Period
from offlinedl.manifest.limits import LIMITS, Limits, Tally, absurd, seen_at, too_large
from offlinedl.manifest.tracks import distinct
from offlinedl.manifest.units import iso_duration, moment
from offlinedl.streams import Manifest, Rendition

__all__ = ["NAME", "expand", "parse", "recognises"]

NAME = "dash"

_HINT = "the MPD is damaged: fetch it again, or tell its publisher"
_ASK = "ask for the title's HLS address"
_NO_PIECES: Mapping[str, bytes] = {}
_ROWS = {"S": dash_timeline.S, "SegmentURL": dash_segments.SEGMENT_URL}
_WIDTH = 4
_MAX_NODES = 150_000


def recognises(data: bytes) -> bool:
    """Is the root element an MPD, in whatever namespace (section 5.3.1)?"""
    name = xml.root_name(data)
    return name == "MPD" or (not name and b"<MPD" in data[:4096])  # what is damaged at its root is named by `parse`


def parse(data: bytes, url: str, limits: Limits = LIMITS, pieces: Mapping[str, bytes] = _NO_PIECES) -> Manifest:
    """The renditions of the MPD `data`, which came from `url`. Raises DamagedError and UnsupportedError.

    Where the MPD keeps pieces elsewhere (xlink) that are not among `pieces`, no more than their addresses.
    """
    with seen_at(shown(url)):
        limits.check_bytes(len(data) + sum(map(len, pieces.values())))
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
    _check_nodes(root)
    mpd = _Mpd(root, url, limits)
    periods = dash_times.periods(root)
    counted = deque((period, list(mpd.places(period))) for period in periods)
    offers: list[dash_periods.Period] = []
    while counted:
        period, places = counted.popleft()
        if offered := list(mpd.renditions(places)):
            offers.append(dash_periods.Period(name=period.name, offered=offered, duration=period.duration))
        period.element.children.clear()
    if not offers:
        raise mpd.nothing()
    renditions = tuple(distinct(dash_periods.join(offers, limits)))
    return Manifest(
        format=NAME,
        url=url,
        renditions=renditions,
        duration=_duration(root, periods, renditions),
        title=_title(root),
        ends_at=_ends_at(root, periods),
    )


def _check_nodes(root: xml.Element) -> None:
    """Each takes a fifth of a millisecond, whatever it holds."""
    periods = root.all("Period")
    sets = [adaptation for period in periods for adaptation in period.all("AdaptationSet")]
    if len(periods) + len(sets) + sum(len(a.all("Representation")) for a in sets) > _MAX_NODES:
        raise absurd("it has more periods, adaptation sets and representations than are read", _MAX_NODES)


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


def _ends_at(root: xml.Element, periods: list[Period]) -> datetime | None:
    """Section 5.3.1.2: when the last segment of a dynamic MPD is available; None for a static one."""
    begin, last = moment(root.get("availabilityStartTime")), periods[-1]
    if begin is None or (root.get("type") or "static").strip() != "dynamic":
        return None
    try:
        return begin + timedelta(seconds=float(last.start + (last.duration or 0)))
    except OverflowError:
        raise DamagedError("its times lie beyond the end of the calendar", _HINT) from None


class _Offer(NamedTuple):
    """A representation that is offered, without its segments, and where they are."""

    rendition: Rendition
    bases: tuple[str, ...]
    place: Place


class _Mpd:
    """The MPD while it is read: its tree, what it comes to, and why something was left out."""

    def __init__(self, root: xml.Element, url: str, limits: Limits) -> None:
        self._limits = limits
        self._top = dash_levels.top(root, url)
        self._descriptors = dash_protection.Descriptors(root, url)
        self._tally = Tally(limits)
        self._inherited = 0
        self._left_out: list[str] = []

    def places(self, period: Period) -> Iterator[_Offer]:
        """What a period offers (section 5.3.3), counted and not built yet."""
        known, skeleton = Known(), dash_skeleton.read(period.element)
        self._descriptors.forget()
        level = self._top.below(period.element)
        sets = zip(period.element.all("AdaptationSet"), skeleton.adaptation_sets or [], strict=True)
        for adaptation, typed in sets:
            inner = level.below(adaptation)
            pairs = zip(adaptation.all("Representation"), typed.representations or [], strict=True)
            for representation, typed_representation in pairs:
                track = dash_track.Track((representation, adaptation, period.element), typed_representation, typed)
                self._check_width(track)
                yield from self._offer(track, period, inner.below(representation), known)

    def _check_width(self, track: dash_track.Track) -> None:
        """What is inherited is looked through for each representation: wide levels with many of them are refused."""
        self._inherited += sum(len(level.children) + len(level.attributes) for level in track.levels)
        if self._inherited > _WIDTH * self._limits.objects:
            raise too_large("its representations inherit more than is read", _WIDTH * self._limits.objects)

    def _offer(
        self, track: dash_track.Track, period: Period, level: dash_levels.Level, known: Known
    ) -> Iterator[_Offer]:
        """One representation (section 5.3.5), unless it is left out."""
        sealed, protections = self._descriptors.read(level.protections)
        reason = track.left_out() or sealed
        kind = track.kind()
        if reason or kind is None:
            self._left_out.append(f"{track.id} {reason or 'is neither picture, sound nor subtitles'}")
            return
        place = Place(
            levels=track.levels,
            base=level.bases.urls[0],
            has_base=level.bases.stated,
            id=track.id,
            bandwidth=track.bandwidth,
            container=track.container(),
            start=period.start,
            duration=period.duration,
            known=known,
            query=level.query,
        )
        self._tally.add(*count(place))
        yield _Offer(track.described(kind, protections), level.bases.urls, place)

    def renditions(self, offers: Iterable[_Offer]) -> Iterator[Rendition]:
        """The renditions, with their segments or the index that lists them."""
        for offer in offers:
            pieces = address(offer.place)
            offer.place.levels[0].children.clear()  # what it becomes takes the place of what it was
            if not pieces.segments and not pieces.unread:
                self._left_out.append(f"{offer.rendition.id} has no segments")
                continue
            yield replace(
                offer.rendition,
                inits=pieces.inits,
                segments=pieces.segments,
                index=pieces.unread.resource if pieces.unread else None,
                unread=(pieces.unread,) if pieces.unread else (),
                bases=dash_base.fallbacks(offer.bases, pieces),
            )

    def nothing(self) -> UnsupportedError | DamagedError:
        """Why no rendition is left."""
        if self._left_out:
            return UnsupportedError(f"it offers nothing that can be used: {'; '.join(self._left_out[:3])}", _ASK)
        return DamagedError("it offers no representation", _HINT)


def _duration(root: xml.Element, periods: list[Period], renditions: tuple[Rendition, ...]) -> Fraction:
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
