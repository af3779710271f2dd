"""EXT-X-KEY and EXT-X-SESSION-KEY: what encrypts segments, and whose license opens them (RFC 8216 section 4.3.2.4)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes
from uuid import UUID

from offlinedl.errors import DamagedError, UnsupportedError, shown
from offlinedl.manifest.units import base64_bytes, key_id
from offlinedl.media import mp4, playready, widevine
from offlinedl.protection import Key, Protection

FAIRPLAY = "94ce86fb-07ff-4f43-adb8-93d2fa968ca2"
PLAYREADY = "9a04f079-9840-4286-ab92-e65be0885f95"
CLEARKEY = "e2719d58-a985-b3c9-781a-b030af78d30e"
_SYSTEMS = {
    "com.apple.streamingkeydelivery": FAIRPLAY,
    "com.microsoft.playready": PLAYREADY,
    "com.widevine": widevine.SYSTEM,
    "org.w3.clearkey": CLEARKEY,
}
_SCHEMES = {"SAMPLE-AES": "cbcs", "SAMPLE-AES-CTR": "cenc", "SAMPLE-AES-CENC": "cenc"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HINT = "the playlist is damaged: fetch it again, or tell its publisher"


def key(attribute: Mapping[str, str], uri: Callable[[str], str]) -> Key | None:
    """The key of a tag; None where METHOD=NONE says that what follows is clear. `uri` is `key_uri` for its playlist."""
    method = attribute.get("METHOD", "")
    if method == "NONE":
        return None
    if not method or not attribute.get("URI"):
        raise DamagedError("an EXT-X-KEY has no METHOD or no URI", _HINT)
    keyformat = attribute.get("KEYFORMAT") or "identity"
    stated = attribute.get("IV")
    return Key(method=method, uri=uri(attribute["URI"]), iv=None if stated is None else iv(stated), keyformat=keyformat)


def iv(text: str) -> bytes:
    """RFC 8216 section 4.3.2.4: 0x and up to 32 hexadecimal digits; fewer than 32 stand for leading zeros."""
    digits = text[2:]
    if text[:2] not in {"0x", "0X"} or not 0 < len(digits) <= 32:
        raise DamagedError("an EXT-X-KEY has an IV that is not a 128-bit number", _HINT)
    try:
        return bytes.fromhex(digits if len(digits) == 32 else digits.rjust(32, "0"))
    except ValueError:
        raise DamagedError("an EXT-X-KEY has an IV that is not a 128-bit number", _HINT) from None


def key_uri(uri: str, absolute: Callable[[str], str]) -> str:
    """A key's URI: data and skd as they are, anything else must become http or https."""
    scheme = _SCHEME.match(uri)
    if scheme and scheme[1].lower() in {"data", "skd"}:
        return uri
    if scheme and scheme[1].lower() not in {"http", "https"}:
        hint = "only http, https, data and skd are known"
        raise UnsupportedError(f"a key is at {shown(uri)}, which no adapter can ask", hint)
    return absolute(uri)


def implied_iv(media_sequence: int) -> bytes:
    """RFC 8216 section 5.2: without an IV, the segment's media sequence number, big-endian in 16 bytes."""
    return (media_sequence % 2**128).to_bytes(16)


def protection(attribute: Mapping[str, str], found: Key) -> Protection | None:
    """What a key of a DRM system says of the license; None for the identity format, where the key is all there is."""
    system = system_of(found.keyformat)
    if not system:
        return None
    kid, data = key_id(attribute.get("KEYID", "")), _init_data(system, found.uri)
    return Protection(
        system=system,
        scheme=_SCHEMES.get(found.method),
        kids=(kid,) if kid else _kids(system, data or b""),
        init_data=data,
        license_url=found.uri if system == CLEARKEY and found.uri.startswith("http") else None,
    )


def _kids(system: str, box: bytes) -> tuple[bytes, ...]:
    """The key ids that are within the system's own data."""
    if system == PLAYREADY:
        return playready.kids(mp4.about(box))
    return widevine.kids(box) if system == widevine.SYSTEM else ()


def _init_data(system: str, uri: str) -> bytes | None:
    """A pssh box; for FairPlay the URI itself, which names the key."""
    if system == FAIRPLAY:
        return uri.encode()
    data = _data(uri)
    if data is None or data[4:8] == b"pssh":
        return data
    return pssh(PLAYREADY, data) if system == PLAYREADY else None


def system_of(keyformat: str) -> str:
    """The DRM system id of a KEYFORMAT; "" for identity and for what is unknown."""
    name = keyformat.lower()
    return name.removeprefix("urn:uuid:") if name.startswith("urn:uuid:") else _SYSTEMS.get(name, "")


def pssh(system: str, data: bytes) -> bytes:
    """A version 0 pssh box about `data` (ISO/IEC 23001-7 section 8.1)."""
    return struct.pack(">I4sI16sI", 32 + len(data), b"pssh", 0, UUID(system).bytes, len(data)) + data


def _data(uri: str) -> bytes | None:
    """The bytes of a data: URI (RFC 2397); None where it is another URI, or cannot be read."""
    if uri[:5].lower() != "data:":
        return None
    kind, _, body = uri.partition(",")
    raw = unquote_to_bytes(body)
    return base64_bytes(raw.decode("ascii", "replace")) if kind.lower().endswith(";base64") else raw
