"""A file that arrives, and what tells later whether it is still as it was."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import xxhash

from offlinedl.store.faults import storage_error

if TYPE_CHECKING:
    from offlinedl.verify import Packets

_READ = 1024 * 1024
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


def checksum(data: bytes | memoryview) -> bytes:
    """XXH3 with 128 bits: of those measured (CRC-32, SHA-256, BLAKE2) it alone costs next to nothing. It finds damage,
    not forgery."""
    return xxhash.xxh3_128(data).digest()


def checksum_of(path: Path) -> bytes | None:
    """The checksum of a file, None where it cannot be read."""
    buffer, total = bytearray(_READ), xxhash.xxh3_128()
    try:
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                total.update(memoryview(buffer)[:count])
    except OSError:
        return None
    return total.digest()


class Part:
    """A file that is being written, beside its name: `keep` gives it that, `drop` leaves nothing of it. Where one
    `looks`, its packets of MPEG-TS are looked at as they come."""

    def __init__(self, folder: Path, name: str, *, looks: bool = False) -> None:
        self._name = name
        self._packets = _packets() if looks else None
        self._path = path = f"{folder}/{name}"
        self._hash = xxhash.xxh3_128()
        try:
            try:
                self._file = os.open(f"{path}.part", _WRITE, 0o600)
            except FileNotFoundError:
                Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._file = os.open(f"{path}.part", _WRITE, 0o600)
        except OSError as error:
            raise storage_error(f"write {name}", error) from error

    def write(self, data: memoryview | bytes) -> None:
        """The next bytes."""
        self._hash.update(data)
        if self._packets is not None:
            self._packets.take(data)
        try:
            _write_all(self._file, data)
        except OSError as error:
            raise storage_error(f"write {self._name}", error) from error

    def copy(self, source: int, first: int, size: int) -> None:
        """The next bytes are those of an open file. Where the file system can, both share them; no name is shared: who
        changes that file later changes nothing here."""
        try:
            while size:
                data = os.pread(source, min(size, _READ), first)
                if not data:
                    raise OSError(errno.EIO, "the file ends too early")
                self._hash.update(data)
                shared = _shared(source, self._file, len(data), first)
                if shared < len(data):
                    _write_all(self._file, memoryview(data)[shared:])
                first, size = first + len(data), size - len(data)
        except OSError as error:
            raise storage_error(f"copy to {self._name}", error) from error

    @property
    def is_formed(self) -> bool:
        """Was it looked at, and is all of it whole packets of MPEG-TS?"""
        return self._packets is not None and self._packets.are_whole

    def keep(self) -> bytes:
        """It is complete. Returns its checksum."""
        try:
            os.close(self._file)
            os.rename(f"{self._path}.part", self._path)  # noqa: PTH104 - ten thousand times in a download
        except OSError as error:
            raise storage_error(f"write {self._name}", error) from error
        return self._hash.digest()

    def drop(self) -> None:
        """It was not to be. What is left of it where even that fails is no second error: it has no name."""
        with suppress(OSError):
            os.close(self._file)
        with suppress(OSError):
            Path(f"{self._path}.part").unlink(missing_ok=True)


def whole(folder: Path, name: str, data: memoryview, *, looks: bool) -> Part:
    """A file that is written at once, to be kept. For `looks` see Part."""
    part = Part(folder, name, looks=looks)
    try:
        part.write(data)
    except BaseException:
        part.drop()
        raise
    return part


def _packets() -> Packets:
    from offlinedl.verify import Packets  # most commands write no media

    return Packets()


def _write_all(file: int, data: memoryview | bytes) -> None:
    written = os.write(file, data)
    while written < len(data):
        written += os.write(file, data[written:])


def _shared(source: int, target: int, count: int, first: int) -> int:
    """How many bytes the file system copied by itself (copy_file_range(2)): none where the two are on different ones,
    or it cannot."""
    if not hasattr(os, "copy_file_range"):
        return 0
    with suppress(OSError):
        return os.copy_file_range(source, target, count, first)
    return 0
