"""Progress as it is shown: lines, a bar, events; each on a simulated clock, and from the command line."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from offlinedl.api.events import Watch
from offlinedl.cli.events import tell
from offlinedl.cli.progress import Bar, Lines
from offlinedl.demo.origin import DATA
from tests import origin as o
from tests import titles
from tests.conftest import Offlinedl, Result
from tests.origin import Asked, Origin
from tests.test_cli import on_terminal
from tests.test_kill import serve

MB = 1_000_000
SCHEMA = json.loads((Path(__file__).parents[1] / "docs/progress.schema.json").read_text())
VALID = Draft202012Validator(SCHEMA)


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    time: float = 1000.0

    def __call__(self) -> float:
        return self.time

    def date(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)


def documented(shape: Any) -> Iterator[str]:
    """The names of all fields in the schema."""
    if isinstance(shape, dict):
        yield from shape.get("properties", ())
        for below in shape.values():
            yield from documented(below)
    elif isinstance(shape, list):
        for below in shape:
            yield from documented(below)


def events(text: str) -> list[dict[str, Any]]:
    """The events of a stderr on which there is nothing else; each as the schema has it, and in an order that makes
    sense: C61, B35, B39."""
    found = [json.loads(line) for line in text.splitlines()]
    for event in found:
        assert VALID.is_valid(event), event
        assert event.keys() <= set(documented(SCHEMA))
    for _, group in groupby(found, key=lambda event: event["title"]):
        of_one = list(group)
        kinds = [event["event"] for event in of_one]
        assert kinds[-1] in {"end", "error", "paused"}
        assert not {"end", "error", "paused"} & set(kinds[:-1])
        assert kinds.count("begin") <= 1
        for before, after in pairwise(event for event in of_one if event["event"] != "error"):
            assert before["bytes_done"] <= after["bytes_done"]
            assert before["percent"] <= after["percent"]
            assert before["at"] <= after["at"]
            assert after["event"] != "step" or before["step"] != after["step"]
    return found


def kinds(found: list[dict[str, Any]]) -> list[str]:
    """The events in short, without those between."""
    named = [event["step"] if event["event"] == "step" else event["event"] for event in found]
    return [name for name in named if name != "progress"]


AN_EVENT = {
    "event": "progress", "title": "demo:low-tide", "name": "Low Tide", "at": "2026-11-21T13:54:00.824Z",
    "step": "media", "bytes_done": 2008, "bytes_total": 84055, "estimated": True, "percent": 2.3,
    "bytes_per_second": 0, "seconds_left": None,
}  # fmt: skip
WRONG: list[dict[str, Any]] = [
    {"event": "done"},
    {"event": "end"},
    {"event": "error"},
    {"title": None},
    {"at": "2026-11-21T13:54:00"},
    {"step": "heads"},
    {"bytes_done": -1},
    {"bytes_total": 0},
    {"estimated": False},
    {"percent": 100},
    {"percent": None},
    {"seconds_left": -1},
    {"seconds_left": 0.5},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_the_schema_tells_events_from_what_is_none(wrong: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert VALID.is_valid(AN_EVENT)
    assert not VALID.is_valid(AN_EVENT | wrong)


# lines


def test_a_line_every_few_seconds_says_how_far_how_fast_and_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Lines(clock)
    lines.begin("Low Tide", 10 * MB, 70 * MB)
    lines.step("media")
    for _ in range(12 * 16):
        clock.time += 1 / 16
        lines.advance(MB // 8)
    lines.end("Low Tide: ready.", "Low Tide", 70 * MB)
    assert capsys.readouterr().err.splitlines() == [
        "Low Tide: about 70 MB, 10 MB there already",
        "Low Tide: downloading",
        "Low Tide: 28 %, 20 MB of 70 MB, 2.0 MB/s, 0:25 left",
        "Low Tide: 42 %, 30 MB of 70 MB, 2.0 MB/s, 0:20 left",
        "Low Tide: ready.",
    ]


def test_a_line_claims_nothing_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Lines(clock)
    lines.begin("Low Tide", 0, 0)
    clock.time += 6
    lines.advance(3 * MB, 3 * MB)
    clock.time += 1
    lines.finished(0.25, 3_000_000)
    clock.time += 5
    lines.advance(0)
    assert capsys.readouterr().err.splitlines() == [
        "Low Tide: of unknown size",
        "Low Tide: 3.0 MB, 500 kB/s",
        "Low Tide: 25 %, 3.0 MB of 12 MB, 250 kB/s, 0:36 left",
    ]


# the bar


def test_a_bar_is_drawn_a_few_times_a_second_and_its_figures_whenever_they_are_asked_for() -> None:
    from rich.console import Console
    from rich.progress import Progress

    clock = Clock()
    bars = Progress(console=Console(file=io.StringIO()))
    bar = Bar(bars, clock)
    assert str(bar) == ""
    bar.begin("Low Tide", 0, 70 * MB)
    [task] = bars.tasks
    drawn = []
    for _ in range(100):
        clock.time += 1 / 32
        bar.advance(MB // 10)
        drawn.append(task.completed)
    assert (task.description, task.total, task.completed) == ("Low Tide", 100, 14.2)
    assert len(set(drawn)) == 1 + 100 // 4
    assert str(bar) == "10 MB of 70 MB, 3.2 MB/s, 0:18 left"
    clock.time += 30
    assert str(bar) == "10 MB of 70 MB, 302 kB/s, 3:18 left"
    bar.step("proof")
    assert task.description == "Low Tide: proving that the license opens it"


def test_a_bar_that_knows_no_size_has_no_end() -> None:
    from rich.progress import Progress

    clock = Clock()
    bars = Progress()
    bar = Bar(bars, clock)
    bar.begin("Low Tide", 0, 0)
    clock.time += 1
    bar.advance(MB, MB)
    assert bars.tasks[0].total is None
    assert str(bar) == "1.0 MB, 1.0 MB/s"


@pytest.mark.parametrize("how", ["lines", "json", "none"])
def test_what_is_no_bar_has_no_codes_on_a_terminal_either(how: str, demo: Offlinedl) -> None:
    """C62."""
    written = on_terminal("get", "demo:lighthouse", "--progress", how, TERM="xterm")
    assert "\x1b" not in written
    assert bool(written) == (how != "none")


@pytest.mark.parametrize("how", ["auto", "bar"])
def test_a_bar_is_on_a_terminal_only(how: str, demo: Offlinedl, monkeypatch: pytest.MonkeyPatch) -> None:
    """C62."""
    assert "\x1b[" in on_terminal("get", "demo:lighthouse", "--progress", how, TERM="xterm")
    assert "\x1b" not in on_terminal("get", "demo:ferry", "--progress", how, TERM="xterm", NO_COLOR="1")
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b" not in demo.ok("get", "demo:harbour-1", "--progress", how).err


def test_none_says_nothing_but_errors(demo: Offlinedl) -> None:
    assert demo.ok("get", "demo:lighthouse", "--fit", "1GB", "--progress", "none").err == ""
    assert demo("get", "demo:nothing", "--progress", "none").err.startswith("error: ")


# events


def test_events_come_at_most_four_times_a_second_and_transitions_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """B39."""
    clock = Clock()
    watching = Watch("demo:low-tide", partial(tell, at=clock.date), clock)
    watching.begin("Low Tide", 10 * MB, 70 * MB)
    watching.step("license")
    watching.step("media")
    watching.step("media")
    for _ in range(160):
        clock.time += 1 / 16
        watching.advance(MB // 8)
    watching.begin("Low Tide", 30 * MB, 70 * MB)
    watching.step("media")
    watching.step("proof")
    watching.end("Low Tide: ready.", "Low Tide", 30 * MB)
    found = events(capsys.readouterr().err)
    assert kinds(found) == ["begin", "license", "media", "proof", "end"]
    assert sum(event["event"] == "progress" for event in found) == 40
    assert found[42] == {
        "event": "progress",
        "title": "demo:low-tide",
        "name": "Low Tide",
        "at": "1970-01-01T00:16:50.000Z",
        "step": "media",
        "bytes_done": 30 * MB,
        "bytes_total": 70 * MB,
        "estimated": True,
        "percent": 42.8,
        "bytes_per_second": 2 * MB,
        "seconds_left": 20,
    }
    assert found[-1] == {
        **found[42],
        "event": "end",
        "step": "proof",
        "estimated": False,
        "percent": 100.0,
        "bytes_total": 30 * MB,
        "bytes_per_second": 0,
        "seconds_left": None,
        "message": "Low Tide: ready.",
    }


@pytest.fixture
def chatty(demo: Offlinedl, monkeypatch: pytest.MonkeyPatch) -> Offlinedl:
    """A command line that makes an event of every chunk."""
    monkeypatch.setattr("offlinedl.api.events._SECONDS_BETWEEN_EVENTS", 0.0)
    return demo


def get(offlinedl: Offlinedl, *words: str) -> Result:
    return offlinedl("get", *words, "--progress", "json")


def test_a_title_that_becomes_ready_is_told_as_events(chatty: Offlinedl) -> None:
    result = get(chatty, "demo:harbour-1", "demo:lighthouse", "--json")
    assert [title["state"] for title in result.json] == ["ready", "ready"]
    found = events(result.err)
    assert kinds(found) == ["begin", "license", "media", "proof", "end", "begin", "media", "check", "end"]
    assert sum(event["event"] == "progress" for event in found) > 10
    assert [event["percent"] for event in found].count(100) == 2
    assert {event["name"] for event in found} == {"Low Tide", "The Lighthouse"}
    sizes = [title["bytes"]["total"] for title in result.json]
    assert [event["bytes_done"] for event in found if event["event"] == "end"] == sizes
    assert [event["bytes_total"] for event in found if event["event"] == "end"] == sizes


def test_a_title_that_was_ready_before_is_one_event(chatty: Offlinedl) -> None:
    chatty.ok("get", "demo:harbour-1")
    [event] = events(get(chatty, "demo:harbour-1").err)
    assert (event["event"], event["percent"], event["name"]) == ("end", 100, "Low Tide")
    assert event["bytes_done"] == event["bytes_total"] == chatty.listed()[0]["bytes"]["done"]
    found = events(get(chatty, "demo:harbour-1", "--audio", "en,fr").err)
    assert kinds(found) == ["begin", "media", "proof", "end"]


def test_what_is_lost_and_fetched_again_does_not_go_back(chatty: Offlinedl, origin: Origin) -> None:
    """C61."""
    origin.fault("v720/2.m4s", o.truncated(10_000), times=2)
    origin.fault("a-en/3.m4s", o.truncated(1000), times=2)
    result = get(chatty, "demo:harbour-1")
    assert result.code == 0
    assert kinds(events(result.err))[-1] == "end"
    assert len(origin.asked("v720/2.m4s")) == 3


def test_a_title_without_sizes_claims_none(chatty: Offlinedl, origin: Origin) -> None:
    found = events(get(chatty, f"{origin.url}/titles/ferry/v720.m3u8?token=s3cr3t").err)
    begun = [event for event in found if event["percent"] == 0]
    assert begun
    assert {event["bytes_total"] for event in begun} == {None}
    assert {event["title"] for event in found} == {f"{origin.url}/titles/ferry/v720.m3u8"}
    assert found[-1]["bytes_total"] == found[-1]["bytes_done"]


def test_errors_are_events_too(chatty: Offlinedl, origin: Origin) -> None:
    """C63, C68."""
    origin.fault("harbour-2/v720/2.m4s", o.status(404))
    result = get(chatty, "demo:nothing", "demo:harbour-2", "demo:lighthouse")
    found = [event for event in events(result.err) if event["event"] in {"error", "end"}]
    assert [(event["title"], event.get("exit_code")) for event in found] == [
        ("demo:nothing", 3),
        ("demo:harbour-2", 4),
        ("demo:lighthouse", None),
    ]
    assert found[0]["error"]["code"] == "not-found"
    assert "v720/2.m4s: status 404" in found[1]["error"]["message"]
    assert result.code == 3


def test_a_command_that_fails_as_a_whole_is_an_event_without_title(chatty: Offlinedl) -> None:
    [event] = events(get(chatty, "demo:harbour-1", "--fit", "1kB").err)
    assert (event["title"], event["error"]["code"], event["exit_code"]) == (None, "does-not-fit", 6)
    result = get(chatty, "demo:nothing", "--dry-run", "--json")
    assert (result.json, kinds(events(result.err))) == ([], ["error"])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("check", []),
        ("renew --all", []),
        ("resume", []),
        ("check demo:nothing", ["demo:nothing"]),
        ("get demo:https://example.com/?p=1", ["demo:https://example.com/?p=1"]),
        ("get ftp://example.com/film?token=s3cr3t", ["ftp:..."]),
    ],
)
def test_where_there_are_events_there_are_no_words(line: str, told: list[str], demo: Offlinedl) -> None:
    found = events(demo(*line.split(), "--progress", "json").err)
    assert [event["title"] for event in found] == told


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_stopping_is_an_event(number: int, code: int, demo: Offlinedl, origin: Origin) -> None:
    origin.fault("v720/2.m4s", o.held(asyncio.Event()))
    process = subprocess.Popen(
        [sys.executable, "-m", "offlinedl", "get", "demo:harbour-1", "--progress", "json"], stderr=subprocess.PIPE
    )

    def stop(asked: Asked) -> None:
        if "v720/2.m4s" in asked.path:
            os.kill(process.pid, number)

    origin.watchers.append(stop)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code
    assert kinds(events(said.decode())) == ["begin", "license", "media", "paused"]
    origin.mend()
    origin.watchers.clear()
    resumed = events(get(demo, "demo:harbour-1").err)
    assert resumed[0]["bytes_done"] > 0
    assert resumed[0]["bytes_per_second"] == 0


def test_a_pause_that_was_asked_for_elsewhere_is_no_error(demo: Offlinedl, origin: Origin) -> None:
    """B39."""
    origin.fault("v720/2.m4s", o.held(asyncio.Event()))
    asked = threading.Event()
    origin.watchers.append(lambda a: asked.set() if "v720/2.m4s" in a.path else None)
    words = [sys.executable, "-m", "offlinedl", "get", "demo:harbour-1", "--progress", "json"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE)
    assert asked.wait(30)
    demo.ok("pause", "demo:harbour-1")
    _, said = process.communicate(timeout=30)
    found = events(said.decode())
    assert (process.returncode, kinds(found)) == (130, ["begin", "license", "media", "paused"])
    assert found[-1]["error"]["code"] == "paused"


@pytest.mark.parametrize("kind", titles.KINDS)
def test_a_title_that_is_paused_in_the_middle_is_in_the_middle(kind: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """C61: also where nobody knows how large the rest is."""
    title = titles.KINDS[kind]()
    url = serve(origin, title)
    process = offlinedl.start("get", url, "-N", "1", "--progress", "json", err=subprocess.PIPE)

    def stop(_: Asked) -> None:
        if sum(asked.sent for asked in origin.log) >= sum(map(len, title.files.values())) / 2:
            origin.slices.clear()
            process.send_signal(signal.SIGINT)

    origin.slices.append(stop)
    _, said = process.communicate()
    *_, last = events(said.decode())
    [listed] = offlinedl.listed()
    assert (last["event"], listed["state"]) == ("paused", "paused")
    assert 30 < last["percent"] < 70
    assert 30 < listed["percent"] < 70
    assert listed["bytes"]["done"] < 0.7 * listed["bytes"]["total"]
    assert "100 %" not in listed["message"]


def test_a_title_that_is_paused_when_all_is_there_but_not_proven_is_not_all(demo: Offlinedl) -> None:
    """C61."""
    before = f"dies_at('offlinedl.license.proof', 'prove', number={int(signal.SIGINT)})"
    process = demo.start("get", "demo:harbour-1", "--progress", "json", before=before, err=subprocess.PIPE)
    _, said = process.communicate()
    [listed] = demo.listed()
    assert (events(said.decode())[-1]["percent"], listed["percent"]) == (99.9, 99.9)
    assert listed["message"] == "Paused, 99 % done"


@pytest.mark.parametrize(("own", "code"), [('keep_free = "900TB"', "no-space"), ('quota = "1kB"', "over-quota")])
def test_no_space_is_a_pause_too(own: str, code: str, chatty: Offlinedl) -> None:
    """B39."""
    (chatty.home / "config.toml").write_text(f"[storage]\n{own}\n")
    result = get(chatty, "demo:harbour-1")
    found = events(result.err)
    assert (result.code, kinds(found), found[-1]["error"]["code"]) == (6, ["paused"], code)
    assert [title["state"] for title in chatty.listed()] == ["paused"]


def test_what_a_service_names_itself_draws_nothing(demo: Offlinedl, origin: Origin) -> None:
    feed = (DATA / "feed.json").read_text().replace("The Lighthouse", "\\u001b[2J\\u202e\\n{}")
    origin.fault("/feed.json", o.body(feed.encode()))
    said = get(demo, "demo:lighthouse").err
    assert re.fullmatch(r"[ -~\n]*", said)
    assert kinds(events(said)) == ["begin", "media", "check", "end"]
