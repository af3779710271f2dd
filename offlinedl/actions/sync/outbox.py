"""The outbox: what is owed to license servers and entitlement servers is told."""

from __future__ import annotations

from collections.abc import Collection

from offlinedl.actions import release
from offlinedl.actions.sync.work import Pass, Result, Step
from offlinedl.errors import NetworkError


async def releases(work: Pass, titles: Collection[str] = ("",)) -> None:
    """Tell what is owed, of these titles alone where some are given. What no server heard is told by the next run: that
    one is away is a failure; what another refuses is none that a later run would mend."""
    owed = release.owed(work.library, titles)
    if work.dry_run:
        for one in owed:
            work.tell(Step(does="release", title=release.title_of(one), reason=release.reason(one), result="would"))
        return
    for told in await release.release(owed, work.library, work.licensing, release.LONG):
        result: Result = "failed" if isinstance(told.error, NetworkError) else "warning"
        if told.error is None:
            result = "done"
        work.tell(Step(does="release", title=told.title_id, reason=told.reason, result=result, error=told.error))


async def all_releases(work: Pass) -> None:
    """Tell all that is owed."""
    await releases(work)
