"""mark: what people decide about titles is written down, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Offlinedl

BEFORE = {"watched": False, "position_seconds": 0, "kept": False}

ROWS: list[Any] = [
    pytest.param([["--watched"]], {"watched": True}, id="watched"),
    pytest.param([["--watched"], ["--unwatched"]], {}, id="unwatched"),
    pytest.param([["--keep"]], {"kept": True}, id="keep"),
    pytest.param([["--keep"], ["--no-keep"]], {}, id="no keep"),
    pytest.param([["--position", "754"]], {"position_seconds": 754}, id="position"),
    pytest.param([["--position", "754"], ["--position", "0"]], {}, id="position 0"),
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
        result = demo.ok("mark", "demo:lighthouse", *words)
        assert (result.out, result.err) == ("", "")
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
    "words", [[], ["--position", "-1"], ["--position", "soon"], ["--priority", "101"]], ids=" ".join
)
def test_what_cannot_be_marked(words: list[str], demo: Offlinedl) -> None:
    assert demo("mark", "demo:lighthouse", *words).code == 2
