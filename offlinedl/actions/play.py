"""play: start the playback clock of a title, durably, before anything of it is shown."""

from __future__ import annotations

from offlinedl.library import Library
from offlinedl.model import Entry


async def play(entry: Entry, library: Library) -> Entry:
    """The title with its clocks as they run now. RefusedError where it is expired or not ready."""
    return library.play(entry)
