"""What the last runs of `sync` did."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from offlinedl.catalog import rows
from offlinedl.catalog.outbox import Read
from offlinedl.series import Run

_KEPT = 100


class Runs:
    """A part of the catalog; `read` is how it reads. What it writes is in the transaction that the caller opened."""

    def __init__(self, db: sqlite3.Connection, read: Read) -> None:
        self._db = db
        self._read = read

    def began(self, now: datetime) -> int:
        """A run begins; the oldest are forgotten. Its number."""
        number = self._db.execute("INSERT INTO runs (began_at) VALUES (?)", (rows.text(now),)).lastrowid or 0
        self._db.execute("DELETE FROM runs WHERE number <= ?", (number - _KEPT,))
        return number

    def ended(self, number: int, run: Run) -> None:
        """It ended, and did this."""
        self._db.execute(
            """UPDATE runs SET ended_at = ?, exit_code = ?, done = ?, waits = ?, failures = ?, troubles = ?
                WHERE number = ?""",
            (rows.optional_text(run.ended_at), run.exit_code, json.dumps(dict(run.done)), run.waits,
             json.dumps(run.failures), json.dumps(sorted(run.troubles)), number),
        )  # fmt: skip

    def last(self) -> list[Run]:
        """The last runs, the newest first."""
        found = self._read("SELECT * FROM runs ORDER BY number DESC", ())
        return [
            Run(
                began_at=datetime.fromisoformat(row["began_at"]),
                ended_at=rows.moment(row["ended_at"]),
                exit_code=row["exit_code"],
                done=json.loads(row["done"]),
                waits=row["waits"],
                failures=tuple((title, said) for title, said in json.loads(row["failures"])),
                troubles=frozenset((a, b, c, d) for a, b, c, d in json.loads(row["troubles"])),
            )
            for row in found
        ]
