"""What SQLite says when it fails, in the house's words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from offlinedl.errors import BusyError, DamagedError, StorageError

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}


@contextmanager
def translated() -> Iterator[None]:
    """Errors of SQLite and of the file, as ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise BusyError("the catalog is held by another offlinedl", "wait for it, or stop it") from error
        full = error.sqlite_errorcode in _FULL
        hint = "free some space; what is done is kept" if full else "is there space? is the folder yours?"
        code = "no-space" if full else "storage"
        raise StorageError(f"the catalog cannot be written: {error}", hint, code=code) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError):
            raise  # the schema refused what must never be: a defect
        raise DamagedError(
            f"the catalog is damaged: {error}", "restore catalog.db from a backup", code="catalog-damaged"
        ) from error
    except OSError as error:
        raise StorageError(f"the catalog cannot be opened: {error}", "is the folder yours?") from error
