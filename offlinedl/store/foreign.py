"""Files that another tool wrote: looked at, and copied from. They are never written to, and stay where they are."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from offlinedl.errors import NotFoundError
from offlinedl.store.faults import translated


class Foreign:
    """A file, or a folder with all below it. Paths are relative to the folder."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise NotFoundError(f"{path}: no such file or folder", "name what the other tool wrote")
        self._folder = path if path.is_dir() else path.parent
        self._only = None if path.is_dir() else path.name

    def paths(self) -> list[str]:
        """The files that there are; hidden ones are the tool's own."""
        if self._only is not None:
            return [self._only]
        with translated(f"look into {self._folder}"):
            found = (file.relative_to(self._folder) for file in self._folder.rglob("*") if file.is_file())
            return sorted(file.as_posix() for file in found if not any(part.startswith(".") for part in file.parts))

    def data(self, path: str) -> bytes | memoryview:
        """The content of a file. What is not looked at is not read."""
        with translated(f"read {path}"), (self._folder / path).open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                return b""
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def part(self, path: str, first: int, size: int) -> bytes:
        """Some bytes of a file."""
        with translated(f"read {path}"), (self._folder / path).open("rb") as file:
            return os.pread(file.fileno(), size, first)

    def opened(self, path: str) -> int:
        """A descriptor of a file, for Part.copy; whoever asks for it closes it."""
        with translated(f"read {path}"):
            return os.open(self._folder / path, os.O_RDONLY | os.O_CLOEXEC)
