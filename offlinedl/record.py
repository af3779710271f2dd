"""A license as the vault keeps it: what was granted and its keys in one piece, so that neither is ever there alone."""

from __future__ import annotations

import json
from datetime import datetime

from offlinedl.model import ContentKey, License, Windows


def encode(license: License, keys: tuple[ContentKey, ...]) -> bytes:
    """To be sealed: holds keys in the open."""
    windows = license.windows
    return json.dumps(
        {
            "id": license.id,
            "system": license.system,
            "kids": [kid.hex() for kid in license.kids],
            "issued_at": license.issued_at.isoformat(),
            "storage_seconds": windows.storage_seconds,
            "playback_seconds": windows.playback_seconds,
            "ends_at": windows.ends_at.isoformat() if windows.ends_at else None,
            "renewable": license.renewable,
            "renewal_url": license.renewal_url,
            "keys": [[key.kid.hex(), key.key.hex()] for key in keys],
        }
    ).encode()


def decode(record: bytes) -> tuple[License, tuple[ContentKey, ...]]:
    """What `encode` wrote."""
    values = json.loads(record)
    ends_at = values["ends_at"]
    license = License(
        id=values["id"],
        system=values["system"],
        kids=tuple(bytes.fromhex(kid) for kid in values["kids"]),
        issued_at=datetime.fromisoformat(values["issued_at"]),
        windows=Windows(
            storage_seconds=values["storage_seconds"],
            playback_seconds=values["playback_seconds"],
            ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
        ),
        renewable=values["renewable"],
        renewal_url=values["renewal_url"],
    )
    keys = tuple(ContentKey(kid=bytes.fromhex(kid), key=bytes.fromhex(key)) for kid, key in values["keys"])
    return license, keys
