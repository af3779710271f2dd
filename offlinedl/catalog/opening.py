"""How the catalog's file is opened: beside other processes, or, where the disk is full or may not be written, as far as
that allows: what is there can be read, and removed."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from offlinedl.catalog.migrate import check_version, migrate

_WAL_TRIES = 300
_WAL_WAIT_SECONDS = 0.1
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def opened(path: Path) -> sqlite3.Connection:
    """The catalog, of the present version. Raises what went wrong the best way where none goes well."""
    try:
        return _shared(path)
    except (sqlite3.OperationalError, OSError) as error:
        if getattr(error, "sqlite_errorcode", None) in _BUSY:
            raise
        for way in (_alone, _as_it_is):
            try:
                return way(path)
            except (sqlite3.OperationalError, OSError):
                continue
        raise


def _shared(path: Path) -> sqlite3.Connection:
    """Readers beside a writer: that takes a file that all of them write to (https://sqlite.org/wal.html section 6)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    return _connected(path, "", check_version, _use_wal, _ready)


def _alone(path: Path) -> sqlite3.Connection:
    """No such file is made, and no other process comes in (same section): on a disk without room."""
    return _connected(path, "?mode=rw", _exclude, check_version, _ready)


def _as_it_is(path: Path) -> sqlite3.Connection:
    """Nothing is written, not even a lock: on a disk that is read-only. What a killed process left beside the catalog
    would not be seen, so there may be none."""
    left = path.with_name(f"{path.name}-wal")
    if left.exists() and left.stat().st_size:
        raise OSError("another process left changes beside it")
    return _connected(path, "?mode=ro&immutable=1", check_version, _ready)


def _connected(path: Path, mode: str, *steps: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """Closed again where a step fails: one that is open keeps the next way from its locks."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}{mode}", uri=True, timeout=30, isolation_level=None)
    try:
        db.row_factory = sqlite3.Row
        for step in steps:
            step(db)
    except BaseException:
        db.close()
        raise
    return db


def _exclude(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA locking_mode = EXCLUSIVE")


def _ready(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    migrate(db)


def _use_wal(db: sqlite3.Connection) -> None:
    """SQLite does not wait by itself where two processes make this change to a new file."""
    for left in reversed(range(_WAL_TRIES)):
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not left:
                raise
            time.sleep(_WAL_WAIT_SECONDS)
        else:
            return
