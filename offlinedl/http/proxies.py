"""Which proxy a URL is asked through: the one that was named, else the system's (HTTP_PROXY, NO_PROXY and so on)."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from offlinedl.errors import UsageError

_WITH_SETTINGS = {"darwin", "win32"}
"""Elsewhere proxies are in the environment alone."""


def check(proxy: str) -> str:
    """`proxy`, if it is one that can be spoken with: http, or http over TLS. Raises UsageError."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = parts.port
    except ValueError:
        port, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise UsageError(f"the proxy {parts.scheme or ''}:... cannot be used", "name it like http://proxy.example:3128")
    return parts.geturl()


def proxy_for(url: str, named: str | None) -> str | None:
    """The proxy for `url`, None where it is asked directly."""
    if named is not None:
        return named
    if sys.platform not in _WITH_SETTINGS and not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass  # it reads mail, too, and takes its time

    parts, proxies = urlsplit(url), getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return check(found) if found and not proxy_bypass(parts.netloc) else None
