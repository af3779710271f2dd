"""May this title be downloaded now, and if not, why, and what would help."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from offlinedl.errors import RefusedError, counted
from offlinedl.expiry import shorter
from offlinedl.model import Entry, Rights, State, Title


def check(title: Title | Entry, now: datetime) -> None:
    """Raise RefusedError with the reason where the title's rights do not allow a download at `now` (UTC)."""
    rights = title.rights
    if not rights.download:
        raise RefusedError(
            f"{title.id}: the service does not allow this title to be downloaded: {rights.reason or 'no reason given'}",
            "choose another title, or watch this one online",
            code="download-not-allowed",
        )
    if rights.available_from is not None and now < rights.available_from:
        raise RefusedError(
            f"{title.id}: not available before {rights.available_from:%Y-%m-%d %H:%M} UTC",
            "try again then",
            code="not-yet-available",
        )
    if rights.available_until is not None and now >= rights.available_until:
        raise RefusedError(
            f"{title.id}: no longer available since {rights.available_until:%Y-%m-%d %H:%M} UTC",
            "it has left the service",
            code="no-longer-available",
        )


def check_limits(title: Title, here: Sequence[Entry], this_month: int) -> None:
    """Raise RefusedError where the service allows no other download. `here` are its other titles on this device, those
    that came first first; an expired one has its place until it is removed, for its media lie here. `this_month` is how
    many of its other titles were downloaded in this calendar month, those that are gone too."""
    service, whose = title.service, title.service.name or "its service"
    most, used = service.downloads_per_device, len(here)
    if most is not None and used >= most:
        first = min(here, key=_worth)
        why = "expired" if first.state is State.EXPIRED else "watched" if first.watched else "the oldest"
        frees = "frees a place" if used == most else f"is the first of {used - most + 1} steps to a free place"
        raise RefusedError(
            f"{title.id}: {whose} allows {counted(most, 'download')} on a device, and {used} of {most} are used",
            f"`offlinedl rm {first.id}` {frees} ({why})",
            code="download-limit",
        )
    most = service.downloads_per_month
    if most is not None and this_month >= most:
        raise RefusedError(
            f"{title.id}: {whose} allows {counted(most, 'download')} a month, and {this_month} of {most} are used",
            "wait for the 1st of the next month (UTC); removing titles does not help",
            code="monthly-limit",
        )


def _worth(entry: Entry) -> tuple[bool, bool]:
    """Which title to give up: of the lowest, the first. What a person keeps is the last, whatever else is true."""
    return (entry.kept, not (entry.watched or entry.state is State.EXPIRED))


def narrowed(one: Rights, other: Rights) -> Rights:
    """What both allow: the stricter of each."""
    begins = [at for at in (one.available_from, other.available_from) if at is not None]
    ends = [at for at in (one.available_until, other.available_until) if at is not None]
    return Rights(
        download=one.download and other.download,
        reason=one.reason or other.reason,
        storage_seconds=shorter(one.storage_seconds, other.storage_seconds),
        playback_seconds=shorter(one.playback_seconds, other.playback_seconds),
        available_from=max(begins, default=None),
        available_until=min(ends, default=None),
        max_height=shorter(one.max_height, other.max_height),
        export=one.export and other.export,
    )
