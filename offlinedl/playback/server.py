"""A presentation on loopback, for the players of this user alone, until its sitting is over."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time as clock
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from offlinedl.aside import aside
from offlinedl.playback import MASTER, About, Presentation, Sitting, Text, guard
from offlinedl.playback.page import Page
from offlinedl.playback.pieces import Pieces

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BODY_BYTES = 1024
"""Of a request: a page tells no more than its place."""

_HOST = "127.0.0.1"
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Server": "offlinedl",
}

_UNHEARD = logging.Logger("offlinedl.playback", logging.CRITICAL + 1)
"""What anybody sends is nothing for the terminal of this user, nor is the address that may be in it."""


class Served:
    """What is being served. `master` is the address of the multivariant playlist, `texts` those of the subtitle files
    by their path. `over` is set when the page was closed, has played to its end, or when something failed, `opened`
    when the page was opened."""

    def __init__(self, root: str, token: str, texts: Iterable[Text], page: Page, pieces: Pieces) -> None:
        self.master = f"{root}/{token}/title/{MASTER}"
        self.texts = {text.path: f"{root}/{token}/title/{text.path}" for text in texts}
        self.over = page.over
        self.opened = page.opened
        self._root = root
        self._page = page
        self._pieces = pieces

    @property
    def failure(self) -> Exception | None:
        """What could not be made, or why the play could not begin: for the caller to raise when the player is gone."""
        return self._pieces.failure

    def page(self) -> str:
        """An address that opens the page, once: what stands on a command line is worth nothing afterwards."""
        return f"{self._root}/open/{self._page.invitation()}"

    def at(self, seconds: float) -> None:
        """The player is at that place: for the sitting, and for how far it may read ahead."""
        self._pieces.at(seconds)


@asynccontextmanager
async def serving(
    presentation: Presentation,
    sitting: Sitting,
    about: About,
    *,
    time: Callable[[], float] = clock.monotonic,
    rest: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncIterator[Served]:
    """Serve on 127.0.0.1 while the block runs, on a free port. `time` and `rest` are for what waits."""
    token, over = secrets.token_urlsafe(24), asyncio.Event()
    pieces = Pieces(presentation, sitting, over, time, rest)
    texts = await aside(lambda: presentation.texts)
    page = Page(about, texts, pieces, over, rest)
    app = _application(token, page, pieces)
    runner = web.AppRunner(app, access_log=None, logger=_UNHEARD, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, 0).start()
        root = f"http://{_HOST}:{runner.addresses[0][1]}"
        yield Served(root, token, texts, page, pieces)
    finally:
        await runner.cleanup()


def _application(token: str, page: Page, pieces: Pieces) -> web.Application:
    """All that is served, with the guard before it."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        _check(request, token)
        return await handler(request)

    async def headed(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)

    async def opened(request: web.Request) -> web.StreamResponse:
        if not page.is_invited(request.match_info["word"]):
            raise web.HTTPNotFound
        raise web.HTTPSeeOther(f"/{token}/")

    app = web.Application(middlewares=[guarded], client_max_size=_BODY_BYTES)
    app.on_response_prepare.append(headed)
    app.router.add_get("/open/{word}", opened, allow_head=False)
    app.router.add_get("/{token}/title/{path:.+}", pieces.answer)
    page.add_to(app)
    return app


def _check(request: web.Request, token: str) -> None:
    """Who may not ask is told no more than that."""
    if request.transport is None:
        raise web.HTTPForbidden
    client, server = (request.transport.get_extra_info(name)[:2] for name in ("peername", "sockname"))
    is_meant = guard.is_meant(request.headers.get("Host"), server[1])
    is_own = guard.is_own_page(request.headers.get("Sec-Fetch-Site")) and guard.is_own_user(client, server)
    if not (is_meant and is_own):
        raise web.HTTPForbidden
    first, _, _ = request.path.removeprefix("/").partition("/")
    if first != "open" and not hmac.compare_digest(first.encode(), token.encode()):
        raise web.HTTPNotFound
