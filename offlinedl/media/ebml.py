"""What WebM and Matroska say of encryption (EBML: RFC 8794; Matroska: RFC 9559), read from bytes.

As with MP4, all of it takes untrusted bytes: whatever is wrong with them ends in DamagedError, never in another
exception. What is cut off is read as far as it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from offlinedl.errors import DamagedError
from offlinedl.frozen import frozen
from offlinedl.media.mp4 import Data

HEAD = b"\x1a\x45\xdf\xa3"
"""RFC 8794 section 11.2.1: what a document begins with."""

# RFC 9559 section 5.1
_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675
_TRACKS = 0x1654AE6B
_TRACK = 0xAE
_ENCODINGS = 0x6D80
_ENCODING = 0x6240
_ENCRYPTION = 0x5035
_ALGORITHM = 0x47E1
_KEY_ID = 0x47E2
_MAX_ELEMENTS = 10_000

PROTECTED = ("protected WebM cannot be licensed yet", "ask for the title's HLS address, or for its MP4 files")
"""What is said of encrypted tracks, and what to do."""


class _Element(NamedTuple):
    """data[body:end] is its content; `whole` where all of that is there."""

    id: int
    body: int
    end: int
    whole: bool


@frozen
class Tracks:
    """What a file says of its tracks, `whole` where all of it is there. `key_ids` are of those that are encrypted, b""
    for one that does not name its key."""

    whole: bool
    key_ids: tuple[bytes, ...]


def tracks(data: Data) -> Tracks | None:
    """The tracks of the file that begins with `data`; None where they are not described in it."""
    reader = _Reader(data)
    found = next((e for segment in reader.children(0, len(data), _SEGMENT) for e in reader.of(segment, _TRACKS)), None)
    if found is None:
        return None
    return Tracks(whole=found.whole, key_ids=tuple(reader.key_ids(found)))


def is_enough(data: Data) -> bool:
    """Does `data` hold all that is said of the tracks? Nothing is said of them once media began."""
    reader = _Reader(data)
    try:
        elements = [e for segment in reader.children(0, len(data), _SEGMENT) for e in reader.of(segment)]
    except DamagedError:  # more will not make it better
        return True
    return any(e.id == _CLUSTER or (e.id == _TRACKS and e.whole) for e in elements)


class _Reader:
    """Walks the elements of `data`, not more of them than a file has before its media."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._left = _MAX_ELEMENTS

    def of(self, parent: _Element, *ids: int) -> Iterator[_Element]:
        return self.children(parent.body, parent.end, *ids)

    def children(self, start: int, end: int, *ids: int) -> Iterator[_Element]:
        """The elements that fill data[start:end]: those with one of `ids`, or all of them."""
        while start < end:
            self._left -= 1
            if self._left < 0:
                raise DamagedError(f"more than {_MAX_ELEMENTS} elements stand before its media", "tell its publisher")
            element = self._element(start, end)
            if element is None:
                return
            if not ids or element.id in ids:
                yield element
            start = element.end

    def _element(self, at: int, end: int) -> _Element | None:
        """RFC 8794 sections 5 and 6: an id of up to 4 bytes, a size of up to 8; None where that is not all there."""
        name = self._number(at, end, 4)
        size = self._number(at + name[1], end, 8) if name else None
        if name is None or size is None:
            return None
        (number, width), body = size, at + name[1] + size[1]
        value = number - (1 << 7 * width)  # without the bit that marks the width
        if value == (1 << 7 * width) - 1:  # section 6.2: an unknown size, here to the end of what holds it
            return _Element(name[0], body, end, False)
        return _Element(name[0], body, min(body + value, end), body + value <= end)

    def _number(self, at: int, end: int, longest: int) -> tuple[int, int] | None:
        """RFC 8794 section 4: a number with the bit that marks its width, and that width."""
        if at >= end:
            return None
        width = 9 - self._data[at].bit_length()
        if width > longest or at + width > end:
            return None
        return int.from_bytes(self._data[at : at + width]), width

    def key_ids(self, found: _Element) -> Iterator[bytes]:
        """RFC 9559 section 5.1.4.1.31: the encodings of each track; encryption with algorithm 0 is none."""
        for track in self.of(found, _TRACK):
            for encodings in self.of(track, _ENCODINGS):
                for encoding in self.of(encodings, _ENCODING):
                    for encryption in self.of(encoding, _ENCRYPTION):
                        said = {e.id: bytes(self._data[e.body : e.end]) for e in self.of(encryption)}
                        if any(said.get(_ALGORITHM, b"\1")):
                            yield said.get(_KEY_ID, b"")
