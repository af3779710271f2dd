"""Between rows of the catalog and plans: the intent of a download, one row a fetch."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from offlinedl.catalog.rows import Value, hexadecimal, kids_of, optional_text, setup_text, wanted
from offlinedl.model import Rights, Title, Track
from offlinedl.protection import Key
from offlinedl.streams import ByteRange, Fetch, Plan


def title_row(title: Title, plan: Plan) -> dict[str, Value]:
    """The columns of `titles` that a title and its plan give."""
    return {
        "id": title.id,
        "name": title.name,
        "series_id": title.series.id if title.series else None,
        "series_name": title.series.name if title.series else None,
        "season": title.season,
        "episode": title.episode,
        "special": title.special,
        "rights": _rights(title.rights),
        "entitlement_url": title.service.entitlement_url,
        "published": optional_text(title.details.published),
        "duration": title.details.duration,
        "summary": title.details.summary,
        "poster": title.details.poster,
        "manifest_url": plan.manifest_url,
        "quality": plan.wanted.quality,
        "audio": " ".join(plan.wanted.audio),
        "subtitles": " ".join(plan.wanted.subtitles),
        "kids": hexadecimal(plan.kids),
        "bases": json.dumps(plan.bases),
    }


def track_rows(title_id: str, plan: Plan) -> Iterator[tuple[Value, ...]]:
    """In the order of the table `tracks`."""
    for position, t in enumerate(plan.tracks):
        yield (
            title_id, position, t.id, t.kind, t.container, t.bandwidth, t.width, t.height, t.codecs, t.language,
            t.name, t.why, setup_text(t.setup), int(t.forced),
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
            f.needs_init, f.key, f.iv, f.estimate, f.size, f.checksum, f.validator,
            int(f.breaks),
        )  # fmt: skip


def plan(
    row: sqlite3.Row, tracks: tuple[Track, ...], keys: Iterable[sqlite3.Row], fetches: Iterable[tuple[Any, ...]]
) -> Plan:
    """A stored plan; its license server is sealed, and for the library to open."""
    return Plan(
        manifest_url=row["manifest_url"],
        wanted=wanted(row["quality"], row["audio"], row["subtitles"]),
        tracks=tracks,
        fetches=tuple(map(_fetch, fetches)),
        keys=tuple(Key(method=k["method"], uri=k["uri"], keyformat=k["keyformat"]) for k in keys),
        kids=kids_of(row["kids"]),
        protected=bool(row["protected"]),
        bases=tuple(map(tuple, json.loads(row["bases"]))),
    )


FETCH_COLUMNS = """rendition, init, number, url, path, first, last, start, duration, needs_init, key, iv, estimate,
    size, checksum, validator, breaks"""
"""In the order in which `_fetch` takes them: by their names takes twice as long, and they are many."""


def _fetch(row: tuple[Any, ...]) -> Fetch:
    (
        rendition, init, number, url, path, first, last, start, duration, needs_init, key, iv, estimate, size,
        checksum, validator, breaks,
    ) = row  # fmt: skip
    part = None if first is None else ByteRange(first=first, last=last)
    return Fetch(
        rendition, init == 1, number, url, path, part, start, duration, needs_init, key, iv, breaks == 1, estimate,
        size, checksum, validator,
    )  # fmt: skip


def _rights(rights: Rights) -> str:
    return json.dumps(
        {
            "download": rights.download,
            "reason": rights.reason,
            "storage_seconds": rights.storage_seconds,
            "playback_seconds": rights.playback_seconds,
            "available_from": optional_text(rights.available_from),
            "available_until": optional_text(rights.available_until),
            "max_height": rights.max_height,
            "export": rights.export,
        }
    )
