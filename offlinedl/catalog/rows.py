"""Between rows of the catalog and values of the model."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from offlinedl.model import (
    ByteRange,
    Destruction,
    Entry,
    Failure,
    Fetch,
    Key,
    Kind,
    License,
    Plan,
    Rights,
    Series,
    State,
    Title,
    Track,
    Wanted,
    Windows,
)

Value = str | int | float | bytes | None


def text(moment: datetime) -> str:
    """A time as it is stored: ISO 8601, UTC, microseconds, so that text sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else text(moment)


def moment(stored: str | None) -> datetime | None:
    """A stored time."""
    return None if stored is None else datetime.fromisoformat(stored)


def entry(row: sqlite3.Row, tracks: tuple[Track, ...]) -> Entry:
    """A title joined with its license."""
    return Entry(
        id=row["id"],
        name=row["name"],
        state=State(row["state"]),
        folder=row["folder"],
        license_slot=row["license_slot"],
        wanted=_wanted(row),
        series=None if row["series_id"] is None else Series(id=row["series_id"], name=row["series_name"]),
        season=row["season"],
        episode=row["episode"],
        rights=_rights(row["rights"]),
        protected=bool(row["protected"]),
        license=_license(row),
        tracks=tracks,
        bytes_done=row["bytes_done"],
        bytes_total=row["bytes_total"],
        fetches_left=row["fetches_left"],
        watched=bool(row["watched"]),
        kept=bool(row["kept"]),
        position_seconds=row["position_seconds"],
        error=_failure(row),
    )


def _failure(row: sqlite3.Row) -> Failure | None:
    if row["error_code"] is None:
        return None
    return Failure(code=row["error_code"], message=row["error_message"], hint=row["error_hint"])


def _wanted(row: sqlite3.Row) -> Wanted:
    return Wanted(quality=row["quality"], audio=tuple(row["audio"].split()), subtitles=tuple(row["subtitles"].split()))


def _license(row: sqlite3.Row) -> License | None:
    issued_at = moment(row["issued_at"])
    if row["l_id"] is None or issued_at is None:
        return None
    return License(
        id=row["l_id"],
        system=row["system"],
        kids=_kids(row["l_kids"]),
        issued_at=issued_at,
        windows=Windows(
            storage_seconds=row["storage_seconds"],
            playback_seconds=row["playback_seconds"],
            ends_at=moment(row["ends_at"]),
        ),
        first_played_at=moment(row["first_played_at"]),
        last_played_at=moment(row["last_played_at"]),
        renewable=bool(row["renewable"]),
        renewal_url=row["renewal_url"],
    )


def license_row(title_id: str, license: License) -> tuple[Value, ...]:
    """In the order of the table `licenses`."""
    windows = license.windows
    return (
        license.id,
        title_id,
        license.system,
        _hex(license.kids),
        text(license.issued_at),
        windows.storage_seconds,
        windows.playback_seconds,
        _text(windows.ends_at),
        _text(license.first_played_at),
        _text(license.last_played_at),
        int(license.renewable),
        license.renewal_url,
    )


def destruction_row(record: Destruction, server: bytes | None) -> tuple[Value, ...]:
    """In the order of the table `destructions`."""
    license = record.license
    return (
        license.id,
        record.title_id,
        license.system,
        _hex(license.kids),
        text(license.issued_at),
        _text(license.first_played_at),
        _text(license.last_played_at),
        text(record.destroyed_at),
        server,
    )


def title_row(title: Title, plan: Plan) -> dict[str, Value]:
    """The columns of `titles` that a title and its plan give."""
    return {
        "id": title.id,
        "name": title.name,
        "series_id": title.series.id if title.series else None,
        "series_name": title.series.name if title.series else None,
        "season": title.season,
        "episode": title.episode,
        "rights": _rights_text(title.rights),
        "manifest_url": plan.manifest_url,
        "quality": plan.wanted.quality,
        "audio": " ".join(plan.wanted.audio),
        "subtitles": " ".join(plan.wanted.subtitles),
        "kids": _hex(plan.kids),
    }


def track_rows(title_id: str, plan: Plan) -> Iterator[tuple[Value, ...]]:
    """In the order of the table `tracks`."""
    for position, t in enumerate(plan.tracks):
        yield (
            title_id, position, t.id, t.kind, t.container, t.bandwidth, t.width, t.height, t.codecs, t.language,
            t.name, t.why,
        )  # fmt: skip


def key_rows(title_id: str, plan: Plan) -> Iterator[tuple[Value, ...]]:
    """In the order of the table `keys`."""
    for number, key in enumerate(plan.keys):
        yield (title_id, number, key.method, key.uri, key.keyformat)


def fetch_rows(title_id: str, plan: Plan) -> Iterator[tuple[Value, ...]]:
    """In the order of the table `fetches`."""
    for position, f in enumerate(plan.fetches):
        first, last = (f.range.first, f.range.last) if f.range else (None, None)
        yield (
            title_id, position, f.rendition, int(f.init), f.number, f.url, first, last, f.path, f.start, f.duration,
            f.needs_init, f.key, f.iv, f.estimate, f.size,
        )  # fmt: skip


def tracks(found: Iterable[sqlite3.Row]) -> dict[str, tuple[Track, ...]]:
    """The tracks of each title, from rows ordered by title and position."""
    by_title: dict[str, tuple[Track, ...]] = {}
    for row in found:
        by_title[row["title_id"]] = (*by_title.get(row["title_id"], ()), _track(row))
    return by_title


def _track(row: sqlite3.Row) -> Track:
    return Track(
        id=row["id"], kind=Kind(row["kind"]), container=row["container"], bandwidth=row["bandwidth"],
        width=row["width"], height=row["height"], codecs=row["codecs"], language=row["language"], name=row["name"],
        why=row["why"],
    )  # fmt: skip


def plan(
    row: sqlite3.Row, tracks: tuple[Track, ...], keys: Iterable[sqlite3.Row], fetches: Iterable[sqlite3.Row]
) -> Plan:
    """A stored plan; its license server is sealed, and for the library to open."""
    return Plan(
        manifest_url=row["manifest_url"],
        wanted=_wanted(row),
        tracks=tracks,
        fetches=tuple(map(_fetch, fetches)),
        keys=tuple(Key(method=k["method"], uri=k["uri"], keyformat=k["keyformat"]) for k in keys),
        kids=_kids(row["kids"]),
    )


def _fetch(row: sqlite3.Row) -> Fetch:
    return Fetch(
        rendition=row["rendition"],
        init=bool(row["init"]),
        number=row["number"],
        url=row["url"],
        path=row["path"],
        range=None if row["first"] is None else ByteRange(first=row["first"], last=row["last"]),
        start=row["start"],
        duration=row["duration"],
        needs_init=row["needs_init"],
        key=row["key"],
        iv=row["iv"],
        estimate=row["estimate"],
        size=row["size"],
    )


def _rights_text(rights: Rights) -> str:
    return json.dumps(
        {
            "download": rights.download,
            "reason": rights.reason,
            "storage_seconds": rights.storage_seconds,
            "playback_seconds": rights.playback_seconds,
            "available_from": _text(rights.available_from),
            "available_until": _text(rights.available_until),
            "max_height": rights.max_height,
            "export": rights.export,
        }
    )


def _rights(stored: str) -> Rights:
    values = json.loads(stored)
    for name in ("available_from", "available_until"):
        values[name] = moment(values[name])
    return Rights(**values)


def _hex(kids: tuple[bytes, ...]) -> str:
    return " ".join(kid.hex() for kid in kids)


def _kids(stored: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(kid) for kid in stored.split())
