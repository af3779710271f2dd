"""The library that applications see, and the command line too. Inside it is the one of offlinedl/library.py, which
keeps the order of writes.

A verb that only looks is as fast as this module is read: what its functions need more than that, they import.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from offlinedl import endings, sources
from offlinedl.api.events import watched
from offlinedl.api.holdings import Holdings
from offlinedl.api.home import Home, Network
from offlinedl.errors import shown

if TYPE_CHECKING:
    from offlinedl.actions.sync import Step
    from offlinedl.added import Offer
    from offlinedl.api.events import Watcher
    from offlinedl.api.plans import DownloadPlan
    from offlinedl.api.requests import Access, Languages
    from offlinedl.api.titles import OfflineTitle
    from offlinedl.config import Settings
    from offlinedl.vault import LicenseStore


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
        ref: str,
        *,
        quality: str | None = None,
        audio: Languages = None,
        subtitles: Languages = None,
        access: Access | None = None,
    ) -> DownloadPlan:
        """What `download` would fetch, which takes the plan in the place of `ref`. Manifests are read; nothing is
        written, no license is asked for. `quality` and languages are as Request and Languages have them."""
        from offlinedl.actions.get import look
        from offlinedl.api.plans import planned, request
        from offlinedl.api.requests import order

        asked = request(ref, quality, audio, subtitles, access)
        async with self._licensing() as licensing:
            prepared = await look(order(asked, self._home), self._inside, licensing)
        return planned(asked, prepared, prepared.offered, self._inside.store.free_bytes())

    async def download(
        self,
        ref: str | DownloadPlan,
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
        from offlinedl.actions.get import get
        from offlinedl.api.plans import request
        from offlinedl.api.requests import order
        from offlinedl.aside import alone

        asked = request(ref, quality, audio, subtitles, access)
        with watched(_title(asked.ref), progress) as watch:
            async with self._licensing() as licensing:
                return self._seen(await alone(get(order(asked, self._home), self._inside, licensing, watch)))

    async def register(
        self,
        ref: str | DownloadPlan,
        path: Path | str,
        *,
        access: Access | None = None,
        fetch_missing: bool = False,
        progress: Watcher | None = None,
    ) -> OfflineTitle:
        """As `download`, with media that another tool downloaded to `path` (a file, or a folder): copied from there,
        licensed, proven. Tracks are those that are there, where a plan does not say which. NotFoundError where segments
        are missing, unless `fetch_missing`; DamagedError where the media are not what the title's origin has."""
        from offlinedl.actions.register import register
        from offlinedl.api.plans import request
        from offlinedl.api.requests import order
        from offlinedl.aside import alone

        asked = order(request(ref, None, None, None, access), self._home)
        with watched(_title(asked.ref), progress) as watch:
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

        asked = order(request(self._entry(ref).id, None, None, None, access), self._home)
        with watched(asked.ref, progress) as watch:
            async with self._licensing() as licensing:
                return self._seen(await alone(renew(asked, self._inside, licensing, watch)))

    async def sync(self, *, dry_run: bool = False) -> tuple[Step, ...]:
        """What is to be done now and then, as by a timer: licenses that end soon are renewed, those that are over
        destroyed, servers told of what was removed. Each step with its reason and result, also those that failed; with
        `dry_run` those that would be made."""
        from offlinedl.actions.sync import Pass, sync
        from offlinedl.aside import alone

        steps: list[Step] = []
        if not dry_run:
            endings.heed(self._inside)
        async with self._licensing() as licensing:
            with watched("", None) as watch:
                tell = steps.append
                work = Pass(library=self._inside, licensing=licensing, progress=watch, tell=tell, dry_run=dry_run)
                await alone(sync(work))
        return tuple(steps)


def _title(ref: str) -> str:
    return shown(ref) if "://" in ref else ref
