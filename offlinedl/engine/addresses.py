"""Where fetches are asked for: at their own addresses, at those that stand for them, at new ones when they expire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from offlinedl.errors import NetworkError
from offlinedl.http.address import origin
from offlinedl.signatures import may_expire
from offlinedl.streams import Fetch, Plan

Renew = Callable[[], Awaitable[Plan]]
"""Gives the plan with addresses that are signed anew. Raises where the title is not the same any more."""


_REFUSALS = {401, 403, 410}
_HEAD_START_SECONDS = 1.0


class Addresses:
    """The addresses of one run. Servers that turned out to be gone, or want to be left alone, are `dead`. `generation`
    counts how often new addresses were got."""

    def __init__(self, plan: Plan, renew: Renew | None) -> None:
        self.dead: set[str] = set()
        self.generation = 0
        self._plan = plan
        self._renew = renew
        self._renewing = asyncio.Lock()
        self._there = asyncio.Event()
        self._there.set()
        self._fresh: dict[tuple[str, bool, int], str] = {}
        self._serves = 0
        self._refused: set[tuple[str, bool, int]] = set()

    def planned(self, fetch: Fetch) -> str:
        """The address of `fetch` itself."""
        return self._fresh.get(fetch.identity, fetch.url)

    def of(self, fetch: Fetch) -> list[str]:
        """The addresses of `fetch`; servers that are gone come last."""
        found = self._plan.addresses(self.planned(fetch))
        return sorted(found, key=lambda url: origin(url) in self.dead) if self.dead else list(found)

    def may_be_stale(self, fetch: Fetch, error: NetworkError) -> bool:
        """Does it look as if the signature of an address had expired, and can another one be had?"""
        may_help = self._renew is not None and fetch.identity not in self._refused
        return may_help and error.status in _REFUSALS and may_expire(fetch.url)

    async def are_there(self) -> None:
        """Wait while others are being got."""
        await self._there.wait()

    @asynccontextmanager
    async def first_to_use(self, fetch: Fetch, known: int) -> AsyncIterator[bool]:
        """Get addresses that are signed anew. The block has a start over all others with them; False where there is
        nothing to start: they were got since `known`, or serve nobody as it is."""
        async with self._renewing:
            if self.generation == known and known > self._serves:
                self.are_no_help(fetch)
            if self.generation != known or fetch.identity in self._refused:
                yield False
                return
            self._there.clear()
            try:
                await self._get()
            except BaseException:
                self._there.set()
                raise
        start = asyncio.get_running_loop().call_later(_HEAD_START_SECONDS, self._there.set)
        try:
            yield True
        finally:
            start.cancel()
            self._there.set()

    async def _get(self) -> None:
        assert self._renew is not None  # noqa: S101 - nothing is stale where there is nobody to ask
        self._plan = await self._renew()
        self._fresh = {f.identity: f.url for f in self._plan.fetches}
        self.generation += 1

    def serve(self, generation: int) -> None:
        """Addresses of this generation are good for something."""
        self._serves = max(self._serves, generation)

    def are_no_help(self, fetch: Fetch) -> None:
        """What had just been signed was refused for `fetch`: it is not for its age."""
        self._refused.add(fetch.identity)
