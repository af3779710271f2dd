"""Ids of what has none, or one that nobody could type: stable, and with a readable part."""

from __future__ import annotations

import hashlib
import re

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def stable_id(given: str, readable: str = "") -> str:
    """`given` where it can be typed; else `readable`, or its last part, and a hash of it. A title's name is not to be
    in it: names are corrected, and the title would be another one then."""
    if _PLAIN.fullmatch(given):
        return given
    said = hashlib.sha256(given.encode(errors="replace")).hexdigest()[:8]
    return f"{plain(readable) or plain(given.rstrip('/').rpartition('/')[2]) or 'title'}-{said}"


def plain(text: str) -> str:
    """`text` in lower-case ASCII letters, digits and dashes; "" where nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
