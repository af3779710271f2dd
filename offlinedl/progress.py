"""What a download tells those who watch it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Somebody who watches. All sizes are bytes."""

    def begin(self, name: str, done: int, total: int, share: float | None = None) -> None:
        """A title starts, `done` of about `total` bytes being there already, and that `share` of its duration."""

    def step(self, what: str) -> None:
        """Something other than media goes on: "asking for the license"."""

    def advance(self, count: int, total_change: int = 0) -> None:
        """`count` bytes came (fewer than none where an attempt failed); the total turned out to be so different."""

    def finished(self, share: float, size: int) -> None:
        """A fetch of `size` bytes is done that is such a share of the title by its duration: what counts where no size
        is known."""

    def end(self, message: str, name: str, size: int) -> None:
        """The title `name` is ready: `size` bytes, fetched now or there before, as `message` says."""
