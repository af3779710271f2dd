"""The two clocks on a system clock that was moved: got on the 1st with 30 days and 48 hours."""

from __future__ import annotations

import pytest

from tests.conftest import Offlinedl, Result

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
    return offlinedl.at(moment, "play", "demo:harbour-1", "--player", "none")


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
    assert played(got, "2026-11-21 12:00:00").code == 0
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
