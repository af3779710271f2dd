"""A stored title as HLS: one multivariant playlist, a media playlist for each track, and what these name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Protocol

from offlinedl import remux
from offlinedl.errors import DamagedError
from offlinedl.license.heads import Read
from offlinedl.license.opening import Keys, Opening
from offlinedl.media.codecs import codecs
from offlinedl.model import Entry, Kind, Track
from offlinedl.playback import MASTER, Part, Presentation, Text, playlists
from offlinedl.playback.films import FilmTrack, Rewritten, is_film
from offlinedl.playback.joining import OneClock
from offlinedl.playback.playlists import Piece, Rendition, Variant
from offlinedl.playback.segments import Completed, Opened, Sealed, Segments, begins
from offlinedl.playback.texts import TextTrack
from offlinedl.streams import Fetch, Plan

_INDEX = "index.m3u8"


def present(entry: Entry, plan: Plan, read: Read, keys: Keys, *, raw: bool = False) -> Presentation:
    """The title of `plan`, whose files `read` reads, opened with `keys` (by KID). With `raw`, for an adapter, its
    segments are as they are stored. Nothing is read before it is asked for."""
    fetches: dict[str, list[Fetch]] = {track.id: [] for track in plan.tracks}
    for fetch in plan.fetches:
        fetches[fetch.rendition].append(fetch)
    own = {
        track: replace(plan, tracks=(track,), fetches=tuple(fetches[track.id]))
        for track in plan.tracks
        if not all(f.init for f in fetches[track.id])
    }
    media = {track: each for track, each in own.items() if track.kind is not Kind.SUBTITLES}
    if not media:
        raise DamagedError(f"{entry.id}: no picture and no sound is stored of it", "get it again")
    origin = min(begins([f for f in each.fetches if not f.init][:1]) for each in media.values())
    main = media[next((track for track in media if track.kind is Kind.VIDEO), next(iter(media)))]

    def opened(text: Plan) -> tuple[Opening, Opening | None]:
        """A track of subtitles, and the media on whose clock it may be."""
        first, second = (Opening(each, each.tracks[0].id, read, keys) for each in (text, main))
        return first, None if is_film(main) else second

    texts = [(track, partial(opened, own[track])) for track in own if track not in media]
    return _Stored({track: _made(each, read, keys, origin, raw=raw) for track, each in media.items()}, texts, origin)


def _made(plan: Plan, read: Read, keys: Keys, origin: float, *, raw: bool) -> _Playable:
    (track,) = plan.tracks
    if raw and plan.protected:
        return Segments(plan, Sealed(plan, read), origin)
    if is_film(plan):
        return FilmTrack(plan, read, keys)
    if track.setup is not None:
        return Segments(plan, Completed(plan, track.setup, read), origin)
    if track.container == "webm":
        return Segments(plan, Rewritten(plan, read, keys), origin)
    return Segments(plan, OneClock(Opened(plan, read, keys), [f for f in plan.fetches if not f.init]), origin)


class _Playable(Protocol):
    """A track as it is presented."""

    def pieces(self) -> Sequence[Piece]:
        """All of its playlist."""

    def part(self, name: str) -> Part | None:
        """What is at `name` in its folder, its playlist apart."""

    @property
    def head(self) -> bytes:
        """Its first init segment, b"" where it has none."""

    @property
    def is_independent(self) -> bool:
        """Is it known that each piece begins with a key frame?"""

    @property
    def rates(self) -> tuple[int, int]:
        """Bits a second, of the piece with most of them and of all; 0 where nothing tells."""


class _Stored:
    """A title whose tracks are `playable`, and its `texts`, which open what they are read from. It begins at `origin`
    seconds on the time line of its plan."""

    def __init__(
        self,
        playable: Mapping[Track, _Playable],
        texts: Iterable[tuple[Track, Callable[[], tuple[Opening, Opening | None]]]],
        origin: float,
    ) -> None:
        counts: dict[Kind, int] = {}
        self._tracks: dict[str, tuple[Track, _Playable]] = {}
        self._origin = origin
        for track, each in playable.items():
            counts[track.kind] = counts.get(track.kind, 0) + 1
            self._tracks[f"{track.kind}-{counts[track.kind]}"] = (track, each)
        names = ((f"subtitles-{number}", *each) for number, each in enumerate(texts, 1))
        self._texts = {name: TextTrack(name, track, opened, origin) for name, track, opened in names}

    @cached_property
    def duration(self) -> float:
        ends = (pieces[-1] for _, each in self._tracks.values() if (pieces := each.pieces()))
        return max((last.start + last.duration for last in ends), default=self._origin) - self._origin

    @property
    def texts(self) -> tuple[Text, ...]:
        return tuple(each.text for each in self._texts.values())

    def part(self, path: str) -> Part | None:
        if path == MASTER:
            return Part(type=playlists.PLAYLIST, make=lambda: self._master().encode())
        folder, _, name = path.partition("/")
        if folder in self._texts:
            return self._text(self._texts[folder], name)
        if folder not in self._tracks:
            return None
        _, each = self._tracks[folder]
        if name != _INDEX:
            return each.part(name)
        return Part(type=playlists.PLAYLIST, make=lambda: _index(each).encode())

    def _text(self, text: TextTrack, name: str) -> Part | None:
        """Of subtitles. They are cut where the picture is, or else the sound."""
        main = next((e for track, e in self._tracks.values() if track.kind is Kind.VIDEO), self._first)
        if name == _INDEX:
            return Part(type=playlists.PLAYLIST, make=lambda: playlists.media(text.pieces(main.pieces())).encode())
        return text.part(name, main.pieces, partial(_clock, main))

    @property
    def _first(self) -> _Playable:
        return next(each for _, each in self._tracks.values())

    def _master(self) -> str:
        """Sound is a variant of its own where there are no pictures, and stands beside them where there are."""
        pictures = [name for name, (track, _) in self._tracks.items() if track.kind is Kind.VIDEO]
        sounds = [name for name in self._tracks if name not in pictures]
        beside = sounds if pictures or len(sounds) > 1 else []
        variants = [self._variant(name, beside) for name in pictures or sounds[:1]]
        renditions = [self._sound(name, is_default=name == beside[0]) for name in beside]
        renditions += [
            Rendition("SUBTITLES", f"{name}/{_INDEX}", each.track.name, each.track.language, forced=each.track.forced)
            for name, each in self._texts.items()
        ]
        independent = all(each.is_independent for _, each in self._tracks.values())
        return playlists.master(variants, renditions, independent=independent)

    def _sound(self, name: str, *, is_default: bool) -> Rendition:
        track, _ = self._tracks[name]
        return Rendition("AUDIO", f"{name}/{_INDEX}", track.name, track.language, is_default)

    def _variant(self, name: str, beside: Iterable[str]) -> Variant:
        """Bits a second: with the sound that has most of them (RFC 8216 section 4.3.4.2)."""
        track, each = self._tracks[name]
        others = [self._tracks[other] for other in beside if other != name]
        peak, average = (
            sum(r) for r in zip(_rates(track, each), max([_rates(*o) for o in others] or [(0, 0)]), strict=True)
        )
        named = [_codecs(*which) for which in ((track, each), *others)]
        return Variant(
            uri=f"{name}/{_INDEX}",
            bandwidth=max(1, peak),
            average=average,
            codecs=list(dict.fromkeys(codec for own in named for codec in own)) if all(named) else (),
            size=(track.width, track.height),
        )


def _index(each: _Playable) -> str:
    return playlists.media(each.pieces(), independent=each.is_independent)


def _clock(each: _Playable, piece: Piece) -> float | None:
    """When the media of a piece begin on their own clock, in seconds."""
    init, media = each.part(piece.init), each.part(piece.uri)
    return remux.begins((init.make() if init else b"") + (media.make() if media else b""))


def _rates(track: Track, each: _Playable) -> tuple[int, int]:
    peak, average = each.rates
    return peak or track.bandwidth, average or track.bandwidth


def _codecs(track: Track, each: _Playable) -> list[str]:
    """As the init segment says, or else the manifest."""
    return codecs(each.head) or [name.strip() for name in track.codecs.split(",") if name.strip()]
