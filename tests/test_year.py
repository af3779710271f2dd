"""A year of `sync`, every six hours: whatever fails on the way, what is to be true is true after every pass."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from offlinedl.actions.check import check
from offlinedl.actions.litter import strays
from offlinedl.api.events import Watch
from offlinedl.license import Licensing
from offlinedl.model import Entry, State
from tests.conftest import Offlinedl
from tests.episodes import EPISODES, SHOWS, Show
from tests.household import QUOTA, Household, told
from tests.viewer import grace
from tests.year import LIMITS, PASS

LARGEST = max(e.bytes for e in EPISODES.values())
TROUBLES = ("feed", "media", "half", "away", "off")
SHORTLY = timedelta(hours=32)
"""So long after a failure a title may wait to be tried again: a day, and until the next pass."""
YEAR = 1460
HAPPENS = (
    "newer ones of news are here", "and unwatched", "room for", "for what is to stay free", "no room: about",
    "downloads on a device", "downloads a month", "its rule fetches none again", "tried again from",
    "its source cannot be read", "Connection refused", "not JSON", "its download was cut off",
)  # fmt: skip
"""What a year has some of."""


# what the rule wants, told once more and in short


def candidates(show: Show, home: Household) -> list[str]:
    """The unwatched episodes of the series that could be here, those that are wanted most first."""
    books, viewer = home.books, home.viewer
    offered = home.service.offered(show, home.service.read[show.source])
    known = {e.title: e for e in offered} | {t: EPISODES[t] for t in books.downloads if EPISODES[t].show is show}
    out = viewer.removed | viewer.watched.keys()
    if show.is_newest:
        passed = [EPISODES[t].number for t in books.gone - viewer.watched.keys() if EPISODES[t].show is show]
        new = [e for e in known.values() if e.title in home.before or e.number > max(passed, default=-1)]
        return [e.title for e in sorted(new, key=lambda e: -e.number) if e.title not in out | books.gone]
    if not show.rule.get("refetch_expired"):
        out |= books.ended
    last = max((EPISODES[t].number for t in viewer.watched if EPISODES[t].show is show), default=-1)
    return [e.title for e in sorted(known.values(), key=lambda e: e.number) if e.number > last and e.title not in out]


def wanted(show: Show, home: Household) -> list[str]:
    """Those that are to be here."""
    return candidates(show, home)[: show.following().ahead]


def is_hindered(title: str, home: Household) -> bool:
    """Is there a reason in the world that it is not here?"""
    service, show = home.service, EPISODES[title].show
    licenses = ["license"] if show.licensed else []
    if service.trouble(*TROUBLES, *licenses, within=SHORTLY) or service.trouble("disk"):
        return True
    here = [t for t in home.after if EPISODES[t].show.source == "club"]
    month = [t for at, t in home.books.months if at == f"{home.calendar.now:%Y-%m}" and t.startswith("club:")]
    full = len(here) >= LIMITS["downloads_per_device"] or len(month) >= LIMITS["downloads_per_month"]
    return (show.source == "club" and full) or is_tight(home)


def is_tight(home: Household) -> bool:
    """Is there no room, though all that may go is gone?"""
    whole = {t for show in SHOWS for t in wanted(show, home)}
    stays = whole | {t for t, e in home.after.items() if _is_fixed(e, home)}
    return sum(EPISODES[t].bytes for t in stays) + LARGEST > QUOTA


def _is_fixed(entry: Entry, home: Household) -> bool:
    """Kept, begun, or just watched."""
    at = home.viewer.watched.get(entry.id)
    is_fresh = at is not None and home.calendar.now - at < grace(entry.id)
    return entry.id in home.viewer.kept or entry.id in home.viewer.begun or is_fresh


# what is true after every pass: each gives a sentence for what is not


def what_a_rule_wants_is_here(home: Household) -> Iterator[str]:
    told = {s.title for s in home.steps if s.result in {"failed", "skipped", "warning"} or s.does == "remove"}
    for show in SHOWS:
        for title in wanted(show, home):
            entry = home.after.get(title)
            if entry is not None and entry.state is State.READY:
                continue
            is_new = title not in home.before and title in home.after  # now it is known how large it is
            if not (is_new or is_hindered(title, home)):
                yield f"{title} is wanted and not here, though nothing hinders it: {_said(title, home)}"
            elif title not in told:
                yield f"{title} is wanted and not here, and nobody says why"


def nothing_comes_that_no_rule_wants(home: Household) -> Iterator[str]:
    for step in home.steps:
        if (step.does, step.result) == ("download", "done"):
            show = EPISODES[step.title].show
            rough = home.service.trouble(*TROUBLES, "license", within=SHORTLY)
            most = show.following().ahead * (2 if rough else 1)
            if step.title not in candidates(show, home)[:most]:
                yield f"{step.title} came, and is not among the {most} that are wanted"


def what_is_over_the_number_of_news_goes(home: Household) -> Iterator[str]:
    for show in (s for s in SHOWS if s.is_newest):
        there = [t for t, e in home.after.items() if EPISODES[t].show is show and _plays(e) and not _is_fixed(e, home)]
        came = sum(s.does == "download" and s.title in there for s in home.steps)
        if len(there) > show.following().ahead + came:
            yield f"{', '.join(there)} are here of {show.name}"


def the_quota_holds(home: Household) -> Iterator[str]:
    if home.disk.used() > QUOTA:
        yield f"{home.disk.used()} bytes lie here, and {QUOTA} may"


def what_lies_here_is_what_the_catalog_says(home: Household) -> Iterator[str]:
    claimed = {
        f"{entry.folder}/{fetch.path}": fetch.size
        for entry in home.after.values()
        for fetch in home.library.plan(entry.id).fetches
        if fetch.size is not None
    }
    if claimed != (found := dict(home.disk.found())):
        yield f"the catalog and the disk differ in {claimed.items() ^ found.items()}"


def nothing_is_fetched_twice(home: Household) -> Iterator[str]:
    books = home.books
    for (title, name), count in home.service.sent.items():
        if count > 1 + books.removals[title] + books.failures[title]:
            yield f"{title}/{name} was fetched {count} times: {books.removals[title]} removals"


def every_step_has_its_reason(home: Household) -> Iterator[str]:
    yield from (f"{step} has no reason" for step in home.steps if not step.reason)


def what_goes_wrong_is_said_once(home: Household) -> Iterator[str]:
    before = {(s.does, s.title, s.result, s.error.code) for s in home.last if s.error}
    for step in home.steps:
        if step.is_news and step.error and (step.does, step.title, step.result, step.error.code) in before:
            yield f"a second mail: {step}"


def licenses_are_asked_for_once(home: Household) -> Iterator[str]:
    books, hand = home.books, home.books.in_hand(home.after)
    counted = sum(n for t, n in books.downloads.items() if EPISODES[t].show.licensed) + books.renewals.total()
    if (granted := home.service.granted.total()) != counted + len(hand) + books.lost:
        yield f"{granted} licenses were granted, for {counted} downloads and renewals, {hand}, and {books.lost} lost"


def what_must_stay_stays(home: Household) -> Iterator[str]:
    for title in (t for t, e in home.before.items() if _is_fixed(e, home) and t not in home.after):
        yield f"{title} is gone, though it is kept, begun, or watched so lately: {_said(title, home)}"


def what_a_person_removed_stays_away(home: Household) -> Iterator[str]:
    yield from (f"{title} is back" for title in home.viewer.removed & home.after.keys())


def nothing_is_ready_that_is_over(home: Household) -> Iterator[str]:
    for title, entry in home.after.items():
        if entry.state is State.READY and home.books.deadline(title) <= home.calendar.now:
            yield f"{title} is ready, and its license ended {home.books.deadline(title)}"


def keys_of_what_is_over_are_destroyed(home: Household) -> Iterator[str]:
    slots, now = home.vault.names(), home.calendar.now
    for title, entry in home.after.items():
        ended = entry.state is State.EXPIRED and home.books.deadline(title) + 3 * PASS <= now
        if ended and entry.license_slot in slots and not home.service.trouble("off", within=3 * PASS):
            yield f"{title} is over, and its key is still here"


def nobody_hears_what_is_not_true(home: Household) -> Iterator[str]:
    yield from home.service.wrong


TRUTHS = (
    what_a_rule_wants_is_here,
    nothing_comes_that_no_rule_wants,
    what_is_over_the_number_of_news_goes,
    the_quota_holds,
    what_lies_here_is_what_the_catalog_says,
    nothing_is_fetched_twice,
    every_step_has_its_reason,
    what_goes_wrong_is_said_once,
    licenses_are_asked_for_once,
    what_must_stay_stays,
    what_a_person_removed_stays_away,
    nothing_is_ready_that_is_over,
    keys_of_what_is_over_are_destroyed,
    nobody_hears_what_is_not_true,
)


def _plays(entry: Entry) -> bool:
    return entry.state is State.READY and not entry.watched


def _said(title: str, home: Household) -> str:
    said = [f"{s.does} {s.result} ({s.reason}) {s.error or ''}" for s in home.steps if s.title == title]
    entry = home.after.get(title)
    return f"{entry.state if entry else 'not here'}; " + ", ".join(said or ["nothing was said"])


async def at_the_end(home: Household, licensing: Licensing) -> AsyncIterator[str]:
    """What is not as it is to be when nothing fails any more, and nothing is owed."""
    live = {t for t, e in home.after.items() if e.license is not None and e.license.destroyed_at is None}
    if live != home.service.licensed:
        yield f"the license server and the catalog differ in {live ^ home.service.licensed}"
    if (club := {t for t in live if t.startswith("club:")}) != home.service.entitled:
        yield f"the club and the catalog differ in {club ^ home.service.entitled}"
    if owed := [*home.library.licenses.owed(), *home.catalog.outbox.departures()]:
        yield f"still owed: {owed}"
    if strange := home.vault.names() - {home.after[t].license_slot for t in live} - {"key", "device"}:
        yield f"the vault has {strange}"
    for entry in home.after.values():
        verdict = await check(entry, home.library, licensing, Watch("", lambda _: None))
        if verdict.error is not None or verdict.orphans:
            yield f"{entry.id}: {verdict.error} {verdict.orphans}"
    for stray in strays(home.library):
        yield f"{stray} is a stray"


async def lived(seed: int, folder: Path, quarters: int) -> Household:
    """So many quarters of days. The troubles of a whole year are over at its end."""
    home = Household(seed, folder)
    async with home.running() as licensing:
        for _ in range(quarters):
            broken = [said for truth in TRUTHS for said in truth(home)] if await home.quarter(licensing) else []
            assert not broken, f"{home.calendar.now}: {'; '.join(broken)}"
        if quarters >= YEAR:
            assert [said async for said in at_the_end(home, licensing)] == []
    return home


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """For a home, in memory where the system has a place for that: a year is ten thousand transactions."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as made:
        (Path(made) / "config.toml").write_text("[download]\nbackoff = 0\nretries = 1\n")
        yield Path(made)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_year(seed: int, folder: Path, offlinedl: Offlinedl) -> None:
    """It is one in which things happen, and at its end the command line finds no fault with what is there."""
    home = asyncio.run(lived(seed, folder, YEAR))
    story = "\n".join(told(home))
    assert home.books.downloads.total() > 200
    assert home.books.renewals.total() > 20
    assert [said for said in HAPPENS if said not in story] == []
    end = f"{home.calendar.now + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}"
    for verb in ("check", "doctor"):
        result = offlinedl.at(end, verb, "--home", str(folder))
        assert result.code == 0, result


def test_the_same_seed_is_the_same_story(folder: Path) -> None:
    first, second = (list(told(asyncio.run(lived(4, folder / name, 100)))) for name in ("first", "second"))
    assert first == second
    assert len(first) > 100
