"""The words of manifests and plans, as values: what a title offers, and what is fetched of it.

Durations and times on the title's time line are seconds; sizes and ranges are bytes.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from offlinedl.errors import DamagedError
from offlinedl.frozen import frozen
from offlinedl.model import Kind, Setup, Track, Wanted
from offlinedl.protection import Key, LicenseServer, Protection
from offlinedl.signatures import unsigned

PIECE = 8 * 2**20
"""Bytes of the pieces that one file is cut into: little is lost with a connection, and requests cost nothing."""
_FINEST = 10**40
_NO_FILE = 2**53
"""No file has as many bytes (9 PB), and up to here every reader of JSON sees the same number (RFC 8259 section 6)."""


@frozen
class ByteRange:
    """Bytes `first` to `last`, both included (RFC 9110 section 14.1.2). DamagedError where no file can have them."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last < _NO_FILE:
            raise DamagedError(f"bytes {self.first} to {self.last} are no part of a file", "tell its publisher")

    @property
    def size(self) -> int:
        """How many bytes these are."""
        return self.last - self.first + 1


@frozen
class Resource:
    """Something to request: an absolute http(s) URL, whole or a range of it. `size` is what its server said of the
    whole, None where nobody asked."""

    url: str
    range: ByteRange | None = None
    size: int | None = None


@frozen
class Segment:
    """One piece of a rendition. (rendition, init, number) is its identity; its URL is not: URLs are signed, and age.

    `number` counts from 0 in playback order, init segments apart. `init` on a media segment is the number of the init
    segment that it needs, None where it needs none. `start` and `duration` are seconds on the title's time line; the
    clock within its media `breaks` where it does not go on from the segment before.
    """

    number: int
    resource: Resource
    start: Fraction = Fraction(0)
    duration: Fraction = Fraction(0)
    init: int | None = None
    keys: tuple[Key, ...] = ()
    breaks: bool = False


@frozen
class Unread:
    """A segment index (sidx) that is still to be read, and the place of what it lists.

    What is listed lies in `media`, begins at `start` on the time line, needs `init`, and comes `at` segments after the
    place of the unread index before it, the first one `at` segments after the rendition's begin. `depth` counts the
    indexes above it, `read` those of the rendition that were read before it.
    """

    resource: Resource
    media: str
    start: Fraction
    init: int | None = None
    at: int = 0
    depth: int = 0
    read: int = 0


@frozen
class Rendition:
    """One encoding of one track. `bandwidth` is in bits per second, 0 where the manifest does not say.

    `channels` is as HLS writes it: their number, and what more there is of them ("6", "16/JOC"). `video_range` is SDR,
    HLG or PQ, "" where nothing tells. `autoselect` says that it may be played because of its language, without having
    been chosen. `muxed_audio` is the language of the sound within a video's own segments, "" where that is not stated,
    None where the manifest knows of none.

    `index` is what must be read next before the segments are known (a media playlist, a sidx); None when they are.
    `unread` are all the segment indexes still to be read, the first of them being `index`; `variables` what a media
    playlist may import. `gaps` are the numbers of segments that are not there.

    `bases` are fallback addresses: in each group, beginnings of URLs that stand for each other. What begins with the
    first can be asked for with another of them in its place.

    `group` joins the renditions that belong together: a video rung names in `audio_group` and `subtitle_group` the
    groups that go with it (RFC 8216 section 4.3.4.2), None where any rendition does. `setup` is what an init segment is
    made from, where the format has none.
    """

    id: str
    kind: Kind
    container: str
    bandwidth: int = 0
    width: int = 0
    height: int = 0
    codecs: str = ""
    supplemental_codecs: str = ""
    frame_rate: Fraction | None = None
    video_range: str = ""
    channels: str = ""
    language: str = ""
    name: str = ""
    roles: tuple[str, ...] = ()
    default: bool = False
    autoselect: bool = False
    forced: bool = False
    muxed_audio: str | None = None
    group: str | None = None
    audio_group: str | None = None
    subtitle_group: str | None = None
    index: Resource | None = None
    unread: tuple[Unread, ...] = ()
    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    bases: tuple[tuple[str, ...], ...] = field(default=(), repr=False)
    inits: tuple[Segment, ...] = ()
    segments: tuple[Segment, ...] = ()
    setup: Setup | None = None
    gaps: tuple[int, ...] = ()
    protections: tuple[Protection, ...] = ()

    @property
    def duration(self) -> Fraction:
        """Seconds, from the segments; 0 while they are unknown."""
        sums: dict[int, int] = {}
        for each in (segment.duration for segment in self.segments):
            sums[each.denominator] = sums.get(each.denominator, 0) + each.numerator
        total = Fraction(0)
        for denominator, numerator in sums.items():
            total = steady(total + Fraction(numerator, denominator))
        return total


def steady(seconds: Fraction) -> Fraction:
    """`seconds`, exact unless that takes more than 40 digits: sums over clocks that share no divisor grow for ever."""
    return seconds if seconds.denominator <= _FINEST else Fraction(round(seconds * _FINEST), _FINEST)


@frozen
class Steering:
    """Who says which of the addresses of a title are to be asked first, and the pathway that is until then (rfc8216bis
    section 4.4.6.6)."""

    url: str = field(repr=False)
    pathway: str


@frozen
class Manifest:
    """A manifest, read: every rendition that it offers. `duration` is in seconds, 0 where unknown.

    `missing` are addresses of pieces that must be read with it first; it offers nothing then. `ends_at` is when the
    broadcast that it tells of is over and all of it is there; None where all is there. `steering` is who may be asked
    for another order of the addresses: what comes is a piece, with which it is read again.
    """

    format: str
    url: str
    renditions: tuple[Rendition, ...]
    duration: Fraction = Fraction(0)
    title: str = ""
    protections: tuple[Protection, ...] = ()
    missing: tuple[str, ...] = field(default=(), repr=False)
    ends_at: datetime | None = None
    steering: Steering | None = None


class Fetch(NamedTuple):
    """One request of a plan and the file that it becomes. There are thousands: a tuple is made in a third of the time.

    `path` is relative to the title's folder. `size` is the number of bytes on the disk, None until it is done, and
    `checksum` and `validator` are those of what came (see Arrival); `estimate` is what the size is thought to be
    before. `key` is the number of the key in `Plan.keys`. `breaks` is as in Segment.
    """

    rendition: str
    init: bool
    number: int
    url: str
    path: str
    range: ByteRange | None = None
    start: float = 0.0
    duration: float = 0.0
    needs_init: int | None = None
    key: int | None = None
    iv: bytes | None = None
    breaks: bool = False
    estimate: int = 0
    size: int | None = None
    checksum: bytes | None = None
    validator: str | None = None

    @property
    def identity(self) -> tuple[str, bool, int]:
        """(rendition, init, number): what survives a new signature of the URL."""
        return (self.rendition, self.init, self.number)

    @property
    def content(self) -> str:
        """What tells that two fetches of one title bring the same bytes to the same place, whatever signs their
        URLs."""
        part = f"{self.range.first}-{self.range.last}" if self.range else ""
        return f"{self.rendition} {self.init:d} {self.number} {self.path} {unsigned(self.url)} {part}"


class Arrival(NamedTuple):
    """What a fetch brought: its size in bytes, the checksum of them (16 bytes, XXH3), and what tells this version of
    the resource from others, None where the server does not say. `is_formed` tells that it has the form that its name
    promises, and needs no key; else that is still to be looked at. A tuple, as Fetch is."""

    size: int
    checksum: bytes
    validator: str | None = None
    is_formed: bool = False


@frozen
class Plan:
    """What to fetch, where it goes, and who licenses it: on disk before the first byte.

    `bases` are the fallback addresses of the renditions, see there.
    """

    manifest_url: str
    wanted: Wanted
    tracks: tuple[Track, ...] = ()
    fetches: tuple[Fetch, ...] = ()
    keys: tuple[Key, ...] = ()
    kids: tuple[bytes, ...] = ()
    protected: bool = False
    license: LicenseServer | None = None
    bases: tuple[tuple[str, ...], ...] = field(default=(), repr=False)

    @property
    def gaps(self) -> tuple[tuple[str, int], ...]:
        """The segments, by rendition and number, that the service does not have: those that are left out between
        others."""
        numbers: dict[str, set[int]] = {}
        for fetch in self.fetches:
            if not fetch.init:
                numbers.setdefault(fetch.rendition, set()).add(fetch.number)
        return tuple((name, n) for name, own in numbers.items() for n in range(max(own)) if n not in own)

    def addresses(self, url: str) -> tuple[str, ...]:
        """`url`, and where else the same can be had, the first to be asked first."""
        if not self.bases:
            return (url,)
        beside = (
            f"{base}{url.removeprefix(group[0])}" for group in self.bases if url.startswith(group[0]) for base in group
        )
        return tuple(dict.fromkeys((url, *beside)))

    @property
    def heads(self) -> tuple[Fetch, ...]:
        """What may be the only one to say how the media are protected: the init segments, and the first file of an MP4
        or WebM track that has none, unless it is a piece: what a file says of itself was read before it was cut."""
        has_init = {f.rendition for f in self.fetches if f.init}
        alone = {t.id for t in self.tracks if t.container in {"mp4", "webm"}} - has_init - self.cut
        firsts: dict[str, Fetch] = {}
        for fetch in self.fetches:
            if fetch.rendition in alone:
                firsts.setdefault(fetch.rendition, fetch)
        return (*(f for f in self.fetches if f.init), *firsts.values())

    @property
    def cut(self) -> frozenset[str]:
        """The tracks whose files are the pieces of one file: `PIECE` bytes each from its first byte on."""
        ends: dict[str, tuple[str, int, int]] = {}
        others: set[str] = set()
        for fetch in self.fetches:
            if fetch.rendition in others:
                continue
            url, end, count = ends.get(fetch.rendition, (fetch.url, 0, 0))
            if fetch.init or fetch.range is None or fetch.range.first != end or fetch.url != url or end % PIECE:
                others.add(fetch.rendition)
            else:
                ends[fetch.rendition] = (url, fetch.range.last + 1, count + 1)
        return frozenset(name for name, (_, _, count) in ends.items() if count > 1) - others
