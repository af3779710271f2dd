"""Smooth Streaming ([MS-SSTR]): a client manifest as renditions with their fragments.

There are no init segments: what a player makes them from is in `Rendition.setup`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from offlinedl.errors import DamagedError, UnsupportedError, shown
from offlinedl.manifest import smooth_protection, xml
from offlinedl.manifest.limits import LIMITS, Limits, Tally, absurd, seen_at
from offlinedl.manifest.smooth_fragments import C, Clock, Fragments, count, fragments, longest, template
from offlinedl.manifest.smooth_track import Track
from offlinedl.manifest.tracks import distinct
from offlinedl.manifest.units import whole
from offlinedl.manifest.urls import join, joiner
from offlinedl.model import Kind
from offlinedl.protection import Protection
from offlinedl.streams import Manifest, Rendition, Resource, Segment

__all__ = ["NAME", "expand", "parse", "recognises"]

NAME = "smooth"

_ROOT = "SmoothStreamingMedia"
_HINT = "the Smooth Streaming manifest is damaged: fetch it again, or tell its publisher"
_ASK = "ask for the title's HLS or DASH address"
_ROWS = {"c": C}
_TICKS = 10_000_000
_MAX_TRACKS = 10_000
_NO_PIECES: Mapping[str, bytes] = {}


def recognises(data: bytes) -> bool:
    """Is the root element a SmoothStreamingMedia (section 2.2.2.1)?"""
    name = xml.root_name(data)
    return name == _ROOT or (not name and f"<{_ROOT}".encode() in data[:4096])


def parse(data: bytes, url: str, limits: Limits = LIMITS, pieces: Mapping[str, bytes] = _NO_PIECES) -> Manifest:
    """The renditions of the manifest `data`, which came from `url`. Raises DamagedError and UnsupportedError."""
    with seen_at(shown(url)):
        root = xml.parse(data, rows=_ROWS, limits=limits)
        if root.name != _ROOT:
            raise UnsupportedError(f"the root element is {root.name}, not {_ROOT}")
        if (root.get("IsLive") or "").strip().lower() == "true":
            raise UnsupportedError(
                "it is live: its IsLive is true",
                "come back when the broadcast is over, or ask its publisher for the recording",
                code="live",
            )
        return _read(_Media(root, url, smooth_protection.read(root, url), limits))


def _read(media: _Media) -> Manifest:
    renditions = tuple(distinct(media.renditions()))
    if not renditions:
        raise media.nothing()
    return Manifest(format=NAME, url=media.url, renditions=renditions, duration=media.duration(renditions))


def expand(rendition: Rendition, index: bytes, url: str, limits: Limits = LIMITS) -> Rendition:
    """Never needed: the manifest lists every fragment."""
    raise UnsupportedError(f"{shown(url)}: {rendition.id} has no index to read", _ASK)


@dataclass(slots=True)
class _Media:
    """The manifest while it is read, and why something was left out."""

    root: xml.Element
    url: str
    protections: tuple[Protection, ...]
    limits: Limits
    left_out: list[str] = field(default_factory=list)

    def renditions(self) -> Iterator[Rendition]:
        """Section 2.2.2.3: each stream, and in it each track, which share their fragments' times."""
        for stream, usable in list(self._counted()):
            clock = Clock(usable[0].timescale, self._ticks(usable[0].timescale))
            found = fragments(stream, clock)
            if not found.times:
                self.left_out.append(f"{usable[0].name} has no fragments")
            yield from (self._rendition(track, found) for track in usable if found.times)

    def _counted(self) -> Iterator[tuple[xml.Element, list[Track]]]:
        """The streams with what can be used of them, whose fragments are not more than are read."""
        tally = Tally(self.limits)
        tracks = sum(len(stream.all("QualityLevel")) for stream in self.root.all("StreamIndex"))
        if tracks > _MAX_TRACKS:
            raise absurd("it has more tracks than are read", _MAX_TRACKS)
        for stream in self.root.all("StreamIndex"):
            levels = [Track(stream, level, self._timescale(stream)) for level in stream.all("QualityLevel")]
            usable = [track for track in levels if self._is_usable(track)]
            number = count(stream) if usable else 0
            for track in usable if number else ():
                tally.add(number, number * len(self._longest(track)))
            if usable:
                yield stream, usable

    def _longest(self, track: Track) -> str:
        return join(self.url, longest(track.url, track.bandwidth, track.custom_attributes()))

    def _is_usable(self, track: Track) -> bool:
        reason = track.left_out()
        if reason:
            self.left_out.append(f"{track.name} {reason}")
        return not reason

    def _rendition(self, track: Track, found: Fragments) -> Rendition:
        """Section 2.2.3: a fragment is requested by the bit rate of its track and its own time."""
        absolute, pattern = joiner(self.url), template(track.url, track.bandwidth, track.custom_attributes())
        segments = tuple(
            Segment(number=number, resource=Resource(url=absolute(pattern(time))), start=start, duration=duration)
            for number, (time, start, duration) in enumerate(zip(*found, strict=True))
        )
        clear = track.kind is Kind.SUBTITLES  # only pictures and sound are protected
        return track.described(segments, () if clear else self.protections)

    def _timescale(self, stream: xml.Element) -> int:
        """Sections 2.2.2.1 and 2.2.2.3: the stream's own, or that of the presentation, or 100 nanoseconds."""
        stated = stream.get("TimeScale") or self.root.get("TimeScale")
        scale = _TICKS if stated is None else whole(stated)
        if not scale:
            raise DamagedError("it has a TimeScale that is no number of units", _HINT)
        return scale

    def _ticks(self, timescale: int) -> Fraction | None:
        """The end of the presentation in units of a stream; None where it is not stated."""
        seconds = self._stated()
        return None if seconds is None else seconds * timescale

    def _stated(self) -> Fraction | None:
        """Section 2.2.2.1: Duration; 0 says that it is not known."""
        units, scale = whole(self.root.get("Duration")), whole(self.root.get("TimeScale") or str(_TICKS))
        return Fraction(units, scale) if units and scale else None

    def duration(self, renditions: tuple[Rendition, ...]) -> Fraction:
        """Seconds: as stated, or else the end of the last fragment."""
        ends = (r.segments[-1].start + r.segments[-1].duration for r in renditions)
        return self._stated() or max(ends, default=Fraction(0))

    def nothing(self) -> UnsupportedError | DamagedError:
        """Why no rendition is left."""
        if self.left_out:
            reasons = "; ".join(self.left_out[:3])
            return UnsupportedError(f"it offers nothing that can be used: {reasons}", _ASK)
        return DamagedError("it offers no stream", _HINT)
