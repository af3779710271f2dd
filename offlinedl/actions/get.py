"""get: download a title for offline playback.

Plan and row on the disk, heads, license, media, proof, ready: in this order, whatever was done before. The license
stands before the media because a refusal should cost kilobytes, and because the server is asked once per download.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import field, replace
from datetime import datetime
from typing import TypeAlias

from offlinedl import removal, rights, sources
from offlinedl.actions import trusted
from offlinedl.actions.download import Download, already_there
from offlinedl.actions.prepare import Prepared, prepare
from offlinedl.choose import Preferences
from offlinedl.errors import (
    GoneError,
    NetworkError,
    NotFoundError,
    OfflinedlError,
    OtherTitleError,
    PausedError,
    RefusedError,
)
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.license import Licensing, entitlement
from offlinedl.model import Decision, Details, Entry, State, Title, Wanted
from offlinedl.progress import Progress
from offlinedl.protection import LicenseServer
from offlinedl.signatures import unsigned
from offlinedl.sources import Said
from offlinedl.streams import Plan

Choose: TypeAlias = Callable[[Title], Awaitable[Prepared]]

_WAITING = {State.QUEUED, State.PAUSED, State.FAILED}


@frozen
class Order:
    """What was asked for. None leaves a choice to what was chosen before, else to `defaults`. After `until` the title
    may go first; smart downloads have `brought` it, or, where that is False, a person wants it. Where it was `queued`,
    it is heeded what somebody did with it since then."""

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
    until: datetime | None = None
    brought: bool | None = None
    queued: bool = False

    @property
    def decision(self) -> Decision:
        """What it decides about the title beside its download."""
        return Decision(kept=self.keep, priority=self.priority, until=self.until, brought=self.brought)

    def wanted(self, before: Wanted | None) -> Wanted:
        """The choice in full."""
        base = before or self.defaults
        return Wanted(
            quality=base.quality if self.quality is None else self.quality,
            audio=base.audio if self.audio is None else self.audio,
            subtitles=base.subtitles if self.subtitles is None else self.subtitles,
        )


async def queue(order: Order, library: Library, licensing: Licensing, said: Said | None = None) -> int:
    """Write down that a title is to be downloaded: `resume` goes on with it, whatever stops those before it. Returns
    its priority. One that is ready stays so until its turn. Who queues several reads no source twice for what that has
    `said`."""
    entry = _settled(order.ref, library)
    if entry is None or (entry.state in _WAITING and not _goes_on(order, entry, library)):
        title, plan = await _planned_or_wished(order, library, licensing, said)
        with library.lock(title.id):
            entry = library.entry(title.id)
            if entry is None or entry.state in _WAITING:
                entry = await library.begin(title, plan)
    elif entry.state in _WAITING:
        with library.lock(entry.id):
            entry = library.queue(entry)
    if entry.state is State.QUEUED:
        library.mark(entry, order.decision)
    return library.catalog.marks.priorities().get(entry.id, 0) if order.priority is None else order.priority


def work(entry: Entry, order: Order, library: Library, licensing: Licensing, progress: Progress) -> Download:
    """The download of a title that the catalog has, to go on with."""

    async def resolved(tracks: tuple[str, ...]) -> Plan:
        return (await _prepare(await _resolve(order, library, licensing), order, library, licensing, tracks)).plan()

    licensing.engine.http.trust(library.manifest_url(entry), order.headers)
    return Download(entry=entry, library=library, licensing=licensing, progress=progress, resolve=resolved)


async def get(order: Order, library: Library, licensing: Licensing, progress: Progress) -> Entry:
    """Bring a title to `ready`, from wherever it stands. Returns it as it is then."""

    def download(entry: Entry) -> Download:
        return work(library.mark(entry, order.decision), order, library, licensing, progress)

    entry = _settled(order.ref, library)
    if order.queued:
        _check_still_wanted(entry)
    if entry is not None:
        entry = await trusted.settled(entry, library, licensing.engine.http)
    same = entry is not None and _goes_on(order, entry, library)
    if entry is not None and same and entry.state is State.READY and library.is_whole(entry):
        entry = library.mark(entry, order.decision)
        already_there(entry, library, progress)
        return entry
    if entry is not None and same:
        rights.check(entry, library.time())
        with library.lock(entry.id):
            return await download(library.must(entry.id)).run()
    title, plan = await _planned_or_wished(order, library, licensing)
    with library.lock(title.id):
        entry = library.entry(title.id)
        if entry is not None and entry.state is State.READY:
            await work(entry, order, library, licensing, progress).beside(plan)
        begun = download(await library.begin(title, plan))
        begun.written = plan if entry is None else None
        del plan  # it is as large as the title is long, and on the disk
        return await begun.run()


async def look(order: Order, library: Library, licensing: Licensing) -> Prepared:
    """What `get` would fetch: the title resolved, its manifests read, renditions chosen. Nothing is written."""
    return await _prepare(await _resolve(order, library, licensing), order, library, licensing)


def _check_still_wanted(entry: Entry | None) -> None:
    """Between the queue and a title's turn may be hours."""
    if entry is None:
        raise GoneError("removed before its turn", "get it again if it is still wanted")
    if entry.state is State.PAUSED:
        raise PausedError("paused before its turn", f"`offlinedl resume {entry.id}` begins with it")


async def planned(
    order: Order, library: Library, licensing: Licensing, choose: Choose | None = None
) -> tuple[Title, Plan]:
    """The title and its plan. What its service allows is looked at first: here, where that tells, and then there. Its
    source and renditions are those that `choose` says, else the most suitable ones."""
    return await _planned(await _resolve(order, library, licensing), order, library, licensing, choose)


async def _planned(
    title: Title, order: Order, library: Library, licensing: Licensing, choose: Choose | None = None
) -> tuple[Title, Plan]:
    now = library.time()
    rights.check(title, now)
    if not _has_its_place(library.entry(title.id), library):
        rights.check_limits(title, *_others(library, title.id))
    entitled = await entitlement.ask(licensing.engine.http, title, library.licenses.device)
    title = replace(title, rights=entitled.rights)
    try:
        rights.check(title, now)
        prepared = await (choose(title) if choose else _prepare(title, order, library, licensing))
        plan = prepared.plan()
    except BaseException:
        with suppress(OfflinedlError):
            _give_back(library, title)
        raise
    return title, plan if prepared.is_named else entitled.added_to(plan)


async def _planned_or_wished(
    order: Order, library: Library, licensing: Licensing, said: Said | None = None
) -> tuple[Title, Plan]:
    """The title and its plan. Where not even its source can be reached, a title that is not here is written down as it
    is known: it waits for a run that has a network, which chooses then."""
    is_resolved = False
    try:
        resolved = await _resolve(order, library, licensing, said)
        is_resolved = not sources.is_url(order.ref)  # of which nothing was read yet
        return await _planned(resolved, order, library, licensing)
    except NetworkError as error:
        title = None if error.answered or is_resolved else _offered(order.ref, library)
        if title is None or library.entry(title.id) is not None:
            raise
        wish = Plan(manifest_url=title.sources[0].url if title.sources else "", wanted=order.wanted(None))
        with library.lock(title.id):
            library.mark(await library.begin(title, wish), order.decision)
        error.message += ". The title is queued"
        error.hint = "`offlinedl resume` or `offlinedl sync` gets it when there is a network"
        raise


def _offered(ref: str, library: Library) -> Title | None:
    """What is known of a title without a network: its URL, or what a source offered last."""
    if sources.is_url(ref):
        return sources.manifest_url.title(ref)
    offers = library.catalog.offers.named(ref)
    if len(offers) != 1:
        return None
    [offer] = offers
    return Title(
        id=offer.id, name=offer.name, sources=(), series=offer.series, season=offer.season, episode=offer.episode,
        special=offer.special, details=Details(published=offer.published, duration=offer.duration),
    )  # fmt: skip


def _has_its_place(entry: Entry | None, library: Library) -> bool:
    """Does the title count among the downloads already? Other tracks of it or another token are no other download."""
    return entry is not None and (entry.state is State.READY or library.licenses.sealed(entry) is not None)


async def _resolve(order: Order, library: Library, licensing: Licensing, said: Said | None = None) -> Title:
    entry, ref = _known(order.ref, library), order.ref
    if entry is not None and not sources.is_url(ref):
        ref = library.manifest_url(entry) if sources.is_of_url(entry.id) else entry.id
    return await sources.resolve(ref, library.catalog.offers, licensing.engine, said)


async def _prepare(
    title: Title, order: Order, library: Library, licensing: Licensing, tracks: tuple[str, ...] = ()
) -> Prepared:
    """The most suitable source of the title; of those that have the `tracks` where some are named, by their ids."""
    for source in title.sources:
        licensing.engine.http.trust(source.url, [*source.headers, *order.headers])
    entry = library.entry(title.id)
    wanted = replace(order.wanted(entry.wanted if entry else None), tracks=tracks)
    if entry is not None and tracks:
        same = [s for s in title.sources if unsigned(s.url) == unsigned(library.manifest_url(entry))]
        title = replace(title, sources=tuple(same) or title.sources)
    prepared = await prepare(title, wanted, licensing, order.preferences, order.license, now=library.time())
    if prepared.refusal is None or entry is None or not library.licenses.knows_server(entry):
        return prepared
    named = library.licenses.server(entry)  # by the person, for an earlier run
    return prepared if named is None else prepared.licensed_by(named)


def _goes_on(order: Order, entry: Entry, library: Library) -> bool:
    """Does the stored plan still serve? Not for other tracks, another license server, a title that changed at its
    source, or one whose rights are to be looked at anew: because it expired, or because what its service was asked for
    it with was refused, and may have been too old."""
    code = entry.error.code if entry.error else ""
    if not entry.tracks:
        return False  # nothing was chosen yet: there was no network
    if code == OtherTitleError.default_code:
        return False
    if code == RefusedError.default_code and library.catalog.services.is_entitled(entry.id):
        return False
    if entry.state is State.EXPIRED or not library.licenses.knows_server(entry):
        return False
    same = order.license is None or order.license == library.licenses.server(entry)
    return same and order.wanted(entry.wanted) == entry.wanted


def _others(library: Library, title_id: str) -> tuple[list[Entry], int]:
    """The other titles of the same source: those that are here, the first that were added first, and how many were
    downloaded in this calendar month (UTC) or are about to be."""
    month = library.time().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    here = {entry.id: entry for entry in library.entries()}
    services = library.catalog.services
    return [here[other] for other in services.others(title_id) if other in here], services.others_since(title_id, month)


def _give_back(library: Library, title: Title) -> None:
    """The service has allowed this download, and nothing comes of it: it is to hear that, where the title is not here
    from before."""
    url = title.service.entitlement_url
    if url is not None:
        with library.catalog.transaction():
            library.catalog.outbox.unused(title.id, url, library.time())


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
        removal.remove(entry, library)
    return None
