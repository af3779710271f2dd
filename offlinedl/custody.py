"""Licenses in keeping: sealed in the vault first, then named in the catalog; destroyed in both, with a record.

Each download has one slot in the vault, chosen with its plan. What a server granted to a process that then died lies
there and is found again: no server is asked twice for one download.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from offlinedl import record
from offlinedl.catalog import Catalog
from offlinedl.errors import DamagedError
from offlinedl.model import ContentKey, Destruction, Entry, License
from offlinedl.vault import Vault

if TYPE_CHECKING:
    from offlinedl.streams import LicenseServer

Held = tuple[License, tuple[ContentKey, ...]]
"""A license and its keys."""


def new_slot() -> str:
    """A name in the vault for the license of a download, before there is one."""
    return os.urandom(16).hex()


class Custody:
    """The licenses of one home. `clock` gives the present moment in UTC."""

    def __init__(self, catalog: Catalog, vault: Vault, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._vault = vault
        self._clock = clock

    def seal_server(self, title_id: str, server: LicenseServer | None) -> bytes | None:
        """Who licenses a title, for the catalog to keep: its headers are secrets."""
        if server is None:
            return None
        text = json.dumps({"system": server.system, "url": server.url, "headers": list(server.headers)})
        return self._vault.seal(title_id, text.encode())

    def server(self, entry: Entry) -> LicenseServer | None:
        """Who was to be asked for the title's license. DamagedError where the vault does not open it any more."""
        from offlinedl.streams import LicenseServer

        sealed = self._catalog.license_server(entry.id)
        if sealed is None:
            return None
        values = json.loads(self._vault.open(entry.id, sealed))
        headers = tuple((name, value) for name, value in values["headers"])
        return LicenseServer(system=values["system"], url=values["url"], headers=headers)

    def knows_server(self, entry: Entry) -> bool:
        """Is it known who licenses the title? Not where the vault's key was lost: then the title is resolved anew."""
        try:
            self.server(entry)
        except DamagedError:
            return False
        return True

    def keep(self, entry: Entry, license: License, keys: tuple[ContentKey, ...]) -> None:
        """Keep a license that was granted."""
        self._vault.put(license.id, record.encode(license, keys))
        self._name(entry, license)

    def held(self, entry: Entry) -> Held | None:
        """The license of a title and its keys. One that the catalog does not know of yet is adopted."""
        found = self.sealed(entry)
        if found is None:
            return None
        granted, keys = found
        if entry.license is None:
            self._name(entry, granted)
        return entry.license or granted, keys

    def sealed(self, entry: Entry) -> Held | None:
        """What lies in the title's slot. What the vault does not open is no license any more."""
        try:
            sealed = self._vault.get(entry.license_slot)
        except DamagedError:
            return None
        return record.decode(sealed) if sealed else None

    def drop(self, entry: Entry, why: str) -> None:
        """Destroy the title's license; its record goes to the outbox. The next one gets a slot of its own."""
        granted = self.sealed(entry)
        license = entry.license or (granted[0] if granted else None)
        server = self._catalog.license_server(entry.id)
        with self._catalog.transaction():
            if license is not None and license.system is not None:
                self._catalog.destroyed(
                    Destruction(license=license, title_id=entry.id, destroyed_at=self._clock()), server
                )
                self._catalog.note(entry.id, why, self._clock())
            self._catalog.drop_license(entry.id, new_slot())
        for name in (entry.license_slot, *self._catalog.destroyed_ids(entry.id)):  # also what a kill left behind
            self._vault.delete(name)

    def _name(self, entry: Entry, license: License) -> None:
        with self._catalog.transaction():
            self._catalog.license(entry.id, license)
            self._catalog.note(entry.id, "licensed", self._clock())
