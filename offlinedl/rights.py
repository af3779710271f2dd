"""May this title be downloaded now, and if not, why."""

from __future__ import annotations

from datetime import datetime

from offlinedl.errors import RefusedError
from offlinedl.model import Entry, Title


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
