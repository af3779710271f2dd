"""Errors of the file system, in the house's words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from offlinedl.errors import FEWER_FILES, StorageError

_FULL = "free some space, then run it again: what is done is kept"


@contextmanager
def translated(doing: str, where_full: str = _FULL) -> Iterator[None]:
    """Errors of the file system, in the house's words."""
    try:
        yield
    except OSError as error:
        raise storage_error(doing, error, where_full) from error


def storage_error(doing: str, error: OSError, where_full: str = _FULL) -> StorageError:
    """What could not be done, and what would help: of a full disk, `where_full`."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    hint = where_full if full else "check the folder and its owner"
    if error.errno == errno.EMFILE:
        hint = FEWER_FILES
    return StorageError(f"cannot {doing}: {error.strerror or error}", hint, code="no-space" if full else "storage")
