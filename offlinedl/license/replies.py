"""What an adapter answers, as values; all of it is looked at before it is believed."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from offlinedl import expiry
from offlinedl.errors import RefusedError, UnsupportedError, printable
from offlinedl.frozen import frozen
from offlinedl.http import Headers, origin
from offlinedl.license.cdm import Exchange
from offlinedl.manifest.units import base64_bytes
from offlinedl.model import Clock, Windows

_USABLE = "usable"
_EXPIRED = "expired"
_CLOCKS: Mapping[str, Clock] = {"storage_seconds": "storage", "playback_seconds": "playback", "expires_at": "license"}


@frozen
class Challenge:
    """A message for the license server, and where it goes if not there."""

    message: bytes = field(repr=False)
    url: str | None = field(default=None, repr=False)
    headers: Headers = field(default=(), repr=False)


@frozen
class Opened:
    """A license as an adapter has it: its handle, its keys by KID with their status (W3C EME section 6.3), its
    windows. What it does not state is unknown."""

    handle: bytes | None = field(default=None, repr=False)
    keys: Mapping[bytes, str] = field(default_factory=dict)
    windows: Windows = field(default_factory=Windows)

    def check(self, kids: Iterable[bytes], now: datetime) -> None:
        """RefusedError where it is not for media with these `kids`, or over."""
        wanted = tuple(kids)
        missing = [kid for kid in wanted if kid not in self.keys]
        if missing:
            raise RefusedError(
                f"the license has no key for KID {', '.join(kid.hex() for kid in missing)}",
                "the service must license every track that it lets you download",
                code="license-incomplete",
            )
        ends_at = self.windows.ends_at
        if _EXPIRED in {self.keys[kid] for kid in wanted} or (ends_at is not None and ends_at <= now):
            raise RefusedError(
                "the license is expired already", "ask the service for a new one", code="license-expired"
            )

    def check_usable(self, kids: Iterable[bytes]) -> None:
        """RefusedError where one of these `kids` cannot be used at the moment."""
        for kid in kids:
            if self.keys[kid] != _USABLE:
                raise RefusedError(
                    f"the key for KID {kid.hex()} cannot be used: {self.keys[kid]}",
                    "the license asks for something that this device, or its display, does not have now",
                    code="license-not-usable",
                )


def challenge(exchange: Exchange, result: Mapping[str, Any]) -> Challenge:
    """The result of `challenge`."""
    headers, url = result.get("headers") or {}, result.get("url")
    message = _bytes(exchange, "challenge", "message", result)
    if not message:
        raise exchange.garbage("challenge", "no message")
    if not isinstance(headers, dict) or not all(map(_is_header, headers, headers.values())):
        raise exchange.garbage("challenge", "headers that are none")
    if url is not None and not _is_url(url):
        raise exchange.garbage("challenge", "a url that is none")
    return Challenge(message=message, url=url, headers=tuple(headers.items()))


def opened(exchange: Exchange, method: str, result: Mapping[str, Any], before: bytes | None = None) -> Opened:
    """The result of `update` or `load`. Where no handle comes, that of `before` holds on."""
    handle = _bytes(exchange, method, "handle", result)
    stated = {name: _limit(exchange, method, name, result.get(name)) for name in _CLOCKS}
    windows = Windows(
        storage_seconds=stated["storage_seconds"],
        playback_seconds=stated["playback_seconds"],
        ends_at=_moment(exchange, method, stated["expires_at"]),
        unknown=frozenset(clock for name, clock in _CLOCKS.items() if name not in result),
    )
    return Opened(handle=before if handle is None else handle, keys=_keys(exchange, method, result), windows=windows)


def handle(exchange: Exchange, result: Mapping[str, Any]) -> bytes:
    """The result of `first_play`."""
    found = _bytes(exchange, "first_play", "handle", result)
    if not found:
        raise exchange.garbage("first_play", "no handle")
    return found


def text(data: bytes | None) -> str | None:
    """Binary values are base64 (RFC 4648 section 4)."""
    return None if data is None else base64.b64encode(data).decode()


def _keys(exchange: Exchange, method: str, result: Mapping[str, Any]) -> dict[bytes, str]:
    listed = result.get("keys")
    if not isinstance(listed, list):
        raise exchange.garbage(method, "no list of keys")
    keys: dict[bytes, str] = {}
    for key in listed:
        kid = base64_bytes(key["kid"]) if isinstance(key, dict) and isinstance(key.get("kid"), str) else None
        status = key.get("status") if isinstance(key, dict) else None
        if kid is None or len(kid) != 16 or not isinstance(status, str):
            raise exchange.garbage(method, "a key without a kid of 16 bytes and a status")
        keys[kid] = printable(status)[:40]
    return keys


def _bytes(exchange: Exchange, method: str, name: str, result: Mapping[str, Any]) -> bytes | None:
    value = result.get(name)
    if value is None or value == "":
        return None
    found = base64_bytes(value) if isinstance(value, str) else None
    if found is None:
        raise exchange.garbage(method, f"a {name} that is not base64")
    return found


def _limit(exchange: Exchange, method: str, name: str, value: object) -> int | None:
    """Seconds; None for no limit, however that is written (0, negative, 2^62 and more). A date counts from 1970."""
    if name == "expires_at" and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return expiry.limit(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
        except (ValueError, OverflowError):
            raise exchange.garbage(method, f"{name} that is no date (ISO 8601)") from None
    if isinstance(value, bool) or not isinstance(value, int | float | None) or expiry.is_no_number(value):
        raise exchange.garbage(method, f"{name} that is no number")
    return expiry.limit(value)


def _moment(exchange: Exchange, method: str, seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise exchange.garbage(method, "expires_at that is no time in seconds since 1970") from None


def _is_header(name: object, value: object) -> bool:
    return (
        isinstance(name, str)
        and isinstance(value, str)
        and bool(name)
        and (name + value).isascii()
        and (name + value).isprintable()
        and not set(name) & set(': \t"')
    )


def _is_url(url: object) -> bool:
    try:
        return isinstance(url, str) and bool(origin(url))
    except (ValueError, UnsupportedError):
        return False
