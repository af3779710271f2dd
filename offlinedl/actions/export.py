"""export: one file of a title for any player, without loss, where the rights allow that.

What leaves the library so has no clock any more and no key: a title that has either is not exported, unless its service
says in so many words that it may be.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TypeAlias

from offlinedl import damage, decoder, expiry, languages, mux, playing, sources
from offlinedl.aside import aside
from offlinedl.errors import NotFoundError, OfflinedlError, RefusedError, UsageError, sized
from offlinedl.library import Library
from offlinedl.license.opening import Opening
from offlinedl.media import webvtt
from offlinedl.media.mp4 import Data
from offlinedl.model import Details, Entry, Kind, State, Track
from offlinedl.mux import Film, Label, Media, Piece, Words
from offlinedl.playback import subtitles
from offlinedl.playback.clocks import UNTIMED, Clock
from offlinedl.playback.segments import Completed
from offlinedl.progress import Progress
from offlinedl.store.result import Result
from offlinedl.streams import Fetch

_Opened: TypeAlias = Callable[[Fetch], tuple[bytes, bytes]]

_PRIMING = -0.5
"""Seconds: sound may begin so long before its picture, for its decoder to be ready."""


def check(entry: Entry, library: Library) -> None:
    """Raises RefusedError with the reason where the title may not be exported."""
    playing.admit(entry, library)
    entry = library.must(entry.id)
    held = library.licenses.sealed(entry)
    if held is not None and held.handle is not None:
        reason = "its license is in the keeping of an adapter, which gives nothing away"
    elif expiry.is_limited(entry.license):
        reason = "it has a window, and a file has no clock"
    elif entry.rights.export or (sources.is_of_url(entry.id) and not entry.protected):
        return
    else:
        reason = "its service does not allow it"
    raise RefusedError(
        f"{entry.id}: not exported: {reason}", f"`offlinedl play {entry.id}` plays it", code="export-not-allowed"
    )


async def export(entry: Entry, library: Library, path: Path, progress: Progress, *, replaces: bool = False) -> int:
    """Write the title to a file, .mkv or .mp4 by its name. Returns its bytes. Who is cancelled leaves nothing of it."""
    format = mux.FORMATS.get(path.suffix.lower())
    if format is None:
        raise UsageError(f"{path}: neither .mkv nor .mp4", "name the file so: its name tells what it is to be")
    check(entry, library)
    stop = threading.Event()

    def told(count: int) -> None:
        if stop.is_set():
            raise asyncio.CancelledError
        progress.advance(count)

    film = _Exported(entry, library, told)
    with Result(path, replaces=replaces) as result:
        progress.begin(entry.name, 0, film.size)
        progress.step("export")
        work = asyncio.ensure_future(aside(lambda: mux.write(result, format, film.film(), told)))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait({work})
            raise
        except OfflinedlError as error:
            raise _lost(entry, library, error) from error
        size = result.keep()
    progress.end(f"{entry.name}: exported to {path}, {sized(size)}", entry.name, size)
    return size


def _lost(entry: Entry, library: Library, error: OfflinedlError) -> OfflinedlError:
    """Why nothing came of it. A title whose file does not hold is ready no more."""
    current = library.entry(entry.id)
    if current is None or current.state is State.REMOVING:
        return NotFoundError(f"{entry.id}: removed while it was exported", "`offlinedl get` fetches it again")
    if isinstance(error, damage.DamagedFileError):
        damage.demote(current, library, error)
    return error


class _Exported:
    """A stored title, as what goes into a file."""

    def __init__(self, entry: Entry, library: Library, told: Callable[[int], None]) -> None:
        held = library.licenses.sealed(entry) if entry.protected else None
        keys = {key.kid: key.key for key in held.keys} if held else {}
        plan = library.plan(entry.id)
        sound = damage.reading(entry, plan, library)

        def read(fetch: Fetch) -> Data:
            told(0)  # who is cancelled does not wait for all of a film to be looked at
            return sound(fetch)

        self._entry, self._store = entry, library.store
        self._about = _about(entry, library.catalog.marks.details(entry.id))  # the catalog is for this thread alone
        self._plan, self._read = plan, read
        self._tracks = [Opening(plan, track.id, read, keys) for track in plan.tracks]
        self._media = sorted(
            (opening for opening in self._tracks if opening.track.kind is not Kind.SUBTITLES and opening.media),
            key=lambda opening: opening.track.kind is not Kind.VIDEO,
        )
        self._clocks = [Clock(opening, len(opening.media)) for opening in self._media]
        self.size = sum(fetch.size or 0 for opening in self._media for fetch in opening.media)

    def film(self) -> Film:
        """All of it; nothing is read yet but the subtitles."""
        firsts = {opening.track.kind: opening for opening in reversed(self._media)}
        picture = self._media[0] if self._media else None
        return Film(
            media=[
                Media(
                    pieces=list(self._pieces(opening)),
                    kinds=("audio",) if opening.track.kind is Kind.AUDIO else ("video", "audio"),
                    label=_label(opening.track, default=opening is firsts[opening.track.kind]),
                )
                for opening in self._media
            ],
            words=[_words(opening, picture) for opening in self._tracks if opening.track.kind is Kind.SUBTITLES],
            about=self._about,
            poster=self._poster(),
        )

    def _pieces(self, opening: Opening) -> Iterator[Piece]:
        if opening.is_cut:
            yield Piece(open=opening.whole)
            return
        for run in _runs(opening.media):
            later = Fraction(run[0].start) if opening.track.container in UNTIMED else self._later(run[0].start)
            yield Piece(open=_source(self._opened(opening), run), later=later)

    def _opened(self, opening: Opening) -> _Opened:
        """What opens a file of a track, and gives with it what must stand before it. Smooth Streaming has none of
        that: it is made."""
        track, setup = opening.track, opening.track.setup
        if setup is None:
            return opening.opened
        made = Completed(replace(self._plan, tracks=(track,)), setup, self._read)
        return lambda fetch: (made.init(fetch), made.media(fetch))

    def _later(self, start: float) -> Fraction:
        """What is added to the clock of the media there, so that it is the title's. All tracks share it."""
        found = [ahead for clock in self._clocks if (ahead := clock.ahead(clock.since(start))) is not None]
        ahead = min(found, default=0.0)
        return Fraction(0) if _PRIMING < ahead <= 0 else Fraction(-ahead)

    def _poster(self) -> bytes:
        path = self._store.poster(self._entry.folder)
        return bytes(self._store.read(self._entry.folder, path.name)) if path else b""


def _about(entry: Entry, details: Details) -> dict[str, str]:
    """What is told of a title, in FFmpeg's names."""
    told = {
        "title": entry.name,
        "show": entry.series.name if entry.series else "",
        "season_number": "" if entry.season is None else str(entry.season),
        "episode_sort": "" if entry.episode is None else str(entry.episode),
        "date": details.published.date().isoformat() if details.published else "",
        "description": details.summary.replace("\0", ""),
    }
    return {name: text for name, text in told.items() if text}


def _runs(fetches: Sequence[Fetch]) -> Iterator[list[Fetch]]:
    """Files that make one container: those of one init segment whose clock runs on."""
    run: list[Fetch] = []
    for fetch in fetches:
        if run and (fetch.breaks or fetch.needs_init != run[-1].needs_init):
            yield run
            run = []
        run.append(fetch)
    if run:
        yield run


def _source(opened: _Opened, run: Sequence[Fetch]) -> Callable[[], mux.Source]:
    """A single file may have its index at its end; of others, one is in memory at a time."""
    if len(run) == 1:
        return lambda: io.BytesIO(b"".join(opened(run[0])))
    return partial(_Forward, opened, run)


class _Forward:
    """Files that are opened one after the other, as one that is read to its end."""

    def __init__(self, opened: _Opened, run: Sequence[Fetch]) -> None:
        self._contents = self._each(opened, run)
        self._left = memoryview(b"")

    def read(self, size: int) -> bytes:
        """The next bytes, none at the end."""
        while not self._left:
            content = next(self._contents, None)
            if content is None:
                return b""
            self._left = memoryview(content)
        some, self._left = bytes(self._left[:size]), self._left[size:]
        return some

    @staticmethod
    def _each(opened: _Opened, run: Sequence[Fetch]) -> Iterator[bytes]:
        for fetch in run:
            init, media = opened(fetch)
            if fetch is run[0]:
                yield init
            yield decoder.untagged(media)


def _label(track: Track, *, default: bool = False) -> Label:
    return Label(
        of=track.kind.value,
        language=languages.three_letters(track.language),
        name=track.name,
        default=default,
        forced=track.forced,
    )


def _words(opening: Opening, picture: Opening | None) -> Words:
    document = subtitles.read(opening, picture)
    label = _label(opening.track, default=opening.track.forced)
    return Words(webvtt=webvtt.write(document), cues=webvtt.spoken(document.cues), label=label)
