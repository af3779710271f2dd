"""A file that a person asked for, outside of the library: it has its name when it is complete, and is on the disk."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from offlinedl.errors import BusyError, UsageError
from offlinedl.store import locks
from offlinedl.store.faults import translated


class Result:
    """A file that is being written beside its name, by one process at a time. Use it with `with`: nothing of it is left
    but by `keep`; what a killed run left goes with the next."""

    def __init__(self, path: Path, *, replaces: bool = False) -> None:
        self._path, self._part = path, path.with_name(f"{path.name}.offlinedl-part")
        self._replaces, self._is_kept = replaces, False
        self._check()
        with translated(f"write {path}"):
            self._file = self._begun()

    def _check(self) -> None:
        if self._path.is_dir() or (self._path.exists() and not self._replaces):
            raise UsageError(f"{self._path}: is there already", "name another file, or say --force to replace it")

    def _begun(self) -> IO[bytes]:
        """What another process writes is neither cut off nor taken."""
        descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        file, is_own = os.fdopen(descriptor, "wb"), True
        with suppress(OSError):  # of a disk that knows no locks
            is_own = locks.taken(descriptor)
        if not (is_own and locks.is_at(self._part, descriptor)):
            file.close()
            raise BusyError(f"{self._path}: another offlinedl is writing it", "wait for it, or name another file")
        file.truncate()
        return file

    def write(self, data: bytes) -> int:
        """Write at the place."""
        with translated(f"write {self._path}"):
            return self._file.write(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another place."""
        with translated(f"write {self._path}"):
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place."""
        return self._file.tell()

    def keep(self) -> int:
        """It is complete: it is on the disk, and has its name. Returns its bytes. UsageError where another file got
        that meanwhile."""
        with translated(f"write {self._path}"):
            self._file.flush()
            os.fsync(self._file.fileno())
            size = os.fstat(self._file.fileno()).st_size
            self._check()
            self._part.rename(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                with suppress(OSError):  # a disk for which folders are no files has it by now
                    os.fsync(folder)
            finally:
                os.close(folder)
        self._is_kept = True
        return size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            if not self._is_kept:
                self._part.unlink()
        with suppress(OSError):
            self._file.close()
