"""sync: one pass that cron can be left alone with."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import urllib.request
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offlinedl import smart
from offlinedl.store import Store, folder_name
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Fault, Origin
from tests.seasons import CLEAR, LICENSED, SEASONS, episode, known, offer, ready
from tests.test_pause import _RELEASE, held_at


@pytest.fixture
def tv(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    """A home that knows a service with two seasons, and follows the next two."""
    known(offlinedl, origin)
    offlinedl.ok("follow", "h", "--next", "2", "--delete-watched", "--grace", "0m")
    return offlinedl


def steps(tv: Offlinedl, *words: str) -> list[tuple[str, str, str]]:
    """What a pass tells, in its order: what, of which title, and how it ended."""
    return [(s["step"], s["title"].removeprefix("tv:"), s["result"]) for s in tv("sync", "--json", *words).json]


def state(tv: Offlinedl) -> list[Any]:
    """All that the catalog and the folders of titles hold."""
    with closing(sqlite3.connect(tv.home / "catalog.db")) as catalog:
        dump = [line for line in catalog.iterdump() if "INTO clock" not in line and '"clock"' not in line]
    return [dump, sorted(str(f) for f in tv.home.rglob("*") if f.suffix not in {".db-wal", ".db-shm"})]


# one pass


def test_what_goes_goes_first(tv: Offlinedl, origin: Origin) -> None:
    """Sources, removals, downloads; in the order of priority."""
    tv.ok("sync")
    tv.ok("mark", "1x1", "--watched")
    offer(origin, [*SEASONS, episode(3, 1)])
    told = tv.ok("sync", "--json").json
    assert [(s["step"], s["title"].removeprefix("tv:"), s["result"]) for s in told] == [
        ("read", "tv", "done"), ("remove", "1x1", "done"), ("download", "1x3", "done"),
    ]  # fmt: skip
    assert [set(step) for step in told] == 3 * [
        {"step", "title", "reason", "result", "message", "bytes", "error"},
    ]  # fmt: skip


def test_what_a_person_keeps_meanwhile_does_not_go(tv: Offlinedl, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between what is decided and what is done there are other titles."""
    tv.ok("sync")
    tv.ok("mark", "1x1", "--watched")
    decide = smart.decide

    def decided(*what: Any) -> Any:
        actions = decide(*what)
        assert tv.start("mark", "1x1", "--keep").wait() == 0
        return actions

    monkeypatch.setattr(smart, "decide", decided)
    assert ("remove", "1x1", "skipped") in steps(tv)
    assert "1x1" in [title["id"].removeprefix("tv:") for title in tv.listed()]


def test_a_dry_run_lists_and_changes_nothing(tv: Offlinedl, origin: Origin) -> None:
    """C70: neither here nor there; then the same is done."""
    tv.ok("sync")
    tv.ok("mark", "1x1", "--watched")
    before = state(tv)
    origin.forget()
    would = tv.ok("sync", "--dry-run")
    assert would.out.splitlines() == [
        "tv:1x1: would remove (watched 0 minutes ago; about 71 kB)",
        "tv:1x3: would download (next of Harbour, 2 of 2; about 71 kB)",
    ]
    assert steps(tv, "--dry-run") == [("remove", "1x1", "would"), ("download", "1x3", "would")]
    assert (state(tv), origin.log) == (before, [])
    assert steps(tv) == [("remove", "1x1", "done"), ("download", "1x3", "done")]


def test_a_second_one_leaves_at_once(tv: Offlinedl, origin: Origin) -> None:
    """C67, B27: quietly, where that is asked for; a dry run disturbs nobody."""
    with Store(tv.home / "titles").lock(".sync"):
        second = tv("sync")
        assert (second.code, second.err.splitlines()[0]) == (7, "error: another `offlinedl sync` is at work")
        quiet = tv("sync", "--quiet")
        assert (quiet.code, quiet.out, quiet.err) == (7, "", "")
        assert tv("sync", "--dry-run").code == 0
    assert not origin.log
    tv.ok("sync", "--quiet")


@pytest.mark.parametrize("does", ["download", "remove", "renew", "release"])
def test_a_title_that_another_process_is_at_is_left_to_the_next_run(
    does: str, offlinedl: Offlinedl, origin: Origin
) -> None:
    """C67: that is no failure, and no mail."""
    known(offlinedl, origin, [episode(1, 1, LICENSED)])
    offlinedl.ok("follow", "h", "--next", "1", "--delete-watched", "--grace", "0m")
    if does != "download":
        long_ago = datetime.now(UTC) - timedelta(days=24)
        assert offlinedl.at(f"{long_ago:%Y-%m-%d %H:%M:%S}", "sync").code == 0
    if does == "remove":
        offlinedl.ok("mark", "1x1", "--watched")
    if does == "release":
        origin.fault("/license", o.status(503))
        offlinedl.ok("rm", "1x1")
        origin.mend()
    with Store(offlinedl.home / "titles").lock(folder_name("tv:1x1")):
        quiet = offlinedl.ok("sync", "--quiet")
        assert (quiet.out, quiet.err) == ("", "")
        busy = [s["reason"] for s in offlinedl.ok("sync", "--json").json if s["step"] == does]
        assert busy == ["another offlinedl is working on this title"]
    assert (does, "1x1", "done") in steps(offlinedl)


def test_one_that_fails_leaves_the_others(tv: Offlinedl, origin: Origin) -> None:
    """C68: the code is that of the first failure; patience grows, and what succeeds is forgotten."""
    bad = episode(1, 1)
    bad["sources"] = [{"url": "titles/none/manifest.mpd"}]
    offer(origin, [bad, *SEASONS[1:]])
    first = tv("sync", "--json")
    assert (first.code, ready(tv)) == (3, ["1x2"])
    assert [s["error"] is None for s in first.json if s["step"] == "download"] == [False, True]
    origin.forget()
    again = tv.ok("sync", "--json").json
    assert [step["result"] for step in again] == ["skipped"]
    assert "failed 1 time" in again[0]["reason"]
    assert not origin.asked("titles/")
    offer(origin, SEASONS)
    later = tv.at("2099-01-01 00:00:00", "sync", "--json").json
    assert ("download", "tv:1x1", "done") in [(s["step"], s["title"], s["result"]) for s in later]


def test_a_mail_is_worth_what_is_new(tv: Offlinedl, origin: Origin) -> None:
    """What succeeds is none; what fails is one, once."""
    assert (tv.ok("sync", "--quiet").out, ready(tv)) == ("", ["1x1", "1x2"])
    tv.ok("mark", "1x1", "--watched")
    origin.fault("titles/", o.status(404))
    assert tv("sync", "--quiet").err.startswith("error: tv:1x3: ")
    later = tv.at("2099-01-01 00:00:00", "sync", "--quiet")
    assert (later.code, later.out, later.err) == (3, "", "")


def test_what_fails_each_time_is_one_mail(offlinedl: Offlinedl, origin: Origin) -> None:
    """A renewal, a release: said again where it is otherwise than before, or was well between."""
    known(offlinedl, origin, [episode(1, number, LICENSED) for number in (1, 2)])
    assert offlinedl.at("2026-11-01 12:00:00", "get", "tv:1x1", "tv:1x2").code == 0
    origin.fault("/license", o.status(503))
    assert offlinedl.at("2026-11-24 12:00:00", "rm", "tv:1x2").code == 0

    def mails(moment: str) -> list[str]:
        told = offlinedl.at(moment, "sync", "--quiet")
        assert told.out == ""
        return [line.partition(": the")[0] for line in told.err.splitlines() if not line.startswith("hint: ")]

    assert mails("2026-11-24 13:00:00") == ["warning: tv:1x1", "error: tv:1x2"]
    assert mails("2026-11-24 19:00:00") == []
    origin.mend()
    origin.fault("/license", o.status(403))
    assert mails("2026-11-25 13:00:00") == ["warning: tv:1x1", "warning: tv:1x2"]
    assert mails("2026-11-25 19:00:00") == []
    origin.mend()
    assert mails("2026-11-26 13:00:00") == []
    origin.fault("/license", o.status(403))
    assert mails("2026-12-20 13:00:00") == ["warning: tv:1x1"]


@pytest.mark.parametrize("fault", [o.dropped(), o.status(503), o.body(b"{")], ids=["away", "503", "torn"])
def test_a_source_that_fails_costs_nothing(fault: Fault, tv: Offlinedl, origin: Origin) -> None:
    """What it offered last stays, no title is tried in vain, and a mail is worth the first time alone."""
    origin.fault("/seasons.json", fault)
    assert tv.ok("sync", "--quiet").err.startswith("warning: tv: ")
    assert tv.ok("sync", "--quiet").err == ""
    told = tv.ok("sync", "--json").json
    assert {step["result"] for step in told if step["step"] == "download"} == {"skipped"}
    assert not origin.asked("titles/")
    origin.mend()
    tv.ok("sync")
    assert ready(tv) == ["1x1", "1x2"]


def test_nothing_to_do_asks_for_nothing_but_the_sources(tv: Offlinedl, origin: Origin) -> None:
    tv.ok("sync")
    origin.forget()
    assert tv.ok("sync").err == "Nothing to do.\n"
    assert [asked.path for asked in origin.log] == ["/seasons.json"]


def test_what_its_rule_no_more_wants_while_it_comes_goes(tv: Offlinedl, origin: Origin) -> None:
    offer(origin, [episode(1, 1, LICENSED), episode(1, 2, LICENSED)])
    origin.fault("2.m4s", o.status(404))
    assert tv("sync").code != 0
    assert [title["state"] for title in tv.listed()] == ["failed", "failed"]
    origin.mend()
    tv.ok("unfollow", "h")
    tv.ok("sync")
    assert tv.listed() == []


def test_what_never_came_can_be_dismissed(tv: Offlinedl, origin: Origin) -> None:
    """`show` says why it is not here; from `rm` on the next one has its place, until `get` asks for it again."""
    gone = episode(1, 1)
    gone["sources"] = [{"url": "titles/none/manifest.mpd"}]
    offer(origin, [gone, *SEASONS[1:]])
    assert (tv("sync").code, ready(tv)) == (3, ["1x2"])
    shown = tv("show", "1x1")
    assert (shown.code, "not here: its download failed 1 time: " in shown.err) == (3, True)
    said = "Not listed, for nothing of it is here: 1 download that failed (tv:1x1). `offlinedl show ID` says why.\n"
    assert tv.ok("list", "--state", "failed").err.endswith(said)
    failed = tv.ok("list", "--state", "failed", "--json")
    assert (failed.json, failed.err) == ([], said)
    assert (tv.ok("list").err, tv.ok("list", "--state", "ready").err) == ("", "")
    assert tv("rm", "1x3").code == 3
    assert tv("rm", "--all", "1x1").code == 2  # and 1x1 is none of those that are left: see below
    assert tv.ok("rm", "1x1", "--dry-run").out.startswith("would leave tv:1x1")
    assert tv.ok("rm", "tv:1x1").out == "left tv:1x1, which is not here: `sync` gets it no more\n"
    assert ("download", "1x3", "done") in steps(tv)
    assert tv.ok("list", "--state", "failed", "--json").err == ""
    assert tv("rm", "1x1").code == 3
    offer(origin)
    tv.ok("sync")
    assert ready(tv) == ["1x2", "1x3"]
    tv.ok("get", "1x1")
    assert ready(tv) == ["1x1", "1x2", "1x3"]


def test_what_never_came_and_was_watched_elsewhere_is_no_failure(tv: Offlinedl, origin: Origin) -> None:
    offer(origin, [episode(1, 1) | {"sources": [{"url": "titles/none/manifest.mpd"}]}, *SEASONS[1:]])
    assert tv("sync").code == 3
    tv.ok("mark", "tv:1x1", "--watched")
    assert tv.ok("list", "--state", "failed", "--json").err == ""
    assert tv.ok("show", "tv:1x2").code == 0


def test_of_many_that_never_came_some_are_named(tv: Offlinedl, origin: Origin) -> None:
    wrong = {"sources": [{"url": "titles/none/manifest.mpd"}]}
    offer(origin, [episode(1, number) | wrong for number in range(1, 8)])
    tv.ok("follow", "h", "--next", "7")
    assert tv("sync").code == 3
    named = "7 downloads that failed (tv:1x1, tv:1x2, tv:1x3, tv:1x4, tv:1x5 and 2 more)"
    assert named in tv.ok("list", "--state", "failed").err


def test_what_a_person_removed_is_said_in_json_and_where_that_is_asked(tv: Offlinedl, origin: Origin) -> None:
    """A pass that goes on as it did has nothing to say of it; nobody is sent to `get` for what the source has not."""
    tv.ok("sync")
    tv.ok("rm", "1x2")
    assert tv.ok("sync").out == "tv:1x3: downloaded (next of Harbour, 2 of 2). Available\n"
    again = tv.ok("sync")
    assert (again.out, again.err) == ("", "Nothing to do.\n")
    assert "tv:1x2: not now: a person removed it on " in tv.ok("sync", "--dry-run").out
    [left] = tv.ok("sync", "--json").json
    assert left["reason"].endswith("; `offlinedl get` brings it back")
    offer(origin, [one for one in SEASONS if one["id"] != "1x2"])
    [_, left] = tv.ok("sync", "--json").json
    assert (left["title"], left["reason"].endswith(", and its source has it no more")) == ("tv:1x2", True)


# killed


KILLED: list[Any] = [
    pytest.param(("offlinedl.library:Library", "begin", 2), id="some written down"),
    pytest.param(("offlinedl.library:Library", "ready", 1), id="in the first download"),
    pytest.param(("offlinedl.library:Library", "ready", 2), id="in the second"),
    pytest.param(("offlinedl.catalog.following:Followed", "remember", 1), id="before a removal"),
    pytest.param(("offlinedl.store:Store", "remove", 1), id="in the middle of a removal"),
    pytest.param(("offlinedl.catalog:Catalog", "forget", 1), id="at the end of a removal"),
]


@pytest.mark.parametrize("step", KILLED)
def test_after_a_kill_the_next_run_is_right(step: tuple[str, str, int], tv: Offlinedl, origin: Origin) -> None:
    """C1, C67: whatever was under way, as if nothing had happened; nothing is fetched a third time."""
    tv.ok("get", "tv:1x1")
    tv.ok("mark", "1x1", "--watched")
    process = tv.start("sync", before=f"dies_at{step}")
    assert process.wait() == -signal.SIGKILL
    tv.ok("sync")
    assert (ready(tv), tv.ok("sync").err) == (["1x2", "1x3"], "Nothing to do.\n")
    assert tv.claimed() == tv.files()
    assert len(origin.asked("manifest.mpd")) <= 5


def test_a_stop_is_no_pause_by_a_person(tv: Offlinedl, origin: Origin) -> None:
    """C3: as systemd stops what it started; the next run goes on."""
    offer(origin, [episode(1, 1, LICENSED), episode(1, 2, LICENSED)])
    process = held_at(tv, origin, "harbour-1/v720/2.m4s", verb="sync")
    process.terminate()
    assert process.wait() == 143
    origin.mend()
    tv.ok("sync")
    assert ready(tv) == ["1x1", "1x2"]


@pytest.mark.parametrize("word", ["rm", "pause"])
def test_what_a_person_does_to_a_title_before_its_turn_is_no_failure(word: str, tv: Offlinedl, origin: Origin) -> None:
    """A2, A17: the next run says why it leaves it, too."""
    offer(origin, [episode(1, 1, LICENSED), episode(1, 2, LICENSED)])
    process = held_at(tv, origin, "harbour-1/v720/2.m4s", "--quiet", verb="sync", err=subprocess.PIPE)
    tv.ok(word, "1x2")
    urllib.request.urlopen(origin.url + _RELEASE).close()
    assert (process.communicate()[1], process.returncode) == (b"", 0)
    [left] = tv.ok("sync", "--json").json
    assert (left["title"], left["result"], "a person" in left["reason"]) == ("tv:1x2", "skipped", True)


# without a network


def test_what_is_asked_for_without_a_network_waits_in_the_queue(demo: Offlinedl, origin: Origin) -> None:
    """B33: its tracks are chosen when there is one."""
    origin.fault(".", o.dropped())
    missed = demo("get", "demo:lighthouse", "--keep", "-q", "data-saver")
    assert (missed.code, "The title is queued" in missed.err) == (4, True)
    [queued] = demo.listed()
    assert (queued["id"], queued["name"], queued["state"], queued["kept"], queued["quality"]["name"]) == (
        "demo:lighthouse", "The Lighthouse", "queued", True, "data-saver",
    )  # fmt: skip
    demo.ok("sync")
    assert [title["state"] for title in demo.listed()] == ["queued"]
    origin.mend()
    demo.ok("sync")
    [got] = demo.listed()
    assert (got["state"], got["kept"], got["quality"]["name"]) == ("ready", True, "data-saver")


@pytest.mark.parametrize("verb", ["resume", "get"])
def test_a_person_need_not_wait_for_sync(verb: str, demo: Offlinedl, origin: Origin) -> None:
    """B33: also where it was named by its URL."""
    url = f"{origin.url}/titles/lighthouse/manifest.mpd"
    origin.fault(".", o.dropped())
    assert demo("get", url).code == 4
    origin.mend()
    demo.ok(verb, *([url] if verb == "get" else []))
    assert [title["state"] for title in demo.listed()] == ["ready"]


def test_what_is_no_title_does_not_wait(demo: Offlinedl, origin: Origin) -> None:
    origin.fault(".", o.dropped())
    for ref in ("demo:none", "none"):
        assert demo("get", ref).code == 4
    origin.mend()
    assert demo("get", f"{origin.url}/none.mpd").code == 3
    assert demo.listed() == []


# limits, trips


def test_a_place_that_a_removal_frees_is_there_at_once(offlinedl: Offlinedl, origin: Origin) -> None:
    """The service counts downloads on this device, and hears of the removal before the next one."""
    limits = {"downloads_per_device": 1, "devices": None, "downloads_per_month": None}
    known(offlinedl, origin, limits=limits)
    offlinedl.ok("follow", "h", "--next", "2", "--delete-watched", "--grace", "0m")
    told = offlinedl("sync", "--json")
    assert (told.code, ready(offlinedl)) == (5, ["1x1"])
    assert [step["error"]["code"] for step in told.json if step["error"]] == ["download-limit"]
    assert offlinedl("show", "1x2").err.startswith("error: tv:1x2: not here: its download failed 1 time: TV allows 1 ")
    offlinedl.ok("mark", "1x1", "--watched")
    offlinedl.ok("sync")
    assert ready(offlinedl) == ["1x2"]


def test_a_limit_is_said_once_and_waited_for(offlinedl: Offlinedl, origin: Origin) -> None:
    """Of one service, whatever titles run into it, also where there are hours in which none does; who then does so
    again after a while hears of it again."""
    known(offlinedl, origin, limits={"downloads_per_device": 1})
    offlinedl.ok("follow", "h", "--next", "3")
    first = offlinedl.at("2026-11-01 02:00:00", "sync", "--quiet")
    assert (first.code, first.err.count("error: "), "TV allows 1 download on a device" in first.err) == (5, 1, True)
    for moment in ("2026-11-01 08:00:00", "2026-11-02 02:00:00", "2026-11-03 02:00:00"):
        quiet = offlinedl.at(moment, "sync", "--quiet", "--between", "01:00-06:00")
        assert (quiet.code, quiet.out, quiet.err) == (0, "", ""), moment
    told = offlinedl.at("2026-11-03 03:00:00", "sync", "--json").json
    assert [(s["title"], s["result"], "allows 1 download" in s["reason"]) for s in told] == [
        ("tv:1x2", "skipped", True), ("tv:1x3", "skipped", True),
    ]  # fmt: skip
    offlinedl.ok("unfollow", "h")
    assert offlinedl.at("2026-12-03 02:00:00", "sync").code == 0
    offlinedl.ok("follow", "h", "--next", "3")
    assert offlinedl.at("2026-12-03 03:00:00", "sync", "--quiet").code == 5


TRIP = [episode(1, 1, LICENSED), episode(1, 2, CLEAR), episode(1, 3, LICENSED), episode(1, 4, LICENSED)]
PLAYED = "2026-11-10 12:00:00"


@pytest.fixture
def packed(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    """Titles of the 1st of November: two that play for a month, one that was begun on the 10th, one that has no end."""
    known(offlinedl, origin, TRIP)
    refs = [f"tv:1x{number}" for number in (1, 2, 3, 4)]
    assert offlinedl.at("2026-11-01 12:00:00", "get", *refs).code == 0
    with closing(sqlite3.connect(offlinedl.home / "catalog.db")) as catalog, catalog:
        begun = "UPDATE licenses SET first_played_at = ?1, last_played_at = ?1 WHERE title_id = 'tv:1x3'"
        catalog.execute(begun, ("2026-11-10T12:00:00.000000+00:00",))
    assert offlinedl.at(PLAYED, "mark", "tv:1x4", "--watched").code == 0
    origin.forget()
    return offlinedl


def test_a_trip_that_is_over_is_none(packed: Offlinedl) -> None:
    """A year that was mistyped is no promise that all plays then."""
    for verb in ("sync", "list"):
        refused = packed.at(PLAYED, verb, "--until", "2026-11-09")
        assert (refused.code, refused.err.splitlines()[0]) == (2, "error: 2026-11-09 is over")
    assert packed.at(PLAYED, "sync", "--dry-run", "--until", "2026-11-10").code == 0
    assert packed.at(PLAYED, "list", "--until", "2026-11-10").code == 0


def test_before_a_trip(packed: Offlinedl, origin: Origin) -> None:
    """What plays then, what is renewed so that it does, and what cannot; what was watched need not."""
    would = packed.at(PLAYED, "sync", "--dry-run", "--until", "2026-12-05")
    assert would.out.splitlines() == [
        "tv:1x1: would renew (ends 2026-12-01 12:00 UTC)",
        "tv:1x2: will play then (nothing ends it)",
    ]
    assert would.code == 5
    assert "tv:1x3: will not play then: ends 2026-11-12 12:00 UTC, for it was begun" in would.err
    assert not origin.log
    done = packed.at(PLAYED, "sync", "--until", "2026-12-05", "--json")
    assert [(s["step"], s["title"][-1], s["result"]) for s in done.json] == [
        ("renew", "1", "done"), ("play", "1", "told"), ("play", "2", "told"), ("play", "3", "failed"),
    ]  # fmt: skip
    assert (done.code, len(origin.asked("/license"))) == (5, 1)
    later = packed.at(PLAYED, "list", "--until", "2026-12-05", "--json").json
    assert [title["id"] for title in later] == ["tv:1x1", "tv:1x2"]


def test_what_ended_before_a_trip_is_asked_for_anew(packed: Offlinedl, origin: Origin) -> None:
    """Its media are here."""
    done = packed.at("2026-12-20 12:00:00", "sync", "--until", "2026-12-24", "--json")
    told = [(s["step"], s["title"], s["result"]) for s in done.json if s["step"] in {"download", "play"}]
    assert told == [
        ("download", "tv:1x1", "done"), ("download", "tv:1x3", "done"), ("play", "tv:1x1", "told"),
        ("play", "tv:1x2", "told"), ("play", "tv:1x3", "told"),
    ]  # fmt: skip
    assert (done.code, origin.asked(".m4s")) == (0, [])
