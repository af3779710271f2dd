"""Licenses in keeping: sealed in the vault first, then named in the catalog; destroyed in both, with a record.

Each download has one slot in the vault, chosen with its plan. What a server granted to a process that then died lies
there and is found again: no server is asked twice for one download. A license that is to take the place of another
lies in the slot that follows, until it is proven.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from offlinedl import record
from offlinedl.catalog import Catalog
from offlinedl.errors import DamagedError
from offlinedl.model import Destruction, Entry, Held, License
from offlinedl.unread import fault, unread
from offlinedl.vault import Vault

if TYPE_CHECKING:
    from offlinedl.streams import LicenseServer


def new_slot() -> str:
    """A name in the vault for the license of a download, before there is one."""
    return os.urandom(16).hex()


def following(slot: str) -> str:
    """The name for a license that is to take the place of the one in `slot`: another process finds it, too."""
    return hashlib.sha256(slot.encode()).hexdigest()[:32]


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
        self.settle()
        values = {
            "system": server.system,
            "url": server.url,
            "headers": list(server.headers),
            "init_data": server.init_data.hex(),
            "certificate_url": server.certificate_url,
        }
        return self._vault.seal(title_id, json.dumps(values).encode())

    def server(self, entry: Entry) -> LicenseServer | None:
        """Who was to be asked for the title's license. DamagedError where the vault does not open it any more."""
        return self.opened_server(entry.id, self._catalog.license_server(entry.id))

    def opened_server(self, title_id: str, sealed: bytes | None) -> LicenseServer | None:
        """What `seal_server` sealed for the title of this id."""
        from offlinedl.streams import LicenseServer

        if sealed is None:
            return None
        values = json.loads(self._vault.open(title_id, sealed))
        return LicenseServer(
            system=values["system"],
            url=values["url"],
            headers=tuple((name, value) for name, value in values["headers"]),
            init_data=bytes.fromhex(values.get("init_data", "")),
            certificate_url=values.get("certificate_url"),
        )

    def knows_server(self, entry: Entry) -> bool:
        """Is it known who licenses the title? Not where the vault's key was lost: then the title is resolved anew."""
        try:
            self.server(entry)
        except DamagedError:
            return False
        return True

    def settle(self) -> None:
        """The vault has a key from now on. Where it cannot have one, that is said before a license is asked for."""
        try:
            self._vault.settle()
        except DamagedError as error:
            raise unread(self._vault, self._catalog.entries()) or error from error

    def check(self, entry: Entry) -> None:
        """DamagedError where the vault does not open the title's license. It names all titles of which that is so."""
        error = fault(self._vault, entry) and unread(self._vault, self._catalog.entries())
        if error:
            raise error

    def keep(self, entry: Entry, held: Held, warnings: Iterable[str] = ()) -> None:
        """Keep a license that was granted, in the place of one that is there: that one's keys are destroyed then.
        `warnings` are what is odd about it."""
        self._vault.put(held.license.id, record.encode(held))
        self._name(entry, held.license, *(f"odd license: {warning}" for warning in warnings))

    def restate(self, entry: Entry, held: Held) -> None:
        """Keep what an adapter has made of the title's license: another handle, or other windows. The vault replaces
        what it has in one step, so that there is never none."""
        self._vault.put(held.license.id, record.encode(held))
        with self._catalog.transaction():
            current = self._catalog.entry(entry.id)
            if current is not None and current.license is not None and current.license.windows != held.license.windows:
                self._catalog.license(entry.id, replace(current.license, windows=held.license.windows))
                self._catalog.note(entry.id, "license states other windows", self._clock())

    def held(self, entry: Entry) -> Held | None:
        """The license of a title and what opens its media. One that the catalog does not know of yet is adopted."""
        found = self.sealed(entry)
        if found is None:
            return None
        if entry.license is None:
            self._name(entry, found.license)
        return replace(found, license=entry.license or found.license)

    def sealed(self, entry: Entry) -> Held | None:
        """What lies in the title's slot. What the vault does not open is no license any more."""
        return self._opened(entry.license_slot)

    def offered(self, entry: Entry) -> Held | None:
        """A license that was granted to take the place of the title's, and does not yet."""
        return self._opened(following(entry.license_slot))

    def offer(self, entry: Entry, held: Held) -> None:
        """Keep a license that is to take the place of the title's once it is proven."""
        self._vault.put(following(entry.license_slot), record.encode(held))

    def supersede(self, entry: Entry, held: Held, event: str) -> None:
        """The license that was offered takes the place of the title's, in one transaction."""
        with self._catalog.transaction():
            self._catalog.license(entry.id, held.license)
            self._catalog.note(entry.id, event, self._clock())
        self._vault.delete(entry.license_slot)

    def decline(self, entry: Entry) -> None:
        """Destroy the license that was offered: it does not serve."""
        self._vault.delete(following(entry.license_slot))

    def drop(self, entry: Entry, why: str) -> None:
        """Destroy the title's license; its record goes to the outbox. The next one gets a slot of its own."""
        with self._catalog.transaction():
            self._owe(entry, why)
            self._catalog.drop_license(entry.id, new_slot())
        self._clear(entry)

    def _owe(self, entry: Entry, why: str) -> None:
        """Put the destruction record of the title's license into the outbox, if it is not there already."""
        found = self.sealed(entry)
        license = entry.license or (found.license if found else None)
        if license is None or license.system is None or license.destroyed_at is not None:
            return
        handle = found.handle if found else None
        owed = Destruction(license=license, title_id=entry.id, destroyed_at=self._clock(), handle=handle)
        sealed = None if handle is None else self._vault.seal(license.id, handle)
        self._catalog.destroyed(owed, self._catalog.license_server(entry.id), sealed)
        self._catalog.note(entry.id, why, self._clock())

    def _clear(self, entry: Entry) -> None:
        """Destroy what lies in the title's slots, also what a kill left behind."""
        slot = entry.license_slot
        for name in (slot, following(slot), *self._catalog.destroyed_ids(entry.id)):
            self._vault.delete(name)

    def _opened(self, slot: str) -> Held | None:
        try:
            sealed = self._vault.get(slot)
        except DamagedError:
            return None
        return record.decode(sealed) if sealed else None

    def _name(self, entry: Entry, license: License, *more: str) -> None:
        with self._catalog.transaction():
            self._catalog.license(entry.id, license)
            for event in ("licensed", *more):
                self._catalog.note(entry.id, event, self._clock())
