"""The vault's key is lost, damaged or foreign: it is said with the titles concerned, and costs their licenses."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import origin as o
from tests.conftest import Offlinedl, Result, stopped
from tests.origin import Origin

BOTH = ("demo:harbour-1", "demo:harbour-2")


@pytest.fixture
def held(demo: Offlinedl, origin: Origin) -> Offlinedl:
    """Two titles under licenses."""
    demo.ok("get", *BOTH)
    origin.forget()
    return demo


def lost(vault: Path) -> None:
    (vault / "key").unlink()


def foreign(vault: Path) -> None:
    (vault / "key").write_bytes(bytes(32))


def cut(vault: Path) -> None:
    (vault / "key").write_bytes((vault / "key").read_bytes()[:31])


def gone(vault: Path) -> None:
    shutil.rmtree(vault)


Harm = Callable[[Path], None]


def assert_named(result: Result, *titles: str) -> None:
    """It failed for the licenses of these titles, and says so in two lines."""
    assert (result.code, result.out) == (8, ""), result
    error, hint = result.err.splitlines()[-2:]
    assert re.search(f"the licenses of {', '.join(titles)} (cannot be read: |are not in the vault any more)", error)
    assert "vault" in error
    assert hint.startswith("hint: restore the vault's key file")


@pytest.mark.parametrize("harm", [lost, foreign, cut, gone])
def test_it_is_said_with_the_titles(harm: Harm, held: Offlinedl, origin: Origin) -> None:
    harm(held.home / "vault")
    assert [title["state"] for title in held.listed()] == ["ready", "ready"]
    assert_named(held("play", "demo:harbour-1"), *BOTH)
    assert [title["license"]["first_played_at"] for title in held.listed()] == [None, None]
    held.ok("show", "demo:harbour-1")
    assert origin.log == []


@pytest.mark.parametrize("harm", [lost, foreign, gone])
def test_get_asks_for_a_license_and_for_no_media(harm: Harm, held: Offlinedl, origin: Origin) -> None:
    harm(held.home / "vault")
    held.ok("get", "demo:harbour-1")
    assert len(origin.asked("/license")) == 1
    assert not origin.asked(".m4s")
    assert "license could not be read" in held.ok("show", "demo:harbour-1").out
    held.play("demo:harbour-1")
    result = held("play", "demo:harbour-2")
    assert_named(result, "demo:harbour-2")
    assert "put its key elsewhere first" in result.err
    noted = "license cannot be read: the vault's key was lost" in held.ok("show", "demo:harbour-2").out
    assert noted is (harm is not foreign)


@pytest.mark.parametrize("title", ["demo:harbour-1", "demo:ferry"], ids=["of which it has one", "that is new"])
def test_no_license_is_asked_for_that_could_not_be_kept(title: str, held: Offlinedl, origin: Origin) -> None:
    """What is left of a key may be of use to its owner: none is made in its place until it is deleted."""
    cut(held.home / "vault")
    assert_named(held("get", title), *BOTH)
    assert not origin.asked("/license")
    assert not origin.asked("/key")
    (held.home / "vault/key").unlink()
    held.ok("get", title)


def test_the_key_comes_back_after_another_was_made(held: Offlinedl, origin: Origin) -> None:
    """What was sealed meanwhile is asked for once more, and all else is as it was."""
    key = (held.home / "vault/key").read_bytes()
    lost(held.home / "vault")
    held.ok("get", "demo:ferry")
    assert (held.home / "vault/key").read_bytes() != key
    (held.home / "vault/key").write_bytes(key)
    origin.forget()
    for title in BOTH:
        held.play(title)
    assert origin.log == []
    assert_named(held("play", "demo:ferry"), "demo:ferry")
    held.ok("get", "demo:ferry")
    assert (len(origin.asked("/key")), origin.asked(".ts")) == (1, [])
    held.play("demo:ferry")


def test_rm_needs_no_key(held: Offlinedl, origin: Origin) -> None:
    lost(held.home / "vault")
    origin.fault("", o.dropped())
    held.ok("rm", "--all")
    assert list((held.home / "vault").iterdir()) == []


def test_one_license_that_is_damaged_is_named_alone(held: Offlinedl) -> None:
    [first, _] = sorted((held.home / "vault").glob("*.sealed"), key=lambda f: f.stat().st_mtime_ns)
    first.write_bytes(first.read_bytes()[:-1])
    assert_named(held("play", "demo:harbour-1"), "demo:harbour-1")
    held.play("demo:harbour-2")


def spoilt(vault: Path) -> None:
    for file in vault.glob("*.sealed"):
        file.write_bytes(file.read_bytes()[:-1])


def absent(vault: Path) -> None:
    for file in vault.glob("*.sealed"):
        file.unlink()


@pytest.mark.parametrize("words", [["check", "--repair"], ["get", "demo:harbour-1"]], ids=" ".join)
@pytest.mark.parametrize("harm", [lost, spoilt, absent])
def test_a_loss_lengthens_nothing(harm: Harm, words: list[str], demo: Offlinedl, origin: Origin) -> None:
    """The first play stays, also where the server refuses at first."""
    demo.ok("get", "demo:harbour-1")
    demo.play("demo:harbour-1")
    [before] = demo.listed()
    harm(demo.home / "vault")
    origin.fault("/license", o.status(403), times=1)
    assert demo(*words).code == 5
    demo.ok(*words)
    [after] = demo.listed()
    clocks = {name: after["license"][name] for name in ("first_played_at", "expires_at", "window")}
    assert clocks == {name: before["license"][name] for name in clocks}
    assert clocks["window"] == "playback"
    demo.play("demo:harbour-1")
    assert demo("sync", "--dry-run").out == ""
    demo.ok("rm", "demo:harbour-1")
    assert not list((demo.home / "vault").glob("*-*.sealed"))


def test_one_that_is_lost_and_over_begins_anew(demo: Offlinedl) -> None:
    """The service grants what it wants."""
    assert demo.at("2026-11-01 12:00:00", "get", "demo:harbour-1").code == 0
    demo.play("demo:harbour-1", clock=stopped("2026-11-01 12:00:00"))
    absent(demo.home / "vault")
    assert demo.at("2026-11-05 12:00:00", "get", "demo:harbour-1").code == 0
    [title] = json.loads(demo.at("2026-11-05 12:00:00", "list", "--json").out)
    assert (title["license"]["first_played_at"], title["message"]) == (None, "Available for 30 more days")
