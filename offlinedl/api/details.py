"""All that is known of a title in the library: its files, what its license states, what happened to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offlinedl.api.titles import OfflineTitle, seen
from offlinedl.errors import shown
from offlinedl.frozen import frozen
from offlinedl.model import Track

if TYPE_CHECKING:
    from offlinedl.library import Library
    from offlinedl.model import Entry
    from offlinedl.streams import Fetch


@frozen
class StoredFile:
    """A file at `path` below the title's folder. `bytes` is None until it is there. `source` is where it comes from,
    without what signs that; `first` and `last` are the range of it in bytes, both included, None where it is all."""

    path: str
    bytes: int | None
    source: str
    first: int | None
    last: int | None


@frozen
class StoredTrack:
    """A track, and its files in the order in which they play: each init segment before the first that needs it."""

    track: Track
    files: tuple[StoredFile, ...]


@frozen
class TitleDetails:
    """A title in full. `policy` is what its license states, as its server wrote it, None where that is nothing.
    `history` is what happened to it and when, the oldest first."""

    title: OfflineTitle
    folder: Path
    tracks: tuple[StoredTrack, ...]
    policy: Any
    history: tuple[tuple[datetime, str], ...]


def details(entry: Entry, library: Library) -> TitleDetails:
    """The title of `entry` in full, as it is stored."""
    plan = library.plan(entry.id)
    return TitleDetails(
        title=seen(entry, library.time()),
        folder=library.store.folder(entry.folder),
        tracks=tuple(StoredTrack(track=track, files=_files(track, plan.fetches)) for track in plan.tracks),
        policy=json.loads(entry.license.policy or "null") if entry.license else None,
        history=tuple(library.catalog.history(entry.id)),
    )


def _files(track: Track, fetches: Sequence[Fetch]) -> tuple[StoredFile, ...]:
    own = [fetch for fetch in fetches if fetch.rendition == track.id]
    inits = {fetch.number: fetch for fetch in own if fetch.init}
    ordered: list[Fetch] = []
    for fetch in own:
        if not fetch.init:
            if fetch.needs_init in inits:
                ordered.append(inits.pop(fetch.needs_init))
            ordered.append(fetch)
    return tuple(map(_file, ordered))


def _file(fetch: Fetch) -> StoredFile:
    first, last = (fetch.range.first, fetch.range.last) if fetch.range else (None, None)
    return StoredFile(path=fetch.path, bytes=fetch.size, source=shown(fetch.url), first=first, last=last)
