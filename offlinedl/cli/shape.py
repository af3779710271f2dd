"""One title as JSON and in words: the shapes that scripts depend on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from offlinedl.model import Kind

if TYPE_CHECKING:
    from offlinedl.api.details import StoredFile, StoredTrack, TitleDetails
    from offlinedl.api.titles import Clocks, OfflineTitle


def stored(details: TitleDetails) -> dict[str, Any]:
    """The shape of `show --json` and `get --json`, of a title as it is stored."""
    tracks = [_track(track) for track in details.tracks]
    return {**title(details.title), "policy": details.policy, "folder": str(details.folder), "tracks": tracks}


def title(title: OfflineTitle) -> dict[str, Any]:
    """The shape of `list --json`."""
    video = next((t for t in title.tracks if t.kind is Kind.VIDEO), None)
    return {
        "id": title.id,
        "name": title.name,
        "series": title.series.name if title.series else None,
        "season": title.season,
        "episode": title.episode,
        "state": title.state,
        "quality": {
            "name": title.quality,
            "height": (video.height or None) if video else None,
            "bandwidth": (video.bandwidth or None) if video else None,
            "codecs": (video.codecs or None) if video else None,
        },
        "audio": _languages(title, Kind.AUDIO),
        "subtitles": _languages(title, Kind.SUBTITLES),
        "bytes": {"done": title.bytes_done, "total": title.bytes_total, "estimated": title.files_left > 0},
        "percent": title.percent,
        "license": None if title.clocks is None else _license(title.clocks),
        "message": title.message,
        "watched": title.watched,
        "position_seconds": title.position_seconds,
        "kept": title.kept,
        "error": {"code": title.error.code, "message": title.error.message, "hint": title.error.hint}
        if title.error
        else None,
    }


def moment(at: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC with Z, to the second."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _languages(title: OfflineTitle, kind: Kind) -> list[str]:
    return list(dict.fromkeys(t.language or "und" for t in title.tracks if t.kind is kind))


def _license(clocks: Clocks) -> dict[str, Any]:
    return {
        "system": clocks.system,
        "issued_at": moment(clocks.issued_at),
        "storage_seconds": clocks.storage_seconds,
        "playback_seconds": clocks.playback_seconds,
        "first_played_at": moment(clocks.first_played_at),
        "expires_at": moment(clocks.deadline),
        "window": clocks.window,
        "renewable": clocks.renewable,
        "unknown": sorted(clocks.unknown),
        "soft": sorted(clocks.soft),
    }


def _track(stored: StoredTrack) -> dict[str, Any]:
    track = stored.track
    return {
        "id": track.id,
        "kind": track.kind,
        "language": track.language or None,
        "codecs": track.codecs,
        "height": track.height or None,
        "bandwidth": track.bandwidth or None,
        "why": track.why,
        "files": [_file(file) for file in stored.files],
    }


def _file(file: StoredFile) -> dict[str, Any]:
    return {"path": file.path, "bytes": file.bytes, "source": file.source, "first": file.first, "last": file.last}
