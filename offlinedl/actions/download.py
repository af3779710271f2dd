"""A download under its lock: heads, license, media, proof, ready, from wherever the last run left it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from offlinedl import decoder, expiry, storage, verify
from offlinedl.actions import poster
from offlinedl.actions.acquire import MAY_SERVE_YET, acquire, another, loaded, serves
from offlinedl.actions.prove import TornFilesError, WrongKeyError, prove
from offlinedl.actions.trusted import settled
from offlinedl.engine.attempt import ChangedError
from offlinedl.errors import (
    DamagedError,
    NetworkError,
    OfflinedlError,
    OtherTitleError,
    PausedError,
    RefusedError,
    StorageError,
    UnsupportedError,
)
from offlinedl.intake import held
from offlinedl.library import Library
from offlinedl.license import Licensing, heads, proof
from offlinedl.license.heads import Identity
from offlinedl.license.need import Need
from offlinedl.model import Entry, Held
from offlinedl.plan import of_one_file, readdressed
from offlinedl.progress import Progress
from offlinedl.signatures import may_expire
from offlinedl.store import checksum
from offlinedl.streams import Fetch, Plan


@dataclass(slots=True, kw_only=True)
class Download:
    """Brings the title of `entry` to `ready`. `resolve` reads its manifest again, and plans the tracks of these
    ids. `remark` is added to what is said at the end. A plan that was `written` just now, for a title of which nothing
    was here, need not be read."""

    entry: Entry
    library: Library
    licensing: Licensing
    progress: Progress
    resolve: Callable[[tuple[str, ...]], Awaitable[Plan]]
    remark: str = ""
    written: Plan | None = None
    _formed: set[Identity] = field(default_factory=set, init=False)

    async def run(self) -> Entry:
        """To the end, and write down how that was. The title as it is then."""
        try:
            async with poster.beside(self.entry, self.library, self.licensing.engine.http):
                ready, gaps = await self._ready()
        except asyncio.CancelledError:
            with suppress(OfflinedlError):  # a title without a process is paused, whatever its row says
                self.library.pause(self.entry)
            raise
        except (StorageError, PausedError) as error:
            self.library.pause(self.entry, error)
            raise
        except OfflinedlError as error:
            self.library.fail(self.entry, error)
            raise
        with suppress(NetworkError):  # it is ready, whatever the time is
            ready = await settled(ready, self.library, self.licensing.engine.http)
        lacking = f", without {gaps} segments that the service does not have" if gaps else ""
        said = f"{ready.name}: ready{lacking}. {expiry.message(ready.license, self.library.time())}"
        self.progress.end(f"{said}{self.remark}", ready.name, ready.bytes_done)
        return ready

    async def beside(self, plan: Plan) -> None:
        """Fetch what `plan` wants beyond what the title has, while that stays ready: where it fails, the person still
        has what there was. What came of it before is believed where it is sound."""
        there = {f.content for f in self.library.plan(self.entry.id).fetches}
        fresh = [f for f in plan.fetches if f.content not in there]
        sound = await held(self.library.store, self.entry, fresh)
        missing = [f for f in fresh if f.identity not in sound]
        storage.check(self.entry, missing, self.library)
        begin(self.progress, self.entry.name, missing)
        self.progress.step("media")
        await self._fetch(plan, missing, planned=False)

    async def _ready(self) -> tuple[Entry, int]:
        """The title, ready, and the number of segments that are nowhere to be had."""
        plan, self.written = await self.library.start(self.entry, self.written), None
        storage.check(self.entry, plan.fetches, self.library)
        begin(self.progress, self.entry.name, plan.fetches)
        there = {f.identity for f in plan.fetches if f.size is not None}
        plan, need = await self._needed(plan, there)
        media = [f for f in plan.fetches if f.identity not in there]
        storage.check(self.entry, media, self.library)  # what heads have is known only now: nobody estimates them
        try:
            license = await self._licensed(need)
        except RefusedError:
            if not any(may_expire(key.uri) for key in plan.keys):
                raise
            plan = await self.readdressed(plan)  # addresses of keys are signed, too, and may be of yesterday
            need = heads.need(plan, self.library.reading(self.entry), there)
            license = await self._licensed(need)
        gaps = len(plan.gaps)
        with decoder.running():
            if missing := [f for f in plan.fetches if f.identity not in there]:
                self.progress.step("media")
                await self._fetch(plan, missing)
            self.progress.step("proof" if license else "check")
            del plan  # what is on the disk is what the proof is about, and both are as large as the title is long
            try:
                await self._proven(license)
            except proof.UnlicensedError as more:  # keys that rotate: only now all of them are known
                await self._proven(await self._licensed(need | more.need))
        return await self.library.ready(self.entry), gaps

    async def _needed(self, plan: Plan, there: set[Identity]) -> tuple[Plan, Need]:
        """Fetch what says which license is needed: heads, and segments where these name no KID. `there` grows."""
        read = self.library.reading(self.entry)
        more = [f for f in plan.heads if f.identity not in there]
        try:
            while True:
                plan = await self._fetch(plan, more)
                there |= {f.identity for f in more}
                more = heads.unnamed(plan, read, there)
                if not more:
                    return plan, heads.need(plan, read, there)
        except heads.TornError as error:
            self.library.damaged(self.entry, [error.fetch])
            raise

    async def _fetch(self, plan: Plan, fetches: Iterable[Fetch], *, planned: bool = True) -> Plan:
        """Fetch those of the plan, which is stored where it is `planned`. Returns it with the addresses that served."""

        async def renew() -> Plan:
            nonlocal plan
            plan = await self.readdressed(plan, planned=planned)
            return plan

        try:
            async with self.library.intake(self.entry, planned=planned) as intake:
                await self.licensing.engine.run(plan, fetches, intake, self.progress, renew)
            self._formed |= intake.formed
        except ChangedError as error:
            self.library.damaged(self.entry, of_one_file(plan, error.identity))
            raise
        return plan

    async def readdressed(self, plan: Plan, *, planned: bool = True) -> Plan:
        """`plan` with addresses that are signed anew. Where more of them is new than that, a file that is there is
        fetched once more: it must be the same."""
        try:
            fresh = await self.resolve(tuple(track.id for track in plan.tracks))
        except UnsupportedError as error:  # it was none that is supported, when the download began
            raise OtherTitleError(error.message) from error
        plan, moved = readdressed(plan, fresh)
        if moved:
            there = {f.identity: f for f in self.library.plan(self.entry.id).fetches if f.checksum is not None}
            sample = next((f for f in plan.fetches if f.identity in there), None)
            if sample is not None:
                answer = await self.licensing.engine.get(sample.url, sample.range)
                if checksum(answer.body) != there[sample.identity].checksum:
                    raise OtherTitleError("a segment is not what it was")
        if planned:
            self.library.readdress(self.entry, plan)
        return plan

    async def _licensed(self, need: Need) -> Held | None:
        """What is to open the media: the title's license while that serves, else one that was granted to take its
        place, else one that is asked for now."""
        if not need.kids:
            if expiry.is_over(self.entry.license, self.library.time()):
                self.library.drop_license(self.entry, "windows over")
            return None
        self.library.protected(self.entry)
        licenses, now = self.library.licenses, self.library.time()
        held, offered = licenses.held(self.entry), licenses.offered(self.entry)
        self.entry = replace(self.entry, license=held.license if held else self.entry.license)
        if held is not None and serves(held.license, need, now):
            return held
        if offered is not None and serves(expiry.renewed(self.entry.license, offered.license), need, now):
            return offered
        return await self._acquire(need, held)

    async def _acquire(self, need: Need, held: Held | None) -> Held | None:
        """Ask for a license. The one that is `held` is given up only for another that is proven, also where it is over:
        the clock may be ahead. One that was lost leaves its first play to the other."""
        self.progress.step("license")
        license = self.entry.license
        if held is not None or expiry.counts_on(license, self.library.time()):
            return await another(self.entry, self.library, self.licensing, need)
        if license is not None:
            why = "license no longer served" if license.destroyed_at else "license could not be read"
            self.entry = self.library.drop_license(self.entry, why)
        self.entry = await acquire(self.entry, self.library, self.licensing, need)
        return self.library.licenses.held(self.entry)

    async def _proven(self, license: Held | None) -> None:
        """Every file is there, and the license opens them. A license that does not is destroyed: it would never serve;
        a file that is damaged is fetched again by the next run."""
        entry, library = self.entry, self.library
        plan = library.plan(entry.id)
        torn = [*verify.absent(plan.fetches, library.size(entry)), *(f for f in plan.fetches if f.size is None)]
        if torn:
            library.damaged(entry, torn)
            raise DamagedError(f"{entry.id}: {torn[0].path} is not there any more", "run it again: only it is fetched")
        try:
            await prove(plan, library, entry, license, self._formed)
        except WrongKeyError:
            self._destroy(license, "license did not open the media")
            raise
        except TornFilesError as error:
            library.damaged(entry, error.fetches)
            raise
        await self._loaded(license)

    async def _loaded(self, license: Held | None) -> None:
        """The proof of a license that an adapter has: it opens anew. One that does not is destroyed; one whose keys
        cannot be used at the moment, or whose adapter fails, may serve another time."""
        if license is None:
            return
        try:
            proven = await loaded(self.entry, license, self.library, self.licensing)
        except (RefusedError, DamagedError) as error:
            if error.code not in MAY_SERVE_YET:
                self._destroy(license, f"license did not open: {error.message}")
            raise
        if self._is_offered(license):
            self._supersede(proven)
        elif proven.license.windows != license.license.windows:
            self.library.licenses.restate(self.entry, proven)

    def _supersede(self, proven: Held) -> None:
        """The new license takes the place of the old one. Where nobody tells the time, and by what was seen the old one
        is over, that goes first: what was seen may matter to no other license, and the new one begins now."""
        library, old = self.library, self.entry.license
        if not (library.time.reading().is_suspect and expiry.is_over(old, library.time())):
            self.entry = library.licenses.supersede(self.entry, proven, "licensed")
            return
        self.entry = library.drop_license(self.entry, "license no longer served")
        fresh = replace(proven.license, id=self.entry.license_slot, issued_at=library.time())
        library.licenses.keep(self.entry, replace(proven, license=fresh))

    def _destroy(self, license: Held | None, why: str) -> None:
        """Destroy a license that does not serve; not the one that it was to take the place of."""
        if self._is_offered(license):
            self.library.licenses.decline(self.entry)
        else:
            self.library.drop_license(self.entry, why)

    def _is_offered(self, license: Held | None) -> bool:
        return license is not None and license.license.id != self.entry.license_slot


def already_there(entry: Entry, library: Library, progress: Progress) -> None:
    """Tell who watches that the title was ready before."""
    said = f"{entry.name}: already there. {expiry.message(entry.license, library.time())}"
    progress.end(said, entry.name, entry.bytes_done)


def begin(progress: Progress, name: str, fetches: Iterable[Fetch]) -> None:
    """Tell who watches what is there of `fetches`, and what is to come."""
    bytes_done = total = 0
    seconds = seconds_done = 0.0
    for fetch in fetches:
        total += fetch.estimate if fetch.size is None else fetch.size
        seconds += fetch.duration
        if fetch.size is not None:
            bytes_done += fetch.size
            seconds_done += fetch.duration
    progress.begin(name, bytes_done, total, seconds_done / (seconds or 1.0))
