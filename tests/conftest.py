"""What every story needs: an origin, a home, and a command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from offlinedl.cli.main import run
from tests import origin as origins
from tests.origin import Origin


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

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a process."""
        return subprocess.Popen(
            [sys.executable, "-m", "offlinedl", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def at(self, moment: str, *words: str) -> Result:
        """Run a command line at another time, as the system clock tells it ("2026-11-20 12:00:00", UTC). That clock
        stands still: how long the command takes changes nothing."""
        done = subprocess.run(
            ["faketime", "--exclude-monotonic", "-f", moment, sys.executable, "-m", "offlinedl", *words],
            capture_output=True, text=True, check=False, env={**os.environ, "TZ": "UTC"},
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)

    def listed(self) -> list[Any]:
        """`list --json`."""
        listed: list[Any] = self.ok("list", "--json").json
        return listed


@pytest.fixture
def origin() -> Iterator[Origin]:
    with origins.running() as running:
        yield running


@pytest.fixture
def offlinedl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Offlinedl:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text("[download]\nbackoff = 0\n")
    monkeypatch.setenv("OFFLINEDL_HOME", str(home))
    monkeypatch.setenv("NO_COLOR", "1")
    return Offlinedl(home, capsys)


@pytest.fixture
def demo(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    """A home that knows the demo service."""
    offlinedl.ok("source", "add", "demo", f"{origin.url}/feed.json")
    origin.forget()
    return offlinedl
