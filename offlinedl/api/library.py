"""The library that applications see, and the command line too. Inside it is the one of offlinedl/library.py, which
keeps the order of writes.

A verb that only looks is as fast as this module is read: what its functions need more than that, they import.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from offlinedl import endings, sources
from offlinedl.api.events import watched
from offlinedl.api.holdings import Holdings
from offlinedl.api.home import Home, Network

if TYPE_CHECKING:
    from datetime import datetime

    from offlinedl.actions.get import Order
    from offlinedl.actions.sync import Step
    from offlinedl.added import Offer
    from offlinedl.api.events import Watcher
    from offlinedl.api.plans import DownloadPlan, Queued, Reference
    from offlinedl.api.requests import Access, Languages, Request
    from offlinedl.api.titles import OfflineTitle
    from offlinedl.config import Settings
    from offlinedl.progress import Progress
    from offlinedl.series import Run
    from offlinedl.vault import LicenseStore

T = TypeVar("T")


class Library(Holdings):
    """The offline titles of one home. Open it with `async with Library.open(...)`, and use it in that event loop alone.

    A title is named by its manifest's URL, by "source:id", or, where only one title of the library bears it, by its id
    or name alone. Whatever goes wrong is raised as an OfflinedlError: `message`, `hint`, and a `code` for programs. Any
    number of its coroutines may run at once; what two of them ask of one title is refused to the second (BusyError), as
    it is where another process works on that title. The command line may work in the same home meanwhile; it
    does not have the licenses of a `license_store`.
    """

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        home: Path | str | None = None,
        *,
        license_store: LicenseStore | None = None,
        settings: Settings | None = None,
        network: Network = Network(),  # noqa: B008 - a value
    ) -> AsyncIterator[Self]:
        """The library in the folder `home`, which is made where there is none; without one that of the command line:
        OFFLINEDL_HOME, or the platform's folders. `license_store` keeps the licenses, always the same one for a home;
        without one they are sealed in a vault there. `settings` stand for its `config.toml`, `network` for what they
        say of that.

        Licenses that are over are destroyed now. End what uses the library before the block ends.
        """
        place = Home.at(None if home is None else Path(home), settings, license_store)
        with place.library(place.space()) as inside:
            library = cls(place, inside, network)
            library._bucket  # noqa: B018 - a rate that means nothing is said now
            yield library

    # where titles come from

    async def add_source(self, name: str, url: str, *, kind: str | None = None) -> tuple[Offer, ...]:
        """Add a source: its titles are called "name:id" from now on. `url` is its address, or a path; its content tells
        its kind (a feed of docs/feed.schema.json, RSS, ...) where `kind` does not. Returns what it offers."""
        from offlinedl.sources import refresh
        from offlinedl.sources.kinds import place

        sources.check_name(name)
        async with self._licensing() as licensing:
            await refresh.add(name, place(url), kind, self._inside.catalog, licensing.engine, clock=self._inside.time)
        return self.offers(name)

    async def refresh(self, name: str) -> tuple[Offer, ...]:
        """Read a source again. Returns what it offers now."""
        from offlinedl.sources import refresh

        async with self._licensing() as licensing:
            await refresh.refresh(self._source(name), self._inside.catalog, licensing.engine, self._inside.time)
        return self.offers(name)

    # downloads

    async def prepare(
        self,
        ref: Reference,
        *,
        quality: str | None = None,
        audio: Languages = None,
        subtitles: Languages = None,
        access: Access | None = None,
        everything: bool = False,
    ) -> DownloadPlan:
        """What `download` would fetch, which takes the plan in the place of `ref`. Manifests are read, of renditions
        that are not chosen only where `everything` is wanted; nothing is written, no license is asked for. `quality`
        and languages are as Request and Languages have them."""
        from offlinedl.actions.get import look
        from offlinedl.actions.prepare import all_renditions
        from offlinedl.api.plans import planned, request
        from offlinedl.api.requests import order

        asked = request(ref, quality, audio, subtitles, access)
        async with self._licensing() as licensing:
            seen = await look(order(asked, self._home), self._inside, licensing)
            offered = await all_renditions(seen, licensing.engine) if everything else None
        return planned(asked, seen, self._inside.store.free_bytes(), offered)

    async def measure(self, ref: Reference) -> DownloadPlan:
        """The plan of a title at its best quality, for `fit`. UnsupportedError where its manifest does not tell how
        large that is."""
        from offlinedl.actions.fit import measure
        from offlinedl.api.plans import planned, request
        from offlinedl.api.requests import order

        asked = request(ref)
        async with self._licensing() as licensing:
            seen = await measure(order(asked, self._home), self._inside, licensing)
        return planned(asked, seen, self._inside.store.free_bytes())

    def fit(self, measured: Sequence[DownloadPlan], size: int) -> str:
        """The highest quality at which titles that were measured fit into so many bytes together, the same for each.
        StorageError where they do not by any."""
        from offlinedl.actions.fit import fit
        from offlinedl.choose import written

        preferences = self._home.preferences(hdr=any(plan.request.hdr for plan in measured))
        return written(fit([plan.seen for plan in measured], size, preferences))

    async def queue(self, ref: Reference, *, progress: Watcher | None = None) -> Queued:
        """Write down that a title is to be downloaded, for `download` to begin with in its turn, and for `resume` and
        `sync` if that does not come. One that is READY stays so until then."""
        from offlinedl.actions.get import queue
        from offlinedl.api.plans import Queued, request
        from offlinedl.api.requests import order

        asked = request(ref)
        wanted = replace(order(asked, self._home), brought=False)
        with watched(asked.ref, progress) as watch:
            async with self._licensing() as licensing:
                work = partial(queue, wanted, self._inside, licensing, self._said)
                return Queued(request=asked, priority=await self._alone(work, asked, watch))

    async def download(
        self,
        ref: Reference,
        *,
        quality: str | None = None,
        audio: Languages = None,
        subtitles: Languages = None,
        access: Access | None = None,
        progress: Watcher | None = None,
    ) -> OfflineTitle:
        """Bring a title to READY, from wherever it stands: license, media, proof. A plan is looked at anew, for
        addresses and rights age. `progress` is called in the event loop, and should be quick.

        Cancel the task to stop it: the title is PAUSED, what is done is kept, and the next `download` goes on from
        there. RefusedError where the license or the service refuses, NetworkError where a server stays away after all
        retries, StorageError where there is no space, DamagedError and UnsupportedError where it can never play, and
        PausedError where another process asked for a pause.
        """
        from offlinedl.api.plans import Queued, request
        from offlinedl.api.requests import order

        asked = request(ref, quality, audio, subtitles, access)
        wanted = replace(order(asked, self._home), brought=False, queued=isinstance(ref, Queued))
        return await self._got(wanted, asked, progress)

    async def resume(self, ref: str, *, access: Access | None = None, progress: Watcher | None = None) -> OfflineTitle:
        """As `download`, of a title that the library has: it goes on as it was asked for. `waiting` are those that
        were paused, or never begun."""
        from offlinedl.api.plans import request
        from offlinedl.api.requests import order

        self._entry(ref)
        asked = request(ref, access=access)
        return await self._got(order(asked, self._home), asked, progress)

    async def _got(self, wanted: Order, asked: Request, progress: Watcher | None) -> OfflineTitle:
        from offlinedl.actions.get import get

        with watched(asked.ref, progress) as watch:
            async with self._licensing() as licensing:
                work = partial(get, wanted, self._inside, licensing, watch)
                return self._seen(await self._alone(work, asked, watch))

    async def _alone(self, work: Callable[[], Awaitable[T]], asked: Request, watch: Progress) -> T:
        from offlinedl.actions.join import joined
        from offlinedl.aside import alone

        return await alone(joined(work, asked.ref, self._inside, watch) if asked.joins else work())

    async def register(
        self,
        ref: Reference,
        path: Path | str,
        *,
        access: Access | None = None,
        fetch_missing: bool = False,
        progress: Watcher | None = None,
    ) -> OfflineTitle:
        """As `download`, with media that another tool downloaded to `path` (a file, or a folder): copied from there,
        licensed, proven. Tracks are those that are there, where nothing was said of them. NotFoundError where segments
        are missing, unless `fetch_missing`; DamagedError where the media are not what the title's origin has."""
        from offlinedl.actions.register import register
        from offlinedl.api.plans import request
        from offlinedl.api.requests import order
        from offlinedl.aside import alone

        asked = order(replace(request(ref, access=access), hdr=True), self._home)
        with watched(asked.ref, progress) as watch:
            async with self._licensing() as licensing:
                work = register(asked, Path(path), self._inside, licensing, watch, fetch_missing=fetch_missing)
                return self._seen(await alone(work))

    async def renew(self, ref: str, *, access: Access | None = None, progress: Watcher | None = None) -> OfflineTitle:
        """A new license in the place of one that lasts, or of one that is over; media are not fetched again. The old
        one serves until the new one is proven. RefusedError where it is not to be renewed."""
        from offlinedl.actions.renew import renew
        from offlinedl.api.plans import request
        from offlinedl.api.requests import order
        from offlinedl.aside import alone

        asked = order(request(self._entry(ref).id, access=access), self._home)
        with watched(asked.ref, progress) as watch:
            async with self._licensing() as licensing:
                return self._seen(await alone(renew(asked, self._inside, licensing, watch)))

    async def sync(
        self,
        *,
        dry_run: bool = False,
        until: datetime | None = None,
        between: str | None = None,
        tell: Callable[[Step], None] | None = None,
    ) -> tuple[Step, ...]:
        """What is to be done now and then, as by a timer: sources are read, licenses that end soon are renewed, those
        that are over destroyed, servers told of what was removed, and what is next of the series that are followed is
        fetched, `between` these hours ("01:00-06:00") and as the settings allow it. What is here is to play `until`
        then. Each step with its reason and result, also those that failed; with `dry_run` those that would be made.
        `tell` hears of each when it is done."""
        from offlinedl.actions.sync import Pass, sync
        from offlinedl.api.requests import Request, order
        from offlinedl.aside import alone

        if until is not None:
            self._check_to_come(until)
        if not dry_run:
            endings.heed_again(self._inside)
        gate = self._home.gate(self._inside, between)
        async with self._licensing() as licensing, gate.watched():
            with watched("", None) as watch:
                work = Pass(
                    library=self._inside,
                    licensing=replace(licensing, engine=replace(licensing.engine, hinders=gate.hindrance)),
                    progress=watch,
                    tell=tell or _nobody,
                    dry_run=dry_run,
                    order=order(Request(ref=""), self._home),
                    until=until,
                    hinders=gate.hindrance,
                    fault=gate.fault,
                )
                return await alone(sync(work))

    def runs(self) -> tuple[Run, ...]:
        """What the last passes of `sync` did, also those of the command line, the newest first."""
        return tuple(self._inside.catalog.runs.last())


def _nobody(step: Step) -> None:
    """Who does not listen."""
