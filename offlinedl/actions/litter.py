"""What lies among the titles and belongs to nothing: found, and deleted where a person asks for that."""

from __future__ import annotations

from contextlib import nullcontext

from offlinedl.errors import BusyError
from offlinedl.library import Library
from offlinedl.model import Entry
from offlinedl.streams import Plan


def orphans(entry: Entry, plan: Plan, library: Library) -> list[str]:
    """The files in the title's folder that its plan does not know. While a journal tells of more that came, it is not
    known whose they are."""
    if library.store.journal(entry.folder).lines():
        return []
    return library.store.others(entry.folder, {f.path for f in plan.fetches})


def strays(library: Library) -> list[str]:
    """What lies beside the titles' folders and belongs to no title. What a process works on is not among it."""
    there = library.store.names()
    return sorted(name for name in there - _folders(library) if not library.store.is_locked(name))


def tidy(entry: Entry, library: Library) -> bool:
    """Delete the orphans of a title. False where another process has it by now."""
    try:
        with library.lock(entry.id):
            plan = library.plan(entry.id)
            if orphans(entry, plan, library):
                library.store.keep_only(entry.folder, {f.path for f in plan.fetches})
    except BusyError:
        return False
    return True


def sweep(name: str, library: Library) -> bool:
    """Delete a stray. False where it is somebody's by now."""
    path = library.store.folder(name)
    try:
        with library.store.lock(name) if path.is_dir() and not path.is_symlink() else nullcontext():
            if name in _folders(library):
                return False
            library.store.remove(name)
    except BusyError:
        return False
    return True


def _folders(library: Library) -> set[str]:
    return {entry.folder for entry in library.catalog.entries()}
