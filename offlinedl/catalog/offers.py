"""The sources that were added, and what they offered last."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from offlinedl.added import AddedSource, Offer
from offlinedl.catalog import rows
from offlinedl.catalog.outbox import Read
from offlinedl.model import Failure, Series

_COLUMNS = """id, source, position, name, series_id, series_name, season, episode, special, published, available_from,
    available_until, duration, download, reason"""

_SOURCES = """SELECT name, url, kind, (SELECT count(*) FROM offers WHERE source = sources.name), etag, last_modified,
    checksum, fetched_at, error_code, error_message, error_hint, failing_since, left_out FROM sources"""


class Offers:
    """A part of the catalog; `read` is how it reads. What it writes is in the transaction that the caller opened."""

    def __init__(self, db: sqlite3.Connection, read: Read) -> None:
        self._db = db
        self._read = read

    def sources(self) -> list[AddedSource]:
        """Every source, by its name."""
        return [_source(row) for row in self._read(f"{_SOURCES} ORDER BY name", ())]

    def source(self, name: str) -> AddedSource | None:
        """The source of this name."""
        found = self._read(f"{_SOURCES} WHERE name = ?", (name,))
        return _source(found[0]) if found else None

    def add(self, name: str, url: str, kind: str, now: datetime) -> None:
        """Add a source, or give a known one another address: what that one offers is not known yet."""
        self.remove(name)
        self._db.execute(
            "INSERT INTO sources (name, url, kind, added_at) VALUES (?, ?, ?, ?)", (name, url, kind, rows.text(now))
        )

    def remove(self, name: str) -> bool:
        """Forget a source and what it offers; its titles stay. False where there was none."""
        return self._db.execute("DELETE FROM sources WHERE name = ?", (name,)).rowcount > 0

    def replace(self, source: str, offers: Iterable[Offer], checksum: bytes, left_out: str = "") -> None:
        """The source offers this, and nothing else. Of two with one id the first counts. `left_out` says what is wrong
        with others."""
        self._db.execute("DELETE FROM offers WHERE source = ?", (source,))
        self._db.executemany(f"INSERT OR IGNORE INTO offers VALUES ({', '.join('?' * 15)})", map(_row, offers))
        self._db.execute("UPDATE sources SET checksum = ?, left_out = ? WHERE name = ?", (checksum, left_out, source))

    def answered(self, source: str, etag: str, last_modified: str, now: datetime) -> None:
        """The source was read, and what it offers is what the catalog has."""
        self._db.execute(
            """UPDATE sources SET etag = ?, last_modified = ?, fetched_at = ?, error_code = NULL, error_message = NULL,
                   error_hint = NULL, failing_since = NULL WHERE name = ?""",
            (etag, last_modified, rows.text(now), source),
        )

    def failed(self, source: str, failure: Failure, now: datetime) -> None:
        """The source could not be read; what it offered last stays."""
        self._db.execute(
            """UPDATE sources SET error_code = ?, error_message = ?, error_hint = ?,
                   failing_since = coalesce(failing_since, ?) WHERE name = ?""",
            (failure.code, failure.message, failure.hint, rows.text(now), source),
        )

    def of_source(self, name: str) -> list[Offer]:
        """What a source offers, in its order."""
        return self._offers("WHERE source = ? ORDER BY position", name)

    def ids(self, name: str) -> set[str]:
        """The ids of what a source offers."""
        return {row[0] for row in self._read("SELECT id FROM offers WHERE source = ?", (name,))}

    def of_series(self, series_id: str) -> list[Offer]:
        """What is offered of a series ("source:series-id"), in the order of its source."""
        return self._offers("WHERE series_id = ? ORDER BY position", series_id)

    def named(self, ref: str) -> list[Offer]:
        """The titles with this id, and those of whose id it is the part after the source."""
        return self._offers("WHERE id IN (SELECT ? UNION SELECT name || ':' || ? FROM sources) ORDER BY id", ref, ref)

    def series(self) -> list[Series]:
        """Every series that is offered, by its id."""
        found = self._read(
            """SELECT series_id, min(series_name) FROM offers WHERE series_id IS NOT NULL
                GROUP BY series_id ORDER BY series_id""",
            (),
        )
        return [Series(id=id_, name=name) for id_, name in found]

    def _offers(self, clause: str, *parameters: str) -> list[Offer]:
        return [_offer(row) for row in self._read(f"SELECT {_COLUMNS} FROM offers {clause}", parameters)]


def _source(row: sqlite3.Row) -> AddedSource:
    name, url, kind, titles, etag, last_modified, checksum, fetched_at, code, message, hint, since, left_out = row
    return AddedSource(
        name=name,
        url=url,
        kind=kind,
        titles=titles,
        etag=etag,
        last_modified=last_modified,
        checksum=checksum,
        fetched_at=rows.moment(fetched_at),
        failure=None if code is None else Failure(code=code, message=message, hint=hint),
        failing_since=rows.moment(since),
        left_out=left_out,
    )


def _row(offer: Offer) -> tuple[rows.Value, ...]:
    return (
        offer.id,
        offer.source,
        offer.position,
        offer.name,
        offer.series.id if offer.series else None,
        offer.series.name if offer.series else None,
        offer.season,
        offer.episode,
        offer.special,
        rows.optional_text(offer.published),
        rows.optional_text(offer.available_from),
        rows.optional_text(offer.available_until),
        offer.duration,
        offer.download,
        offer.reason,
    )


def _offer(row: sqlite3.Row) -> Offer:
    (
        id_, source, position, name, series_id, series_name, season, episode, special, published, available_from,
        available_until, duration, download, reason,
    ) = row  # fmt: skip
    return Offer(
        id=id_,
        source=source,
        position=position,
        name=name,
        series=None if series_id is None else Series(id=series_id, name=series_name),
        season=season,
        episode=episode,
        special=bool(special),
        published=rows.moment(published),
        available_from=rows.moment(available_from),
        available_until=rows.moment(available_until),
        duration=duration,
        download=bool(download),
        reason=reason,
    )
