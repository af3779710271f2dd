"""HLS keys of the identity format (RFC 8216 sections 4.3.2.4 and 5.2): 16 bytes behind each URI, asked for once."""

from __future__ import annotations

import hashlib
from datetime import datetime

from offlinedl.engine import Engine
from offlinedl.engine.several import several
from offlinedl.errors import DamagedError, NetworkError, RefusedError, shown
from offlinedl.http import Answer, Http
from offlinedl.license.need import Grant, Need
from offlinedl.model import ContentKey, Held
from offlinedl.owed import Destruction
from offlinedl.protection import Key, LicenseServer
from offlinedl.signatures import unsigned

NAME = "hls-key"
_KEY_BYTES = 16
_LIMIT = 64 * 1024
_MESSAGES = ("text/html", "application/json", "application/problem+json")


def kid_of(key: Key) -> bytes:
    """An id for a key that has none of its own: 16 bytes that stand for its URI, whatever signs that."""
    return hashlib.sha256(unsigned(key.uri).encode()).digest()[:16]


async def acquire(engine: Engine, server: LicenseServer, need: Need, now: datetime, held: Held | None = None) -> Grant:
    """Fetch each distinct URI once, with the headers of `server`: the token of an entitlement. The windows of such a
    title are those of its rights."""
    missing = [kid for kid in need.kids if kid not in need.keys]
    if missing:
        raise RefusedError(
            f"no key is offered for KID {', '.join(kid.hex() for kid in missing)}",
            "name a license server with --license-url",
            code="license-incomplete",
        )
    uris = {kid: need.keys[kid].uri for kid in need.kids}
    try:
        answers = await several(engine, uris.values(), _LIMIT, server.headers)
    except NetworkError as error:
        if error.status in {401, 403, 404, 410}:
            raise RefusedError(f"the key server refused: {error.message}", "are you entitled to it?") from error
        raise
    keys = tuple(ContentKey(kid=kid, key=_key(uri, answers[uri])) for kid, uri in uris.items())
    return Grant(keys=keys, renewable=True)  # who may have them may have them again


async def release(http: Http, server: LicenseServer, owed: Destruction) -> None:
    """Nobody is told: a key that is had for the asking has no server that keeps count."""


def _key(uri: str, answer: Answer) -> bytes:
    """What came, where that is a key. A message may have 16 bytes, too."""
    body, kind = answer.body, answer.headers.get("content-type", "").lower()
    what = None if len(body) == _KEY_BYTES else f"{len(body)} bytes, and a key has {_KEY_BYTES}"
    if kind.startswith(_MESSAGES) and body.lstrip()[:1] in {b"<", b"{", b"["}:
        what = "a message, and no key"
    if what is not None:
        raise DamagedError(f"{shown(uri)}: {what}", "is a login needed?", code="license-damaged")
    return body
