"""One request of a fetch, from the head of its answer to a file that is handed over, to get its name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import field

from offlinedl.errors import DamagedError, NetworkError, shown
from offlinedl.frozen import frozen
from offlinedl.http import Head, Http, Take
from offlinedl.intake import Intake
from offlinedl.parallel import Parallelism
from offlinedl.progress import Progress
from offlinedl.rate import Bucket
from offlinedl.signatures import unsigned
from offlinedl.store.writer import Here, Slot
from offlinedl.streams import Fetch, Plan

_LEAST_SECONDS = 0.05
"""Timers are early by a hair: who looks at once looks again and again."""
_PAGES = ("text/html", "application/xhtml+xml")


class ChangedError(DamagedError):
    """The file that the fetch with `identity` is a part of is another version than the one that other parts are of."""

    default_code = "changed"

    def __init__(self, fetch: Fetch, url: str) -> None:
        super().__init__(f"{shown(url)}: changed on the server while it was downloaded", "run it again")
        self.identity = fetch.identity


@frozen
class Means:
    """What the attempts of one run share. `running` are those under way, `versions` the validators of files that are
    fetched in ranges, `ends` the sizes of those that the plan cut into pieces, by rendition, `clock` the time of the
    loop. `parallel` says how many run at once, and hears what comes; for the rest see Engine."""

    http: Http
    intake: Intake
    progress: Progress
    parallel: Parallelism
    stall_seconds: float
    floor: int
    clock: Callable[[], float]
    bucket: Bucket | None = None
    running: set[Attempt] = field(default_factory=set)
    versions: dict[tuple[str, str], str] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)

    async def watch(self) -> None:
        """Give up the attempts that stall, until it is cancelled. One timer for all: each comes too late for most."""
        while True:
            now = self.clock()
            for attempt in self.running:
                if attempt.due <= now:
                    attempt.expire()
            next_due = min([now + self.stall_seconds, *(attempt.due for attempt in self.running)])
            await asyncio.sleep(max(_LEAST_SECONDS, next_due - now))


class Attempt:
    """One request of a fetch, and the file that it becomes. `received` counts the bytes that came; it is to be given up
    when it is `due`, in seconds of the loop's time. `beside` tells that `url` is not of the server that the plan names,
    but of one that stands for it."""

    def __init__(self, means: Means, fetch: Fetch, url: str, *, beside: bool = False) -> None:
        self.received = 0
        self.due = float("inf")
        self._means, self._fetch, self._url = means, fetch, url
        self._expected = fetch.estimate
        self._file: Here | Slot | None = None
        self._validator: str | None = None
        self._beside = beside
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - whoever makes it is in one
        self._task = task
        self._is_expired = False
        self._enough = self._next_mark = int(means.floor * means.stall_seconds)  # bytes, within that time

    async def made(self) -> int:
        """Make it. How many bytes the file has."""
        means, fetch = self._means, self._fetch
        try:
            try:
                self.due = means.clock() + means.stall_seconds
                means.running.add(self)
                try:
                    await means.http.download(self._url, fetch.range, self._accept)
                finally:
                    means.running.remove(self)
            except asyncio.CancelledError:
                if not self._is_expired or self._task.uncancel():  # somebody else wants it to stop, too
                    raise
                raise NetworkError(
                    f"{shown(self._url)}: next to nothing came for {means.stall_seconds:g} seconds",
                    "run it again: what is done is kept",
                ) from None
            except NetworkError as error:
                error.answered = error.answered or self._file is not None
                raise
            file, self._file = self._file or means.intake.file(fetch), None
            means.intake.keep(file, fetch, self.received, self._validator)
        except BaseException:
            if self._file is not None:
                self._file.drop()
            means.progress.advance(-self.received, fetch.estimate - self._expected)
            means.parallel.came(-self.received, means.clock())
            raise
        if self.received != self._expected:
            means.progress.advance(0, self.received - self._expected)
        return self.received

    def expire(self) -> None:
        """Too little came for too long."""
        self.due = float("inf")
        self._is_expired = True
        self._task.cancel()

    def _accept(self, head: Head) -> Take:
        if head.headers.get("content-type", "").lower().startswith(_PAGES):
            said = f"{shown(self._url)}: a web page came instead of media"
            raise NetworkError(said, "is a login needed?", status=head.status)
        if self._fetch.range is not None and not self._is_same(head):
            if not self._beside:
                raise ChangedError(self._fetch, self._url)
            said = f"{shown(self._url)}: another version of the file than the one that the download began with"
            raise NetworkError(said, "run it again later: what is done is kept", status=head.status)
        self._validator = head.validator
        asked = self._fetch.range
        self._file = self._means.intake.file(self._fetch, head.length if asked is None else asked.size)
        return self._take

    def _is_same(self, head: Head) -> bool:
        """Is it the version of the file that the plan was made from, and that its other parts are of?"""
        means = self._means
        if head.size is not None and means.ends.get(self._fetch.rendition, head.size) != head.size:
            return False
        known = means.versions.setdefault(file(self._fetch), head.validator) if head.validator else None
        return known == head.validator

    def _take(self, data: memoryview) -> float:
        assert self._file is not None  # noqa: S101 - it is there since the head was accepted
        self._file.write(data)
        count = len(data)
        self.received += count
        grown = max(0, self.received - self._expected)
        self._expected += grown
        means = self._means
        means.progress.advance(count, grown)
        now = means.clock()
        means.parallel.came(count, now)
        pause = means.bucket.take(count, now) if means.bucket else 0.0
        if self.received >= self._next_mark or pause or not count:
            self._next_mark = self.received + self._enough
            self.due = now + pause + means.stall_seconds
        return pause


def file(fetch: Fetch) -> tuple[str, str]:
    """The file that `fetch` is a part of: whatever server it is asked for at, and whatever signs that."""
    return fetch.rendition, unsigned(fetch.url)


def ends(plan: Plan) -> dict[str, int]:
    """The sizes of the files that `plan` cut into pieces, by rendition."""
    found: dict[str, int] = {}
    cut = plan.cut
    for fetch in plan.fetches:
        if fetch.range and fetch.rendition in cut:
            found[fetch.rendition] = max(fetch.range.last + 1, found.get(fetch.rendition, 0))
    return found
