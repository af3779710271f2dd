"""What is read of an answer: the bytes that were asked for, and no others."""

from __future__ import annotations

from collections.abc import Callable

from offlinedl.errors import DamagedError, NetworkError, shown
from offlinedl.http.answer import Head, check
from offlinedl.http.exchange import Take
from offlinedl.streams import ByteRange

Accept = Callable[[Head], Take]
"""Sees the head of an answer that holds what was asked for, and gives what takes its body."""
Enough = Callable[[bytes], bool]
"""Looks at the beginning of a body, and says whether that is all that is wanted of it."""

_FIRST_LOOK = 64 * 1024
_SKIPPED = 64 * 1024


class EnoughError(Exception):
    """All that was wanted of a body came; there is more of it."""


class Reading:
    """Reads the answer to a request for `range` of a resource, or for all of it.

    `url` is where it came from in the end, and `head` what precedes it.
    """

    def __init__(self, range: ByteRange | None, accept: Accept) -> None:
        self.url = ""
        self.head: Head
        self._range, self._accept = range, accept
        self._take: Take | None = None
        self._length: int | None = None
        self._skip = self._received = self._told = 0

    def begin(self, url: str, head: Head) -> Take:
        """Check the head of an answer against what was asked for. What takes the body."""
        self.url, self.head = url, head
        length, skip = check(url, head, self._range)
        take = self._accept(head)
        if length == head.length and not skip:
            return take  # that as much comes as was promised is seen where it comes from
        self._length, self._skip, self._told, self._take = length, skip, skip, take
        return self._part

    def any(self, url: str, head: Head) -> Take:
        """Whatever the answer is, it is one. What takes the body."""
        self.url, self.head = url, head
        return self._accept(head)

    def end(self) -> None:
        """No more comes. Raises NetworkError where that is less than was promised."""
        if self._take is not None and self._length is not None and self._received != self._length:
            raise NetworkError(f"{shown(self.url)}: {self._received} bytes came of {self._length} promised")

    def _part(self, data: memoryview) -> float:
        """Takes what is wanted. Nothing, now and then, tells that what comes is not."""
        assert self._take is not None  # noqa: S101 - it was there when the head was accepted
        wanted = data[self._skip :]
        self._skip = max(0, self._skip - len(data))
        more = 0
        if self._length is not None:
            more = self._received + len(wanted) - self._length
            wanted = wanted[: self._length - self._received]
        self._received += len(wanted)
        pause = 0.0
        if len(wanted) or self._told - self._skip >= _SKIPPED:
            self._told = self._skip
            pause = self._take(wanted)
        if self._received == self._length and (more > 0 or self.head.status == 200):
            raise EnoughError  # the server sends more than the range that was asked for
        return pause


class Collected:
    """A body in memory, of at most `limit` bytes. No more is read once `enough` says so."""

    def __init__(self, url: str, limit: int, enough: Enough | None) -> None:
        self.bytes = bytearray()
        self._url, self._limit, self._enough = url, limit, enough
        self._next_look = _FIRST_LOOK

    def take(self, data: memoryview) -> float:
        """The next bytes."""
        self.bytes += data
        if self._enough is not None and len(self.bytes) >= self._next_look:
            if self._enough(bytes(self.bytes)):
                raise EnoughError
            self._next_look = 2 * len(self.bytes)
        if len(self.bytes) > self._limit:
            raise DamagedError(f"{shown(self._url)}: larger than {self._limit} bytes", "is this the right address?")
        return 0.0
