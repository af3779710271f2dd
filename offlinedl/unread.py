"""Licenses that titles have and the vault does not open: its key is lost or foreign, or it is another vault."""

from __future__ import annotations

from collections.abc import Iterable

from offlinedl.errors import DamagedError
from offlinedl.model import Entry
from offlinedl.vault import Vault

_UNREAD = "cannot be read: "


def fault(vault: Vault, entry: Entry) -> str:
    """What is the matter with the title's license ("is not in the vault any more"), "" where it can be read."""
    try:
        return "" if vault.load(entry.license_slot) else f"is not in {vault.called} any more"
    except DamagedError as error:
        return f"{_UNREAD}{error.message}"


def faults(vault: Vault, entries: Iterable[Entry]) -> dict[str, str]:
    """The ids of the titles whose licenses cannot be read, each with why."""
    sealed = [e for e in entries if e.license and e.license.system and e.license.destroyed_at is None]
    return {entry.id: why for entry in sealed if (why := fault(vault, entry))}


def unread(vault: Vault, entries: Iterable[Entry]) -> DamagedError | None:
    """What is to be said where licenses cannot be read: it names all the titles that they are of."""
    found = faults(vault, entries)
    if not found:
        return None
    first = " (a vault with a key of its own refuses that of another: put its key elsewhere first)"
    copy = f"restore the vault's key file or `offlinedl vault import` a copy{first if vault.has_key else ''}"
    reasons = dict.fromkeys(why.removeprefix(_UNREAD) for why in found.values())
    gone = f"not in {vault.called} any more"
    how = f"are {gone}" if [*reasons] == [f"is {gone}"] else _UNREAD + ", ".join(r.removeprefix("is ") for r in reasons)
    return DamagedError(
        f"the licenses of {', '.join(found)} {how}",
        f"{f'restore {vault.called}' if vault.is_elsewhere else copy}, or get the titles again: media are kept",
        code="vault-damaged",
    )
