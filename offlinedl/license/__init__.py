"""Licenses: which system serves a title, and how it is asked. A new system is one new file and one word here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Protocol

from offlinedl.engine import Engine
from offlinedl.errors import RefusedError, UnsupportedError
from offlinedl.frozen import frozen
from offlinedl.http import Http
from offlinedl.license import clearkey, hls_key
from offlinedl.license.need import Grant, Need
from offlinedl.model import Drm, Held
from offlinedl.owed import Destruction
from offlinedl.protection import Key, LicenseServer, Protection

if TYPE_CHECKING:
    from offlinedl.license.adapter import Adapter


class System(Protocol):
    """One DRM system, or one way to hand out keys."""

    async def acquire(
        self, engine: Engine, server: LicenseServer, need: Need, now: datetime, held: Held | None = None
    ) -> Grant:
        """Ask once for a persistent license for all of `need`; where `held` is given, for its renewal. RefusedError
        where it is not granted in full."""

    async def release(self, http: Http, server: LicenseServer, owed: Destruction) -> None:
        """Tell the server that a license was destroyed. Returns when it has acknowledged that."""


IN_THE_OPEN: Mapping[str, System] = {clearkey.NAME: clearkey, hls_key.NAME: hls_key}

CLEAR_KEY_ID = "e2719d58-a985-b3c9-781a-b030af78d30e"
COMMON_ID = "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"


@cache
def _names() -> Mapping[str, str]:
    """The systems by their ids. Most titles have none, and need nothing of what adapters speak."""
    from offlinedl.license.adapter import DIALECTS

    return {CLEAR_KEY_ID: clearkey.NAME} | {dialect.system_id: name for name, dialect in DIALECTS.items()}


@frozen
class Licensing:
    """The systems at hand: those whose keys are in the open, and those that an adapter is configured for, by name. They
    are asked over the connections of `engine`."""

    engine: Engine
    adapters: Mapping[str, Adapter] = field(default_factory=dict)

    def __contains__(self, system: object) -> bool:
        return system in IN_THE_OPEN or system in self.adapters

    async def acquire(self, server: LicenseServer, need: Need, now: datetime, held: Held | None = None) -> Grant:
        """As System has it, of the system of `server`. UnsupportedError where there is none at hand."""
        return await self._system(server.system).acquire(self.engine, server, need, now, held)

    async def release(self, server: LicenseServer, owed: Destruction) -> None:
        """As System has it, of the system of `server`."""
        await self._system(server.system).release(self.engine.http, server, owed)

    async def load(self, held: Held, now: datetime) -> Held:
        """The proof of a handle: its adapter opens it anew, with no network, and has all its keys. Returns it with the
        windows that it states now. Keys in the open need none: decrypting is their proof. RefusedError where it is not
        held for good, or over."""
        return held if held.handle is None else await self._adapter(held).load(held, now)

    async def first_play(self, held: Held, at: datetime) -> Held:
        """What is to take the place of `held` before anything of it is shown for the first time, at `at`."""
        return held if held.handle is None else await self._adapter(held).first_play(held, at)

    async def check_plays(self, held: Held) -> None:
        """UnsupportedError where the adapter of `held` has no player."""
        await self._adapter(held).check_plays()

    async def play(self, held: Held, manifest_url: str) -> None:
        """The adapter of `held` plays what is at `manifest_url` with its own player; returns when that has ended."""
        await self._adapter(held).play(held, manifest_url)

    def server_for(self, drm: Iterable[Drm], protections: Sequence[Protection], keys: Iterable[Key]) -> LicenseServer:
        """Who licenses media that are protected so: the feed's word first, then the manifest's, then the keys' own
        URIs, then whoever there is an adapter for."""
        for offer in drm:
            if offer.system in self:
                return LicenseServer(
                    system=offer.system,
                    url=offer.license_url,
                    headers=offer.headers,
                    init_data=_init_data(offer.system, protections),
                    certificate_url=offer.certificate_url,
                )
        for protection in protections:
            if protection.system == CLEAR_KEY_ID and protection.license_url:
                return LicenseServer(system=clearkey.NAME, url=protection.license_url)
        if any(key.keyformat == "identity" for key in keys):
            return LicenseServer(system=hls_key.NAME)
        for name in (name for p in protections if (name := _names().get(p.system, "")) in self.adapters):
            urls = (p.license_url for p in protections if _names().get(p.system) == name)
            url = next((url for url in urls if url), None)
            return LicenseServer(system=name, url=url, init_data=_init_data(name, protections))
        named = [name for name in systems(drm, protections, ()) if name != clearkey.NAME]
        if named:
            raise _no_adapter(f"the title is protected by {', '.join(named)}")
        raise RefusedError(
            "the title is protected, and nothing says where its license is",
            "name the license server with --license-url",
            code="license-missing",
        )

    def _system(self, name: str) -> System:
        system = IN_THE_OPEN.get(name) or self.adapters.get(name)
        if system is None:
            raise _no_adapter(f"the license is one of {name}")
        return system

    def _adapter(self, held: Held) -> Adapter:
        adapter = self.adapters.get(held.license.system or "")
        if adapter is None:
            raise _no_adapter(f"the license is one of {held.license.system}")
        return adapter


def systems(drm: Iterable[Drm], protections: Iterable[Protection], keys: Iterable[Key]) -> list[str]:
    """The systems that feed, manifest and playlists name, by name where they have one."""
    named = {offer.system for offer in drm}
    named |= {_names().get(p.system, p.system) for p in protections if p.system not in {"", COMMON_ID}}
    named |= {hls_key.NAME for key in keys if key.keyformat == "identity"}
    return sorted(named)


def _init_data(name: str, protections: Iterable[Protection]) -> bytes:
    """What is said for the adapter of a system: each pssh box once, one after the other; the URIs of FairPlay one a
    line."""
    said = dict.fromkeys(p.init_data for p in protections if p.init_data and _names().get(p.system) == name)
    return (b"\n" if name == "fairplay" else b"").join(data for data in said if data)


def _no_adapter(why: str) -> UnsupportedError:
    return UnsupportedError(
        f"{why}, and there is no adapter for it",
        "choose a title with Clear Key, or none; `offlinedl doctor` shows the adapters",
        code="no-adapter",
    )
