"""fit: the highest quality at which several titles fit into a size together, the same for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from offlinedl import choose, plan
from offlinedl.actions.get import Order, look
from offlinedl.actions.prepare import Prepared
from offlinedl.engine import Engine
from offlinedl.errors import StorageError, UnsupportedError
from offlinedl.library import Library
from offlinedl.model import Kind


async def fit(orders: Sequence[Order], size: int, library: Library, engine: Engine) -> str:
    """A height ("720p"), or a rate where no height is stated, at which the titles of `orders` need at most `size` bytes
    together. StorageError where not even the lowest does."""
    seen = [await look(replace(order, quality="best"), library, engine) for order in orders]
    needed = 0
    for quality in _ladder(seen):
        needed = sum(_estimate(title, order, quality) for title, order in zip(seen, orders, strict=True))
        if needed <= size:
            return quality
    raise StorageError(
        f"even at the lowest quality the titles need about {needed} bytes, and {size} are allowed",
        "ask for fewer titles or languages, or allow more",
        code="does-not-fit",
    )


def _ladder(seen: Iterable[Prepared]) -> list[str]:
    """Every quality that makes a difference, the highest first."""
    rungs = [r for title in seen for r in title.manifest.renditions if r.kind is Kind.VIDEO]
    heights = sorted({r.height for r in rungs if r.height}, reverse=True)
    rates = sorted({r.bandwidth for r in rungs if r.bandwidth and not r.height}, reverse=True)
    return [f"{height}p" for height in heights] or [str(rate) for rate in rates] or ["best"]


def _estimate(title: Prepared, order: Order, quality: str) -> int:
    """Bytes that the title would have at `quality`."""
    wanted = replace(title.wanted, quality=quality)
    choices = choose.choose(title.manifest, wanted, order.preferences, title.title.rights.max_height)
    known = {r.id: r for r in title.offered}
    size = sum(plan.estimate(known[c.rendition.id], title.duration)[0] for c in choices)
    if not size:
        raise UnsupportedError(
            f"{title.title.id}: its manifest does not tell how large it is, so it cannot be held to a size",
            "get it without --fit",
        )
    return size
