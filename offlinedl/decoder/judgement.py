"""What is asked of the judge of media, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

NOTHING = "neither audio nor video in it"
_PIXELS = 2**28
"""Of all pictures that are decoded of one piece: more are no better proof, and a few bytes can claim any number of
pictures, each of 50 MB."""


class File(Protocol):
    """A file that is read from any place."""

    def read(self, size: int) -> bytes: ...
    def seek(self, offset: int, whence: int = 0) -> int: ...
    def tell(self) -> int: ...


class Share(NamedTuple):
    """How much of a piece is enough: it ends with the packet that reaches so many coded bytes or decoded pixels. At
    least one frame of each stream is decoded."""

    coded: int
    pixels: int = _PIXELS


ALL = Share(coded=2**62)


@dataclass(slots=True)
class Look:
    """What is wrong with a piece of media, in a few words, None where nothing is; the kinds of stream that gave a
    frame, the size of the pictures, and how many coded bytes were decoded."""

    reason: str | None = None
    kinds: set[str] = field(default_factory=set)
    size: tuple[int, int] | None = None
    coded: int = 0
