"""The two clocks: when a title stops playing, which clock ends it, and how that is said.

    storage window    from the license's issue
    playback window   from the first play
    license           an absolute end of its own

The earliest wins. A title is over at its deadline, not after it. `now` is always an argument.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from math import isfinite

from offlinedl.frozen import frozen
from offlinedl.model import Clock, License, Rights, Windows

_NO_LIMIT = 2**62
"""Licenses that mean "unlimited" say 0, a negative number, or the largest one that their field holds."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@frozen
class Deadline:
    """The moment `at` which a title ends, and the `window` that ends it; both None where nothing runs."""

    at: datetime | None = None
    window: Clock | None = None


def limit(seconds: float | None) -> int | None:
    """`seconds` as servers write them, as a limit: None for none (absent, 0, negative, or 2^62 and more)."""
    if seconds is None or not 0 < seconds < _NO_LIMIT:
        return None
    return max(1, int(seconds))


def is_no_number(value: float | None) -> bool:
    """Is it NaN or infinite, which some parsers of JSON take and no server means?"""
    return isinstance(value, float) and not isfinite(value)


def shorter(one: int | None, other: int | None) -> int | None:
    """The stricter of two limits in seconds."""
    return min((s for s in (one, other) if s is not None), default=None)


def narrowed(windows: Windows, rights: Rights) -> Windows:
    """`windows` of a license under the rights of its title: the shorter wins. What the license does not tell stays
    unknown, also where the rights have a limit: the license's own may be shorter."""
    return replace(
        windows,
        storage_seconds=shorter(windows.storage_seconds, rights.storage_seconds),
        playback_seconds=shorter(windows.playback_seconds, rights.playback_seconds),
        ends_at=_earlier(windows.ends_at, rights.available_until),
    )


def renewed(old: License | None, new: License) -> License:
    """`new` in the place of `old`: the storage window begins anew, and the first play stays where it was, so that the
    playback deadline moves only where the new license states another window. One that does not tell of its playback
    window has that which there was. Where `old` was over when it was issued, it is no renewal, and all begins anew."""
    over = deadline(old).at
    if old is None or (over is not None and new.issued_at >= over):
        return new
    windows = new.windows
    if "playback" in windows.unknown and "playback" not in old.windows.unknown:
        playback = shorter(windows.playback_seconds, old.windows.playback_seconds)
        windows = replace(windows, playback_seconds=playback, unknown=windows.unknown - {"playback"})
    return replace(new, windows=windows, first_played_at=old.first_played_at, last_played_at=old.last_played_at)


def stricter(one: Windows, other: Windows) -> Windows:
    """The shorter of each window. Unknown is only what neither tells."""
    return Windows(
        storage_seconds=shorter(one.storage_seconds, other.storage_seconds),
        playback_seconds=shorter(one.playback_seconds, other.playback_seconds),
        ends_at=_earlier(one.ends_at, other.ends_at),
        unknown=one.unknown & other.unknown,
        soft=one.soft | other.soft,
    )


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)


def is_limited(license: License | None) -> bool:
    """Has it a clock that runs, or will run once it is played?"""
    windows = license.windows if license else Windows()
    return any(limit is not None for limit in (windows.storage_seconds, windows.playback_seconds, windows.ends_at))


def deadline(license: License | None) -> Deadline:
    """Which clock ends the title, and when. A license that was never played has no playback clock yet."""
    if license is None:
        return Deadline()
    windows = license.windows
    at: datetime | None = None
    window: Clock | None = None
    ends: tuple[tuple[datetime | None, Clock], ...] = (
        (after(license.issued_at, windows.storage_seconds), "storage"),
        (after(license.first_played_at, windows.playback_seconds), "playback"),
        (windows.ends_at, "license"),
    )
    for end, clock in ends:
        if end is not None and (at is None or end < at):
            at, window = end, clock
    return Deadline(at=at, window=window)


def stop(license: License | None) -> Deadline:
    """What ends a playback that runs: a clock that is soft does not."""
    if license is None or not license.windows.soft:
        return deadline(license)
    soft, windows = license.windows.soft, license.windows
    return deadline(
        replace(
            license,
            windows=replace(
                windows,
                storage_seconds=None if "storage" in soft else windows.storage_seconds,
                playback_seconds=None if "playback" in soft else windows.playback_seconds,
                ends_at=None if "license" in soft else windows.ends_at,
            ),
        )
    )


def is_over(license: License | None, now: datetime, end: Deadline | None = None) -> bool:
    """Has the deadline been reached, which is `end`, where that is known already? A license whose keys were destroyed
    is over, whatever the time."""
    at = (end or deadline(license)).at
    return (at is not None and now >= at) or (license is not None and license.destroyed_at is not None)


def counts_on(license: License | None, now: datetime) -> bool:
    """Was it played, and is not over? Then its first play stays, whatever becomes of its keys."""
    return license is not None and license.first_played_at is not None and not is_over(license, now)


def message(license: License | None, now: datetime, end: Deadline | None = None) -> str:
    """What is left of a ready title, in words; `end` is its deadline, where that is known already. Floors, never
    rounded up."""
    at = (end or deadline(license)).at
    if license is None:
        return "Available"
    if license.destroyed_at is not None or (at is not None and now >= at):
        return f"Expired {span(max(now - (at or now), timedelta(0)))} ago"
    if at is None:
        return "Available"
    left = at - now
    if license.first_played_at is None:
        return f"Available for {span(left, more=True)}"
    return f"Expires in {span(left)}"


def after(start: datetime | None, seconds: int | None) -> datetime | None:
    """The moment so many seconds after `start`; None where one of them is not, for there is no limit then."""
    if start is None or seconds is None:
        return None
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        return None  # past the end of the calendar: no limit that anybody will meet


def span(span: timedelta, *, more: bool = False) -> str:
    """Days from 48 hours, hours from 60 minutes, then minutes."""
    seconds = span.days * _DAY + span.seconds
    if seconds >= 2 * _DAY:
        count, unit = seconds // _DAY, "day"
    elif seconds >= _HOUR:
        count, unit = seconds // _HOUR, "hour"
    else:
        count, unit = seconds // _MINUTE, "minute"
    return f"{count} {'more ' if more else ''}{unit}{'' if count == 1 else 's'}"


def named(until: datetime) -> str:
    """The date that a person gave, in local time: a day, which lasts until the next one begins, or a moment."""
    local = until.astimezone()
    if (local.hour, local.minute) == (0, 0):
        return f"{local - timedelta(minutes=1):%Y-%m-%d}"
    return f"{local:%Y-%m-%d %H:%M}"
