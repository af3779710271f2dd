"""How much may lie here, as a value."""

from __future__ import annotations

from offlinedl.frozen import frozen


@frozen
class Space:
    """How much may lie here: `quota` bytes of media in all (None is no limit), and `keep_free` bytes of the disk, of
    which `free` are free now, are left alone."""

    quota: int | None = None
    keep_free: int = 0
    free: int = 0

    def room(self, used: int) -> int:
        """Bytes that may still come, where `used` are here. Negative where there are too many."""
        left = self.free - self.keep_free
        return left if self.quota is None else min(left, self.quota - used)
