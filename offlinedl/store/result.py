"""A file that a person asked for, outside of the library: it has its name when it is complete, and is on the disk."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from offlinedl.errors import UsageError
from offlinedl.store.faults import translated


class Result:
    """A file that is being written beside its name. Use it with `with`: nothing of it is left but by `keep`."""

    def __init__(self, path: Path, *, replaces: bool = False) -> None:
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        if path.is_dir() or (path.exists() and not replaces):
            raise UsageError(f"{path}: is there already", "name another file, or say --force to replace it")
        with translated(f"write {path}"):
            self._file = self._part.open("wb")

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
        """It is complete: it is on the disk, and has its name. Returns its bytes."""
        with translated(f"write {self._path}"):
            self._file.flush()
            os.fsync(self._file.fileno())
            size = os.fstat(self._file.fileno()).st_size
            self._file.close()
            self._part.rename(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)
