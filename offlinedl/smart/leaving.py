"""What goes: by its rule, or first where room is needed. Never what a person keeps or is in the middle of; what a
person got goes only when it is watched or expired, or the date that was given for it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from math import inf

from offlinedl import expiry
from offlinedl.frozen import frozen
from offlinedl.model import State
from offlinedl.series import GRACE, Shelf, Stored, Why
from offlinedl.smart.order import places
from offlinedl.smart.window import Action, Window

_UNWATCHED, _WANTED = 3, 4
"""The ranks of what plays and is unwatched: from the first on, and where a rule wants it."""


@frozen
class Leaving:
    """A title that may go, and why. Of several the lowest `rank` goes first, then the lowest priority; of unwatched
    ones that which is the furthest from being watched; then the oldest. One that `is_wanted` goes only for another of a
    higher priority. `series` is that of one that plays and is unwatched: the last of it stays."""

    title: str
    reason: str
    bytes: int
    rank: int
    priority: int
    added_at: datetime
    is_wanted: bool = False
    series: str | None = None
    why: Why | None = None


def due(shelf: Shelf, windows: Sequence[Window], now: datetime) -> list[Action]:
    """What its rule removes, whether there is room or not."""
    ruled = {w.rule.series.id: w for w in windows}
    ready = unwatched(shelf)
    found = []
    for s in sorted(shelf.stored, key=lambda s: (s.standing.added_at, s.id)):
        window = ruled.get(s.entry.series.id) if s.entry.series else None
        reason, why = _of_rule(s, window, ready, now)
        if reason:
            found.append(Action(does="remove", title=s.id, reason=reason, bytes=s.entry.bytes_done, why=why))
    return found


def unwatched(shelf: Shelf) -> Counter[str]:
    """How many titles of each series play and are unwatched."""
    playable = [s.entry for s in shelf.stored if s.is_playable and not s.entry.watched]
    return Counter(entry.series.id for entry in playable if entry.series)


def leaving(shelf: Shelf, windows: Sequence[Window], now: datetime) -> list[Leaving]:
    """What may go to make room, in this order: what its date or its license says, what was watched, what is over the
    number of its series; then what is wanted, for what is wanted more."""
    ruled = {w.rule.series.id: w for w in windows}
    found = [_may_go(s, ruled.get(s.entry.series.id) if s.entry.series else None, now) for s in shelf.stored]
    ahead = places(shelf, {w.rule.series.id: w.order for w in windows})

    def key(one: Leaving) -> tuple[int, int, float, datetime, str]:
        place = ahead.get(one.title, inf) if one.rank >= _UNWATCHED else 0
        return one.rank, one.priority, -place, one.added_at, one.title

    return sorted(filter(None, found), key=key)


def _of_rule(s: Stored, window: Window | None, ready: Counter[str], now: datetime) -> tuple[str, Why | None]:
    """Why its rule removes the title, and what is remembered; nothing where it stays."""
    if s.entry.state is State.REMOVING:
        return "its removal was cut off", None
    if _is_fixed(s):
        return "", None
    is_ruled = window is not None and s.id in window.seen
    if s.is_under_way and s.standing.brought and not s.standing.held and not is_ruled:
        return "not complete, and not wanted any more", None
    return _of_followed(s, window, ready, now) if window and s.id not in window.places else ("", None)


def _of_followed(s: Stored, window: Window, ready: Counter[str], now: datetime) -> tuple[str, Why | None]:
    rule, entry = window.rule, s.entry
    if rule.delete_watched and _is_done_with(s, window, now):
        return _watched(s, now), "watched"
    if entry.watched or not s.standing.brought:
        return "", None
    if rule.delete_watched and s.over and not rule.refetch_expired:
        return f"{expiry.message(entry.license, now)}; its rule fetches none again", "expired"
    if window.is_newest and s.is_playable and ready[rule.series.id] > rule.ahead:
        ready[rule.series.id] -= 1
        newer = f"{rule.ahead} newer ones of {rule.series.name} are" if rule.ahead > 1 else "a newer one is"
        return f"{newer} here", "passed"
    return "", None


def _may_go(s: Stored, window: Window | None, now: datetime) -> Leaving | None:
    """The title among what may go to make room; None where it stays."""
    if _is_fixed(s) or not s.entry.bytes_done or s.is_under_way or s.entry.state is State.REMOVING:
        return None
    has_place = window is not None and s.id in window.places
    until = s.standing.until
    if until is not None and until <= now:
        return _leaving(s, 0, f"its date, {expiry.named(until)}, is over", "passed")
    if s.over and not has_place:
        return _leaving(s, 1, expiry.message(s.entry.license, now), "expired")
    if _is_done_with(s, window, now):
        return _leaving(s, 2, _watched(s, now), "watched")
    is_ours = s.standing.brought and s.is_playable and not s.entry.watched
    return _brought(s, window, has_place=has_place) if is_ours else None


def _brought(s: Stored, window: Window | None, *, has_place: bool) -> Leaving:
    """One that plays and is unwatched, but that no person asked for."""
    if has_place:
        return _leaving(
            s, _WANTED, f"next of its series, and goes for what has more than priority {s.standing.priority}", None
        )
    said = "its series is not followed any more" if window is None else "over the number of its series"
    return _leaving(s, _UNWATCHED, said, "passed" if window and window.is_newest else None)


def _leaving(s: Stored, rank: int, reason: str, why: Why | None) -> Leaving:
    return Leaving(
        title=s.id,
        reason=reason,
        bytes=s.entry.bytes_done,
        rank=rank,
        priority=s.standing.priority,
        added_at=s.standing.added_at,
        is_wanted=rank == _WANTED,
        series=s.entry.series.id if s.entry.series and rank >= _UNWATCHED else None,
        why=why,
    )


def _is_fixed(s: Stored) -> bool:
    """Does it stay whatever happens: kept, in the middle of being watched (also once more, or near its end), or in the
    hands of another process?"""
    return s.entry.kept or s.is_begun or s.played or s.entry.state is State.DOWNLOADING


def _is_done_with(s: Stored, window: Window | None, now: datetime) -> bool:
    """Is it watched, and its grace over? One of which it is not known when it was watched has none."""
    at, grace = s.standing.watched_at, window.rule.grace if window else GRACE
    return s.entry.watched and not s.is_under_way and (at is None or now - at >= grace)


def _watched(s: Stored, now: datetime) -> str:
    at = s.standing.watched_at
    return "watched" if at is None else f"watched {expiry.span(now - at)} ago"
