"""register: media that another tool downloaded become a title.

The title is resolved and planned as `get` does it. What fits the plan is copied in as if it had been fetched; the rest
of the way is that of `get`: heads that are missing, license, proof, ready.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from itertools import groupby
from pathlib import Path

from offlinedl import sources, storage
from offlinedl.actions.download import already_there
from offlinedl.actions.get import Order, planned, work
from offlinedl.actions.identify import Identified, identify, look
from offlinedl.actions.prepare import Prepared
from offlinedl.actions.prove import WrongKeyError
from offlinedl.aside import aside
from offlinedl.called import called
from offlinedl.errors import DamagedError, NotFoundError, OfflinedlError, counted
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.license.heads import Identity
from offlinedl.media.pieces import Span
from offlinedl.model import Entry, Kind, State, Title
from offlinedl.progress import Progress
from offlinedl.store import Store
from offlinedl.store.foreign import Foreign
from offlinedl.streams import Arrival, Fetch, Plan

_LACKING = {
    Kind.VIDEO: ("picture", "-q best"),
    Kind.AUDIO: ("sound", "--audio all"),
    Kind.SUBTITLES: ("subtitles", "--subs all"),
}
"""What a title may have that is not there, in words, and the option of `get` that adds it."""


async def register(
    order: Order, path: Path, library: Library, licensing: Licensing, progress: Progress, *, fetch_missing: bool = False
) -> Entry:
    """Bring a title to `ready` with the media that lie at `path`, which stay as they are. Returns it as it is then.

    NotFoundError where segments are missing, unless they are to be fetched: the title is paused then, and `get` goes on
    with it. DamagedError where the media are not what its origin has.
    """
    if (there := _whole(order.ref, library)) is not None:
        already_there(there, library, progress)
        return there
    foreign = Foreign(path)
    shelf = await aside(partial(look, foreign))
    found: list[Identified] = []

    async def choose(title: Title) -> Prepared:
        found.append(await identify(title, shelf, order, library, licensing))
        return found[0].prepared

    title, plan = await planned(order, library, licensing, choose)
    with library.lock(title.id):
        entry = await library.begin(title, plan)
        try:
            taken = await _copied(entry, foreign, found[0].spans, library, progress)
            if not fetch_missing:
                _check_complete(entry, library.plan(entry.id))
        except BaseException as error:
            with suppress(OfflinedlError):  # a disk that is full may have no place for that either
                library.pause(entry, error)
            raise
        entry = library.mark(entry, order.decision)
        try:
            download = work(entry, order, library, licensing, progress)
            download.remark = _lacking(found[0].prepared, title.id)
            return await download.run()
        except WrongKeyError as error:
            library.damaged(entry, taken)
            raise _unopened(path, entry, error) from error


def _whole(ref: str, library: Library) -> Entry | None:
    """The title, where it is ready and nothing of it was lost."""
    with suppress(NotFoundError):
        entry = library.find(sources.title_id(ref))
        return entry if entry.state is State.READY and library.is_whole(entry) else None
    return None


def _unopened(path: Path, entry: Entry, error: WrongKeyError) -> DamagedError:
    return DamagedError(
        f"{path} does not hold what the license of the title opens: {error.message}",
        f"nothing of it was kept; `offlinedl get {entry.id}` downloads the title",
        code=error.code,
    )


def _lacking(prepared: Prepared, title_id: str) -> str:
    """What the title has and is not there, in words; "" where there is some of each kind."""
    kinds = {r.kind for r in prepared.offered} - {choice.rendition.kind for choice in prepared.choices}
    lacking = [words for kind, words in _LACKING.items() if kind in kinds]
    if not lacking:
        return ""
    names, options = (" and ".join(name for name, _ in lacking), " ".join(option for _, option in lacking))
    return f". Not there: its {names}; `offlinedl get {title_id} {options}` adds that"


async def _copied(
    entry: Entry, foreign: Foreign, spans: dict[Identity, Span], library: Library, progress: Progress
) -> list[Fetch]:
    """Take in what lies at `spans`, as if it had come. The fetches that these are. StorageError where the title does
    not fit."""
    fetches = library.plan(entry.id).fetches
    storage.check(entry, fetches, library)
    taken = [f for f in fetches if f.identity in spans and f.size is None]
    progress.begin(entry.name, 0, sum(spans[f.identity].size for f in taken))
    progress.step("copying")
    async with library.intake(entry) as intake:
        for fetch in taken:
            span = spans[fetch.identity]
            checksum = await aside(partial(_copy, library.store, entry.folder, fetch.path, foreign, span))
            intake.done(fetch, Arrival(size=span.size, checksum=checksum))
            progress.advance(span.size)
    return taken


def _copy(store: Store, folder: str, path: str, foreign: Foreign, span: Span) -> bytes:
    part = store.part(folder, path)
    source = foreign.opened(span.path)
    try:
        part.copy(source, span.first, span.size)
    except BaseException:
        part.drop()
        raise
    finally:
        os.close(source)
    return part.keep()


def _check_complete(entry: Entry, plan: Plan) -> None:
    """NotFoundError where segments are missing, with their numbers. Init segments are the origin's to give."""
    media = [f for f in plan.fetches if not f.init]
    missing = [f for f in media if f.size is None]
    if not missing:
        return
    named = []
    for track in plan.tracks:
        numbers = sorted(f.number for f in missing if f.rendition == track.id)
        named += [f"{called(track)} {_runs(numbers)}"] if numbers else []
    are = "is" if len(missing) == 1 else "are"
    raise NotFoundError(
        f"{len(missing)} of {counted(len(media), 'segment')} {are} not there: {', '.join(named)}",
        f"`offlinedl get {entry.id}` fetches them, and nothing else; or add --fetch-missing",
        code="incomplete",
    )


def _runs(numbers: list[int]) -> str:
    """ "3-7, 9": those that follow each other, as one."""
    runs = [[n for _, n in own] for _, own in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
