"""Protection of a Smooth presentation: which license it needs ([MS-SSTR] section 2.2.2.2; PIFF 1.1 section 5.3)."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from offlinedl.errors import OfflinedlError
from offlinedl.manifest.hls_keys import PLAYREADY, pssh
from offlinedl.manifest.units import base64_bytes, key_id
from offlinedl.manifest.urls import join
from offlinedl.manifest.xml import Element
from offlinedl.media import playready
from offlinedl.protection import Protection

_SCHEME = "cenc"
"""PIFF's AES-CTR, whose encryption of samples became that of common encryption."""


def read(root: Element, url: str) -> tuple[Protection, ...]:
    """First what holds for any system, scheme and key ids, then an entry for each system that is named."""
    headers = [header for protection in root.all("Protection") for header in protection.all("ProtectionHeader")]
    if not root.all("Protection"):
        return ()
    systems = tuple(dict.fromkeys(_systems(headers, url)))
    kids = tuple(dict.fromkeys(kid for system in systems for kid in system.kids))
    return (Protection(scheme=_SCHEME, kids=kids), *systems)


def _systems(headers: list[Element], url: str) -> Iterator[Protection]:
    for header in headers:
        identity = key_id(header.get("SystemID") or "")  # written as a key id is, in braces or without
        if identity is None:
            continue
        system, data = str(UUID(bytes=identity)), base64_bytes(header.text)
        pro = data if data and system == PLAYREADY else b""
        yield Protection(
            system=system,
            scheme=_SCHEME,
            kids=playready.kids(pro),
            init_data=pssh(system, data) if data else None,
            license_url=_url(playready.license_url(pro), url),
        )


def _url(text: str | None, url: str) -> str | None:
    """An http(s) URL, seen from the manifest; None where it is none."""
    try:
        return join(url, text) if text else None
    except OfflinedlError:
        return None
