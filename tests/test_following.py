"""Following a series: from the rule that a person says to the episodes that lie here."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.seasons import CLEAR, LICENSED, SEASONS, episode, known, news, offer, ready

MONTH = [episode(1, 1, LICENSED), episode(1, 2, CLEAR), episode(1, 3, CLEAR)]


@pytest.fixture
def tv(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    """A home that knows a service with two seasons."""
    return known(offlinedl, origin)


def decisions(tv: Offlinedl, *words: str) -> dict[str, tuple[str, str, str]]:
    """What `sync` says of each title: what, how it ended, and why. Each has a reason."""
    steps: list[Any] = tv("sync", "--json", *words).json
    assert all(step["reason"] for step in steps)
    return {step["title"].removeprefix("tv:"): (step["step"], step["result"], step["reason"]) for step in steps}


def fetched(tv: Offlinedl) -> set[str]:
    """What `sync` downloads."""
    return {title for title, (does, result, _) in decisions(tv).items() if (does, result) == ("download", "done")}


# the rule


def test_a_rule_is_said_and_shown(tv: Offlinedl) -> None:
    said = tv.ok("follow", "tv:h", "--next", "2", "--delete-watched", "--grace", "7d", "-q", "high", "--audio", "en,fr",
                 "--from", "S1E2", "--priority", "3", "--refetch-expired")  # fmt: skip
    assert said.out == (
        "tv:h: followed. The next 2, from S1 E2 on, what was watched goes after 7 days, what expires is fetched again, "
        "priority 3, high\n"
    )
    [rule] = tv.ok("following", "--json").json
    assert rule == {
        "series": "tv:h", "name": "Harbour", "ready": 0, "hindrance": None, "next": 2, "newest": False,
        "from": {"season": 1, "episode": 2}, "delete_watched": True, "grace_seconds": 604800, "refetch_expired": True,
        "priority": 3, "quality": "high", "audio": ["en", "fr"], "subtitles": None,
    }  # fmt: skip
    assert "tv:h  Harbour  0" in tv.ok("following").out


def test_one_series_has_one_rule_and_then_none(tv: Offlinedl) -> None:
    tv.ok("follow", "h", "--next", "2")
    tv.ok("follow", "Harbour", "--next", "1")
    assert [rule["next"] for rule in tv.ok("following", "--json").json] == [1]
    tv.ok("sync")
    assert tv.ok("unfollow", "h").out == "tv:h: not followed any more; its titles stay\n"
    assert (tv.ok("following").err[:20], ready(tv)) == ("Nothing is followed.", ["1x1"])
    assert tv("unfollow", "h").code == 3
    assert decisions(tv) == {}


WRONG = [
    pytest.param(["follow", "none"], 3, "there are: tv:h", id="no such series"),
    pytest.param(["follow", "h", "--grace", "long"], 2, "--grace long: not a time", id="grace"),
    pytest.param(["follow", "h", "--from", "2"], 2, "write it like S2E4", id="from"),
    pytest.param(["follow", "h", "--next", "0"], 2, "--next", id="next"),
    pytest.param(["follow", "h", "-q", "huge"], 2, "huge", id="quality"),
    pytest.param(["follow", "h", "--audio", ","], 2, "--audio ,: no language", id="language"),
    pytest.param(["sync", "--until", "soon"], 2, "--until soon: not a date", id="until"),
]


@pytest.mark.parametrize(("words", "code", "said"), WRONG)
def test_a_rule_that_is_none_is_refused(words: list[str], code: int, said: str, tv: Offlinedl) -> None:
    refused = tv(*words)
    assert (refused.code, said in refused.err) == (code, True)
    assert tv.ok("following", "--json").json == []


def test_a_series_of_two_sources_is_named_in_full(tv: Offlinedl, origin: Origin) -> None:
    tv.ok("source", "add", "other", f"{origin.url}/seasons.json")
    refused = tv("follow", "h")
    assert (refused.code, "other:h, tv:h" in refused.err) == (3, True)
    tv.ok("follow", "other:h")
    assert tv.ok("unfollow", "h").out.startswith("other:h: not followed any more")


# what comes and goes


def test_a_device_stays_about_constant(tv: Offlinedl, origin: Origin) -> None:
    """C65, B30, B31: the next ones come, over the edge of a season, the watched ones go and stay away."""
    tv.ok("follow", "h", "--next", "2", "--delete-watched", "--grace", "0m")
    assert (fetched(tv), ready(tv)) == ({"1x1", "1x2"}, ["1x1", "1x2"])
    assert decisions(tv) == {}
    tv.ok("mark", "1x1", "1x2", "--watched")
    assert decisions(tv) == {
        "1x1": ("remove", "done", "watched 0 minutes ago"),
        "1x2": ("remove", "done", "watched 0 minutes ago"),
        "1x3": ("download", "done", "next of Harbour, 1 of 2"),
        "2x1": ("download", "done", "next of Harbour, 2 of 2"),
    }
    assert ready(tv) == ["1x3", "2x1"]
    origin.forget()
    assert decisions(tv) == {}
    assert [asked.path for asked in origin.log] == ["/seasons.json"]


def test_the_quality_is_that_of_the_rule(tv: Offlinedl) -> None:
    tv.ok("follow", "h", "--next", "1", "-q", "data-saver")
    tv.ok("sync")
    assert [title["quality"]["name"] for title in tv.listed()] == ["data-saver"]


def test_newer_ones_take_the_place_of_the_oldest(offlinedl: Offlinedl, origin: Origin) -> None:
    """As of news; and what they replaced does not come back when they are watched, nor what is older still."""
    known(offlinedl, origin, [news(1), news(2), news(3)])
    offlinedl.ok("follow", "n", "--next", "2", "--delete-watched", "--grace", "0m")
    offlinedl.ok("sync")
    assert set(ready(offlinedl)) == {"n2", "n3"}
    offer(origin, [news(1), news(2), news(3), news(4)])
    offlinedl.ok("sync")
    offlinedl.ok("sync")
    assert set(ready(offlinedl)) == {"n3", "n4"}
    offlinedl.ok("mark", "n3", "n4", "--watched")
    assert fetched(offlinedl) == set()


def test_what_is_watched_is_remembered_where_its_source_forgets_it(tv: Offlinedl, origin: Origin) -> None:
    tv.ok("follow", "h", "--next", "1", "--delete-watched", "--grace", "0m", "--from", "S1E3")
    tv.ok("sync")
    tv.ok("mark", "1x3", "--watched")
    offer(origin, SEASONS[:2] + SEASONS[3:])
    assert fetched(tv) == {"2x1"}
    tv.ok("rm", "2x1")
    assert fetched(tv) == {"2x2"}


# what a person decides


@pytest.mark.parametrize("words", [["rm", "1x1"], ["rm", "--all"]], ids=" ".join)
@pytest.mark.parametrize("back", [["get", "tv:1x1"], ["follow", "h", "--next", "1"]], ids=" ".join)
def test_what_a_person_removed_stays_removed_until_it_is_asked_for(
    words: list[str], back: list[str], tv: Offlinedl
) -> None:
    """C65, A7: by `get`, or by following the series anew."""
    tv.ok("follow", "h", "--next", "1")
    tv.ok("sync")
    tv.ok(*words)
    assert (fetched(tv), ready(tv)) == ({"1x2"}, ["1x2"])
    assert decisions(tv)["1x1"][:2] == ("download", "skipped")
    tv.ok(*back)
    tv.ok("sync")
    assert "1x1" in ready(tv)


def test_following_anew_does_not_bring_back_what_was_watched(tv: Offlinedl) -> None:
    tv.ok("follow", "h", "--next", "1")
    tv.ok("sync")
    tv.ok("mark", "1x1", "--watched")
    tv.ok("rm", "1x1")
    tv.ok("follow", "h", "--next", "1")
    assert fetched(tv) == {"1x2"}


def test_who_watches_it_again_says_from_where(tv: Offlinedl) -> None:
    tv.ok("follow", "h", "--next", "1", "--delete-watched", "--grace", "0m")
    for number in ("1x1", "1x2", "1x3"):
        tv.ok("sync")
        tv.ok("mark", number, "--watched")
    assert fetched(tv) == {"2x1"}
    tv.ok("follow", "h", "--next", "2", "--from", "S1E2")
    assert fetched(tv) == {"1x2", "1x3"}


def test_kept_and_begun_ones_stay(tv: Offlinedl) -> None:
    """C66, B31."""
    tv.ok("follow", "h", "--next", "3", "--delete-watched", "--grace", "0m")
    tv.ok("sync")
    tv.ok("mark", "1x1", "--watched", "--keep")
    tv.ok("mark", "1x2", "--position", "5")
    tv.ok("sync")
    assert ready(tv) == ["1x1", "1x2", "1x3", "2x1"]
    tv.ok("mark", "1x1", "--no-keep")
    assert decisions(tv)["1x1"][0] == "remove"


def test_what_is_being_watched_stays(tv: Offlinedl) -> None:
    """Also once more, or where enough of it was seen: it goes when that has ended."""
    tv.ok("follow", "h", "--next", "1", "--delete-watched", "--grace", "0m")
    tv.ok("sync")
    tv.ok("mark", "1x1", "--watched")
    command = [sys.executable, "-m", "offlinedl", "play", "tv:1x1", "--player", "none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        assert process.stdout.readline().startswith(b"http://127.0.0.1:")
        assert fetched(tv) == {"1x2"}
        assert ready(tv) == ["1x1", "1x2"]
        tv.ok("check", "1x1")
        process.kill()
    assert decisions(tv) == {"1x1": ("remove", "done", "watched 0 minutes ago")}


def test_an_unwatched_one_is_one_of_the_next_again(tv: Offlinedl) -> None:
    """C65."""
    tv.ok("follow", "h", "--next", "1")
    tv.ok("sync")
    tv.ok("mark", "1x1", "--watched")
    tv.ok("mark", "1x1", "--unwatched")
    assert decisions(tv) == {}


def test_a_pause_is_heeded_until_the_person_resumes(tv: Offlinedl, origin: Origin) -> None:
    """A17, A22: what a person stopped, no schedule starts."""
    offer(origin, MONTH)
    tv.ok("follow", "h", "--next", "1")
    origin.fault("2.m4s", o.status(404))
    assert tv("sync").code != 0
    origin.mend()
    tv.ok("pause", "1x1")
    assert decisions(tv)["1x1"] == ("download", "skipped", "a person paused it; `offlinedl resume` goes on")
    tv.ok("resume", "1x1")
    assert ready(tv) == ["1x1"]


def test_what_a_person_gets_is_theirs(tv: Offlinedl) -> None:
    """It does not go where its rule would remove what it brought."""
    tv.ok("follow", "h", "--next", "1")
    tv.ok("sync")
    tv.ok("get", "tv:1x2", "tv:1x1")
    tv.ok("unfollow", "h")
    assert tv.ok("storage", "--json").json["goes_first"] == []


# what ends


@pytest.mark.parametrize(
    ("words", "then"),
    [
        pytest.param([], {"1x1": "skipped", "1x2": "done"}, id="it is not fetched again"),
        pytest.param(["--delete-watched"], {"1x1": "skipped", "1x2": "done"}, id="nor removed, where a clock jumped"),
        pytest.param(["--refetch-expired"], {"1x1": "done"}, id="unless the rule says so"),
    ],
)
def test_expired_and_unwatched(words: list[str], then: dict[str, str], offlinedl: Offlinedl, origin: Origin) -> None:
    """No media come a second time."""
    known(offlinedl, origin, MONTH)
    offlinedl.ok("follow", "h", "--next", "1", *words)
    assert offlinedl.at("2026-11-01 12:00:00", "sync").code == 0
    assert offlinedl.at("2027-01-01 12:00:00", "list").code == 0
    origin.forget()
    told = offlinedl.at("2027-01-01 13:00:00", "sync", "--json").json
    assert {step["title"].removeprefix("tv:"): step["result"] for step in told if step["step"] != "release"} == then
    assert not origin.asked("harbour-1/v")
    again = offlinedl.at("2027-01-01 14:00:00", "sync", "--json").json
    assert [step for step in again if step["result"] == "done"] == []


RIGHTS = [
    pytest.param({"download": False}, "does not allow", id="may not be downloaded"),
    pytest.param({"download": False, "reason": "cinema first"}, "downloaded: cinema first", id="for a reason"),
    pytest.param({"available_from": "2100-01-01T00:00:00Z"}, "not available before 2100-01-01", id="not there yet"),
    pytest.param({"available_until": "2026-01-01T00:00:00Z"}, "no longer available since 2026-01-01", id="left"),
]


@pytest.mark.parametrize(("rights", "said"), RIGHTS)
def test_rights_are_heeded(rights: dict[str, Any], said: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """The next one takes the place, and nothing is asked for in vain."""
    known(offlinedl, origin, [episode(1, 1, rights=rights), *SEASONS[1:]])
    offlinedl.ok("follow", "h", "--next", "1")
    assert f"tv:1x1: not now: {decisions(offlinedl, '--dry-run')['1x1'][2]}" in offlinedl.ok("sync", "--dry-run").out
    told = decisions(offlinedl)
    assert (told["1x1"][:2], said in told["1x1"][2], told["1x2"][1]) == (("download", "skipped"), True, "done")


def test_a_grace_of_0_needs_no_unit(tv: Offlinedl) -> None:
    tv.ok("follow", "h", "--grace", "0")
    assert tv.ok("following", "--json").json[0]["grace_seconds"] == 0


def test_a_source_that_is_removed_is_missed_where_it_is_followed(tv: Offlinedl) -> None:
    tv.ok("follow", "h", "--next", "1")
    tv.ok("sync")
    assert "hindrance" in tv.ok("following", "--json").json[0]
    assert tv.ok("source", "remove", "tv").err == (
        "tv:h is followed still, and nothing new comes of it: `offlinedl unfollow tv:h` ends that\n"
    )
    assert "its source was removed" in tv.ok("following").out
    assert tv.ok("following", "--json").json[0]["hindrance"] == "its source was removed"
    again = tv("follow", "tv:h")
    assert (again.code, "tv:h: its source, tv, was removed" in again.err) == (3, True)
    tv.ok("unfollow", "h")
