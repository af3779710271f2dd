"""The vault's files: their owner's alone, and never there in part."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from offlinedl.errors import StorageError


def folder(path: Path) -> None:
    """Make a folder, where it is not there."""
    with translated():
        path.mkdir(parents=True, exist_ok=True, mode=0o700)


def part(path: Path) -> Path:
    """Where `put` writes before the file has its name."""
    return path.with_suffix(".part")


def put(path: Path, content: bytes) -> None:
    """Write a file. It is readable to this process's successors at once, and on the disk when this returns."""
    with translated():
        try:
            with _private(part(path)) as file:
                file.write(content)
                file.flush()
                # Renamed before it is synced: a kill in between must not lose a license that was granted.
                part(path).replace(path)
                os.fsync(file.fileno())
        finally:
            part(path).unlink(missing_ok=True)
        _sync_folder(path.parent)


def first(path: Path, content: bytes) -> bool:
    """Write a file that is not there yet: of several processes that do, the first wins. Was it this one?"""

    def given(part: Path) -> bool:
        try:
            os.link(part, path)
        except FileExistsError:
            return False
        return True

    return _settled(path, content, given)


def new(path: Path, content: bytes) -> bool:
    """Write a file where there is none, also on a disk that knows no links. Was there none?"""
    with translated():
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
    try:
        replace(path, content)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return True


def replace(path: Path, content: bytes) -> None:
    """Write a file that others are worth nothing without: it is on the disk before it takes the place of another."""
    _settled(path, content, lambda part: bool(part.replace(path)))


def read(path: Path) -> bytes | None:
    """What a file holds, None where there is none."""
    with translated():
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def _settled(path: Path, content: bytes, given: Callable[[Path], bool]) -> bool:
    part = path.with_name(f"{path.name}-{os.urandom(4).hex()}.part")
    with translated():
        try:
            with _private(part) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            done = given(part)
        finally:
            part.unlink(missing_ok=True)
        _sync_folder(path.parent)
    return done


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the file system, in the house's words."""
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise StorageError(
            f"the vault: {where}{error.strerror or error}", "is there space? is the folder yours?"
        ) from error


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
