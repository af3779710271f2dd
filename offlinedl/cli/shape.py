"""One title as JSON and in words: the shapes that scripts depend on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from offlinedl import expiry
from offlinedl.api.titles import message, percent
from offlinedl.errors import shown
from offlinedl.model import Entry, Kind, License, Track

if TYPE_CHECKING:
    from offlinedl.library import Library
    from offlinedl.streams import Fetch, Plan


def stored(entry: Entry, library: Library) -> dict[str, Any]:
    """The shape of `show --json`, of a title as it is stored."""
    return whole(entry, library.plan(entry.id), str(library.store.folder(entry.folder)), library.time())


def title(entry: Entry, now: datetime) -> dict[str, Any]:
    """The shape of `list --json`."""
    video = next((t for t in entry.tracks if t.kind is Kind.VIDEO), None)
    return {
        "id": entry.id,
        "name": entry.name,
        "series": entry.series.name if entry.series else None,
        "season": entry.season,
        "episode": entry.episode,
        "state": entry.state,
        "quality": {
            "name": entry.wanted.quality,
            "height": (video.height or None) if video else None,
            "bandwidth": (video.bandwidth or None) if video else None,
            "codecs": (video.codecs or None) if video else None,
        },
        "audio": _languages(entry, Kind.AUDIO),
        "subtitles": _languages(entry, Kind.SUBTITLES),
        "bytes": {"done": entry.bytes_done, "total": entry.bytes_total, "estimated": entry.fetches_left > 0},
        "percent": percent(entry),
        "license": _license(entry.license),
        "message": message(entry, now),
        "watched": entry.watched,
        "position_seconds": entry.position_seconds,
        "kept": entry.kept,
        "error": {"code": entry.error.code, "message": entry.error.message, "hint": entry.error.hint}
        if entry.error
        else None,
    }


def whole(entry: Entry, plan: Plan, folder: str, now: datetime) -> dict[str, Any]:
    """The shape of `show --json` and `get --json`."""
    policy = json.loads(entry.license.policy or "null") if entry.license else None
    tracks = [_track(track, plan) for track in plan.tracks]
    return {**title(entry, now), "policy": policy, "folder": folder, "tracks": tracks}


def moment(at: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC with Z, to the second."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _languages(entry: Entry, kind: Kind) -> list[str]:
    return list(dict.fromkeys(t.language or "und" for t in entry.tracks if t.kind is kind))


def _license(license: License | None) -> dict[str, Any] | None:
    if license is None:
        return None
    end = expiry.deadline(license)
    return {
        "system": license.system,
        "issued_at": moment(license.issued_at),
        "storage_seconds": license.windows.storage_seconds,
        "playback_seconds": license.windows.playback_seconds,
        "first_played_at": moment(license.first_played_at),
        "expires_at": moment(end.at),
        "window": end.window,
        "renewable": license.renewable,
        "unknown": sorted(license.windows.unknown),
        "soft": sorted(license.windows.soft),
    }


def _track(track: Track, plan: Plan) -> dict[str, Any]:
    fetches = [f for f in plan.fetches if f.rendition == track.id]
    return {
        "id": track.id,
        "kind": track.kind,
        "language": track.language or None,
        "codecs": track.codecs,
        "height": track.height or None,
        "bandwidth": track.bandwidth or None,
        "why": track.why,
        "files": [_file(f) for f in _in_playback_order(fetches)],
    }


def _in_playback_order(fetches: list[Fetch]) -> list[Fetch]:
    """Each init segment before the first segment that needs it."""
    inits = {f.number: f for f in fetches if f.init}
    ordered: list[Fetch] = []
    for fetch in fetches:
        if not fetch.init:
            if fetch.needs_init in inits:
                ordered.append(inits.pop(fetch.needs_init))
            ordered.append(fetch)
    return ordered


def _file(fetch: Fetch) -> dict[str, Any]:
    first, last = (fetch.range.first, fetch.range.last) if fetch.range else (None, None)
    return {"path": fetch.path, "bytes": fetch.size, "source": shown(fetch.url), "first": first, "last": last}
