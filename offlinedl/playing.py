"""A title is played: its clocks begin before anything of it is shown, and where they are over, nothing is."""

from __future__ import annotations

from offlinedl import damage, expiry
from offlinedl.errors import DamagedError, NotFoundError, OfflinedlError, RefusedError
from offlinedl.library import Library
from offlinedl.model import Entry, Failure, State
from offlinedl.timekeeper import suspect


def play(entry: Entry, library: Library) -> Entry:
    """A play begins: durable before this returns. The first one starts the playback clock, others move nothing."""
    with library.catalog.transaction():
        now = library.time()
        check(entry, library)
        library.catalog.played(entry.id, now)
        library.catalog.note(entry.id, "played", now)
    return library.must(entry.id)


def admit(entry: Entry, library: Library) -> None:
    """As `check`. A title whose files are gone is ready no more; its license may come back, with a copy of the
    vault."""
    try:
        check(entry, library)
    except damage.LostFilesError as error:
        damage.demote(entry, library, error.found)
        raise


def check(entry: Entry, library: Library) -> None:
    """RefusedError where the title is or may be expired, NotFoundError where not all of it is here, DamagedError where
    something is lost or does not hold."""
    entry = library.must(entry.id)
    if entry.state is State.EXPIRED:
        raise RefusedError(
            f"{entry.id}: {expiry.message(entry.license, library.time())}",
            f"`offlinedl get {entry.id}` asks for a new license",
            code="expired",
        )
    if entry.state is State.CLOCK_SUSPECT:
        raise suspect(entry.id)
    if entry.error is not None:
        raise _failed(entry, entry.error)
    if entry.state is not State.READY:
        raise NotFoundError(
            f"{entry.id}: not all of it is here yet, it is {entry.state}",
            f"`offlinedl get {entry.id}` completes it",
            code="not-ready",
        )
    if entry.protected:
        library.licenses.check(entry)
        if library.licenses.sealed(entry) is None:
            raise DamagedError(f"{entry.id}: its license is not there any more", damage.hint(entry))
    if (found := damage.lost(entry, library)) is not None:
        raise damage.LostFilesError(entry, found)


def _failed(entry: Entry, failure: Failure) -> OfflinedlError:
    """Why a title that failed does not play: its license was refused, not all came, or what came does not hold."""
    kind: type[OfflinedlError] = NotFoundError if entry.fetches_left else DamagedError
    if failure.code == RefusedError.default_code:
        kind = RefusedError
    return kind(f"{entry.id}: {failure.message}", failure.hint, code=failure.code)
