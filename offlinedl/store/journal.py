"""The journal of a title: what arrived since the catalog was told last."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from offlinedl.store.faults import storage_error, translated


class Journal:
    """What arrived, a line each, until the catalog has it. A line is written when its file has its name, without
    waiting for the disk: it tells the next run what to look at, and the checksum in it whether that is true. It begins
    with its line feed: one that was torn spoils none that follows."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: int | None = None

    def add(self, line: str) -> None:
        """Another line."""
        try:
            if self._file is None:
                self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            os.write(self._file, f"\n{line}".encode())
        except OSError as error:
            raise storage_error("write the journal", error) from error

    def lines(self) -> list[str]:
        """Its lines; a torn one is among them, and whoever reads it sees that."""
        try:
            return Path(self.path).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    def clear(self) -> None:
        """The catalog has it all."""
        self.close()
        with translated("delete the journal"):
            Path(self.path).unlink(missing_ok=True)

    def close(self) -> None:
        """No more lines for now."""
        if self._file is not None:
            with suppress(OSError):  # it is to help the next run: who wrote what it says has a checksum of that
                os.close(self._file)
            self._file = None
