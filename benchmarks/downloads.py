"""Downloads: offlinedl against aria2c, curl, yt-dlp and streamlink, on the same nginx, and the promises about it.

    python benchmarks/downloads.py                            every set, 5 rounds; exit code 1 where a promise is broken
    python benchmarks/downloads.py --sets big,small --tools offlinedl,aria2c,curl --rounds 3

Whole processes, in interleaved rounds; figures are medians, ratios are those of medians. Memory is that of the largest
process of a tool. A tool that is not on the PATH is left out, and said to be.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from content import Content, make
from measured import Run, measured
from peers import COMMANDS, Job
from served import Origin, serving

CODE = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")
EVERY = tuple(COMMANDS)
FAST = ("offlinedl", "aria2c", "curl")
BIG = Content(folder="big", count=400, size=2_500_000)
SMALL = Content(folder="small", count=10_000, size=50_000)
SEALED = Content(folder="sealed", count=400, size=1_000_000, sealed=True)
MANY = Content(folder="many", count=100_000, size=1504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """What is downloaded by which tools: to memory or to the disk, in the clear or over TLS."""

    what: str
    content: Content
    tools: Sequence[str]
    disk: bool = False
    tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What offlinedl's median of `figure` is at most: so many times that of `peer`, or so much."""

    figure: str
    limit: float
    peer: str | None = None


SETS: Mapping[str, Set] = {
    "big": Set(what="400 x 2.5 MB, to memory", content=BIG, tools=EVERY),
    "small": Set(what="10,000 x 50 KB, to memory", content=SMALL, tools=EVERY),
    "sealed": Set(
        what="400 x 1 MB with AES-128, to memory", content=SEALED, tools=("offlinedl", "yt-dlp", "streamlink")
    ),
    "big-disk": Set(what="400 x 2.5 MB, to the disk", content=BIG, tools=FAST, disk=True),
    "small-disk": Set(what="10,000 x 50 KB, to the disk", content=SMALL, tools=FAST, disk=True),
    "big-tls": Set(what="400 x 2.5 MB over TLS, to memory", content=BIG, tools=FAST, tls=True),
    "small-tls": Set(what="10,000 x 50 KB over TLS, to memory", content=SMALL, tools=FAST, tls=True),
    "many": Set(what="100,000 x 1.5 KB, to memory", content=MANY, tools=("offlinedl",)),
}
PROMISES: Mapping[str, Sequence[Promise]] = {
    "big": (
        Promise(figure="wall", peer="aria2c", limit=0.95),
        Promise(figure="wall", peer="curl", limit=1.6),
        Promise(figure="cpu", peer="aria2c", limit=1.0),
    ),
    "small": (
        Promise(figure="wall", peer="aria2c", limit=0.9),
        Promise(figure="wall", peer="curl", limit=2.3),
        Promise(figure="wall", peer="yt-dlp", limit=0.06),
    ),
    "big-disk": (Promise(figure="wall", peer="aria2c", limit=0.6), Promise(figure="wall", peer="curl", limit=1.6)),
    "big-tls": (Promise(figure="wall", peer="aria2c", limit=1.05),),
    "small-tls": (Promise(figure="wall", peer="aria2c", limit=0.95),),
    "many": (Promise(figure="peak", limit=200e6),),
}
PEAK = Promise(figure="peak", limit=80e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where sets run: what `origin` serves from memory, and the folder on the `disk`."""

    memory: Path
    disk: Path
    origin: Origin


def run_set(name: str, tools: Sequence[str], rounds: int, stage: Stage) -> bool:
    """Run one set and print its figures. Do all promises hold?"""
    chosen = SETS[name]
    runs: dict[str, list[Run]] = {tool: [] for tool in chosen.tools if tool in tools}
    for number in range(rounds):
        for place in range(len(runs)):  # nobody is always the first, or always after the same
            tool = list(runs)[(number + place) % len(runs)]
            runs[tool].append(one(tool, chosen, stage))
    medians = {tool: median(of) for tool, of in runs.items()}
    print(f"\n{name}: {chosen.what}\n{'':14}{'wall s':>8}{'of aria2c':>11}{'CPU s/GiB':>11}{'peak MB':>9}")
    for tool, run in medians.items():
        beside = f"{run.wall / medians['aria2c'].wall:10.2f}x" if "aria2c" in medians else ""
        per_gib = run.cpu / chosen.content.bytes * 2**30
        print(f"  {tool:<12}{run.wall:8.2f}{beside:>11}{per_gib:11.2f}{run.peak / 1e6:9.0f}")
    promises = PROMISES.get(name, ())
    if not any(promise.figure == "peak" for promise in promises):
        promises = [*promises, PEAK]
    held = [holds(promise, medians) for promise in promises]  # a list: each one is printed
    return all(held)


def one(tool: str, chosen: Set, stage: Stage) -> Run:
    """One download, into a folder that is empty before and gone afterwards."""
    base = stage.origin.https if chosen.tls else stage.origin.http
    with tempfile.TemporaryDirectory(dir=stage.disk if chosen.disk else stage.memory) as folder:
        target = Path(folder) / "target"
        target.mkdir()
        url = f"{base}/{chosen.content.folder}/index.m3u8"
        job = Job(url=url, content=chosen.content, target=target, authority=stage.origin.authority)
        command = COMMANDS[tool](job)
        environment = {**os.environ, "SSL_CERT_FILE": str(job.authority), "REQUESTS_CA_BUNDLE": str(job.authority)}
        if chosen.disk:
            os.sync()  # what the tool before it left to be written is not this one's to wait for
        log = Path(folder) / "log"
        run = measured(command, CODE, environment, log)
        came = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
        if run.code != 0 or came < chosen.content.bytes:
            raise SystemExit(f"{tool}: exit code {run.code}, {came} bytes\n{log.read_text()[-2000:]}")
    return run


def median(runs: Sequence[Run]) -> Run:
    """Each figure's own."""
    wall, cpu, peak = (
        statistics.median(figures) for figures in zip(*((r.wall, r.cpu, r.peak) for r in runs), strict=True)
    )
    return Run(wall=wall, cpu=cpu, peak=peak, code=0)


def holds(promise: Promise, medians: Mapping[str, Run]) -> bool:
    """Print whether the promise holds; one about a tool that did not run is not broken."""
    if "offlinedl" not in medians or (promise.peer is not None and promise.peer not in medians):
        return True
    ours: float = getattr(medians["offlinedl"], promise.figure)
    if promise.peer is None:
        said, kept = f"{ours / 1e6:.0f} MB, at most {promise.limit / 1e6:.0f}", ours <= promise.limit
    else:
        ratio = ours / getattr(medians[promise.peer], promise.figure)
        said, kept = f"{ratio:.2f}x {promise.peer}'s, at most {promise.limit}", ratio <= promise.limit
    print(f"  promise: {promise.figure} {said}: {'holds' if kept else 'BROKEN'}")
    return kept


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sets", default=",".join(SETS), help="of " + ", ".join(SETS))
    parser.add_argument("--tools", default=",".join(EVERY), help="of " + ", ".join(EVERY))
    parser.add_argument("--disk", type=Path, default=Path("/var/tmp"), help="a folder on a disk")
    return parser.parse_args()


def main() -> int:
    asked = options()
    tools = [tool for tool in asked.tools.split(",") if tool == "offlinedl" or shutil.which(tool)]
    for tool in asked.tools.split(","):
        if tool not in tools:
            print(f"left out: {tool}, which is not on the PATH")
    names = asked.sets.split(",")
    kept = True
    with tempfile.TemporaryDirectory(dir=MEMORY) as memory, tempfile.TemporaryDirectory(dir=asked.disk) as disk:
        root = Path(memory) / "root"
        root.mkdir()
        for content in {SETS[name].content for name in names}:
            make(root, content)
        with serving(Path(memory) / "nginx", root) as origin:
            stage = Stage(memory=Path(memory), disk=Path(disk), origin=origin)
            for name in names:
                kept = run_set(name, tools, asked.rounds, stage) and kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
