"""offlinedl: a download manager for offline playback that keeps the license and its two clocks.

Applications begin with `from offlinedl import Library` (docs/api.md).
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from offlinedl.api.public import *  # noqa: F403 - what applications import, and nothing else
else:

    def __getattr__(name: str) -> object:
        """What applications import is read when it is asked for. Modules are in small letters, and found otherwise."""
        if name[:1].isupper():
            from offlinedl.api import public

            if name in public.__all__:
                return getattr(public, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
