"""trial: are the samples of a title sound, and does a license open them? One is asked for only where that is wanted,
proven on the samples in memory, and given back at once; no catalog and no vault hears of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from offlinedl import decoder
from offlinedl.actions.prepare import Prepared
from offlinedl.actions.sampling import Samples
from offlinedl.aside import aside
from offlinedl.errors import DamagedError, OfflinedlError
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.license import Licensing, entitlement, heads, hls_key, proof
from offlinedl.license.entitlement import Entitlement
from offlinedl.license.need import Grant, Need
from offlinedl.license.opening import Opening
from offlinedl.model import Held, Kind, License
from offlinedl.owed import Destruction
from offlinedl.playback import subtitles
from offlinedl.protection import LicenseServer
from offlinedl.readiness.protection import Trial
from offlinedl.streams import Plan

Keys = Mapping[bytes, bytes]


@frozen
class Looked:
    """What is wrong with samples that were opened, and of which tracks they are: `media`, and `texts`, which is about
    subtitles. `wrong` is about a key."""

    media: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    text_faults: tuple[str, ...] = ()
    wrong: OfflinedlError | None = None

    def __or__(self, other: Looked) -> Looked:
        """Both together."""
        return Looked(
            media=(*self.media, *other.media),
            texts=(*self.texts, *other.texts),
            faults=(*self.faults, *other.faults),
            text_faults=(*self.text_faults, *other.text_faults),
            wrong=self.wrong or other.wrong,
        )


@frozen
class Sealing:
    """The tracks whose samples are encrypted, with what KIDs, and what is wrong with the boxes that say so."""

    tracks: tuple[str, ...] = ()
    kids: tuple[bytes, ...] = ()
    faults: tuple[str, ...] = ()


@frozen
class Tried:
    """What came of a license: `trial` is None where none was needed, or where the service `denied` the download when it
    was `asked`. Where it allowed that, `untold` is why it did not hear that nothing came of it."""

    asked: bool = False
    denied: OfflinedlError | None = None
    untold: OfflinedlError | None = None
    trial: Trial | None = None
    grant: Grant | None = None
    looked: Looked = Looked()


def sealing(samples: Samples) -> Sealing:
    """How the samples are encrypted."""
    tracks: list[str] = []
    kids: dict[bytes, None] = {}
    faults: list[str] = []
    for track in samples.plan.tracks:
        try:
            own = [work.kid for work in Opening(samples.plan, track.id, samples.read, {}).keyed()]
        except DamagedError as error:
            faults.append(error.message)
            continue
        except OfflinedlError:
            tracks.append(track.id)
            continue
        kids |= dict.fromkeys(own)
        tracks += [track.id] if own else []
    return Sealing(tracks=tuple(tracks), kids=tuple(kids), faults=tuple(faults))


async def look(samples: Samples, tracks: Collection[str], keys: Keys) -> Looked:
    """Open and decode the samples of `tracks`, which need no key, or one of `keys`."""
    with decoder.running():
        return await aside(partial(_look, samples, tracks, keys))


def _look(samples: Samples, tracks: Collection[str], keys: Keys) -> Looked:
    own = [t for t in samples.plan.tracks if t.id in tracks]
    media = tuple(t.id for t in own if t.kind is not Kind.SUBTITLES)
    texts = tuple(t.id for t in own if t.kind is Kind.SUBTITLES)
    found: list[proof.Fault] = []
    error: OfflinedlError | None = None
    try:
        found += [f for f in proof.prove(_part(samples.plan, media), samples.read, keys) if f]
    except OfflinedlError as failed:
        error = failed
    wrong = next((_wrong_key(fault) for fault in found if fault.wrong_key), error)
    return Looked(
        media=media,
        texts=texts,
        faults=tuple(f"{f.fetch.path}: {f.reason}" for f in found if not f.wrong_key),
        text_faults=tuple(fault for track in texts for fault in _unreadable(samples, track, keys)),
        wrong=wrong,
    )


def _part(plan: Plan, tracks: Sequence[str]) -> Plan:
    return replace(
        plan,
        tracks=tuple(t for t in plan.tracks if t.id in tracks),
        fetches=tuple(f for f in plan.fetches if f.rendition in tracks),
    )


def _wrong_key(fault: proof.Fault) -> DamagedError:
    return DamagedError(
        f"the key for KID {fault.kid.hex()} does not open {fault.fetch.path}: {fault.reason}",
        "the license server has another key than the media were encrypted with",
        code="license-wrong-key",
    )


def _unreadable(samples: Samples, track: str, keys: Keys) -> list[str]:
    """What is wrong with the samples of a subtitle track."""
    try:
        subtitles.read(Opening(samples.plan, track, samples.read, keys))
    except OfflinedlError as error:
        return [error.message]
    return []


async def attempt(
    prepared: Prepared, plan: Plan, samples: Samples, library: Library, licensing: Licensing, *, sealed: Sealing
) -> Tried:
    """Ask for a license, as `get` does, and give it back, whatever came of it; its entitlement too."""
    http, title = licensing.engine.http, prepared.title
    try:
        entitled = await entitlement.ask(http, title, library.licenses.device)
    except OfflinedlError as error:
        return Tried(asked=True, denied=error)
    is_here = library.entry(title.id) is not None  # with a place of its own, which must not be given back
    untold: OfflinedlError | None = None
    try:
        own = plan if prepared.is_named else entitled.added_to(plan)
        asked = _Attempt(prepared=prepared, plan=own, samples=samples, sealed=sealed, library=library)
        tried = await asked.made(licensing, is_here=is_here)
    finally:
        if not is_here:
            untold = await _unentitled(entitled, library, licensing, title.id)
    return replace(tried, asked=True, untold=untold)


async def _unentitled(
    entitled: Entitlement, library: Library, licensing: Licensing, title_id: str
) -> OfflinedlError | None:
    """Give the entitlement back. Why that failed, None where it did not."""
    if entitled.url is not None:
        try:
            await entitlement.release(licensing.engine.http, entitled.url, library.licenses.device(), title_id)
        except OfflinedlError as error:
            return error
    return None


@frozen
class _Attempt:
    """One license, from its request to its release."""

    prepared: Prepared
    plan: Plan
    samples: Samples
    sealed: Sealing
    library: Library

    async def made(self, licensing: Licensing, *, is_here: bool) -> Tried:
        now = self.library.time()
        try:
            need = heads.need(replace(self.plan, fetches=self.samples.plan.fetches), self.samples.read, self._there)
            need |= Need(kids=self.sealed.kids)
            if not need.kids:
                return Tried()
            server = self.plan.license or licensing.server_for((), (), need.keys.values())
            grant = await licensing.acquire(server, need, now)
        except OfflinedlError as error:
            return Tried(trial=Trial(refused=error))
        held = Held(license=self._license(server, need, grant), keys=grant.keys, handle=grant.handle)
        looked, unreleased = Looked(), None
        try:
            looked = await self._proven(held, licensing)
        finally:
            if not is_here:
                unreleased = await self._released(server, held, licensing)
        trial = Trial(
            is_tried=bool(self.sealed.tracks),
            unproven=looked.wrong,
            unreleased=unreleased,
            is_here=is_here,
            is_counted=server.system != hls_key.NAME,
            renewable=grant.renewable,
            kids=len(need.kids),
        )
        return Tried(trial=trial, grant=grant, looked=looked)

    @property
    def _there(self) -> Collection[heads.Identity]:
        return self.samples.data.keys()

    def _license(self, server: LicenseServer, need: Need, grant: Grant) -> License:
        issued = grant.date or self.library.time()
        return License(id="audit", system=server.system, kids=need.kids, issued_at=issued, windows=grant.windows)

    async def _proven(self, held: Held, licensing: Licensing) -> Looked:
        """What an adapter has the keys of, it opens itself."""
        try:
            await licensing.load(held, self.library.time())
        except OfflinedlError as error:
            return Looked(wrong=error)
        if held.handle is not None:
            return Looked()
        return await look(self.samples, self.sealed.tracks, {key.kid: key.key for key in held.keys})

    async def _released(self, server: LicenseServer, held: Held, licensing: Licensing) -> OfflinedlError | None:
        owed = Destruction(
            license=held.license,
            title_id=self.prepared.title.id,
            destroyed_at=self.library.time(),
            handle=held.handle,
        )
        try:
            await licensing.release(server, owed)
        except OfflinedlError as error:
            return error
        return None
