"""Several titles of one `get`: all are in the catalog before the first begins, and go in the order that they should."""

from __future__ import annotations

import signal
import subprocess
import urllib.request
from contextlib import AbstractContextManager

import pytest

from offlinedl.library import Library
from tests import origin as o
from tests.conftest import Offlinedl, Result
from tests.origin import Origin
from tests.test_pause import _RELEASE, held_at

ONE, TWO, THREE = "demo:harbour-1", "demo:harbour-2", "demo:lighthouse"


def states(demo: Offlinedl) -> dict[str, str]:
    return {title["id"]: title["state"] for title in demo.listed()}


def ready_one_after_the_other(result: Result) -> list[str]:
    """The names of the titles, in the order in which they became ready."""
    return [line.partition(": ready")[0] for line in result.err.splitlines() if ": ready" in line]


@pytest.fixture
def held(demo: Offlinedl, origin: Origin) -> subprocess.Popen[bytes]:
    """A `get` of three titles in the middle of the first one."""
    return held_at(demo, origin, "harbour-1/v720/2.m4s", ONE, TWO, THREE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_what_stops_the_first_leaves_the_others_in_the_queue(
    number: int, held: subprocess.Popen[bytes], demo: Offlinedl, origin: Origin
) -> None:
    """C2, C3, C1: and `resume` goes on with all of them."""
    assert states(demo) == {ONE: "downloading", TWO: "queued", THREE: "queued"}
    held.send_signal(number)
    held.wait()
    assert states(demo) == {ONE: "paused", TWO: "queued", THREE: "queued"}
    origin.mend()
    demo.ok("resume")
    assert set(states(demo).values()) == {"ready"}


def test_after_a_kill_the_same_command_goes_on(held: subprocess.Popen[bytes], demo: Offlinedl, origin: Origin) -> None:
    """C1: a row that says that the title is downloaded tells nothing of a process."""
    held.kill()
    held.wait()
    origin.mend()
    demo.ok("get", ONE, TWO, THREE)
    assert set(states(demo).values()) == {"ready"}


def test_one_that_cannot_be_resolved_does_not_keep_the_others_from_the_queue(demo: Offlinedl, origin: Origin) -> None:
    process = held_at(demo, origin, "harbour-1/v720/2.m4s", "demo:nothing", ONE, f"{origin.url}/no.mpd", THREE)
    assert states(demo) == {ONE: "downloading", THREE: "queued"}
    urllib.request.urlopen(origin.url + _RELEASE).close()
    assert process.wait() == 3
    assert states(demo) == {ONE: "ready", THREE: "ready"}


def test_what_is_done_to_a_title_before_its_turn_is_heeded(
    held: subprocess.Popen[bytes], demo: Offlinedl, origin: Origin
) -> None:
    """It is paused: it does not begin. It is removed: it does not come back."""
    demo.ok("pause", TWO)
    demo.ok("rm", THREE)
    urllib.request.urlopen(origin.url + _RELEASE).close()
    assert held.wait() == 130
    assert states(demo) == {ONE: "ready", TWO: "paused"}
    demo.ok("resume")
    assert states(demo) == {ONE: "ready", TWO: "ready"}


@pytest.mark.parametrize("verb", ["get", "pause"])
def test_one_that_goes_at_the_last_moment_is_gone(
    verb: str, demo: Offlinedl, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at it and its lock another process removes it: that is said, and not that it never was."""
    origin.fault("v720/2.m4s", o.status(404))
    assert demo("get", ONE).code == 4
    lock = Library.lock

    def late(library: Library, title_id: str) -> AbstractContextManager[None]:
        assert demo.start("rm", title_id).wait() == 0
        monkeypatch.setattr(Library, "lock", lock)
        return lock(library, title_id)

    monkeypatch.setattr(Library, "lock", late)
    done = demo(verb, ONE)
    assert (done.code, done.err) == (
        3,
        f"error: {ONE}: no longer in the catalog\nhint: another offlinedl removed it meanwhile\n",
    )


def test_those_of_a_higher_priority_go_first(demo: Offlinedl, origin: Origin) -> None:
    """As it was said when they were first asked for; else they go in the order of the command line."""
    origin.fault(r"\.(m4s|mp4|ts)$", o.status(404))
    for title, priority in ((TWO, "5"), ("demo:ferry", "9")):
        assert demo("get", title, "--priority", priority).code == 4
    origin.mend()
    result = demo.ok("get", THREE, ONE, TWO, "demo:ferry")
    assert ready_one_after_the_other(result) == ["The Ferry", "High Water", "The Lighthouse", "Low Tide"]


def test_a_priority_that_is_said_now_is_that_of_all(demo: Offlinedl, origin: Origin) -> None:
    origin.fault("harbour-2/v720/2.m4s", o.status(404), times=2)
    assert demo("get", TWO, "--priority", "5").code == 4
    result = demo.ok("get", THREE, TWO, "--priority", "1")
    assert ready_one_after_the_other(result) == ["The Lighthouse", "High Water"]


def test_a_title_that_failed_waits_again_and_one_that_is_ready_stays_so(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", THREE)
    origin.fault("harbour-2/v720/2.m4s", o.status(404))
    assert demo("get", TWO).code == 4
    process = held_at(demo, origin, "harbour-1/v720/2.m4s", ONE, TWO, THREE)
    assert states(demo) == {ONE: "downloading", TWO: "queued", THREE: "ready"}
    process.kill()
    process.wait()
    origin.mend()
    demo.ok("resume")
    assert set(states(demo).values()) == {"ready"}


def test_no_manifest_is_read_twice(demo: Offlinedl, origin: Origin) -> None:
    """Also where a license server was named."""
    urls = [f"{origin.url}/titles/{name}/manifest.mpd" for name in ("harbour-1", "harbour-2")]
    demo.ok("get", *urls, "--license-url", f"{origin.url}/license")
    assert [asked.path for asked in origin.asked(".mpd")] == [url.removeprefix(origin.url) for url in urls]
