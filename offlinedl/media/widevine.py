"""What Widevine's messages say in the clear: the key ids of a pssh box, and the policy of a license.

They are protocol buffers (https://protobuf.dev/programming-guides/encoding/), read here field by field. Everything
takes untrusted bytes: what cannot be read says nothing, and is no error, because only the adapter must understand it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from offlinedl.frozen import frozen
from offlinedl.media import mp4

Field: TypeAlias = int | bytes

SYSTEM = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
LICENSE, ERROR = 2, 3
"""Types of a SignedMessage."""
_MOST_FIELDS = 10_000
_LONGEST_VARINT = 10

_POLICY = {
    1: "can_play", 2: "can_persist", 3: "can_renew", 4: "rental_duration_seconds", 5: "playback_duration_seconds",
    6: "license_duration_seconds", 7: "renewal_recovery_duration_seconds", 8: "renewal_server_url",
    9: "renewal_delay_seconds", 10: "renewal_retry_interval_seconds", 11: "renew_with_usage",
    12: "always_include_client_id", 13: "play_start_grace_period_seconds", 14: "soft_enforce_playback_duration",
    15: "soft_enforce_rental_duration",
}  # fmt: skip
_FLAGS = {1, 2, 3, 11, 12, 14, 15}
_URL = 8
_TRUE = {15}
"""The flags that hold where nothing is said."""


@frozen
class License:
    """A license: its policy in full, with the values that hold where it says nothing; None where it has none. `start`
    is in seconds since 1970, 0 where nothing is said."""

    kids: tuple[bytes, ...] = ()
    policy: Mapping[str, bool | int | str] | None = None
    start: int = 0


def message(data: bytes) -> tuple[int, bytes] | None:
    """The type of a SignedMessage, and the message that it signs."""
    found = _fields(data)
    kind, inside = _last(found, 1), _last(found, 2)
    return (kind, inside) if isinstance(kind, int) and isinstance(inside, bytes) else None


def license(data: bytes) -> License | None:
    """The license that `data` is, signed as it comes from a server; None where it cannot be read as one."""
    signed = message(data)
    found = _fields(signed[1]) if signed is not None and signed[0] == LICENSE else None
    if found is None:
        return None
    policy, start = _last(found, 2), _last(found, 4)
    ids = [_last(_fields(key), 1) for number, key in found if number == 3 and isinstance(key, bytes)]
    return License(
        kids=tuple(dict.fromkeys(kid for kid in ids if isinstance(kid, bytes) and len(kid) == 16)),
        policy=_policy(policy) if isinstance(policy, bytes) else None,
        start=_signed(start) if isinstance(start, int) else 0,
    )


def kids(pssh: bytes) -> tuple[bytes, ...]:
    """The key ids that the data of a pssh box name (WidevinePsshData, field 2); `pssh` is the box, or its data."""
    data = mp4.about(pssh) if pssh[4:8] == b"pssh" else pssh
    found = (value for number, value in _fields(data) or () if number == 2)
    return tuple(dict.fromkeys(kid for kid in found if isinstance(kid, bytes) and len(kid) == 16))


def _policy(data: bytes) -> dict[str, bool | int | str] | None:
    found = _fields(data)
    if found is None:
        return None
    policy: dict[str, bool | int | str] = {}
    for number, name in _POLICY.items():
        value = _last(found, number)
        if number == _URL:
            policy[name] = value.decode(errors="replace") if isinstance(value, bytes) else ""
        elif number in _FLAGS:
            policy[name] = bool(value) if isinstance(value, int) else number in _TRUE
        else:
            policy[name] = _signed(value) if isinstance(value, int) else 0
    return policy


def _fields(data: bytes) -> list[tuple[int, Field]] | None:
    """The fields of a message in their order; None where it is none."""
    found: list[tuple[int, Field]] = []
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        value: Field
        if kind == 0:
            value, at = _varint(data, at)
        elif kind in {1, 2, 5}:
            size, at = _varint(data, at) if kind == 2 else (8 if kind == 1 else 4, at)
            value, at = data[at : at + size], at + size
        else:
            return None
        if not number or at > len(data) or len(found) == _MOST_FIELDS:
            return None
        found.append((number, value))
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of 64 bits and where it ends: past the end of `data` where it has none."""
    value = 0
    for count, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value % 2**64, at + count + 1
    return 0, len(data) + 1


def _signed(value: int) -> int:
    """An int64 (two's complement)."""
    return value - 2**64 if value >= 2**63 else value


def _last(found: list[tuple[int, Field]] | None, number: int) -> Field | None:
    """The last value of a field holds."""
    return next((value for own, value in reversed(found or ()) if own == number), None)
