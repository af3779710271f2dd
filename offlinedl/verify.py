"""Reasons not to call a title ready: what is absent, what no key covers, and what must be decoded to prove a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from offlinedl.model import Fetch


def absent(fetches: Iterable[Fetch], size_of: Callable[[Fetch], int | None]) -> list[Fetch]:
    """Those fetches that count as done and whose file is not there, or not as long as it was."""
    return [f for f in fetches if f.size is not None and size_of(f) != f.size]


def heaviest(usage: Mapping[Fetch, Mapping[bytes, int]]) -> dict[bytes, Fetch]:
    """For each KID that samples really use, the segment with the most encrypted bytes.

    A black picture or a clear lead holds next to none, and decodes with any key: only the heaviest segment is proof.
    """
    best: dict[bytes, tuple[int, Fetch]] = {}
    for fetch, kids in usage.items():
        for kid, encrypted in kids.items():
            if encrypted > best.get(kid, (0, fetch))[0]:
                best[kid] = (encrypted, fetch)
    return {kid: fetch for kid, (_, fetch) in best.items()}
