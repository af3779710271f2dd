"""Smart downloads, decided: what to fetch, what to remove and what to leave, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from offlinedl.series import Following, Shelf
from offlinedl.smart.leaving import Leaving, due, leaving
from offlinedl.smart.room import Room
from offlinedl.smart.window import LIMITS, Action, Window, going_on, window
from offlinedl.space import Space

__all__ = ["LIMITS", "Action", "Leaving", "decide", "goes_first"]


def decide(shelf: Shelf, following: Sequence[Following], space: Space, now: datetime) -> list[Action]:
    """What is to be done, in this order: removals, then downloads, the most wanted first; then what is not, and why."""
    windows = [window(rule, shelf, now) for rule in following]
    removals = due(shelf, windows, now)
    gone = {action.title for action in removals}
    left = replace(shelf, stored=tuple(s for s in shelf.stored if s.id not in gone))
    room = Room(left, leaving(left, windows, now), space, freed=sum(action.bytes for action in removals))
    room.keep()
    wished = [*_own(shelf, windows, now), *(action for w in windows for action in w.actions)]
    fetches = sorted((a for a in wished if a.does == "download"), key=lambda a: (-a.priority, a.place))
    decided = [room.admitted(action) for action in fetches]
    gone |= {action.title for action in room.removals}
    downloads = [action for action in decided if action.does == "download" and action.title not in gone]
    skips = [action for action in [*decided, *wished] if action.does == "skip" and action.title not in gone]
    return [*removals, *room.removals, *downloads, *skips]


def goes_first(shelf: Shelf, following: Sequence[Following], now: datetime) -> list[Leaving]:
    """What would go to make room, in this order, each with its reason."""
    return leaving(shelf, [window(rule, shelf, now) for rule in following], now)


def _own(shelf: Shelf, windows: Sequence[Window], now: datetime) -> list[Action]:
    """What is under way and no rule speaks of: a person asked for it."""
    ruled = {title for w in windows for title in w.seen}
    own = [s for s in shelf.stored if s.is_under_way and s.id not in ruled and not s.standing.brought]
    return [action for s in own if (action := going_on(s, shelf, now))]
