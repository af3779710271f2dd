"""Killed at every write there is: never ready without a license, never a license lost, never a second request.

They count from the moment on that the answer lies on the disk. Before that it is in the memory of the process alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from offlinedl.custody import following
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.test_cli import rows
from tests.test_get import assert_origins_bytes
from tests.test_kill import serve
from tests.titles import fmp4

REF = "demo:harbour-1"


class Killed:
    """A home, and what becomes of copies of it when a command that works on one is killed."""

    def __init__(self, home: Offlinedl, capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._home, self._capture, self._monkeypatch = home, capture, monkeypatch
        self.count = 0
        self._homes: list[str] = []

    def at_each(self, begins: str, *words: str) -> Iterator[Offlinedl]:
        """The copies, after all of them were worked on; nothing killed the last of these (see tests/sabotage.py)."""
        program = f"from tests.sabotage import *\nat_each_write({str(self._home.home)!r}, {list(words)!r}, {begins!r})"
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True
        )
        self._homes = done.stdout.splitlines()
        self.count = len(self._homes)
        yield from self.others("")

    def others(self, named: str) -> Iterator[Offlinedl]:
        """Copies of those copies, which have this behind their names."""
        for home in self._homes:
            self._monkeypatch.setenv("OFFLINEDL_HOME", home + named)
            yield Offlinedl(Path(home + named), self._capture)


@pytest.fixture
def killed(offlinedl: Offlinedl, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Killed:
    return Killed(offlinedl, capsys, monkeypatch)


def secrets(home: Offlinedl) -> list[str]:
    """What lies in the vault beside its key and the device id."""
    return sorted(f.name for f in (home.home / "vault").iterdir() if f.name not in {"key", "device.sealed"})


OVER = "UPDATE licenses SET issued_at = '2020-01-01T00:00:00.000000+00:00', storage_seconds = 60"


@pytest.mark.parametrize("system", ["clearkey", "hls-key"])
def test_between_the_license_and_ready(system: str, demo: Offlinedl, origin: Origin, killed: Killed) -> None:
    """B8, B9b, B9c."""
    ref, asked = (serve(origin, fmp4(count=2)), "/key") if system == "hls-key" else (REF, "/license")
    for home in killed.at_each(".sealed", "get", ref):
        for title in home.listed():
            assert title["state"] != "ready" or title["license"]["system"] == system
        [title] = home.ok("get", ref, "--json").json
        assert (title["state"], title["license"]["system"]) == ("ready", system)
        assert_origins_bytes(title, origin.files if system == "hls-key" else None)
        assert len(secrets(home)) == 1
    assert len(origin.asked(asked)) == killed.count
    assert killed.count > 20


def test_between_a_renewal_and_its_swap(demo: Offlinedl, origin: Origin, killed: Killed) -> None:
    """B23. The old license serves until then; the next run takes up the new one, and asks nobody."""
    demo.ok("get", REF)
    demo.play(REF)
    [(slot,)] = rows(demo.home, "SELECT license_slot FROM titles")
    origin.forget()
    for home in killed.at_each(".sealed", "renew", REF):
        shutil.copytree(home.home, f"{home.home}-over")
        home.play(REF)
        home.ok("sync")
        [(id_, first)] = rows(home.home, "SELECT id, first_played_at FROM licenses")
        assert (id_, first is None) == (f"{slot}-1", False)
        home.play(REF)
    assert len(origin.asked("/license")) == killed.count
    assert killed.count > 5
    for home in killed.others(""):
        home.ok("rm", REF)
        assert secrets(home) == []
    for home in killed.others("-over"):
        rows(home.home, OVER)
        home.ok("list")
        home.ok("list")
        [(slot, over)] = rows(home.home, "SELECT license_slot, destroyed_at FROM titles, licenses")
        assert over is not None
        assert {file.partition(".")[0] for file in secrets(home)} <= {following(str(slot))}
        home.ok("rm", REF)
        assert secrets(home) == []


@pytest.mark.parametrize("system", ["clearkey", "hls-key"])
@pytest.mark.parametrize(("begins", "verb"), [("'removing'", "rm"), ("destroyed_at = '", "list")])
def test_no_key_stays(begins: str, verb: str, system: str, demo: Offlinedl, origin: Origin, killed: Killed) -> None:
    """Of a title that is removed, or whose license is seen to be over by a second run."""
    ref = serve(origin, fmp4(count=2)) if system == "hls-key" else REF
    demo.ok("get", ref)
    if verb == "list":
        rows(demo.home, OVER)
        demo.ok("list")
    assert len(secrets(demo)) == 1
    command = ("list",) if verb == "list" else (verb, ref)
    for home in killed.at_each(begins, *command):
        home("list")
        home(*command)
        assert secrets(home) == []
    assert killed.count > 3


def test_between_destruction_and_acknowledgement(demo: Offlinedl, origin: Origin, killed: Killed) -> None:
    """A92, B22: what is owed is told at least once, and no key stays."""
    demo.ok("get", REF)
    origin.forget()
    told: list[int] = []
    for home in killed.at_each("'removing'", "rm", REF):
        told.append(len(origin.asked("/license")))
        home.ok("sync")
        home("rm", REF)
        home.ok("sync")
        assert (home.listed(), secrets(home)) == ([], [])
        assert rows(home.home, "SELECT * FROM destructions") == []
        assert list((home.home / "titles").glob("[!.]*")) == []
    assert killed.count > 10
    silent = sum(before == after for before, after in pairwise([*told, len(origin.asked("/license"))]))
    assert silent <= told[0], "what nobody told any more, a process had told that was killed then"
