"""The PlayReady Object and the header in it: which keys a license is needed for, and who is asked for it.

Microsoft's "PlayReady Header Object" specification, WRMHEADER 4.0.0.0 to 4.3.0.0. What cannot be read says nothing: no
key ids and no URL, never an error, because the object is only one of the places that name them.
"""

from __future__ import annotations

import struct
from uuid import UUID

from offlinedl.errors import OfflinedlError
from offlinedl.manifest import xml
from offlinedl.manifest.units import base64_bytes

_HEADER_RECORD = 1
_MAX_HEADER = 2**16
_UNDERSTOOD = ("4.0.", "4.1.", "4.2.", "4.3.")


def kids(pro: bytes) -> tuple[bytes, ...]:
    """The key ids that `pro` names, as common encryption writes them (16 bytes, big-endian), in its order."""
    found = (_kid(text) for element in _protect_info(_header(pro)) for text in (element.get("VALUE") or element.text,))
    return tuple(dict.fromkeys(kid for kid in found if kid))


def license_url(pro: bytes) -> str | None:
    """LA_URL: where the license is asked for, as it is written; None where there is none."""
    data = _data(_header(pro))
    url = data.first("LA_URL") if data else None
    return (url.text or None) if url else None


def _header(pro: bytes) -> xml.Element | None:
    """The WRMHEADER of the object: its record of type 1, UTF-16 XML. Some services give the XML alone."""
    text = pro if pro[:2] in {b"<\0", b"\xff\xfe"} else _record(pro)
    if not text or len(text) > _MAX_HEADER:
        return None
    try:
        root = xml.parse(text if text.startswith(b"\xff\xfe") else b"\xff\xfe" + text)
    except OfflinedlError:
        return None
    understood = (root.get("version") or "").startswith(_UNDERSTOOD)  # a later one may mean something else
    return root if root.name == "WRMHEADER" and understood else None


def _record(pro: bytes) -> bytes | None:
    """Length (4 bytes) and count (2), then records of type (2), length (2) and value; all little-endian."""
    at = 6
    while at + 4 <= len(pro):
        kind, size = struct.unpack_from("<HH", pro, at)
        if kind == _HEADER_RECORD:
            return pro[at + 4 : at + 4 + size]
        at += 4 + size
    return None


def _data(header: xml.Element | None) -> xml.Element | None:
    return header.first("DATA") if header else None


def _protect_info(header: xml.Element | None) -> list[xml.Element]:
    """Every KID: in DATA (4.0), in PROTECTINFO (4.1), or in its KIDS (4.2 and 4.3)."""
    data = _data(header)
    info = data.first("PROTECTINFO") if data else None
    several = info.first("KIDS") if info else None
    return [kid for place in (data, info, several) if place for kid in place.all("KID")]


def _kid(text: str) -> bytes | None:
    """A key id is a GUID in base64, whose first three fields are little-endian."""
    raw = base64_bytes(text)
    return UUID(bytes_le=raw).bytes if raw and len(raw) == 16 and any(raw) else None
