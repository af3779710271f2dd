"""Where a body ends (RFC 9112 section 6.3): after the length that was stated, with its last chunk, with the connection.

Each takes the bytes of a connection as they come, and gives those of the body. `beyond` counts the bytes that came
after its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

_LONGEST_LINE = 4096
_LONGEST_TRAILERS = 64 * 1024
_DIGITS = frozenset(b"0123456789abcdefABCDEF")
_MOST_DIGITS = 15


class TornError(Exception):
    """Chunks that are none."""


class Framing(Protocol):
    """Which bytes are the body's, and whether that is over."""

    ended: bool
    beyond: int

    def body(self, data: memoryview) -> Iterable[memoryview]:
        """What of `data`, the next bytes, is the body's. TornError where they cannot be understood."""


class Stated:
    """A body of `length` bytes."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.ended = not length
        self.beyond = 0

    def body(self, data: memoryview) -> Iterable[memoryview]:
        """See Framing."""
        more = len(data) - self._left
        if more < 0:
            self._left = -more
            return (data,)
        self.beyond, self.ended, left, self._left = more, True, self._left, 0
        return (data[:left],) if left else ()


class UntilClosed:
    """A body that ends with its connection."""

    ended = False
    beyond = 0

    def body(self, data: memoryview) -> Iterable[memoryview]:
        """See Framing."""
        return (data,)


class Chunks:
    """A body in chunks (section 7.1). What is said beside them is not looked at: extensions, trailers."""

    def __init__(self) -> None:
        self.ended = False
        self.beyond = 0
        self._left = 0
        self._line = bytearray()
        self._is_through = False  # a chunk is; the end of its line is to come
        self._trailers: int | None = None

    def body(self, data: memoryview) -> Iterator[memoryview]:
        """See Framing."""
        while len(data) and not self.ended:
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                self._left -= len(piece)
                self._is_through = not self._left
                yield piece
            else:
                data = self._read_line(data)
        if self.ended:
            self.beyond = len(data)

    def _read_line(self, data: memoryview) -> memoryview:
        """Reads on in a line. The rest of `data`."""
        some = bytes(data[: _LONGEST_LINE + 1])
        end = some.find(b"\n") + 1 or len(some)
        self._line += some[:end]
        if self._line.endswith(b"\n"):
            line, self._line = bytes(self._line), bytearray()
            if line.find(b"\r") != len(line) - 2:
                raise TornError("its chunks")
            self._understand(line[:-2])
        elif len(self._line) > _LONGEST_LINE:
            raise TornError("its chunks")
        return data[end:]

    def _understand(self, line: bytes) -> None:
        if self._trailers is not None:
            self._trailers += len(line)
            self.ended = not line
            if self._trailers > _LONGEST_TRAILERS:
                raise TornError("its trailers")
        elif self._is_through:
            self._is_through = False
            if line:
                raise TornError("its chunks")
        else:
            size = line.partition(b";")[0].rstrip(b" \t")
            if not 0 < len(size) <= _MOST_DIGITS or not _DIGITS.issuperset(size):
                raise TornError("its chunks")
            self._left = int(size, 16)
            self._trailers = None if self._left else 0
