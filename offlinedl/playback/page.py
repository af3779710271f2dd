"""The page that plays a title in a browser: what it is made of, and what it tells."""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web

from offlinedl.playback import About, Text
from offlinedl.playback.pieces import Pieces

_PAGE = Path(__file__).parent / "page.html"
_POLICY = (
    "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; media-src 'self' blob:; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_IMAGES = {b"\xff\xd8\xff": "jpeg", b"\x89PNG": "png", b"RIFF": "webp"}
_AWAY_SECONDS = 3.0
"""So long a page may be away, for it may be loading anew."""


class Page:
    """The page, for whoever was invited to it. `over` is set when it was closed or has played to the end."""

    def __init__(
        self,
        about: About,
        texts: Sequence[Text],
        pieces: Pieces,
        over: asyncio.Event,
        rest: Callable[[float], Awaitable[object]],
    ) -> None:
        self.over = over
        self.opened = asyncio.Event()
        self._about = about
        self._texts = texts
        self._pieces = pieces
        self._rest = rest
        self._invitations: set[str] = set()
        self._open = 0
        self._leaving: set[asyncio.Task[None]] = set()

    def invitation(self) -> str:
        """A word that opens the page once."""
        word = secrets.token_urlsafe(24)
        self._invitations.add(word)
        return word

    def is_invited(self, word: str) -> bool:
        """Is it such a word? It is none any more."""
        found = [known for known in self._invitations if hmac.compare_digest(known.encode(), word.encode())]
        self._invitations.difference_update(found)
        if found:
            self.opened.set()
        return bool(found)

    def add_to(self, app: web.Application) -> None:
        """Its routes, below the token."""
        app.router.add_get("/{token}/", self._document)
        app.router.add_get("/{token}/about", self._describe)
        app.router.add_get("/{token}/poster", self._poster)
        app.router.add_get("/{token}/presence", self._presence, allow_head=False)
        app.router.add_post("/{token}/at", self._position)

    async def _document(self, request: web.Request) -> web.StreamResponse:
        nonce = secrets.token_urlsafe(16)
        text = _PAGE.read_text("utf-8").replace("NONCE", nonce)
        headers = {"Content-Security-Policy": _POLICY.format(nonce)}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _describe(self, request: web.Request) -> web.StreamResponse:
        about = self._about
        description: dict[str, Any] = {
            "name": about.name,
            "series": about.series,
            "poster": about.poster is not None,
            "start": about.start,
            "left": self._pieces.left(),
            "texts": [{**asdict(text), "on": self._is_on(text.path)} for text in self._texts],
        }
        return web.json_response(description)

    def _is_on(self, path: str) -> bool:
        forced = [text.path for text in self._texts if text.forced]
        return path == (self._about.text or next(iter(forced), ""))

    async def _poster(self, request: web.Request) -> web.StreamResponse:
        poster = self._about.poster or b""
        kind = next((kind for start, kind in _IMAGES.items() if poster.startswith(start)), None)
        if kind is None:
            raise web.HTTPNotFound
        return web.Response(body=poster, content_type=f"image/{kind}")

    async def _presence(self, request: web.Request) -> web.StreamResponse:
        """A connection that is open as long as the page is, however that ends (WHATWG HTML section 9.2)."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        self._open += 1
        try:
            await response.prepare(request)
            await response.write(b": here\n\n")
            await asyncio.Event().wait()
        finally:
            self._open -= 1
            task = asyncio.ensure_future(self._left())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        return response

    async def _left(self) -> None:
        await self._rest(_AWAY_SECONDS)
        if not self._open:
            self.over.set()

    async def _position(self, request: web.Request) -> web.StreamResponse:
        """The page is at a place of the title; how much time is left is what it hears."""
        try:
            told = json.loads(await request.read())
            seconds, ended = float(told["at"]), told.get("ended") is True
        except (ValueError, KeyError, TypeError, OverflowError):
            raise web.HTTPBadRequest from None
        if not math.isfinite(seconds) or seconds < 0:
            raise web.HTTPBadRequest
        self._pieces.at(seconds)
        if ended:
            self.over.set()
        return web.json_response({"left": self._pieces.left()})
