"""The episodes of a series, and the order in which they are to be watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from offlinedl.added import Offer
from offlinedl.frozen import frozen
from offlinedl.model import Series
from offlinedl.series import Following, Gone, Shelf, Stored, Tries


@frozen
class Item:
    """An episode, and what is known of it here. `doubles` are other titles with its number, which are not."""

    offer: Offer
    stored: Stored | None = None
    gone: Gone | None = None
    tries: Tries | None = None
    doubles: tuple[str, ...] = ()

    @property
    def is_watched(self) -> bool:
        """Was it watched, be it here or gone?"""
        return self.stored.entry.watched if self.stored else self.gone is not None and self.gone.watched

    @property
    def has_passed(self) -> bool:
        """Was it here until newer ones came, or its time was over?"""
        return self.stored is None and self.gone is not None and self.gone.why == "passed"

    @property
    def number(self) -> tuple[int, int]:
        """Season and episode; without a season it is the first."""
        season = self.offer.season
        return (1 if season is None else season, self.offer.episode or 0)


@frozen
class Order:
    """The unwatched `items` of a series, the next or the newest first. `unnumbered` are the ids of what has no place in
    a series with numbers, and is not here."""

    is_newest: bool
    items: tuple[Item, ...]
    unnumbered: tuple[str, ...] = ()


def ordered(rule: Following, shelf: Shelf) -> Order:
    """The order in which the episodes that `rule` speaks of are to be watched."""
    items = _items(rule, shelf)
    has_numbers = _has_numbers(items, rule)
    if rule.newest or not has_numbers:
        return Order(is_newest=True, items=tuple(_newest(items, rule, has_numbers=has_numbers)))
    unnumbered = _absent([item for item in items if item.offer.episode is None])
    return Order(is_newest=False, items=tuple(_next(items, rule)), unnumbered=unnumbered)


def _has_numbers(items: Sequence[Item], rule: Following) -> bool:
    """Are there numbers to go by? Not where a few have one, as in a podcast that once counted; but a person who says
    with which to begin says that there are."""
    numbered = sum(item.offer.episode is not None for item in items)
    return numbered > 0 and (2 * numbered >= len(items) or rule.begin is not None)


def places(shelf: Shelf, orders: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The place of each title in the order of its series: in that of `orders`, by the series' id, where there is one.
    What was watched has none, nor what lies behind it."""
    others: dict[str, list[Stored]] = {}
    for s in shelf.stored:
        if s.entry.series is not None and s.entry.series.id not in orders:
            others.setdefault(s.entry.series.id, []).append(s)
    every = [*orders.values()]
    for id_, own in others.items():
        order = ordered(Following(series=Series(id=id_, name=id_)), Shelf(stored=tuple(own)))
        every.append([item.offer.id for item in order.items])
    return {title: place for order in every for place, title in enumerate(order)}


def _items(rule: Following, shelf: Shelf) -> list[Item]:
    """The episodes of the series, specials apart."""
    series = rule.series.id
    stored = {s.id: s for s in shelf.stored if s.entry.series and s.entry.series.id == series}
    gone = {g.offer.id: g for g in shelf.gone if g.offer.series and g.offer.series.id == series}
    offers = {id_: g.offer for id_, g in gone.items()} | {id_: _as_offered(s) for id_, s in stored.items()}
    offers |= {offer.id: offer for offer in shelf.offered if offer.series and offer.series.id == series}
    return [
        Item(offer=offer, stored=stored.get(id_), gone=gone.get(id_), tries=shelf.tries.get(id_))
        for id_, offer in offers.items()
        if not offer.special and offer.season != 0
    ]


def _next(items: Sequence[Item], rule: Following) -> list[Item]:
    """By season and episode, after the last one that was watched. Of two with one number, that which is here counts."""
    numbered = [item for item in items if item.offer.episode is not None]
    last = max((item.number for item in numbered if item.is_watched), default=(0, 0))
    ahead = [item for item in numbered if item.number > last and not _is_before(item, rule)]
    ahead.sort(key=lambda item: (item.number, item.stored is None, item.offer.position, item.offer.id))
    found = []
    for _, group in groupby(ahead, key=lambda item: item.number):
        first, *others = group
        found.append(replace(first, doubles=_absent(others)))
    return found


def _absent(items: Sequence[Item]) -> tuple[str, ...]:
    """The ids of those that nothing is known of but that they are offered."""
    return tuple(item.offer.id for item in items if item.stored is None and item.gone is None)


def _newest(items: Sequence[Item], rule: Following, *, has_numbers: bool) -> list[Item]:
    """The newest first; where there are no dates the last number, else in the order of the source. Of those that newer
    ones had come after there are more each week, and nobody asks why they are not here. News do not go back: nothing
    comes that is older than these."""

    def key(item: Item) -> tuple[float, int, int, int, str]:
        season, episode = item.number if has_numbers else (0, 0)
        return -_stamp(item.offer.published), -season, -episode, item.offer.position, item.offer.id

    ordered = sorted(items, key=key)
    last = next((n for n, item in enumerate(ordered) if item.has_passed), len(ordered))
    comes = [item for n, item in enumerate(ordered) if n < last or item.stored is not None]
    return [item for item in comes if not item.is_watched and not _is_before(item, rule)]


def _is_before(item: Item, rule: Following) -> bool:
    """Does it come before the first one that counts?"""
    return rule.begin is not None and item.offer.episode is not None and item.number < rule.begin


def _stamp(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _as_offered(stored: Stored) -> Offer:
    """A title that is here, as if its source still offered it."""
    entry, standing = stored.entry, stored.standing
    return Offer(
        id=entry.id,
        source=entry.id.partition(":")[0],
        position=2**31,
        name=entry.name,
        series=entry.series,
        season=entry.season,
        episode=entry.episode,
        special=standing.special,
        published=standing.published,
        available_from=entry.rights.available_from,
        available_until=entry.rights.available_until,
        duration=standing.duration,
        download=entry.rights.download,
        reason=entry.rights.reason,
    )
