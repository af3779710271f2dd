"""What `get` would do: the plan as JSON, and the ladder as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from offlinedl import plan as plans
from offlinedl.api.plans import PlannedRendition
from offlinedl.api.plans import planned as of_title
from offlinedl.api.requests import Request
from offlinedl.choose import Choice
from offlinedl.cli.output import say, size, styled, table, term
from offlinedl.cli.shape import moment

if TYPE_CHECKING:
    from offlinedl.actions.prepare import Prepared
    from offlinedl.model import Rights
    from offlinedl.streams import Fetch, Rendition


def plan(prepared: Prepared, offered: Sequence[Rendition], free_bytes: int, *, everything: bool) -> dict[str, Any]:
    """The plan. `offered` are the manifest's renditions, the chosen ones with their segments, or all of them where the
    fetches of `everything` are wanted."""
    wanted = [Choice(rendition=r, why="") for r in offered] if everything else prepared.choices
    fetches = plans.build(prepared.manifest.url, prepared.wanted, wanted, (), None).fetches
    planned = of_title(Request(ref=prepared.title.id), prepared, offered, free_bytes)
    return {
        "id": planned.id,
        "name": planned.name,
        "renditions": [_rendition(r) for r in planned.renditions],
        "fetches": [_fetch(f) for f in fetches],
        "license": {
            "systems": list(planned.systems),
            "kids": [kid.hex() for kid in planned.kids],
            "refusal": planned.refusal.message if planned.refusal else None,
            "experimental": list(planned.experimental),
        },
        "rights": _rights(planned.rights),
        "estimated_bytes": planned.estimated_bytes,
        "free_bytes": planned.free_bytes,
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


def _fetch(fetch: Fetch) -> dict[str, Any]:
    first, last = (fetch.range.first, fetch.range.last) if fetch.range else (None, None)
    return {
        "rendition": fetch.rendition,
        "number": fetch.number,
        "url": fetch.url,
        "first": first,
        "last": last,
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


def ladder(shape: dict[str, Any], duration: float) -> None:
    """The plan for people: what is offered, what would be chosen and why, the license, the rights, the space."""
    say(f"{styled(shape['name'], 'bold')}  {shape['id']}")
    rows = [
        (
            "*" if r["chosen"] else "",
            r["kind"],
            f"{r['height']}p" if r["height"] else r["language"] or "",
            r["codecs"],
            _rate(r["bandwidth"]),
            _about(r["estimated_bytes"], exact=r["estimated_from"] == "ranges"),
            _about(int(r["estimated_bytes"] * 3600 / duration)) if duration else "",
            r["why"] + _gaps(r["gaps"]),
        )
        for r in shape["renditions"]
    ]
    table(("", "KIND", "", "CODECS", "RATE", "SIZE", "AN HOUR", "WHY"), rows, spare=("AN HOUR", "CODECS", "RATE"))
    say()
    term("  license  ", f"{', '.join(shape['license']['systems']) or 'none needed'}{_refusal(shape)}{_unsure(shape)}")
    term("  rights   ", _rights_in_words(shape["rights"]))
    about = f"about {size(shape['estimated_bytes'])}" if shape["estimated_bytes"] else "not known before the download"
    term("  size     ", f"{about}; {size(shape['free_bytes'])} are free")


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


def _refusal(shape: dict[str, Any]) -> str:
    refusal = shape["license"]["refusal"]
    return f": {refusal}" if refusal else ""


def _unsure(shape: dict[str, Any]) -> str:
    schemes = shape["license"]["experimental"]
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
