"""The same titles for members: two downloads on a device, two devices, and no license without an entitlement."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

FEED = "/members.json"
_DEVICES, _DOWNLOADS = 2, 2

License = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Members:
    """Who has downloaded what. `license` hands out licenses to whoever may have one."""

    def __init__(self, feed: Path, license: License) -> None:
        self._feed = feed
        self._license = license
        self._titles: dict[str, set[str]] = {}

    def add_to(self, app: web.Application) -> None:
        """Become a part of the service."""
        app.router.add_get(FEED, self._listed)
        app.router.add_post("/entitlement", self._entitlement)
        app.router.add_post("/members/license", self._licensed)

    async def _listed(self, request: web.Request) -> web.StreamResponse:
        feed = json.loads(self._feed.read_text())
        feed["limits"] = {"downloads_per_device": _DOWNLOADS, "devices": _DEVICES, "downloads_per_month": None}
        feed["entitlement_url"] = "entitlement"
        for drm in (d for title in feed["titles"] for source in title["sources"] for d in source.get("drm", ())):
            drm["license_url"] = "members/license"
        return web.json_response(feed)

    async def _entitlement(self, request: web.Request) -> web.StreamResponse:
        """A device has its place from its first download until its last release."""
        try:
            asked: dict[str, Any] = json.loads(await request.read())
            device, title, action = str(asked["device"]), str(asked["title"]), asked["action"]
        except (ValueError, KeyError, TypeError):
            raise web.HTTPBadRequest(text="not a request for an entitlement") from None
        if action == "release":
            self._titles.get(device, set()).discard(title)
            return web.json_response({})
        taken = sum(1 for other, theirs in self._titles.items() if theirs and other != device)
        if taken >= _DEVICES:
            said = f"Downloads are on {taken} other devices, and {_DEVICES} may have some."
            return web.json_response({"allowed": False, "reason": "device-limit", "message": said}, status=403)
        self._titles.setdefault(device, set()).add(title)
        return web.json_response({"allowed": True, "token": _token(device), "rights": {}})

    async def _licensed(self, request: web.Request) -> web.StreamResponse:
        """Only who was allowed a download gets a license; who gives one back need not be any more."""
        known = {f"Bearer {_token(device)}" for device in self._titles}
        if request.headers.get("Authorization") not in known:
            raise web.HTTPUnauthorized(text="ask for an entitlement first")
        return await self._license(request)


def _token(device: str) -> str:
    """What shows that an entitlement was given; a real service would sign it."""
    return f"of-{device}"
