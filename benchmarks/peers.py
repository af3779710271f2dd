"""The tools that are compared: how each is told to download one title."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Download the title at `url` (of its playlist) into the folder `target`, with so many connections.

    `segments` are addresses and names, for tools that read no playlist; `authority` is a certificate to be trusted.
    """

    url: str
    segments: Sequence[tuple[str, str]]
    target: Path
    authority: Path | None = None
    connections: int = 16

    @property
    def joined(self) -> Path:
        """The one file of tools that write one."""
        return self.target / "title.ts"


def offlinedl(job: Job) -> list[str]:
    """As a user runs it, from the folder of its code."""
    home = ["--home", str(job.target)]
    return [sys.executable, "-m", "offlinedl", "get", job.url, *home, "-q", "best", "-N", str(job.connections)]


def aria2c(job: Job) -> list[str]:
    """From a list, one connection for each file."""
    listed = job.target.with_suffix(".list")
    listed.write_text("".join(f"{url}\n out={name}\n" for url, name in job.segments))
    own = ["--quiet", f"-j{job.connections}", "-x1", "-s1", "--file-allocation=none", "--continue"]
    trust = [f"--ca-certificate={job.authority}"] if job.authority else []
    return ["aria2c", "--no-conf", *own, *trust, f"--dir={job.target}", f"--input-file={listed}"]


def curl(job: Job) -> list[str]:
    """From a list."""
    listed = job.target.with_suffix(".list")
    listed.write_text("".join(f'url = "{url}"\noutput = "{job.target}/{name}"\n' for url, name in job.segments))
    own = ["--silent", "--fail", "--parallel", "--parallel-max", str(job.connections)]
    trust = ["--cacert", str(job.authority)] if job.authority else []
    return ["curl", "--disable", *own, *trust, "--config", str(listed)]


def yt_dlp(job: Job) -> list[str]:
    """With its own HLS downloader, and without the repairs that ffmpeg does afterwards."""
    own = ["--downloader", "m3u8:native", "-N", str(job.connections), "--fixup", "never"]
    trust = ["--compat-options", "no-certifi"]
    return ["yt-dlp", "--ignore-config", "--no-cache-dir", "--quiet", *own, *trust, "-o", str(job.joined), job.url]


def streamlink(job: Job) -> list[str]:
    """It allows 10 threads at most, and goes on with nothing that it left: it overwrites."""
    own = ["--stream-segment-threads", str(min(10, job.connections)), "--loglevel", "error", "--force"]
    return ["streamlink", "--no-config", *own, "-o", str(job.joined), f"hls://{job.url}", "best"]


COMMANDS: dict[str, Callable[[Job], list[str]]] = {
    "offlinedl": offlinedl,
    "aria2c": aria2c,
    "curl": curl,
    "yt-dlp": yt_dlp,
    "streamlink": streamlink,
}
"""By the name of the program."""
