"""The token of an entitlement goes to the license server and to the keys of HLS, and nowhere else."""

from __future__ import annotations

import signal

import pytest

from offlinedl.license.entitlement import Entitlement
from offlinedl.model import Rights, Wanted
from offlinedl.protection import Key, LicenseServer
from offlinedl.streams import Plan
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.test_entitlement import FERRY, REF, said, told_with
from tests.test_pause import held_at
from tests.test_renew import policy


def test_the_token_goes_to_the_license_server_and_nowhere_else(members: Offlinedl, origin: Origin) -> None:
    origin.fault("/entitlement", said(allowed=True, token="top-secret"))
    origin.fault("/members/license", o.redirected("/license", 307))
    result = members.ok("get", REF)
    assert told_with(origin) == {
        "members.json": {None},
        "entitlement": {None},
        "license": {"Bearer top-secret"},
        "media": {None},
    }
    shown = result.out + result.err + members.ok("show", REF, "--json").out
    kept = b"".join(path.read_bytes() for path in members.home.rglob("*") if path.is_file())
    assert "top-secret" not in shown
    assert b"top-secret" not in kept
    origin.forget()
    members.ok("rm", REF)
    assert told_with(origin) == {"license": {"Bearer top-secret"}, "entitlement": {None}}


def test_the_token_goes_to_the_keys_of_hls(members: Offlinedl, origin: Origin) -> None:
    origin.fault("/entitlement", said(allowed=True, token="t"))
    members.ok("get", FERRY)
    assert told_with(origin) == {
        "members.json": {None}, "entitlement": {None}, "key": {"Bearer t"}, "media": {None},
    }  # fmt: skip


@pytest.mark.parametrize(("ref", "path"), [(REF, "/members/license"), (FERRY, "/titles/ferry/key")])
def test_another_origin_does_not_hear_it(ref: str, path: str, members: Offlinedl, origin: Origin) -> None:
    with o.running() as other:
        there = "/license" if ref == REF else path
        origin.fault(path, o.redirected(other.url + there, 307))
        members.ok("get", ref)
        assert [asked.headers.get("Authorization") for asked in other.log] == [None]
        assert origin.asked(path)[0].headers["Authorization"].startswith("Bearer ")


def test_nor_does_one_where_the_license_is_renewed(members: Offlinedl, origin: Origin) -> None:
    with o.running() as other:
        origin.fault("/members/license", policy(renewal_server_url=f"{other.url}/license"))
        members.ok("get", REF)
        members.ok("renew", REF)
        assert [asked.headers.get("Authorization") for asked in other.log] == [None]


def test_a_license_server_that_a_person_named_does_not_hear_it(members: Offlinedl, origin: Origin) -> None:
    """Nor is the entitlement asked for twice with it."""
    words = ("--license-url", f"{origin.url}/license", "--license-header", "X-Token: mine")
    process = held_at(members, origin, "v720/2.m4s", REF, *words)
    process.send_signal(signal.SIGINT)
    process.wait()
    origin.mend()
    members.ok("get", REF, *words)
    [asked] = origin.asked("/license")
    assert (asked.headers["X-Token"], asked.headers.get("Authorization")) == ("mine", None)
    assert len(origin.asked("/entitlement")) == 1


SECRET, OPEN = "https://a.example/", "http://a.example/"
SENT = [
    pytest.param(SECRET, SECRET, (), (), True, id="in secret"),
    pytest.param(OPEN, OPEN, (), (), True, id="in the open"),
    pytest.param(OPEN, SECRET, (), (), True, id="from the open"),
    pytest.param(SECRET, OPEN, (), (), False, id="not into the open"),
    pytest.param(SECRET, SECRET, (("authorization", "Basic x"),), (), False, id="the service says what to send"),
    pytest.param(SECRET, None, (), (SECRET, SECRET), True, id="keys"),
    pytest.param(SECRET, None, (), (SECRET, OPEN), False, id="a key in the open"),
]


@pytest.mark.parametrize(("asked", "server", "headers", "keys", "sent"), SENT)
def test_where_a_token_is_sent(
    asked: str, server: str | None, headers: tuple[tuple[str, str], ...], keys: tuple[str, ...], sent: bool
) -> None:
    plan = Plan(
        manifest_url=OPEN,
        wanted=Wanted(),
        tracks=(),
        fetches=(),
        keys=tuple(Key(method="AES-128", uri=uri) for uri in keys),
        license=LicenseServer(system="x", url=server, headers=headers),
    )
    license = Entitlement(rights=Rights(), url=asked, token="t").added_to(plan).license
    assert license is not None
    assert license.headers == headers + ((("Authorization", "Bearer t"),) if sent else ())
