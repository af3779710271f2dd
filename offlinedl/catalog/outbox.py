"""The outbox: what license servers and entitlement servers are owed, until they have acknowledged it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

from offlinedl.catalog import rows
from offlinedl.model import Departure, Destruction

Read = Callable[[str, Sequence[str]], list[sqlite3.Row]]


class Outbox:
    """A part of the catalog: its statements take part in the catalog's transactions, and `read` is how it reads."""

    def __init__(self, db: sqlite3.Connection, read: Read) -> None:
        self._db = db
        self._read = read

    def destroyed(self, record: Destruction, server: bytes | None, handle: bytes | None) -> None:
        """Owe a destruction record, with who is to hear of it and the adapter's handle, both sealed."""
        self._db.execute(
            "INSERT OR IGNORE INTO destructions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows.destruction_row(record, server, handle),
        )

    def destroyed_ids(self, title_id: str) -> list[str]:
        """The ids of the title's licenses that were destroyed and whose records are still owed."""
        found = self._read("SELECT license_id FROM destructions WHERE title_id = ?", (title_id,))
        return [row["license_id"] for row in found]

    def destructions(self) -> list[tuple[Destruction, bytes | None, bytes | None]]:
        """The records that are owed, the oldest first, each with its server and its handle, sealed."""
        found = self._read("SELECT * FROM destructions ORDER BY destroyed_at, license_id", ())
        return [(rows.destruction(row), row["license_server"], row["handle"]) for row in found]

    def acknowledged(self, license_id: str) -> None:
        """The server has heard that this license was destroyed."""
        self._db.execute("DELETE FROM destructions WHERE license_id = ?", (license_id,))

    def left(self, title_id: str, now: datetime) -> None:
        """Owe it to the entitlement server of the title, where it has one, that the title is no longer here."""
        self._db.execute(
            """INSERT OR IGNORE INTO releases SELECT id, entitlement_url, ? FROM titles
                WHERE id = ? AND entitlement_url IS NOT NULL""",
            (rows.text(now), title_id),
        )

    def unused(self, title_id: str, entitlement_url: str, now: datetime) -> None:
        """Owe it to an entitlement server that a title which it allowed did not come, unless it is here."""
        self._db.execute(
            """INSERT OR IGNORE INTO releases SELECT ?1, ?2, ?3
                WHERE NOT EXISTS (SELECT 1 FROM titles WHERE id = ?1)""",
            (title_id, entitlement_url, rows.text(now)),
        )

    def departures(self) -> list[Departure]:
        """What entitlement servers are owed, the oldest first."""
        found = self._read("SELECT title_id, entitlement_url FROM releases ORDER BY removed_at, title_id", ())
        return [Departure(title_id=row["title_id"], entitlement_url=row["entitlement_url"]) for row in found]

    def heard(self, departure: Departure) -> None:
        """The entitlement server has heard that the title left."""
        self._db.execute(
            "DELETE FROM releases WHERE title_id = ? AND entitlement_url = ?",
            (departure.title_id, departure.entitlement_url),
        )

    def returned(self, title_id: str) -> None:
        """The title is being downloaded again: that it left is no longer true, and not to be said."""
        self._db.execute("DELETE FROM releases WHERE title_id = ?", (title_id,))
