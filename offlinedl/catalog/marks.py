"""What people are told of titles, and what they decide about them."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from offlinedl.catalog import rows
from offlinedl.catalog.outbox import Read
from offlinedl.model import Decision, Details


class Marks:
    """A part of the catalog; `read` is how it reads. What it writes is in the transaction that the caller opened."""

    def __init__(self, db: sqlite3.Connection, read: Read) -> None:
        self._db = db
        self._read = read

    def mark(self, title_id: str, decision: Decision, now: datetime) -> None:
        """Write down what was decided. When a title was watched is when that was first said."""
        self._db.execute(
            """UPDATE titles SET kept = coalesce(:kept, kept), priority = coalesce(:priority, priority),
                   expires_on = coalesce(:until, expires_on), brought = coalesce(:brought, brought),
                   position_seconds = coalesce(:position, position_seconds), watched = coalesce(:watched, watched),
                   watched_at = CASE :watched WHEN 1 THEN coalesce(watched_at, :now) WHEN 0 THEN NULL
                                ELSE watched_at END
                WHERE id = :id""",
            {"kept": decision.kept, "priority": decision.priority, "position": decision.position_seconds,
             "until": rows.optional_text(decision.until), "brought": decision.brought,
             "watched": decision.watched, "now": rows.text(now), "id": title_id},
        )  # fmt: skip

    def details(self, title_id: str) -> Details:
        """What is told of a title."""
        query = "SELECT published, duration, summary, poster FROM titles WHERE id = ?"
        [(published, duration, summary, poster)] = self._read(query, (title_id,))
        return Details(published=rows.moment(published), duration=duration, summary=summary, poster=poster)

    def watched_at(self, title_id: str) -> datetime | None:
        """When the title was watched, None where it was not."""
        found = self._read("SELECT watched_at FROM titles WHERE id = ?", (title_id,))
        return rows.moment(found[0]["watched_at"]) if found else None

    def priorities(self) -> dict[str, int]:
        """Of all titles, by their ids: the highest first, then those that were added first."""
        return dict(map(tuple, self._read("SELECT id, priority FROM titles ORDER BY priority DESC, added_at, id", ())))

    def ask_pause(self, title_id: str, *, asked: bool) -> None:
        """Whoever downloads the title is to stop, or not any more."""
        self._db.execute("UPDATE titles SET pause_asked = ? WHERE id = ?", (asked, title_id))

    def lacks_room(self, title_id: str, *, lacks: bool = True) -> None:
        """Does the title wait for room? Until it goes on, a person pauses it, or there is some."""
        self._db.execute("UPDATE titles SET lacks_room = ?1 WHERE id = ?2 AND lacks_room <> ?1", (lacks, title_id))

    def pause_asked(self, title_id: str) -> bool:
        """Is whoever downloads the title to stop?"""
        return bool(self._read("SELECT 1 FROM titles WHERE id = ? AND pause_asked", (title_id,)))
