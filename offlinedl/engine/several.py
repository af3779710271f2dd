"""Many small resources at once, with the patience of the engine: keys that rotate."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable

from offlinedl.aside import alone
from offlinedl.engine import Engine
from offlinedl.errors import NetworkError
from offlinedl.http import Answer, Headers, origin
from offlinedl.parallel import Parallelism
from offlinedl.patience import Attempts


async def several(engine: Engine, urls: Iterable[str], limit: int, headers: Headers = ()) -> dict[str, Answer]:
    """What is at each of `urls`, of at most `limit` bytes each, by its URL. The first failure stops all."""
    work = _Several(engine, urls, limit, headers)
    try:
        await alone(work.all())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return work.answers


class _Several:
    """As many at once as the servers bear, and never more than the engine may."""

    def __init__(self, engine: Engine, urls: Iterable[str], limit: int, headers: Headers) -> None:
        self.answers: dict[str, Answer] = {}
        self._engine, self._limit, self._headers = engine, limit, headers
        self._queue = deque(dict.fromkeys(urls))
        self._parallel = Parallelism(engine.connections)
        self._seats = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(engine.per_host))
        self._attempts = defaultdict[str, Attempts](Attempts)
        self._working = 0

    async def all(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._fill(tasks)

    def _fill(self, tasks: asyncio.TaskGroup) -> None:
        while self._queue and self._working < self._parallel.limit:
            self._working += 1
            tasks.create_task(self._work(tasks))

    async def _work(self, tasks: asyncio.TaskGroup) -> None:
        while self._queue and self._working <= self._parallel.limit:
            url = self._queue.popleft()
            try:
                self.answers[url] = await self._asked(url)
            except NetworkError as error:
                await self._engine.again(url, error, self._attempts[url].failed(0))
                self._queue.appendleft(url)  # whoever is still at work takes it: there may be fewer of them now
            self._fill(tasks)
        self._working -= 1

    async def _asked(self, url: str) -> Answer:
        now = asyncio.get_running_loop().time
        try:
            async with self._seats[origin(url)]:
                await self._engine.held(url)
                answer = await self._engine.http.get(url, limit=self._limit, headers=self._headers)
        except NetworkError as error:
            if error.status in {429, 503}:
                self._parallel.pushed_back(now())
            raise
        self._parallel.came(len(answer.body), now())
        self._parallel.finished(now())
        return answer
