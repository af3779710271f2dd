"""Tracks that are one file, or that no player takes as HLS: cut into segments as they are asked for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cached_property, partial
from threading import Lock

from offlinedl.license.heads import Read
from offlinedl.license.opening import Keys, Opening
from offlinedl.playback import Part
from offlinedl.playback.playlists import Piece
from offlinedl.playback.segments import INIT, MP4, TYPES, number_of
from offlinedl.remux import Clip, Film
from offlinedl.remux.container import File
from offlinedl.streams import Fetch, Plan

_REWRITTEN = ("webm", "mkv", "flac", "ogg")


def is_film(plan: Plan) -> bool:
    """Is the one track of `plan` a file that is no segment?"""
    (track,) = plan.tracks
    media = [f for f in plan.fetches if not f.init]
    if len(media) < len(plan.fetches) or track.setup is not None:
        return False
    alone = len(media) == 1 and (track.container in {"mp4", *_REWRITTEN} or media[0].url == plan.manifest_url)
    return alone or track.id in plan.cut


class FilmTrack:
    """A track that is one file, a piece of it in each stored one."""

    def __init__(self, plan: Plan, read: Read, keys: Keys) -> None:
        (track,) = plan.tracks
        self._plan, self._new = plan, partial(Opening, plan, track.id, read, keys)

    @cached_property
    def _opening(self) -> Opening:
        return self._new()

    @cached_property
    def _film(self) -> Film:
        return Film(self._file)

    def _file(self) -> File:
        """Only what is encrypted is read at once."""
        opening = self._opening
        if opening.is_cut or not self._plan.protected:
            return opening.whole()
        return io.BytesIO(opening.opened(opening.media[0])[1])

    def pieces(self) -> Sequence[Piece]:
        init, extension = INIT if self._film.init else "", self._film.extension
        return [Piece(f"{n}.{extension}", cut.start, cut.duration, init) for n, cut in enumerate(self._film.cuts)]

    def part(self, name: str) -> Part | None:
        if name == INIT:
            return Part(type=MP4, make=lambda: self._film.init)
        stem, _, extension = name.partition(".")
        number = number_of(stem)
        if extension != self._film.extension or not 0 <= number < len(self._film.cuts):
            return None
        cut = self._film.cuts[number]
        make = partial(self._film.segment, number)
        return Part(type=TYPES.get(extension, MP4), make=make, media=(cut.start, cut.start + cut.duration))

    @property
    def head(self) -> bytes:
        return self._film.init

    @property
    def is_independent(self) -> bool:
        return True

    @cached_property
    def rates(self) -> tuple[int, int]:
        """As far as the places of its cuts tell."""
        cuts, size = self._film.cuts, sum(f.size or 0 for f in self._plan.fetches)
        ends = [*(cut.place for cut in cuts[1:]), size]
        bits = [8 * max(end - cut.place, 0) for cut, end in zip(cuts, ends, strict=True)]
        rates = [count / cut.duration for count, cut in zip(bits, cuts, strict=True) if cut.duration > 0]
        seconds = sum(cut.duration for cut in cuts)
        average = 8 * size / seconds if seconds else 0
        return int(max(average, *rates)), int(average)


class Rewritten:
    """Segments of WebM, which become fMP4."""

    extension = "m4s"

    def __init__(self, plan: Plan, read: Read, keys: Keys) -> None:
        (track,) = plan.tracks
        self._new = partial(Opening, plan, track.id, read, keys)
        self._clips: dict[int | None, Clip] = {}
        self._lock = Lock()

    @cached_property
    def _opening(self) -> Opening:
        return self._new()

    def init(self, fetch: Fetch) -> bytes:
        return self._clip(fetch).init

    def media(self, fetch: Fetch) -> bytes:
        return self._clip(fetch).segment(fetch.number, b"".join(self._opening.opened(fetch)))

    def _clip(self, fetch: Fetch) -> Clip:
        with self._lock:
            if fetch.needs_init not in self._clips:
                first = next(f for f in self._opening.media if f.needs_init == fetch.needs_init)
                self._clips[fetch.needs_init] = Clip(b"".join(self._opening.opened(first)))
            return self._clips[fetch.needs_init]
