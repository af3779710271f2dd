"""Joining in: who wants a title that another process works on waits for it, and watches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from offlinedl import sources
from offlinedl.errors import BusyError, GoneError, PausedError
from offlinedl.library import Library
from offlinedl.model import Entry, State
from offlinedl.progress import Progress

T = TypeVar("T")

_LOOK_SECONDS = 0.2
_TRIES = 10
"""So often in a row it may be that who is in the way is not to be seen: it begins, or was gone before the look."""


async def joined(work: Callable[[], Awaitable[T]], ref: str, library: Library, progress: Progress) -> T:
    """`work` on the title that `ref` names, when no other process is at that title any more: what that one brought is
    there, and where it was killed, this one goes on. What a person did about the title meanwhile is heeded."""
    missed = 0
    while True:
        try:
            return await work()
        except BusyError:
            entry = _at_work(ref, library)
            missed = 0 if entry else missed + 1
            if missed == _TRIES:
                raise
        if entry is None:
            await asyncio.sleep(_LOOK_SECONDS)
        else:
            await _through(entry, library, progress)


def _at_work(ref: str, library: Library) -> Entry | None:
    """The title, while another process has it."""
    found = library.catalog.named(sources.title_id(ref))
    return found[0] if len(found) == 1 and library.store.is_locked(found[0].folder) else None


async def _through(entry: Entry, library: Library, progress: Progress) -> None:
    """Watch the other process until it is through. PausedError where a person stopped it, GoneError where the title was
    removed."""
    done = entry.bytes_done
    progress.begin(entry.name, done, entry.bytes_total)
    progress.step("elsewhere")
    while library.store.is_locked(entry.folder):
        await asyncio.sleep(_LOOK_SECONDS)
        now = library.catalog.entry(entry.id)
        if now is not None:
            progress.advance(now.bytes_done - done)
            done = now.bytes_done
    now = library.catalog.entry(entry.id)
    if now is None:
        raise GoneError(f"{entry.id}: another offlinedl removed it", "get it again if it is still wanted")
    standing = library.catalog.followed.standings().get(entry.id)
    if now.state is State.PAUSED and standing is not None and standing.held:
        raise PausedError("paused", f"`offlinedl resume {entry.id}` goes on from there")
