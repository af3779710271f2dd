"""ContentProtection: which license a representation needs (23009-1 section 5.8.4.1; ISO/IEC 23001-7 section 11)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias
from urllib.parse import urlsplit

from offlinedl.errors import OfflinedlError
from offlinedl.manifest.hls_keys import PLAYREADY, pssh
from offlinedl.manifest.limits import absurd
from offlinedl.manifest.units import base64_bytes, key_id
from offlinedl.manifest.urls import join
from offlinedl.manifest.xml import Element
from offlinedl.protection import Protection

_GENERIC = "urn:mpeg:dash:mp4protection:2011"
_SEGMENT_ENCRYPTION = "urn:mpeg:dash:sea:"
_MOST = 1000
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


Read: TypeAlias = tuple[str, tuple[Protection, ...]]
"""Why nothing here can open the media, "" where that is not so, and what is said of the license."""


@dataclass(slots=True)
class Descriptors:
    """The ContentProtection of the MPD `root`: each is read once, however many representations it holds for."""

    root: Element
    url: str
    _named: dict[str | None, Element] | None = None
    _each: dict[Element, tuple[str, Protection | None]] = field(default_factory=dict)
    _plain: dict[Element, Protection | None] = field(default_factory=dict)
    _known: dict[tuple[Element, ...], Read] = field(default_factory=dict)

    def read(self, found: tuple[Element, ...]) -> Read:
        """What `found` says, in its order; a system's own entry takes scheme and key ids from the generic one."""
        if found not in self._known:
            self._known[found] = self._together(found)
        return self._known[found]

    def forget(self) -> None:
        """Those of another period come now."""
        self._each.clear()
        self._known.clear()

    def _together(self, found: Iterable[Element]) -> Read:
        pairs = [self._one(element) for element in found]
        entries = [entry for _, entry in pairs if entry is not None]
        scheme = next((entry.scheme for entry in entries if entry.scheme), None)
        kids = tuple(dict.fromkeys(kid for entry in entries if not entry.system for kid in entry.kids))
        full = (replace(e, scheme=e.scheme or scheme, kids=e.kids or kids) for e in entries)
        return next((reason for reason, _ in pairs if reason), ""), tuple(dict.fromkeys(full))

    def _one(self, element: Element) -> tuple[str, Protection | None]:
        if element not in self._each:
            other = self._other(element)
            full = element if other is None else _joined(element, other)
            entry = _protection(full, self.url)
            if entry is not None and other is not None:
                entry = self._completed(entry, other)
            self._each[element] = _left_out(full), entry
        return self._each[element]

    def _completed(self, entry: Protection, other: Element) -> Protection:
        """`entry` with what only the elements in `other` say."""
        if other not in self._plain:
            self._plain[other] = _protection(other, self.url)
        more = self._plain[other] or entry
        return replace(
            entry,
            init_data=entry.init_data or more.init_data,
            license_url=entry.license_url or more.license_url,
        )

    def _other(self, element: Element) -> Element | None:
        """The one that `element` takes over what it says from (section 5.8.4.1.3: @ref, @refId)."""
        if element.get("ref") is None:
            return None
        if self._named is None:
            walk = self.root.walk()
            self._named = {other.get("refId"): other for other in walk if other.name == "ContentProtection"}
        return self._named.get(element.get("ref"))


def _joined(element: Element, other: Element) -> Element:
    """`element` with the attributes of `other` that it has not."""
    if len(other.attributes) > _MOST:
        raise absurd("a ContentProtection has more attributes than are read", _MOST)
    attributes = {**other.attributes, **element.attributes}
    return Element(element.tag, element.name, attributes, element.scope, element.children)


def _left_out(element: Element) -> str:
    """Segments that are encrypted as a whole (ISO/IEC 23009-4)."""
    whole = (element.get("schemeIdUri") or "").strip().lower().startswith(_SEGMENT_ENCRYPTION)
    return "is encrypted as a whole (ISO/IEC 23009-4)" if whole else ""


def _protection(element: Element, url: str) -> Protection | None:
    """One descriptor: the generic one names scheme and key ids, urn:uuid a DRM system; others name no license."""
    scheme = (element.get("schemeIdUri") or "").strip().lower()
    named = (element.local("default_KID") or "").split()
    if len(named) > _MOST:
        raise absurd("a ContentProtection names more key ids than are read", _MOST)
    kids = tuple(kid for text in named if (kid := key_id(text)))
    if scheme == _GENERIC:
        value = (element.get("value") or "").strip().lower()
        return Protection(scheme=value if value in _SCHEMES else None, kids=kids)
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
