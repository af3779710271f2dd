"""Tidying: folders of titles of which the catalog does not know, as a kill leaves them."""

from __future__ import annotations

from contextlib import suppress

from offlinedl.actions.sync.work import Pass, Step
from offlinedl.errors import BusyError, OfflinedlError


async def tidy(work: Pass) -> None:
    """Delete what no row refers to, and what nobody works on. A catalog without titles is left out: it may be new, and
    the folders older."""
    library = work.library
    known = {entry.folder for entry in library.catalog.entries()}
    for name in library.store.strays(known) if known else ():
        step = Step(does="tidy", title=name, reason="no title has this folder", result="would")
        if work.dry_run:
            work.tell(step)
            continue
        with suppress(BusyError), library.store.lock(name):
            if name in {entry.folder for entry in library.catalog.entries()}:
                continue  # it has a title since then
            try:
                library.store.remove(name)
            except OfflinedlError as error:
                work.tell(Step(does="tidy", title=name, reason=step.reason, result="warning", error=error))
            else:
                work.tell(Step(does="tidy", title=name, reason=step.reason, result="done"))
