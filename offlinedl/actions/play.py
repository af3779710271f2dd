"""play: start the playback clock of a title, durably, before anything of it is shown."""

from __future__ import annotations

from offlinedl import playing
from offlinedl.actions.acquire import loaded
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.model import Entry


async def play(entry: Entry, library: Library, licensing: Licensing) -> Entry:
    """The title with its clocks as they run now. RefusedError where it is expired or not ready."""
    held = library.licenses.sealed(entry)  # who has no lock writes nothing
    if held is None or held.handle is None:
        return playing.play(entry, library)
    with library.lock(entry.id):
        return await _opened(entry, library, licensing)


async def _opened(entry: Entry, library: Library, licensing: Licensing) -> Entry:
    """A license that an adapter has: what the first play makes of it is kept before that play counts, and what it
    states from then on is taken over. Whatever stops this between two steps, the next play does what is left."""
    playing.check(entry, library)
    held = library.licenses.held(entry)
    if held is not None and held.license.first_played_at is None:
        library.licenses.restate(entry, await licensing.first_play(held, library.time()))
    entry = playing.play(entry, library)
    held = library.licenses.held(entry)
    if held is not None:
        found = await loaded(entry, held, library, licensing)
        if found.license.windows != held.license.windows:
            library.licenses.restate(entry, found)
    return library.entry(entry.id) or entry
