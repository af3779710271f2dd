"""Which episodes of a series its rule wants now: those ahead of the last one that was watched, or the newest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from offlinedl import expiry
from offlinedl.added import Offer
from offlinedl.errors import counted
from offlinedl.frozen import frozen
from offlinedl.model import State
from offlinedl.series import Following, Shelf, Stored, Tries, Why
from offlinedl.smart.order import Item, ordered

_PATIENCE, _LONGEST = timedelta(hours=1), timedelta(days=1)
LIMITS = frozenset({"download-limit", "monthly-limit", "device-limit"})
"""The codes of what a service refuses until something else changes: nothing is wrong with the title."""
_LASTING = 3
"""After so many failures of its own, a title leaves its place to the next one."""


@frozen
class Action:
    """What is to be done with a title, and why. `bytes` are those to come, or to be freed. A download is asked for by
    its `rule`, None where a person did; of several, that of the higher `priority` goes first, then that of the lower
    `place` in its series. `why` is what is remembered of one that is removed. What `is_settled` was decided before, by
    a person or a rule, and stays so; what `lacks_room` waits for some."""

    does: Literal["download", "remove", "skip"]
    title: str
    reason: str
    bytes: int = 0
    rule: Following | None = None
    priority: int = 0
    place: int = 0
    why: Why | None = None
    is_settled: bool = False
    lacks_room: bool = False


@frozen
class Window:
    """What a rule wants now: the ids that have a `place`, in order; those that it has `seen`, also in vain; and what is
    to be done about them. The `order` is that in which its episodes are to be watched, beyond its number, too."""

    rule: Following
    is_newest: bool
    order: tuple[str, ...]
    places: tuple[str, ...]
    seen: frozenset[str]
    actions: tuple[Action, ...]


def window(rule: Following, shelf: Shelf, now: datetime) -> Window:
    """The episodes that `rule` wants, as many as it says. One that cannot be had now leaves its place to the next; one
    that is on its way, or waits to be tried again, has its place."""
    order = ordered(rule, shelf)
    places: list[str] = []
    actions: list[Action] = []
    for item in order.items:
        if len(places) == rule.ahead:
            break
        verdict = _Verdict(rule=rule, item=item, place=len(places) + 1, shelf=shelf, now=now)
        has_place, action = verdict.reached()
        actions += [action] if action else []
        actions += [verdict.skip(f"{_called(item)} is {item.offer.id}, too", one) for one in item.doubles]
        places += [item.offer.id] if has_place else []
    if order.unnumbered:
        actions.append(_without_number(rule, order.unnumbered))
    seen = frozenset(places) | {action.title for action in actions}
    return Window(
        rule=rule,
        is_newest=order.is_newest,
        order=tuple(item.offer.id for item in order.items),
        places=tuple(places),
        seen=seen,
        actions=tuple(actions),
    )


@frozen
class _Verdict:
    """What the rule says of one episode that would have this `place`."""

    rule: Following
    item: Item
    place: int
    shelf: Shelf
    now: datetime

    def reached(self) -> tuple[bool, Action | None]:
        """Has it a place, and what is to be done?"""
        stored, gone = self.item.stored, self.item.gone
        if stored is not None:
            return self._of_stored(stored)
        if gone is not None and not (gone.why == "expired" and self.rule.refetch_expired):
            is_offered = self.item.offer is not gone.offer
            said = _SAID[gone.why] if is_offered or gone.why != "removed" else _LEFT
            return False, replace(self.skip(said.format(_date(gone.at))), is_settled=True)
        return self._of_offered(f"next of {self.rule.series.name}, {self.place} of {self.rule.ahead}")

    def _of_stored(self, stored: Stored) -> tuple[bool, Action | None]:
        if stored.is_playable:
            return True, None
        if stored.is_under_way:
            action = going_on(stored, self.shelf, self.now)
            return not _is_lasting(self.item.tries), action and self._ruled(action)
        if stored.entry.state is not State.EXPIRED:
            return False, None
        ended = expiry.message(stored.entry.license, self.now)
        if not self.rule.refetch_expired:
            return False, self.skip(f"{ended}; its rule fetches none again, `offlinedl get` does")
        return self._of_offered(f"{ended}, and unwatched")

    def _of_offered(self, reason: str) -> tuple[bool, Action | None]:
        hindrance = _hindrance(self.item.offer, self.now)
        if hindrance:
            return False, self.skip(hindrance)
        waits = _unread(self.item.offer.id, self.shelf) or waiting(self.item.tries, self.now)
        if waits:
            return not _is_lasting(self.item.tries), self.skip(waits)
        bytes_ = 0 if self.item.stored else estimate(self.item.offer, self.shelf)
        action = Action(does="download", title=self.item.offer.id, reason=reason, bytes=bytes_)
        return not _is_lasting(self.item.tries), self._ruled(action)

    def _ruled(self, action: Action) -> Action:
        priority = self.item.stored.standing.priority if self.item.stored else self.rule.priority
        return replace(action, rule=self.rule, place=self.place, priority=priority)

    def skip(self, reason: str, title: str | None = None) -> Action:
        """What is said of this episode, or of another `title`."""
        return Action(does="skip", title=title or self.item.offer.id, reason=reason, rule=self.rule)


def _called(item: Item) -> str:
    season, episode = item.number
    return f"S{season} E{episode}"


def _without_number(rule: Following, titles: Sequence[str]) -> Action:
    """What is said of titles that have no place in a series with numbers: it may have as many trailers as episodes."""
    others = f", nor have {len(titles) - 1} more of {rule.series.name}" if len(titles) > 1 else ""
    said = f"it has no episode number{others}; `offlinedl get` downloads it"
    return Action(does="skip", title=titles[0], reason=said, rule=rule)


_SAID: dict[Why, str] = {
    "removed": "a person removed it on {}; `offlinedl get` brings it back",
    "watched": "watched before {}",
    "expired": "expired, and removed on {}; its rule fetches none again",
    "passed": "removed on {}: its time was over, or newer ones had come",
}


_LEFT = "a person removed it on {}, and its source has it no more"


def going_on(stored: Stored, shelf: Shelf, now: datetime) -> Action | None:
    """How it goes on with a title that is under way; None while another process is at it. Of one for which nothing is
    chosen yet its source is to be read."""
    entry, standing = stored.entry, stored.standing
    if entry.state is State.DOWNLOADING:
        return None
    is_held = standing.held and entry.state is State.PAUSED
    said = "a person paused it; `offlinedl resume` goes on" if is_held else waiting(shelf.tries.get(entry.id), now)
    if not entry.tracks:
        said = said or _unread(entry.id, shelf)
    if said:
        return Action(does="skip", title=entry.id, reason=said)
    reasons = {State.QUEUED: "queued", State.PAUSED: "its download was cut off"}
    failed = f"failed: {entry.error.message}" if entry.error else "failed"
    return Action(
        does="download",
        title=entry.id,
        reason=reasons.get(entry.state, failed),
        bytes=stored.to_come,
        priority=standing.priority,
    )


def _unread(title_id: str, shelf: Shelf) -> str:
    """Why the source of the title does not tell where it is, "" where it does."""
    why = shelf.unread.get(title_id.partition(":")[0])
    return f"its source cannot be read: {why}" if why else ""


def waiting(tries: Tries | None, now: datetime) -> str:
    """Why a download that failed is not tried again now, "" where it is. The more often it failed, the longer; what a
    limit refuses waits for that alone."""
    if tries is None or tries.code in LIMITS:
        return ""
    until = tries.last_at + min(_LONGEST, _PATIENCE * 2 ** min(tries.count - 1, 10))
    if now >= until or now < tries.last_at:  # of a clock that was set back nobody waits for the old time
        return ""
    return f"failed {counted(tries.count, 'time')}: {tries.message}; tried again from {_date(until)}"


def _is_lasting(tries: Tries | None) -> bool:
    """Does it fail for a reason of its own, which does not pass with an outage?"""
    return tries is not None and tries.count >= _LASTING and tries.exit_code in {5, 8, 9} and tries.code not in LIMITS


def _hindrance(offer: Offer, now: datetime) -> str:
    """Why the title may not be downloaded now, "" where it may."""
    if not offer.download:
        why = f": {offer.reason}" if offer.reason else ""
        return f"its service does not allow it to be downloaded{why}"
    if offer.available_from is not None and now < offer.available_from:
        return f"not available before {_date(offer.available_from)}"
    if offer.available_until is not None and now >= offer.available_until:
        return f"no longer available since {_date(offer.available_until)}"
    return ""


def estimate(offer: Offer, shelf: Shelf) -> int:
    """Bytes that the title will have: as many as those of its series that are here, each as long; else as all that are
    here; 0 where nothing is."""
    sized = [s for s in shelf.stored if s.entry.bytes_total > 0]
    same = [s for s in sized if offer.series and s.entry.series and s.entry.series.id == offer.series.id] or sized
    timed = [s for s in same if s.standing.duration > 0]
    if offer.duration > 0 and timed:
        seconds = sum(s.standing.duration for s in timed)
        return round(sum(s.entry.bytes_total for s in timed) / seconds * offer.duration)
    return round(sum(s.entry.bytes_total for s in same) / len(same)) if same else 0


def _date(at: datetime) -> str:
    """A moment, as reasons have it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
