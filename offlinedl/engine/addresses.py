"""Where fetches are asked for: at their own addresses, at those that stand for them, at new ones when they expire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from offlinedl.errors import NetworkError
from offlinedl.http.address import origin
from offlinedl.signatures import may_expire
from offlinedl.streams import Fetch, Plan

Renew = Callable[[], Awaitable[Plan]]
"""Gives the plan with addresses that are signed anew. Raises where the title is not the same any more."""


_REFUSALS = {401, 403, 410}


class Addresses:
    """The addresses of one run. Servers that turned out to be gone, or want to be left alone, are `dead`. `renewing` is
    held while new addresses are got and tried: each `generation` of them is used by nobody else before."""

    def __init__(self, plan: Plan, renew: Renew | None) -> None:
        self.dead: set[str] = set()
        self.generation = 0
        self.renewing = asyncio.Lock()
        self._plan = plan
        self._renew = renew
        self._fresh: dict[tuple[str, bool, int], str] = {}
        self._refusals = set(_REFUSALS) if renew else set()

    def of(self, fetch: Fetch) -> list[str]:
        """The addresses of `fetch`; servers that are gone come last."""
        found = self._plan.addresses(self._fresh.get(fetch.identity, fetch.url))
        return sorted(found, key=lambda url: origin(url) in self.dead) if self.dead else list(found)

    def may_be_stale(self, fetch: Fetch, error: NetworkError) -> bool:
        """Does it look as if the signature of an address had expired, and can another one be had?"""
        return error.status in self._refusals and may_expire(fetch.url)

    async def renew(self) -> None:
        """Get addresses that are signed anew."""
        assert self._renew is not None  # noqa: S101 - nothing is stale where there is nobody to ask
        self._plan = await self._renew()
        self._fresh = {f.identity: f.url for f in self._plan.fetches}
        self.generation += 1

    def are_no_help(self, status: int | None) -> None:
        """An address that had just been signed was refused so: it is not for its age."""
        self._refusals.discard(status)
