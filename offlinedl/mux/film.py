"""What one file of a title is to hold, and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from typing import Protocol

from offlinedl.frozen import frozen


class Source(Protocol):
    """Bytes that are read once, from the first to the last. Where it has `seek` and `tell`, from anywhere."""

    def read(self, size: int, /) -> bytes: ...


@frozen
class Piece:
    """A container that begins a track or goes on with it. Its times become so many seconds later."""

    open: Callable[[], Source]
    later: Fraction = Fraction(0)


@frozen
class Label:
    """What a file says of a track that is of that kind: `language` has three letters (ISO 639-2), "" for unknown."""

    language: str = ""
    name: str = ""
    default: bool = False
    forced: bool = False
    of: str = ""


@frozen
class Media:
    """A track: its pieces in their order, and of which kinds of streams in them it consists."""

    pieces: Sequence[Piece]
    kinds: tuple[str, ...]
    label: Label


@frozen
class Words:
    """A subtitle track. `cues` are (start, end, words) in milliseconds, one after the other; `webvtt` is the same as a
    file, with all that it has beside them."""

    webvtt: str
    cues: Sequence[tuple[int, int, str]]
    label: Label


@frozen
class Film:
    """What one file holds. `about` are FFmpeg's names for what is told of a title, `poster` a picture."""

    media: Sequence[Media]
    words: Sequence[Words] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    poster: bytes = b""


class Target(Protocol):
    """A file to be written, at any place."""

    def write(self, data: bytes, /) -> int: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...
