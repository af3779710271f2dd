"""A download under its lock: heads, license, media, proof, ready, from wherever the last run left it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from offlinedl import clock, expiry, verify
from offlinedl.aside import aside
from offlinedl.engine import Engine
from offlinedl.engine.attempt import ChangedError
from offlinedl.errors import (
    DamagedError,
    OfflinedlError,
    OtherTitleError,
    PausedError,
    RefusedError,
    StorageError,
    UnsupportedError,
)
from offlinedl.intake import held
from offlinedl.library import Library
from offlinedl.license import SYSTEMS, heads, proof, server_for
from offlinedl.license.heads import Identity
from offlinedl.license.need import Need
from offlinedl.model import ContentKey, Entry, License
from offlinedl.plan import of_one_file, readdressed
from offlinedl.progress import Progress
from offlinedl.signatures import may_expire
from offlinedl.store import checksum
from offlinedl.streams import Fetch, Plan

_STEPS_SECONDS = 0.1
_LAST_WORD_SECONDS = 0.8
"""How long a license request that is under way is waited for when the person wants to stop."""


@dataclass(slots=True, kw_only=True)
class Download:
    """Brings the title of `entry` to `ready`. `resolve` reads its manifest again, and plans the tracks of these
    ids."""

    entry: Entry
    library: Library
    engine: Engine
    progress: Progress
    resolve: Callable[[tuple[str, ...]], Awaitable[Plan]]
    _formed: set[Identity] = field(default_factory=set, init=False)

    async def run(self) -> Entry:
        """To the end, and write down how that was. The title as it is then."""
        try:
            ready, gaps = await self._ready()
        except asyncio.CancelledError:
            with suppress(OfflinedlError):  # a title without a process is paused, whatever its row says
                self.library.pause(self.entry)
            raise
        except (StorageError, PausedError):
            self.library.pause(self.entry)
            raise
        except OfflinedlError as error:
            self.library.fail(self.entry, error)
            raise
        lacking = f", without {gaps} segments that the service does not have" if gaps else ""
        self.progress.end(f"{ready.name}: ready{lacking}. {expiry.message(ready.license, clock.now())}")
        return ready

    async def beside(self, plan: Plan) -> None:
        """Fetch what `plan` wants beyond what the title has, while that stays ready: where it fails, the person still
        has what there was. What came of it before is believed where it is sound."""
        there = {f.content for f in self.library.plan(self.entry.id).fetches}
        fresh = [f for f in plan.fetches if f.content not in there]
        sound = await held(self.library.store, self.entry, fresh)
        missing = [f for f in fresh if f.identity not in sound]
        self.library.check_space(missing)
        begin(self.progress, self.entry.name, missing)
        self.progress.step("media")
        await self._fetch(plan, missing, planned=False)

    async def _ready(self) -> tuple[Entry, int]:
        """The title, ready, and the number of segments that are nowhere to be had."""
        plan = await self.library.start(self.entry)
        self.library.check_space(plan.fetches)
        begin(self.progress, self.entry.name, plan.fetches)
        there = {f.identity for f in plan.fetches if f.size is not None}
        plan, need = await self._needed(plan, there)
        try:
            keys = await self._licensed(need)
        except RefusedError:
            if not any(may_expire(key.uri) for key in plan.keys):
                raise
            plan = await self._renewed(plan)  # addresses of keys are signed, too, and may be of yesterday
            need = heads.need(plan, self.library.reading(self.entry), there)
            keys = await self._licensed(need)
        self.progress.step("media")
        await self._fetch(plan, [f for f in plan.fetches if f.identity not in there])
        self.progress.step("proof" if keys else "check")
        gaps = len(plan.gaps)
        del plan  # what is on the disk is what the proof is about, and both are as large as the title is long
        try:
            await self._proven(keys)
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
            plan = await self._renewed(plan, planned=planned)
            return plan

        try:
            async with self.library.intake(self.entry, planned=planned) as intake:
                await self.engine.run(plan, fetches, intake, self.progress, renew)
            self._formed |= intake.formed
        except ChangedError as error:
            self.library.damaged(self.entry, of_one_file(plan, error.identity))
            raise
        return plan

    async def _renewed(self, plan: Plan, *, planned: bool = True) -> Plan:
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
                answer = await self.engine.get(sample.url, sample.range)
                if checksum(answer.body) != there[sample.identity].checksum:
                    raise OtherTitleError("a segment is not what it was")
        if planned:
            self.library.readdress(self.entry, plan)
        return plan

    async def _licensed(self, need: Need) -> Mapping[bytes, bytes]:
        """The keys of the title's license: of the one that is held while it serves, else of one that is asked for
        now."""
        if not need.kids:
            if expiry.is_over(self.entry.license, clock.now()):
                self.library.drop_license(self.entry, "windows over")
            return {}
        self.library.protected(self.entry)
        held = self.library.licenses.held(self.entry)
        if held is not None:
            license, keys = held
            self.entry = replace(self.entry, license=license)
            if set(need.kids) <= {key.kid for key in keys} and not expiry.is_over(license, clock.now()):
                return {key.kid: key.key for key in keys}
        if held is not None or self.entry.license is not None:
            self.entry = self.library.drop_license(self.entry, "license no longer served")
        self.progress.step("license")
        asking = asyncio.ensure_future(self._acquire(need))
        try:
            keys = await asyncio.shield(asking)
        except asyncio.CancelledError:
            # The server has heard: what it grants is kept, or the next run would have to ask again.
            await asyncio.wait({asking}, timeout=_LAST_WORD_SECONDS)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            raise
        return {key.kid: key.key for key in keys}

    async def _acquire(self, need: Need) -> tuple[ContentKey, ...]:
        entry, licenses = self.entry, self.library.licenses
        server = licenses.server(entry) or server_for((), (), need.keys.values())
        now = clock.now()
        grant = await SYSTEMS[server.system].acquire(self.engine.http, server, need, now)
        license = License(
            id=entry.license_slot,
            system=server.system,
            kids=need.kids,
            issued_at=now,
            windows=expiry.narrowed(grant.windows, entry.rights.storage_seconds, entry.rights.playback_seconds),
            renewable=grant.renewable,
            renewal_url=grant.renewal_url,
        )
        licenses.keep(entry, license, grant.keys)
        self.entry = replace(entry, license=license)
        return grant.keys

    async def _proven(self, keys: Mapping[bytes, bytes]) -> None:
        """Every file is there, and the license opens them. A license that does not is destroyed: it would never serve;
        a file that is damaged is fetched again by the next run."""
        entry, library = self.entry, self.library
        plan = library.plan(entry.id)
        torn = [*verify.absent(plan.fetches, library.size(entry)), *(f for f in plan.fetches if f.size is None)]
        if torn:
            library.damaged(entry, torn)
            raise DamagedError(f"{entry.id}: {torn[0].path} is not there any more", "run it again: only it is fetched")
        unknown = tuple(f for f in plan.fetches if f.identity not in self._formed)  # of the others all was seen
        steps = proof.prove(replace(plan, fetches=unknown), library.reading(entry), keys)
        faults: list[proof.Fault] = []
        while (some := await aside(partial(_a_while, steps))) is not None:  # so that it may be cancelled
            faults += some
            library.heed_pause(entry)
        library.heed_pause(entry)
        if not faults:
            return
        first = next((fault for fault in faults if fault.wrong_key), faults[0])
        if first.wrong_key:
            library.drop_license(entry, "license did not open the media")
            raise DamagedError(
                f"the key for KID {first.kid.hex()} does not open {first.fetch.path}: {first.reason}",
                "the license server sent a wrong key: tell the service. The next run asks again, and keeps the media",
                code="license-wrong-key",
            )
        library.damaged(entry, [fault.fetch for fault in faults])
        raise DamagedError(f"{first.fetch.path} is damaged: {first.reason}", "run it again: only that is fetched")


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


def _a_while(steps: Iterator[proof.Fault | None]) -> list[proof.Fault] | None:
    """The faults that the next steps find, None when there are no more steps."""
    until = time.monotonic() + _STEPS_SECONDS
    found: list[proof.Fault] = []
    for step in steps:
        found += [step] if step else []
        if time.monotonic() > until:
            return found
    return found or None
