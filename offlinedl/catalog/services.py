"""What the services of titles count: which titles of one are here, and how many were downloaded."""

from __future__ import annotations

from datetime import datetime

from offlinedl.catalog import rows
from offlinedl.catalog.outbox import Read

_OF_ITS_SOURCE = "substr({0}, 1, length(?1)) = ?1 AND {0} <> ?2"


class Services:
    """A part of the catalog; `read` is how it reads."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def others(self, title_id: str) -> list[str]:
        """The ids of the other titles of the same source that are here or under way, those that were added first
        first."""
        found = self._read(
            f"SELECT id FROM titles WHERE {_OF_ITS_SOURCE.format('id')} AND state <> 'removing' ORDER BY added_at, id",
            (_source(title_id), title_id),
        )
        return [row["id"] for row in found]

    def others_since(self, title_id: str, then: datetime) -> int:
        """How many other titles of the same source became ready at `then` or later, those that are gone too, or are
        under way to it."""
        [row] = self._read(
            f"""SELECT count(*) FROM (
                    SELECT title_id FROM history
                     WHERE {_OF_ITS_SOURCE.format("title_id")} AND event = 'ready' AND at >= ?3
                    UNION
                    SELECT id FROM titles
                     WHERE {_OF_ITS_SOURCE.format("id")} AND state IN ('queued', 'downloading', 'paused'))""",
            (_source(title_id), title_id, rows.text(then)),
        )
        return int(row[0])

    def is_entitled(self, title_id: str) -> bool:
        """Is there an entitlement server that allowed the title to be downloaded?"""
        return bool(self._read("SELECT 1 FROM titles WHERE id = ? AND entitlement_url IS NOT NULL", (title_id,)))


def _source(title_id: str) -> str:
    """What the ids of all titles of its source begin with."""
    return title_id.partition(":")[0] + ":"
