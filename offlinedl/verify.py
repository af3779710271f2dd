"""Reasons not to call a title ready: what is absent, what no key covers, and what must be decoded to prove a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offlinedl.streams import Fetch


def absent(fetches: Iterable[Fetch], size_of: Callable[[Fetch], int | None]) -> list[Fetch]:
    """Those fetches that count as done and whose file is not there, or not as long as it was."""
    return [f for f in fetches if f.size is not None and size_of(f) != f.size]


def heaviest(usage: Mapping[Fetch, Mapping[bytes, int]]) -> dict[bytes, list[Fetch]]:
    """For each KID that samples really use, the segments that use it, those with the most encrypted bytes first.

    A black picture or a clear lead holds next to none, and decodes with any key: only heavy segments are proof.
    """
    by_kid: dict[bytes, list[tuple[int, Fetch]]] = {}
    for fetch, kids in usage.items():
        for kid, encrypted in kids.items():
            if encrypted:
                by_kid.setdefault(kid, []).append((encrypted, fetch))
    return {kid: [fetch for _, fetch in sorted(found, key=lambda pair: -pair[0])] for kid, found in by_kid.items()}
