"""The pieces of a presentation, made and sent: not before the play is written down, and none after the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from aiohttp import web

from offlinedl.aside import aside
from offlinedl.errors import OfflinedlError
from offlinedl.playback import Part, Presentation, Sitting, pacing
from offlinedl.playback.pacing import Reading
from offlinedl.playback.ranges import wanted

_KEPT = 8
"""Pieces that are kept: players ask for some in several ranges."""

_SLICE = 256 * 1024
"""Bytes that are sent before the clocks are looked at again."""

_LOOK_SECONDS = 1.0
"""What is held back is looked at so often: the player may have moved, the deadline too."""


class Made(NamedTuple):
    """A part with its bytes, on a time line of `duration` seconds."""

    part: Part
    content: bytes
    duration: float


class Pieces:
    """What a presentation has, as its players may have it. `over` is set when something failed."""

    def __init__(
        self,
        presentation: Presentation,
        sitting: Sitting,
        over: asyncio.Event,
        time: Callable[[], float],
        rest: Callable[[float], Awaitable[object]],
    ) -> None:
        self.failure: Exception | None = None
        self._presentation = presentation
        self._sitting = sitting
        self._over = over
        self._time = time
        self._rest = rest
        self._kept: dict[str, asyncio.Future[Made | None]] = {}
        self._beginning: asyncio.Future[None] | None = None
        self._readings: dict[str, Reading] = {}

    def at(self, seconds: float) -> None:
        """The player is there."""
        self._sitting.at(seconds)
        now = self._time()
        self._readings = {key: pacing.told(reading, seconds, now) for key, reading in self._readings.items()}

    def left(self) -> float | None:
        """Seconds to the deadline, None where there is none."""
        return self._sitting.left()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A piece, or the range of it that is asked for. One that cannot be made does not start the clock."""
        path = request.match_info["path"]
        self._check()
        made = await self._made(path)
        if made is None:
            raise web.HTTPNotFound
        if made.part.media and request.method == "GET":
            await self._begun()
        self._check()
        return await self._sent(request, path.rpartition("/")[0], made)

    def _check(self) -> None:
        if self._is_over():
            raise web.HTTPGone

    def _is_over(self) -> bool:
        left = self._sitting.left()
        return left is not None and left <= 0

    async def _made(self, path: str) -> Made | None:
        """What is at `path`, None where nothing is."""
        making = self._kept.pop(path, None)
        if making is None:
            making = asyncio.ensure_future(aside(lambda: self._make(path)))
            making.add_done_callback(self._look)
        self._kept[path] = making
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        try:
            return await asyncio.shield(making)
        except Exception:
            self._kept.pop(path, None)  # what it was is known, and may be over
            raise web.HTTPInternalServerError from None

    def _make(self, path: str) -> Made | None:
        """In a thread: whatever a presentation is asked for, it may have to read for."""
        part = self._presentation.part(path)
        if part is None:
            return None
        return Made(part, part.make(), self._presentation.duration if part.media else 0.0)

    def _look(self, work: asyncio.Future[Any]) -> None:
        error = None if work.cancelled() else work.exception()
        if isinstance(error, Exception) and not self._is_over():
            self.failure = self.failure or error
            self._over.set()

    async def _begun(self) -> None:
        """The play is written down, once for all that wait for it; whoever goes away meanwhile does not stop that."""
        if self._beginning is None or self._beginning.done():
            self._beginning = asyncio.ensure_future(self._sitting.begin())
            self._beginning.add_done_callback(self._look)
        try:
            await asyncio.shield(self._beginning)
        except OfflinedlError:
            self._check()
            raise web.HTTPForbidden from None

    async def _sent(self, request: web.Request, rendition: str, made: Made) -> web.StreamResponse:
        size, is_ranged = len(made.content), request.method == "GET" and "If-Range" not in request.headers
        asked = wanted(request.headers.get("Range", ""), size) if is_ranged else None  # nothing here has a validator
        if asked is not None and not asked:
            raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
        response = web.StreamResponse(headers={"Content-Type": made.part.type, "Accept-Ranges": "bytes"})
        if asked is not None:
            response.set_status(206)
            response.headers["Content-Range"] = f"bytes {asked.start}-{asked.stop - 1}/{size}"
        asked = range(size) if asked is None else asked
        response.content_length = len(asked)
        with suppress(ConnectionError):  # players go away in the middle, as they like
            await response.prepare(request)
            if request.method == "GET":
                try:
                    await self._near(rendition, made)
                    await self._write(response, memoryview(made.content)[asked.start : asked.stop])
                except web.HTTPGone:
                    response.force_close()
                    if request.transport is not None:
                        request.transport.abort()
        return response

    async def _near(self, rendition: str, made: Made) -> None:
        """Wait until the player is near enough to these media. The answer has begun by then: FFmpeg opens a piece while
        it still has to read the one before, and reads no further until that is open."""
        if made.part.media is None:
            return
        start, _ = made.part.media
        self._readings[rendition] = pacing.asked(self._readings.get(rendition), made.part.media, self._time())
        while True:
            self._check()
            reading = self._readings[rendition]
            seconds = pacing.wait(reading, start, self._time(), self._sitting.left(), made.duration)
            if seconds <= 0:
                return
            await self._rest(min(seconds, self._soon()))

    async def _write(self, response: web.StreamResponse, body: memoryview) -> None:
        """Send the body. HTTPGone at the deadline, wherever that is meanwhile, also while the player takes its time."""
        for at in range(0, len(body), _SLICE):
            self._check()
            writing = asyncio.ensure_future(response.write(body[at : at + _SLICE]))
            try:
                while not (await asyncio.wait({writing}, timeout=self._soon()))[0]:
                    self._check()
                writing.result()
            finally:
                writing.cancel()

    def _soon(self) -> float:
        """In so many seconds the clocks are to be looked at again."""
        left = self._sitting.left()
        return _LOOK_SECONDS if left is None else max(0.0, min(left, _LOOK_SECONDS))
