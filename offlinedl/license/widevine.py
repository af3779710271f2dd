"""Widevine: licenses travel as they are, and state their policy in the clear.

Its adapter signs, decrypts and stores; what is read here is what the license says openly, and nothing of a key. A
service may wrap its licenses; then nothing can be read of them here, and the adapter's word holds alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from offlinedl import expiry
from offlinedl.errors import RefusedError, UnsupportedError
from offlinedl.http import origin
from offlinedl.license.dialect import Dialect, Stated
from offlinedl.media import widevine
from offlinedl.model import Clock, Windows

_CERTIFICATE_REQUEST = b"\x08\x04"
"""A SignedMessage of type SERVICE_CERTIFICATE_REQUEST, and nothing in it."""


def stated(license: bytes, now: datetime) -> Stated:
    """What the policy says: rental is the storage window, playback the playback window, license an end from the
    license's start on. RefusedError where it is the server's error message."""
    signed = widevine.message(license)
    if signed is not None and signed[0] == widevine.ERROR:
        raise RefusedError("the license server answers with an error of Widevine's", "are you entitled to it?")
    read = widevine.license(license)
    if read is None or read.policy is None:
        return Stated()
    policy, warnings = read.policy, _odd(read.policy)
    shown = {name: value for name, value in policy.items() if name != "renewal_server_url"}  # that may be signed
    kept = {**shown, "license_start_time": read.start, "kids": [kid.hex() for kid in read.kids]}
    return Stated(
        windows=_windows(policy, _start(read.start, now)),
        renewable=bool(policy["can_renew"]),
        renewal_url=_url(policy["renewal_server_url"]),
        policy=json.dumps(kept | ({"inconsistent": warnings} if warnings else {})),
        warnings=warnings,
        unpersistent=not policy["can_persist"],
    )


def _windows(policy: Mapping[str, bool | int | str], start: datetime) -> Windows:
    storage, playback = _limit(policy, "rental"), _limit(policy, "playback")
    soft: dict[Clock, bool] = {
        "storage": storage is not None and bool(policy["soft_enforce_rental_duration"]),
        "playback": playback is not None and bool(policy["soft_enforce_playback_duration"]),
    }
    return Windows(
        storage_seconds=storage,
        playback_seconds=playback,
        ends_at=expiry.after(start, _limit(policy, "license")),
        soft=frozenset(clock for clock, is_soft in soft.items() if is_soft),
    )


def _odd(policy: Mapping[str, bool | int | str]) -> tuple[str, ...]:
    """A license that ends before the windows that it grants: renewals of such were seen to fail."""
    seconds = _limit(policy, "license")
    if seconds is None:
        return ()
    longer = [(name, limit) for name in ("rental", "playback") if (limit := _limit(policy, name)) and limit > seconds]
    return tuple(f"its license ends after {seconds} s, before its {name} window of {limit} s" for name, limit in longer)


def _limit(policy: Mapping[str, bool | int | str], name: str) -> int | None:
    value = policy[f"{name}_duration_seconds"]
    return expiry.limit(value) if isinstance(value, int) else None


def _start(seconds: int, now: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else now
    except (ValueError, OverflowError, OSError):
        return now


def _url(url: object) -> str | None:
    try:
        return url if isinstance(url, str) and origin(url) else None
    except (ValueError, UnsupportedError):
        return None


DIALECT = Dialect(
    name="widevine",
    system_id=widevine.SYSTEM,
    headers=(("Content-Type", "application/octet-stream"),),
    stated=stated,
    is_preliminary=lambda message: message == _CERTIFICATE_REQUEST,
)
