"""What signs a URL: the parts of it that differ from day to day for one and the same resource."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

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


def expires(url: str) -> datetime | None:
    """Until when the address is signed, where it says so; the earliest of what it says."""
    said = unquote(url)
    ends = [_moment(int(found[1])) for found in _UNTIL.finditer(said)]
    ends += [_dated(found[1]) for found in _UNTIL_DATE.finditer(said)]
    since, seconds = _SINCE.search(said), _SECONDS.search(said)
    if since and seconds and (start := _dated(since[1])):
        ends.append(start + timedelta(seconds=int(seconds[1])))
    ends += [_claimed(found[1]) for found in _TOKEN.finditer(said)]
    return min((at for at in ends if at is not None), default=None)


_UNTIL = re.compile(
    r"(?:^|[/?&;~=])(?:exp(?:ires|iry|iration)?|e|validto)=([0-9]{10}|[0-9]{13})(?![0-9])", re.IGNORECASE
)
_UNTIL_DATE = re.compile(r"[?&](?:se|expires|exp)=([0-9]{4}-[0-9-]+T[0-9:]+Z)", re.IGNORECASE)
"""Moments in seconds or milliseconds (CloudFront, Akamai, Google), and dates (Azure)."""
_SINCE = re.compile(r"[?&]x-(?:amz|goog)-date=([0-9]{8}T[0-9]{6}Z)", re.IGNORECASE)
_SECONDS = re.compile(r"[?&]x-(?:amz|goog)-expires=([0-9]{1,9})", re.IGNORECASE)
_TOKEN = re.compile(r"eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]+")
"""A JSON Web Token (RFC 7519): its claims stand between the dots, and `exp` is one of them."""
_MILLISECONDS = 10**12


def _moment(number: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _dated(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _claimed(claims: str) -> datetime | None:
    try:
        said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except ValueError:
        return None
    end = said.get("exp") if isinstance(said, dict) else None
    return _moment(end) if isinstance(end, int | float) else None
