"""Sources: what they offer now."""

from __future__ import annotations

from datetime import timedelta

from offlinedl.actions.refresh import refreshed
from offlinedl.actions.sync.work import Pass, Step
from offlinedl.errors import DamagedError, OfflinedlError
from offlinedl.sources.reading import told
from offlinedl.sources.refresh import Change

_LONG = timedelta(days=7)
"""A source that fails for so long is no outage: nothing new comes of it until somebody sees to it."""


async def sources(work: Pass) -> None:
    """Read them. One that fails costs nothing at first: what it offered last stays."""
    if work.dry_run:
        return
    for source, change, error in await refreshed(work.library, work.licensing.engine, work.said):
        if error is not None:
            work.tell(_failing(source, error, work))
        elif change is not None:
            work.tell(_changed(source, change))
            if change.left_out and not change.known:
                work.tell(_left_out(source, change))


def _failing(source: str, error: OfflinedlError, work: Pass) -> Step:
    known = work.library.catalog.offers.source(source)
    since = known.failing_since if known else None
    if since is None or work.library.time() - since < _LONG:
        return Step(does="read", title=source, reason="it may have changed", result="warning", error=error)
    return Step(does="read", title=source, reason=f"it fails since {since:%Y-%m-%d}", result="failed", error=error)


def _changed(source: str, change: Change) -> Step:
    """What is new there. That nothing is left of what it offered is rarely meant so, and worth a mail."""
    message = f"{change.new} new, {change.gone} gone"
    is_empty = change.titles == 0 and change.gone > 0
    message += "; it offers no title any more" if is_empty else ""
    return Step(does="read", title=source, reason="it changed", result="done", message=message, is_news=is_empty)


def _left_out(source: str, change: Change) -> Step:
    """What is wrong with titles that are left out: said once, and worth a mail."""
    error = DamagedError(
        f"left out: {told(change.left_out)}", f"`offlinedl source check {source}` says it all", code="titles-left-out"
    )
    return Step(does="read", title=source, reason="it changed", result="warning", error=error, is_news=True)
