"""Licenses in keeping: sealed in the vault first, then named in the catalog; destroyed in both, with a record.

Each download has one slot in the vault, chosen with its plan. What a server granted to a process that then died lies
there and is found again: no server is asked twice for one download. A license that is to take the place of another
lies in the slot that follows, until it is proven.

No destruction record is owed for a license that another one takes the place of: it is the same title on the same
device, and a release names nothing but key ids (W3C EME section 9.1.4): the server would take it for that of both.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from offlinedl import expiry, record
from offlinedl.catalog import Catalog
from offlinedl.errors import DamagedError
from offlinedl.frozen import frozen
from offlinedl.model import Entry, Held, License
from offlinedl.owed import Destruction
from offlinedl.unread import fault, faults, unread
from offlinedl.vault import Vault

if TYPE_CHECKING:
    from offlinedl.protection import LicenseServer


def new_slot() -> str:
    """A name in the vault for the license of a download, before there is one."""
    return os.urandom(16).hex()


def following(slot: str) -> str:
    """The name for a license that is to take the place of the one in `slot`: another process finds it, too."""
    first, _, number = slot.partition("-")
    return f"{first}-{int(number or 0) + 1}"


_SLOT = re.compile(r"[0-9a-f]{32}(-\d+)?")


@frozen
class Owed:
    """A destruction record that is owed. Who is to hear of it, and the adapter's handle, are sealed."""

    record: Destruction
    server: bytes | None = field(repr=False)
    handle: bytes | None = field(repr=False)


class Custody:
    """The licenses of one home. `clock` gives the present moment in UTC."""

    def __init__(self, catalog: Catalog, vault: Vault, clock: Callable[[], datetime]) -> None:
        self._catalog, self._vault, self._clock = catalog, vault, clock

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

    def serve_by(self, entry: Entry, server: LicenseServer | None) -> bool:
        """The title is licensed so from now on, as its service says today. Is that another way than before?"""
        if server is None or server == self.server(entry):
            return False
        sealed = self.seal_server(entry.id, server)
        with self._catalog.transaction():
            self._catalog.set_license_server(entry.id, sealed)
        return True

    def server(self, entry: Entry) -> LicenseServer | None:
        """Who was to be asked for the title's license. DamagedError where the vault does not open it any more."""
        return self.opened_server(entry.id, self._catalog.license_server(entry.id))

    def opened_server(self, title_id: str, sealed: bytes | None) -> LicenseServer | None:
        """What `seal_server` sealed for the title of this id."""
        from offlinedl.protection import LicenseServer

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
        """The vault has a key from now on. Where it cannot have one, that is said before a license is asked for. Titles
        whose licenses were sealed under one that is lost have it in their history."""
        try:
            is_new = self._vault.settle()
        except DamagedError as error:
            raise unread(self._vault, self._catalog.entries()) or error from error
        if is_new and (lost := faults(self._vault, self._catalog.entries())):
            with self._catalog.transaction():
                for title_id in lost:
                    self._catalog.note(title_id, "license cannot be read: the vault's key was lost", self._clock())

    def check(self, entry: Entry) -> None:
        """DamagedError where the vault does not open the title's license. It names all titles of which that is so."""
        if fault(self._vault, entry) and (error := unread(self._vault, self._catalog.entries())):
            raise error

    def fault(self, entry: Entry) -> str:
        """Why the vault does not open the title's license, "" where it does."""
        return fault(self._vault, entry)

    def keep(self, entry: Entry, held: Held, warnings: Iterable[str] = ()) -> None:
        """Keep a license that was granted, in the place of one that is there: that one's keys are destroyed then.
        `warnings` are what is odd about it."""
        self._vault.save(held.license.id, record.encode(held))
        self._name(entry, held.license, *map(_odd, warnings))

    def restate(self, entry: Entry, held: Held) -> None:
        """Keep what an adapter has made of the title's license: another handle, or other windows. The vault replaces
        what it has in one step, so that there is never none."""
        self._vault.save(held.license.id, record.encode(held))
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
            return found
        return replace(found, license=replace(entry.license, renewal_url=found.license.renewal_url))

    def sealed(self, entry: Entry) -> Held | None:
        """What lies in the title's slot. What the vault does not open is no license any more, nor is one whose keys
        were destroyed."""
        if entry.license is not None and entry.license.destroyed_at is not None:
            return None
        return self._opened(entry.license_slot)

    def offered(self, entry: Entry) -> Held | None:
        """A license that was granted to take the place of the title's, and does not yet."""
        return self._opened(following(entry.license_slot))

    def cut_off(self, entries: Iterable[Entry]) -> set[str]:
        """Those of these titles that have such a license, by their ids."""
        there = self._vault.names()
        return {entry.id for entry in entries if following(entry.license_slot) in there}

    def offer(self, entry: Entry, held: Held, warnings: Iterable[str] = ()) -> None:
        """Keep a license that is to take the place of the title's once it is proven."""
        self._vault.save(following(entry.license_slot), record.encode(held))
        with self._catalog.transaction():
            for event in ("another license granted", *map(_odd, warnings)):
                self._catalog.note(entry.id, event, self._clock())

    def supersede(self, entry: Entry, held: Held, event: str) -> Entry:
        """The license that was offered takes the place of the title's, in one transaction. The title as it is then."""
        with self._catalog.transaction():
            current = self._catalog.entry(entry.id) or entry  # it may have been played meanwhile
            license = expiry.renewed(current.license, held.license)
            self._catalog.license(entry.id, license)
            self._catalog.outbox.replaced(entry.id, license)
            self._catalog.note(entry.id, event, self._clock())
        self.clear_destroyed()
        return replace(current, license=license, license_slot=license.id)

    def decline(self, entry: Entry) -> None:
        """Destroy the license that was offered: it does not serve."""
        self._vault.remove(following(entry.license_slot))

    def drop(self, entry: Entry, why: str, *, leaves: bool = False) -> None:
        """Destroy the title's license; its record goes to the outbox. Where the title `leaves` this device, its
        entitlement server is to hear of that. Else a first play that counts on stays, for the next license."""
        stays = not leaves and expiry.counts_on(entry.license, self._clock())
        with self._catalog.transaction():
            self._owe(entry, why)
            if leaves:
                self._catalog.outbox.left(entry.id, self._clock())
            if not stays:
                self._catalog.drop_license(entry.id, new_slot())
        if stays:
            self._vault.remove(entry.license_slot)
        self.clear_destroyed()

    def destroy(self, entry: Entry) -> None:
        """Destroy the keys of a license that is over, not what is shown of it; its record goes to the outbox. One that
        was granted to take its place stays."""
        license, found = entry.license, self.sealed(entry)
        if license is None or license.system is None or license.destroyed_at is not None:
            return
        with self._catalog.transaction():
            self._owe_for(entry, license, found.handle if found else None)
            self._catalog.clocks.destroyed(entry.id, self._clock())
            self._catalog.outbox.left(entry.id, self._clock())
            self._catalog.note(entry.id, "keys destroyed", self._clock())
        self.clear_destroyed()

    def slots(self) -> set[str]:
        """Where the licenses of all titles lie, or are to lie. Empty where there is no title."""
        found = self._catalog.slots()
        return {slot for slot, is_destroyed in found.items() if not is_destroyed} | set(map(following, found))

    def clear_destroyed(self) -> None:
        """Destroy what lies in no title's slots: licenses that were destroyed or replaced, also where a kill came
        between. A slot is in the catalog before its license. Without titles the catalog may be newer than the vault."""
        there = self._vault.names()  # first: whatever is granted from now on is not among them
        slots = self.slots()
        for name in there - slots if slots else ():
            if _SLOT.fullmatch(name):
                self._vault.remove(name)

    def owed(self, title_id: str = "") -> list[Owed]:
        """The destruction records in the outbox, the oldest first; of this title alone where one is given."""
        found = self._catalog.outbox.destructions(title_id)
        return [Owed(record=known, server=server, handle=handle) for known, server, handle in found]

    def opened(self, owed: Owed) -> tuple[Destruction, LicenseServer | None]:
        """A record that is owed, and to whom. DamagedError where the vault does not open it any more."""
        server = self.opened_server(owed.record.title_id, owed.server)
        handle = None if owed.handle is None else self._vault.open(owed.record.license.id, owed.handle)
        return replace(owed.record, handle=handle), server

    def give_up(self, owed: Owed) -> None:
        """Nobody is told of a record that cannot be read any more. Where the vault's key is lost and there is no other
        yet, it may come back: then the record is owed on."""
        if self._vault.has_key:
            with self._catalog.transaction():
                self._catalog.outbox.acknowledged(owed.record.license.id)
                self._catalog.note(owed.record.title_id, "release given up: it cannot be read", self._clock())

    def device(self) -> str:
        """The id of this device, for entitlement servers."""
        return self._vault.device_id()

    def _owe(self, entry: Entry, why: str) -> None:
        """Put the destruction records of the title's licenses into the outbox, if they are not there already."""
        found, offered = self.sealed(entry), self.offered(entry)
        license = entry.license or (found.license if found else None)
        if license is None or license.system is None:
            return
        if license.destroyed_at is None:
            self._owe_for(entry, license, found.handle if found else None)
        if offered is not None:
            self._owe_for(entry, offered.license, offered.handle)
        self._catalog.note(entry.id, why, self._clock())

    def _owe_for(self, entry: Entry, license: License, handle: bytes | None) -> None:
        from offlinedl.license import hls_key

        if license.system == hls_key.NAME:
            return  # a key that is had for the asking has no server that keeps count
        owed = Destruction(license=license, title_id=entry.id, destroyed_at=self._clock())
        sealed = None if handle is None else self._vault.seal(license.id, handle)
        self._catalog.outbox.destroyed(owed, self._catalog.license_server(entry.id), sealed)

    def _opened(self, slot: str) -> Held | None:
        try:
            found = self._vault.load(slot)
            return record.decode(found) if found else None
        except DamagedError:
            return None

    def _name(self, entry: Entry, license: License, *more: str) -> None:
        with self._catalog.transaction():
            self._catalog.license(entry.id, license)
            self._catalog.outbox.replaced(entry.id, license)
            for event in ("licensed", *more):
                self._catalog.note(entry.id, event, self._clock())


def _odd(warning: str) -> str:
    return f"odd license: {warning}"
