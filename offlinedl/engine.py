"""Bounded parallel fetches. A fetch is small, and done or not done; what fails is tried again, then named."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeVar

from offlinedl.errors import NetworkError, NotFoundError, shown
from offlinedl.http import Answer, Enough, Http
from offlinedl.manifest.limits import LIMITS, Limits
from offlinedl.streams import ByteRange, Fetch

T = TypeVar("T")

_LONGEST_WAIT = 30.0
_PAGES = ("text/html", "application/xhtml+xml")


class Progress(Protocol):
    """What a download tells those who watch it. All sizes are bytes."""

    def begin(self, name: str, done: int, total: int) -> None:
        """A title starts, `done` of about `total` bytes being there already."""

    def step(self, what: str) -> None:
        """Something other than media goes on: "asking for the license"."""

    def advance(self, count: int, total_change: int = 0) -> None:
        """`count` bytes came (fewer than none where an attempt failed); the total turned out to be so different."""

    def end(self, message: str) -> None:
        """The title is ready, or is not: `message` says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Fetches over one session. `backoff` is in seconds before the first retry and doubles with each.

    `limits` says how large a resource may be that is read into memory: a manifest, an index, a feed.
    """

    http: Http
    connections: int = 8
    retries: int = 5
    backoff: float = 0.5
    limits: Limits = LIMITS

    async def run(
        self,
        fetches: Iterable[Fetch],
        writing: Callable[[Fetch], AbstractContextManager[BinaryIO]],
        done: Callable[[Fetch, int], None],
        progress: Progress,
    ) -> None:
        """Fetch all. `done` is called when a file is complete on the disk, with its size.

        What one server refuses for one fetch does not stop the others: when they are through, the first refusal is
        raised. Any other failure stops all at once.
        """
        queue = iter(fetches)
        refused: list[NetworkError] = []

        async def work() -> None:
            for fetch in queue:
                try:
                    done(fetch, await self._fetch(fetch, writing, progress))
                except NetworkError as error:
                    if not _concerns_one(error):
                        raise
                    refused.append(error)

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self.connections):
                    tasks.create_task(work())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        if refused:
            raise refused[0]

    async def get(self, url: str, range: ByteRange | None = None, enough: Enough | None = None) -> Answer:
        """A small resource that resolves a title (a manifest, an index, a feed), with the same patience.

        `enough` looks at the beginning of what may be none, and stops reading.
        """
        limit = self.limits.bytes
        try:
            return await self._patiently(lambda: self.http.get(url, range=range, limit=limit, enough=enough))
        except NetworkError as error:
            if error.status in {404, 410}:
                raise NotFoundError(error.message, "is the address right?") from error
            raise

    async def size_in_ranges(self, url: str, answer: Answer) -> int | None:
        """Bytes of the resource at `url` that `answer` began, if its server gives ranges of it; None if it does not.

        What the server does not say (RFC 9110 section 14.3) is found out by asking for the first byte.
        """
        said = answer.headers.get("accept-ranges", "").strip().lower()
        if said == "none" or (said == "bytes" and answer.size is not None):
            return None if said == "none" else answer.size
        try:
            first = await self.get(url, ByteRange(first=0, last=0))
        except (NetworkError, NotFoundError):
            return None
        return first.size if first.status == 206 else None

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try again what may pass."""
        tries = 0
        while True:
            try:
                return await attempt()
            except NetworkError as error:
                if tries >= self._patience(error):
                    raise
                await asyncio.sleep(min(_LONGEST_WAIT, self.backoff * 2**tries) * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                tries += 1

    async def _fetch(
        self, fetch: Fetch, writing: Callable[[Fetch], AbstractContextManager[BinaryIO]], progress: Progress
    ) -> int:
        """The size in bytes of a fetch that is now on the disk."""
        try:
            return await self._patiently(lambda: self._once(fetch, writing, progress))
        except NetworkError as error:
            what = "init segment" if fetch.init else "segment"
            raise NetworkError(
                f"{fetch.rendition}, {what} {fetch.number}: {error.message}", error.hint, status=error.status
            ) from error

    async def _once(
        self, fetch: Fetch, writing: Callable[[Fetch], AbstractContextManager[BinaryIO]], progress: Progress
    ) -> int:
        size = 0
        expected = fetch.estimate
        try:
            async with self.http.stream(fetch.url, range=fetch.range) as body:
                if body.headers.get("content-type", "").lower().startswith(_PAGES):
                    raise NetworkError(f"{shown(fetch.url)}: a web page came instead of media", "is a login needed?")
                with writing(fetch) as file:
                    async for chunk in body.chunks():
                        file.write(chunk)
                        size += len(chunk)
                        grown = max(0, size - expected)
                        expected += grown
                        progress.advance(len(chunk), grown)
        except BaseException:
            progress.advance(-size, fetch.estimate - expected)
            raise
        progress.advance(0, size - expected)
        return size

    def _patience(self, error: NetworkError) -> int:
        """How often this kind of failure is worth another try."""
        if error.status in {404, 410}:
            return min(1, self.retries)
        if error.status is not None and 400 <= error.status < 500 and error.status not in {408, 425, 429}:
            return 0
        return self.retries


def _concerns_one(error: NetworkError) -> bool:
    """Is it about this resource, so that the others may still come? A server that is gone is not."""
    return error.status is not None and error.status not in {401, 403, 429} and error.status < 500
