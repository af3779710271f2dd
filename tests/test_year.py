"""A year of `sync`, every six hours: whatever fails on the way, what is to be true is true after every pass."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from offlinedl import decoder, endings
from offlinedl.actions.check import check, strays
from offlinedl.actions.get import Order
from offlinedl.actions.sync import Pass, Step, sync
from offlinedl.api.home import Home, Network
from offlinedl.catalog import Catalog
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.model import Entry, State
from offlinedl.cli.progress import Silence
from offlinedl.series import Space
from offlinedl.sources import refresh
from offlinedl.vault import Vault
from tests.conftest import Offlinedl
from tests.viewer import Viewer, grace
from tests.year import (
    BEGAN,
    EPISODES,
    KEEP_FREE,
    LIMITS,
    PASS,
    PLAYBACK,
    SHOWS,
    STORAGE,
    Calendar,
    Disk,
    Episode,
    Service,
    Show,
    troubles,
)

QUOTA = 800_000
LARGEST = max(e.bytes for e in EPISODES.values())
SHORTLY = timedelta(hours=32)
"""So long after a failure a title may wait to be tried again: a day, and until the next pass."""


class Year:
    """A home, who lives with it, and the world about it, all by one seed; and the books that are kept of them."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.calendar, self.viewer = Calendar(), Viewer(random.Random(seed + 1))
        self.service = Service(self.calendar, troubles(random.Random(seed)))
        self.home = Home.at(folder)
        self.catalog, self.disk = Catalog(self.home.folders.catalog), Disk(self.home.folders.titles)
        self.vault = Vault(self.home.folders.vault)
        self.story: list[tuple[datetime, Step]] = []
        self.steps: list[Step] = []
        self.before: dict[str, Entry] = {}
        self.after: dict[str, Entry] = {}
        self.books = Books()
        self.broken: list[str] = []

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

    def library(self) -> Library:
        """As a process opens it that begins now."""
        space = Space(quota=QUOTA, keep_free=KEEP_FREE)
        library = Library(self.catalog, self.disk, self.vault, self.calendar.wall, boot=self.calendar.boot, space=space)
        library.time.keep()
        endings.heed(library)
        return library

    async def quarter(self, licensing: Licensing) -> None:
        """Six hours: something is watched, and then there is a pass, if the machine is on."""
        self.calendar.now += PASS / 2
        if self.service.trouble("off"):
            self.calendar.now += PASS / 2
            self.calendar.booted = self.calendar.now
            return
        await self.viewer.evening(self.library())
        self.calendar.now += PASS / 2
        await self.service.heed()
        self.disk.taken = self.service.trouble("disk") is not None
        library, self.steps = self.library(), []
        self.before = {entry.id: entry for entry in library.entries()}
        preferences = self.home.preferences()
        order = Order(ref="", defaults=self.home.wanted(preferences), preferences=preferences)
        await sync(Pass(library=library, licensing=licensing, progress=Silence(), tell=self.steps.append, order=order))
        self.after = {entry.id: entry for entry in library.entries()}
        self.story += [(self.calendar.now, step) for step in self.steps]
        self.books.enter(self)
        broken = [sentence for truth in TRUTHS for sentence in truth(self)]
        assert not broken, f"{self.calendar.now}: " + "; ".join(broken)


class Books:
    """What is known of each title from outside: what was told of it, and when its license began."""

    def __init__(self) -> None:
        self.downloads: Counter[str] = Counter()
        self.renewals: Counter[str] = Counter()
        self.removals: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.issued: dict[str, datetime] = {}
        self.ended: set[str] = set()
        self.gone: set[str] = set()
        self.lost = 0
        self.months: set[tuple[str, str]] = set()

    def enter(self, year: Year) -> None:
        """What a pass told."""
        now = year.calendar.now
        for step in year.steps:
            done = (step.does, step.result)
            self.failures[step.title] += step.result in {"failed", "warning"}
            self.renewals[step.title] += done == ("renew", "done")
            if done == ("remove", "done"):
                self.removals[step.title] += 1
                self.gone.add(step.title)
            if done == ("download", "done"):
                self.downloads[step.title] += 1
                self.months.add((f"{now:%Y-%m}", step.title))
                self.ended.discard(step.title)
                year.viewer.first_play.pop(step.title, None)
            if done in {("download", "done"), ("renew", "done")}:
                self.issued[step.title] = now
        self.lost += len(_in_hand(year.before) - year.after.keys())
        self.ended |= {t for t in self.issued if t not in year.viewer.watched and self.deadline(t, year) <= now}

    def deadline(self, title: str, year: Year) -> datetime:
        """When its license ends: a month after it was had, and two days after it was first played."""
        if not EPISODES[title].show.licensed:
            return datetime.max.replace(tzinfo=BEGAN.tzinfo)
        first = year.viewer.first_play.get(title)
        return min(self.issued[title] + STORAGE, first + PLAYBACK if first else self.issued[title] + STORAGE)


# what the rule wants, told once more and in short


def candidates(show: Show, year: Year) -> list[str]:
    """The unwatched episodes of the series that could be here, those that are wanted most first."""
    books, viewer = year.books, year.viewer
    offered = year.service.offered(show, year.service.read[show.source])
    known = {e.title: e for e in offered} | {t: EPISODES[t] for t in books.downloads if EPISODES[t].show is show}
    out = viewer.removed | viewer.watched.keys()
    if show.is_newest:
        out |= books.gone
        return [e.title for e in sorted(known.values(), key=lambda e: -e.number) if e.title not in out]
    if not show.rule.get("refetch_expired"):
        out |= books.ended
    last = max((EPISODES[t].number for t in viewer.watched if EPISODES[t].show is show), default=-1)
    return [e.title for e in sorted(known.values(), key=lambda e: e.number) if e.number > last and e.title not in out]


def wanted(show: Show, year: Year) -> list[str]:
    """Those that are to be here."""
    return candidates(show, year)[: show.following().ahead]


def is_hindered(title: str, year: Year) -> bool:
    """Is there a reason in the world that it is not here?"""
    service, show = year.service, EPISODES[title].show
    if service.trouble("feed", "media", "half", "license", "away", "off", within=SHORTLY) or service.trouble("disk"):
        return True
    here = [t for t in year.after if EPISODES[t].show.source == "club"]
    month = [t for at, t in year.books.months if at == f"{year.calendar.now:%Y-%m}" and t.startswith("club:")]
    full = len(here) >= LIMITS["downloads_per_device"] or len(month) >= LIMITS["downloads_per_month"]
    return (show.source == "club" and full) or is_tight(year)


def is_tight(year: Year) -> bool:
    """Is there no room, though all that may go is gone?"""
    whole = {t for show in SHOWS for t in wanted(show, year)}
    stays = whole | {t for t, e in year.after.items() if _is_fixed(e, year)}
    return sum(EPISODES[t].bytes for t in stays) + LARGEST > QUOTA


def _is_fixed(entry: Entry, year: Year) -> bool:
    """Kept, begun, or just watched."""
    at = year.viewer.watched.get(entry.id)
    is_fresh = at is not None and year.calendar.now - at < grace(entry.id)
    return entry.id in year.viewer.kept or entry.id in year.viewer.begun or is_fresh


def _in_hand(entries: dict[str, Entry]) -> set[str]:
    """Under way, with a license already."""
    waiting = {State.QUEUED, State.PAUSED, State.FAILED, State.DOWNLOADING}
    return {t for t, e in entries.items() if e.state in waiting and e.license is not None}


# what is true after every pass: each gives a sentence for what is not


def what_a_rule_wants_is_here(year: Year) -> Iterator[str]:
    told = {s.title for s in year.steps if s.result in {"failed", "skipped", "warning"} or s.does == "remove"}
    for show in SHOWS:
        for title in wanted(show, year):
            entry = year.after.get(title)
            if entry is not None and entry.state is State.READY:
                continue
            is_new = title not in year.before and title in year.after  # now it is known how large it is
            if not (is_new or is_hindered(title, year)):
                yield f"{title} is wanted and not here, though nothing hinders it: {_said(title, year)}"
            elif title not in told:
                yield f"{title} is wanted and not here, and nobody says why"


def nothing_comes_that_no_rule_wants(year: Year) -> Iterator[str]:
    for step in year.steps:
        if (step.does, step.result) == ("download", "done"):
            show = EPISODES[step.title].show
            rough = year.service.trouble("feed", "media", "half", "license", "away", "off", within=SHORTLY)
            most = show.following().ahead * (2 if rough else 1)
            if step.title not in candidates(show, year)[:most]:
                yield f"{step.title} came, and is not among the {most} that are wanted"


def what_is_over_the_number_of_news_goes(year: Year) -> Iterator[str]:
    for show in (s for s in SHOWS if s.is_newest):
        there = [t for t, e in year.after.items() if EPISODES[t].show is show and _plays(e) and not _is_fixed(e, year)]
        came = sum(s.does == "download" and s.title in there for s in year.steps)
        if len(there) > show.following().ahead + came:
            yield f"{', '.join(there)} are here of {show.name}"


def the_quota_holds(year: Year) -> Iterator[str]:
    if year.disk.used() > QUOTA:
        yield f"{year.disk.used()} bytes lie here, and {QUOTA} may"


def what_lies_here_is_what_the_catalog_says(year: Year) -> Iterator[str]:
    library = year.library()
    claimed = {
        f"{entry.folder}/{fetch.path}": fetch.size
        for entry in year.after.values()
        for fetch in library.plan(entry.id).fetches
        if fetch.size is not None
    }
    if claimed != (found := dict(year.disk.found())):
        yield f"the catalog and the disk differ in {claimed.items() ^ found.items()}"


def nothing_is_fetched_twice(year: Year) -> Iterator[str]:
    books = year.books
    for (title, name), count in year.service.sent.items():
        if count > 1 + books.removals[title] + books.failures[title]:
            yield f"{title}/{name} was fetched {count} times: {books.removals[title]} removals"


def every_step_has_its_reason(year: Year) -> Iterator[str]:
    yield from (f"{step} has no reason" for step in year.steps if not step.reason)


def licenses_are_asked_for_once(year: Year) -> Iterator[str]:
    books, hand = year.books, _in_hand(year.after)
    counted = sum(n for t, n in books.downloads.items() if EPISODES[t].show.licensed) + books.renewals.total()
    if (granted := year.service.granted.total()) != counted + len(hand) + books.lost:
        yield f"{granted} licenses were granted, for {counted} downloads and renewals, {hand}, and {books.lost} lost"


def what_must_stay_stays(year: Year) -> Iterator[str]:
    for title in (t for t, e in year.before.items() if _is_fixed(e, year) and t not in year.after):
        yield f"{title} is gone, though it is kept, begun, or watched so lately: {_said(title, year)}"


def what_a_person_removed_stays_away(year: Year) -> Iterator[str]:
    yield from (f"{title} is back" for title in year.viewer.removed & year.after.keys())


def nothing_is_ready_that_is_over(year: Year) -> Iterator[str]:
    for title, entry in year.after.items():
        if entry.state is State.READY and year.books.deadline(title, year) <= year.calendar.now:
            yield f"{title} is ready, and its license ended {year.books.deadline(title, year)}"


def keys_of_what_is_over_are_destroyed(year: Year) -> Iterator[str]:
    slots, now = year.vault.names(), year.calendar.now
    for title, entry in year.after.items():
        ended = entry.state is State.EXPIRED and year.books.deadline(title, year) + 3 * PASS <= now
        if ended and entry.license_slot in slots and not year.service.trouble("off", within=3 * PASS):
            yield f"{title} is over, and its key is still here"


def nobody_hears_what_is_not_true(year: Year) -> Iterator[str]:
    yield from year.service.wrong


TRUTHS = (
    what_a_rule_wants_is_here,
    nothing_comes_that_no_rule_wants,
    what_is_over_the_number_of_news_goes,
    the_quota_holds,
    what_lies_here_is_what_the_catalog_says,
    nothing_is_fetched_twice,
    every_step_has_its_reason,
    licenses_are_asked_for_once,
    what_must_stay_stays,
    what_a_person_removed_stays_away,
    nothing_is_ready_that_is_over,
    keys_of_what_is_over_are_destroyed,
    nobody_hears_what_is_not_true,
)


def _plays(entry: Entry) -> bool:
    return entry.state is State.READY and not entry.watched


def _said(title: str, year: Year) -> str:
    said = [f"{s.does} {s.result} ({s.reason}) {s.error or ''}" for s in year.steps if s.title == title]
    entry = year.after.get(title)
    return f"{entry.state if entry else 'not here'}; " + ", ".join(said or ["nothing was said"])


async def lived(seed: int, folder: Path, quarters: int) -> Year:
    """So many quarters of days; at the end of a year two more without troubles."""
    year = Year(seed, folder)
    async with year.running() as licensing:
        for _ in range(quarters):
            await year.quarter(licensing)
        year.broken = [sentence async for sentence in at_the_end(year, licensing)]
    return year


async def at_the_end(year: Year, licensing: Licensing) -> AsyncIterator[str]:
    """What is not as it is to be when nothing is owed any more."""
    library = year.library()
    live = {t for t, e in year.after.items() if e.license is not None and e.license.destroyed_at is None}
    licensed = {t for t in live if EPISODES[t].show.licensed}
    if licensed != year.service.licensed:
        yield f"the license server and the catalog differ in {licensed ^ year.service.licensed}"
    if (club := {t for t in live if t.startswith("club:")}) != year.service.entitled:
        yield f"the club and the catalog differ in {club ^ year.service.entitled}"
    if owed := [*library.licenses.owed(), *library.catalog.outbox.departures()]:
        yield f"still owed: {owed}"
    if strange := year.vault.names() - {year.after[t].license_slot for t in licensed}:
        yield f"the vault has {strange}"
    for entry in year.after.values():
        verdict = await check(entry, library, licensing, Silence())
        if verdict.error is not None or verdict.orphans:
            yield f"{entry.id}: {verdict.error} {verdict.orphans}"
    for stray in strays(library):
        yield f"{stray} is a stray"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_year(seed: int, offlinedl: Offlinedl) -> None:
    """Invariants hold after each pass, nothing is owed at the end, and all that is here is sound."""
    year = asyncio.run(lived(seed, offlinedl.home, 1460))
    assert year.broken == []
    end = f"{year.calendar.now + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}"
    assert offlinedl.at(end, "check").code == 0
    assert offlinedl.at(end, "doctor").code == 0


def test_the_same_seed_is_the_same_story(tmp_path: Path) -> None:
    first, second = (asyncio.run(lived(4, tmp_path / name, 120)).story for name in ("first", "second"))
    assert [(at, _plain(step)) for at, step in first] == [(at, _plain(step)) for at, step in second]


def _plain(step: Step) -> tuple[str, ...]:
    return (step.does, step.title, step.result, step.reason)
