"""The time: where the clock was moved, services are asked for it."""

from __future__ import annotations

from dataclasses import replace

from offlinedl.actions import trusted
from offlinedl.actions.sync.work import Pass, Step
from offlinedl.errors import NetworkError
from offlinedl.timekeeper import suspect


async def time(work: Pass) -> None:
    """Ask for the time where it is not known."""
    if not trusted.is_unknown(work.library):
        return
    doubted = [entry for entry in work.library.entries() if trusted.in_doubt(entry, work.library)]
    if not doubted:
        return
    back = work.library.time.reading().is_suspect
    reason = "the clock was set back" if back else "the clock was put forward"
    step = Step(does="ask the time", title=doubted[0].id, reason=reason, result="would")
    if not work.dry_run:
        try:
            await trusted.ask(doubted, work.library, work.licensing.engine.http)
        except NetworkError as error:
            step = replace(step, result="warning", error=error)
        else:
            step = replace(step, result="done")
            if trusted.is_unknown(work.library):
                unknown = suspect(step.title) if back else trusted.ahead(step.title)
                step = replace(step, result="warning", error=unknown)
    work.tell(step)
