"""Renewals: the license that is there serves until the new one is verified, and one request is all that is asked."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from offlinedl import model
from offlinedl.actions.sync import is_due
from offlinedl.demo.origin import DATA
from offlinedl.model import Windows
from tests import origin as o
from tests.conftest import Offlinedl, Result, stopped
from tests.origin import Fault, Handler, Origin
from tests.test_kill import serve
from tests.test_license import REFUSALS, License, changed, wrong_keys
from tests.test_pause import held_at
from tests.titles import fmp4

DAY = "2026-11-%02d 12:00:00"
REF = "demo:harbour-1"


def ok(result: Result) -> Result:
    assert result.code == 0, result
    return result


def license_at(demo: Offlinedl, moment: str) -> Any:
    [title] = ok(demo.at(moment, "list", "--json")).json
    return title["license"]


def secrets(demo: Offlinedl) -> list[str]:
    """What lies in the vault."""
    return [f.name for f in (demo.home / "vault").iterdir() if f.suffix in {".sealed", ".part"}]


def policy(**values: object) -> Fault:
    def change(license: License) -> None:
        license["policy"] |= values

    return changed(change)


def test_a_renewal_moves_the_storage_window_and_not_the_first_play(demo: Offlinedl, origin: Origin) -> None:
    """A57, B3."""
    ok(demo.at(DAY % 1, "get", REF))
    demo.play(REF, clock=stopped(DAY % 2))
    before = license_at(demo, DAY % 3)
    origin.forget()
    renewed = ok(demo.at(DAY % 3, "renew", REF))
    assert renewed.out == f"{REF}: Expires in 24 hours\n"
    assert [(asked.method, asked.path) for asked in origin.log] == [("POST", "/license")]
    after = license_at(demo, DAY % 3)
    moved = {name for name in before if before[name] != after[name]}
    assert (moved, after["issued_at"]) == ({"issued_at"}, "2026-11-03T12:00:00Z")
    assert (after["window"], after["first_played_at"]) == ("playback", "2026-11-02T12:00:00Z")
    assert len(secrets(demo)) == 1
    demo.play(REF, clock=stopped(DAY % 3))


def test_playback_moves_where_the_new_policy_says_so(demo: Offlinedl, origin: Origin) -> None:
    """B3."""
    url = f"{origin.url}/titles/harbour-1/manifest.mpd"
    ok(demo.at(DAY % 1, "get", url, "--license-url", f"{origin.url}/license"))
    demo.play(url, clock=stopped(DAY % 2))
    origin.fault("/license", policy(playback_duration_seconds=7 * 86400))
    ok(demo.at(DAY % 3, "renew", url))
    assert license_at(demo, DAY % 3)["expires_at"] == "2026-11-09T12:00:00Z"


@pytest.mark.parametrize("named", ["/renewals/license", "../license"], ids=["absolute path", "relative"])
def test_it_is_asked_for_where_the_license_says(named: str, demo: Offlinedl, origin: Origin) -> None:
    """With all that went to the license server."""
    origin.fault("/license", policy(renewal_server_url=named), times=1)
    origin.fault("/renewals", o.redirected("/license", 307))
    demo.ok("get", f"{origin.url}/titles/harbour-1/manifest.mpd", "--license-url", f"{origin.url}/license",
            "--license-header", "X-Token: secret")  # fmt: skip
    origin.forget()
    demo.ok("renew", "--all")
    assert origin.log[0].path == ("/renewals/license" if named[0] == "/" else "/license")
    assert {asked.headers["X-Token"] for asked in origin.log} == {"secret"}


@pytest.mark.parametrize(("fault", "code", "_"), [*REFUSALS, pytest.param(changed(wrong_keys), 8, "", id="keys")])
def test_a_renewal_that_fails_costs_nothing(fault: Fault, code: int, _: str, demo: Offlinedl, origin: Origin) -> None:
    """B23."""
    demo.ok("get", "demo:harbour-2")
    before = demo.listed()
    origin.fault("/license", fault)
    origin.forget()
    result = demo("renew", "demo:harbour-2")
    assert result.code == code
    assert "The license that is there still serves: Available for 29 more days" in result.err
    assert len(origin.asked("/license")) == 1
    assert (demo.listed(), len(secrets(demo))) == (before, 1)
    demo.play("demo:harbour-2")
    origin.mend()
    demo.ok("renew", "demo:harbour-2")
    assert len(secrets(demo)) == 1


def test_one_that_is_not_renewable_is_not_asked_for(demo: Offlinedl, origin: Origin) -> None:
    """Once it is over, a new one is."""
    origin.fault("/license", policy(can_renew=False))
    ok(demo.at(DAY % 1, "get", REF))
    origin.forget()
    refused = demo.at(DAY % 2, "renew", REF)
    assert (refused.code, "not to be renewed" in refused.err, "offlinedl get" in refused.err) == (5, True, True)
    assert ok(demo.at(DAY % 2, "renew", "--all")).err == "Nothing to renew.\n"
    assert not origin.asked("/license")
    ok(demo.at("2027-01-01 00:00:00", "renew", REF))
    assert len(origin.asked("/license")) == 1


def test_an_expired_title_gets_a_new_license_and_no_media(demo: Offlinedl, origin: Origin) -> None:
    ok(demo.at(DAY % 1, "get", REF))
    demo.play(REF, clock=stopped(DAY % 1))
    origin.forget()
    assert ok(demo.at(DAY % 20, "renew", "--all")).out == f"{REF}: Available for 30 more days\n"
    assert license_at(demo, DAY % 20)["first_played_at"] is None
    assert not origin.asked("m4s")
    assert len(origin.asked("/license")) == 1


def test_what_has_no_license_asks_nobody(demo: Offlinedl, origin: Origin) -> None:
    """One request for a license in no way."""
    demo.ok("get", "demo:lighthouse")
    assert demo.ok("renew", "demo:lighthouse").out == "demo:lighthouse: Available\n"
    feed = (DATA / "feed.json").read_text().replace("titles/ferry/master.m3u8", "titles/lighthouse/manifest.mpd")
    origin.fault("/feed.json", o.body(feed.encode(), "application/json"))
    demo.ok("get", "demo:ferry")
    refused = demo("renew", "demo:ferry")
    assert (refused.code, "not protected" in refused.err) == (5, True)
    demo.ok("sync")
    demo.ok("rm", "--all")
    assert not [asked for asked in origin.log if asked.method == "POST" or "key" in asked.path]


def test_keys_of_hls_are_fetched_anew(demo: Offlinedl, origin: Origin) -> None:
    """And one that is another does not take the place of the one that opens the media."""
    ok(demo.at(DAY % 1, "get", "demo:ferry"))
    ok(demo.at(DAY % 2, "renew", "demo:ferry"))
    assert len(origin.asked("/key")) == 2
    assert license_at(demo, DAY % 2)["issued_at"] == "2026-11-02T12:00:00Z"
    origin.fault("/key", o.body(b"a wrong key here"))
    assert demo.at(DAY % 3, "renew", "demo:ferry").code == 8
    assert license_at(demo, DAY % 3)["issued_at"] == "2026-11-02T12:00:00Z"
    assert len(secrets(demo)) == 1


def test_signed_addresses_of_keys_are_asked_for_anew(offlinedl: Offlinedl, origin: Origin) -> None:
    """Those of then have expired: what is new is asked for with the playlist of today."""
    title, day = fmp4(count=2), ["1"]
    path = title.manifest

    async def playlist(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(body=title.files[path].replace(b'key"', f'key?Expires=1700000000&sig={day[0]}"'.encode()))

    async def key(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await (handler(request) if request.query["sig"] == day[0] else o.status(403)(request, handler))

    origin.fault("m3u8", playlist)
    origin.fault("/key", key)
    url = serve(origin, title)
    offlinedl.ok("get", url, "--header", "X-Token: secret")
    day[0] = "2"
    origin.forget()
    offlinedl.ok("renew", url, "--header", "X-Token: secret")
    assert [asked.path.rpartition("/")[2] for asked in origin.log][-1] == "key"
    assert len(origin.asked("/key")) == 2
    assert {asked.headers["X-Token"] for asked in origin.log} == {"secret"}


def test_a_token_that_expired_is_asked_for_anew(demo: Offlinedl, origin: Origin) -> None:
    """The service that entitles says which is right today; the release goes with that, too."""
    day = ["1"]

    async def entitle(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.json_response({"allowed": True, "token": f"secret{day[0]}"})

    async def license(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_right = request.headers.get("Authorization") == f"Bearer secret{day[0]}"
        return await (handler(request) if is_right else o.status(401)(request, handler))

    feed = json.loads((DATA / "feed.json").read_text()) | {"entitlement_url": f"{origin.url}/entitlement"}
    origin.fault("/feed.json", o.body(json.dumps(feed).encode(), "application/json"))
    origin.fault("/entitlement", entitle)
    origin.fault("/license", license)
    demo.ok("get", REF)
    demo.ok("renew", REF)
    assert len(origin.asked("/entitlement")) == 1
    day[0] = "2"
    origin.forget()
    demo.ok("renew", REF)
    assert (len(origin.asked("/entitlement")), len(origin.asked("/license"))) == (1, 2)
    origin.fault("/feed.json", o.status(503))
    day[0] = "3"
    origin.faults.insert(0, origin.faults.pop())
    assert (demo("renew", REF).code, demo("renew", REF).code) == (5, 5)
    day[0] = "2"
    origin.forget()
    demo.ok("rm", REF)
    assert (len(origin.asked("/entitlement")), len(origin.asked("/license"))) == (1, 1)
    origin.mend()
    assert demo.ok("sync").err == "Nothing to do.\n"


def test_a_license_that_is_lost_is_not_said_to_serve(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", REF)
    (demo.home / "vault/key").unlink()
    origin.forget()
    result = demo("renew", REF)
    assert (result.code, "still serves" in result.err, origin.log) == (8, False, [])


def test_a_title_that_is_not_ready_is_not_renewed(demo: Offlinedl, origin: Origin) -> None:
    process = held_at(demo, origin, "v720/2.m4s", REF)
    assert demo("renew", REF).code == 7
    process.terminate()
    process.wait()
    refused = demo("renew", REF)
    assert (refused.code, refused.err.splitlines()[0]) == (5, f"error: {REF}: not ready, but paused")
    assert len(origin.asked("/license")) == 1


@pytest.mark.parametrize(
    ("words", "renewed"),
    [
        (["--within", "11d"], []),
        (["--within", "13d"], [REF]),
        (["--within", "312h"], [REF]),
        (["--within", "2w", "demo:harbour-2"], [REF, "demo:harbour-2"]),
        (["--all"], [REF, "demo:harbour-2"]),
        (["demo:harbour-2", "harbour-2"], ["demo:harbour-2"]),
    ],
    ids=" ".join,
)
def test_which_are_renewed(words: list[str], renewed: list[str], demo: Offlinedl, origin: Origin) -> None:
    ok(demo.at(DAY % 1, "get", REF))
    ok(demo.at(DAY % 15, "get", "demo:harbour-2", "demo:lighthouse"))
    origin.forget()
    done = ok(demo.at("2026-11-19 00:00:00", "renew", "--json", *words))
    assert sorted(title["id"] for title in done.json) == renewed
    assert len(origin.asked("/license")) == len(renewed)


@pytest.mark.parametrize(
    "words",
    [[], ["--all", REF], ["--all", "--within", "7d"], ["--within", "7"], ["--within", "d"], ["--within", "-7d"]],
    ids=" ".join,
)
def test_what_makes_no_sense_is_wrong_usage(words: list[str], demo: Offlinedl) -> None:
    assert demo("renew", *words).code == 2


def test_one_that_fails_does_not_stop_the_others(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", REF, "demo:harbour-2")
    origin.fault("/license", o.status(403), times=1)
    result = demo("renew", REF, "demo:nothing", "harbour-2")
    assert (result.code, result.out) == (5, "demo:harbour-2: Available for 29 more days\n")
    assert "demo:nothing: no such title" in result.err


@pytest.mark.parametrize(("fault", "code"), [(o.status(403), 5), (changed(wrong_keys), 8)], ids=["403", "wrong keys"])
def test_more_tracks_that_are_refused_cost_nothing(fault: Fault, code: int, demo: Offlinedl, origin: Origin) -> None:
    """The license is given up only for the one that is granted; then the first play stays, and nothing is owed."""
    ref = "demo:harbour-2"
    demo.ok("get", ref, "-q", "360p")
    demo.play(ref)
    [before] = demo.listed()
    origin.fault("/license", fault)
    assert demo("get", ref, "-q", "720p").code == code
    assert demo.listed()[0]["license"] == before["license"]
    origin.mend()
    origin.forget()
    [title] = demo.ok("get", ref, "-q", "720p", "--json").json
    assert title["license"]["first_played_at"] == before["license"]["first_played_at"]
    assert (len(origin.asked("/license")), len(secrets(demo))) == (1, 1)
    assert demo("sync", "--dry-run").out == ""


def test_a_second_renewal_is_a_second_request(demo: Offlinedl, origin: Origin) -> None:
    """And after any number of them, removal leaves nothing behind."""
    demo.ok("get", REF)
    for _ in range(3):
        demo.ok("renew", REF)
    assert len(origin.asked("/license")) == 4
    demo.ok("rm", REF)
    assert len(origin.asked("/license")) == 5
    assert secrets(demo) == []


def test_what_signs_the_address_of_a_title_that_is_not_there_is_not_told(demo: Offlinedl) -> None:
    result = demo("renew", "https://a.test/film.mpd?token=SECRET", REF)
    assert (result.code != 0, "no such title" in result.err, "SECRET" in result.err) == (True, True, False)


def test_who_plays_without_a_lock_writes_nothing(demo: Offlinedl) -> None:
    """What was granted to a process that was killed is taken up by who downloads."""
    process = demo.start("get", REF, before="dies_at('offlinedl.custody:Custody', '_name')")
    assert process.wait() == -signal.SIGKILL
    assert demo("play", REF, "--player", "none").code == 3
    assert [title["license"] for title in demo.listed()] == [None]


# early, by sync


ISSUED = datetime(2026, 11, 1, 12, tzinfo=UTC)
MONTH, DAYS = 30 * 86400, 86400
DUE = [
    pytest.param(Windows(storage_seconds=MONTH), 22.5, False, id="a quarter of 30 days is left"),
    pytest.param(Windows(storage_seconds=MONTH), 22.6, True, id="less than a quarter of 30 days"),
    pytest.param(Windows(storage_seconds=4 * DAYS), 2, False, id="48 hours of 4 days"),
    pytest.param(Windows(storage_seconds=4 * DAYS), 2.1, True, id="less than 48 hours of 4 days"),
    pytest.param(Windows(storage_seconds=DAYS), 0.5, False, id="half of a day is not over"),
    pytest.param(Windows(storage_seconds=DAYS), 0.6, True, id="half of a day is over"),
    pytest.param(Windows(ends_at=ISSUED + timedelta(days=30)), 23, True, id="an end of its own"),
    pytest.param(Windows(), 900, False, id="no end"),
    pytest.param(Windows(storage_seconds=MONTH, playback_seconds=2 * DAYS), 2.9, False, id="played"),
]


@pytest.mark.parametrize("renewable", [True, False], ids=["renewable", "not renewable"])
@pytest.mark.parametrize(("windows", "days", "due"), DUE)
def test_when_a_renewal_is_due(windows: Windows, days: float, due: bool, renewable: bool) -> None:
    """Where the playback window ends first, no renewal would move that."""
    played = ISSUED + timedelta(days=1) if windows.playback_seconds else None
    license = model.License(
        id="l", system="clearkey", kids=(), issued_at=ISSUED, windows=windows, renewable=renewable,
        first_played_at=played,
    )  # fmt: skip
    assert is_due(license, ISSUED + timedelta(days=days)) is (due and renewable)


def test_sync_renews_what_is_due(demo: Offlinedl, origin: Origin) -> None:
    """Early, once, and nothing on a dry run."""
    ok(demo.at(DAY % 1, "get", REF))
    ok(demo.at(DAY % 20, "get", "demo:harbour-2", "demo:lighthouse"))
    origin.forget()
    would = ok(demo.at(DAY % 29, "sync", "--dry-run"))
    assert (would.out, origin.log) == (f"{REF}: would renew (Available for 2 more days)\n", [])
    assert ok(demo.at(DAY % 29, "sync", "--json")).json == [
        {
            "step": "renew", "title": REF, "reason": "Available for 2 more days", "result": "done",
            "message": "Available for 30 more days", "bytes": None, "error": None,
        }
    ]  # fmt: skip
    assert [asked.path for asked in origin.log] == ["/feed.json", "/license"]
    again = ok(demo.at(DAY % 29, "sync"))
    assert (again.out, again.err) == ("", "Nothing to do.\n")


@pytest.mark.parametrize("fault", [o.status(403), o.dropped(), changed(wrong_keys)], ids=["403", "away", "wrong"])
def test_a_renewal_that_fails_is_a_warning_while_the_old_license_lives(
    fault: Fault, demo: Offlinedl, origin: Origin
) -> None:
    """B23. Every run tries again, once."""
    ok(demo.at(DAY % 1, "get", REF, "demo:lighthouse"))
    origin.fault("/license", fault)
    origin.forget()
    result = ok(demo.at(DAY % 29, "sync", "--quiet"))
    assert (result.out, result.err.count("\n")) == ("", 1)
    assert result.err.startswith(f"warning: {REF}: ")
    assert "still serves: Available for 2 more days" in result.err
    [step] = ok(demo.at(DAY % 29, "sync", "--json")).json
    assert (step["result"], step["error"]["code"] != "") == ("warning", True)
    assert len(origin.asked("/license")) == 2


@pytest.mark.parametrize("words", [["get", REF], ["sync"]], ids=" ".join)
def test_a_renewal_that_was_cut_off_is_taken_up_when_the_old_license_is_over(
    words: list[str], demo: Offlinedl, origin: Origin
) -> None:
    """Nobody is asked for a license again, and no media."""
    origin.fault("/license", policy(rental_duration_seconds=86400), times=1)
    demo.ok("get", REF)
    process = demo.start("renew", REF, before="dies_at('offlinedl.custody:Custody', 'supersede')")
    assert process.wait() == -signal.SIGKILL
    origin.forget()
    later = f"{datetime.now(UTC) + timedelta(days=3.5):%Y-%m-%d %H:%M:%S}"
    assert [title["state"] for title in ok(demo.at(later, "list", "--json")).json] == ["expired"]
    ok(demo.at(later, *words))
    [title] = ok(demo.at(later, "list", "--json")).json
    assert (title["state"], title["message"]) == ("ready", "Available for 26 more days")
    assert not [asked for asked in origin.log if asked.path == "/license" or asked.path.endswith("m4s")]
