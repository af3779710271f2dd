"""May this title be downloaded now, and if not, why, and what would help."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from offlinedl.errors import RefusedError
from offlinedl.expiry import shorter
from offlinedl.model import Entry, Rights, Title


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


def check_limits(title: Title, here: Sequence[str], this_month: int) -> None:
    """Raise RefusedError where the service allows no other download. `here` are the ids of its other titles on this
    device, the first to be given up first; `this_month` is how many of its other titles were downloaded in this
    calendar month, those that are gone too. An expired title counts as long as its media lie here."""
    service, whose = title.service, title.service.name or "its service"
    if service.downloads_per_device is not None and len(here) >= service.downloads_per_device:
        raise RefusedError(
            f"{title.id}: {whose} allows {service.downloads_per_device} downloads on a device, and "
            f"{len(here)} are here",
            f"`offlinedl rm {here[0]}` frees a place",
            code="download-limit",
        )
    if service.downloads_per_month is not None and this_month >= service.downloads_per_month:
        raise RefusedError(
            f"{title.id}: {whose} allows {service.downloads_per_month} downloads a month, and {this_month} were made",
            "the next month begins with none; removing titles does not help",
            code="monthly-limit",
        )


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
