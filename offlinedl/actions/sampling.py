"""sampling: of each track of a title its init segments and a segment or two, in memory, and how their servers give
them. Nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import field, replace
from datetime import datetime
from urllib.parse import urlsplit

from offlinedl import remux
from offlinedl.engine import Engine
from offlinedl.errors import DamagedError, NetworkError, OfflinedlError
from offlinedl.frozen import frozen
from offlinedl.http import Answer, origin
from offlinedl.license.heads import Identity, is_whole
from offlinedl.media import mp4
from offlinedl.model import Kind
from offlinedl.protection import Protection
from offlinedl.readiness.transport import Elsewhere, Served
from offlinedl.streams import ByteRange, Fetch, Plan

_LONGEST = 60
"""Seconds of a segment that is fetched as a sample: what is longer is a file, and may be large."""
_GONE = {404, 410}


@frozen
class Samples:
    """What came of a plan: `plan` has those tracks and fetches alone. `absent` says why others did not come, of as many
    as were `asked` for."""

    plan: Plan
    data: dict[Identity, bytes] = field(repr=False)
    asked: int
    absent: tuple[str, ...]

    def read(self, fetch: Fetch) -> memoryview:
        """The bytes of a fetch that came."""
        return memoryview(self.data[fetch.identity])

    def of(self, track: str, *, init: bool = False) -> list[Fetch]:
        """The segments of a track, or its init segments."""
        return [f for f in self.plan.fetches if f.rendition == track and f.init == init]

    def rate(self, track: str) -> float:
        """Bits per second of the heaviest segment; 0 where none came."""
        return max(((f.size or 0) * 8 / f.duration for f in self.of(track) if f.duration), default=0.0)

    def protections(self, track: str) -> tuple[Protection, ...] | None:
        """What its init segments say; None where none can be read."""
        inits = [f for f in self.of(track, init=True) if not is_whole(self.plan, f) and mp4.is_mp4(self.read(f))]
        with suppress(DamagedError):
            return tuple(p for f in inits for p in mp4.protections(self.read(f))) if inits else None
        return None

    def begins(self) -> dict[str, float]:
        """When the media of each track begin on their own clock, in seconds, as far as that can be read."""
        found: dict[str, float] = {}
        for track in (t for t in self.plan.tracks if t.kind is not Kind.SUBTITLES and t.setup is None):
            first = next((f for f in self.of(track.id) if f.number == 0 and not is_whole(self.plan, f)), None)
            if first is None:
                continue
            init = next((f for f in self.of(track.id, init=True) if f.number == first.needs_init), None)
            at = remux.begins((bytes(self.read(init)) if init else b"") + bytes(self.read(first)))
            found |= {} if at is None else {track.id: at}
        return found


async def take(plan: Plan, engine: Engine) -> Samples:
    """Fetch the samples. Of the last segment of each track it is only asked whether it is there."""
    wanted = list(_wanted(plan))
    lasts = [own[-1] for own in _media(plan).values() if own[-1] not in wanted]
    came = await asyncio.gather(*(_body(fetch, engine) for fetch in wanted))
    gone = await asyncio.gather(*(_gone(fetch, engine) for fetch in lasts))
    data = {f.identity: body for f, body in zip(wanted, came, strict=True) if isinstance(body, bytes)}
    fetches = tuple(f._replace(size=len(data[f.identity])) for f in wanted if f.identity in data)
    with_media = {f.rendition for f in fetches if not f.init}
    own = replace(
        plan,
        tracks=tuple(t for t in plan.tracks if t.id in with_media),
        fetches=tuple(f for f in fetches if f.rendition in with_media),
    )
    absent = [said for said in (*came, *gone) if isinstance(said, str)]
    return Samples(plan=own, data=data, asked=len(wanted) + len(lasts), absent=tuple(absent))


def _media(plan: Plan) -> dict[str, list[Fetch]]:
    """The segments of each track that has some."""
    found: dict[str, list[Fetch]] = {}
    cut = plan.cut
    kinds = {track.id: track.kind for track in plan.tracks}
    for fetch in plan.fetches:
        is_long = fetch.duration > _LONGEST and fetch.range is None and kinds[fetch.rendition] is not Kind.SUBTITLES
        if not (fetch.init or is_long or fetch.rendition in cut):
            found.setdefault(fetch.rendition, []).append(fetch)
    return found


def _wanted(plan: Plan) -> Iterator[Fetch]:
    """The first segment of each track, and the heaviest, or where no sizes are known one of the middle."""
    for track, own in _media(plan).items():
        sized = any(f.range for f in own)
        second = max(own, key=lambda f: f.estimate) if sized else own[len(own) // 2]
        chosen = dict.fromkeys((own[0], second))
        needed = {f.needs_init for f in chosen}
        yield from (f for f in plan.fetches if f.init and f.rendition == track and f.number in needed)
        yield from chosen


async def _body(fetch: Fetch, engine: Engine) -> bytes | str:
    """Its bytes, or why they did not come."""
    try:
        return (await engine.get(fetch.url, fetch.range)).body
    except OfflinedlError as error:
        return error.message


async def _gone(fetch: Fetch, engine: Engine) -> str | None:
    """What is said of one that is not there. Servers that do not know the method say nothing of it."""
    try:
        answer = await engine.http.head(fetch.url)
    except OfflinedlError as error:
        return error.message
    return f"{fetch.path}, the last of its track: status {answer.status}" if answer.status in _GONE else None


async def probe(plan: Plan, engine: Engine) -> tuple[list[Served], list[Elsewhere], datetime | None]:
    """How each server gives the first segment of a track, how their other addresses do, and the time that a server
    says."""
    firsts: dict[str, str] = {}
    for fetch in (f for f in plan.fetches if not f.init):
        firsts.setdefault(fetch.rendition, fetch.url)
    hosts = {origin(url): url for url in reversed(firsts.values())}
    found = await asyncio.gather(*(_served(url, engine) for url in hosts.values()))
    others = dict.fromkeys(_beside(plan, [*firsts.values()]))
    beside = await asyncio.gather(*(_elsewhere(url, engine) for url in others))
    return [one for one, _ in found], list(beside), next((date for _, date in found if date is not None), None)


def _beside(plan: Plan, urls: Sequence[str]) -> Iterator[str]:
    """For each other beginning of addresses one whole address."""
    every = [other for url in urls for other in plan.addresses(url)[1:]]
    for base in (base for group in plan.bases for base in group[1:]):
        yield from [url for url in every if url.startswith(base)][:1]


async def _served(url: str, engine: Engine) -> tuple[Served, datetime | None]:
    answers: list[Answer] = []
    ranges: bool | None = None
    misranged = ""
    try:
        answers.append(await engine.http.head(url))
        answers.append(await engine.get(url, ByteRange(first=0, last=0)))
        ranges = answers[-1].status == 206
    except OfflinedlError as error:
        misranged = error.message if isinstance(error, NetworkError) and error.status == 206 else ""
    answers = [answer for answer in answers if answer.status in {200, 206}]
    headers = {name: value for answer in answers for name, value in answer.headers.items()}
    last = answers[-1] if answers else None
    served = Served(
        url=url,
        ranges=ranges,
        misranged=misranged,
        validator=(headers.get("etag", "").startswith('"') or "last-modified" in headers) if last else None,
        length=("content-length" in headers or any(answer.size is not None for answer in answers)) if last else None,
        encoding=headers.get("content-encoding", "").removeprefix("identity"),
        redirected=last.url if last and urlsplit(last.url)[:3] != urlsplit(url)[:3] else "",
    )
    return served, last.date if last else None


async def _elsewhere(url: str, engine: Engine) -> Elsewhere:
    try:
        await engine.get(url, ByteRange(first=0, last=0))
    except OfflinedlError as error:
        return Elsewhere(url=url, fault=error.message)
    return Elsewhere(url=url)
