"""Licenses: which system serves a title, and how it is asked. A new system is one new file and one word here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from offlinedl.engine import Engine
from offlinedl.errors import RefusedError, UnsupportedError
from offlinedl.http import Http
from offlinedl.license import clearkey, hls_key
from offlinedl.license.need import Grant, Need
from offlinedl.model import Destruction, Drm, Held
from offlinedl.streams import Key, LicenseServer, Protection


class System(Protocol):
    """One DRM system, or one way to hand out keys."""

    NAME: str

    async def acquire(
        self, engine: Engine, server: LicenseServer, need: Need, now: datetime, held: Held | None = None
    ) -> Grant:
        """Ask once for a persistent license for all of `need`; where `held` is given, for its renewal. RefusedError
        where it is not granted in full."""

    async def release(self, http: Http, server: LicenseServer, owed: Destruction) -> None:
        """Tell the server that a license was destroyed. Returns when it has acknowledged that."""


SYSTEMS: Mapping[str, System] = {system.NAME: system for system in (clearkey, hls_key)}

CLEAR_KEY_ID = "e2719d58-a985-b3c9-781a-b030af78d30e"
COMMON_ID = "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
_NAMES = {
    CLEAR_KEY_ID: "clearkey",
    "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed": "widevine",
    "9a04f079-9840-4286-ab92-e65be0885f95": "playready",
    "94ce86fb-07ff-4f43-adb8-93d2fa968ca2": "fairplay",
}


def systems(drm: Iterable[Drm], protections: Iterable[Protection], keys: Iterable[Key]) -> list[str]:
    """The systems that feed, manifest and playlists name, by name where they have one."""
    named = {offer.system for offer in drm}
    named |= {_NAMES.get(p.system, p.system) for p in protections if p.system not in {"", COMMON_ID}}
    named |= {hls_key.NAME for key in keys if key.keyformat == "identity"}
    return sorted(named)


def server_for(drm: Iterable[Drm], protections: Iterable[Protection], keys: Iterable[Key]) -> LicenseServer:
    """Who licenses media that are protected so: the feed's word first, then the manifest's, then the keys' own URIs."""
    for offer in drm:
        if offer.system in SYSTEMS:
            return LicenseServer(system=offer.system, url=offer.license_url, headers=offer.headers)
    for protection in protections:
        if protection.system == CLEAR_KEY_ID and protection.license_url:
            return LicenseServer(system=clearkey.NAME, url=protection.license_url)
    if any(key.keyformat == "identity" for key in keys):
        return LicenseServer(system=hls_key.NAME)
    named = [name for name in systems(drm, protections, ()) if name != clearkey.NAME]
    if named:
        raise UnsupportedError(
            f"the title is protected by {', '.join(named)}, and there is no adapter for it",
            "choose a title with Clear Key, or none; `offlinedl doctor` shows the adapters",
            code="no-adapter",
        )
    raise RefusedError(
        "the title is protected, and nothing says where its license is",
        "name the license server with --license-url",
        code="license-missing",
    )
