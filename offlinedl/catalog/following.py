"""Series that are followed, and what their rules look at: how titles stand, which are gone, which failed."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from offlinedl.added import Offer
from offlinedl.catalog import rows
from offlinedl.catalog.outbox import Read
from offlinedl.errors import OfflinedlError
from offlinedl.model import Series
from offlinedl.series import Following, Gone, Standing, Tries, Why

_RULE = """series_id, series_name, ahead, delete_watched, grace_seconds, refetch_expired, newest, begin_season,
    begin_episode, priority, quality, audio, subtitles"""


class Followed:
    """A part of the catalog; `read` is how it reads. What it writes is in the transaction that the caller opened."""

    def __init__(self, db: sqlite3.Connection, read: Read) -> None:
        self._db = db
        self._read = read

    def follow(self, rule: Following, now: datetime) -> None:
        """Follow a series by this rule, in the place of an earlier one. What was removed of it may come again; what was
        watched stays so, but for what is to begin anew."""
        begin = rule.begin or (None, None)
        self._db.execute(
            f"INSERT OR REPLACE INTO following ({_RULE}, followed_at) VALUES ({', '.join('?' * 14)})",
            (
                rule.series.id, rule.series.name, rule.ahead, rule.delete_watched, int(rule.grace.total_seconds()),
                rule.refetch_expired, rule.newest, *begin, rule.priority, rule.quality, _words(rule.audio),
                _words(rule.subtitles), rows.text(now),
            ),
        )  # fmt: skip
        self._db.execute("UPDATE gone SET why = 'watched' WHERE series_id = ? AND watched", (rule.series.id,))
        self._db.execute("DELETE FROM gone WHERE series_id = ? AND NOT watched", (rule.series.id,))
        if rule.begin is not None:
            again = "DELETE FROM gone WHERE series_id = ? AND (coalesce(season, 1), episode) >= (?, ?)"
            self._db.execute(again, (rule.series.id, *rule.begin))
        self._db.execute(
            """DELETE FROM tries WHERE title_id IN (SELECT id FROM offers WHERE series_id = ?1
                                                    UNION SELECT id FROM titles WHERE series_id = ?1)""",
            (rule.series.id,),
        )

    def unfollow(self, series_id: str) -> None:
        """Follow a series no more; its titles stay."""
        self._db.execute("DELETE FROM following WHERE series_id = ?", (series_id,))

    def rules(self) -> list[Following]:
        """What is followed, by the names of the series."""
        return [_rule(row) for row in self._read(f"SELECT {_RULE} FROM following ORDER BY series_name, series_id", ())]

    def series(self) -> list[Series]:
        """Every series of which a title is here, or of which one is remembered."""
        found = self._read(
            """SELECT series_id, min(series_name) FROM (
                    SELECT series_id, series_name FROM titles UNION ALL SELECT series_id, series_name FROM gone
                    UNION ALL SELECT series_id, series_name FROM following)
                WHERE series_id IS NOT NULL GROUP BY series_id ORDER BY series_id""",
            (),
        )
        return [Series(id=id_, name=name) for id_, name in found]

    # titles

    def standings(self) -> dict[str, Standing]:
        """How each title stands, by its id."""
        found = self._read(
            """SELECT id, added_at, brought, held, priority, watched_at, expires_on, special, published, duration
                 FROM titles""",
            (),
        )
        return {row["id"]: _standing(row) for row in found}

    def hold(self, title_id: str) -> None:
        """A person stopped the title: nobody else goes on with it."""
        self._db.execute("UPDATE titles SET held = 1, lacks_room = 0 WHERE id = ?", (title_id,))

    def remember(self, title_id: str, why: Why | None, now: datetime) -> None:
        """The title goes, and this is why: what a person removes, and what is watched, stays that, whatever else is
        true; of the rest nothing is remembered where there is no reason to."""
        self._db.execute(
            """INSERT INTO gone
               SELECT id, name, series_id, series_name, season, episode, special, published,
                      CASE WHEN ?1 = 'removed' THEN ?1 WHEN watched THEN 'watched' ELSE ?1 END, watched, ?2 FROM titles
                WHERE id = ?3 AND (watched OR coalesce(?1, 'watched') <> 'watched')
               ON CONFLICT (title_id) DO NOTHING""",
            (why, rows.text(now), title_id),
        )

    def dismiss(self, offer: Offer, now: datetime) -> None:
        """A person does not want what never came."""
        self._left(offer, "removed", now)
        self.succeeded(offer.id)

    def seen(self, offer: Offer, now: datetime) -> None:
        """What is not here was watched elsewhere: it is remembered as if it had been, and nobody tries to get it."""
        self._left(offer, "watched", now)
        self.succeeded(offer.id)

    def _left(self, offer: Offer, why: Why, now: datetime) -> None:
        """Remember a title that was never here as one that is gone."""
        series = (offer.series.id, offer.series.name) if offer.series else (None, None)
        about = (offer.season, offer.episode, offer.special, rows.optional_text(offer.published))
        row = (offer.id, offer.name, *series, *about, why, why == "watched", rows.text(now))
        self._db.execute(f"INSERT OR REPLACE INTO gone VALUES ({', '.join('?' * len(row))})", row)

    def gone(self, series_id: str) -> list[Gone]:
        """The titles of a series that are here no more."""
        return [_gone(row) for row in self._read("SELECT * FROM gone WHERE series_id = ?", (series_id,))]

    def lift(self, title_id: str) -> None:
        """The title is wanted again, whatever became of it before."""
        self._db.execute("DELETE FROM gone WHERE title_id = ?", (title_id,))

    # failures

    def tried(self, title_id: str, error: OfflinedlError, now: datetime) -> None:
        """A download of the title failed, once more."""
        self._db.execute(
            """INSERT INTO tries VALUES (?, 1, ?, ?, ?, ?)
               ON CONFLICT (title_id) DO UPDATE SET count = count + 1, last_at = excluded.last_at,
                   code = excluded.code, exit_code = excluded.exit_code, message = excluded.message""",
            (title_id, rows.text(now), error.code, error.exit_code, error.message.removeprefix(f"{title_id}: ")),
        )

    def tries(self) -> dict[str, Tries]:
        """The titles whose downloads failed last, by their ids."""
        found = self._read("SELECT title_id, count, last_at, code, exit_code, message FROM tries", ())
        return {
            id_: Tries(count=count, last_at=datetime.fromisoformat(at), code=code, exit_code=exit_code, message=message)
            for id_, count, at, code, exit_code, message in found
        }

    def succeeded(self, title_id: str) -> None:
        """No failure of the title counts any more."""
        self._db.execute("DELETE FROM tries WHERE title_id = ?", (title_id,))


def _rule(row: sqlite3.Row) -> Following:
    season, episode = row["begin_season"], row["begin_episode"]
    return Following(
        series=Series(id=row["series_id"], name=row["series_name"]),
        ahead=row["ahead"],
        delete_watched=bool(row["delete_watched"]),
        grace=timedelta(seconds=row["grace_seconds"]),
        refetch_expired=bool(row["refetch_expired"]),
        newest=bool(row["newest"]),
        begin=None if season is None else (season, episode),
        priority=row["priority"],
        quality=row["quality"],
        audio=None if row["audio"] is None else tuple(row["audio"].split()),
        subtitles=None if row["subtitles"] is None else tuple(row["subtitles"].split()),
    )


def _words(languages: tuple[str, ...] | None) -> str | None:
    return None if languages is None else " ".join(languages)


def _standing(row: sqlite3.Row) -> Standing:
    return Standing(
        added_at=datetime.fromisoformat(row["added_at"]),
        brought=bool(row["brought"]),
        held=bool(row["held"]),
        priority=row["priority"],
        watched_at=rows.moment(row["watched_at"]),
        until=rows.moment(row["expires_on"]),
        special=bool(row["special"]),
        published=rows.moment(row["published"]),
        duration=row["duration"],
    )


def _gone(row: sqlite3.Row) -> Gone:
    series = None if row["series_id"] is None else Series(id=row["series_id"], name=row["series_name"])
    offer = Offer(
        id=row["title_id"],
        source=row["title_id"].partition(":")[0],
        position=2**31,
        name=row["name"],
        series=series,
        season=row["season"],
        episode=row["episode"],
        special=bool(row["special"]),
        published=rows.moment(row["published"]),
    )
    return Gone(offer=offer, why=row["why"], at=datetime.fromisoformat(row["at"]), watched=bool(row["watched"]))
