"""What is done about licenses that are over: first that is written down, then their keys are destroyed; media stay.

A clock that was put forward by mistake destroys nothing. The run that first sees a license to be over destroys its keys
only where a trusted date bears the clock out. A later one does where nothing speaks against the clock, and takes the
end back where it was none.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from offlinedl import clock, expiry
from offlinedl.errors import BusyError, OfflinedlError
from offlinedl.model import Entry, State

if TYPE_CHECKING:
    from offlinedl.clock import Reading
    from offlinedl.library import Library


_SELDOM_SECONDS = 3600.0


def heed(library: Library) -> None:
    """Look after all licenses that ended. What cannot be done now, the next run does."""
    library.heeded_at = clock.ticks()
    clocks = library.catalog.clocks
    with suppress(OfflinedlError), clocks.unhurried():
        reading = library.time.reading()
        if reading.verdict not in {"ahead", "behind"} and clocks.begun_after(reading.now + clock.TOLERANCE):
            with library.catalog.transaction():
                clocks.pull(reading.now + clock.TOLERANCE, reading.now)
        for title_id in clocks.to_heed(reading.now):
            with suppress(BusyError), library.lock(title_id):
                entry = library.catalog.entry(title_id)
                if entry is not None and entry.state is not State.REMOVING:
                    _heed(entry, library, reading)
        library.licenses.clear_destroyed()


def heed_again(library: Library) -> None:
    """The same for who has the library open for long. A look that comes soon after the last is none by another
    clock."""
    if clock.ticks() - library.heeded_at > _SELDOM_SECONDS:
        heed(library)


def _heed(entry: Entry, library: Library, reading: Reading) -> None:
    license = entry.license
    if license is None or license.destroyed_at is not None:
        return
    is_over, was_over = expiry.is_over(license, reading.now), license.expired_at is not None
    if is_over is not was_over:
        with library.catalog.transaction():
            library.catalog.clocks.expired(entry.id, reading.now if is_over else None)
            library.catalog.note(entry.id, "expired" if is_over else "not expired after all", reading.now)
    if is_over and license.system is not None and (reading.is_undisputed if was_over else reading.is_sure):
        library.licenses.destroy(entry)
