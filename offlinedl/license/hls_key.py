"""HLS keys of the identity format (RFC 8216 sections 4.3.2.4 and 5.2): 16 bytes behind each URI, asked for once."""

from __future__ import annotations

import hashlib
from datetime import datetime

from offlinedl.errors import DamagedError, NetworkError, RefusedError, shown
from offlinedl.http import Http
from offlinedl.license.need import Grant, Need
from offlinedl.model import ContentKey, Destruction, Held
from offlinedl.signatures import unsigned
from offlinedl.streams import Key, LicenseServer

NAME = "hls-key"
_KEY_BYTES = 16


def kid_of(key: Key) -> bytes:
    """An id for a key that has none of its own: 16 bytes that stand for its URI, whatever signs that."""
    return hashlib.sha256(unsigned(key.uri).encode()).digest()[:16]


async def acquire(http: Http, server: LicenseServer, need: Need, now: datetime, held: Held | None = None) -> Grant:
    """Fetch each distinct URI once. The windows of such a title are those of its rights."""
    fetched: dict[str, bytes] = {}
    for key in need.keys.values():
        if key.uri not in fetched:
            fetched[key.uri] = await _fetch(http, key.uri)
    missing = [kid for kid in need.kids if kid not in need.keys]
    if missing:
        raise RefusedError(
            f"no key is offered for KID {', '.join(kid.hex() for kid in missing)}",
            "name a license server with --license-url",
            code="license-incomplete",
        )
    return Grant(keys=tuple(ContentKey(kid=kid, key=fetched[need.keys[kid].uri]) for kid in need.kids))


async def release(http: Http, server: LicenseServer, owed: Destruction) -> None:
    """Nobody is told: a key that is had for the asking has no server that keeps count."""


async def _fetch(http: Http, uri: str) -> bytes:
    try:
        answer = await http.get(uri, limit=64 * 1024)
    except NetworkError as error:
        if error.status in {401, 403, 404, 410}:
            raise RefusedError(f"the key server refused: {error.message}", "are you entitled to it?") from error
        raise
    if len(answer.body) != _KEY_BYTES:
        raise DamagedError(
            f"{shown(uri)}: {len(answer.body)} bytes, and a key has {_KEY_BYTES}",
            "is a login needed?",
            code="license-damaged",
        )
    return answer.body
