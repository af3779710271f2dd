"""PlayReady: challenges travel in SOAP, and some adapters wrap them once more, in what browsers call a key message."""

from __future__ import annotations

from offlinedl.errors import OfflinedlError, printable
from offlinedl.http import Headers
from offlinedl.license.dialect import Dialect
from offlinedl.manifest import xml
from offlinedl.manifest.hls_keys import PLAYREADY
from offlinedl.manifest.units import base64_bytes
from offlinedl.media import mp4, playready

_ACQUIRE = '"http://schemas.microsoft.com/DRM/2007/03/protocols/AcquireLicense"'
_MESSAGE = "PlayReadyKeyMessage"


def request(message: bytes) -> tuple[bytes, Headers]:
    """The challenge that is in a key message (UTF-16), with its headers; a challenge that stands alone as it is."""
    root = _parsed(message) if message.startswith((b"\xff\xfe", b"<\0")) else None
    inside = root.first("LicenseAcquisition") if root is not None and root.name == _MESSAGE else None
    wrapped = inside.first("Challenge") if inside is not None else None
    challenge = base64_bytes(wrapped.text) if wrapped is not None else None
    if inside is None or challenge is None:
        return message, ()
    listed = [header for group in inside.all("HttpHeaders") for header in group.all("HttpHeader")]
    named = [(header.first("name"), header.first("value")) for header in listed]
    pairs = [(name.text, value.text) for name, value in named if name is not None and value is not None]
    # Some write Content where Content-Type is meant
    return challenge, tuple(("Content-Type" if n == "Content" else n, v) for n, v in pairs if _is_header(n, v))


def fault(body: bytes) -> str | None:
    """What a SOAP fault says (SOAP 1.1 section 4.4), which servers send with status 500; None where it is none."""
    root = _parsed(body)
    found = next((e for e in root.walk() if e.name == "Fault"), None) if root is not None else None
    if found is None:
        return None
    said = found.first("faultstring")
    return printable(said.text)[:200] if said is not None and said.text else "no reason given"


def license_url(init_data: bytes) -> str | None:
    """LA_URL of the PlayReady object that a pssh box holds."""
    return playready.license_url(mp4.about(init_data))


def _parsed(text: bytes) -> xml.Element | None:
    if text.startswith(b"<\0"):
        text = b"\xff\xfe" + text
    try:
        return xml.parse(text)
    except OfflinedlError:
        return None


def _is_header(name: str, value: str) -> bool:
    return bool(name) and (name + value).isascii() and (name + value).isprintable() and not set(name) & set(': "')


DIALECT = Dialect(
    name="playready",
    system_id=PLAYREADY,
    headers=(("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", _ACQUIRE)),
    request=request,
    fault=fault,
    license_url=license_url,
)
