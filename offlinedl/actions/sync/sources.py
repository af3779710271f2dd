"""Sources: what they offer now."""

from __future__ import annotations

from offlinedl.actions.refresh import refreshed
from offlinedl.actions.sync.work import Pass, Step


async def sources(work: Pass) -> None:
    """Read them. One that fails costs nothing yet: what it offered last stays."""
    if work.dry_run:
        return
    async for source, change, error in refreshed(work.library, work.licensing.engine):
        if error is not None:
            work.tell(Step(does="read", title=source, reason="it may have changed", result="warning", error=error))
        elif change is not None:
            message = f"{change.new} new, {change.gone} gone"
            work.tell(Step(does="read", title=source, reason="it changed", result="done", message=message))
