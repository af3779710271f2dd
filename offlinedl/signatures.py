"""What signs a URL: the parts of it that differ from day to day for one and the same resource."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SIGNING = re.compile(
    r"(?:x-amz-[^=]*|x-goog-[^=]*|[^=]*token[^=]*|[^=]*sig(?:nature)?|sign|hdn[a-z]+|hmac|policy|key-pair-id|md5)=",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"(?:exp(?:ires|iry|iration)?|e|st|ts|nonce|validfrom|validto)=", re.IGNORECASE)
"""Parameters that sign an address, and those that stand beside them."""

_PART = re.compile(r"/(?:hdn[a-z]+|exp|acl|hmac|token|sig(?:nature)?|policy)=[^/]*", re.IGNORECASE)
_HASHED = re.compile(r"/(?:[0-9a-f]{32}/[0-9]{9,11}|[0-9]{9,11}/[0-9a-f]{32}|[A-Za-z0-9_-]{22}/[0-9]{9,11})(?=/)")
"""Signatures within a path: assignments (Akamai's hdnts=exp=...~hmac=...), a hash beside a moment (nginx
secure_link)."""


def unsigned(url: str) -> str:
    """`url` without what signs it. Two resources never become one by it: what is not known to sign stays."""
    address, question, query = url.partition("#")[0].partition("?")
    host = address.find("/", address.find("//") + 2)
    if host > 0:
        path = address[host:]
        if "=" in path or _HASHED.search(path):
            address = address[:host] + _HASHED.sub("", _PART.sub("", path))
    if not question:
        return address
    parts = query.split("&")
    if any(map(_SIGNING.match, parts)):
        parts = [part for part in parts if not _SIGNING.match(part) and not _BESIDE.match(part)]
    return f"{address}?{'&'.join(parts)}" if parts else address


def may_expire(url: str) -> bool:
    """May the address have been made for this moment, so that the service gives another one for it? Any query may."""
    return bool(urlsplit(url).query) or unsigned(url) != url or _LONG.search(url) is not None


_LONG = re.compile(r"/[^/?#.]{40,}/")
"""A step of a path that is no name."""
