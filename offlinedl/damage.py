"""What does not hold of a stored title, in words: a file alone, all of them in sum. A ready title is demoted by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress

from offlinedl.called import called_file
from offlinedl.errors import BusyError, DamagedError, OfflinedlError, StorageError, counted
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.model import Entry, State
from offlinedl.store import Store, checksum
from offlinedl.streams import Fetch, Plan

READY = {State.READY, State.CLOCK_SUSPECT}
"""The states of a title that is demoted where it does not hold. What is expired stays so."""

_ABSENT = "it is not there"
_OTHERWISE = "its bytes are not those that came"


@frozen
class Damage:
    """A file that does not hold: its path in the title's folder, what it is of the title, and what is wrong."""

    path: str
    what: str
    reason: str


class LostFilesError(DamagedError):
    """Files of a title are gone, as is `found`."""

    def __init__(self, entry: Entry, found: DamagedError) -> None:
        super().__init__(f"{entry.id}: {found.message}", found.hint)
        self.found = found


class DamagedFileError(DamagedError):
    """A file of a title is not as it came."""


def fault(store: Store, folder: str, fetch: Fetch) -> str | None:
    """What is wrong with a file, None where it is as it came."""
    size = store.size(folder, fetch.path)
    if size is None:
        return _ABSENT
    if size != fetch.size:
        return _length(size, fetch)
    if fetch.checksum is None:  # of a catalog from before there were any
        return None
    found = store.checksum(folder, fetch.path)
    if found is None:
        return "it cannot be read"
    return None if found == fetch.checksum else _OTHERWISE


def reading(entry: Entry, plan: Plan, library: Library) -> Callable[[Fetch], memoryview]:
    """Reads the file of a fetch. DamagedFileError where it is not as it came."""
    store, read = library.store, library.reading(entry)

    def sound(fetch: Fetch) -> memoryview:
        try:
            data = read(fetch)
        except StorageError as error:
            if store.size(entry.folder, fetch.path) is None:
                raise _error(entry, plan, fetch, _ABSENT) from error
            raise
        if len(data) != fetch.size:
            raise _error(entry, plan, fetch, _length(len(data), fetch))
        if fetch.checksum is not None and checksum(data) != fetch.checksum:
            raise _error(entry, plan, fetch, _OTHERWISE)
        return data

    return sound


def named(plan: Plan, fetch: Fetch, reason: str) -> Damage:
    """What is wrong with the file of a fetch."""
    return Damage(path=fetch.path, what=called_file(plan.tracks, fetch), reason=reason)


def summed(entry: Entry, damaged: Sequence[Damage], files: int, how: str = "damaged") -> DamagedError:
    """What is wrong with a title that has so many files."""
    if len(damaged) == files and all(damage.reason == _ABSENT for damage in damaged):
        return DamagedError(f"none of its {counted(files, 'file')} is there", hint(entry))
    are = "is" if len(damaged) == 1 else "are"
    return DamagedError(f"{len(damaged)} of {counted(files, 'file')} {are} {how}", hint(entry))


def lost(entry: Entry, library: Library) -> DamagedError | None:
    """What is to be said of files that are not there, or not as long as they were. None of them is read."""
    plan, size_of = library.plan(entry.id), library.size(entry)
    claimed = [f for f in plan.fetches if f.size is not None]
    sizes = ((f, size_of(f)) for f in claimed)
    found = [named(plan, f, _ABSENT if size is None else _length(size, f)) for f, size in sizes if size != f.size]
    how = "not there any more" if all(damage.reason == _ABSENT for damage in found) else "damaged"
    return summed(entry, found, len(claimed), how) if found else None


def hint(entry: Entry) -> str:
    """What mends the files or the license of a title."""
    if entry.state is State.EXPIRED:
        return f"`offlinedl get {entry.id}` asks for a new license, and fetches just what is damaged"
    if entry.state in {State.QUEUED, State.PAUSED}:
        return f"`offlinedl get {entry.id}` goes on with it, and fetches that anew"
    return f"`offlinedl check --repair {entry.id}` fetches just that"


def demote(entry: Entry, library: Library, error: OfflinedlError) -> None:
    """A title that was ready does not hold, as `error` says. What another process holds or removed is none of ours,
    and a disk that is full is no second error."""
    there = entry.folder in library.store.names()  # who locks a folder makes it
    with suppress(BusyError, StorageError), library.lock(entry.id) if there else nullcontext():
        _demoted(entry, library, error)


def _demoted(entry: Entry, library: Library, error: OfflinedlError) -> None:
    current = library.entry(entry.id)
    if current is not None and current.state in READY:
        library.fail(current, error)


def _length(size: int, fetch: Fetch) -> str:
    return f"it has {size} bytes, and {fetch.size} came"


def _error(entry: Entry, plan: Plan, fetch: Fetch, reason: str) -> DamagedFileError:
    found = named(plan, fetch, reason)
    return DamagedFileError(f"{found.path} ({found.what}): {reason}", hint(entry))
