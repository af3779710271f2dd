"""Will a title work offline? Rules for those who publish it: plain facts in, findings out, each with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from offlinedl.frozen import frozen
from offlinedl.model import Kind, Track
from offlinedl.streams import Rendition

Group = Literal["manifest", "transport", "protection", "rights", "clocks", "media"]
State = Literal["ok", "warning", "failed", "unknown"]

GROUPS: tuple[Group, ...] = ("manifest", "transport", "protection", "rights", "clocks", "media")
_NAMED = 3


@frozen
class Finding:
    """What was looked at (`id`, which stays what it is), and how it is. What `failed` keeps the title from working
    offline, or damages it; `unknown` is what could not be looked at. Nothing is to be done about what is ok."""

    id: str
    group: Group
    state: State
    detail: str
    hint: str = ""


def called(one: Rendition | Track) -> str:
    """A track as people know it: "video 720p", "audio en"."""
    detail = f"{one.height}p" if one.kind is Kind.VIDEO and one.height else one.language or one.id
    return f"{one.kind} {detail}"


def ok(group: Group, id: str, detail: str) -> Finding:
    """A finding that is as it should be."""
    return Finding(id=id, group=group, state="ok", detail=detail)


def judged(group: Group, id: str, wrong: Sequence[str], fine: str, hint: str, *, state: State = "warning") -> Finding:
    """A finding of this state where something is `wrong`, else a fine one."""
    if not wrong:
        return ok(group, id, fine)
    more = f", and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    return Finding(id=id, group=group, state=state, detail=f"{'; '.join(wrong[:_NAMED])}{more}", hint=hint)


def is_ready(findings: Iterable[Finding]) -> bool:
    """Does nothing keep the title from working offline, as far as it was looked at?"""
    return all(finding.state != "failed" for finding in findings)
