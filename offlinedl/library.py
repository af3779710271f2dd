"""The library: catalog, store and vault together, and the ORDER in which they are written.

intent      the plan is in the catalog before the first byte is asked for
data        a file is complete and synced before its row says so (see intake.py)
license     in the vault before the catalog names it; a download has one slot for it, so that one that was
            granted is found again, whatever stopped the process after that
ready       one transaction: state, license, windows (of plays and removals see playing.py and removal.py)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING

from offlinedl import expiry, lifecycle
from offlinedl.catalog import Catalog
from offlinedl.custody import Custody, new_slot
from offlinedl.errors import GoneError, NotFoundError, OfflinedlError, PausedError, StorageError, printable
from offlinedl.mark import Boot
from offlinedl.model import Decision, Entry, Failure, License, State, Title, Windows
from offlinedl.space import Space
from offlinedl.store import Store, folder_name
from offlinedl.timekeeper import Timekeeper
from offlinedl.vault import Vault

if TYPE_CHECKING:
    from offlinedl.clock import Reading
    from offlinedl.expiry import Deadline
    from offlinedl.intake import Intake
    from offlinedl.streams import Arrival, Fetch, Plan


class Library:
    """The titles of one home, from within: applications see api/library.py. `clock` is the system's, in UTC, `boot` its
    boot clock; `space` tells how much may lie here."""

    def __init__(
        self,
        catalog: Catalog,
        store: Store,
        vault: Vault,
        clock: Callable[[], datetime],
        *,
        boot: Callable[[], Boot | None] = lambda: None,
        space: Space = Space(),  # noqa: B008 - a value
    ) -> None:
        self._space = space
        self.catalog = catalog
        self.store = store
        self.time = self._clock = Timekeeper(catalog, clock, boot)
        self.licenses = Custody(catalog, vault, self.time)
        self.heeded_at = -inf
        """When licenses that are over were looked after, in ticks (see endings.py)."""

    # what there is

    def entries(self) -> list[Entry]:
        """Every title as it stands now."""
        return [entry for entry, _ in self.standing()]

    def standing(self) -> Iterator[tuple[Entry, Deadline]]:
        """Every title as it stands now, and what ends it: they may be many, and this is worked out once."""
        reading = self.time.reading()
        for entry in self.catalog.entries():
            end = expiry.deadline(entry.license)
            yield self._present(entry, reading, end), end

    def find(self, ref: str) -> Entry:
        """The one title that `ref` names: its id, the part after the source, its name."""
        found = self.catalog.named(printable(ref))
        if not found:
            raise NotFoundError(f"{ref}: no such title in the catalog", "`offlinedl list` shows what there is")
        if len(found) > 1:
            ids = ", ".join(entry.id for entry in found)
            raise NotFoundError(f"{ref}: more than one title is called so", f"name one of: {ids}", code="ambiguous")
        return self._present(found[0], self.time.reading())

    def entry(self, title_id: str) -> Entry | None:
        """The title of this id, as it stands now."""
        entry = self.catalog.entry(title_id)
        return entry and self._present(entry, self.time.reading())

    def _present(self, entry: Entry, reading: Reading, end: Deadline | None = None) -> Entry:
        """What only the moment tells: a deadline that has passed or may have, a download whose process is gone."""
        if entry.state is State.READY and expiry.is_over(entry.license, reading.now, end):
            return replace(entry, state=State.EXPIRED)
        if entry.state is State.READY and reading.is_suspect and expiry.is_limited(entry.license):
            return replace(entry, state=State.CLOCK_SUSPECT)
        if entry.state is State.DOWNLOADING and not self.store.is_locked(entry.folder):
            return replace(entry, state=State.PAUSED)
        return entry

    # a download

    def lock(self, title_id: str) -> AbstractContextManager[None]:
        """Hold the title against other processes. BusyError where one has it."""
        return self.store.lock(folder_name(title_id), title_id)

    def forget_lock(self, title_id: str) -> None:
        """Whoever holds a title that is not in the catalog leaves no folder of it behind."""
        if self.catalog.entry(title_id) is None:
            self.store.remove(folder_name(title_id))

    async def begin(self, title: Title, plan: Plan) -> Entry:
        """Write the intent. What is on the disk already and this plan wants too is kept."""
        before = self.catalog.entry(title.id)
        kept = await self._kept(before, plan) if before else plan
        if any(f.size is not None for f in kept.fetches):
            await self._synced()
        entry = Entry(
            id=title.id,
            name=title.name,
            state=State.QUEUED,
            folder=folder_name(title.id),
            license_slot=before.license_slot if before else new_slot(),
            protected=plan.protected,
        )
        server = self.licenses.seal_server(title.id, plan.license)
        with self.catalog.transaction():
            self.catalog.begin(title, kept, entry, server, self._clock())
            self.catalog.note(title.id, "planned", self._clock())
        self.store.make(entry.folder)
        self.store.keep_only(entry.folder, {f.path for f in kept.fetches if f.size is not None})
        self.store.journal(entry.folder).clear()
        return self.must(title.id)

    async def _kept(self, before: Entry, plan: Plan) -> Plan:
        """`plan` with what is there of it: of an earlier plan, or fetched beside that one. The same bytes, wherever
        they are signed."""
        done = {f.content: f for f in self.plan(before.id).fetches if f.size is not None}
        claimed = [_with(f, done.get(f.content)) for f in plan.fetches]
        from offlinedl.intake import held

        sound = await held(self.store, before, claimed)
        return replace(plan, fetches=tuple(_with(f, sound.get(f.identity)) for f in plan.fetches))

    def plan(self, title_id: str) -> Plan:
        """The stored plan of a title. Done fetches have their size; `license_server` tells who licenses it."""
        return self.catalog.plan(title_id)

    def manifest_url(self, entry: Entry) -> str:
        """Where the title's manifest was read."""
        return self.catalog.manifest_url(entry.id)

    async def start(self, entry: Entry, plan: Plan | None = None) -> Plan:
        """The title is downloading. Returns its plan, the stored one where none is given, after a look at the disk:
        done is what is there and sound, whatever rows and journal say."""
        from offlinedl.intake import held

        plan = self.plan(entry.id) if plan is None else plan
        with self.catalog.transaction():
            self.become(entry.id, State.DOWNLOADING)
        sound = await held(self.store, entry, plan.fetches)
        gone = [f for f in plan.fetches if f.size is not None and f.identity not in sound]
        found = [(f, sound[f.identity]) for f in plan.fetches if f.size is None and f.identity in sound]
        if found:
            await self._synced()
        with self.catalog.transaction():
            self.catalog.undone(entry.id, gone)
            self.catalog.done(entry.id, found)
        return replace(plan, fetches=tuple(_with(f, sound.get(f.identity)) for f in plan.fetches))

    def intake(self, entry: Entry, *, planned: bool = True) -> Intake:
        """Takes in what arrives of the title; with `planned` false, of a plan for it that is not stored yet."""
        from offlinedl.intake import Intake

        return Intake(self.catalog if planned else None, self.store, entry)

    def readdress(self, entry: Entry, plan: Plan) -> None:
        """The title's fetches are at the addresses of `plan` from now on."""
        with self.catalog.transaction():
            self.catalog.readdress(entry.id, plan)
            self.catalog.note(entry.id, "addresses renewed", self._clock())

    def waiting(self) -> list[Entry]:
        """The titles whose downloads were paused or not begun, those of the highest priority first."""
        found = {entry.id: entry for entry in self.entries() if entry.state in {State.PAUSED, State.QUEUED}}
        return [found[title_id] for title_id in self.catalog.marks.priorities() if title_id in found]

    def queue(self, entry: Entry) -> Entry:
        """The title waits for its turn."""
        with self.catalog.transaction():
            self.become(entry.id, State.QUEUED)
        return self.must(entry.id)

    def mark(self, entry: Entry, decision: Decision) -> Entry:
        """Write down what was decided about the title."""
        with self.catalog.transaction():
            self.catalog.marks.mark(entry.id, decision, self._clock())
        return self.must(entry.id)

    def ask_pause(self, entry: Entry, *, asked: bool) -> None:
        """Ask whoever downloads the title to stop, or take that back."""
        with self.catalog.transaction():
            self.catalog.marks.ask_pause(entry.id, asked=asked)

    def heed_pause(self, entry: Entry) -> None:
        """Raises PausedError where somebody asked for a pause."""
        if self.catalog.marks.pause_asked(entry.id):
            raise PausedError("paused", "`offlinedl resume` goes on from there")

    def space(self) -> Space:
        """How much may lie here, by what is free now."""
        return replace(self._space, free=self.store.free_bytes())

    def is_whole(self, entry: Entry) -> bool:
        """Is every file there, as long as it was, and does the vault open the license? What a ready title has lost
        since then is fetched again."""
        from offlinedl import verify

        licensed = not entry.protected or self.licenses.sealed(entry) is not None
        return licensed and not verify.absent(self.plan(entry.id).fetches, self.size(entry))

    def reading(self, entry: Entry) -> Callable[[Fetch], memoryview]:
        """Reads the file of a fetch."""
        return lambda fetch: self.store.read(entry.folder, fetch.path)

    def size(self, entry: Entry) -> Callable[[Fetch], int | None]:
        """Bytes that the file of a fetch has on the disk, None where it is not there."""
        return lambda fetch: self.store.size(entry.folder, fetch.path)

    def damaged(self, entry: Entry, fetches: list[Fetch]) -> None:
        """The files of `fetches` do not hold: they are to be fetched again. None is left for the journal to claim."""
        for fetch in fetches:
            self.store.drop(entry.folder, fetch.path)
        with self.catalog.transaction():
            self.catalog.undone(entry.id, fetches)

    def protected(self, entry: Entry) -> None:
        """The init segments say that the media are protected, whatever the manifest said."""
        with self.catalog.transaction():
            self.catalog.set_protected(entry.id)

    def drop_license(self, entry: Entry, why: str) -> Entry:
        """Destroy the title's license, as it is now. The title as it is then."""
        self.licenses.drop(self.must(entry.id), why)
        return self.must(entry.id)

    async def ready(self, entry: Entry) -> Entry:
        """Complete, verified, licensed. A title without protection whose rights have windows gets their clocks here."""
        current = self.must(entry.id)
        windows = expiry.narrowed(Windows(), current.rights)
        await self._synced()
        with self.catalog.transaction():
            if current.license is None and not current.protected and windows != Windows():
                own = License(id=current.license_slot, system=None, kids=(), issued_at=self._clock(), windows=windows)
                self.catalog.license(entry.id, own)
            self.become(entry.id, State.READY)
            self.catalog.note(entry.id, "ready", self._clock())
            self.catalog.followed.succeeded(entry.id)
        return self.must(entry.id)

    def pause(self, entry: Entry, because: BaseException | None = None) -> None:
        """Stopped on purpose, or for want of room; what is done is kept. What had not begun to change stays so."""
        with self.catalog.transaction():
            current = self.catalog.entry(entry.id)
            if current is not None and current.state in {State.QUEUED, State.DOWNLOADING, State.FAILED}:
                self.become(entry.id, State.PAUSED)
                if isinstance(because, StorageError) and because.lacks_room:
                    self.catalog.marks.lacks_room(entry.id)

    def fail(self, entry: Entry, error: OfflinedlError) -> None:
        """Stopped by `error`; what is done is kept."""
        failure = Failure(code=error.code, message=error.message, hint=error.hint)
        with self.catalog.transaction():
            self.become(entry.id, State.FAILED, failure)
            self.catalog.note(entry.id, f"failed: {error.message}", self._clock())

    async def _synced(self) -> None:
        """What was written is on the disk. No verb that only reads waits for the import of a loop."""
        from offlinedl.aside import aside

        await aside(self.store.sync)

    def become(self, title_id: str, state: State, failure: Failure | None = None) -> None:
        """A step of the title's life, in the transaction that the caller opened. An error where it cannot come now."""
        current = self.catalog.entry(title_id)
        if current is not None:
            lifecycle.check(current.state, state)
        self.catalog.set_state(title_id, state, failure)
        self.catalog.marks.ask_pause(title_id, asked=False)  # who asked sees what it became

    def must(self, title_id: str) -> Entry:
        """The title of this id, as it stands now. GoneError where another process removed it meanwhile."""
        entry = self.entry(title_id)
        if entry is None:
            raise GoneError(f"{title_id}: no longer in the catalog", "another offlinedl removed it meanwhile")
        return entry


def _with(fetch: Fetch, came: Fetch | Arrival | None) -> Fetch:
    """`fetch`, done as `came` says, or not done."""
    if came is None:
        return fetch if fetch.size is None else fetch._replace(size=None, checksum=None, validator=None)
    return fetch._replace(size=came.size, checksum=came.checksum, validator=came.validator)
