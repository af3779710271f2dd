"""A title as applications see it: what it is, where it stands, and its clocks."""

from __future__ import annotations

from datetime import datetime

from offlinedl import expiry
from offlinedl.expiry import Deadline
from offlinedl.frozen import frozen
from offlinedl.model import Clock, Entry, Failure, License, Rights, Series, State, Track

_TIMED = frozenset({State.READY, State.EXPIRED})
_COMPLETE = _TIMED | {State.CLOCK_SUSPECT}
_UNDER_WAY = {State.QUEUED: "Queued", State.DOWNLOADING: "Downloading", State.PAUSED: "Paused"}


@frozen
class Clocks:
    """What ends a title. Times are UTC, durations seconds, and None is no limit.

    `deadline` is the earliest end that is known, `window` what ends it there: "storage" (from `issued_at`), "playback"
    (from `first_played_at`, None before the first play) or "license" (an end of its own). `seconds_left` is from the
    moment at which the title was looked at, 0 where it is over. Of the clocks in `unknown` the license does not tell
    whether they have an end; those in `soft` let what plays play to its end. `system` is who licensed it ("clearkey",
    "widevine"), None where the media are not protected and the service's windows alone hold.
    """

    system: str | None
    issued_at: datetime
    first_played_at: datetime | None
    storage_seconds: int | None
    playback_seconds: int | None
    deadline: datetime | None
    window: Clock | None
    seconds_left: float | None
    renewable: bool
    unknown: frozenset[Clock]
    soft: frozenset[Clock]


@frozen
class OfflineTitle:
    """A title in the library, as it stood when it was asked for.

    `id` is "source:id", or "url:..." for one that was named by its manifest's URL. It plays where `state` is READY, and
    only there. `message` says where it stands in a line for people, as `offlinedl list` does. `tracks` are the chosen
    renditions. `bytes_total` is an estimate until no `files_left` are to come; `percent` is 100.0 only then. `clocks`
    is None where nothing ends it, `error` is why it FAILED.
    """

    id: str
    name: str
    state: State
    message: str
    series: Series | None
    season: int | None
    episode: int | None
    rights: Rights
    quality: str
    tracks: tuple[Track, ...]
    bytes_done: int
    bytes_total: int
    files_left: int
    percent: float
    clocks: Clocks | None
    watched: bool
    kept: bool
    position_seconds: int
    error: Failure | None

    def plays_at(self, moment: datetime) -> bool:
        """Is it READY, and still will be then, as far as is known?"""
        end = None if self.clocks is None else self.clocks.deadline
        return self.state is State.READY and (end is None or moment < end)


def seen(entry: Entry, now: datetime, end: Deadline | None = None) -> OfflineTitle:
    """The title of `entry` as it stands at that moment; `end` is its deadline, where that is known already."""
    end = end or expiry.deadline(entry.license)
    return OfflineTitle(
        id=entry.id,
        name=entry.name,
        state=entry.state,
        message=message(entry, now, end),
        series=entry.series,
        season=entry.season,
        episode=entry.episode,
        rights=entry.rights,
        quality=entry.wanted.quality,
        tracks=entry.tracks,
        bytes_done=entry.bytes_done,
        bytes_total=entry.bytes_total,
        files_left=entry.fetches_left,
        percent=percent(entry),
        clocks=None if entry.license is None else _clocks(entry.license, now, end),
        watched=entry.watched,
        kept=entry.kept,
        position_seconds=entry.position_seconds,
        error=entry.error,
    )


def _clocks(license: License, now: datetime, end: Deadline) -> Clocks:
    left = None if end.at is None else max(0.0, (end.at - now).total_seconds())
    return Clocks(
        system=license.system,
        issued_at=license.issued_at,
        first_played_at=license.first_played_at,
        storage_seconds=license.windows.storage_seconds,
        playback_seconds=license.windows.playback_seconds,
        deadline=end.at,
        window=end.window,
        seconds_left=0.0 if license.destroyed_at is not None else left,
        renewable=license.renewable,
        unknown=license.windows.unknown,
        soft=license.windows.soft,
    )


def percent(entry: Entry) -> float:
    """How much is done; 100 only when the title is ready."""
    if entry.state in _COMPLETE:
        return 100.0
    return min(99.9, round(100 * entry.bytes_done / entry.bytes_total, 1)) if entry.bytes_total else 0.0


def message(entry: Entry, now: datetime, end: Deadline) -> str:
    """What a person should know of the title in one line; `end` is its deadline."""
    if entry.state in _TIMED:
        return expiry.message(entry.license, now, end)
    if entry.state is State.CLOCK_SUSPECT:
        return "Clock set back: does not play until the time is known"
    if entry.error is not None:
        return entry.error.message
    if entry.state not in _UNDER_WAY:
        return "Being removed"
    waits = entry.lacks_room and entry.state is not State.DOWNLOADING
    return f"{'Waiting for room' if waits else _UNDER_WAY[entry.state]}, {int(percent(entry))} % done"
