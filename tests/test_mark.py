"""mark: what people decide about titles is written down, and nothing else changes."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.seasons import known
from tests.test_following import fetched

BEFORE = {"watched": False, "position_seconds": 0, "kept": False}

ROWS: list[Any] = [
    pytest.param([["--watched"]], {"watched": True}, id="watched"),
    pytest.param([["--watched"], ["--unwatched"]], {}, id="unwatched"),
    pytest.param([["--keep"]], {"kept": True}, id="keep"),
    pytest.param([["--keep"], ["--no-keep"]], {}, id="no keep"),
    pytest.param([["--position", "7"]], {"position_seconds": 7}, id="position"),
    pytest.param([["--position", "0:07.5"]], {"position_seconds": 7}, id="position with minutes"),
    pytest.param([["--position", "7"], ["--position", "0"]], {}, id="position 0"),
    pytest.param([["--watched", "--keep"], ["--position", "3"]],
                 {"watched": True, "kept": True, "position_seconds": 3}, id="one leaves the others"),
]  # fmt: skip


def decided(offlinedl: Offlinedl, ref: str) -> dict[str, Any]:
    title = offlinedl.ok("show", ref, "--json").json
    return {name: title[name] for name in BEFORE}


@pytest.mark.parametrize(("calls", "changes"), ROWS)
def test_what_is_marked_is_kept(calls: list[list[str]], changes: dict[str, Any], demo: Offlinedl) -> None:
    demo.ok("get", "demo:lighthouse")
    for words in calls:
        assert demo.ok("mark", "demo:lighthouse", *words).err == ""
    assert decided(demo, "demo:lighthouse") == BEFORE | changes


def test_several_are_marked_and_the_others_go_on_after_one_that_is_not_there(demo: Offlinedl) -> None:
    demo.ok("get", "demo:lighthouse", "demo:harbour-1")
    result = demo("mark", "demo:lighthouse", "demo:nothing", "demo:harbour-1", "--watched")
    assert (result.code, "demo:nothing: no such title" in result.err) == (3, True)
    assert [decided(demo, ref)["watched"] for ref in ("demo:lighthouse", "demo:harbour-1")] == [True, True]


def test_the_highest_priority_is_resumed_first(demo: Offlinedl) -> None:
    demo.start(
        "get", "demo:lighthouse", "demo:harbour-1", before="dies_at('offlinedl.library:Library', 'start')"
    ).wait()
    demo.ok("mark", "demo:harbour-1", "--priority", "5")
    resumed = demo.ok("resume").err
    assert resumed.index("Low Tide: ready") < resumed.index("The Lighthouse: ready")


@pytest.mark.parametrize(
    "words",
    [
        [], ["--position", "-1"], ["--position", "soon"], ["--position", "99999"], ["--position", "0:12"],
        ["--priority", "101"], ["--watched", "--unwatched"], ["--keep", "--no-keep"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_marked(words: list[str], demo: Offlinedl) -> None:
    demo.ok("get", "demo:lighthouse")
    assert demo("mark", "demo:lighthouse", *words).code == 2
    assert decided(demo, "demo:lighthouse") == BEFORE


def test_what_holds_then_is_said_and_shown(demo: Offlinedl) -> None:
    demo.ok("get", "demo:lighthouse")
    marked = demo.ok("mark", "demo:lighthouse", "--keep", "--position", "0:07", "--priority", "5")
    assert marked.out == "demo:lighthouse: not watched, at 0:07, kept, priority 5\n"
    assert demo.ok("mark", "demo:lighthouse", "--watched").out == "demo:lighthouse: watched, at 0:07, kept\n"
    assert demo.ok("list").out.splitlines()[1].endswith("  Available, watched, at 0:07, kept")
    shown = demo.ok("show", "demo:lighthouse").out
    assert "  watched   yes\n  position  0:07\n  kept      yes" in shown


def test_plays_are_one_line_of_the_history(demo: Offlinedl) -> None:
    """A license without a window for them has one first play nevertheless."""
    demo.ok("get", "demo:ferry")
    for _ in range(3):
        demo.play("demo:ferry")
    shown = demo.ok("show", "demo:ferry").out
    assert re.search(r"^  20\S+Z  played, 3 times since 20\S+Z$", shown, re.MULTILINE)
    assert re.search(r"^  playback  .*; first played 20\S+Z$", shown, re.MULTILINE)


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("until", "said"), [("2030-01-01", "2030-01-01"), ("2030-01-01T18:00", "2030-01-01 18:00")], ids=["day", "moment"]
)
def test_a_date_is_said_as_it_was_given(until: str, said: str, zone: str, demo: Offlinedl) -> None:
    demo.ok("get", "demo:lighthouse")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TZ", zone)
        time.tzset()
        marked = demo.ok("mark", "demo:lighthouse", "--until", until)
    time.tzset()
    assert marked.out == f"demo:lighthouse: not watched, may go after {said}\n"


def test_what_was_seen_elsewhere_is_not_fetched(offlinedl: Offlinedl, origin: Origin) -> None:
    """And what comes next comes after it, until somebody says otherwise."""
    tv = known(offlinedl, origin)
    tv.ok("follow", "h", "--next", "1")
    assert tv.ok("mark", "tv:1x2", "--watched").out == "tv:1x2: watched elsewhere; it is not here\n"
    assert fetched(tv) == {"1x3"}
    assert tv.ok("mark", "1x2", "--unwatched").out == "tv:1x2: not watched; it is not here\n"
    assert "1x1" in fetched(tv)
    assert tv("mark", "tv:1x1x", "--watched").code == 3
    assert tv("mark", "tv:2x1", "--keep").code == 3
