"""FairPlay Streaming: one exchange for each skd URI. The adapter's message (SPC) goes out as it is, the license (CKC)
comes back as it is, or in base64 in one of the wrappings that services use."""

from __future__ import annotations

import re

from offlinedl.license.dialect import Dialect
from offlinedl.manifest.hls_keys import FAIRPLAY
from offlinedl.manifest.units import base64_bytes

_WRAPPED = re.compile(rb"\s*<ckc>(.*?)</ckc>\s*", re.DOTALL)
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]{16,}={0,2}\s*")


def response(body: bytes) -> bytes:
    """The CKC that is in the body of an answer."""
    wrapped = _WRAPPED.fullmatch(body)
    inside = wrapped[1] if wrapped else body
    plain = base64_bytes(inside.decode("ascii", "replace")) if wrapped or _BASE64.fullmatch(inside) else None
    return body if plain is None else plain


def parts(init_data: bytes) -> tuple[bytes, ...]:
    """Each skd URI names one key; they are written one a line. What an init segment says instead is one piece."""
    return tuple(init_data.split(b"\n")) if init_data[:4].lower() == b"skd:" else (init_data,)


DIALECT = Dialect(
    name="fairplay",
    system_id=FAIRPLAY,
    headers=(("Content-Type", "application/octet-stream"),),
    response=response,
    parts=parts,
)
