"""One request of a fetch, from the head of its answer to a file that has its name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from offlinedl.errors import DamagedError, NetworkError, shown
from offlinedl.http import Head, Http, Take
from offlinedl.intake import Intake
from offlinedl.progress import Progress
from offlinedl.rate import Bucket
from offlinedl.signatures import unsigned
from offlinedl.store import Part
from offlinedl.streams import Arrival, Fetch

_PAGES = ("text/html", "application/xhtml+xml")


class ChangedError(DamagedError):
    """The file that the fetch with `identity` is a part of is another version than the one that other parts are of."""

    default_code = "changed"

    def __init__(self, fetch: Fetch, url: str) -> None:
        super().__init__(f"{shown(url)}: changed on the server while it was downloaded", "run it again")
        self.identity = fetch.identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the attempts of one run share. `versions` are the validators of files that are fetched in ranges, by
    address; for the rest see Engine."""

    http: Http
    intake: Intake
    progress: Progress
    stall_seconds: float
    floor: int
    bucket: Bucket | None = None
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def enough(self) -> int:
        """Bytes that must come within `stall_seconds`."""
        return int(self.floor * self.stall_seconds)


class Attempt:
    """One request of a fetch, and the file that it becomes. `received` counts the bytes that came."""

    def __init__(self, means: Means, fetch: Fetch, url: str) -> None:
        self.received = 0
        self._means, self._fetch, self._url = means, fetch, url
        self._expected = fetch.estimate
        self._part: Part | None = None
        self._validator: str | None = None
        self._deadline: asyncio.Timeout
        self._next_mark = means.enough

    async def made(self) -> Arrival:
        """Make it."""
        means, fetch = self._means, self._fetch
        try:
            try:
                async with asyncio.timeout(means.stall_seconds) as self._deadline:
                    await means.http.download(self._url, fetch.range, self._accept)
            except TimeoutError:
                raise NetworkError(
                    f"{shown(self._url)}: next to nothing came for {means.stall_seconds:g} seconds",
                    "run it again: what is done is kept",
                ) from None
            part = self._part or self._means.intake.part(fetch)
            self._part = None
            checksum = part.keep()
        except BaseException:
            if self._part is not None:
                self._part.drop()
            self._means.progress.advance(-self.received, fetch.estimate - self._expected)
            raise
        self._means.progress.advance(0, self.received - self._expected)
        return Arrival(size=self.received, checksum=checksum, validator=self._validator)

    def _accept(self, head: Head) -> Take:
        if head.headers.get("content-type", "").lower().startswith(_PAGES):
            raise NetworkError(f"{shown(self._url)}: a web page came instead of media", "is a login needed?")
        self._validator = head.validator
        if self._fetch.range is not None and head.validator is not None:
            known = self._means.versions.setdefault(address(self._url), head.validator)
            if known != head.validator:
                raise ChangedError(self._fetch, self._url)
        self._part = self._means.intake.part(self._fetch)
        return self._take

    def _take(self, data: memoryview) -> float:
        assert self._part is not None  # noqa: S101 - it was opened when the head was accepted
        self._part.write(data)
        count = len(data)
        self.received += count
        grown = max(0, self.received - self._expected)
        self._expected += grown
        self._means.progress.advance(count, grown)
        means = self._means
        now = asyncio.get_running_loop().time()
        pause = means.bucket.take(count, now) if means.bucket else 0.0
        if self.received >= self._next_mark or pause:
            self._next_mark = self.received + means.enough
            self._deadline.reschedule(now + pause + means.stall_seconds)
        return pause


def address(url: str) -> str:
    """`url` without what signs it."""
    return unsigned(url)
