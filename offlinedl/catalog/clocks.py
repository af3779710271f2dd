"""What the catalog knows of time: the mark of what was seen last, and the licenses whose clocks ran out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from offlinedl.catalog import rows
from offlinedl.catalog.outbox import Read
from offlinedl.mark import Boot, Mark

_LIMITED = """destroyed_at IS NULL
    AND (storage_seconds IS NOT NULL OR playback_seconds IS NOT NULL OR ends_at IS NOT NULL)"""
"""Licenses for which it matters what the time is."""

_OVER = """coalesce(ends_at <= ?1, 0)
    OR coalesce(strftime('%s', issued_at) + storage_seconds <= strftime('%s', ?1) + 0, 0)
    OR coalesce(strftime('%s', first_played_at) + playback_seconds <= strftime('%s', ?1) + 0, 0)"""
"""Licenses past their deadline, or within a second of it (see expiry.py for the moment)."""


_BEGUN_AFTER = "(issued_at > ?1 OR first_played_at > ?1 OR last_played_at > ?1)"


class Clocks:
    """A part of the catalog: its statements take part in the catalog's transactions, and `read` is how it reads."""

    def __init__(self, db: sqlite3.Connection, read: Read) -> None:
        self._db = db
        self._read = read

    def mark(self) -> Mark | None:
        """The time that was seen last: what was kept, else the last that a license tells of. None where there is no
        license for which it matters: then there is nothing that a clock could be set back for."""
        [(is_limited, seen, *kept)] = self._read(
            f"""SELECT EXISTS (SELECT 1 FROM licenses WHERE {_LIMITED}), clock.id, at, boot_id, boot_seconds, confirmed,
                       heard_at, suspect FROM (SELECT 1) LEFT JOIN clock""",
            (),
        )
        if not is_limited:
            return None
        if seen is None:
            found = self._read(
                f"SELECT max(max(issued_at, coalesce(last_played_at, ''))) FROM licenses WHERE {_LIMITED}",
                (),
            )
            return Mark(at=datetime.fromisoformat(found[0][0]))
        at, boot_id, boot_seconds, confirmed, heard_at, suspect = kept
        return Mark(
            at=datetime.fromisoformat(at),
            boot=None if boot_id is None else Boot(id=boot_id, seconds=boot_seconds),
            confirmed=bool(confirmed),
            heard_at=rows.moment(heard_at),
            suspect=bool(suspect),
        )

    def keep(self, mark: Mark) -> None:
        """Keep the time that was seen last."""
        boot = mark.boot
        self._db.execute(
            "INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?, ?, ?, ?)",
            (
                rows.text(mark.at),
                None if boot is None else boot.id,
                None if boot is None else boot.seconds,
                mark.confirmed,
                rows.optional_text(mark.heard_at),
                mark.suspect,
            ),
        )

    def forget_idle(self) -> None:
        """Where no license is left for which it matters, what was seen before does not matter to the next one."""
        self._db.execute(f"DELETE FROM clock WHERE NOT EXISTS (SELECT 1 FROM licenses WHERE {_LIMITED})")

    def note(self, event: str, now: datetime) -> None:
        """Something happened to every title whose clocks run, or will."""
        self._db.execute(
            f"INSERT INTO history SELECT title_id, ?, ? FROM licenses WHERE {_LIMITED}", (rows.text(now), event)
        )

    def begun_after(self, latest: datetime) -> bool:
        """Is there a license whose clocks began after `latest`?"""
        return bool(self._read(f"SELECT 1 FROM licenses WHERE {_BEGUN_AFTER} LIMIT 1", (rows.text(latest),)))

    def pull(self, latest: datetime, now: datetime) -> None:
        """Nothing can have begun after `latest`. Where something did, the clock was wrong then: it begins now."""
        self._db.execute(
            f"""UPDATE licenses SET issued_at = min(issued_at, ?2), first_played_at = min(first_played_at, ?2),
                   last_played_at = min(last_played_at, ?2) WHERE {_BEGUN_AFTER}""",
            (rows.text(latest), rows.text(now)),
        )

    def to_heed(self, now: datetime) -> list[str]:
        """The titles whose license ended and nothing was done about it yet, or that did not end after all. Those
        that are within a second of it may be among them."""
        found = self._read(
            f"""SELECT title_id FROM licenses JOIN titles ON titles.id = title_id
                 WHERE state <> 'removing' AND destroyed_at IS NULL
                   AND CASE WHEN {_OVER} THEN expired_at IS NULL OR system IS NOT NULL
                            ELSE expired_at IS NOT NULL END""",
            (rows.text(now),),
        )
        return [row[0] for row in found]

    def expired(self, title_id: str, at: datetime | None) -> None:
        """The title's license was seen to be over `at` this moment; None takes that back."""
        self._db.execute("UPDATE licenses SET expired_at = ? WHERE title_id = ?", (rows.optional_text(at), title_id))

    def destroyed(self, title_id: str, at: datetime) -> None:
        """The keys of the title's license are destroyed."""
        self._db.execute("UPDATE licenses SET destroyed_at = ? WHERE title_id = ?", (rows.text(at), title_id))

    @contextmanager
    def unhurried(self) -> Iterator[None]:
        """What is written here can wait until the next run: nobody waits for another process."""
        [before] = self._read("PRAGMA busy_timeout", ())
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {before[0]}")
