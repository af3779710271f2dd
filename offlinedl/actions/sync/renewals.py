"""Renewals: licenses that end soon are renewed, early, so that a server may be away for a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from offlinedl import expiry
from offlinedl.actions.renew import renew
from offlinedl.actions.sync.work import Pass, Step
from offlinedl.errors import OfflinedlError
from offlinedl.library import Library
from offlinedl.model import Entry, License, State

_EARLY = timedelta(hours=48)


def is_due(license: License, now: datetime) -> bool:
    """Is it time to renew? Early, so that a server may be away for a while: when a quarter of the time from the issue
    to the end is left, or 48 hours, whichever is earlier; but not before half of that time is over, for each renewal is
    a request. The playback window is no reason: a renewal leaves the first play where it was."""
    deadline = expiry.deadline(license)
    if not license.renewable or deadline.at is None or deadline.window == "playback":
        return False
    whole = deadline.at - license.issued_at
    return deadline.at - now < max(whole / 4, min(_EARLY, whole / 2))


async def renewals(work: Pass) -> None:
    """Renew what is due."""
    entries, now = work.library.entries(), work.library.time()
    cut_off = work.library.licenses.cut_off(entries)
    for entry in entries:
        reason = _why(entry, now, work.library, is_cut_off=entry.id in cut_off)
        if reason and work.dry_run:
            work.tell(Step(does="renew", title=entry.id, reason=reason, result="would"))
        elif reason:
            work.tell(await renewal(entry, reason, work))


def _why(entry: Entry, now: datetime, library: Library, *, is_cut_off: bool) -> str:
    """Why the title's license is to be renewed, "" where it is not."""
    license = entry.license
    if license is None or entry.state not in {State.READY, State.EXPIRED}:
        return ""
    offered = library.licenses.offered(entry) if is_cut_off else None
    if offered is not None and not expiry.is_over(expiry.renewed(license, offered.license), now):
        return "a renewal was cut off"
    return expiry.message(license, now) if entry.state is State.READY and is_due(license, now) else ""


async def renewal(entry: Entry, reason: str, work: Pass) -> Step:
    """Renew one. A failure is a warning while the license that is there lives."""
    try:
        renewed = await renew(replace(work.order, ref=entry.id), work.library, work.licensing, work.progress)
    except OfflinedlError as error:
        now = work.library.entry(entry.id)
        lives = now is not None and now.state is State.READY
        return Step(does="renew", title=entry.id, reason=reason, result="warning" if lives else "failed", error=error)
    message = expiry.message(renewed.license, work.library.time())
    return Step(does="renew", title=entry.id, reason=reason, result="done", message=message)
