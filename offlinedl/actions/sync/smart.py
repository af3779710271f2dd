"""Smart downloads, done: what the rules decide is removed first, then fetched, in the order of priority."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from offlinedl import expiry, smart, storage
from offlinedl.actions.get import Order, get, queue
from offlinedl.actions.remove import remove
from offlinedl.actions.sync.outbox import releases
from offlinedl.actions.sync.work import Pass, Step
from offlinedl.aside import alone
from offlinedl.errors import BusyError, GoneError, OfflinedlError, PausedError, StorageError, sized
from offlinedl.library import Library
from offlinedl.smart import Action

_NO_TRY = (BusyError, StorageError)
"""What says nothing of the title itself: the next run tries it, however soon that is."""


async def smart_downloads(work: Pass) -> None:
    """Decide, and do that."""
    library = work.library
    following = library.catalog.followed.rules()
    actions = smart.decide(storage.shelf(library, following), following, library.space(), library.time())
    if work.dry_run:
        for action in actions:
            work.tell(_foretold(action, work))
        return
    await _remove([action for action in actions if action.does == "remove"], work)
    _note_lacks([action for action in actions if action.does in {"download", "skip"}], library)
    await fetch([action for action in actions if action.does == "download"], work)
    for action in actions:
        if action.does == "skip":
            work.tell(_step(action))


def _note_lacks(actions: Iterable[Action], library: Library) -> None:
    """A person who looks at a title sees whether it waits for room. A disk that is full may have no place for that."""
    with suppress(OfflinedlError), library.catalog.transaction():
        for action in actions:
            library.catalog.marks.lacks_room(action.title, lacks=action.lacks_room)


def _foretold(action: Action, work: Pass) -> Step:
    step = _step(action)
    hindrance = work.hinders() if action.does == "download" else ""
    if hindrance:
        return replace(step, result="skipped", reason=hindrance, waits=True)
    return step if step.result == "skipped" else replace(step, result="would")


async def _remove(actions: Iterable[Action], work: Pass) -> None:
    """Remove titles, and tell their servers at once: what comes now may need their places."""
    removed = []
    for action in actions:
        step = _step(action)
        try:
            entry = work.library.must(action.title)
            if entry.kept:
                work.tell(replace(step, result="skipped", reason="a person decided so meanwhile: it is kept"))
                continue
            is_news = not (entry.watched or _is_brought(entry.id, work))
            freed = await remove(entry, work.library, action.why)
        except OfflinedlError as error:
            work.tell(replace(step, result="failed", error=error))
            continue
        removed.append(action.title)
        work.tell(replace(step, message=f"{sized(freed)} freed", bytes=freed, is_news=is_news))
    if removed:
        await releases(work, removed)


async def fetch(actions: Sequence[Action], work: Pass) -> None:
    """Download titles as one `get` does: all are written down before the first begins. One that fails does not stop the
    others."""
    waiting: list[tuple[Action, Order]] = []
    for action in actions:
        hindrance = work.hinders()
        if hindrance:
            work.tell(replace(_step(action), result="skipped", reason=hindrance, waits=True))
            continue
        order = _order(action, work)
        try:
            await alone(queue(order, work.library, work.licensing, work.said))
        except OfflinedlError as error:
            work.tell(_failed(action, error, work))
        else:
            waiting.append((action, replace(order, queued=True)))
    for action, order in waiting:
        work.tell(await _fetched(action, order, work))


async def _fetched(action: Action, order: Order, work: Pass) -> Step:
    step = _step(action)
    hindrance = work.hinders()
    if hindrance:
        return replace(step, result="skipped", reason=hindrance, waits=True)
    try:
        entry = await alone(get(order, work.library, work.licensing, work.progress))
    except OfflinedlError as error:
        return _failed(action, error, work)
    return replace(step, message=expiry.message(entry.license, work.library.time()), bytes=entry.bytes_done)


def _order(action: Action, work: Pass) -> Order:
    """What is asked for. Of a title that is here, it stays what was chosen for it."""
    rule, order = action.rule, replace(work.order, ref=action.title)
    if rule is None or work.library.catalog.entry(action.title) is not None:
        return order
    return replace(
        order,
        quality=rule.quality,
        audio=rule.audio,
        subtitles=rule.subtitles,
        priority=rule.priority,
        brought=True,
    )


def _failed(action: Action, error: OfflinedlError, work: Pass) -> Step:
    """A download that failed."""
    step = replace(_step(action), result="failed", error=error)
    if error.code in {"over-quota", "waits"}:
        waits = error.code == "waits"
        return replace(step, result="skipped", reason=error.message, error=None, waits=waits, lacks_room=not waits)
    if isinstance(error, PausedError | GoneError):
        return replace(step, result="skipped", reason=f"a person decided so: {error.message}", error=None)
    if not isinstance(error, _NO_TRY):
        library = work.library
        with suppress(OfflinedlError), library.catalog.transaction():
            library.catalog.followed.tried(action.title, error, library.time())
    return step


def _is_brought(title_id: str, work: Pass) -> bool:
    standing = work.library.catalog.followed.standings().get(title_id)
    return standing is not None and standing.brought


def _step(action: Action) -> Step:
    return Step(
        does="download" if action.does == "skip" else action.does,
        title=action.title,
        reason=action.reason,
        result="skipped" if action.does == "skip" else "done",
        bytes=action.bytes,
        is_settled=action.is_settled,
        lacks_room=action.lacks_room,
    )
