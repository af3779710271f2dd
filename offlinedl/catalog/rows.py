"""Between rows of the catalog and values of the model."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

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


ENTRY_COLUMNS = """
    titles.id, name, state, folder, license_slot, quality, audio, subtitles, series_id, series_name, season, episode,
    rights, protected, bytes_done, bytes_total, fetches_left, watched, kept, position_seconds,
    error_code, error_message, error_hint,
    licenses.id, system, licenses.kids, issued_at, storage_seconds, playback_seconds, ends_at, first_played_at,
    last_played_at, renewable, renewal_url
"""
"""What `entry` takes, in its order: a catalog of a thousand titles is listed with every command."""


_STATES = {state.value: state for state in State}


def entry(row: sqlite3.Row, tracks: Mapping[str, tuple[Track, ...]]) -> Entry:
    """A title joined with its license."""
    (
        id_, name, state, folder, slot, quality, audio, subtitles, series_id, series_name, season, episode,
        rights, protected, done, total, left, watched, kept, position, *more,
    ) = row  # fmt: skip
    return Entry(
        id=id_,
        name=name,
        state=_STATES[state],
        folder=folder,
        license_slot=slot,
        wanted=_wanted(quality, audio, subtitles),
        series=None if series_id is None else Series(id=series_id, name=series_name),
        season=season,
        episode=episode,
        rights=_rights(rights),
        protected=bool(protected),
        license=_license(more[3:]),
        tracks=tracks.get(id_, ()),
        bytes_done=done,
        bytes_total=total,
        fetches_left=left,
        watched=bool(watched),
        kept=bool(kept),
        position_seconds=position,
        error=_failure(*more[:3]),
    )


def _failure(code: str | None, message: str, hint: str) -> Failure | None:
    return None if code is None else Failure(code=code, message=message, hint=hint)


@cache
def _wanted(quality: str, audio: str, subtitles: str) -> Wanted:
    return Wanted(quality=quality, audio=tuple(audio.split()), subtitles=tuple(subtitles.split()))


def _license(columns: Sequence[Any]) -> License | None:
    id_, system, kids, issued_at, storage, playback, ends_at, first_played_at, last_played_at, renewable, url = columns
    if id_ is None:
        return None
    return License(
        id=id_,
        system=system,
        kids=_kids(kids),
        issued_at=datetime.fromisoformat(issued_at),
        windows=Windows(storage_seconds=storage, playback_seconds=playback, ends_at=moment(ends_at)),
        first_played_at=moment(first_played_at),
        last_played_at=moment(last_played_at),
        renewable=bool(renewable),
        renewal_url=url,
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


TRACK_COLUMNS = "title_id, tracks.id, kind, container, bandwidth, width, height, codecs, language, tracks.name, why"
"""What `tracks` takes, in its order."""

_KINDS = {kind.value: kind for kind in Kind}


def tracks(found: Iterable[sqlite3.Row]) -> dict[str, tuple[Track, ...]]:
    """The tracks of each title, from rows ordered by title and position."""
    by_title: dict[str, list[Track]] = {}
    for row in found:
        by_title.setdefault(row[0], []).append(_track(row))
    return {title_id: tuple(listed) for title_id, listed in by_title.items()}


def _track(row: sqlite3.Row) -> Track:
    _, id_, kind, container, bandwidth, width, height, codecs, language, name, why = row
    return Track(
        id=id_, kind=_KINDS[kind], container=container, bandwidth=bandwidth, width=width, height=height,
        codecs=codecs, language=language, name=name, why=why,
    )  # fmt: skip


def plan(
    row: sqlite3.Row, tracks: tuple[Track, ...], keys: Iterable[sqlite3.Row], fetches: Iterable[sqlite3.Row]
) -> Plan:
    """A stored plan; its license server is sealed, and for the library to open."""
    return Plan(
        manifest_url=row["manifest_url"],
        wanted=_wanted(row["quality"], row["audio"], row["subtitles"]),
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


@cache
def _rights(stored: str) -> Rights:
    values = json.loads(stored)
    for name in ("available_from", "available_until"):
        values[name] = moment(values[name])
    return Rights(**values)


def _hex(kids: tuple[bytes, ...]) -> str:
    return " ".join(kid.hex() for kid in kids)


def _kids(stored: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(kid) for kid in stored.split())
