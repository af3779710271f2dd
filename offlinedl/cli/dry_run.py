"""What `get` would do: the plan as JSON, and the ladder as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from offlinedl.cli.output import say, size, styled, table, term
from offlinedl.cli.shape import moment

if TYPE_CHECKING:
    from offlinedl.api.plans import DownloadPlan, PlannedFetch, PlannedRendition
    from offlinedl.model import Rights


def shape(plan: DownloadPlan) -> dict[str, Any]:
    """The shape of `get --dry-run --json`."""
    return {
        "id": plan.id,
        "name": plan.name,
        "renditions": [_rendition(r) for r in plan.renditions],
        "fetches": [_fetch(f) for f in plan.fetches],
        "license": {
            "systems": list(plan.systems),
            "kids": [kid.hex() for kid in plan.kids],
            "refusal": plan.refusal.message if plan.refusal else None,
            "experimental": list(plan.experimental),
        },
        "rights": _rights(plan.rights),
        "estimated_bytes": plan.estimated_bytes,
        "free_bytes": plan.free_bytes,
    }


def _rendition(rendition: PlannedRendition) -> dict[str, Any]:
    return {
        "id": rendition.id,
        "kind": rendition.kind,
        "height": rendition.height or None,
        "bandwidth": rendition.bandwidth or None,
        "codecs": rendition.codecs,
        "language": rendition.language or None,
        "chosen": rendition.chosen,
        "why": rendition.why,
        "segments": rendition.segments,
        "gaps": list(rendition.gaps),
        "estimated_bytes": rendition.estimated_bytes,
        "estimated_from": rendition.estimated_from,
    }


def _fetch(fetch: PlannedFetch) -> dict[str, Any]:
    return {
        "rendition": fetch.rendition,
        "number": fetch.number,
        "url": fetch.url,
        "first": fetch.first,
        "last": fetch.last,
        "init": fetch.init,
    }


def _rights(rights: Rights) -> dict[str, Any]:
    return {
        "download": rights.download,
        "reason": rights.reason,
        "storage_seconds": rights.storage_seconds,
        "playback_seconds": rights.playback_seconds,
        "available_from": moment(rights.available_from),
        "available_until": moment(rights.available_until),
        "max_height": rights.max_height,
        "export": rights.export,
    }


def ladder(plan: DownloadPlan) -> None:
    """The plan for people: what is offered, what would be chosen and why, the license, the rights, the space."""
    say(f"{styled(plan.name, 'bold')}  {plan.id}")
    rows = [
        (
            "*" if r.chosen else "",
            r.kind,
            f"{r.height}p" if r.height else r.language,
            r.codecs,
            _rate(r.bandwidth),
            _about(r.estimated_bytes, exact=r.estimated_from == "ranges"),
            _about(int(r.estimated_bytes * 3600 / plan.duration)) if plan.duration else "",
            r.why + _gaps(r.gaps),
        )
        for r in plan.renditions
    ]
    table(("", "KIND", "", "CODECS", "RATE", "SIZE", "AN HOUR", "WHY"), rows, spare=("AN HOUR", "CODECS", "RATE"))
    say()
    refusal = f": {plan.refusal.message}" if plan.refusal else ""
    term("  license  ", f"{', '.join(plan.systems) or 'none needed'}{refusal}{_unsure(plan.experimental)}")
    term("  rights   ", _rights_in_words(_rights(plan.rights)))
    about = f"about {size(plan.estimated_bytes)}" if plan.estimated_bytes else "not known before the download"
    term("  size     ", f"{about}; {size(plan.free_bytes)} are free")


def _gaps(numbers: Sequence[int]) -> str:
    return f"; the service lacks {len(numbers)} of its segments" if numbers else ""


def _rate(bandwidth: int | None) -> str:
    if not bandwidth:
        return ""
    if bandwidth < 1000:
        return f"{bandwidth} bit/s"
    return f"{bandwidth / 1e6:.1f} Mbit/s" if bandwidth >= 1_000_000 else f"{bandwidth / 1e3:.0f} kbit/s"


def _about(count: int, *, exact: bool = False) -> str:
    return "" if not count else size(count) if exact else f"~{size(count)}"


def _unsure(schemes: Sequence[str]) -> str:
    return f"; the encryption {' and '.join(schemes)} is experimental: few players know it" if schemes else ""


def _rights_in_words(rights: dict[str, Any]) -> str:
    if not rights["download"]:
        return f"no download: {rights['reason'] or 'no reason given'}"
    words = ["download allowed"]
    for name, what in (("storage_seconds", "to keep"), ("playback_seconds", "from first play")):
        if rights[name]:
            words.append(f"{rights[name] / 86400:g} days {what}")
    if rights["max_height"]:
        words.append(f"up to {rights['max_height']}p")
    for name in ("available_from", "available_until"):
        if rights[name]:
            words.append(f"{name.replace('_', ' ')} {rights[name]}")
    return ", ".join(words)
