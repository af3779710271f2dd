"""Faults: what offlinedl, aria2c, curl, yt-dlp and streamlink leave behind when downloads go wrong.

    python benchmarks/faults.py              exit code 1 where offlinedl does not what it promises
    python benchmarks/faults.py --times 3 --tools offlinedl yt-dlp

A title of 20 segments on loopback, 4 connections. A tool that exits with 0 says that the title is there: then what it
wrote is compared with the title's bytes (files that stay encrypted, with the bytes as served), and WRONG is what nobody
is told of. Tools that are not on the PATH are left out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from misbehaving import SEGMENTS, Origin, Title, titles
from peers import COMMANDS, Job

CODE = Path(__file__).resolve().parent.parent
LONGEST_RUN = 180.0
DECRYPT = ("offlinedl", "yt-dlp", "streamlink")


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What happens to `title`: one kill -9 and then the same command again; or what the origin does. offlinedl
    `promises` this exit code."""

    what: str
    title: str = "ts"
    tools: Sequence[str] = tuple(COMMANDS)
    kills: bool = False
    gone: str | None = None
    expires: float | None = None
    seconds: float = 0.05
    promises: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The exit code, how many segments are there as they should be, and whether all is as it should be."""

    code: int
    there: int
    whole: bool

    @property
    def word(self) -> str:
        """What a person got who believes the exit code."""
        return "gave up" if self.code else "right" if self.whole else "WRONG"


SITUATIONS = (
    Situation(what="one kill -9, then run again", kills=True),
    Situation(what="fMP4 with EXT-X-MAP: one kill -9, then run again", title="fmp4", kills=True),
    Situation(what="AES-128 without IV: one kill -9, then run again", title="aes", tools=DECRYPT, kills=True),
    Situation(what="one segment is 404 for ever", gone="000011.ts", promises=4),
    Situation(what="signed addresses that expire after 2 s", expires=2.0, seconds=0.8),
)


def outcome(tool: str, situation: Situation, root: Path, title: Title, part: float) -> Outcome:
    """One download; where it is killed, after this part of the title's bytes."""
    origin = Origin(root=root, seconds=situation.seconds, gone=situation.gone, expires=situation.expires)
    with tempfile.TemporaryDirectory() as folder, origin.serving() as base:
        target = Path(folder) / "target"
        target.mkdir()
        job = described(f"{base}/{situation.title}/index.m3u8", target, title)
        command = COMMANDS[tool](job)
        if situation.kills:
            origin.fatal = part * sum(map(len, title.served.values()))
            run(command, origin)
        code = run(command)
        pieces = found(tool, job, title)
    joins = tool in {"yt-dlp", "streamlink"}
    expected = title.clear if joins else title.served
    whole = pieces == ([b"".join(expected.values())] if joins else list(expected.values()))
    segments = [content for name, content in expected.items() if not name.startswith("init")]
    there = sum(any(content in piece for piece in pieces) for content in segments)
    return Outcome(code=code, there=there, whole=whole)


def described(url: str, target: Path, title: Title) -> Job:
    """The job, with the addresses that the playlist has now for tools that read none."""
    with urllib.request.urlopen(url) as answer:
        lines = answer.read().decode().splitlines()
    base = url.rpartition("/")[0]
    listed = [line for line in lines if line and not line.startswith("#")]
    listed = [name for name in title.served if name.startswith("init")] + listed
    segments = [(f"{base}/{line}", line.partition("?")[0]) for line in listed]
    return Job(url=url, segments=segments, target=target, connections=4)


def run(command: Sequence[str], killer: Origin | None = None) -> int:
    """The exit code of a command, which `killer` kills if there is one."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=CODE, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    ) as process:
        if killer:
            killer.victim = process.pid
        try:
            return process.wait(LONGEST_RUN)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def found(tool: str, job: Job, title: Title) -> list[bytes]:
    """The bytes of the files that a tool left, in playback order."""
    if tool == "offlinedl":
        home = ["--home", str(job.target)]
        command = [sys.executable, "-m", "offlinedl", "show", job.url, "--json", *home]
        said = subprocess.run(command, check=False, cwd=CODE, capture_output=True).stdout
        shown = json.loads(said or '{"folder": "", "tracks": []}')
        files = [Path(shown["folder"]) / file["path"] for track in shown["tracks"] for file in track["files"]]
    elif tool in {"aria2c", "curl"}:
        files = [job.target / name for name in title.served]
    else:
        files = [job.joined]
    return [file.read_bytes() for file in files if file.is_file()]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=10, help="how often each situation; kills at other places each")
    parser.add_argument("--tools", nargs="+", default=list(COMMANDS), choices=list(COMMANDS), metavar="TOOL")
    return parser.parse_args()


def main() -> int:
    asked = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tools = [tool for tool in asked.tools if tool == "offlinedl" or shutil.which(tool)]
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        made = titles(Path(folder))
        for situation in SITUATIONS:
            print(f"\n{situation.what}\n{'':14}{'right':>8}{'WRONG':>8}{'gave up':>9}  exit codes  segments")
            for tool in [tool for tool in situation.tools if tool in tools]:
                parts = [(number + 0.5) / asked.times for number in range(asked.times)]
                outcomes = [outcome(tool, situation, Path(folder), made[situation.title], part) for part in parts]
                show(tool, outcomes)
                if tool == "offlinedl":
                    kept = kept and all(o.code == situation.promises and o.word != "WRONG" for o in outcomes)
            sys.stdout.flush()
    return 0 if kept else 1


def show(tool: str, outcomes: Sequence[Outcome]) -> None:
    """A line of the table."""
    words = Counter(outcome.word for outcome in outcomes)
    codes = ", ".join(map(str, sorted({outcome.code for outcome in outcomes})))
    fewest, most = min(outcome.there for outcome in outcomes), max(outcome.there for outcome in outcomes)
    segments = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    print(
        f"  {tool:<12}{words['right']:8}{words['WRONG']:8}{words['gave up']:9}  {codes:<10}  {segments} of {SEGMENTS}"
    )


if __name__ == "__main__":
    sys.exit(main())
