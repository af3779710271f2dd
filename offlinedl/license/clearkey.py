"""Clear Key (W3C EME section 9.1), persistent: a JSON request for KIDs, a JWK Set with a policy as the answer."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from offlinedl import expiry
from offlinedl.engine import Engine
from offlinedl.errors import DamagedError, RefusedError, shown
from offlinedl.http import Answer, Http
from offlinedl.license.need import Grant, Need
from offlinedl.model import ContentKey, Held, Windows
from offlinedl.owed import Destruction
from offlinedl.protection import LicenseServer

NAME = "clearkey"
_KEY_BYTES = 16
_WORDS = (
    "can_persist",
    "can_renew",
    "rental_duration_seconds",
    "playback_duration_seconds",
    "license_duration_seconds",
)
"""The members of a policy that are kept to be shown; where it is renewed is a secret, and kept beside."""


async def acquire(engine: Engine, server: LicenseServer, need: Need, now: datetime, held: Held | None = None) -> Grant:
    """One request for a persistent license that covers every KID of `need`."""
    if server.url is None:
        raise RefusedError("nothing says where the license of this title is", "name it with --license-url")
    request = json.dumps({"kids": [_text(kid) for kid in need.kids], "type": "persistent-license"})
    headers = [("Content-Type", "application/json"), *server.headers]
    answer = await engine.http.post(server.url, request.encode(), headers)
    grant = _grant(_parsed(answer), need, answer.date or now, shown(server.url), renews=held is not None)
    return replace(grant, date=answer.date)


async def release(http: Http, server: LicenseServer, owed: Destruction) -> None:
    """W3C EME section 9.1.4: the KIDs that were destroyed; the server's acknowledgement names them again."""
    if server.url is None:
        return
    asked = [_text(kid) for kid in owed.license.kids]
    body = json.dumps({"kids": asked}).encode()
    answer = await http.post(server.url, body, [("Content-Type", "application/json"), *server.headers])
    acknowledged = _parsed(answer).get("kids")
    if not isinstance(acknowledged, list) or not {_decoded(kid) for kid in acknowledged} >= set(owed.license.kids):
        raise DamagedError(
            f"the license server {shown(server.url)} does not acknowledge the release",
            "the next `offlinedl sync` asks again",
            code="release-not-acknowledged",
        )


def _parsed(answer: Answer) -> Mapping[str, Any]:
    where = shown(answer.url)
    answer.check_is_final(f"the license server {where}")
    if not 200 <= answer.status < 300:
        raise RefusedError(
            f"the license server {where} refused: status {answer.status}", "are you entitled to it, on this device?"
        )
    try:
        license = json.loads(answer.body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"the license server {where} sent no JSON", code="license-damaged") from error
    if not isinstance(license, dict):
        raise DamagedError(f"the license of {where} is not a JSON object", code="license-damaged")
    return license


def _grant(license: Mapping[str, Any], need: Need, now: datetime, where: str, *, renews: bool) -> Grant:
    policy = _policy(license)
    if license.get("type", "temporary") != "persistent-license" or not _flag(policy, "can_persist", default=True):
        raise RefusedError(
            f"the license server {where} grants a temporary license: it could be played now, and not offline",
            "ask the service for a license that may be stored",
            code="license-not-persistent",
        )
    keys = _keys(license, set(need.kids))
    missing = [kid for kid in need.kids if kid not in keys]
    if missing:
        raise RefusedError(
            f"the license of {where} has no key for KID {', '.join(kid.hex() for kid in missing)}",
            "the service must license every track that it lets you download",
            code="license-incomplete",
        )
    return Grant(
        keys=tuple(ContentKey(kid=kid, key=keys[kid]) for kid in need.kids),
        windows=_windows(policy, now, renews=renews),
        policy=json.dumps({name: policy[name] for name in _WORDS if name in policy}) if policy else "",
        renewable=_flag(policy, "can_renew", default=False),
        renewal_url=_optional_text(policy, "renewal_server_url"),
    )


def _keys(license: Mapping[str, Any], wanted: set[bytes]) -> dict[bytes, bytes]:
    """The `wanted` octet keys of the JWK Set by KID (RFC 7517; W3C EME section 9.1.4). Padding is tolerated; what else
    is in the set does not matter."""
    listed = license.get("keys")
    if not isinstance(listed, list):
        raise _wrong("keys", "not a list")
    keys = {}
    for position, jwk in enumerate(listed):
        place = f"keys[{position}]"
        if not isinstance(jwk, dict):
            raise _wrong(place, "not an object")
        kid = _decoded(jwk.get("kid"))
        if kid in wanted and jwk.get("kty", "oct") == "oct":
            keys[kid] = _key(jwk.get("k"), f"{place}.k")
    return keys


def _policy(license: Mapping[str, Any]) -> Mapping[str, Any]:
    policy = license.get("policy", {})
    if not isinstance(policy, dict):
        raise _wrong("policy", "not an object")
    return policy


def _windows(policy: Mapping[str, Any], now: datetime, *, renews: bool) -> Windows:
    """Widevine's words: rental is the storage window, playback the playback window, license an end from issue on. A
    renewal that is silent on the playback window leaves that which there was."""
    return Windows(
        storage_seconds=_seconds(policy, "rental_duration_seconds"),
        playback_seconds=_seconds(policy, "playback_duration_seconds"),
        ends_at=expiry.after(now.astimezone(UTC), _seconds(policy, "license_duration_seconds")),
        unknown=frozenset({"playback"} if renews and "playback_duration_seconds" not in policy else ()),
    )


def _no_number(name: str) -> float:
    """What JSON does not have (RFC 8259 section 6), and Python reads."""
    raise ValueError(f"{name} is no number")


def _seconds(policy: Mapping[str, Any], name: str) -> int | None:
    value = policy.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | None) or expiry.is_no_number(value):
        raise _wrong(f"policy.{name}", "not a number of seconds")
    return expiry.limit(value)


def _flag(policy: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = policy.get(name, default)
    if not isinstance(value, bool):
        raise _wrong(f"policy.{name}", "not true or false")
    return value


def _optional_text(policy: Mapping[str, Any], name: str) -> str | None:
    value = policy.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(f"policy.{name}", "not a text")
    return value


def _text(kid: bytes) -> str:
    return base64.urlsafe_b64encode(kid).rstrip(b"=").decode()


def _key(value: object, place: str) -> bytes:
    key = _decoded(value)
    if key is None:
        raise _wrong(place, "not base64url")
    if len(key) != _KEY_BYTES:
        raise _wrong(place, f"{len(key)} bytes long, not {_KEY_BYTES}")
    return key


def _decoded(value: object) -> bytes | None:
    """base64url (RFC 4648 section 5), with padding or without, or base64, which older servers write; None where it is
    neither."""
    if not isinstance(value, str):
        return None
    bare = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _wrong(place: str, what: str) -> DamagedError:
    return DamagedError(f"license: {place}: {what}", "the license server's answer is not valid", code="license-damaged")
