"""What every story needs: an origin, a home, and a command line."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import xxhash

from offlinedl.cli.main import run
from offlinedl.demo import client
from tests import origin as origins
from tests.origin import Origin


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: at the end one of several processes would be alone with it."""
    items.sort(key=lambda item: "test_year" not in item.nodeid)


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document on stdout."""
        return json.loads(self.out)


class Offlinedl:
    """The command line on a home of its own. Calls run in this process; `start` and `at` run a real one."""

    def __init__(self, home: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._capture = capture

    def __call__(self, *words: str) -> Result:
        """Run a command line."""
        self._capture.readouterr()
        code = run(words)
        out, err = self._capture.readouterr()
        return Result(code, out, err)

    def ok(self, *words: str) -> Result:
        """Run a command line that must succeed."""
        result = self(*words)
        assert result.code == 0, result
        return result

    def start(self, *words: str, before: str = "", err: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a process. `before` is Python that runs in it first, with what tests/sabotage.py has."""
        program = f"from tests.sabotage import *\n{before}\nfrom offlinedl.__main__ import main\nmain()"
        command = ["-c", program] if before else ["-m", "offlinedl"]
        return subprocess.Popen([sys.executable, *command, *words], stdout=subprocess.DEVNULL, stderr=err)

    def slow_down(self) -> None:
        """Downloads of a megabyte take a quarter of a second from now on: rows are written while others arrive."""
        with (self.home / "config.toml").open("a") as settings:
            settings.write('limit_rate = "4MB"\n')

    def at(self, moment: str, *words: str) -> Result:
        """Run a command line at another time, as the system clock tells it ("2026-11-20 12:00:00", UTC). That clock
        stands still: how long the command takes changes nothing."""
        done = subprocess.run(
            [*stopped(moment), sys.executable, "-m", "offlinedl", *words],
            capture_output=True, text=True, check=False, env={**os.environ, "TZ": "UTC"},
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)

    def play(self, *words: str, clock: Sequence[str] = ()) -> Result:
        """`play` with a client that reads all of the title and then interrupts it, which must succeed."""
        result = self.watch(*words, clock=clock)
        assert result.code == 130, result
        return result

    def watch(self, *words: str, clock: Sequence[str] = ()) -> Result:
        """The same, however it ends: with 130 where the title was served. `clock` are the words that set one."""
        said: list[str] = []
        with tempfile.TemporaryFile("w+") as err, pytest.MonkeyPatch.context() as environment:
            environment.setenv("TZ", "UTC")
            command = [*clock, sys.executable, "-m", "offlinedl", "play", *words, "--player", "none"]
            code = client.play(command, said.append, err.fileno())
            err.seek(0)
            return Result(code, "\n".join(said), err.read())

    def listed(self) -> list[Any]:
        """`list --json`."""
        listed: list[Any] = self.ok("list", "--json").json
        return listed

    def files(self) -> set[str]:
        """The paths of all files of titles, below the folders of those; locks and journals apart."""
        found = {f.relative_to(self.home / "titles") for f in (self.home / "titles").rglob("*") if f.is_file()}
        return {"/".join(f.parts[1:]) for f in found} - {".lock", ".journal"}

    def claimed(self) -> set[str]:
        """The paths of what the catalog says is there. It is, as long as is said and with the checksum that is said."""
        with closing(sqlite3.connect(self.home / "catalog.db")) as catalog:
            rows = catalog.execute(
                "SELECT folder, path, size, checksum FROM fetches JOIN titles ON id = title_id WHERE size IS NOT NULL"
            ).fetchall()
        for folder, path, size, checksum in rows:
            content = (self.home / "titles" / folder / path).read_bytes()
            assert (len(content), xxhash.xxh3_128(content).digest()) == (size, checksum), path
        return {row[1] for row in rows}


def stopped(moment: str) -> list[str]:
    """What a command line begins with whose clock stands still ("2026-11-20 12:00:00", UTC). That faketime itself
    ignores interrupts: they are for the command."""
    return ["env", "--ignore-signal=INT", "faketime", "--exclude-monotonic", "-f", moment]


@pytest.fixture
def origin() -> Iterator[Origin]:
    with origins.running() as running:
        yield running


@pytest.fixture
def offlinedl(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Offlinedl:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text("[download]\nbackoff = 0\n")
    monkeypatch.setenv("OFFLINEDL_HOME", str(home))
    monkeypatch.setenv("NO_COLOR", "1")
    mpv = tmp_path_factory.mktemp("mpv")
    (mpv / "mpv.conf").write_text("vo=null\nao=null\nuntimed=yes\naudio=no\n")
    monkeypatch.setenv("MPV_HOME", str(mpv))
    return Offlinedl(home, capsys)


@pytest.fixture
def demo(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    """A home that knows the demo service."""
    offlinedl.ok("source", "add", "demo", f"{origin.url}/feed.json")
    origin.forget()
    return offlinedl


@pytest.fixture
def members(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    """A home that knows the demo service for members, which allows two downloads on each of two devices."""
    offlinedl.ok("source", "add", "demo", f"{origin.url}/members.json")
    origin.forget()
    return offlinedl
