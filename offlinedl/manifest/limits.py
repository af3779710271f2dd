"""How much a manifest may ask of this machine: what goes beyond is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from offlinedl.errors import OfflinedlError, UnsupportedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`bytes` of a manifest or of one of its pieces, `segments` of all its renditions, `depth` of XML elements."""

    bytes: int = 64 * 2**20
    segments: int = 2_000_000
    depth: int = 64

    def check_bytes(self, count: int) -> None:
        """Raises where a manifest of `count` bytes is too large."""
        if count > self.bytes:
            raise too_large(f"it has {count} bytes", self.bytes)

    def check_segments(self, count: int) -> None:
        """Raises where `count` segments are too many."""
        if count > self.segments:
            raise too_large("it has more segments than are read", self.segments)


LIMITS = Limits()


def too_large(what: str, limit: int) -> UnsupportedError:
    """The refusal of what exceeds `limit`."""
    return UnsupportedError(
        f"{what}; the limit is {limit}",
        "raise it under [limits] in config.toml if you trust its publisher",
        code="too-large",
    )


@contextmanager
def seen_at(place: str) -> Iterator[None]:
    """Errors that are raised within begin with the place."""
    try:
        yield
    except OfflinedlError as error:
        error.message = f"{place}: {error.message}"
        error.args = (error.message,)
        raise
