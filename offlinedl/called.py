"""What the tracks and files of a title are called wherever people read of them: "video 720p, segment 1"."""

from __future__ import annotations

from collections.abc import Iterable

from offlinedl.model import Kind, Track
from offlinedl.streams import Fetch


def called(track: Track) -> str:
    """A track: "video 720p", "audio en"."""
    detail = f"{track.height}p" if track.kind is Kind.VIDEO and track.height else track.language
    return f"{track.kind} {detail}".rstrip()


def called_file(tracks: Iterable[Track], fetch: Fetch) -> str:
    """A file of one of these tracks: "audio en, init segment 0"."""
    track = next(track for track in tracks if track.id == fetch.rendition)
    return f"{called(track)}, {'init segment' if fetch.init else 'segment'} {fetch.number}"
