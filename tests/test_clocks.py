"""The two clocks on a system clock that was moved: got on the 1st with 30 days and 48 hours."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from tests import certificates, relays
from tests import origin as o
from tests.conftest import Offlinedl, Result, stopped
from tests.origin import Handler, Origin

GOT = "2026-11-01 12:00:00"


@pytest.fixture
def got(demo: Offlinedl) -> Offlinedl:
    """An episode that was got on the 1st."""
    done = demo.at(GOT, "get", "demo:harbour-1")
    assert done.code == 0, done
    return demo


def left(offlinedl: Offlinedl, moment: str) -> tuple[str, str]:
    [title] = offlinedl.at(moment, "list", "--json").json
    return title["state"], title["message"]


def played(offlinedl: Offlinedl, moment: str) -> Result:
    return offlinedl.watch("demo:harbour-1", clock=stopped(moment))


def test_not_played_the_storage_window_runs(got: Offlinedl) -> None:
    """B4: over at the deadline, not after it."""
    assert left(got, "2026-11-01 12:00:01") == ("ready", "Available for 29 more days")
    assert left(got, "2026-11-30 11:59:59") == ("ready", "Available for 24 more hours")
    assert left(got, "2026-12-01 11:59:59") == ("ready", "Available for 0 more minutes")
    assert left(got, "2026-12-01 12:00:00") == ("expired", "Expired 0 minutes ago")


def test_played_on_the_20th_it_expires_on_the_22nd(got: Offlinedl) -> None:
    assert "Expires in" in played(got, "2026-11-20 12:00:00").out
    assert left(got, "2026-11-20 13:00:01") == ("ready", "Expires in 46 hours")
    assert left(got, "2026-11-22 11:59:59") == ("ready", "Expires in 0 minutes")
    assert left(got, "2026-11-22 12:00:00") == ("expired", "Expired 0 minutes ago")


def test_played_on_day_29_it_expires_on_day_30(got: Offlinedl) -> None:
    """B1."""
    played(got, "2026-11-30 12:00:00")
    assert left(got, "2026-11-30 12:00:01") == ("ready", "Expires in 23 hours")
    assert left(got, "2026-12-01 12:00:00") == ("expired", "Expired 0 minutes ago")


def test_a_second_play_moves_nothing(got: Offlinedl) -> None:
    """B2."""
    played(got, "2026-11-20 12:00:00")
    [before] = got.at("2026-11-21 12:00:00", "list", "--json").json
    assert played(got, "2026-11-21 12:00:00").code == 130
    [after] = got.at("2026-11-21 12:00:00", "list", "--json").json
    assert after["license"] == before["license"]
    assert after["license"]["first_played_at"] == "2026-11-20T12:00:00Z"
    assert after["license"]["expires_at"] == "2026-11-22T12:00:00Z"
    assert after["license"]["window"] == "playback"


def test_an_expired_title_refuses_to_play(got: Offlinedl) -> None:
    refused = played(got, "2026-12-05 12:01:00")
    assert refused.code == 5
    assert refused.err.splitlines() == [
        "error: demo:harbour-1: Expired 4 days ago",
        "hint: `offlinedl get demo:harbour-1` asks for a new license",
    ]


def test_until_shows_only_what_still_plays_then(got: Offlinedl) -> None:
    def ids(until: str) -> list[str]:
        return [t["id"] for t in got.at("2026-11-02 12:00:00", "list", "--until", until, "--json").json]

    assert ids("2026-11-29") == ["demo:harbour-1"]
    assert ids("2026-12-01T11:00") == ["demo:harbour-1"]
    assert ids("2026-12-01T13:00") == []


# clocks that are moved while the machine is off: nobody measured what passed


def moved(shift: str, *words: str, on: bool = False) -> Result:
    """Run a command line with the system's clock moved ("-1d"). There is no boot clock then, unless it is `on`."""
    fake = ["faketime", *(["--exclude-monotonic"] if on else []), "-f", shift] if shift else []
    done = subprocess.run(
        [*fake, sys.executable, "-m", "offlinedl", *words],
        capture_output=True, text=True, check=False, env={**os.environ, "TZ": "UTC"},
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def state(shift: str, *, on: bool = False) -> str:
    [title] = moved(shift, "list", "--json", on=on).json
    return str(title["state"])


@pytest.fixture
def secure(
    offlinedl: Offlinedl, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Offlinedl]:
    """A home with an episode of the demo service, which is to be had over TLS."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    with relays.tls(origin.url, certificates.server(tmp_path / "certificate.pem")) as url:
        assert moved("", "source", "add", "demo", f"{url}/feed.json").code == 0
        done = moved("", "get", "demo:harbour-1")
        assert done.code == 0, done
        origin.forget()
        yield offlinedl


def secrets(offlinedl: Offlinedl) -> int:
    return len(list((offlinedl.home / "vault").glob("*.sealed")))


def test_a_clock_that_is_set_back_is_said_to_be(secure: Offlinedl, origin: Origin) -> None:
    """B5: nothing plays until the time is known; nothing is asked for by looking."""
    listed = moved("-1d", "list")
    assert "Clock set back: does not play until the time is known" in listed.out
    assert listed.err.splitlines()[0].startswith("The clock of this machine is set back by 23 hours; a license server")
    assert state("-1d") == "clock-suspect"
    refused = moved("-1d", "play", "demo:harbour-1")
    assert refused.code == 5
    assert refused.err.splitlines() == [
        "error: demo:harbour-1: the clock of this machine was set back, and nobody knows whether the title's time is "
        "over",
        "hint: set the clock right; or go online: `offlinedl get demo:harbour-1` asks the service for the time, if it "
        "has https",
    ]
    assert [t["id"] for t in moved("-1d", "list", "--state", "clock-suspect", "--json").json] == ["demo:harbour-1"]
    assert moved("-1d", "list", "--until", "2099-01-01", "--json").json == []
    assert moved("-1d", "rm", "--expired").err == "Nothing to remove.\n"
    doctor = moved("-1d", "doctor", "--json")
    [finding] = [found for found in doctor.json if found["what"] == "clock"]
    assert (doctor.code, finding["error"]["code"]) == (5, "clock-suspect")
    assert finding["detail"].startswith("set back by 23 hours; a license server said ")
    assert not origin.log
    history = [e["event"] for e in moved("-1d", "show", "demo:harbour-1", "--json").json["history"]]
    assert history[-1] == "clock set back by 23 hours"
    assert history.count(history[-1]) == 1
    assert state("") == "ready"


def test_get_asks_for_the_time_and_for_no_license(secure: Offlinedl, origin: Origin) -> None:
    """The clock stays wrong, and the boot clock goes on from the date."""
    assert state("-1d") == "clock-suspect"
    got = moved("-1d", "get", "demo:harbour-1", on=True)
    assert (got.code, got.err) == (0, "Low Tide: already there. Available for 29 more days\n")
    assert [(asked.method, asked.path) for asked in origin.log] == [("HEAD", "/license")]
    assert state("-1d", on=True) == "ready"
    assert secure.watch("demo:harbour-1", clock=stopped("-1d")).code == 130


def test_a_title_without_a_license_server_asks_where_its_keys_are(secure: Offlinedl, origin: Origin) -> None:
    assert moved("", "rm", "--all").code == 0
    assert moved("", "get", "demo:ferry").code == 0
    origin.forget()
    assert moved("-1d", "get", "demo:ferry", on=True).code == 0
    [asked] = origin.log
    assert (asked.method, asked.headers["Cache-Control"]) == ("HEAD", "no-cache")
    assert asked.path.startswith("/titles/ferry/")
    assert "key" in asked.path


AFTER = {"get": [], "sync": ["GET"], "renew": ["POST"]}
"""What a verb asks for once the time is known: what is ready is ready, a source is read, a license is renewed."""


@pytest.mark.parametrize("verb", [("sync",), ("renew", "demo:harbour-1")], ids=lambda verb: verb[0])
def test_whoever_goes_online_asks_for_the_time_first(verb: tuple[str, ...], secure: Offlinedl, origin: Origin) -> None:
    assert state("-1d") == "clock-suspect"
    done = moved("-1d", *verb, on=True)
    assert done.code == 0, done
    assert [asked.method for asked in origin.log] == ["HEAD", *AFTER[verb[0]]]
    assert state("-1d", on=True) == "ready"


def test_sync_warns_where_nobody_tells_the_time(demo: Offlinedl) -> None:
    demo.ok("get", "demo:harbour-1")
    assert moved("-1d", "sync", "--dry-run").out == "demo:harbour-1: would ask the time (the clock was set back)\n"
    synced = moved("-1d", "sync")
    assert (synced.code, synced.err.split(":")[0]) == (0, "warning")


def test_it_warns_by_mail_once(demo: Offlinedl) -> None:
    """Whichever title it is that asks."""
    demo.ok("get", "demo:harbour-1", "demo:harbour-2")
    mail = moved("-1d", "sync", "--quiet").err
    assert mail.startswith("warning: demo:harbour-1: the clock of this machine was set back")
    assert moved("-1d", "rm", "demo:harbour-1").code == 0
    later = moved("-1d", "sync", "--quiet").err
    assert "clock" not in later


def test_nothing_plays_on_a_trip_whose_time_is_not_known(demo: Offlinedl) -> None:
    demo.ok("get", "demo:harbour-1")
    day = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"
    assert moved("", "sync", "--until", day).code == 0
    synced = moved("-1d", "sync", "--until", day, "--json")
    assert [(s["step"], s["result"]) for s in synced.json] == [("ask the time", "warning"), ("play", "failed")]
    assert (synced.code, synced.json[1]["error"]["code"]) == (5, "clock-suspect")
    assert moved("-1d", "list", "--until", day, "--json").json == []


def test_where_the_date_does_not_settle_it_get_refuses(secure: Offlinedl, origin: Origin) -> None:
    """There is no boot clock that could go on from it, or it comes out of a cache."""
    assert moved("-1d", "get", "demo:harbour-1").code == 5
    origin.fault("/license", o.status(405, {"Age": "60"}))
    assert moved("-1d", "get", "demo:harbour-1", on=True).code == 5
    assert state("-1d", on=True) == "clock-suspect"
    assert {asked.method for asked in origin.log} == {"HEAD"}


def test_a_year_too_many_destroys_nothing_and_is_corrected_by_the_servers_date(
    secure: Offlinedl, origin: Origin
) -> None:
    """B6: expired while the clock says so; get asks for the time, and that is all that it takes."""
    assert state("+365d") == "expired"
    assert [state(""), state("")] == ["expired", "expired"]
    assert secrets(secure) == 1
    got = moved("", "get", "demo:harbour-1")
    assert (got.code, got.err) == (0, "Low Tide: already there. Available for 29 more days\n")
    assert [asked.method for asked in origin.log] == ["HEAD"]
    assert (state(""), secrets(secure)) == ("ready", 1)


def test_an_expired_title_loses_its_keys_and_gets_new_ones_without_its_media(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", "demo:harbour-1")
    before = demo.files()
    assert (state("+31d"), secrets(demo)) == ("expired", 1)
    assert (state("+31d"), secrets(demo)) == ("expired", 0)
    assert demo.files() == before
    [title] = moved("+33d", "list", "--json").json
    assert (title["state"], title["message"]) == ("expired", "Expired 3 days ago")
    assert moved("+33d", "play", "demo:harbour-1").code == 5
    origin.forget()
    assert moved("+33d", "get", "demo:harbour-1").code == 0
    assert len(origin.asked("/license")) == 1
    assert not origin.asked(".m4s")
    assert (state("+33d"), secrets(demo)) == ("ready", 1)


def test_without_tls_nobody_tells_the_time(demo: Offlinedl, origin: Origin) -> None:
    """A title whose end is not known stays shut; an expired one gets a new license, and its clocks begin with that."""
    demo.ok("get", "demo:harbour-1")
    assert moved("-1d", "get", "demo:harbour-1").code == 5
    assert [state("+365d"), state("")] == ["expired", "expired"]
    origin.forget()
    assert moved("", "get", "demo:harbour-1").code == 0
    assert [asked.method for asked in origin.asked("/license")] == ["POST"]
    assert not origin.asked(".m4s")
    assert state("") == "ready"


def test_a_license_is_issued_when_its_server_says(secure: Offlinedl) -> None:
    """The clock was wrong already when it was got."""
    moved("", "rm", "--all")
    [right] = moved("-1d", "get", "demo:harbour-1", "--json", on=True).json
    [title] = moved("", "list", "--json").json
    assert title["license"]["issued_at"] == right["license"]["issued_at"]
    assert (title["state"], title["message"]) == ("ready", "Available for 29 more days")


@pytest.mark.parametrize("verb", ["get", "renew"])
def test_a_clock_that_is_put_forward_costs_no_license(verb: str, demo: Offlinedl, origin: Origin) -> None:
    """It is over as that has it; a server that refuses another one takes none away."""
    demo.ok("get", "demo:harbour-1")
    origin.fault("/license", o.status(403))
    assert moved("+365d", verb, "demo:harbour-1", on=True).code == 5
    assert secrets(demo) == 1
    origin.mend()
    origin.forget()
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert (title["state"], title["message"]) == ("ready", "Available for 29 more days")
    assert not origin.asked("/license")


@pytest.mark.parametrize("verb", [("get", "demo:harbour-1"), ("renew", "--all"), ("sync",)], ids=" ".join)
def test_a_clock_that_is_put_forward_is_set_right_by_who_is_asked(
    verb: tuple[str, ...], secure: Offlinedl, origin: Origin
) -> None:
    with closing(sqlite3.connect(secure.home / "catalog.db", isolation_level=None)) as catalog:
        catalog.execute("UPDATE clock SET confirmed = 0")  # as where no date was ever trusted
        catalog.execute("UPDATE licenses SET storage_seconds = 3600")
    assert state("+2h", on=True) == "expired"
    done = moved("+2h", *verb, on=True)
    assert done.code == 0, done
    assert [asked.method for asked in origin.log] == ["HEAD", *AFTER[verb[0]]]
    assert (state("+2h", on=True), secrets(secure)) == ("ready", 1)


def test_sync_says_where_a_clock_stays_ahead(demo: Offlinedl) -> None:
    demo.ok("get", "demo:harbour-1")
    would = moved("+365d", "sync", "--dry-run", on=True)
    assert would.out == "demo:harbour-1: would ask the time (the clock was put forward)\n"
    assert "the clock of this machine was put forward" in moved("+365d", "sync", on=True).err


def test_all_that_can_be_renewed_is_also_what_may_be_over(secure: Offlinedl, origin: Origin) -> None:
    assert state("-1d") == "clock-suspect"
    done = moved("-1d", "renew", "--all", on=True)
    assert done.code == 0, done
    assert [asked.method for asked in origin.log] == ["HEAD", "POST"]


def test_a_download_is_ready_though_nobody_tells_the_time(secure: Offlinedl, origin: Origin) -> None:
    async def away(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await (o.dropped()(request, handler) if request.method == "HEAD" else handler(request))

    origin.fault("/license", away)
    done = moved("-1d", "get", "demo:harbour-2")
    assert (done.code, len(origin.asked("/license")) > 1) == (0, True), done
