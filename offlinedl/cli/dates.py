"""Dates, spans of time and places in a title, as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from offlinedl.errors import UsageError

FOREVER = datetime.max.replace(tzinfo=UTC)
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def moment(option: str, text: str) -> datetime:
    """A date means its end: whoever flies on that day wants to watch on that day. Local time unless it says other."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text}: not a date", "write 2026-12-24, or 2026-12-24T18:00") from None
    try:
        return (moment + timedelta(days=len(text) <= len("2026-12-24"))).astimezone(UTC)
    except OverflowError:
        return FOREVER


def span(option: str, text: str) -> timedelta:
    """30m, 36h, 7d or 2w; 0 needs no unit."""
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", "0m" if text.strip() == "0" else text.strip().lower())
    if found is None:
        raise UsageError(f"{option} {text}: not a time", "write 30m, 36h, 7d or 2w")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def place(option: str, text: str) -> float:
    """A place in a title, as seconds or with minutes and hours before them."""
    try:
        parts = [float(part) for part in text.split(":")]
        if len(parts) > 3 or not all(0 <= part < 2**31 for part in parts):
            raise ValueError
    except ValueError:
        raise UsageError(f"{option} {text}: not a place in a title", "say seconds, or like 12:34 or 1:02:03") from None
    return sum(part * 60.0**power for power, part in enumerate(reversed(parts)))
