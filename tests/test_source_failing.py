"""A source that dies is told of: by mail, by the exit code, in the history and by doctor."""

from __future__ import annotations

from typing import Any

import pytest

from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Fault, Origin
from tests.seasons import known, offer


@pytest.fixture
def tv(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    return known(offlinedl, origin)


DIES: list[Any] = [
    pytest.param(o.status(404), 3, id="404"),
    pytest.param(o.body(b"{"), 8, id="torn"),
    pytest.param(o.status(503), 4, id="503"),
]


@pytest.mark.parametrize(("fault", "code"), DIES)
def test_what_fails_for_a_week_is_no_outage(fault: Fault, code: int, tv: Offlinedl, origin: Origin) -> None:
    """Also where a person saw it first; then it is known again."""
    origin.fault("/seasons.json", fault)
    assert tv.at("2026-12-01 12:00:00", "sync").code == 0
    for moment, ends, lines in (
        ("2026-12-08 11:00:00", 0, 0),
        ("2026-12-08 12:00:00", code, 2),
        ("2027-03-01 12:00:00", code, 0),
    ):
        mail = tv.at(moment, "sync", "--quiet")
        assert (mail.code, len(mail.err.splitlines()), mail.err.startswith("error: ")) == (ends, lines, lines > 0)
    told = tv.at("2027-03-01 12:00:00", "sync", "--json").json
    assert [(step["result"], step["reason"]) for step in told] == [("failed", "it fails since 2026-12-01")]
    origin.mend()
    assert tv.at("2027-03-02 12:00:00", "sync").code == 0


def test_what_fails_otherwise_is_said_again(tv: Offlinedl, origin: Origin) -> None:
    for fault in (o.status(404), o.body(b"{"), o.status(503)):
        origin.mend()
        origin.fault("/seasons.json", fault)
        assert tv.ok("sync", "--quiet").err.startswith("warning: tv: ")
        assert tv.ok("sync", "--quiet").err == ""


def test_where_it_is_named(tv: Offlinedl, origin: Origin) -> None:
    assert tv.ok("doctor").code == 0
    origin.fault("/seasons.json", o.status(404))
    tv.ok("sync")
    [run] = tv.ok("sync", "--history", "--json").json
    assert [failed["title"] for failed in run["failed"]] == ["tv"]
    assert "tv: http" in tv.ok("sync", "--history").out
    doctor = tv("doctor", "--json")
    [found] = [finding for finding in doctor.json if finding["what"] == "source tv"]
    assert (doctor.code, found["state"], found["error"]["code"]) == (3, "broken", "not-found")
    assert found["detail"].startswith("fails since ")


def test_an_offer_that_empties_is_said_once(tv: Offlinedl, origin: Origin) -> None:
    offer(origin, [])
    mail = tv.ok("sync", "--quiet").out
    assert mail == "tv: its offers were read. 0 new, 6 gone; it offers no title any more\n"
    assert tv.ok("sync", "--quiet").out == ""
    offer(origin)
    tv.ok("sync")
    offer(origin, [])
    assert [step["title"] for step in tv.ok("sync", "--json").json] == ["tv"]
