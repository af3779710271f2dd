"""Where fetches are asked for: at their own addresses, at those that stand for them, at new ones when they expire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from offlinedl.errors import NetworkError
from offlinedl.http.address import is_signed, origin
from offlinedl.streams import Fetch, Plan

Renew = Callable[[], Awaitable[Plan]]
"""Gives the plan with addresses that are signed anew. Raises where the title is not the same any more."""


class Addresses:
    """The addresses of one run. Servers that turned out to be gone are `dead`."""

    def __init__(self, plan: Plan, renew: Renew | None) -> None:
        self.dead: set[str] = set()
        self.generation = 0
        self._plan = plan
        self._renew = renew
        self._fresh: dict[tuple[str, bool, int], str] = {}
        self._has_served = True
        self._one = asyncio.Lock()

    def of(self, fetch: Fetch) -> list[str]:
        """The addresses of `fetch`; servers that are gone come last."""
        found = self._plan.addresses(self._fresh.get(fetch.identity, fetch.url))
        return sorted(found, key=lambda url: origin(url) in self.dead) if self.dead else list(found)

    def served(self) -> None:
        """An address of this generation did serve."""
        self._has_served = True

    def may_be_stale(self, fetch: Fetch, error: NetworkError) -> bool:
        """Does it look as if the signature of an address had expired, and can another one be had?"""
        return self._renew is not None and error.status in {401, 403, 410} and is_signed(fetch.url)

    async def renew(self, known: int, error: NetworkError) -> None:
        """Get addresses that are signed anew, unless that happened since `known`. Raises `error` where the last ones
        never served: then it is not the signature."""
        async with self._one:
            if self.generation != known:
                return
            if self._renew is None or not self._has_served:
                raise error
            self._plan = await self._renew()
            self._fresh = {f.identity: f.url for f in self._plan.fetches}
            self.generation += 1
            self._has_served = False
