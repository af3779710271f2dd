"""Downloads: offlinedl against aria2c, curl, yt-dlp and streamlink, on the same nginx, and the promises about it.

    python benchmarks/downloads.py          every set in 5 rounds (an hour); exit code 1 where a promise is broken
    python benchmarks/downloads.py --sets big small --tools offlinedl aria2c curl --rounds 3

Whole processes that take turns; figures are medians, ratios are those of medians. Titles are served from memory, and
downloaded to memory or to the folder `--disk`; nothing waits for a sync that a tool does not ask for. Memory is that of
the largest process of a tool. Sets and tools that this machine has no parts for are left out by name: Debian's nginx,
aria2, curl, ffmpeg and openssl, yt-dlp and streamlink from PyPI, and for the slow link root and TUN devices.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import wire
from content import make
from measured import Run, measured
from peers import COMMANDS, Job
from served import Origin, serving
from sets import SETS, Promise, Set

CODE = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a set runs: the origin of its title, a folder for its targets, and what to put before each command."""

    origin: Origin
    folder: Path
    inside: Sequence[str]


@contextmanager
def staged(chosen: Set, root: Path, folder: Path) -> Iterator[Stage]:
    """A server for one set, at the other end of a link where that is slow."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as own:
        if chosen.loss is None:
            with serving(Path(own), root) as origin:
                yield Stage(origin=origin, folder=folder, inside=())
        else:
            with (
                wire.laid(chosen.loss) as (client, server),
                serving(Path(own), root, wire.SERVER, server) as origin,
            ):
                yield Stage(origin=origin, folder=folder, inside=client)


def run_set(chosen: Set, tools: Sequence[str], rounds: int, stage: Stage) -> Mapping[str, Sequence[Run]]:
    """The runs of each tool, which took turns."""
    runs: dict[str, list[Run]] = {tool: [] for tool in chosen.tools if tool in tools}
    for number in range(rounds):
        for place in range(len(runs)):  # nobody is always the first, or always after the same
            tool = list(runs)[(number + place) % len(runs)]
            runs[tool].append(one(tool, chosen, stage))
    return runs


def one(tool: str, chosen: Set, stage: Stage) -> Run:
    """One download, into a folder that is empty before and gone afterwards."""
    base = stage.origin.https if chosen.tls else stage.origin.http
    with tempfile.TemporaryDirectory(dir=stage.folder) as folder:
        target, log = Path(folder) / "target", Path(folder) / "log"
        target.mkdir()
        base = f"{base}/{chosen.content.folder}"
        segments = [(f"{base}/{name}", name) for name in chosen.content.names]
        authority = stage.origin.authority
        job = Job(url=f"{base}/index.m3u8", segments=segments, target=target, authority=authority)
        command = [*stage.inside, *COMMANDS[tool](job)]
        if chosen.disk:
            os.sync()  # what the tool before it left to be written is not this one's to wait for
        run = measured(command, CODE, environment(authority), log)
        came = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
        if run.code != 0 or came < chosen.content.bytes:
            raise SystemExit(f"{tool}: exit code {run.code}, {came} bytes\n{log.read_text()[-2000:]}")
    return run


def environment(authority: Path) -> dict[str, str]:
    """Without proxies; with the certificate where Python programs look for it. What is installed is compiled."""
    own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    own.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**own, "SSL_CERT_FILE": str(authority), "REQUESTS_CA_BUNDLE": str(authority)}


def median(runs: Sequence[Run]) -> Run:
    """Each figure's own."""
    wall, cpu, peak = (statistics.median(of) for of in zip(*((r.wall, r.cpu, r.peak) for r in runs), strict=True))
    return Run(wall=wall, cpu=cpu, peak=peak, code=0)


def show(name: str, runs: Mapping[str, Sequence[Run]], medians: Mapping[str, Run]) -> None:
    """The table of a set. The best time tells how much of a median is the machine's."""
    ours = medians.get("offlinedl")
    heads = f"{'wall s':>8}{'ours/its':>10}{'best s':>8}{'CPU s/GiB':>11}{'peak MB':>9}"
    print(f"\n{name}: {SETS[name].what}\n{'':14}{heads}")
    for tool, run in medians.items():
        best = min(each.wall for each in runs[tool])
        ratio = f"{ours.wall / run.wall:.2f}x" if ours else ""
        per_gib = run.cpu / SETS[name].content.bytes * 2**30
        print(f"  {tool:<12}{run.wall:8.2f}{ratio:>10}{best:8.2f}{per_gib:11.2f}{run.peak / 1e6:9.0f}")


def holds(promise: Promise, medians: Mapping[str, Run]) -> bool:
    """Say whether the promise holds; one about a tool that did not run is neither kept nor broken."""
    if "offlinedl" not in medians or promise.peer not in {None, *medians}:
        return True
    figure: float = getattr(medians["offlinedl"], promise.figure)
    if promise.peer is None:
        kept = figure <= promise.limit
        said = f"{figure / 1e6:.0f} MB, at most {promise.limit / 1e6:.0f}"
    else:
        ratio = figure / getattr(medians[promise.peer], promise.figure)
        kept = ratio <= promise.limit
        said = f"{ratio:.3f}x {promise.peer}'s, at most {promise.limit:.3f}"
    print(f"  {'holds' if kept else 'BROKEN':<8}{promise.figure} {said}")
    return kept


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS), metavar="SET")
    parser.add_argument("--tools", nargs="+", default=list(COMMANDS), choices=list(COMMANDS), metavar="TOOL")
    parser.add_argument("--disk", type=Path, default=Path("/var/tmp"), help="a folder on a disk")
    return parser.parse_args()


def present(asked: argparse.Namespace) -> tuple[list[str], list[str]]:
    """The sets and tools that can run here; what cannot is named."""
    sets: list[str] = []
    for name in asked.sets:
        if SETS[name].loss is not None and (needed := wire.missing()):
            print(f"left out: {name}, which needs {needed}")
        else:
            sets.append(name)
    tools = [tool for tool in asked.tools if tool == "offlinedl" or shutil.which(tool)]
    for tool in asked.tools:
        if tool not in tools:
            print(f"left out: {tool}, which is not on the PATH")
    return sets, tools


def main() -> int:
    asked = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # which leaves no server and no gigabytes behind
    sets, tools = present(asked)
    kept = True
    with tempfile.TemporaryDirectory(dir=MEMORY) as memory, tempfile.TemporaryDirectory(dir=asked.disk) as disk:
        for content in {SETS[name].content for name in sets}:
            make(Path(memory), content)
        for name in sets:
            chosen = SETS[name]
            with staged(chosen, Path(memory), Path(disk if chosen.disk else memory)) as stage:
                runs = run_set(chosen, tools, asked.rounds, stage)
            medians = {tool: median(of) for tool, of in runs.items()}
            show(name, runs, medians)
            for promise in chosen.promises:
                kept = holds(promise, medians) and kept
            sys.stdout.flush()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
