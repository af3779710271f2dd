"""The media on the disk: one folder a title, one file a fetch. A file has its name only when it is complete."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import xxhash

from offlinedl.errors import BusyError, DamagedError, StorageError

_LOCK = ".lock"
_JOURNAL = ".journal"
_REMOVED = ".removed-"
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_READ = 1024 * 1024
_LARGE = 256 * 1024
_LOOKS, _LOOK_SECONDS = 5, 0.01


class Store:
    """The folder `titles/`. Paths are relative to the folder of their title."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._disk: int | None = None

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
        with _translated(f"make the folder {name}"):
            self.folder(name).mkdir(parents=True, exist_ok=True, mode=0o700)
            self._opened()

    @contextmanager
    def lock(self, name: str, title: str = "") -> Iterator[None]:
        """Hold a title. The lock is the system's and ends with the process, however that ends."""
        path = self.folder(name) / _LOCK
        while True:
            self.make(name)
            with _translated(f"lock {name}"):
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                with _translated(f"lock {name}"):
                    is_held = _flock(descriptor) or _flock_soon(descriptor)
                    is_there = _is_at(path, descriptor)
                if not is_held:
                    raise BusyError(
                        f"{title or name}: another offlinedl is working on this title", "wait for it, or stop it"
                    )
                if not is_there:
                    continue  # the folder was removed between the two: this is the lock of what is gone
                yield
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
            with _translated(f"look at the lock of {name}"):
                return not _flock(descriptor)
        finally:
            os.close(descriptor)

    def part(self, name: str, path: str) -> Part:
        """A file to write."""
        return Part(self.folder(name), path)

    def sync(self) -> None:
        """What was written survives a power loss when this returns: files, their names, and what is in them."""
        with _translated("sync the disk"):
            _sync_file_system(self._opened())

    def _opened(self) -> int:
        """The disk. It stays open: a failed write is told of to those alone who had it open then (syncfs(2))."""
        if self._disk is None:
            self._disk = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)
        return self._disk

    def checksum(self, name: str, path: str) -> bytes | None:
        """The checksum of a complete file (see Part), None where it cannot be read."""
        buffer, total = bytearray(_READ), xxhash.xxh3_128()
        try:
            with (self.folder(name) / path).open("rb", buffering=0) as file:
                while count := file.readinto(buffer):
                    total.update(memoryview(buffer)[:count])
        except OSError:
            return None
        return total.digest()

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
        with _translated(f"read {path}"):
            descriptor = os.open(f"{self.folder(name)}/{path}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                size = os.fstat(descriptor).st_size
                if size > _LARGE:
                    return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
                return memoryview(os.read(descriptor, size))
            finally:
                os.close(descriptor)

    def drop(self, name: str, path: str) -> None:
        """Delete a complete file, if it is there."""
        with _translated(f"delete {path}"):
            (self.folder(name) / path).unlink(missing_ok=True)

    def keep_only(self, name: str, paths: set[str]) -> None:
        """Delete what a title's folder holds beyond `paths`: rungs no longer wanted, torn parts."""
        folder = self.folder(name)
        with _translated(f"tidy {name}"):
            for file in [f for f in folder.rglob("*") if f.is_file()]:
                relative = file.relative_to(folder).as_posix()
                if relative not in paths and relative not in {_LOCK, _JOURNAL}:
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
        return free_bytes(next(f for f in (self._root, *self._root.parents) if f.exists()))


def free_bytes(folder: Path) -> int:
    """Bytes that may still be written to the disk of a folder that is there."""
    return shutil.disk_usage(folder).free


def checksum(data: bytes) -> bytes:
    """XXH3 with 128 bits: of those measured (CRC-32, SHA-256, BLAKE2) it alone costs next to nothing. It finds damage,
    not forgery."""
    return xxhash.xxh3_128(data).digest()


class Part:
    """A file that is being written, beside its name: `keep` gives it that, `drop` leaves nothing of it.

    The checksum is XXH3 with 128 bits: of those measured (XXH3, CRC-32, SHA-256, BLAKE2) it alone costs next to
    nothing. It finds damage, not forgery.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._path = path = f"{folder}/{name}"
        self._hash = xxhash.xxh3_128()
        try:
            try:
                self._file = os.open(f"{path}.part", _WRITE, 0o600)
            except FileNotFoundError:
                Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._file = os.open(f"{path}.part", _WRITE, 0o600)
        except OSError as error:
            raise _storage_error(f"write {name}", error) from error

    def write(self, data: memoryview | bytes) -> None:
        """The next bytes."""
        self._hash.update(data)
        try:
            written = os.write(self._file, data)
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError as error:
            raise _storage_error(f"write {self._name}", error) from error

    def keep(self) -> bytes:
        """It is complete. Returns its checksum."""
        try:
            os.close(self._file)
            os.rename(f"{self._path}.part", self._path)  # noqa: PTH104 - ten thousand times in a download
        except OSError as error:
            raise _storage_error(f"write {self._name}", error) from error
        return self._hash.digest()

    def drop(self) -> None:
        """It was not to be. What is left of it where even that fails is no second error: it has no name."""
        with suppress(OSError):
            os.close(self._file)
        with suppress(OSError):
            Path(f"{self._path}.part").unlink(missing_ok=True)


class Journal:
    """What arrived, a line each, until the catalog has it. A line is written when its file has its name, without
    waiting for the disk: it tells the next run what to look at, and the checksum in it whether that is true. It begins
    with its line feed: one that was torn spoils none that follows."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None

    def add(self, line: str) -> None:
        """Another line."""
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            os.write(self._file, f"\n{line}".encode())
        except OSError as error:
            raise _storage_error("write the journal", error) from error

    def lines(self) -> list[str]:
        """Its lines; a torn one is among them, and whoever reads it sees that."""
        try:
            return Path(self._path).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    def clear(self) -> None:
        """The catalog has it all."""
        self.close()
        with _translated("delete the journal"):
            Path(self._path).unlink(missing_ok=True)

    def close(self) -> None:
        """No more lines for now."""
        if self._file is not None:
            with suppress(OSError):  # it is to help the next run: who wrote what it says has a checksum of that
                os.close(self._file)
            self._file = None


def _sync_file_system(descriptor: int) -> None:
    """syncfs(2), which Python does not have: one call for a thousand files, of this file system alone."""
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
    elif syncfs(descriptor) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _is_at(path: Path, descriptor: int) -> bool:
    """Does the file still have its name?"""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


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
        raise _storage_error(doing, error) from error


def _storage_error(doing: str, error: OSError) -> StorageError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    hint = "free some space, then run it again: what is done is kept" if full else "check the folder and its owner"
    if error.errno == errno.EMFILE:
        hint = "fewer connections (-N) need fewer, and `ulimit -n` allows more; what is done is kept"
    return StorageError(f"cannot {doing}: {error.strerror or error}", hint, code="no-space" if full else "storage")
