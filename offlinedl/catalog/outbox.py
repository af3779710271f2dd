"""The outbox: what license servers and entitlement servers are owed, until they have acknowledged it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

from offlinedl.catalog import rows
from offlinedl.model import License
from offlinedl.owed import Departure, Destruction

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

    def replaced(self, title_id: str, license: License) -> None:
        """The title has this license now. What is owed for an earlier one, and names nothing but keys of this one (W3C
        EME section 9.1.4), would be taken for its release: it is owed no more."""
        for owed, _, handle in self.destructions(title_id):
            known = owed.license
            if handle is None and known.system == license.system and set(known.kids) <= set(license.kids):
                self.acknowledged(known.id)

    def destructions(self, title_id: str = "") -> list[tuple[Destruction, bytes | None, bytes | None]]:
        """The records that are owed, the oldest first, each with its server and its handle, sealed; those of this title
        alone where one is given."""
        query = "SELECT * FROM destructions WHERE ? IN ('', title_id) ORDER BY destroyed_at, license_id"
        found = self._read(query, (title_id,))
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

    def departures(self, title_id: str = "") -> list[Departure]:
        """What entitlement servers are owed, the oldest first; of this title alone where one is given."""
        query = """SELECT title_id, entitlement_url FROM releases WHERE ? IN ('', title_id)
                    ORDER BY removed_at, title_id"""
        found = self._read(query, (title_id,))
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
