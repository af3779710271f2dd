"""Entitlements: asked for once per download, after what is told here; their token goes to licenses and keys alone."""

from __future__ import annotations

import json
import signal
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Fault, Origin
from tests.test_cli import rows
from tests.test_limits import feed_with, refused
from tests.test_pause import held_at
from tests.test_release import listening

REF, TWO, CLEAR, FERRY = "demo:harbour-1", "demo:harbour-2", "demo:lighthouse", "demo:ferry"
ASKED = {"/members.json": 1, "/entitlement": 1}


def said(**answer: Any) -> Fault:
    """What an entitlement server says."""
    return o.body(json.dumps(answer).encode(), "application/json")


def denied(**answer: Any) -> Fault:
    """The same, with status 403."""

    async def fault(request: Any, handler: Any) -> Any:
        response = await said(**answer)(request, handler)
        response.set_status(403)
        return response

    return fault


def counts(origin: Origin) -> dict[str, int]:
    return dict(Counter(asked.path for asked in origin.log))


def told_with(origin: Origin) -> dict[str, set[str | None]]:
    """The `Authorization` that each kind of request came with."""
    found: dict[str, set[str | None]] = {}
    for asked in origin.log:
        kind = next((k for k in ("license", "key", "entitlement", "members.json") if k in asked.path), "media")
        found.setdefault(kind, set()).add(asked.headers.get("Authorization"))
    return found


# what it may be asked, and say


def test_the_request_is_that_of_the_device(members: Offlinedl, origin: Origin) -> None:
    """And of the next download of the same device."""
    bodies: list[Any] = []
    origin.fault("/entitlement", listening(bodies))
    members.ok("get", REF, CLEAR)
    device = str(uuid.UUID(bodies[0]["device"]))
    titles = [{"device": device, "title": title, "action": "download"} for title in ("harbour-1", "lighthouse")]
    assert bodies == titles
    [posted, _] = origin.asked("/entitlement")
    assert (posted.method, posted.headers["Content-Type"]) == ("POST", "application/json")
    assert device in members.ok("doctor").out


REFUSALS = [
    *(
        pytest.param(denied(allowed=False, reason=reason, message="For people."), 5, reason, "For people.", id=reason)
        for reason in ("device-limit", "download-limit", "monthly-limit", "not-entitled", "region")
    ),
    pytest.param(said(allowed=False, reason="region"), 5, "region", ": region", id="200, and not allowed"),
    pytest.param(denied(allowed=False, reason="moon"), 5, "not-entitled", ": moon", id="a reason of its own"),
    pytest.param(denied(), 5, "not-entitled", "no reason given", id="no reason"),
    pytest.param(denied(allowed=True, token="t"), 5, "not-entitled", "refuses", id="403, and allowed"),
    pytest.param(o.status(403), 5, "not-entitled", "no reason given", id="403 without a word"),
    pytest.param(denied(message="a\nb\x1b[31m"), 5, "not-entitled", "a b [31m", id="a message that draws"),
    pytest.param(denied(message="x" * 9999), 5, "not-entitled", "x" * 300 + "...\n", id="a long message"),
    pytest.param(denied(message="see https://a.example/?s=secret"), 5, "not-entitled", "a.example/\n", id="a secret"),
    pytest.param(o.status(401), 5, "not-entitled", "status 401", id="401"),
    pytest.param(o.status(404), 5, "not-entitled", "status 404", id="404"),
    pytest.param(o.status(503), 4, "network", "status 503", id="503"),
    pytest.param(o.status(429), 4, "network", "status 429", id="429"),
    pytest.param(o.dropped(), 4, "network", "", id="nobody answers"),
    pytest.param(o.page(), 8, "entitlement-damaged", "no JSON object", id="a web page"),
    pytest.param(o.body(b"[" * 99999), 8, "entitlement-damaged", "no JSON object", id="deep"),
    pytest.param(o.body(b"[]"), 8, "entitlement-damaged", "no JSON object", id="a list"),
    pytest.param(said(), 8, "entitlement-damaged", "allowed: missing", id="nothing"),
    pytest.param(said(allowed="yes"), 8, "entitlement-damaged", "allowed: not true or false", id="allowed: yes"),
    pytest.param(said(allowed=True, token=5), 8, "entitlement-damaged", "token: not a token", id="token: 5"),
    pytest.param(
        said(allowed=True, token="t\r\nX: y"), 8, "entitlement-damaged", "token: not a token", id="token: lines"
    ),
    pytest.param(said(allowed=True, rights=[]), 8, "entitlement-damaged", "rights: not an object", id="rights: []"),
    pytest.param(
        said(allowed=True, rights={"max_height": "x"}),
        8,
        "entitlement-damaged",
        "rights.max_height: not a whole number",
        id="rights.max_height",
    ),
    pytest.param(
        said(allowed=True, rights={"download": False, "reason": "No."}), 5, "download-not-allowed", "No.", id="rights"
    ),
    pytest.param(
        said(allowed=True, rights={"available_until": "2020-01-01"}), 5, "no-longer-available", "2020", id="too late"
    ),
]


@pytest.mark.parametrize(("fault", "code", "name", "words"), REFUSALS)
def test_without_an_entitlement_nothing_else_is_asked_for(
    fault: Fault, code: int, name: str, words: str, members: Offlinedl, origin: Origin
) -> None:
    origin.fault("/entitlement", fault)
    result = refused(members, code, name, REF)
    assert words in result.err
    assert (counts(origin), members.listed()) == (ASKED, [])
    assert "secret" not in result.err
    origin.mend()
    members.ok("get", REF)


def test_a_dry_run_asks_for_none(members: Offlinedl, origin: Origin) -> None:
    members.ok("get", REF, "--dry-run")
    assert not origin.asked("/entitlement")
    assert members("get", REF, "--dry-run", "--fit", "1GB").code == 0
    assert not origin.asked("/entitlement")


# once


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
@pytest.mark.parametrize("path", ["/members/license", "v720/2.m4s"])
def test_one_entitlement_over_interruptions(path: str, number: int, members: Offlinedl, origin: Origin) -> None:
    """Its token is kept, and so are its rights."""
    process = held_at(members, origin, path, REF)
    process.send_signal(number)
    process.wait()
    origin.mend()
    members.ok("resume")
    members.ok("get", REF)
    assert len(origin.asked("/entitlement")) == 1
    [token] = told_with(origin)["license"]
    assert token is not None


def test_one_that_expired_is_asked_for_anew(members: Offlinedl, origin: Origin) -> None:
    for moment in ("2026-11-01 12:00:00", "2026-11-20 12:00:00", "2027-01-01 12:00:00"):
        assert members.at(moment, "get", REF).code == 0
    assert (len(origin.asked("/entitlement")), len(origin.asked("/license"))) == (2, 2)
    assert len(origin.asked("v720/1.m4s")) == 1


def test_a_token_that_is_too_old_is_asked_for_anew(members: Offlinedl, origin: Origin) -> None:
    origin.fault("/entitlement", said(allowed=True, token="old"), times=1)
    refused(members, 5, "license-refused", REF)
    members.ok("get", REF)
    assert (len(origin.asked("/entitlement")), len(origin.asked("/license"))) == (2, 2)


def test_without_entitlements_a_refused_license_is_no_reason_to_read_the_feed(demo: Offlinedl, origin: Origin) -> None:
    origin.fault("/license", o.status(403), times=1)
    refused(demo, 5, "license-refused", REF)
    origin.forget()
    demo.ok("get", REF)
    assert not origin.asked("/feed.json")


# rights


def stored(offlinedl: Offlinedl) -> dict[str, Any]:
    [(rights,)] = rows(offlinedl.home, "SELECT rights FROM titles")
    assert isinstance(rights, str)
    found: dict[str, Any] = json.loads(rights)
    return found


def test_its_rights_narrow_those_of_the_feed(members: Offlinedl, origin: Origin) -> None:
    """The shorter windows, the lower height; what it says nothing of stays as the feed has it."""
    own = {"max_height": 360, "storage_seconds": 86400, "playback_seconds": 864000}
    feed_with(origin, "/members.json", lambda feed: feed["titles"][0]["rights"].update(export=True, max_height=540))
    origin.fault("/entitlement", said(allowed=True, token="t", rights=own))
    origin.fault("/members/license", o.redirected("/license", 307))
    [title] = members.ok("get", REF, "--json").json
    license = title["license"]
    assert (title["quality"]["height"], license["storage_seconds"], license["playback_seconds"]) == (360, 86400, 172800)
    assert (stored(members)["max_height"], stored(members)["export"]) == (360, True)


def test_it_does_not_widen_those_of_the_feed(members: Offlinedl, origin: Origin) -> None:
    own = {"max_height": 2160, "storage_seconds": 10**9, "export": True}
    feed_with(origin, "/members.json", lambda feed: feed["titles"][0]["rights"].update(max_height=360))
    origin.fault("/entitlement", said(allowed=True, rights=own))
    origin.fault("/members/license", o.redirected("/license", 307))
    members.ok("get", REF)
    assert (stored(members)["max_height"], stored(members)["storage_seconds"]) == (360, 2592000)
    assert stored(members)["export"] is False


# giving back


def owed(offlinedl: Offlinedl) -> list[tuple[object, ...]]:
    return rows(offlinedl.home, "SELECT title_id FROM releases")


def test_a_download_that_comes_to_nothing_is_given_back(members: Offlinedl, origin: Origin) -> None:
    origin.fault("harbour-1", o.status(404))
    assert members("get", REF).code != 0
    assert (members.listed(), owed(members)) == ([], [(REF,)])
    origin.mend()
    bodies: list[Any] = []
    origin.fault("/entitlement", listening(bodies))
    members.ok("sync")
    assert [body["action"] for body in bodies] == ["release"]
    assert owed(members) == []


def test_both_who_hear_of_a_removal_are_told_apart(members: Offlinedl, origin: Origin) -> None:
    """Who licenses it, and who counts its places."""
    members.ok("get", REF)
    origin.fault("/license", o.status(503))
    origin.fault("/entitlement", o.status(503))
    members.ok("rm", REF)
    why = ["its license was destroyed", "its place is free again"]
    assert members.ok("sync", "--dry-run").out.splitlines() == [f"{REF}: would release ({one})" for one in why]
    assert [step["reason"] for step in members("sync", "--json").json] == why
    origin.mend()
    done = [f"{REF}: its server has heard that it is gone ({one})" for one in why]
    assert members.ok("sync").out.splitlines() == done


def test_one_that_is_here_keeps_its_place(members: Offlinedl, origin: Origin) -> None:
    members.ok("get", REF)
    origin.fault("harbour-1", o.status(404))
    assert members("get", REF, "-q", "360p").code != 0
    assert owed(members) == []


def test_the_third_device_waits_for_another_to_give_its_place_back(
    members: Offlinedl, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each device has its own id."""

    def at(device: str) -> Offlinedl:
        monkeypatch.setenv("OFFLINEDL_HOME", str(tmp_path / device))
        members.ok("source", "add", "demo", f"{origin.url}/members.json")
        return members

    at("first").ok("get", REF)
    at("second").ok("get", TWO)
    full = refused(at("third"), 5, "device-limit", CLEAR)
    assert "Downloads are on 2 other devices" in full.err
    assert "`offlinedl rm --all` gives its place back" in full.err
    at("second").ok("rm", "--all")
    at("third").ok("get", CLEAR)
