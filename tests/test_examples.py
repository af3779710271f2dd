"""The example does what it says, as a program of its own against the demo origin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests import origin as o
from tests.origin import Origin

ROOT = Path(__file__).parents[1]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, str(ROOT / "examples" / "offline_app.py"), *words]
    return subprocess.run(
        program, capture_output=True, text=True, check=False, timeout=60, env={"PYTHONPATH": str(ROOT)}
    )


def test_an_app_packs_a_title_plays_it_without_the_service_and_removes_it(tmp_path: Path, origin: Origin) -> None:
    packed = run(f"{origin.url}/feed.json", "--home", str(tmp_path), "--keep")
    assert packed.returncode == 0, packed
    assert "service:harbour-1  Low Tide\n" in packed.stdout
    assert "Low Tide: Available for 29 more days\n" in packed.stdout
    assert "(playback window)" in packed.stdout
    assert packed.stdout.endswith("1 licenses in the store\n")
    assert not list((tmp_path / "vault").glob("*.sealed"))

    origin.fault("/titles/", o.dropped())
    origin.forget()
    played = run("--home", str(tmp_path))
    assert played.returncode == 0, played
    lines = played.stdout.splitlines()
    assert "bytes of media and text came. Expires in 47 hours" in lines[1]
    assert "Low Tide: removed, " in lines[3]
    assert lines[-1] == "0 licenses in the store"
    assert {asked.path for asked in origin.log} == {"/license"}
    assert not [f for f in (tmp_path / "titles").rglob("*") if f.is_file() and not f.name.startswith(".")]


def test_an_app_tells_what_went_wrong(tmp_path: Path, origin: Origin) -> None:
    origin.fault("/license", o.status(403))
    refused = run(f"{origin.url}/feed.json", "--home", str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-2].startswith("error: ")
    assert "Traceback" not in refused.stderr
