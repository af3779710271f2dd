"""The world about a home in a year, in one process: a service that is away now and then, a disk that is full on some
days, and a clock that is set from pass to pass. Nothing sleeps; what chance decides follows from a seed."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from aiohttp import web

from offlinedl.demo import origin as demo
from offlinedl.mark import Boot
from offlinedl.store import Store
from tests import origin as o
from tests.episodes import BEGAN, DAY, EPISODES, SHOWS, Episode, Show
from tests.origin import Fault, Handler

PASS = timedelta(hours=6)
FREE = 50_000_000
KEEP_FREE = 10_000_000
LIMITS = {"downloads_per_device": 5, "downloads_per_month": 7}
"""Those of the club."""


@dataclass(slots=True, kw_only=True)
class Calendar:
    """The clocks: that of the wall, and that of a machine which is off now and then."""

    now: datetime = BEGAN
    booted: datetime = BEGAN - DAY

    def wall(self) -> datetime:
        return self.now

    def boot(self) -> Boot:
        return Boot(id=f"{self.booted:%Y%m%d%H}", seconds=(self.now - self.booted).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What fails between two moments: a part of the service, all of it ("away"), the "disk", or the machine ("off")."""

    what: str
    first: datetime
    last: datetime
    fault: Fault | None = None


_FAULTS: dict[str, list[Fault | None]] = {
    "feed": [o.status(503), o.status(404), o.dropped(), o.body(b"{"), o.page()],
    "license": [o.status(503), o.dropped(), o.status(403), o.status(500)],
    "media": [o.status(503), o.status(404), o.dropped()],
    "half": [o.status(503), o.status(404), o.dropped()],
    "away": [o.dropped()],
    "disk": [None],
    "off": [None],
}
_HOW_OFTEN = {"feed": 8, "license": 5, "media": 6, "half": 4, "away": 4, "disk": 4, "off": 3}


def troubles(chance: random.Random) -> list[Trouble]:
    """Those of a year: some of a day or two, and the license server once for longer than licenses last that are about
    to be renewed."""
    found = []
    for what, count in _HOW_OFTEN.items():
        for _ in range(count):
            first = BEGAN + chance.randrange(4, 340 * 4) * PASS
            lasts = chance.randrange(1, 12) * PASS
            found.append(Trouble(what=what, first=first, last=first + lasts, fault=chance.choice(_FAULTS[what])))
    first = BEGAN + chance.randrange(60, 300) * DAY
    found.append(Trouble(what="license", first=first, last=first + 20 * DAY, fault=o.status(503)))
    return found


class Service:
    """What puts out the episodes, and counts what it is asked for. `read` is when each feed was last given in full."""

    def __init__(self, calendar: Calendar, troubles: list[Trouble]) -> None:
        self.url = ""
        self.read: dict[str, datetime] = {}
        self.sent: Counter[tuple[str, str]] = Counter()
        self.granted: Counter[str] = Counter()
        self.licensed: set[str] = set()
        self.entitled: set[str] = set()
        self.wrong: list[str] = []
        self._calendar = calendar
        self._troubles = troubles
        self._site: web.TCPSite | None = None

    def trouble(self, *what: str, within: timedelta = timedelta(0)) -> Trouble | None:
        """The first of these that is now, or was so shortly ago."""
        now = self._calendar.now
        return next((t for t in self._troubles if t.what in what and t.first <= now < t.last + within), None)

    def offered(self, show: Show, at: datetime) -> list[Episode]:
        """What the feed had then: of news only the last days."""
        found = [e for e in EPISODES.values() if e.show is show and e.at <= at]
        return found[-6:] if show.is_newest else found

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """It can be reached, but when it is away."""

        @web.middleware
        async def switchboard(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._answer(request, handler)

        app = demo.application(middlewares=[switchboard])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await self._listen(0)
        try:
            yield
        finally:
            await self._runner.cleanup()

    async def _listen(self, port: int) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", port)
        await self._site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def heed(self) -> None:
        """Nobody listens while it is away."""
        if self.trouble("away") and self._site is not None:
            await self._site.stop()
            self._site = None
        elif not self.trouble("away") and self._site is None:
            await self._listen(int(self.url.rpartition(":")[2]))

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        _, *folders, name = request.path.split("/")
        part = "media" if folders else "feed" if name.endswith(".json") else "license"
        trouble = self.trouble(part, "away", *(["half"] if name == "1.m4s" else []))
        if trouble is not None and trouble.fault is not None:
            return await trouble.fault(request, handler)
        if part == "media":
            return self._media(folders[-1], name)
        if part == "feed":
            return self._feed(request, name.removesuffix(".json"))
        return await (self._license if name == "license" else self._entitlement)(request, handler)

    def _media(self, of: str, name: str) -> web.Response:
        episode = next(e for e in EPISODES.values() if e.id == of)
        if name not in episode.files:
            raise web.HTTPNotFound
        if name != "m.mpd":
            self.sent[episode.title, name] += 1
        return web.Response(body=episode.files[name], headers={"ETag": f'"{of}"'})

    def _feed(self, request: web.Request, source: str) -> web.Response:
        now = self._calendar.now
        shown = [e for show in SHOWS if show.source == source for e in self.offered(show, now)]
        self.read[source] = now
        tag = f'"{len(shown)}-{max(e.at for e in shown):%Y%m%d}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        club = {"limits": LIMITS, "entitlement_url": "entitlement"} if source == "club" else {}
        feed = {"offlinedl": 1, "name": source, "titles": [e.listed() for e in shown], **club}
        return web.json_response(feed, headers={"ETag": tag})

    async def _license(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        [of] = parse_qs(request.query_string)["of"]
        episode = next(e for e in EPISODES.values() if e.id == of)
        asked = json.loads(await request.read())
        response = await handler(request)
        assert isinstance(response, web.Response)
        if "type" not in asked:
            self.wrong += [] if episode.title in self.licensed else [f"{of} is released, and has no license"]
            self.licensed.discard(episode.title)
            return response
        self.granted[episode.title] += 1
        self.licensed.add(episode.title)
        assert isinstance(response.body, bytes)
        license = json.loads(response.body)
        license["policy"]["can_renew"] = episode.show.renewable
        return web.json_response(license)

    async def _entitlement(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = json.loads(await request.read())
        (self.entitled.discard if asked["action"] == "release" else self.entitled.add)(f"club:{asked['title']}")
        return await handler(request)


class Disk(Store):
    """The titles' folder on a disk on which others may take all that is to stay free."""

    taken = False

    def used(self) -> int:
        """Bytes of all files."""
        return sum(size for _, size in self.found())

    def found(self) -> Iterator[tuple[str, int]]:
        """All files of titles and their sizes, by their paths below the titles' folders."""
        root = str(self.folder("."))
        for folder, _, names in os.walk(root):
            for name in names:
                if name not in {".lock", ".journal"}:
                    yield f"{folder[len(root) + 1 :]}/{name}", os.stat(f"{folder}/{name}").st_size  # noqa: PTH116

    def free_bytes(self) -> int:
        """What is left. Where others take it, what goes from here is free again."""
        return max(0, (KEEP_FREE + 120_000 if self.taken else FREE) - self.used())
