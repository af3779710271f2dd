"""The words of the field, as values. No behaviour beyond what each value can say of itself.

Times are UTC; durations are seconds; `None` means no limit where a limit is meant, and unknown nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction


class Kind(StrEnum):
    """What a rendition carries."""

    VIDEO = "video"
    AUDIO = "audio"
    SUBTITLES = "subtitles"


class State(StrEnum):
    """Where a title stands. `EXPIRED` is never stored: a ready title past its deadline is shown so."""

    QUEUED = "queued"
    DOWNLOADING = "downloading"
    PAUSED = "paused"
    FAILED = "failed"
    READY = "ready"
    EXPIRED = "expired"
    REMOVING = "removing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes `first` to `last`, both included (RFC 9110 section 14.1.2)."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise ValueError(f"not a byte range: {self.first}-{self.last}")

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something to request: an absolute http(s) URL, whole or a range of it."""

    url: str
    range: ByteRange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """How the media say that a segment is encrypted (HLS EXT-X-KEY, RFC 8216 section 4.3.2.4).

    `iv` is set for the identity format, also where the playlist only implies it (section 5.2), because the media
    sequence number that it would be derived from is not kept.
    """

    method: str
    uri: str
    iv: bytes | None = None
    keyformat: str = "identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One piece of a rendition. (rendition, init, number) is its identity; its URL is not: URLs are signed, and age.

    `number` counts from 0 in playback order, init segments apart. `init` on a media segment is the number of the init
    segment that it needs, None where it needs none. `start` and `duration` are seconds on the title's time line.
    """

    number: int
    resource: Resource
    start: Fraction = Fraction(0)
    duration: Fraction = Fraction(0)
    init: int | None = None
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What a manifest or an init segment says of the license that is needed.

    `system` is the DRM system id (a lower-case UUID) or "" where only the scheme is stated; `scheme` is cenc, cbcs,
    cens, cbc1 or None; `kids` are 16 bytes each, in the order of their text; `init_data` is a pssh box.
    """

    system: str = ""
    scheme: str | None = None
    kids: tuple[bytes, ...] = ()
    init_data: bytes | None = None
    license_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One encoding of one track. `bandwidth` is in bits per second, 0 where the manifest does not say.

    `index` is what must be read before the segments are known (a media playlist, a sidx); None when they are.
    `group` joins the renditions that belong together: a video rung names in `audio_group` and `subtitle_group` the
    groups that go with it (RFC 8216 section 4.3.4.2), None where any rendition does.
    """

    id: str
    kind: Kind
    container: str
    bandwidth: int = 0
    width: int = 0
    height: int = 0
    codecs: str = ""
    language: str = ""
    name: str = ""
    roles: tuple[str, ...] = ()
    default: bool = False
    group: str | None = None
    audio_group: str | None = None
    subtitle_group: str | None = None
    index: Resource | None = None
    inits: tuple[Segment, ...] = ()
    segments: tuple[Segment, ...] = ()
    protections: tuple[Protection, ...] = ()

    @property
    def duration(self) -> Fraction:
        """Seconds, from the segments; 0 while they are unknown."""
        return sum((s.duration for s in self.segments), Fraction(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest, read: every rendition that it offers. `duration` is in seconds, 0 where unknown."""

    format: str
    url: str
    renditions: tuple[Rendition, ...]
    duration: Fraction = Fraction(0)
    title: str = ""
    protections: tuple[Protection, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """May the title be downloaded, and for how long. Windows are seconds; None is no limit."""

    download: bool = True
    reason: str | None = None
    storage_seconds: int | None = None
    playback_seconds: int | None = None
    available_from: datetime | None = None
    available_until: datetime | None = None
    max_height: int | None = None
    export: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drm:
    """Where the license of one source is: `system` as in the feed ("clearkey", "widevine", ...)."""

    system: str
    license_url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSource:
    """One manifest of a title; several are alternatives."""

    url: str
    type: str = ""
    drm: tuple[Drm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SideTrack:
    """A subtitle file that stands beside the manifest."""

    url: str
    language: str
    kind: str = "subtitles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The series that an episode belongs to; `id` is "source:series-id"."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """What a person asks for: an episode or a film. `id` is unique in the catalog ("source:id")."""

    id: str
    name: str
    sources: tuple[MediaSource, ...]
    series: Series | None = None
    season: int | None = None
    episode: int | None = None
    published: datetime | None = None
    subtitles: tuple[SideTrack, ...] = ()
    rights: Rights = Rights()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asks of a title: a quality (name, height or rate) and languages, BCP 47 (RFC 4647 lookup)."""

    quality: str = "standard"
    audio: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The limits of a license: seconds from issue, seconds from first play, and an absolute end."""

    storage_seconds: int | None = None
    playback_seconds: int | None = None
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        for seconds in (self.storage_seconds, self.playback_seconds):
            if seconds is not None and seconds <= 0:
                raise ValueError(f"a window must be positive or None, not {seconds}")


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """A persistent license as the catalog knows it; its keys are in the vault under `id`.

    `system` is None where the media are not protected and only the feed's windows hold.
    """

    id: str
    system: str | None
    kids: tuple[bytes, ...]
    issued_at: datetime
    windows: Windows = Windows()
    first_played_at: datetime | None = None
    last_played_at: datetime | None = None
    renewable: bool = False
    renewal_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentKey:
    """A key in the open (Clear Key, HLS identity): never shown, never written outside the vault."""

    kid: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One request of a plan and the file that it becomes.

    `path` is relative to the title's folder. `size` is the number of bytes on the disk, None until it is done;
    `estimate` what it is thought to be before. `key` is the number of the key in `Plan.keys`.
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
    estimate: int = 0
    size: int | None = None

    @property
    def identity(self) -> tuple[str, bool, int]:
        """(rendition, init, number): what survives a new signature of the URL."""
        return (self.rendition, self.init, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A chosen rendition, as the catalog keeps it."""

    id: str
    kind: Kind
    container: str
    bandwidth: int = 0
    width: int = 0
    height: int = 0
    codecs: str = ""
    language: str = ""
    name: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseServer:
    """Who is asked for the license of a title, and with what. `url` is None where the keys have URIs of their own."""

    system: str
    url: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to fetch, where it goes, and who licenses it: on disk before the first byte."""

    manifest_url: str
    wanted: Wanted
    tracks: tuple[Track, ...]
    fetches: tuple[Fetch, ...]
    keys: tuple[Key, ...] = ()
    kids: tuple[bytes, ...] = ()
    license: LicenseServer | None = None

    @property
    def heads(self) -> tuple[Fetch, ...]:
        """The init segments: small, first, and where protection data may be all that there is."""
        return tuple(f for f in self.fetches if f.init)

    @property
    def rest(self) -> tuple[Fetch, ...]:
        """The media, in playback order."""
        return tuple(f for f in self.fetches if not f.init)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a title failed, as its error said it."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A title in the catalog. `license_slot` is where the vault keeps its license, also before there is one.

    `bytes_total` is an estimate until the last fetch is done (`fetches_left` is 0).
    """

    id: str
    name: str
    state: State
    folder: str
    license_slot: str
    wanted: Wanted = Wanted()
    series: Series | None = None
    season: int | None = None
    episode: int | None = None
    rights: Rights = Rights()
    protected: bool = False
    license: License | None = None
    tracks: tuple[Track, ...] = ()
    bytes_done: int = 0
    bytes_total: int = 0
    fetches_left: int = 0
    watched: bool = False
    kept: bool = False
    position_seconds: int = 0
    error: Failure | None = None

    def __post_init__(self) -> None:
        if self.state is State.READY and self.protected and self.license is None:
            raise ValueError(f"{self.id}: ready and protected, but without a license")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destruction:
    """What is owed to a license server once a license is destroyed (W3C EME, record of license destruction)."""

    license: License
    title_id: str
    destroyed_at: datetime
