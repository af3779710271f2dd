"""Sources: what they offer now."""

from __future__ import annotations

from offlinedl.actions.refresh import refreshed
from offlinedl.actions.sync.work import Pass, Step


async def sources(work: Pass) -> None:
    """Read them. One that fails costs nothing yet: what it offered last stays."""
    if work.dry_run:
        return
    failing = {source.name for source in work.library.catalog.offers.sources() if source.failure is not None}
    async for source, change, error in refreshed(work.library, work.licensing.engine):
        if error is not None:
            why, is_news = "it may have changed", source not in failing
            work.tell(Step(does="read", title=source, reason=why, result="warning", error=error, is_news=is_news))
        elif change is not None:
            message = f"{change.new} new, {change.gone} gone"
            work.tell(Step(does="read", title=source, reason="it changed", result="done", message=message))
