"""A small offline app on offlinedl."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class SqliteLicenses:
    """A license store in a database of the application's own: see offlinedl.LicenseStore for what it promises."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA synchronous = FULL")  # on the disk when a statement returns
        self._db.execute("PRAGMA secure_delete = ON")  # and gone from it
        self._db.execute("CREATE TABLE IF NOT EXISTS licenses (id TEXT PRIMARY KEY, license BLOB NOT NULL) STRICT")
        Path(path).chmod(0o600)

    def save(self, license_id: str, license: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO licenses VALUES (?, ?)", (license_id, license))

    def load(self, license_id: str) -> bytes | None:
        row = self._db.execute("SELECT license FROM licenses WHERE id = ?", (license_id,)).fetchone()
        return None if row is None else bytes(row[0])

    def remove(self, license_id: str) -> None:
        self._db.execute("DELETE FROM licenses WHERE id = ?", (license_id,))

    def ids(self) -> list[str]:
        """Those that are there."""
        return [license_id for (license_id,) in self._db.execute("SELECT id FROM licenses ORDER BY id")]
