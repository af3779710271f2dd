"""Sources: what they offer now."""

from __future__ import annotations

from offlinedl.actions.refresh import refreshed
from offlinedl.actions.sync.work import Pass, Step
from offlinedl.errors import DamagedError
from offlinedl.sources.reading import told
from offlinedl.sources.refresh import Change


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
            if change.left_out and not change.known:
                work.tell(left_out(source, change))


def left_out(source: str, change: Change) -> Step:
    """What is wrong with titles that are left out: said once, and worth a mail."""
    error = DamagedError(
        f"left out: {told(change.left_out)}", f"`offlinedl source check {source}` says it all", code="titles-left-out"
    )
    return Step(does="read", title=source, reason="it changed", result="warning", error=error, is_news=True)
