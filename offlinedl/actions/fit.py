"""fit: the highest quality at which several titles fit into a size together, the same for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from offlinedl import choose, plan
from offlinedl.actions.get import Order, look
from offlinedl.actions.prepare import Prepared
from offlinedl.choose import Caps, Choice, Preferences
from offlinedl.errors import NotFoundError, StorageError, UnsupportedError, sized
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.model import Kind


async def measure(order: Order, library: Library, licensing: Licensing) -> Prepared:
    """The title of `order` at its best. UnsupportedError where its manifest does not tell how large that is."""
    seen = await look(replace(order, quality="best"), library, licensing)
    if not _size(seen, seen.choices):
        raise UnsupportedError(
            f"{seen.title.id}: its manifest does not tell how large it is, so it cannot be held to a size",
            "get it without --fit",
        )
    return seen


def fit(seen: Sequence[Prepared], size: int, preferences: Preferences) -> Caps:
    """The highest caps by which the titles that were `seen` need at most `size` bytes together. StorageError where they
    do not fit by any."""
    needed: list[int] = []
    for caps in _ladder(seen):
        sizes = [_estimate(title, caps, preferences) for title in seen]
        if all(sizes):
            needed.append(sum(sizes))
            if needed[-1] <= size:
                return caps
    least = min(needed, default=0)
    raise StorageError(
        f"even at the lowest quality the titles need about {sized(least)}, "
        f"{sized(least - size)} more than {sized(size)}",
        "ask for fewer titles or languages, or allow more",
        code="does-not-fit",
    )


def _ladder(seen: Iterable[Prepared]) -> list[Caps]:
    """The caps that make a difference, the highest first. The same for each title is the same height; where rungs state
    none, they may have the rate that rungs up to that height have, and the steps between are those of their own."""
    rungs = [r for title in seen for r in title.manifest.renditions if r.kind is Kind.VIDEO]
    heights = sorted({r.height for r in rungs if r.height})
    rates = {r.bandwidth for r in rungs if r.bandwidth and not r.height}
    if not rates:
        return [Caps(height=height) for height in reversed(heights)] or [Caps()]
    most = {height: max(r.bandwidth for r in rungs if 0 < r.height <= height) for height in heights}
    steps = set(most.items())
    lowest = heights[0] if heights else 0
    steps |= {(max((h for h in heights if most[h] <= rate), default=lowest), rate) for rate in rates}
    return [Caps(height=height or None, bandwidth=rate or None) for height, rate in sorted(steps, reverse=True)]


def _estimate(title: Prepared, caps: Caps, preferences: Preferences) -> int:
    """Bytes that the title would have within `caps`; 0 where a language is missing there, or its size is not told."""
    wanted = replace(title.wanted, quality=choose.written(caps))
    try:
        return _size(title, choose.choose(title.manifest, wanted, preferences, title.title.rights.max_height))
    except NotFoundError:
        return 0


def _size(title: Prepared, choices: Iterable[Choice]) -> int:
    known = {r.id: r for r in title.offered}
    return sum(plan.estimate(known[c.rendition.id], title.duration)[0] for c in choices)
