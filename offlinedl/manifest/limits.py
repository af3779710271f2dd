"""How much a manifest may ask of this machine: what goes beyond is refused by name, and before it is built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from offlinedl.errors import OfflinedlError, UnsupportedError
from offlinedl.frozen import frozen

ADDRESS = 8192
"""Bytes of the longest address: servers need not take more than 8,000 (RFC 9110 section 4.1)."""


@frozen
class Limits:
    """`bytes` of a manifest with its pieces, `segments` of all its renditions, `depth` of XML elements."""

    bytes: int = 64 * 2**20
    segments: int = 2_000_000
    depth: int = 64

    @property
    def objects(self) -> int:
        """Elements and attributes of XML, each of which becomes an object: as many as text of that length really has,
        for they are a dozen times as large as the shortest of them is long."""
        return self.bytes // 32

    @property
    def lines(self) -> int:
        """Lines of a playlist: a segment has two, three where it is a range, and some are about all of it."""
        return 3 * self.segments + 1000

    @property
    def letters(self) -> int:
        """Of the addresses of all segments, which templates and bases make longer than the manifest is."""
        return 8 * self.bytes

    def check_bytes(self, count: int) -> None:
        """Raises where a manifest of `count` bytes is too large."""
        if count > self.bytes:
            raise too_large(f"it has {count} bytes", self.bytes)

    def check_segments(self, count: int) -> None:
        """Raises where `count` segments are too many."""
        if count > self.segments:
            raise too_large("it has more segments than are read", self.segments)

    def check_letters(self, count: int) -> None:
        """Raises where addresses of `count` letters in all are too long."""
        if count > self.letters:
            raise too_large("its segments have longer addresses in all than are kept", self.letters)


LIMITS = Limits()


@dataclass(slots=True)
class Tally:
    """What the renditions of a manifest come to together: counted before any of them is built."""

    limits: Limits
    segments: int = 0
    letters: int = 0

    def add(self, segments: int, letters: int) -> None:
        """A rendition of so many segments, with addresses of so many letters in all."""
        self.segments += segments
        self.letters += letters
        self.limits.check_segments(self.segments)
        self.limits.check_letters(self.letters)


def too_large(what: str, limit: int) -> UnsupportedError:
    """The refusal of what exceeds `limit`, which is a setting or follows from one."""
    return UnsupportedError(
        f"{what}; the limit is {limit}",
        "raise it under [limits] in config.toml if you trust its publisher",
        code="too-large",
    )


def absurd(what: str, limit: int) -> UnsupportedError:
    """The refusal of what exceeds `limit`, which no title comes near to."""
    return UnsupportedError(f"{what}; the limit is {limit}", "tell its publisher", code="too-large")


def check_address(text: str) -> None:
    """Raises where an address, or what is to become one, is longer than servers take."""
    size = len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
    if size > ADDRESS:
        raise absurd(f"an address in it has {size} bytes", ADDRESS)


@contextmanager
def seen_at(place: str) -> Iterator[None]:
    """Errors that are raised within begin with the place."""
    try:
        yield
    except OfflinedlError as error:
        error.message = f"{place}: {error.message}"
        error.args = (error.message,)
        raise
