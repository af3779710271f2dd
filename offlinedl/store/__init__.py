"""The media on the disk: one folder a title, one file a fetch. A file has its name only when it is complete."""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from offlinedl.errors import BusyError, DamagedError
from offlinedl.store import locks
from offlinedl.store.faults import translated
from offlinedl.store.journal import Journal
from offlinedl.store.part import Part, checksum, checksum_of

if TYPE_CHECKING:
    from offlinedl.store.writer import Writer

__all__ = ["POSTERS", "SYNC", "Part", "Store", "checksum", "folder_name", "free_bytes"]

_LOCK = ".lock"
_JOURNAL = ".journal"
_REMOVED = ".removed-"
SYNC = ".sync"
"""What is locked while one pass goes over all titles. It lies beside their folders, and is none of them."""
POSTERS = {"poster.jpg": "image/jpeg", "poster.png": "image/png", "poster.webp": "image/webp"}
"""What the picture of a title may be called, and its media type: its name tells what is in it."""
_LARGE = 256 * 1024


class Store:
    """The folder `titles/`. Paths are relative to the folder of their title."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._disk: int | None = None
        self._locks: dict[str, int] = {}

    def close(self) -> None:
        """No more of it."""
        if self._disk is not None:
            os.close(self._disk)
            self._disk = None

    @cache  # noqa: B019 - a store lives as long as the process, and titles are few
    def folder(self, name: str) -> Path:
        """Where a title's files are."""
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise DamagedError(f"{name}: not a title's folder", "the catalog is damaged: restore it from a backup")
        return self._root / name

    def make(self, name: str) -> None:
        """Make a title's folder; one that is there is kept."""
        with translated(f"make the folder {name}"):
            self.folder(name).mkdir(parents=True, exist_ok=True, mode=0o700)
            self._opened()

    @contextmanager
    def lock(self, name: str, title: str = "") -> Iterator[None]:
        """Hold a title. The lock is the system's and ends with the process, however that ends."""
        path = self.folder(name) / _LOCK
        while True:
            self.make(name)
            with translated(f"lock {name}"):
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                with translated(f"lock {name}"):
                    is_held = locks.taken(descriptor) or locks.taken_soon(descriptor)
                    is_there = locks.is_at(path, descriptor)
                if not is_held:
                    raise BusyError(
                        f"{title or name}: another offlinedl is working on this title", "wait for it, or stop it"
                    )
                if not is_there:
                    continue  # the folder was removed between the two: this is the lock of what is gone
                self._locks[name] = descriptor
                try:
                    yield
                finally:
                    self._locks.pop(name, None)  # a folder that lost its name may be locked twice
                return
            finally:
                os.close(descriptor)

    def is_locked(self, name: str) -> bool:
        """Is some process working on the title?"""
        try:
            descriptor = os.open(self.folder(name) / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # there is none, or nobody may write here
            return False
        try:
            with translated(f"look at the lock of {name}"):
                return locks.is_held(descriptor, self._opened())
        finally:
            os.close(descriptor)

    @contextmanager
    def played(self, name: str) -> Iterator[None]:
        """Somebody watches the title while the block runs. That hinders nobody who works on it, and needs no file: the
        lock is on its folder."""
        with self._folder_opened(name) as descriptor:
            if descriptor is not None:
                locks.shared(descriptor)
            yield

    def is_played(self, name: str) -> bool:
        """Does somebody watch the title?"""
        with self._folder_opened(name) as descriptor, suppress(OSError):  # where there are no such locks
            return descriptor is not None and locks.is_held(descriptor, self._opened())
        return False

    @contextmanager
    def _folder_opened(self, name: str) -> Iterator[int | None]:
        """A title's folder, None where it is not there."""
        try:
            descriptor = os.open(self.folder(name), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def part(self, name: str, path: str) -> Part:
        """A file to write."""
        return Part(self.folder(name), path)

    def writer(self, name: str, journal: Journal) -> Writer:
        """Writes the files of a download."""
        from offlinedl.store.writer import Writer  # asyncio is large, and most commands download nothing

        return Writer(self.folder(name), self._locks.get(name), journal)

    def sync(self) -> None:
        """What was written survives a power loss when this returns: files, their names, and what is in them."""
        with translated("sync the disk"):
            _sync_file_system(self._opened())

    def _opened(self) -> int:
        """The disk. It stays open: a failed write is told of to those alone who had it open then (syncfs(2))."""
        if self._disk is None:
            self._disk = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)
        return self._disk

    def checksum(self, name: str, path: str) -> bytes | None:
        """The checksum of a complete file (see Part), None where it cannot be read."""
        return checksum_of(self.folder(name) / path)

    def journal(self, name: str) -> Journal:
        """The journal of a title's download."""
        return Journal(str(self.folder(name) / _JOURNAL))

    def size(self, name: str, path: str) -> int | None:
        """Bytes of a complete file, None where it is not there."""
        try:
            return os.stat(f"{self.folder(name)}/{path}").st_size  # noqa: PTH116 - once for each of many files
        except OSError:
            return None

    def read(self, name: str, path: str) -> memoryview:
        """A complete file. Of a large one, what is not looked at is not read."""
        with translated(f"read {path}"):
            descriptor = os.open(f"{self.folder(name)}/{path}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                size = os.fstat(descriptor).st_size
                if size > _LARGE:
                    return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
                return memoryview(os.read(descriptor, size))
            finally:
                os.close(descriptor)

    def poster(self, name: str) -> Path | None:
        """Where the picture of a title is, None where it has none. It is no media: no plan knows of it."""
        return next((path for poster in POSTERS if (path := self.folder(name) / poster).is_file()), None)

    def drop(self, name: str, path: str) -> None:
        """Delete a complete file, if it is there."""
        with translated(f"delete {path}"):
            (self.folder(name) / path).unlink(missing_ok=True)

    def keep_only(self, name: str, paths: set[str]) -> None:
        """Delete what a title's folder holds beyond `paths` and its picture: rungs no longer wanted, torn parts."""
        folder = self.folder(name)
        with translated(f"tidy {name}"):
            for path in self.others(name, paths):
                (folder / path).unlink()
            for left in sorted((f for f in folder.rglob("*") if f.is_dir()), reverse=True):
                if not any(left.iterdir()):
                    left.rmdir()

    def others(self, name: str, paths: set[str]) -> list[str]:
        """The paths of the files that a title's folder holds beyond `paths` and its picture."""
        folder = self.folder(name)
        found = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
        return sorted(path for path in found if path not in paths and path not in {_LOCK, _JOURNAL, *POSTERS})

    def names(self) -> set[str]:
        """What lies beside each other in the root: the folders of titles, and what else came there; no lock of ours."""
        with translated("look at the titles"):
            return {found.name for found in self._root.iterdir()} - {SYNC} if self._root.exists() else set()

    def remove(self, name: str) -> None:
        """Free every byte of a title. Its folder loses its name first: half a title never looks like one."""
        with translated(f"remove {name}"):
            removed = self._root / f"{_REMOVED}{os.urandom(8).hex()}"
            if self.folder(name).is_symlink() or self.folder(name).is_file():
                self.folder(name).unlink()  # what it leads to is not ours
            elif self.folder(name).exists():
                self.folder(name).rename(removed)
            for left in self._root.glob(f"{_REMOVED}*"):  # also what a killed run left behind
                shutil.rmtree(left, ignore_errors=left != removed)

    def free_bytes(self) -> int:
        """Bytes that may still be written here."""
        return free_bytes(next(f for f in (self._root, *self._root.parents) if f.exists()))


def folder_name(title_id: str) -> str:
    """A folder for a title: readable, and for no other title, also where letters have no case."""
    plain = re.sub(r"[^a-z0-9]+", "-", title_id.lower()).strip("-")[:60]
    return f"{plain}-{hashlib.sha256(title_id.encode()).hexdigest()[:10]}"


def free_bytes(folder: Path) -> int:
    """Bytes that may still be written to the disk of a folder that is there."""
    return shutil.disk_usage(folder).free


def _sync_file_system(descriptor: int) -> None:
    """syncfs(2), which Python does not have: one call for a thousand files, of this file system alone."""
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
    elif syncfs(descriptor) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
