"""A home that is lived in for a year (see year.py and viewer.py), and the books that are kept of it from outside."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from offlinedl import decoder, endings
from offlinedl.actions.get import Order
from offlinedl.actions.sync import Pass, Step, sync
from offlinedl.api.events import Watch
from offlinedl.api.home import Home, Network
from offlinedl.catalog import Catalog
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.model import Entry, State
from offlinedl.sources import refresh
from offlinedl.space import Space
from offlinedl.vault import Vault
from tests.episodes import BEGAN, EPISODES, SHOWS
from tests.viewer import Viewer
from tests.year import KEEP_FREE, PASS, Calendar, Disk, Service, troubles

QUOTA = 800_000
STORAGE, PLAYBACK = timedelta(days=30), timedelta(hours=48)
_WAITING = {State.QUEUED, State.DOWNLOADING, State.PAUSED, State.FAILED}


class Household:
    """A home, who lives with it, and the world about it, all by one seed. What a pass told is in `steps`, and what
    the one before it did in `last`; the titles as they were before it and are after it in `before` and `after`; all
    that was told in the `story`."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.calendar = Calendar()
        self.viewer = Viewer(random.Random(seed + 1))
        self.service = Service(self.calendar, troubles(random.Random(seed)))
        self.home = Home.at(folder)
        self.catalog = Catalog(self.home.folders.catalog)
        self.disk, self.vault = Disk(self.home.folders.titles), Vault(self.home.folders.vault)
        self.library = self._opened()
        self.story: list[tuple[datetime, Step]] = []
        self.steps: list[Step] = []
        self.last: list[Step] = []
        self.before: dict[str, Entry] = {}
        self.after: dict[str, Entry] = {}
        self.books = Books()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Licensing]:
        """The service is there, and the home knows it and follows its series."""
        async with self.service.running(), self.home.licensing(Network()) as licensing:
            with decoder.running():
                for source in ("tv", "club"):
                    url = f"{self.service.url}/{source}.json"
                    await refresh.add(source, url, None, self.catalog, licensing.engine, clock=self.calendar.wall)
                with self.catalog.transaction():
                    for show in SHOWS:
                        self.catalog.followed.follow(show.following(), self.calendar.now)
                yield licensing
        self.catalog.close()
        self.disk.close()

    def _opened(self) -> Library:
        """As a process opens it that begins now."""
        space = Space(quota=QUOTA, keep_free=KEEP_FREE)
        time = self.calendar
        library = Library(self.catalog, self.disk, self.vault, time.wall, boot=time.boot, space=space)
        library.time.keep()
        endings.heed(library)
        return library

    async def quarter(self, licensing: Licensing) -> bool:
        """Six hours: something is watched, and then there is a pass. False where the machine was off."""
        self.calendar.now += PASS / 2
        if self.service.trouble("off"):
            self.calendar.now += PASS / 2
            self.calendar.booted = self.calendar.now
            return False
        await self.viewer.evening(self.library)
        self.calendar.now += PASS / 2
        await self.service.heed()
        self.disk.taken = self.service.trouble("disk") is not None
        self.library, self.last, self.steps = self._opened(), self.steps, []
        self.before = {entry.id: entry for entry in self.library.entries()}
        preferences = self.home.preferences()
        order = Order(ref="", defaults=self.home.wanted(preferences), preferences=preferences)
        tell = self.steps.append
        await sync(
            Pass(library=self.library, licensing=licensing, progress=Watch("", lambda _: None), tell=tell, order=order)
        )
        self.after = {entry.id: entry for entry in self.library.entries()}
        self.story += [(self.calendar.now, step) for step in self.steps]
        self.books.enter(self.steps, self.before, self.after, self.viewer, self.calendar.now)
        return True


class Books:
    """What is known of each title from outside: what was told of it, and when its license began. `gone` are those that
    a pass removed, `ended` those that were over before they were watched; `lost` licenses were granted for downloads
    that were given up."""

    def __init__(self) -> None:
        self.downloads: Counter[str] = Counter()
        self.renewals: Counter[str] = Counter()
        self.removals: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.months: set[tuple[str, str]] = set()
        self.gone: set[str] = set()
        self.ended: set[str] = set()
        self.lost = 0
        self._issued: dict[str, datetime] = {}
        self._first_plays: dict[str, datetime] = {}

    def enter(
        self, steps: Sequence[Step], before: dict[str, Entry], after: dict[str, Entry], viewer: Viewer, now: datetime
    ) -> None:
        """A pass was made."""
        self._first_plays = viewer.first_plays
        for step in steps:
            self._enter(step, now)
        self.lost += len(self.in_hand(before) - after.keys())
        self.ended |= {t for t in self._issued if t not in viewer.watched and self.deadline(t) <= now}

    def _enter(self, step: Step, now: datetime) -> None:
        did = (step.does, step.result)
        self.failures[step.title] += step.result in {"failed", "warning"}
        if did == ("remove", "done"):
            self.removals[step.title] += 1
            self.gone.add(step.title)
        if did == ("renew", "done"):
            self.renewals[step.title] += 1
            self._issued[step.title] = now
        if did == ("download", "done"):
            self.downloads[step.title] += 1
            self.months.add((f"{now:%Y-%m}", step.title))
            self._issued[step.title] = now
            self._first_plays.pop(step.title, None)
            self.ended.discard(step.title)

    def deadline(self, title: str) -> datetime:
        """When its license ends: a month after it was had, and two days after it was first played."""
        if not EPISODES[title].show.licensed:
            return datetime.max.replace(tzinfo=BEGAN.tzinfo)
        ends = self._issued[title] + STORAGE
        return min(ends, self._first_plays[title] + PLAYBACK) if title in self._first_plays else ends

    def in_hand(self, entries: dict[str, Entry]) -> set[str]:
        """Those that are under way, with a license that lasts."""
        return {t for t, e in entries.items() if e.state in _WAITING and e.license is not None} - self.ended


def told(home: Household) -> Iterator[str]:
    """The story of a household in lines, the same wherever its service is."""
    for at, step in home.story:
        line = f"{at:%m-%d %H} {step.does} {step.title} {step.result}: {step.reason} {step.error or ''}"
        yield line.replace(home.service.url, "")
