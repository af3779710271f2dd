"""What is here, and what is done with it that fetches no media: the part of the library that needs no plan.

A verb that only looks is as fast as this module is read: what its functions need more than that, they import.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from offlinedl import absent, clock, expiry, sources
from offlinedl.api.events import watched
from offlinedl.api.home import Home, Network
from offlinedl.api.titles import OfflineTitle, seen
from offlinedl.errors import NotFoundError, OfflinedlError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from offlinedl.actions.play import Playback, Telling
    from offlinedl.added import AddedSource, Offer
    from offlinedl.api.details import TitleDetails
    from offlinedl.api.events import Watcher
    from offlinedl.api.local import LocalMedia
    from offlinedl.api.requests import Access
    from offlinedl.api.verdicts import Verdict
    from offlinedl.library import Library as Inside
    from offlinedl.license import Licensing
    from offlinedl.model import Decision, Entry
    from offlinedl.rate import Bucket


class Holdings:
    """The titles of one home: see api/library.py, which is this and what it downloads."""

    def __init__(self, home: Home, inside: Inside, network: Network, session: Licensing | None = None) -> None:
        self._home = home
        self._inside = inside
        self._network = network
        self._shared = session
        self._said = None if session is None else sources.Said()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Self]:
        """This library, with one session for all that is done by it in the block, so that connections are used again,
        and a source is not read anew for each title that is queued. It is for titles one after the other: of two at
        once, an origin that they have in common is told what the later one is asked with (Access)."""
        async with self._licensing() as licensing:
            yield type(self)(self._home, self._inside, self._network, licensing)

    def titles(self, *, until: datetime | None = None) -> tuple[OfflineTitle, ...]:
        """Every title as it stands now, by series, season, episode and name; of a moment that is to come, those that
        still play then. UsageError where it is over."""
        now = self._inside.time()
        titles = tuple(seen(entry, now, end) for entry, end in self._inside.standing())
        if until is None:
            return titles
        self._check_to_come(until)
        return tuple(title for title in titles if title.plays_at(until))

    def title(self, ref: str) -> OfflineTitle:
        """One title as it stands now. NotFoundError where the library does not have it."""
        return self._seen(self._entry(ref))

    def waiting(self) -> tuple[OfflineTitle, ...]:
        """The titles whose downloads were paused or not begun, those of the highest priority first."""
        return tuple(map(self._seen, self._inside.waiting()))

    def details(self, ref: str) -> TitleDetails:
        """All that is known of a title: its files, what its license states, its history."""
        from offlinedl.api.details import details

        return details(self._entry(ref), self._inside)

    def clock_fault(self) -> str:
        """Why the time is not known, and titles with a clock are CLOCK_SUSPECT: what the machine's clock is, in words;
        "" where nothing of that is so."""
        reading = self._inside.time.reading()
        return clock.words(reading) if reading.is_suspect else ""

    def mark(self, ref: str, decision: Decision) -> OfflineTitle:
        """Decide about a title: watched or not, to be kept or not, where it goes on, when it may go. UsageError where
        it is not as long as that."""
        from offlinedl.actions.mark import mark

        return self._seen(mark(self._entry(ref), decision, self._inside))

    def mark_offered(self, ref: str, *, watched: bool) -> str:
        """A title that is not here, but offered, was watched elsewhere, or was not: the next ones come after it.
        Returns its id. NotFoundError where no source offers it."""
        from offlinedl.actions.mark import mark_offered

        return mark_offered(ref, watched, self._inside)

    async def pause(self, ref: str) -> OfflineTitle:
        """Stop a download, also one that another process runs. What is done is kept; `resume` goes on. UsageError where
        there is nothing to stop, BusyError where who is at it does not stop."""
        from offlinedl.actions.pause import pause

        return self._seen(await pause(sources.title_id(ref), self._inside))

    def offers(self, name: str) -> tuple[Offer, ...]:
        """What a source offered when it was read last, also without a network. NotFoundError where there is none of
        this name."""
        return tuple(self._inside.catalog.offers.of_source(self._source(name).name))

    async def remove(self, ref: str, *, tells: bool = True) -> int:
        """Free every byte of a title and destroy its keys. The bytes freed. Its servers hear of it if they answer
        within three seconds, else from the next `sync`. Who removes several `tells` them of all together: see
        `release`."""
        from offlinedl.actions.remove import remove

        entry = self._entry(ref)
        freed = await remove(entry, self._inside)
        if tells:
            await self.release(entry.id)
        return freed

    def missed(self) -> tuple[str, ...]:
        """The ids of titles that `sync` got in vain, and of which nothing is here: they are none of the library's."""
        return tuple(absent.all_failed(self._inside.catalog))

    def dismiss(self, ref: str, *, dry_run: bool = False) -> str | None:
        """Have `sync` leave a title that it got in vain, and that is not here, until it is asked for again. Its id;
        None where there is none."""
        known = absent.failed(ref, self._inside.catalog)
        if known is not None and not dry_run:
            absent.dismiss(known[0], self._inside)
        return known and known[0].id

    async def release(self, *title_ids: str) -> tuple[str, ...]:
        """Tell the servers of titles that were removed, all within three seconds. Returns the ids of those whose server
        has not heard of it: the next `sync` tells it."""
        from offlinedl.actions.release import SHORT, owed, release, title_of

        owing = owed(self._inside, title_ids)
        if not owing:
            return ()
        try:
            async with self._licensing() as licensing:
                told = await release(owing, self._inside, licensing, SHORT)
        except OfflinedlError:  # of the settings: they are for whoever asks something of the network
            return tuple(dict.fromkeys(map(title_of, owing)))
        return tuple(dict.fromkeys(one.title_id for one in told if one.error))

    # does it still hold, and may it leave

    async def check(self, ref: str, *, tidies: bool = False, progress: Watcher | None = None) -> Verdict:
        """Read every file of a title and try its license again. What does not hold is told in the verdict, and a READY
        title of which it is told is FAILED. Who `tidies` deletes what lies among its files and belongs to nothing."""
        from offlinedl.api import verdicts

        entry = self._entry(ref)
        with watched(entry.id, progress) as watch:
            async with self._licensing() as licensing:
                return await verdicts.checked(entry, self._inside, licensing, watch, tidies=tidies)

    async def repair(
        self, verdict: Verdict, *, access: Access | None = None, progress: Watcher | None = None
    ) -> Verdict:
        """Fetch what a check found to be damaged, or the license alone, and prove the title again. What is over stays
        so. Why it is not repaired is told in the verdict."""
        from offlinedl.actions.check import repair
        from offlinedl.api import verdicts
        from offlinedl.api.plans import request
        from offlinedl.api.requests import order

        title_id = verdict.title.id
        asked = order(request(title_id, access=access), self._home)
        with watched(title_id, progress) as watch:
            async with self._licensing() as licensing:
                return verdicts.verdict(
                    await repair(verdict.found, asked, self._inside, licensing, watch), self._inside
                )

    def strays(self, *, deletes: bool = False) -> dict[str, bool]:
        """What lies beside the titles' folders and belongs to none, by name, and whether it was deleted."""
        from offlinedl.actions.litter import strays, sweep

        return {name: deletes and sweep(name, self._inside) for name in strays(self._inside)}

    async def export(
        self, ref: str, path: Path | str, *, replaces: bool = False, progress: Watcher | None = None
    ) -> int:
        """Write a title to one file for any player, .mkv or .mp4 by its name, without loss. Its bytes. RefusedError
        where its rights do not allow that. Who is cancelled leaves nothing of it; a file that is there stays, unless
        this one `replaces` it."""
        from offlinedl.actions.export import export

        entry = self._entry(ref)
        with watched(entry.id, progress) as watch:
            return await export(entry, self._inside, Path(path), watch, replaces=replaces)

    @asynccontextmanager
    async def open_local(self, ref: str) -> AsyncIterator[LocalMedia]:
        """A title to be played while the block runs, with no network. RefusedError where it is expired or not ready,
        DamagedError where files or the license are lost, UnsupportedError where only an adapter opens its media. The
        first media that a player asks for starts the playback window, durably, before any of it is sent."""
        from offlinedl.api.local import local

        async with self._licensing() as licensing, local(self._entry(ref), self._inside, licensing) as media:
            yield media

    async def play(self, ref: str, playback: Playback, telling: Telling) -> None:
        """Play a title in a player of this machine, which is stopped when its time is over (RefusedError). Returns when
        the player has ended. Cancel the task to stop it. Where it stopped is kept."""
        from offlinedl.actions import play

        wished, program = play.choose(playback, self._home.settings().player)
        entry = self._entry(ref)
        play.check_languages(entry, wished)
        async with self._licensing() as licensing:
            await play.play(entry, wished, self._inside, licensing, telling, program=program)

    def _check_to_come(self, moment: datetime) -> None:
        if moment <= self._inside.time():
            raise UsageError(f"{expiry.named(moment)} is over", "say a day or a moment that is to come")

    def _source(self, name: str) -> AddedSource:
        source = self._inside.catalog.offers.source(name)
        if source is None:
            raise NotFoundError(f"{name}: no such source", "add_source adds one")
        return source

    @cached_property
    def _bucket(self) -> Bucket | None:
        """Downloads that run at once share their rate."""
        return self._home.bucket(self._network)

    @asynccontextmanager
    async def _licensing(self) -> AsyncIterator[Licensing]:
        """A session of its own for each piece of work: what one title's origin is told in confidence, no other is."""
        if self._shared is not None:
            yield self._shared
            return
        async with self._home.licensing(self._network, self._bucket) as licensing:
            yield licensing

    def _entry(self, ref: str) -> Entry:
        return absent.find(sources.title_id(ref), self._inside)

    def _seen(self, entry: Entry) -> OfflineTitle:
        return seen(entry, self._inside.time())
