"""The catalog: what is known of every title, in one SQLite file (WAL, STRICT tables).

Methods are single statements or take part in the transaction that the caller opened with `transaction`. Times are
stored as ISO 8601 text in UTC, KIDs as hexadecimal text.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from offlinedl.catalog import rows
from offlinedl.catalog.clocks import Clocks
from offlinedl.catalog.failures import translated
from offlinedl.catalog.marks import Marks
from offlinedl.catalog.offers import Offers
from offlinedl.catalog.opening import opened
from offlinedl.catalog.outbox import Outbox
from offlinedl.catalog.services import Services
from offlinedl.model import Entry, Failure, License, State, Title

if TYPE_CHECKING:
    from offlinedl.catalog.following import Followed
    from offlinedl.catalog.runs import Runs
    from offlinedl.streams import Arrival, Fetch, Plan

_TITLES = f"SELECT {rows.ENTRY_COLUMNS} FROM titles LEFT JOIN licenses ON licenses.id = titles.license_id "


class Catalog:
    """An open catalog. One connection, used by one thread; other processes may write at the same time."""

    def __init__(self, path: Path) -> None:
        with translated():
            self._db = opened(path)
        self.outbox = Outbox(self._db, self._read)
        self.clocks = Clocks(self._db, self._read)
        self.services = Services(self._read)
        self.marks = Marks(self._db, self._read)
        self.offers = Offers(self._db, self._read)

    @cached_property
    def followed(self) -> Followed:
        """Series that are followed. A list of titles needs nothing of it."""
        from offlinedl.catalog.following import Followed

        return Followed(self._db, self._read)

    @cached_property
    def runs(self) -> Runs:
        """The last runs of `sync`."""
        from offlinedl.catalog.runs import Runs

        return Runs(self._db, self._read)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside happen together, or none of them."""
        with translated():
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                yield

    # titles

    def entries(self) -> list[Entry]:
        """Every title, by series, season, episode and name."""
        return self._entries("ORDER BY coalesce(series_name, name), season, episode, name, titles.id", ())

    def entry(self, title_id: str) -> Entry | None:
        """The title with this id."""
        found = self._entries("WHERE titles.id = ?", (title_id,))
        return found[0] if found else None

    def named(self, ref: str) -> list[Entry]:
        """The titles that `ref` may mean: its id, else the part of it after the source, or its name."""
        alone = "WHERE substr(titles.id, instr(titles.id, ':') + 1) = ? OR titles.name = ?"
        return self._entries("WHERE titles.id = ?", (ref,)) or self._entries(alone, (ref, ref))

    def _entries(self, clause: str, parameters: tuple[str, ...]) -> list[Entry]:
        some = f"JOIN titles ON titles.id = title_id {clause}" if clause.startswith("WHERE") else ""
        query = f"SELECT {rows.TRACK_COLUMNS} FROM tracks {some} ORDER BY title_id, position"
        with translated():
            tracks = rows.tracks(self._bare(query, parameters))
            return [rows.entry(row, tracks) for row in self._bare(_TITLES + clause, parameters)]

    def _bare(self, query: str, parameters: Sequence[str]) -> sqlite3.Cursor:
        """Rows without names, one after the other: there may be many."""
        cursor = self._db.cursor()
        cursor.row_factory = None
        return cursor.execute(query, parameters)

    def _read(self, query: str, parameters: Sequence[str] = ()) -> list[sqlite3.Row]:
        with translated():
            return self._db.execute(query, parameters).fetchall()

    def begin(self, title: Title, plan: Plan, entry: Entry, server: bytes | None, now: datetime) -> None:
        """Write or rewrite a title with its plan. Fetches that are done are those whose `size` is set."""
        from offlinedl.catalog import plans

        self._db.execute(
            """INSERT INTO titles (id, name, series_id, series_name, season, episode, special, state, folder,
                   license_slot, license_id, protected, rights, manifest_url, quality, audio, subtitles, kids, bases,
                   license_server, entitlement_url, published, duration, summary, poster, added_at)
               VALUES (:id, :name, :series_id, :series_name, :season, :episode, :special, 'queued', :folder,
                   :license_slot, NULL, :protected, :rights, :manifest_url, :quality, :audio, :subtitles, :kids, :bases,
                   :server, :entitlement_url, :published, :duration, :summary, :poster, :now)
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, series_id = excluded.series_id,
                   series_name = excluded.series_name, season = excluded.season, episode = excluded.episode,
                   special = excluded.special, held = 0, lacks_room = 0,
                   state = 'queued', error_code = NULL, error_message = NULL, error_hint = NULL,
                   protected = excluded.protected, rights = excluded.rights, manifest_url = excluded.manifest_url,
                   quality = excluded.quality, audio = excluded.audio, subtitles = excluded.subtitles,
                   kids = excluded.kids, bases = excluded.bases, license_server = excluded.license_server,
                   entitlement_url = excluded.entitlement_url, published = excluded.published,
                   duration = excluded.duration, summary = excluded.summary, poster = excluded.poster""",
            {**plans.title_row(title, plan), "folder": entry.folder, "license_slot": entry.license_slot,
             "protected": entry.protected, "server": server, "now": rows.text(now)},
        )  # fmt: skip
        for table in ("tracks", "keys", "fetches"):
            self._db.execute(f"DELETE FROM {table} WHERE title_id = ?", (title.id,))
        self._db.executemany(
            "INSERT INTO tracks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", plans.track_rows(title.id, plan)
        )
        self._db.executemany("INSERT INTO keys VALUES (?, ?, ?, ?, ?)", plans.key_rows(title.id, plan))
        self._db.executemany(
            "INSERT INTO fetches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            plans.fetch_rows(title.id, plan),
        )
        self._count(title.id)
        self.outbox.returned(title.id)
        self.followed.lift(title.id)

    def plan(self, title_id: str) -> Plan:
        """The plan of a title, done fetches with their size."""
        from offlinedl.catalog import plans

        [row] = self._read("SELECT * FROM titles WHERE id = ?", (title_id,))
        order = "WHERE title_id = ? ORDER BY"
        tracks = rows.tracks(self._read(f"SELECT {rows.TRACK_COLUMNS} FROM tracks {order} position", (title_id,)))
        keys = self._read(f"SELECT * FROM keys {order} number", (title_id,))
        with translated():
            fetches = self._bare(f"SELECT {plans.FETCH_COLUMNS} FROM fetches {order} position", (title_id,))
            return plans.plan(row, tracks.get(title_id, ()), keys, fetches)

    def manifest_url(self, title_id: str) -> str:
        """Where the title's manifest was read."""
        return str(self._read("SELECT manifest_url FROM titles WHERE id = ?", (title_id,))[0][0])

    def license_server(self, title_id: str) -> bytes | None:
        """Who licenses the title, sealed."""
        row = self._read("SELECT license_server FROM titles WHERE id = ?", (title_id,))
        return row[0]["license_server"] if row else None

    def set_license_server(self, title_id: str, sealed: bytes | None) -> None:
        """The title is licensed by another, or with another token."""
        self._db.execute("UPDATE titles SET license_server = ? WHERE id = ?", (sealed, title_id))

    def done(self, title_id: str, arrived: Sequence[tuple[Fetch, Arrival]]) -> None:
        """The files of these fetches, which were not done, are complete on the disk."""
        changed = self._db.executemany(
            """UPDATE fetches SET size = ?, checksum = ?, validator = ?
                WHERE title_id = ? AND rendition = ? AND init = ? AND number = ? AND size IS NULL""",
            [(a.size, a.checksum, a.validator, title_id, *fetch.identity) for fetch, a in arrived],
        ).rowcount
        if changed == len(arrived):
            size, estimate = sum(a.size for _, a in arrived), sum(fetch.estimate for fetch, _ in arrived)
            self._db.execute(
                """UPDATE titles SET bytes_done = bytes_done + ?, bytes_total = bytes_total + ?,
                       fetches_left = fetches_left - ? WHERE id = ?""",
                (size, size - estimate, changed, title_id),
            )
        else:
            self._count(title_id)

    def readdress(self, title_id: str, plan: Plan) -> None:
        """The manifest, fetches and keys of the title are at other addresses, those of `plan`."""
        self._db.execute(
            "UPDATE titles SET bases = ?, manifest_url = ? WHERE id = ?",
            (json.dumps(plan.bases), plan.manifest_url, title_id),
        )
        self._db.executemany(
            "UPDATE keys SET uri = ? WHERE title_id = ? AND number = ?",
            [(key.uri, title_id, number) for number, key in enumerate(plan.keys)],
        )
        self._db.executemany(
            "UPDATE fetches SET url = ? WHERE title_id = ? AND rendition = ? AND init = ? AND number = ?",
            [(f.url, title_id, *f.identity) for f in plan.fetches],
        )

    def undone(self, title_id: str, fetches: list[Fetch]) -> None:
        """The files of `fetches` are not there after all, or not as they were."""
        self._db.executemany(
            """UPDATE fetches SET size = NULL, checksum = NULL, validator = NULL
                WHERE title_id = ? AND rendition = ? AND init = ? AND number = ?""",
            [(title_id, *fetch.identity) for fetch in fetches],
        )
        self._count(title_id)

    def _count(self, title_id: str) -> None:
        self._db.execute(
            """UPDATE titles SET (bytes_done, bytes_total, fetches_left) =
                   (SELECT coalesce(sum(size), 0), coalesce(sum(coalesce(size, estimate)), 0), count(*) - count(size)
                      FROM fetches WHERE title_id = titles.id) WHERE id = ?""",
            (title_id,),
        )

    def set_state(self, title_id: str, state: State, failure: Failure | None = None) -> None:
        """Move a title to `state`; `failure` is for FAILED alone."""
        error = (failure.code, failure.message, failure.hint) if failure else (None, None, None)
        self._db.execute(
            """UPDATE titles SET state = ?1, error_code = ?2, error_message = ?3, error_hint = ?4,
                   held = (held AND ?1 = 'paused'), lacks_room = 0 WHERE id = ?5""",
            (state, *error, title_id),
        )

    def set_protected(self, title_id: str) -> None:
        """The media turned out to be protected."""
        self._db.execute("UPDATE titles SET protected = 1 WHERE id = ?", (title_id,))

    def forget(self, title_id: str) -> None:
        """Delete the title and all that hangs on it, except its history and destruction records."""
        self._db.execute("DELETE FROM titles WHERE id = ?", (title_id,))

    # licenses

    def license(self, title_id: str, license: License) -> None:
        """Give the title its license, in the place of one that it has."""
        self._db.execute("DELETE FROM licenses WHERE title_id = ?", (title_id,))
        row = rows.license_row(title_id, license)
        self._db.execute(f"INSERT INTO licenses VALUES ({', '.join('?' * len(row))})", row)
        self._db.execute(
            "UPDATE titles SET license_id = :license, license_slot = :license WHERE id = :id",
            {"license": license.id, "id": title_id},
        )

    def drop_license(self, title_id: str, next_slot: str) -> None:
        """Take the title's license away; the next one goes to `next_slot`."""
        self._db.execute("UPDATE titles SET license_id = NULL, license_slot = ? WHERE id = ?", (next_slot, title_id))
        self._db.execute("DELETE FROM licenses WHERE title_id = ?", (title_id,))
        self.clocks.forget_idle()

    def slots(self) -> dict[str, bool]:
        """Where the license of each title lies, or is to lie, and whether its keys were destroyed."""
        query = """SELECT license_slot, destroyed_at IS NOT NULL
                     FROM titles LEFT JOIN licenses ON licenses.id = license_id"""
        return {slot: bool(is_destroyed) for slot, is_destroyed in self._read(query)}

    def played(self, title_id: str, now: datetime) -> None:
        """The first play is written once; the last play moves."""
        self._db.execute(
            """UPDATE licenses SET first_played_at = coalesce(first_played_at, :now), last_played_at = :now
                WHERE title_id = :id""",
            {"now": rows.text(now), "id": title_id},
        )

    # history

    def note(self, title_id: str, event: str, now: datetime) -> None:
        """Remember that something happened to the title."""
        self._db.execute("INSERT INTO history VALUES (?, ?, ?)", (title_id, rows.text(now), event))

    def history(self, title_id: str) -> list[tuple[datetime, str]]:
        """What happened to the title, oldest first."""
        found = self._read("SELECT at, event FROM history WHERE title_id = ? ORDER BY rowid", (title_id,))
        return [(datetime.fromisoformat(row["at"]), row["event"]) for row in found]
