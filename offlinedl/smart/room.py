"""What there is room for, and what goes to make some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from offlinedl.errors import sized
from offlinedl.model import State
from offlinedl.series import Shelf
from offlinedl.smart.leaving import Leaving, unwatched
from offlinedl.smart.window import Action
from offlinedl.space import Space


class Room:
    """The room that is left beside `shelf`. Its `removals` make some: of `candidates`, the first first. `freed` bytes
    are those of what is removed anyway."""

    def __init__(self, shelf: Shelf, candidates: list[Leaving], space: Space, freed: int) -> None:
        self.removals: list[Action] = []
        self._candidates = candidates
        self._unwatched = unwatched(shelf)
        self._blocked: set[str] = set()
        used = sum(s.entry.bytes_done for s in shelf.stored)
        others = sum(s.to_come for s in shelf.stored if s.entry.state is State.DOWNLOADING)
        self._left = replace(space, free=space.free + freed).room(used) - others
        self._over = 0 if space.quota is None else used - space.quota

    def keep(self) -> None:
        """Where more lies here than may, something goes, whatever is to come."""
        if self._left < 0:
            whom = "room under the quota" if self._over > 0 else "for what is to stay free"
            self._remove(self._chosen(-self._left), whom)

    def admitted(self, fetch: Action) -> Action:
        """`fetch`, or why there is no room for it. Of a series, none comes before one that is next."""
        series = fetch.rule.series.id if fetch.rule else fetch.title
        if series in self._blocked:
            return replace(fetch, does="skip", reason="no room for the one before it")
        lacking = fetch.bytes - self._left
        chosen = self._chosen(lacking, fetch)
        left = self._left + sum(c.bytes for c in chosen)
        if lacking > 0 and left < fetch.bytes:
            self._blocked.add(series)
            some = f"about {sized(fetch.bytes)} are to come, and {sized(max(0, left))} can be had for it"
            said = some if left >= 0 else f"{sized(-left)} more are used than may be"
            return replace(fetch, does="skip", reason=f"no room: {said}", lacks_room=True)
        self._remove(chosen, f"room for {fetch.title}")
        self._left -= fetch.bytes
        return fetch

    def _chosen(self, lacking: int, fetch: Action | None = None) -> list[Leaving]:
        """What goes first, until it is enough; all that may go where it is not. What a rule wants goes for what is
        wanted more, or while the quota is passed; never the last of a series that is unwatched."""
        chosen: list[Leaving] = []
        left, over = Counter(self._unwatched), self._over
        for candidate in self._candidates:
            if lacking <= 0:
                break
            yields = over > 0 if fetch is None else candidate.priority < fetch.priority
            if (candidate.is_wanted and not yields) or (fetch is not None and candidate.title == fetch.title):
                continue
            if candidate.series is not None:
                if left[candidate.series] == 1:
                    continue
                left[candidate.series] -= 1
            lacking -= candidate.bytes
            over -= candidate.bytes
            chosen.append(candidate)
        return chosen

    def _remove(self, chosen: Sequence[Leaving], whom: str) -> None:
        for one in chosen:
            self._candidates.remove(one)
            self._left += one.bytes
            self._over -= one.bytes
            if one.series is not None:
                self._unwatched[one.series] -= 1
            said = f"{one.reason}; {whom}"
            self.removals.append(Action(does="remove", title=one.title, reason=said, bytes=one.bytes, why=one.why))
