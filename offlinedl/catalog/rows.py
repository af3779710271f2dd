"""Between rows of the catalog and values of the model."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from offlinedl.model import Entry, Failure, Kind, License, Rights, Series, Setup, State, Track, Wanted, Windows
from offlinedl.owed import Destruction

Value = str | int | float | bytes | None


def text(moment: datetime) -> str:
    """A time as it is stored: ISO 8601, UTC, microseconds, so that text sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def optional_text(moment: datetime | None) -> str | None:
    return None if moment is None else text(moment)


def moment(stored: str | None) -> datetime | None:
    """A stored time."""
    return None if stored is None else datetime.fromisoformat(stored)


ENTRY_COLUMNS = """
    titles.id, name, state, folder, license_slot, quality, audio, subtitles, series_id, series_name, season, episode,
    rights, protected, bytes_done, bytes_total, fetches_left,
    CASE WHEN fetches_left AND bytes_total <= bytes_done
        THEN (SELECT count(*) FROM fetches WHERE title_id = titles.id) ELSE 0 END,
    watched, kept, position_seconds, lacks_room, error_code, error_message, error_hint,
    licenses.id, system, licenses.kids, issued_at, storage_seconds, playback_seconds, ends_at, first_played_at,
    last_played_at, renewable, unknown, soft, policy, expired_at, destroyed_at
"""
"""What `entry` takes, in its order: a catalog of a thousand titles is listed with every command."""


_STATES = {state.value: state for state in State}


def entry(row: Sequence[Any], tracks: Mapping[str, tuple[Track, ...]]) -> Entry:
    """A title joined with its license. Where no size is known of what is missing, each of its files is thought to be as
    large as those that are there."""
    (
        id_, name, state, folder, slot, quality, audio, subtitles, series_id, series_name, season, episode,
        rights, protected, done, total, left, unknown, watched, kept, position,
        lacks_room, error, error_message, error_hint, *license,
    ) = row  # fmt: skip
    return Entry(
        id=id_,
        name=name,
        state=_STATES[state],
        folder=folder,
        license_slot=slot,
        wanted=wanted(quality, audio, subtitles),
        series=None if series_id is None else _series(series_id, series_name),
        season=season,
        episode=episode,
        rights=_rights(rights),
        protected=bool(protected),
        license=_license(license),
        tracks=tracks.get(id_, ()),
        bytes_done=done,
        bytes_total=round(done * unknown / (unknown - left)) if unknown > left else total,
        fetches_left=left,
        watched=bool(watched),
        kept=bool(kept),
        position_seconds=position,
        lacks_room=bool(lacks_room),
        error=_failure(error, error_message, error_hint),
    )


@cache
def _series(id_: str, name: str) -> Series:
    return Series(id=id_, name=name)


def _failure(code: str | None, message: str, hint: str) -> Failure | None:
    return None if code is None else Failure(code=code, message=message, hint=hint)


@cache
def wanted(quality: str, audio: str, subtitles: str) -> Wanted:
    return Wanted(quality=quality, audio=tuple(audio.split()), subtitles=tuple(subtitles.split()))


def _license(columns: Sequence[Any]) -> License | None:
    (
        id_, system, kids, issued_at, storage, playback, ends_at, first_played_at, last_played_at, renewable, unknown,
        soft, policy, expired_at, destroyed_at,
    ) = columns  # fmt: skip
    if id_ is None:
        return None
    return License(
        id=id_,
        system=system,
        kids=kids_of(kids),
        issued_at=datetime.fromisoformat(issued_at),
        windows=_windows(storage, playback, ends_at, unknown, soft),
        first_played_at=moment(first_played_at),
        last_played_at=moment(last_played_at),
        renewable=bool(renewable),
        policy=policy,
        expired_at=moment(expired_at),
        destroyed_at=moment(destroyed_at),
    )


@cache
def _windows(storage: int | None, playback: int | None, ends_at: str | None, unknown: Any, soft: Any) -> Windows:
    """Those of one service are the same for many titles."""
    return Windows(
        storage_seconds=storage,
        playback_seconds=playback,
        ends_at=moment(ends_at),
        unknown=frozenset(unknown.split()),
        soft=frozenset(soft.split()),
    )


def license_row(title_id: str, license: License) -> tuple[Value, ...]:
    """In the order of the table `licenses`."""
    windows = license.windows
    return (
        license.id,
        title_id,
        license.system,
        hexadecimal(license.kids),
        text(license.issued_at),
        windows.storage_seconds,
        windows.playback_seconds,
        optional_text(windows.ends_at),
        optional_text(license.first_played_at),
        optional_text(license.last_played_at),
        int(license.renewable),
        " ".join(sorted(windows.unknown)),
        " ".join(sorted(windows.soft)),
        license.policy,
        optional_text(license.expired_at),
        optional_text(license.destroyed_at),
    )


def destruction_row(record: Destruction, server: bytes | None, handle: bytes | None) -> tuple[Value, ...]:
    """In the order of the table `destructions`; `server` and `handle` are sealed."""
    license = record.license
    return (
        license.id,
        record.title_id,
        license.system,
        hexadecimal(license.kids),
        text(license.issued_at),
        optional_text(license.first_played_at),
        optional_text(license.last_played_at),
        text(record.destroyed_at),
        server,
        handle,
    )


def destruction(row: sqlite3.Row) -> Destruction:
    """What `destruction_row` wrote, without what is sealed."""
    license = License(
        id=row["license_id"],
        system=row["system"],
        kids=kids_of(row["kids"]),
        issued_at=datetime.fromisoformat(row["issued_at"]),
        first_played_at=moment(row["first_played_at"]),
        last_played_at=moment(row["last_played_at"]),
    )
    destroyed_at = datetime.fromisoformat(row["destroyed_at"])
    return Destruction(license=license, title_id=row["title_id"], destroyed_at=destroyed_at)


TRACK_COLUMNS = (
    "title_id, tracks.id, kind, container, bandwidth, width, height, codecs, language, tracks.name, why, setup, forced"
)
"""What `tracks` takes, in its order."""

_KINDS = {kind.value: kind for kind in Kind}


def tracks(found: Iterable[Sequence[Any]]) -> dict[str, tuple[Track, ...]]:
    """The tracks of each title, from rows ordered by title and position."""
    by_title: dict[str, list[Track]] = {}
    for row in found:
        by_title.setdefault(row[0], []).append(_track(row[1:]))
    return {title_id: tuple(listed) for title_id, listed in by_title.items()}


@lru_cache(maxsize=1024)
def _track(columns: tuple[Any, ...]) -> Track:
    """Those of one service are the same for many titles."""
    id_, kind, container, bandwidth, width, height, codecs, language, name, why, setup, forced = columns
    return Track(
        id=id_, kind=_KINDS[kind], container=container, bandwidth=bandwidth, width=width, height=height,
        codecs=codecs, language=language, name=name, forced=forced == 1, why=why, setup=_setup(setup),
    )  # fmt: skip


def setup_text(setup: Setup | None) -> str | None:
    """What an init segment is made from, as JSON."""
    return None if setup is None else json.dumps({**asdict(setup), "private": setup.private.hex()})


@cache
def _setup(stored: str | None) -> Setup | None:
    if stored is None:
        return None
    values = json.loads(stored)
    return Setup(**{**values, "private": bytes.fromhex(values["private"])})


@cache
def _rights(stored: str) -> Rights:
    values = json.loads(stored)
    for name in ("available_from", "available_until"):
        values[name] = moment(values[name])
    return Rights(**values)


def hexadecimal(kids: tuple[bytes, ...]) -> str:
    return " ".join(kid.hex() for kid in kids)


def kids_of(stored: str) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, stored.split()))
