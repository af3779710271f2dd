"""The words of protection: what media need to be opened, and who licenses it."""

from __future__ import annotations

from dataclasses import field

from offlinedl.frozen import frozen


@frozen
class Key:
    """How the media say that a segment is encrypted (HLS EXT-X-KEY, RFC 8216 section 4.3.2.4).

    `iv` is set for the identity format, also where the playlist only implies it (section 5.2), because the media
    sequence number that it would be derived from is not kept.
    """

    method: str
    uri: str
    iv: bytes | None = None
    keyformat: str = "identity"


@frozen
class Protection:
    """What a manifest or an init segment says of the license that is needed.

    `system` is the DRM system id (a lower-case UUID) or "" where only the scheme is stated; `scheme` is cenc, cbcs,
    cens, cbc1 or None; `kids` are 16 bytes each, in the order of their text; `init_data` is a pssh box,
    or the URI of FairPlay's key.
    """

    system: str = ""
    scheme: str | None = None
    kids: tuple[bytes, ...] = ()
    init_data: bytes | None = None
    license_url: str | None = None


@frozen
class LicenseServer:
    """Who is asked for the license of a title, and with what. `url` is None where the keys have URIs of their own.

    For a system with an adapter, `init_data` is what the manifest says for it (pssh boxes, or the skd URI of FairPlay),
    and `certificate_url` where the service's certificate is.
    """

    system: str
    url: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    init_data: bytes = field(default=b"", repr=False)
    certificate_url: str | None = field(default=None, repr=False)
