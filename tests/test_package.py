"""The wheel: everything that the program needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    [wheel] = folder.glob("*.whl")
    return wheel


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    files = (path for path in (ROOT / "offlinedl").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    missing = {path.relative_to(ROOT).as_posix() for path in files} - set(ZipFile(wheel).namelist())
    assert not missing


@pytest.mark.parametrize("name", ["py.typed", "demo/feed.json", "demo/keys.json"])
def test_the_wheel_carries_what_is_not_code(wheel: Path, name: str) -> None:
    assert f"offlinedl/{name}" in ZipFile(wheel).namelist()


def test_the_wheel_carries_titles_in_every_form(wheel: Path) -> None:
    titles = [Path(name) for name in ZipFile(wheel).namelist() if name.startswith("offlinedl/demo/titles/")]
    assert {title.suffix for title in titles} >= {".mpd", ".m3u8", ".mp4", ".m4s", ".ts", ".vtt"}


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}
    assert tops == {"offlinedl", "-".join(wheel.name.split("-")[:2]) + ".dist-info"}


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 2_000_000


def test_the_wheel_brings_the_command_and_the_terms(wheel: Path) -> None:
    with ZipFile(wheel) as files:
        [entries] = [name for name in files.namelist() if name.endswith(".dist-info/entry_points.txt")]
        assert "offlinedl = offlinedl.__main__:main" in files.read(entries).decode().splitlines()
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in files.namelist())
