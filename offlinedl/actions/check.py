"""check: do the files of a title and its license still hold? What does not is named, and a ready title is demoted.

Nothing else is written. Files that are gone may come back (a disk that is mounted again), so what the catalog says of
them stays, and the next `get` or `repair` reads them anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Literal

from offlinedl import damage, expiry
from offlinedl.actions.acquire import MAY_SERVE_YET, loaded
from offlinedl.actions.get import Order, get
from offlinedl.actions.litter import orphans
from offlinedl.actions.prove import TornFilesError, WrongKeyError, prove
from offlinedl.aside import aside
from offlinedl.damage import Damage
from offlinedl.errors import DamagedError, OfflinedlError, RefusedError
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.license import Licensing, proof
from offlinedl.model import Entry, State
from offlinedl.progress import Progress
from offlinedl.store import Store
from offlinedl.streams import Fetch, Plan

_READERS = 4
_AT_ONCE = 16 * 2**20
"""Bytes that a thread reads before it tells of them. No file is in memory: they are read a mebibyte at a time."""

License = Literal["opens", "in the vault", "missing", "does not open", "expired"]
"""What is known of a license. Where a file is damaged, it is not tried what it opens: it is "in the vault"."""

_UNREPAIRED = "; not repaired: "
_WAITING = {State.QUEUED, State.PAUSED}


@frozen
class Verdict:
    """What was found of a title, as it stands then. `files` are those that it has, `damaged` those of them that do not
    hold, `orphans` the paths of what lies beside them and belongs to nothing. `error` says in sum what does not hold,
    None where all does; `repaired` that something did not, and does now, `tidied` that the orphans were deleted."""

    entry: Entry
    files: int = 0
    damaged: tuple[Damage, ...] = ()
    license: License | None = None
    orphans: tuple[str, ...] = ()
    tidied: bool = False
    error: OfflinedlError | None = None
    repaired: bool = False


async def check(entry: Entry, library: Library, licensing: Licensing, progress: Progress) -> Verdict:
    """What is true of a title. It is told in the verdict where it cannot be found out."""
    there = entry.folder in library.store.names()  # who locks a folder makes it
    try:
        with library.lock(entry.id) if there else nullcontext():
            entry = library.must(entry.id)
            if entry.state is State.REMOVING:
                return Verdict(entry=entry)
            return await _Examination(entry=entry, library=library, licensing=licensing, progress=progress).run()
    except OfflinedlError as error:
        return Verdict(entry=library.entry(entry.id) or entry, error=error)


async def repair(verdict: Verdict, order: Order, library: Library, licensing: Licensing, progress: Progress) -> Verdict:
    """Fetch what is damaged of a title, or the license alone, as `get` does it, and prove all of it again. What is over
    stays so: a new license is for the person to ask for. So is it when a title that waits goes on: what is damaged of
    it comes again then."""
    entry = verdict.entry
    if not is_repairable(verdict):
        return verdict
    try:
        if entry.state in _WAITING:
            return _dropped(verdict, library)
        if verdict.license == "does not open":
            with library.lock(entry.id):
                library.drop_license(entry, "license did not open the media")
        entry = await get(replace(order, ref=entry.id), library, licensing, progress)
    except OfflinedlError as error:
        return _unrepaired(verdict, error, library)
    files = sum(f.size is not None for f in library.plan(entry.id).fetches)
    opens: License | None = "opens" if entry.protected else None
    return replace(verdict, entry=entry, files=files, license=opens, error=None, repaired=True)


def _unrepaired(verdict: Verdict, error: OfflinedlError, library: Library) -> Verdict:
    """What was wrong is still in view, beside why it was not mended."""
    entry = library.entry(verdict.entry.id) or verdict.entry
    if verdict.error is not None and entry.state is State.FAILED:
        was = verdict.error.message.partition(_UNREPAIRED)[0]
        error.message = f"{was}{_UNREPAIRED}{error.message}"
        library.fail(entry, error)
        entry = library.must(entry.id)
    return replace(verdict, entry=entry, error=error)


def is_repairable(verdict: Verdict) -> bool:
    """Is something wrong that can be fetched? What another process holds is none of ours."""
    state, wrong = verdict.entry.state, isinstance(verdict.error, DamagedError)
    return wrong and state is not State.EXPIRED and not (state in _WAITING and verdict.license == "missing")


def _dropped(verdict: Verdict, library: Library) -> Verdict:
    paths = {damaged.path for damaged in verdict.damaged}
    with library.lock(verdict.entry.id):
        entry = library.must(verdict.entry.id)
        library.damaged(entry, [f for f in library.plan(entry.id).fetches if f.path in paths])
    entry = library.must(entry.id)
    return replace(verdict, entry=entry, files=verdict.files - len(paths), error=None, repaired=True)


@frozen
class _Examination:
    """Of a title that is locked."""

    entry: Entry
    library: Library
    licensing: Licensing
    progress: Progress

    async def run(self) -> Verdict:
        entry, plan = self.entry, self.library.plan(self.entry.id)
        claimed = [f for f in plan.fetches if f.size is not None]
        damaged = await self._read(plan, claimed)
        license: License | None
        error: OfflinedlError | None
        license, error = self._kept()
        is_whole = entry.state in damage.READY or (entry.state is State.FAILED and not entry.fetches_left)
        if is_whole and not (damaged or error):
            license, damaged, error = await self._tried(plan, license)
        error = error or (damage.summed(entry, damaged, len(claimed)) if damaged else self._failure())
        if error is not None and entry.state in damage.READY:
            self.library.fail(entry, error)
        return Verdict(
            entry=self.library.must(entry.id),
            files=len(claimed),
            damaged=tuple(damaged),
            license=license,
            orphans=tuple(orphans(entry, plan, self.library)),
            error=error,
        )

    async def _read(self, plan: Plan, claimed: list[Fetch]) -> list[Damage]:
        """Read every file once."""
        self.progress.begin(self.entry.name, 0, sum(f.size or 0 for f in claimed))
        self.progress.step("reading")
        waiting, found = _batches(claimed), dict[Fetch, str]()

        async def reader() -> None:
            for some in waiting:
                found.update(await aside(partial(_faults, self.library.store, self.entry, some)))
                self.progress.advance(sum(f.size or 0 for f in some))

        async with asyncio.TaskGroup() as readers:
            for _ in range(_READERS):
                readers.create_task(reader())
        return [damage.named(plan, f, found[f]) for f in claimed if f in found]

    def _kept(self) -> tuple[License | None, DamagedError | None]:
        """Is the license that the catalog names in the vault?"""
        license = self.entry.license
        if license is None or license.system is None:
            return None, None
        if expiry.is_over(license, self.library.time()):
            return "expired", None
        why = self.library.licenses.fault(self.entry)
        if not why:
            return "in the vault", None
        return "missing", DamagedError(f"the license {why}", damage.hint(self.entry), code="vault-damaged")

    async def _tried(
        self, plan: Plan, license: License | None
    ) -> tuple[License | None, list[Damage], OfflinedlError | None]:
        """Prove the title anew, as when it became ready."""
        self.progress.step("proof" if license else "check")
        held = self.library.licenses.sealed(self.entry) if license else None
        try:
            await prove(plan, self.library, self.entry, held)
            if held is not None:
                await loaded(self.entry, held, self.library, self.licensing)
        except TornFilesError as error:
            return license, [damage.named(plan, fault.fetch, fault.reason) for fault in error.faults], None
        except (WrongKeyError, proof.UnlicensedError, RefusedError, DamagedError) as error:
            if error.code in MAY_SERVE_YET | {"license-expired"}:
                raise
            return "does not open", [], DamagedError(error.message, damage.hint(self.entry), code=error.code)
        return ("opens" if license else None), [], None

    def _failure(self) -> DamagedError | None:
        """Why the title is none that plays, where it was to be one."""
        failed = self.entry.error
        if self.entry.state is not State.FAILED or failed is None:
            return None
        return DamagedError(failed.message, damage.hint(self.entry), code=failed.code)


def _batches(fetches: Iterable[Fetch]) -> Iterator[list[Fetch]]:
    some: list[Fetch] = []
    count = 0
    for fetch in fetches:
        some.append(fetch)
        count += fetch.size or 0
        if count >= _AT_ONCE:
            yield some
            some, count = [], 0
    if some:
        yield some


def _faults(store: Store, entry: Entry, fetches: list[Fetch]) -> dict[Fetch, str]:
    return {fetch: reason for fetch in fetches if (reason := damage.fault(store, entry.folder, fetch))}
