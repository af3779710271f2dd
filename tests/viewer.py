"""Who lives with the home of a year (see year.py): watches what is there, keeps some, removes some, goes away."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from offlinedl import playing
from offlinedl.actions.remove import remove
from offlinedl.library import Library
from offlinedl.model import Decision, Entry, State
from tests.episodes import BEGAN, DAY, EPISODES, SHOWS, Show

_HALF_SECONDS = 4


class Viewer:
    """What a person does, by chance, and remembers of it. `watched` tells when."""

    def __init__(self, chance: random.Random) -> None:
        self.watched: dict[str, datetime] = {}
        self.begun: set[str] = set()
        self.kept: list[str] = []
        self.removed: set[str] = set()
        self.first_plays: dict[str, datetime] = {}
        self._chance = chance
        self._journeys = [BEGAN + chance.randrange(30, 300) * DAY for _ in range(2)]

    def is_away(self, now: datetime) -> bool:
        """On a journey, for longer than licenses last."""
        return any(first <= now < first + 45 * DAY for first in self._journeys)

    async def evening(self, library: Library) -> None:
        """Some hours between two passes."""
        now = library.time()
        if self.is_away(now) or now.hour not in {15, 21}:
            return
        for show in SHOWS:
            if self._chance.random() < (0.2 if show.is_newest else 0.12):
                self._watch(show, library)
        await self._tidy(library)

    def _watch(self, show: Show, library: Library) -> None:
        """What is next, or now and then another; what was begun first."""
        there = sorted(self._ready(library, show), key=lambda e: (e.id not in self.begun, EPISODES[e.id].number))
        if not there:
            return
        entry = self._chance.choice(there) if self._chance.random() < 0.05 else there[0]
        if self._chance.random() < 0.9:  # else it was seen elsewhere
            playing.play(entry, library)
            self.first_plays.setdefault(entry.id, library.time())
        if entry.id not in self.begun and self._chance.random() < 0.2:
            self.begun.add(entry.id)
            library.mark(entry, Decision(position_seconds=_HALF_SECONDS))
        else:
            self._seen(entry, library)

    def _seen(self, entry: Entry, library: Library) -> None:
        self.begun.discard(entry.id)
        self.watched[entry.id] = library.time()
        library.mark(entry, Decision(watched=True, position_seconds=0))

    async def _tidy(self, library: Library) -> None:
        """Keep one, or remove one; give up what ended in the middle."""
        there = self._ready(library)
        if there and self._chance.random() < 0.02:
            self._keep(self._chance.choice(there), library)
        if there and self._chance.random() < 0.02:
            await self._remove(self._chance.choice(there), library)
        for entry in library.entries():
            if entry.state is State.EXPIRED and entry.id in self.begun and self._chance.random() < 0.2:
                await self._remove(entry, library)

    def _keep(self, entry: Entry, library: Library) -> None:
        """Two at most: the first of three is kept no more."""
        if entry.id not in self.kept:
            self.kept.append(entry.id)
            library.mark(entry, Decision(kept=True))
        if len(self.kept) > 2:
            library.mark(library.must(self.kept.pop(0)), Decision(kept=False))

    async def _remove(self, entry: Entry, library: Library) -> None:
        if entry.id not in self.kept:
            self.begun.discard(entry.id)
            self.removed.add(entry.id)
            await remove(entry, library)

    def _ready(self, library: Library, show: Show | None = None) -> list[Entry]:
        """What plays and is unwatched, of this show alone where one is given."""
        found = [e for e in library.entries() if e.state is State.READY and not e.watched]
        return [e for e in found if show is None or EPISODES[e.id].show is show]


def grace(title: str) -> timedelta:
    """How long what was watched of its series stays."""
    return EPISODES[title].show.following().grace
