"""A license as the vault keeps it: what was granted and what opens the media in one piece, so that neither is ever
there alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from offlinedl.errors import DamagedError
from offlinedl.model import ContentKey, Held, License, Windows


def encode(held: Held) -> bytes:
    """To be sealed: holds keys in the open."""
    license, windows = held.license, held.license.windows
    return json.dumps(
        {
            "id": license.id,
            "system": license.system,
            "kids": [kid.hex() for kid in license.kids],
            "issued_at": license.issued_at.isoformat(),
            "storage_seconds": windows.storage_seconds,
            "playback_seconds": windows.playback_seconds,
            "ends_at": windows.ends_at.isoformat() if windows.ends_at else None,
            "unknown": sorted(windows.unknown),
            "soft": sorted(windows.soft),
            "renewable": license.renewable,
            "renewal_url": license.renewal_url,
            "policy": license.policy,
            "keys": [[key.kid.hex(), key.key.hex()] for key in held.keys],
            "handle": None if held.handle is None else held.handle.hex(),
        }
    ).encode()


def decode(record: bytes) -> Held:
    """What `encode` wrote, also that of an older offlinedl. DamagedError where it is something else."""
    try:
        return _decoded(json.loads(record))
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(
            "what is kept as a license is none", "get the title again: its media are kept", code="vault-damaged"
        ) from error


def _decoded(values: Mapping[str, Any]) -> Held:
    ends_at, handle = values["ends_at"], values.get("handle")
    license = License(
        id=values["id"],
        system=values["system"],
        kids=tuple(bytes.fromhex(kid) for kid in values["kids"]),
        issued_at=datetime.fromisoformat(values["issued_at"]),
        windows=Windows(
            storage_seconds=values["storage_seconds"],
            playback_seconds=values["playback_seconds"],
            ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
            unknown=frozenset(values.get("unknown", ())),
            soft=frozenset(values.get("soft", ())),
        ),
        renewable=values["renewable"],
        renewal_url=values["renewal_url"],
        policy=values.get("policy", ""),
    )
    keys = tuple(ContentKey(kid=bytes.fromhex(kid), key=bytes.fromhex(key)) for kid, key in values["keys"])
    return Held(license=license, keys=keys, handle=None if handle is None else bytes.fromhex(handle))
