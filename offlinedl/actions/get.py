"""get: download a title for offline playback.

Plan and row on the disk, heads, license, media, proof, ready: in this order, whatever was done before. The license
stands before the media because a refusal should cost kilobytes, and because the server is asked once per download.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from offlinedl import clock, expiry, rights, sources, verify
from offlinedl.actions.prepare import Prepared, prepare
from offlinedl.choose import Preferences
from offlinedl.engine import Engine
from offlinedl.engine.attempt import ChangedError
from offlinedl.errors import DamagedError, NotFoundError, OfflinedlError, PausedError, RefusedError, StorageError
from offlinedl.http.address import is_signed
from offlinedl.library import Library
from offlinedl.license import SYSTEMS, proof, server_for
from offlinedl.license.need import Need
from offlinedl.model import ContentKey, Entry, License, State, Title, Wanted
from offlinedl.plan import of_one_file, readdressed
from offlinedl.progress import Progress
from offlinedl.streams import Fetch, LicenseServer, Plan

_STEPS_SECONDS = 0.1
_LAST_WORD_SECONDS = 0.8
"""How long a license request that is under way is waited for when the person wants to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for. None leaves a choice to what was chosen before, else to `defaults`."""

    ref: str
    quality: str | None = None
    audio: tuple[str, ...] | None = None
    subtitles: tuple[str, ...] | None = None
    license: LicenseServer | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    defaults: Wanted = field(default_factory=Wanted)
    preferences: Preferences = field(default_factory=Preferences)
    keep: bool | None = None
    priority: int | None = None

    def wanted(self, before: Wanted | None) -> Wanted:
        """The choice in full."""
        base = before or self.defaults
        return Wanted(
            quality=base.quality if self.quality is None else self.quality,
            audio=base.audio if self.audio is None else self.audio,
            subtitles=base.subtitles if self.subtitles is None else self.subtitles,
        )


async def get(order: Order, library: Library, engine: Engine, progress: Progress) -> Entry:
    """Bring a title to `ready`, from wherever it stands. Returns it as it is then."""
    entry = _settled(order.ref, library)
    same = entry is not None and _goes_on(order, entry, library)
    if entry is not None and same and entry.state is State.READY and library.is_whole(entry):
        entry = library.mark(entry, kept=order.keep, priority=order.priority)
        progress.end(f"{entry.name}: already there. {expiry.message(entry.license, clock.now())}")
        return entry
    if entry is not None and same:
        with library.lock(entry.id):
            return await _to_the_end(order, library.find(entry.id), library, engine, progress)
    title = await _resolve(order, library, engine)
    rights.check(title, clock.now())
    plan = (await _prepare(title, order, library, engine)).plan()
    with library.lock(title.id):
        await _beside(plan, library, engine, progress, title.id)
        entry = await library.begin(title, plan)
        del plan  # it is on the disk, and as large in memory as the title is long
        return await _to_the_end(order, entry, library, engine, progress)


async def _beside(plan: Plan, library: Library, engine: Engine, progress: Progress, title_id: str) -> None:
    """Fetch what `plan` wants beyond the tracks of a title that is ready, while it stays ready: where that fails, the
    person still has what there was."""
    entry = library.entry(title_id)
    if entry is None or entry.state is not State.READY:
        return
    taken = {f.path for f in library.plan(title_id).fetches}
    fresh = [f for f in plan.fetches if f.path not in taken]
    _begin(progress, entry, fresh)
    progress.step("media")
    async with library.intake(entry, planned=False) as intake:
        await engine.run(plan, fresh, intake, progress)


async def look(order: Order, library: Library, engine: Engine) -> Prepared:
    """What `get` would fetch: the title resolved, its manifests read, renditions chosen. Nothing is written."""
    return await _prepare(await _resolve(order, library, engine), order, library, engine)


async def _resolve(order: Order, library: Library, engine: Engine) -> Title:
    entry, ref = _known(order.ref, library), order.ref
    if entry is not None and not sources.is_url(ref):
        ref = library.plan(entry.id).manifest_url if sources.is_of_url(entry.id) else entry.id
    return await sources.resolve(ref, {name: url for name, url, _ in library.catalog.sources()}, engine.get)


async def _prepare(title: Title, order: Order, library: Library, engine: Engine) -> Prepared:
    for source in title.sources:
        engine.http.trust(source.url, order.headers)
    entry = library.entry(title.id)
    wanted = order.wanted(entry.wanted if entry else None)
    prepared = await prepare(title, wanted, engine, order.preferences, order.license, now=clock.now())
    if prepared.refusal is None or entry is None or not library.licenses.knows_server(entry):
        return prepared
    named = library.licenses.server(entry)  # by the person, for an earlier run
    return prepared if named is None else prepared.licensed_by(named)


def _goes_on(order: Order, entry: Entry, library: Library) -> bool:
    """Does the stored plan still serve? Not for other tracks, another license server, a title that changed at its
    source, keys that may be elsewhere now, or rights that are to be looked at anew because they expired."""
    same = order.license is None and order.wanted(entry.wanted) == entry.wanted
    failed = entry.error.code if entry.error else None
    aged = failed == RefusedError.default_code and any(is_signed(key.uri) for key in library.plan(entry.id).keys)
    if aged or failed == ChangedError.default_code:
        return False
    return same and entry.state is not State.EXPIRED and library.licenses.knows_server(entry)


def _known(ref: str, library: Library) -> Entry | None:
    """The title that `ref` names, where the catalog has it."""
    try:
        return library.find(sources.title_id(ref))
    except NotFoundError as error:
        if error.code == "ambiguous":
            raise
        return None


def _settled(ref: str, library: Library) -> Entry | None:
    """The title that `ref` names. A removal that was cut off is finished first: then there is none."""
    entry = _known(ref, library)
    if entry is None or entry.state is not State.REMOVING:
        return entry
    with library.lock(entry.id):
        library.remove(entry)
    return None


async def _to_the_end(order: Order, entry: Entry, library: Library, engine: Engine, progress: Progress) -> Entry:
    """Download, and write down how it ended."""
    entry = library.mark(entry, kept=order.keep, priority=order.priority)
    try:
        ready, gaps = await _download(order, entry, library, engine, progress)
    except (asyncio.CancelledError, StorageError, PausedError):
        library.pause(entry)
        raise
    except OfflinedlError as error:
        library.fail(entry, error)
        raise
    progress.end(f"{ready.name}: ready{_without(gaps)}. {expiry.message(ready.license, clock.now())}")
    return ready


def _without(gaps: int) -> str:
    return f", without {gaps} segments that the service does not have" if gaps else ""


async def _download(
    order: Order, entry: Entry, library: Library, engine: Engine, progress: Progress
) -> tuple[Entry, int]:
    """The title, ready, and the number of segments that are nowhere to be had."""
    plan = await library.start(entry)
    library.check_space(plan)
    engine.http.trust(plan.manifest_url, order.headers)

    async def renew() -> Plan:
        nonlocal plan
        plan = await _readdressed(plan, order, entry, library, engine)
        return plan

    async def fetch(fetches: Iterable[Fetch]) -> None:
        try:
            async with library.intake(entry) as intake:
                await engine.run(plan, fetches, intake, progress, renew)
        except ChangedError as error:
            library.damaged(entry, of_one_file(plan, error.identity))
            raise

    _begin(progress, entry, plan.fetches)
    await fetch(f for f in plan.heads if f.size is None)
    try:
        need = proof.need(plan, library.reading(entry))
    except DamagedError:
        library.damaged(entry, [*plan.heads])
        raise
    keys = await _licensed(entry, need, library, engine, progress)
    progress.step("media")
    heads = {f.identity for f in plan.heads}
    await fetch(f for f in plan.fetches if f.size is None and f.identity not in heads)
    progress.step("proof" if keys else "check")
    await _proven(entry, library, keys)
    return library.ready(entry), len(plan.gaps)


async def _readdressed(plan: Plan, order: Order, entry: Entry, library: Library, engine: Engine) -> Plan:
    """`plan` with addresses that are signed anew: the title is resolved again."""
    prepared = await _prepare(await _resolve(order, library, engine), order, library, engine)
    fresh = readdressed(plan, prepared.plan())
    library.readdress(entry, fresh)
    return fresh


async def _licensed(
    entry: Entry, need: Need, library: Library, engine: Engine, progress: Progress
) -> Mapping[bytes, bytes]:
    """The keys of the title's license: of the one that is held while it serves, else of one that is asked for now."""
    if not need.kids:
        if expiry.is_over(entry.license, clock.now()):
            library.drop_license(entry, "windows over")
        return {}
    library.protected(entry)
    held = library.licenses.held(entry)
    if held is not None:
        license, keys = held
        if set(need.kids) <= {key.kid for key in keys} and not expiry.is_over(license, clock.now()):
            return {key.kid: key.key for key in keys}
    if held is not None or entry.license is not None:
        entry = library.drop_license(entry, "license no longer served")
    progress.step("license")
    asking = asyncio.ensure_future(_acquire(entry, need, library, engine))
    try:
        keys = await asyncio.shield(asking)
    except asyncio.CancelledError:
        # The server has heard: what it grants is kept, or the next run would have to ask again.
        await asyncio.wait({asking}, timeout=_LAST_WORD_SECONDS)
        if asking.done() and not asking.cancelled():
            asking.exception()  # seen: what it was does not matter any more
        raise
    return {key.kid: key.key for key in keys}


async def _acquire(entry: Entry, need: Need, library: Library, engine: Engine) -> tuple[ContentKey, ...]:
    server = library.licenses.server(entry) or server_for((), (), need.keys.values())
    now = clock.now()
    grant = await SYSTEMS[server.system].acquire(engine.http, server, need, now)
    license = License(
        id=entry.license_slot,
        system=server.system,
        kids=need.kids,
        issued_at=now,
        windows=expiry.narrowed(grant.windows, entry.rights.storage_seconds, entry.rights.playback_seconds),
        renewable=grant.renewable,
        renewal_url=grant.renewal_url,
    )
    library.licenses.keep(entry, license, grant.keys)
    return grant.keys


async def _proven(entry: Entry, library: Library, keys: Mapping[bytes, bytes]) -> None:
    """Every file is there, and the license opens them. A license that does not is destroyed: it would never serve; a
    file that is damaged is fetched again by the next run."""
    plan = library.plan(entry.id)
    torn = [*verify.absent(plan.fetches, library.size(entry)), *(f for f in plan.fetches if f.size is None)]
    if torn:
        library.damaged(entry, torn)
        raise DamagedError(f"{entry.id}: {torn[0].path} is not there any more", "run it again: only it is fetched")
    steps = proof.prove(plan, library.reading(entry), keys)
    faults: list[proof.Fault] = []
    while (some := await asyncio.to_thread(_a_while, steps)) is not None:  # so that it may be cancelled
        faults += some
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


def _a_while(steps: Iterator[proof.Fault | None]) -> list[proof.Fault] | None:
    """The faults that the next steps find, None when there are no more steps."""
    until = time.monotonic() + _STEPS_SECONDS
    found: list[proof.Fault] = []
    for step in steps:
        found += [step] if step else []
        if time.monotonic() > until:
            return found
    return found or None


def _begin(progress: Progress, entry: Entry, fetches: Sequence[Fetch]) -> None:
    done = [f for f in fetches if f.size is not None]
    total = sum(f.estimate if f.size is None else f.size for f in fetches)
    seconds = sum(f.duration for f in fetches) or 1.0
    progress.begin(entry.name, sum(f.size or 0 for f in done), total, sum(f.duration for f in done) / seconds)
