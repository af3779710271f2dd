"""A service on 127.0.0.1: a feed, its titles, and a Clear Key license server with storage and playback windows.

`/feed.json` is for everybody, `/members.json` for members (see members.py).
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from offlinedl.demo.members import Members

DATA = Path(__file__).parent
POLICY = {
    "can_persist": True,
    "can_renew": True,
    "rental_duration_seconds": 30 * 86400,
    "playback_duration_seconds": 48 * 3600,
    "license_duration_seconds": 0,
    "renewal_server_url": None,
}

_TYPES = {
    ".mpd": "application/dash+xml",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".ts": "video/mp2t",
    ".vtt": "text/vtt",
}


def application(middlewares: Sequence[Middleware] = ()) -> web.Application:
    """The service as a web application. `middlewares` see every request first."""
    app = web.Application(middlewares=middlewares)
    app.router.add_get("/feed.json", _feed)
    app.router.add_post("/license", _license)
    Members(DATA / "feed.json", _license).add_to(app)
    app.router.add_get("/titles/{title}/key", _key)
    app.router.add_get("/titles/{title}/key/{kid}", _key)
    app.router.add_get("/titles/{title}/{path:.+}", _media)
    return app


@asynccontextmanager
async def serving(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    """Serve on 127.0.0.1 while the block runs. The address of the service; port 0 takes a free one."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)  # what still hangs then was meant to
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextmanager
def in_thread(app: web.Application) -> Iterator[str]:
    """`serving` in a thread of its own, for callers that have a loop of theirs, or none."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    service = serving(app)
    try:
        yield asyncio.run_coroutine_threadsafe(service.__aenter__(), loop).result()
        asyncio.run_coroutine_threadsafe(service.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def keys(title: str | None = None) -> dict[bytes, bytes]:
    """The keys of one title by KID, or of all."""
    by_title: dict[str, dict[str, str]] = json.loads((DATA / "keys.json").read_text())
    chosen = by_title.values() if title is None else [by_title.get(title, {})]
    return {bytes.fromhex(kid): bytes.fromhex(key) for pairs in chosen for kid, key in pairs.items()}


async def _feed(request: web.Request) -> web.StreamResponse:
    return web.FileResponse(DATA / "feed.json", headers={"Content-Type": "application/json"})


async def _media(request: web.Request) -> web.StreamResponse:
    root = (DATA / "titles").resolve()
    file = (root / request.match_info["title"] / request.match_info["path"]).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(file, headers={"Content-Type": _TYPES.get(file.suffix, "application/octet-stream")})


async def _key(request: web.Request) -> web.StreamResponse:
    """The key of an HLS playlist: 16 bytes (RFC 8216 section 4.3.2.4). A title with one key needs no KID to name it."""
    found = {kid.hex(): key for kid, key in keys(request.match_info["title"]).items()}
    key = found.get(request.match_info.get("kid", next(iter(found), "")))
    if key is None:
        raise web.HTTPNotFound
    return web.Response(body=key, content_type="application/octet-stream")


async def _license(request: web.Request) -> web.StreamResponse:
    """Clear Key: a persistent license for the KIDs that are known here; without a type it is a release."""
    try:
        asked: dict[str, Any] = json.loads(await request.read())
        kids = {_from_text(kid): kid for kid in asked["kids"]}
    except (ValueError, KeyError, TypeError):
        raise web.HTTPBadRequest(text="not a Clear Key request") from None
    if "type" not in asked:
        return web.json_response({"kids": asked["kids"]})
    known = keys()
    found = [{"kty": "oct", "kid": text, "k": _to_text(known[kid])} for kid, text in kids.items() if kid in known]
    if not found:
        raise web.HTTPForbidden(text="no such title")
    return web.json_response({"keys": found, "type": asked["type"], "policy": POLICY})


def _to_text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _from_text(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
