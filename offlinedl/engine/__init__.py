"""Bounded parallel fetches. A fetch is small, and done or not done; what fails is tried again, then named."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import field

from offlinedl import clock
from offlinedl.aside import alone
from offlinedl.called import called_file
from offlinedl.engine.addresses import Addresses, Renew
from offlinedl.engine.attempt import Attempt, Means, ends, file
from offlinedl.engine.refusals import concerns_one, named
from offlinedl.errors import NetworkError, NotFoundError, PausedError
from offlinedl.frozen import frozen
from offlinedl.http import Answer, Enough, Headers, Http, origin
from offlinedl.intake import Intake
from offlinedl.manifest.limits import LIMITS, Limits
from offlinedl.parallel import Parallelism
from offlinedl.patience import Attempts, Holds, Patience, retry_after
from offlinedl.progress import Progress
from offlinedl.rate import Bucket
from offlinedl.streams import ByteRange, Fetch, Plan

_LONGEST_HOLD = 300.0
_TRIES_BEFORE_ELSEWHERE = 2
_REFUSALS_IN_A_ROW = 20
_ALL_MAY = nullcontext()


@frozen
class Engine:
    """Fetches over one session.

    At most `connections` fetches run at once, and at most `per_host` of them at one server. `backoff` is in seconds
    before the first retry and doubles with each. A fetch of which not even `stall_seconds` times `floor` bytes come
    within `stall_seconds` is given up and tried again. `bucket` holds all of them to a rate. `limits` says how large a
    resource may be that is read into memory: a manifest, an index, a feed. `hinders` is asked before each fetch of a
    run: where it says why, what is under way comes to its end, and no more begins. `heard` are the servers that gave
    something.
    """

    http: Http
    connections: int = 16
    per_host: int = 64
    retries: int = 5
    backoff: float = 0.5
    stall_seconds: float = 30.0
    floor: int = 1024
    bucket: Bucket | None = None
    limits: Limits = LIMITS
    holds: Holds = field(default_factory=Holds)
    heard: set[str] = field(default_factory=set)
    hinders: Callable[[], str] = lambda: ""

    async def run(
        self,
        plan: Plan,
        fetches: Iterable[Fetch],
        intake: Intake,
        progress: Progress,
        renew: Renew | None = None,
    ) -> None:
        """Fetch those `fetches` of `plan`, in their order. `renew` gives the plan with addresses that are signed anew.

        What one server refuses for one fetch does not stop the others: when they are through, the first refusal is
        raised; so it is when many were refused in a row, for then it is the title that is gone. Any other failure stops
        all at once. PausedError where something `hinders` it.
        """
        await _Run(self, plan, intake, progress, renew).all(fetches)

    async def get(
        self, url: str, range: ByteRange | None = None, enough: Enough | None = None, headers: Headers = ()
    ) -> Answer:
        """A small resource that resolves a title (a manifest, an index, a feed), with the same patience.

        `enough` looks at the beginning of what may be none, and stops reading. Where `headers` make it a conditional
        request, what did not change since then is a NetworkError with status 304 (RFC 9110 section 15.4.5).
        """
        limit, attempts = self.limits.bytes, Attempts()
        while True:
            await self.held(url)
            try:
                answer = await self.http.get(url, range=range, limit=limit, enough=enough, headers=headers)
            except NetworkError as error:
                if error.status == 304 and headers:
                    raise
                failed = error
            else:
                self.heard.add(origin(url))
                return answer
            try:
                await self.again(url, failed, attempts.failed(0))
            except NetworkError as error:
                if error.status in {404, 410}:
                    raise NotFoundError(error.message, "is the address right?") from error
                raise

    async def again(self, url: str, error: NetworkError, failures: int, *, retries: int | None = None) -> None:
        """Wait for the next attempt on `url`, which failed so many times. Raises `error` where there is to be none."""
        retries = self.retries if retries is None else retries
        if error.unheard and origin(url) not in self.heard:  # it is not there; one that answered before will be again
            retries = min(retries, _TRIES_BEFORE_ELSEWHERE)
        patience = Patience(retries=retries, backoff=self.backoff)
        seconds = error.retry_after and retry_after(error.retry_after, clock.now())
        if seconds and seconds > _LONGEST_HOLD:
            raise error
        if seconds:
            self.holds.hold(origin(url), asyncio.get_running_loop().time() + seconds)
        if failures > patience.tries(error.status):
            raise error
        await asyncio.sleep(patience.wait(failures, random.random()))  # noqa: S311 - jitter

    async def held(self, url: str) -> None:
        """Wait until the server of `url` may be asked, where it said when."""
        seconds = self.holds.free_at(origin(url)) - asyncio.get_running_loop().time()
        if seconds > 0:
            await asyncio.sleep(seconds)
            await self.held(url)  # it may have asked for more meanwhile


class _Run:
    """One run over fetches of a plan."""

    def __init__(self, engine: Engine, plan: Plan, intake: Intake, progress: Progress, renew: Renew | None) -> None:
        self._engine, self._intake = engine, intake
        self._means = Means(
            http=engine.http,
            intake=intake,
            progress=progress,
            parallel=Parallelism(engine.connections),
            stall_seconds=engine.stall_seconds,
            floor=engine.floor,
            clock=asyncio.get_running_loop().time,
            bucket=engine.bucket,
            versions={file(f): f.validator for f in plan.fetches if f.range and f.validator},
            ends=ends(plan),
        )
        self._addresses = Addresses(plan, renew)
        self._tracks = plan.tracks
        self._seconds = sum(f.duration for f in plan.fetches) or 1.0
        self._queue: deque[Fetch] = deque()
        self._taken: dict[str, asyncio.Semaphore] = {}
        self._working = 0
        self._beside: list[asyncio.Task[None]] = []
        self._refused: list[NetworkError] = []
        self._hindrance = ""
        self._in_a_row = 0

    async def all(self, fetches: Iterable[Fetch]) -> None:
        """See Engine.run."""
        self._queue.extend(fetches)
        if not self._queue:
            return
        try:
            await alone(self._workers())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        await self._intake.through()
        if self._hindrance:
            hint = "the next `offlinedl sync` goes on when nothing hinders it, `offlinedl resume` does now"
            raise PausedError(self._hindrance, hint, code="waits")
        if self._refused:
            raise self._refused[0]

    async def _workers(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._beside = [*map(tasks.create_task, (self._intake.settle_now_and_then(), self._means.watch()))]
            self._fill(tasks)

    def _seats(self, url: str) -> AbstractAsyncContextManager[None]:
        if self._engine.connections <= self._engine.per_host:
            return _ALL_MAY
        return self._taken.setdefault(origin(url), asyncio.Semaphore(self._engine.per_host))

    def _fill(self, tasks: asyncio.TaskGroup) -> None:
        """As many workers as may run now."""
        while self._queue and self._working < self._means.parallel.limit:
            self._working += 1
            tasks.create_task(self._work(tasks))

    async def _work(self, tasks: asyncio.TaskGroup) -> None:
        while self._goes_on() and self._working <= self._means.parallel.limit:
            fetch = self._queue.popleft()
            try:
                size = await self._fetched(fetch)
                self._in_a_row = 0
                self._means.progress.finished(fetch.duration / self._seconds, size)
            except NetworkError as error:
                error = named(called_file(self._tracks, fetch), error)
                if not concerns_one(error):
                    raise error from error.__cause__
                self._refused.append(error)
                self._in_a_row += 1
                if self._in_a_row >= _REFUSALS_IN_A_ROW:
                    raise self._refused[-_REFUSALS_IN_A_ROW] from None
            self._fill(tasks)
        self._working -= 1
        if not self._working:
            for task in self._beside:
                task.cancel()

    def _goes_on(self) -> bool:
        """Is another fetch to begin?"""
        self._hindrance = self._hindrance or (self._engine.hinders() if self._queue else "")
        if self._hindrance:
            self._queue.clear()
        return bool(self._queue)

    async def _fetched(self, fetch: Fetch) -> int:
        while True:
            await self._addresses.are_there()
            known = self._addresses.generation
            try:
                return await self._somewhere(fetch)
            except NetworkError as error:
                if not self._addresses.may_be_stale(fetch, error):
                    raise
            if (size := await self._renewed(fetch, known)) is not None:
                return size

    async def _renewed(self, fetch: Fetch, known: int) -> int | None:
        """Get addresses that are signed anew, unless that happened since `known`. Whoever does is the first to use
        them: where that one is refused again, it is not for its age."""
        async with self._addresses.first_to_use(fetch, known) as is_first:
            if not is_first:
                return None
            url = self._addresses.of(fetch)[0]
            try:
                size = await self._made(self._attempt(fetch, url), url)
            except NetworkError as error:
                if self._addresses.may_be_stale(fetch, error):
                    self._addresses.are_no_help(fetch)
                return None
            self._addresses.serve(known + 1)
            return size

    async def _somewhere(self, fetch: Fetch) -> int:
        """Fetch from the first of the addresses that has it."""
        first: NetworkError | None = None
        addresses, known = self._addresses.of(fetch), self._addresses.generation
        for number, url in enumerate(addresses, start=1):
            try:
                size = await self._patiently(fetch, url, last=number == len(addresses))
            except NetworkError as error:
                if self._addresses.may_be_stale(fetch, error):
                    raise
                if error.retry_after or not concerns_one(error):
                    self._addresses.dead.add(origin(url))
                first = first or error
            else:
                if first is None:
                    self._addresses.serve(known)
                elif first.status not in {404, 410}:  # what one gives and the other will not: that one is no help
                    self._addresses.dead.update(origin(other) for other in addresses[: number - 1])
                return size
        assert first is not None  # noqa: S101 - there is an address at least, and none of them had it
        raise first

    async def _patiently(self, fetch: Fetch, url: str, *, last: bool) -> int:
        """Try again what may pass."""
        attempts = Attempts()
        retries = self._engine.retries if last else min(self._engine.retries, _TRIES_BEFORE_ELSEWHERE)
        while True:
            attempt = self._attempt(fetch, url)
            try:
                return await self._made(attempt, url)
            except NetworkError as error:
                at_once = error.retry_after is not None and not last
                await self._engine.again(
                    url, error, attempts.failed(attempt.received), retries=0 if at_once else retries
                )

    def _attempt(self, fetch: Fetch, url: str) -> Attempt:
        planned = self._addresses.planned(fetch)
        return Attempt(self._means, fetch, url, beside=url != planned and origin(url) != origin(planned))

    async def _made(self, attempt: Attempt, url: str) -> int:
        """Make an attempt when its server may be asked. How it ends decides how many run at once."""
        now = self._means.clock
        try:
            async with self._seats(url):  # who waited for it may be told to wait longer
                if self._engine.holds:
                    await self._engine.held(url)
                size = await attempt.made()
        except NetworkError as error:
            if error.status in {429, 503}:
                self._means.parallel.pushed_back(now())
            elif error.status is None or error.status >= 500:
                self._means.parallel.failed(now())
            raise
        self._engine.heard.add(origin(url))
        self._means.parallel.finished(now())
        return size
