"""pause: stop a download, also one that another process runs. What is done is kept."""

from __future__ import annotations

import asyncio

from offlinedl.errors import BusyError, UsageError
from offlinedl.library import Library
from offlinedl.model import Entry, State

_LOOKS, _LOOK_SECONDS = 600, 0.05


async def pause(ref: str, library: Library) -> Entry:
    """The title that `ref` names, paused. UsageError where it does not download, BusyError where it does not stop."""
    entry = library.find(ref)
    if entry.state in {State.READY, State.EXPIRED, State.CLOCK_SUSPECT, State.REMOVING}:
        raise UsageError(f"{entry.id}: {entry.state}, so there is nothing to pause", "`offlinedl list` shows what is")
    _hold(entry, library)  # before anybody stops: who waits for the title sees why it did
    library.ask_pause(entry, asked=True)
    for _ in range(_LOOKS):
        try:
            with library.lock(entry.id):
                library.pause(entry)
                _hold(entry, library)
                return library.must(entry.id)
        except BusyError:
            await asyncio.sleep(_LOOK_SECONDS)
    library.ask_pause(entry, asked=False)
    raise BusyError(f"{entry.id}: whoever works on it does not stop", "stop that offlinedl")


def _hold(entry: Entry, library: Library) -> None:
    with library.catalog.transaction():
        library.catalog.followed.hold(entry.id)
