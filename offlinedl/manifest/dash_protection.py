"""ContentProtection: which license a representation needs (23009-1 section 5.8.4.1; ISO/IEC 23001-7 section 11)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from offlinedl.errors import OfflinedlError
from offlinedl.manifest.hls_keys import PLAYREADY, pssh
from offlinedl.manifest.units import base64_bytes, key_id
from offlinedl.manifest.urls import join
from offlinedl.manifest.xml import Element
from offlinedl.streams import Protection

_GENERIC = "urn:mpeg:dash:mp4protection:2011"
_SEGMENT_ENCRYPTION = "urn:mpeg:dash:sea:"
_SCHEMES = {"cenc", "cbcs", "cens", "cbc1"}
_LAURL_SPACES = {
    "https://dashif.org",
    "https://dashif.org/cps",
    "http://dashif.org/guidelines/clearkey",
    "https://dashif.org/guidelines/clearkey",
    "urn:microsoft",
    "dashif",  # the rest are prefixes that some services use and never declare
    "clearkey",
    "ck",
    "ms",
}


def descriptors(levels: Iterable[Element], root: Element) -> tuple[Element, ...]:
    """The ContentProtection of a representation at all levels, with those that they refer to (@ref, @refId)."""
    own = [element for level in levels for element in level.all("ContentProtection")]
    if not any(element.get("ref") for element in own):
        return tuple(own)
    named = {element.get("refId"): element for element in root.walk() if element.name == "ContentProtection"}
    return tuple(_joined(element, named.get(element.get("ref"))) for element in own)


def _joined(element: Element, other: Element | None) -> Element:
    """`element` with what it takes over from the one that it refers to (section 5.8.4.1.3)."""
    if other is None or element.get("ref") is None:
        return element
    attributes = {**other.attributes, **element.attributes}
    return Element(element.tag, element.name, attributes, element.scope, [*element.children, *other.children])


def read(found: Iterable[Element], url: str) -> tuple[Protection, ...]:
    """What `found` says, in its order; a system's own entry takes scheme and key ids from the generic one."""
    entries = [entry for element in found if (entry := _protection(element, url)) is not None]
    scheme = next((entry.scheme for entry in entries if entry.scheme), None)
    kids = tuple(dict.fromkeys(kid for entry in entries if not entry.system for kid in entry.kids))
    full = (replace(e, scheme=e.scheme or scheme, kids=e.kids or kids) for e in entries)
    return tuple(dict.fromkeys(full))


def left_out(found: Iterable[Element]) -> str:
    """Why nothing here can open the media: segments encrypted as a whole (ISO/IEC 23009-4). "" where that is not so."""
    whole = any((element.get("schemeIdUri") or "").strip().lower().startswith(_SEGMENT_ENCRYPTION) for element in found)
    return "is encrypted as a whole (ISO/IEC 23009-4)" if whole else ""


def _protection(element: Element, url: str) -> Protection | None:
    """One descriptor: the generic one names scheme and key ids, urn:uuid a DRM system; others name no license."""
    scheme = (element.get("schemeIdUri") or "").strip().lower()
    kids = tuple(kid for text in (element.local("default_KID") or "").split() if (kid := key_id(text)))
    if scheme == _GENERIC:
        named = (element.get("value") or "").strip().lower()
        return Protection(scheme=named if named in _SCHEMES else None, kids=kids)
    if not scheme.startswith("urn:uuid:"):
        return None
    system = scheme.removeprefix("urn:uuid:")
    data, license_url = _init_data(element, system), _license_url(element, url)
    return Protection(system=system, kids=kids, init_data=data, license_url=license_url)


def _init_data(element: Element, system: str) -> bytes | None:
    """The pssh box, whatever its prefix; PlayReady's own object in a box where it stands alone."""
    for child in element.all("pssh"):
        data = base64_bytes(child.text)
        if data and data[4:8] == b"pssh":
            return data
    pro = element.first("pro") if system == PLAYREADY else None
    data = base64_bytes(pro.text) if pro else None
    return pssh(system, data) if data else None


def _license_url(element: Element, url: str) -> str | None:
    """laurl in any of its spellings and namespaces; the first that is a URL."""
    for child in element.children:
        space = child.namespace.lower().rstrip("/")
        text = child.text or child.get("licenseUrl") or ""
        if child.name.lower() != "laurl" or space not in _LAURL_SPACES or not text.strip():
            continue
        try:
            if urlsplit(text.strip()).scheme or text.strip().startswith("/"):
                return join(url, text)
        except (OfflinedlError, ValueError):
            continue
    return None
