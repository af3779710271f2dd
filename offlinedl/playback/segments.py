"""Stored segments as they are presented: decrypted one at a time, in memory, each under an address of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Protocol

from offlinedl.errors import DamagedError
from offlinedl.license.heads import Read
from offlinedl.license.opening import Keys, Opening
from offlinedl.media import mp4, smooth
from offlinedl.model import Setup
from offlinedl.playback import Part
from offlinedl.playback.playlists import Piece
from offlinedl.streams import Fetch, Plan

TYPES: Mapping[str, str] = {
    "ts": "video/mp2t",
    "aac": "audio/aac",
    "ac3": "audio/ac3",
    "eac3": "audio/eac3",
    "mp3": "audio/mpeg",
}
"""The media types of segments by their extension; all others are MP4."""

MP4 = "video/mp4"
INIT = "init-0.mp4"


class Source(Protocol):
    """What the segments of a track become. `extension` is theirs: players judge by it."""

    @property
    def extension(self) -> str: ...

    def init(self, fetch: Fetch) -> bytes:
        """The init segment that a segment needs, b"" for none."""

    def media(self, fetch: Fetch) -> bytes:
        """A segment as it is served."""


class Sealed:
    """Segments as they are stored, also where they are encrypted."""

    def __init__(self, plan: Plan, read: Read) -> None:
        (track,) = plan.tracks
        self._read = read
        self._inits = {f.number: f for f in plan.fetches if f.init}
        self.extension = _EXTENSIONS.get(track.container, track.container)

    def init(self, fetch: Fetch) -> bytes:
        init = self._inits.get(-1 if fetch.needs_init is None else fetch.needs_init)
        return b"" if init is None else bytes(self._read(init))

    def media(self, fetch: Fetch) -> bytes:
        return bytes(self._read(fetch))


class Opened:
    """Segments that are decrypted."""

    def __init__(self, plan: Plan, read: Read, keys: Keys) -> None:
        (track,) = plan.tracks
        self._track, self._new = track, partial(Opening, plan, track.id, read, keys)

    @cached_property
    def _opening(self) -> Opening:
        return self._new()

    @cached_property
    def extension(self) -> str:
        """By the first bytes where the manifest did not tell."""
        known = _EXTENSIONS.get(self._track.container, self._track.container)
        return known if known in {"m4s", *TYPES} else sniffed(self.media(self._opening.media[0]))

    def init(self, fetch: Fetch) -> bytes:
        """Of a file that needs none and is MP4, what stands before its fragments."""
        init = self._opening.init(fetch)
        if init is not None:
            return self._opening.head(init)
        return beginning(self.media(fetch)) if self.extension == "m4s" else b""

    def media(self, fetch: Fetch) -> bytes:
        return self._opening.opened(fetch)[1]


class Completed:
    """Fragments of Smooth Streaming, which have no init segment and need not say when they begin."""

    extension = "m4s"

    def __init__(self, plan: Plan, setup: Setup, read: Read) -> None:
        (self._track,) = plan.tracks
        self._setup, self._read = setup, read

    def init(self, fetch: Fetch) -> bytes:
        return smooth.init(self._track, self._setup, self._read(fetch))

    def media(self, fetch: Fetch) -> bytes:
        return smooth.timed(bytes(self._read(fetch)), round(fetch.start * self._setup.timescale))


_EXTENSIONS = {"mp4": "m4s", "ec3": "eac3"}  # the latter is what FFmpeg 8 knows it by
_SIGNS = {b"G": "ts", b"\x0b\x77": "ac3", b"ID3": "aac", b"\xff": "aac"}


def sniffed(media: bytes) -> str:
    """The extension of a segment that begins so."""
    return next((name for sign, name in _SIGNS.items() if media.startswith(sign)), "m4s")


def beginning(media: bytes) -> bytes:
    """All up to the end of the movie box. DamagedError where there is none."""
    moov = next(mp4.find(media, "moov"), None)
    if moov is None:
        raise DamagedError("no init segment, and none in its files", "tell the service")
    return media[: moov.end]


class Segments:
    """A track of stored segments: its playlist's pieces, and what is at their addresses."""

    def __init__(self, plan: Plan, source: Source, origin: float) -> None:
        self._source, self._origin = source, origin
        self._fetches = [f for f in plan.fetches if not f.init]

    @cached_property
    def _by_number(self) -> Mapping[int, Fetch]:
        return {fetch.number: fetch for fetch in self._fetches}

    @cached_property
    def _inits(self) -> tuple[Mapping[int | None, int], Sequence[bytes]]:
        """Which init segment it is for those numbers, and those: what is the same has one address, for another one is
        another encoding to players."""
        return inits(self._source, self._fetches)

    def pieces(self) -> list[Piece]:
        """All of its playlist, and gaps where the service had nothing."""
        numbers, made = self._inits
        names = {number: f"init-{at}.mp4" if made[at] else "" for number, at in numbers.items()}
        extension = self._source.extension
        found: list[Piece] = []
        for f in self._fetches:
            if f.number > len(found):
                found += _gaps(found, f)
            found.append(Piece(f"{f.number}.{extension}", f.start, f.duration, names[f.needs_init], f.breaks))
        return found

    def part(self, name: str) -> Part | None:
        """What is at `name` in the track's folder."""
        stem, _, extension = name.partition(".")
        if stem.startswith("init-"):
            _, made = self._inits
            number = number_of(stem.removeprefix("init-"))
            there = extension == "mp4" and 0 <= number < len(made) and made[number]
            return Part(type=MP4, make=partial(bytes, made[number])) if there else None
        fetch = self._by_number.get(number_of(stem))
        if fetch is None or extension != self._source.extension:
            return None
        start = fetch.start - self._origin
        make: Callable[[], bytes] = partial(self._source.media, fetch)
        return Part(type=TYPES.get(extension, MP4), make=make, media=(start, start + fetch.duration))

    @cached_property
    def head(self) -> bytes:
        """Its first init segment, b"" where it has none."""
        return self._inits[1][0]

    @property
    def is_independent(self) -> bool:
        """Is it known that each piece begins with a key frame?"""
        return False

    @cached_property
    def rates(self) -> tuple[int, int]:
        """Bits a second, of the piece with most of them and of all; 0 where nothing tells."""
        sized = [(8 * f.size, f.duration) for f in self._fetches if f.size and f.duration > 0]
        seconds = sum(duration for _, duration in sized)
        peak = max((bits / duration for bits, duration in sized), default=0)
        return int(peak), int(sum(bits for bits, _ in sized) / seconds) if seconds else 0


def inits(source: Source, fetches: Sequence[Fetch]) -> tuple[dict[int | None, int], list[bytes]]:
    """The different init segments that fetches need, and which of them it is for each number of one."""
    firsts = {fetch.needs_init: fetch for fetch in reversed(fetches)}
    made = {number: source.init(fetch) for number, fetch in reversed(firsts.items())}
    distinct = list(dict.fromkeys(made.values()))
    return {number: distinct.index(data) for number, data in made.items()}, distinct


def begins(fetches: Sequence[Fetch]) -> float:
    """When a track begins on the time line of its plan, in seconds; with a gap if that is first."""
    return fetches[0].start if fetches[0].number == 0 else 0.0


def _gaps(found: Sequence[Piece], following: Fetch) -> list[Piece]:
    """What is missing before `following`: so many pieces, in the time that is left for them."""
    start = found[-1].start + found[-1].duration if found else 0.0
    count = following.number - len(found)
    each = max(0.0, following.start - start) / count
    return [
        Piece(f"{len(found) + n}.gap.ts", start + n * each, each, is_gap=True)  # an extension that players take
        for n in range(count)
    ]


def number_of(text: str) -> int:
    """The number that an address names, -1 for none."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else -1
