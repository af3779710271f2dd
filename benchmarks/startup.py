"""Start-up: `offlinedl --version`, and `offlinedl list` on 1,000 titles, against a typer program of one command.

    python benchmarks/startup.py            prints both ratios; the promise is at most 1.1 and 1.6

Whole processes, interleaved in one run; the ratio is that of the medians.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from offlinedl.catalog import Catalog
from offlinedl.library import Library
from offlinedl.model import Held, Kind, License, MediaSource, Rights, Series, Title, Track, Wanted, Windows
from offlinedl.store import Store
from offlinedl.streams import Arrival, Fetch, Plan
from offlinedl.vault import Vault

TITLES = 1000
ROUNDS = 11
ONE_COMMAND = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str = "world") -> None:
    print(name)
app()
"""


def fill(home: Path) -> None:
    """A catalog of 1,000 ready titles with three tracks and a license each."""
    now = datetime.now(UTC)
    catalog = Catalog(home / "catalog.db")
    library = Library(catalog, Store(home / "titles"), Vault(home / "vault"), lambda: now)
    for number in range(TITLES):
        library_title(library, number, now)
    catalog.close()


def library_title(library: Library, number: int, now: datetime) -> None:
    title = Title(
        id=f"demo:episode-{number}",
        name=f"The {number}th tide",
        sources=(MediaSource(url="http://127.0.0.1/manifest.mpd"),),
        series=Series(id=f"demo:series-{number // 10}", name=f"Harbour {number // 10}"),
        season=1,
        episode=number % 10 + 1,
        rights=Rights(storage_seconds=2592000),
    )
    entry = asyncio.run(library.begin(title, plan()))
    asyncio.run(library.start(entry))
    came = Arrival(size=1_000_000, checksum=bytes(16))
    with library.catalog.transaction():
        library.catalog.done(entry.id, [(fetch, came) for fetch in plan().fetches])
    windows = Windows(storage_seconds=2592000, playback_seconds=172800)
    license = License(id=entry.license_slot, system="clearkey", kids=(b"k" * 16,), issued_at=now, windows=windows)
    library.licenses.keep(entry, Held(license=license))
    asyncio.run(library.ready(entry))


def plan() -> Plan:
    tracks = (
        Track(id="v", kind=Kind.VIDEO, container="mp4", bandwidth=1_300_000, height=540, codecs="avc1.64001f"),
        Track(id="a", kind=Kind.AUDIO, container="mp4", bandwidth=96_000, language="en", codecs="mp4a.40.2"),
        Track(id="s", kind=Kind.SUBTITLES, container="vtt", language="en"),
    )
    fetches = tuple(
        Fetch(rendition=t.id, init=False, number=0, url=f"http://127.0.0.1/{t.id}", path=f"{t.id}/0") for t in tracks
    )
    return Plan(
        manifest_url="http://127.0.0.1/manifest.mpd",
        wanted=Wanted(),
        tracks=tracks,
        fetches=fetches,
        kids=(b"k" * 16,),
    )


def seconds(command: Sequence[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home)
        program = str(Path(sys.executable).with_name("offlinedl"))
        (home / "one.py").write_text(ONE_COMMAND)
        commands = {
            "one command": [sys.executable, str(home / "one.py")],
            "--version": [program, "--version"],
            "list": [program, "list"],
            "list --json": [program, "list", "--json"],
        }
        environment = {**os.environ, "OFFLINEDL_HOME": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
        for command in commands.values():
            seconds(command, environment)
        runs: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                runs[name].append(seconds(command, environment))
    base = statistics.median(runs["one command"])
    for name, times in runs.items():
        median = statistics.median(times)
        print(f"{name:<12} {median * 1000:6.0f} ms  {median / base:5.2f}x")


if __name__ == "__main__":
    main()
