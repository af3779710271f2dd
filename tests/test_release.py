"""Releases: what is gone from this device is told to its servers, now or later, until they have acknowledged it."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
import uuid
from typing import Any

import pytest
from aiohttp import web

from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Fault, Handler, Origin
from tests.test_cli import rows
from tests.test_license import changed
from tests.test_pause import _RELEASE, held_at

REF = "demo:harbour-1"


def listening(bodies: list[Any], answer: Fault | None = None) -> Fault:
    """Keeps what is said, and then does as `answer`, or well."""

    async def listen(request: web.Request, handler: Handler) -> web.StreamResponse:
        bodies.append(json.loads(await request.read()))
        return await (answer(request, handler) if answer else handler(request))

    return listen


def owed(demo: Offlinedl) -> int:
    """How many records are in the outbox."""
    [(count,)] = rows(demo.home, "SELECT (SELECT count(*) FROM destructions) + (SELECT count(*) FROM releases)")
    assert isinstance(count, int)
    return count


def test_rm_tells_the_license_server(demo: Offlinedl, origin: Origin) -> None:
    """A92, W3C EME: key ids alone; acknowledged, nothing is owed any more."""
    told: list[Any] = []
    origin.fault("/license", listening(told))
    demo.ok("get", REF)
    result = demo.ok("rm", REF)
    assert told == [{"kids": told[0]["kids"], "type": "persistent-license"}, {"kids": told[0]["kids"]}]
    assert (owed(demo), result.err) == (0, "")
    assert demo.ok("sync").err == "Nothing to do.\n"
    assert len(told) == 2


def acknowledging(kids: object) -> Fault:
    def change(answer: dict[str, Any]) -> None:
        answer["kids"] = kids

    return changed(change)


DEFERRED = [
    pytest.param(o.dropped(), 4, id="nobody answers"),
    pytest.param(o.status(503), 4, id="503"),
    pytest.param(o.status(429), 4, id="429"),
    pytest.param(o.status(403), 0, id="403"),
    pytest.param(o.status(404), 0, id="404"),
    pytest.param(o.page(), 0, id="a web page"),
    pytest.param(o.body(b"{}"), 0, id="an acknowledgement without kids"),
    pytest.param(acknowledging([]), 0, id="of none"),
    pytest.param(acknowledging(["AAAAAAAAAAAAAAAAAAAAAA"]), 0, id="of another"),
    pytest.param(acknowledging([7, None]), 0, id="of no kids"),
    pytest.param(acknowledging("kids"), 0, id="of no list"),
]


@pytest.mark.parametrize(("fault", "code"), DEFERRED)
def test_what_is_not_acknowledged_is_told_again(fault: Fault, code: int, demo: Offlinedl, origin: Origin) -> None:
    """A92, B22: removal succeeds; `sync` tells, and fails only where a server was away."""
    demo.ok("get", REF)
    origin.fault("/license", fault)
    result = demo.ok("rm", REF)
    assert "`offlinedl sync` tells it later" in result.err
    assert (owed(demo), demo.listed()) == (1, [])
    origin.forget()
    would = demo.ok("sync", "--dry-run")
    assert (would.out, origin.log) == (f"{REF}: would release (its license was destroyed)\n", [])
    again = demo("sync", "--json")
    assert (again.code, [step["result"] for step in again.json]) == (code, ["failed" if code else "warning"])
    assert owed(demo) == 1
    origin.mend()
    assert demo.ok("sync").out.startswith(f"{REF}: its server has heard that it is gone")
    assert owed(demo) == 0


def test_rm_does_not_wait_for_a_server_that_hangs(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", REF, "demo:harbour-2")
    origin.fault("/license", o.held(asyncio.Event()))
    began = time.monotonic()
    demo.ok("rm", "--all")
    assert time.monotonic() - began < 10
    assert owed(demo) == 2


def test_settings_that_are_wrong_are_said_of_what_is_owed_alone(demo: Offlinedl) -> None:
    demo.ok("get", "demo:harbour-1", "demo:lighthouse")
    (demo.home / "config.toml").write_text('[download]\nlimit_rate = "fast"\n')
    said = demo.ok("rm", "demo:harbour-1", "demo:lighthouse").err
    assert said == "demo:harbour-1: its server has not heard of it yet; `offlinedl sync` tells it later\n"


def test_an_acknowledgement_may_be_padded_and_name_more(demo: Offlinedl, origin: Origin) -> None:
    def change(answer: dict[str, Any]) -> None:
        answer["kids"] = [f"{kid}==" for kid in answer["kids"]] + ["AAAA"]

    demo.ok("get", REF)
    origin.fault("/license", changed(change))
    demo.ok("rm", REF)
    assert owed(demo) == 0


def test_who_was_asked_with_a_token_is_told_with_it(demo: Offlinedl, origin: Origin) -> None:
    words = ("--license-url", f"{origin.url}/license", "--license-header", "X-Token: secret")
    demo.ok("get", f"{origin.url}/titles/harbour-1/manifest.mpd", *words)
    origin.forget()
    demo.ok("rm", "--all")
    assert [asked.headers["X-Token"] for asked in origin.log] == ["secret"]


def test_keys_with_addresses_of_their_own_are_owed_to_nobody(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", "demo:ferry", "demo:lighthouse")
    origin.forget()
    demo.ok("rm", "--all")
    assert (owed(demo), origin.log) == (0, [])


def test_one_that_cannot_be_read_holds_up_no_other(demo: Offlinedl, origin: Origin) -> None:
    """The vault's key was lost, and there is a new one."""
    demo.ok("get", REF)
    origin.fault("/license", o.status(503), times=1)
    demo.ok("rm", REF)
    for secret in (demo.home / "vault").iterdir():
        secret.unlink()
    demo.ok("get", "demo:harbour-2")
    origin.fault("/license", o.status(503), times=1)
    demo.ok("rm", "demo:harbour-2")
    assert owed(demo) == 2
    result = demo.ok("sync", "--quiet")
    assert result.err.startswith(f"warning: {REF}: ")
    assert owed(demo) == 0
    assert "release given up" in str(rows(demo.home, f"SELECT event FROM history WHERE title_id = '{REF}'"))


def test_one_whose_key_may_come_back_is_owed_on(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", REF)
    origin.fault("/license", o.status(503), times=1)
    demo.ok("rm", REF)
    key = (demo.home / "vault/key").rename(demo.home / "key")
    for words in (["--quiet"], []):
        assert demo.ok("sync", *words).err.startswith(f"warning: {REF}: ")
    assert owed(demo) == 1
    key.rename(demo.home / "vault/key")
    demo.ok("sync")
    assert owed(demo) == 0


@pytest.mark.parametrize("how", ["removed", "over"])
def test_a_license_that_is_here_again_is_not_released(how: str, demo: Offlinedl, origin: Origin) -> None:
    """The record names nothing but its key ids, too: the server would take it for that of the new one."""
    demo.ok("get", REF)
    origin.fault("/license", o.status(503))
    if how == "removed":
        demo.ok("rm", REF)
    else:
        rows(demo.home, "UPDATE licenses SET issued_at = '2020-01-01T00:00:00.000000+00:00'")
        demo.ok("list")
        demo.ok("list")
    assert owed(demo) == 1
    origin.mend()
    demo.ok("get", REF)
    assert owed(demo) == 0


def test_nobody_gets_a_title_while_its_release_is_under_way(demo: Offlinedl, origin: Origin) -> None:
    """A license that is granted before the server hears of the old one would be released in its place."""
    demo.ok("get", REF)
    origin.fault("/license", o.status(503), times=1)
    demo.ok("rm", REF)
    sync = held_at(demo, origin, "/license", verb="sync")
    assert demo("get", REF).code == 7
    urllib.request.urlopen(origin.url + _RELEASE).close()
    assert sync.wait() == 0
    assert (owed(demo), list((demo.home / "titles").glob("[!.]*"))) == (0, [])
    demo.ok("get", REF)


def leaving(demo: Offlinedl, origin: Origin, *titles: str) -> None:
    """Get titles of which an entitlement server is to hear, and remove them while that is away."""
    demo.ok("get", *titles)
    rows(demo.home, f"UPDATE titles SET entitlement_url = '{origin.url}/entitlement'")
    origin.fault("/entitlement", o.status(503))
    demo.ok("rm", "--all")
    origin.mend()


def test_the_entitlement_server_hears_of_it(demo: Offlinedl, origin: Origin) -> None:
    """Also of a title without a license; any success is an acknowledgement."""
    leaving(demo, origin, "demo:lighthouse", REF)
    assert owed(demo) == 2
    told: list[Any] = []
    origin.fault("/entitlement", listening(told, o.status(403)))
    assert demo.ok("sync", "--quiet").err.count("warning: ") == 2
    origin.mend()
    told.clear()
    origin.fault("/entitlement", listening(told, o.body(b"")))
    demo.ok("sync")
    assert owed(demo) == 0
    device = uuid.UUID(told[0]["device"])
    for body, title in zip(sorted(told, key=str), ("harbour-1", "lighthouse"), strict=True):
        assert body == {"device": str(device), "title": title, "action": "release"}


def test_what_expires_is_released_and_revived_without_media(demo: Offlinedl, origin: Origin) -> None:
    """B22: its keys are destroyed by a later run than that which saw it end; then nothing holds its place."""
    later = "2027-01-01 12:00:00"
    assert demo.at("2026-11-01 12:00:00", "get", REF).code == 0
    rows(demo.home, f"UPDATE titles SET entitlement_url = '{origin.url}/entitlement'")
    rows(demo.home, "UPDATE clock SET boot_id = 'of a system that began before'")
    assert [demo.at(later, "list").code for _ in range(2)] == [0, 0]
    assert (owed(demo), [f.name for f in (demo.home / "vault").glob("*.sealed")]) == (2, [])
    told: list[Any] = []
    origin.fault("/entitlement", listening(told, o.body(b"")))
    origin.forget()
    assert demo.at(later, "sync").code == 0
    assert (owed(demo), len(origin.asked("/license")), told[0]["action"]) == (0, 1, "release")
    assert demo.at(later, "renew", REF).out == f"{REF}: Available for 30 more days\n"
    assert (len(origin.asked("/license")), origin.asked("m4s")) == (2, [])


def test_a_title_that_is_here_again_did_not_leave(demo: Offlinedl, origin: Origin) -> None:
    leaving(demo, origin, "demo:lighthouse")
    assert owed(demo) == 1
    demo.ok("get", "demo:lighthouse")
    assert owed(demo) == 0


def test_two_at_once_the_second_is_busy(demo: Offlinedl, origin: Origin) -> None:
    """B27."""
    demo.ok("get", REF)
    origin.fault("/license", o.status(503), times=1)
    demo.ok("rm", REF)
    first = held_at(demo, origin, "/license", verb="sync")
    second = demo("sync")
    assert (second.code, second.err.splitlines()[0]) == (7, "error: another `offlinedl sync` is at work")
    assert demo.ok("sync", "--dry-run").out != ""
    urllib.request.urlopen(origin.url + _RELEASE).close()
    assert first.wait() == 0
    assert owed(demo) == 0
