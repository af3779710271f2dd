"""The words of titles and licenses, as values. No behaviour beyond what each value can say of itself.

Times are UTC; durations are seconds; `None` means no limit where a limit is meant, and unknown nowhere.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from offlinedl.errors import printable
from offlinedl.frozen import frozen

Clock = Literal["storage", "playback", "license"]
"""What ends a title: its storage window, its playback window, or the license's own end."""


class Kind(StrEnum):
    """What a rendition carries."""

    VIDEO = "video"
    AUDIO = "audio"
    SUBTITLES = "subtitles"


class State(StrEnum):
    """Where a title stands. Two are never stored. A ready title is shown as `EXPIRED` past its deadline, and as
    `CLOCK_SUSPECT` where it has one and the clock was set back: nobody knows whether it is past."""

    QUEUED = "queued"
    DOWNLOADING = "downloading"
    PAUSED = "paused"
    FAILED = "failed"
    READY = "ready"
    EXPIRED = "expired"
    CLOCK_SUSPECT = "clock-suspect"
    REMOVING = "removing"


@frozen
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


@frozen
class Drm:
    """Where the license of one source is: `system` as in the feed ("clearkey", "widevine", ...). `certificate_url` is
    where the service's certificate is, for systems whose adapters need one."""

    system: str
    license_url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    certificate_url: str | None = None


@frozen
class MediaSource:
    """One manifest of a title; several are alternatives. `headers` go with every request to its origin."""

    url: str
    type: str = ""
    drm: tuple[Drm, ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@frozen
class SideTrack:
    """A subtitle file that stands beside the manifest."""

    url: str
    language: str
    kind: str = "subtitles"


@frozen
class Series:
    """The series that an episode belongs to; `id` is "source:series-id"."""

    id: str
    name: str


@frozen
class Service:
    """Who offers a title: how many downloads it allows (None is no limit; `devices` is for the service to count), and
    where it is asked for an entitlement to each."""

    name: str = ""
    downloads_per_device: int | None = None
    downloads_per_month: int | None = None
    devices: int | None = None
    entitlement_url: str | None = field(default=None, repr=False)


@frozen
class Details:
    """What people are told of a title. `duration` is in seconds, 0 where unknown; `poster` the address of a picture."""

    published: datetime | None = None
    duration: float = 0.0
    summary: str = ""
    poster: str = field(default="", repr=False)


@frozen
class Title:
    """What a person asks for: an episode or a film. `id` is unique in the catalog ("source:id"). A `special` (a
    trailer, a bonus) stands apart from the episodes of its series."""

    id: str
    name: str
    sources: tuple[MediaSource, ...]
    series: Series | None = None
    season: int | None = None
    episode: int | None = None
    special: bool = False
    details: Details = Details()
    subtitles: tuple[SideTrack, ...] = ()
    rights: Rights = Rights()
    service: Service = Service()

    def __post_init__(self) -> None:
        for text in (self.id, self.name):
            if not text or printable(text) != text:
                raise ValueError(f"a title needs an id and a name that can be printed, not {text!r}")


@frozen
class Wanted:
    """What a person asks of a title: a quality (name, height or rate) and languages, BCP 47 (RFC 4647 lookup).

    `tracks` are the ids of the renditions that were chosen before: those and no others, whatever the rest says.
    """

    quality: str = "standard"
    audio: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()
    tracks: tuple[str, ...] = ()


@frozen
class Windows:
    """The limits of a license: seconds from issue, seconds from first play, and an absolute end.

    None is no limit. Of the clocks in `unknown` the license does not tell whether they have one; those in `soft` end
    the next start, and not a playback that runs.
    """

    storage_seconds: int | None = None
    playback_seconds: int | None = None
    ends_at: datetime | None = None
    unknown: frozenset[Clock] = frozenset()
    soft: frozenset[Clock] = frozenset()

    def __post_init__(self) -> None:
        for seconds in (self.storage_seconds, self.playback_seconds):
            if seconds is not None and seconds <= 0:
                raise ValueError(f"a window must be positive or None, not {seconds}")


@frozen
class License:
    """A persistent license; its keys, and where it is renewed, are in the vault under `id` alone.

    `system` is None where the media are not protected and only the feed's windows hold. `policy` is what the license
    states, as it came (JSON, "" for nothing). `expired_at` is when it was first seen to be over, `destroyed_at` when
    its keys were destroyed: what is left then is what is shown.
    """

    id: str
    system: str | None
    kids: tuple[bytes, ...]
    issued_at: datetime
    windows: Windows = Windows()
    first_played_at: datetime | None = None
    last_played_at: datetime | None = None
    renewable: bool = False
    renewal_url: str | None = field(default=None, repr=False)
    policy: str = ""
    expired_at: datetime | None = None
    destroyed_at: datetime | None = None


@frozen
class ContentKey:
    """A key in the open (Clear Key, HLS identity): never shown, never written outside the vault."""

    kid: bytes
    key: bytes = field(repr=False)


@frozen
class Setup:
    """What an init segment is made from for a track that has none ([MS-SSTR] section 2.2.2.5).

    `fourcc` is in capitals, "" where the manifest has none; `private` the codec's own data: parameter sets with start
    codes for H.264, an AudioSpecificConfig for AAC. `timescale` is in units a second, `sampling_rate` in Hz; both and
    `channels` are 0 where nothing is known. `nal_length` is how many bytes the length before each NAL unit has.
    """

    fourcc: str
    timescale: int
    private: bytes = b""
    sampling_rate: int = 0
    channels: int = 0
    nal_length: int = 4


@frozen
class Track:
    """A chosen rendition, as the catalog keeps it. `setup` stands in for the init segments of a format without any."""

    id: str
    kind: Kind
    container: str
    bandwidth: int = 0
    width: int = 0
    height: int = 0
    codecs: str = ""
    language: str = ""
    name: str = ""
    forced: bool = False
    why: str = ""
    setup: Setup | None = None


@frozen
class Failure:
    """Why a title failed, as its error said it."""

    code: str
    message: str
    hint: str


@frozen
class Entry:
    """A title in the catalog. `license_slot` is where the vault keeps its license, also before there is one.

    `bytes_total` is an estimate until the last fetch is done (`fetches_left` is 0); what `lacks_room` waits for some.
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
    lacks_room: bool = False
    error: Failure | None = None

    def __post_init__(self) -> None:
        if self.state is State.READY and self.protected and self.license is None:
            raise ValueError(f"{self.id}: ready and protected, but without a license")


@frozen
class Decision:
    """What a person, or playing elsewhere, decides about a title: it may go first after `until`. Smart downloads have
    `brought` it, or, False, a person wants it. None leaves a thing as it is."""

    kept: bool | None = None
    priority: int | None = None
    watched: bool | None = None
    position_seconds: int | None = None
    until: datetime | None = None
    brought: bool | None = None


@frozen
class Held:
    """A license with what opens the media: its keys in the open, or the handle by which an adapter knows it."""

    license: License
    keys: tuple[ContentKey, ...] = ()
    handle: bytes | None = field(default=None, repr=False)
