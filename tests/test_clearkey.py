"""The words of a Clear Key license server, one by one: what is taken, and what is refused with the place it is at."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offlinedl.errors import DamagedError, NetworkError, OfflinedlError, RefusedError
from offlinedl.http import Answer
from offlinedl.license import clearkey
from offlinedl.license.need import Grant, Need
from offlinedl.model import ContentKey, Windows
from offlinedl.protection import LicenseServer

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
KIDS = (bytes(range(16)), bytes(range(0xF0, 0x100)))
KEYS = (b"a" * 16, b"\xff\xfb" * 8)
URL = "https://license.test/license?token=secret"


def text(value: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def granted(**more: object) -> dict[str, Any]:
    keys = [{"kty": "oct", "kid": text(kid), "k": text(key)} for kid, key in zip(KIDS, KEYS, strict=True)]
    return {"keys": keys, "type": "persistent-license", **more}


class Server:
    """Says the same to everybody, and remembers what it was asked."""

    def __init__(self, said: object, status: int = 200) -> None:
        self.body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.status = status
        self.asked: list[tuple[str, Any, list[tuple[str, str]]]] = []
        self.http = self

    async def post(self, url: str, body: bytes, headers: list[tuple[str, str]]) -> Answer:
        """As Http does."""
        self.asked.append((url, json.loads(body), headers))
        return Answer(url=url, status=self.status, headers={}, body=self.body)


def ask(server: Server) -> Grant:
    """The license for both KIDs."""
    who = LicenseServer(system="clearkey", url=URL, headers=(("X-Token", "secret"),))
    engine: Any = server
    return asyncio.run(clearkey.acquire(engine, who, Need(kids=KIDS), NOW))


def test_the_request_is_that_of_the_specification() -> None:
    server = Server(granted())
    assert ask(server).keys == tuple(ContentKey(kid=kid, key=key) for kid, key in zip(KIDS, KEYS, strict=True))
    [(url, body, headers)] = server.asked
    assert (url, body) == (URL, {"kids": [text(kid) for kid in KIDS], "type": "persistent-license"})
    assert headers == [("Content-Type", "application/json"), ("X-Token", "secret")]
    assert "=" not in "".join(body["kids"])


DAY = 86400
POLICIES: list[Any] = [
    pytest.param({}, Windows(), id="none"),
    pytest.param(
        {"rental_duration_seconds": 30 * DAY, "playback_duration_seconds": 2 * DAY},
        Windows(storage_seconds=30 * DAY, playback_seconds=2 * DAY),
        id="both windows",
    ),
    pytest.param(
        {"license_duration_seconds": DAY}, Windows(ends_at=NOW + timedelta(days=1)), id="an end from issue on"
    ),
    pytest.param({"rental_duration_seconds": 0, "license_duration_seconds": 0}, Windows(), id="zero is no limit"),
    pytest.param({"rental_duration_seconds": -1, "playback_duration_seconds": -1}, Windows(), id="negative is none"),
    pytest.param({"rental_duration_seconds": 2**62, "license_duration_seconds": 2**63}, Windows(), id="2^62 is none"),
    pytest.param({"license_duration_seconds": 2**61}, Windows(), id="past the end of the calendar"),
    pytest.param({"rental_duration_seconds": None}, Windows(), id="null is none"),
    pytest.param({"rental_duration_seconds": 90.5}, Windows(storage_seconds=90), id="a fraction is rounded down"),
    pytest.param({"rental_duration_seconds": 0.5}, Windows(storage_seconds=1), id="but never to no limit"),
    pytest.param({"another": "word"}, Windows(), id="other words"),
]


@pytest.mark.parametrize(("policy", "windows"), POLICIES)
def test_the_policy_states_windows(policy: dict[str, Any], windows: Windows) -> None:
    grant = ask(Server(granted(policy=policy)))
    assert (grant.windows.storage_seconds, grant.windows.playback_seconds, grant.windows.ends_at) == (
        windows.storage_seconds, windows.playback_seconds, windows.ends_at,
    )  # fmt: skip
    assert json.loads(grant.policy or "{}") == {name: value for name, value in policy.items() if name != "another"}


def test_the_policy_states_renewal() -> None:
    assert (ask(Server(granted())).renewable, ask(Server(granted())).renewal_url) == (False, None)
    grant = ask(Server(granted(policy={"can_renew": True, "renewal_server_url": "https://renew.test/"})))
    assert (grant.renewable, grant.renewal_url) == (True, "https://renew.test/")


def padded(license: dict[str, Any]) -> None:
    for key in license["keys"]:
        key["kid"] += "=="
        key["k"] += "=="


def plain(license: dict[str, Any]) -> None:
    for key in license["keys"]:
        key |= {name: key[name].replace("-", "+").replace("_", "/") for name in ("kid", "k")}


def more(license: dict[str, Any]) -> None:
    license["keys"] += [{"kty": "oct", "kid": "AAAA", "k": "AAAA"}, {"kty": "RSA"}, {}]


def without_kty(license: dict[str, Any]) -> None:
    for key in license["keys"]:
        del key["kty"]


@pytest.mark.parametrize("change", [padded, plain, more, without_kty])
def test_what_is_odd_and_clear_is_taken(change: Callable[[dict[str, Any]], None]) -> None:
    license = granted(issuer={"any": "thing"})
    change(license)
    assert ask(Server(license)).keys == tuple(ContentKey(kid=kid, key=key) for kid, key in zip(KIDS, KEYS, strict=True))


def first(**values: object) -> dict[str, Any]:
    """A license whose first key has other values."""
    license = granted()
    license["keys"][0] |= values
    return license


REFUSED: list[Any] = [
    pytest.param(granted(type="temporary"), RefusedError, "temporary license", id="temporary"),
    pytest.param({"keys": granted()["keys"]}, RefusedError, "temporary license", id="no type"),
    pytest.param(granted(type=["persistent-license"]), RefusedError, "temporary license", id="another type"),
    pytest.param(granted(policy={"can_persist": False}), RefusedError, "temporary", id="can_persist: false"),
    pytest.param(granted(keys=granted()["keys"][1:]), RefusedError, KIDS[0].hex(), id="B9 a KID is missing"),
    pytest.param(granted(keys=[]), RefusedError, f"{KIDS[0].hex()}, {KIDS[1].hex()}", id="no key"),
    pytest.param(first(kty="RSA"), RefusedError, KIDS[0].hex(), id="a key of another kind"),
    pytest.param(first(kid=7), RefusedError, KIDS[0].hex(), id="a kid that is no text"),
    pytest.param(first(kid="a b"), RefusedError, KIDS[0].hex(), id="a kid that is no base64url"),
    pytest.param({"type": "persistent-license"}, DamagedError, "keys: not a list", id="no keys"),
    pytest.param(granted(keys={"0": 1}), DamagedError, "keys: not a list", id="keys that are no list"),
    pytest.param(granted(keys=[7]), DamagedError, "keys[0]: not an object", id="a key that is no object"),
    pytest.param(first(k=None), DamagedError, "keys[0].k: not base64url", id="no k"),
    pytest.param(first(k="a b"), DamagedError, "keys[0].k: not base64url", id="a k that is no base64url"),
    pytest.param(first(k=text(b"short")), DamagedError, "keys[0].k: 5 bytes long, not 16", id="5 bytes"),
    pytest.param(first(k=text(bytes(32))), DamagedError, "keys[0].k: 32 bytes long", id="32 bytes"),
    pytest.param(granted(policy=[]), DamagedError, "policy: not an object", id="a policy that is none"),
    pytest.param(granted(policy={"can_persist": "no"}), DamagedError, "policy.can_persist", id="can_persist: no"),
    pytest.param(granted(policy={"can_renew": 1}), DamagedError, "policy.can_renew", id="can_renew: 1"),
    pytest.param(
        granted(policy={"rental_duration_seconds": "1"}), DamagedError, "policy.rental_duration_seconds", id="a text"
    ),
    pytest.param(
        granted(policy={"playback_duration_seconds": True}), DamagedError, "policy.playback", id="true for a number"
    ),
    pytest.param(
        granted(policy={"renewal_server_url": 7}), DamagedError, "policy.renewal_server_url", id="a URL that is none"
    ),
    pytest.param([], DamagedError, "not a JSON object", id="a list"),
    pytest.param(b"<html>", DamagedError, "no JSON", id="a web page"),
    pytest.param(b"\xff\xfe{}", DamagedError, "no JSON", id="no text"),
    pytest.param(b"[" * 100_000, DamagedError, "no JSON", id="a bottomless one"),
]


@pytest.mark.parametrize(("said", "kind", "words"), REFUSED)
def test_what_is_refused_says_why(said: object, kind: type[OfflinedlError], words: str) -> None:
    with pytest.raises(kind) as failed:
        ask(Server(said))
    assert words in failed.value.message
    assert "secret" not in failed.value.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, RefusedError) for status in (300, 400, 401, 402, 403, 404, 410, 451)),
        *((status, NetworkError) for status in (408, 425, 429, 500, 502, 503, 504)),
    ],
)
def test_a_status_is_a_refusal_or_passes(status: int, kind: type[OfflinedlError]) -> None:
    with pytest.raises(kind, match=f"status {status}"):
        ask(Server(granted(), status))


def test_without_an_address_nobody_is_asked() -> None:
    engine: Any = Server(granted())
    with pytest.raises(RefusedError, match="nothing says where"):
        asyncio.run(clearkey.acquire(engine, LicenseServer(system="clearkey"), Need(kids=KIDS), NOW))
