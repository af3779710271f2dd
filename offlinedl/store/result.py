"""A file that a person asked for, outside of the library: it has its name when it is complete, and is on the disk."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from offlinedl.errors import BusyError, UsageError
from offlinedl.store import locks
from offlinedl.store.faults import translated


class Result:
    """A file that is being written beside its name, by one process at a time. Use it with `with`: nothing of it is left
    but by `keep`; what a killed run left goes with the next. Of a symbolic link it is what that leads to."""

    def __init__(self, path: Path, *, replaces: bool = False) -> None:
        self._said, self._path = path, Path(os.path.realpath(path))
        self._replaces, self._is_kept = replaces, False
        self._check()
        self._begins = f".{self._path.name}.offlinedl-"
        self._part = self._path.with_name(f"{self._begins}{os.urandom(4).hex()}")
        with self._translated():
            self._file = self._begun()
        if any(map(self._lives, self._others())):
            self.__exit__(None, None, None)
            raise BusyError(f"{path}: another offlinedl is writing it", "wait for it, or name another file")

    def _check(self) -> None:
        if self._path.is_dir():
            raise UsageError(f"{self._said}: is a folder", "name a file in it, or another one")
        if self._path.exists() and not self._replaces:
            raise UsageError(f"{self._said}: is there already", "name another file, or say --force to replace it")

    def _translated(self) -> AbstractContextManager[None]:
        return translated(f"write {self._said}", "free some space, then run it again: nothing is left of the file")

    def _begun(self) -> IO[bytes]:
        """Locked, so that others see that its process lives; a disk that knows no locks has none that is dead."""
        descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with suppress(OSError):
            locks.taken(descriptor)
        return os.fdopen(descriptor, "wb")

    def _others(self) -> list[Path]:
        """What other runs began for the same name."""
        found: list[Path] = []
        with suppress(OSError):  # who may write into a folder may not always look into it
            found += (path for path in self._path.parent.iterdir() if path.name.startswith(self._begins))
        return [path for path in found if path != self._part and len(path.name) == len(self._part.name)]

    @staticmethod
    def _lives(other: Path) -> bool:
        """Is its process alive? What a dead one left is deleted."""
        try:
            descriptor = os.open(other, os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # it came to its end meanwhile, or is somebody else's
            return False
        try:
            if not locks.taken(descriptor):
                return True
            other.unlink(missing_ok=True)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return False

    def write(self, data: bytes) -> int:
        """Write at the place."""
        with self._translated():
            return self._file.write(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another place."""
        with self._translated():
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place."""
        return self._file.tell()

    def keep(self) -> int:
        """It is complete: it is on the disk, and has its name. Returns its bytes. UsageError where another file got
        that meanwhile."""
        with self._translated():
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
