"""The media on the disk: one folder a title, one file a fetch. A file has its name only when it is complete."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from offlinedl.errors import BusyError, DamagedError, StorageError

_LOCK = ".lock"
_REMOVED = ".removed-"
_LOOKS, _LOOK_SECONDS = 5, 0.01


class Store:
    """The folder `titles/`. Paths are relative to the folder of their title."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, name: str) -> Path:
        """Where a title's files are."""
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise DamagedError(f"{name}: not a title's folder", "the catalog is damaged: restore it from a backup")
        return self._root / name

    def make(self, name: str) -> None:
        """Make a title's folder; one that is there is kept."""
        with _translated(f"make the folder {name}"):
            self.folder(name).mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextmanager
    def lock(self, name: str, title: str = "") -> Iterator[None]:
        """Hold a title. The lock is the system's and ends with the process, however that ends."""
        path = self.folder(name) / _LOCK
        while True:
            self.make(name)
            with _translated(f"lock {name}"):
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if not _flock(descriptor) and not _flock_soon(descriptor):
                    raise BusyError(
                        f"{title or name}: another offlinedl is working on this title", "wait for it, or stop it"
                    )
                if not path.exists() or not os.path.samestat(os.fstat(descriptor), path.stat()):
                    continue  # the folder was removed between the two: this is the lock of what is gone
                yield
                return
            finally:
                os.close(descriptor)

    def is_locked(self, name: str) -> bool:
        """Is some process working on the title?"""
        try:
            descriptor = os.open(self.folder(name) / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return False
        try:
            return not _flock(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def writing(self, name: str, path: str) -> Iterator[BinaryIO]:
        """A file to write. It gets its name when the block ends well, synced; else nothing of it stays."""
        target = self.folder(name) / path
        part = target.with_name(target.name + ".part")
        with _translated(f"write {path}"):
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with part.open("wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(target)
            except BaseException:
                part.unlink(missing_ok=True)
                raise

    def sync(self, name: str) -> None:
        """The names of a title's files survive a power loss when this returns; what is in them did before."""
        folder = self.folder(name)
        with _translated(f"sync {name}"):
            for path in (self._root, folder, *(f for f in folder.rglob("*") if f.is_dir())):
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def size(self, name: str, path: str) -> int | None:
        """Bytes of a complete file, None where it is not there."""
        try:
            return (self.folder(name) / path).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, name: str, path: str) -> memoryview:
        """A complete file. What is not looked at is not read."""
        with _translated(f"read {path}"), (self.folder(name) / path).open("rb") as file:
            empty = not os.fstat(file.fileno()).st_size
            return memoryview(b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def keep_only(self, name: str, paths: set[str]) -> None:
        """Delete what a title's folder holds beyond `paths`: rungs no longer wanted, torn parts."""
        folder = self.folder(name)
        with _translated(f"tidy {name}"):
            for file in [f for f in folder.rglob("*") if f.is_file()]:
                relative = file.relative_to(folder).as_posix()
                if relative not in paths and relative != _LOCK:
                    file.unlink()
            for left in sorted((f for f in folder.rglob("*") if f.is_dir()), reverse=True):
                if not any(left.iterdir()):
                    left.rmdir()

    def remove(self, name: str) -> None:
        """Free every byte of a title. Its folder loses its name first: half a title never looks like one."""
        with _translated(f"remove {name}"):
            removed = self._root / f"{_REMOVED}{os.urandom(8).hex()}"
            if self.folder(name).exists():
                self.folder(name).rename(removed)
            for left in self._root.glob(f"{_REMOVED}*"):  # also what a killed run left behind
                shutil.rmtree(left, ignore_errors=left != removed)

    def free_bytes(self) -> int:
        """Bytes that may still be written here."""
        folder = next(f for f in (self._root, *self._root.parents) if f.exists())
        return shutil.disk_usage(folder).free


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _flock_soon(descriptor: int) -> bool:
    """Another try or two: who only looks whether a title is locked holds it for a moment."""
    for _ in range(_LOOKS):
        time.sleep(_LOOK_SECONDS)
        if _flock(descriptor):
            return True
    return False


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Errors of the file system, in the house's words."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise StorageError(
            f"cannot {doing}: {error.strerror or error}",
            "free some space, then run it again: what is done is kept" if full else "check the folder and its owner",
            code="no-space" if full else "storage",
        ) from error
