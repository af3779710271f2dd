"""The demo origin with a switchboard of faults: what servers and networks do to downloads, on request.

origin.fault("/license", status(403), times=1)
origin.fault(".m4s", truncated(100))
origin.asked("/license")        the requests so far whose path contains that
origin.files["/titles/a/b"]     what else it has, sent in slices that `slices` hear of
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from offlinedl.demo import origin as demo

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]


_SLICE = 4096


@dataclass
class Asked:
    """A request that came, and how many bytes of one of `files` were sent for it."""

    method: str
    path: str
    headers: dict[str, str]
    query: str = ""
    sent: int = 0

    @property
    def what(self) -> tuple[str, str]:
        """The path and the range."""
        return (self.path, self.headers.get("Range", ""))


@dataclass
class Origin:
    """A running origin. `faults` are tried in order; the first whose pattern is found in the path acts. Before each
    slice of one of `files`, all of `slices` are called."""

    url: str = ""
    log: list[Asked] = field(default_factory=list)
    faults: list[tuple[str, Fault, list[int]]] = field(default_factory=list)
    watchers: list[Callable[[Asked], None]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    slices: list[Callable[[Asked], None]] = field(default_factory=list)

    def fault(self, pattern: str, fault: Fault, times: int = 10**9) -> None:
        """Let `fault` act on the next `times` requests whose path matches `pattern` (a regular expression)."""
        self.faults.append((pattern, fault, [times]))

    def mend(self) -> None:
        """No more faults."""
        self.faults.clear()

    def forget(self) -> None:
        """Count requests anew."""
        self.log.clear()

    def asked(self, part: str) -> list[Asked]:
        """The requests whose path contains `part`."""
        return [asked for asked in self.log if part in asked.path]

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, as the first fault that concerns it says, else well."""
        asked = Asked(request.method, request.path, dict(request.headers), request.query_string)
        self.log.append(asked)
        for watcher in self.watchers:
            watcher(asked)

        async def file(request: web.Request) -> web.StreamResponse:
            return await self._send(request, asked)

        if request.path in self.files:
            handler = file
        for pattern, fault, times in self.faults:
            if times[0] > 0 and re.search(pattern, request.path):
                times[0] -= 1
                return await fault(request, handler)
        return await handler(request)

    async def _send(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        """A file, or the range of it that was asked for."""
        content = self.files[request.path]
        first, stop, _ = request.http_range.indices(len(content))
        response = web.StreamResponse(headers={"ETag": f'"{len(content)}"', "Content-Length": str(stop - first)})
        if asked.what[1]:
            response.set_status(206)
            response.headers["Content-Range"] = f"bytes {first}-{stop - 1}/{len(content)}"
        with suppress(ConnectionError):  # of a client that was killed
            await response.prepare(request)
            for at in range(first, stop, _SLICE):
                for listener in self.slices:
                    listener(asked)
                await response.write(content[at : min(at + _SLICE, stop)])
                asked.sent += min(_SLICE, stop - at)
        return response


@contextmanager
def running() -> Iterator[Origin]:
    """An origin while the block runs."""
    origin = Origin()
    app = demo.application(middlewares=[_bound(origin)])
    with demo.in_thread(app) as url:
        origin.url = url
        yield origin


def _bound(origin: Origin) -> Middleware:
    @web.middleware
    async def switchboard(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await origin.answer(request, handler)

    return switchboard


def status(code: int, headers: dict[str, str] | None = None) -> Fault:
    """Answer with this status."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(status=code, headers=headers)

    return fault


def page() -> Fault:
    """200, and a web page instead of what was asked for."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(text="<!doctype html><title>Sign in</title>", content_type="text/html")

    return fault


def body(content: bytes, content_type: str = "application/octet-stream") -> Fault:
    """200, and `content`."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(body=content, content_type=content_type)

    return fault


def truncated(count: int) -> Fault:
    """Promise the whole, send `count` bytes, and cut the connection."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await _cut(request, handler, count)

    return fault


def dropped() -> Fault:
    """Cut the connection without an answer."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return fault


def held(released: asyncio.Event) -> Fault:
    """Do not answer before `released` is set."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        await released.wait()
        return await handler(request)

    return fault


def other_range(shift: int) -> Fault:
    """206 with a Content-Range that was not asked for."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = request.http_range
        first, last = (asked.start or 0) + shift, (asked.stop or 1) - 1 + shift
        content = b"\0" * (last - first + 1)
        return web.Response(status=206, body=content, headers={"Content-Range": f"bytes {first}-{last}/*"})

    return fault


def whole() -> Fault:
    """200 with everything, though a range was asked for."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(body=_media(request))

    return fault


def license_with(change: Callable[[dict[str, Any]], None]) -> Fault:
    """The license, changed before it is sent."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        license = json.loads(response.body)
        change(license)
        return web.json_response(license)

    return fault


def redirected(target: str, code: int = 302) -> Fault:
    """Redirect to `target`."""
    return status(code, {"Location": target})


def _media(request: web.Request) -> bytes:
    return (demo.DATA / "titles" / request.match_info["title"] / request.match_info["path"]).read_bytes()


async def _cut(request: web.Request, handler: Handler, count: int) -> web.StreamResponse:
    content = _media(request)
    response = web.StreamResponse(headers={"Content-Length": str(len(content))})
    await response.prepare(request)
    await response.write(content[:count])
    assert request.transport is not None
    request.transport.close()
    return response
