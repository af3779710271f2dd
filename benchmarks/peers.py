"""The tools that are compared: how each is told to download one title with 16 connections."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from content import Content

CONNECTIONS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Download the title at `url` (of its playlist), which is `content`, into the folder `target`. `authority` is the
    certificate that is trusted beside the system's."""

    url: str
    content: Content
    target: Path
    authority: Path

    @property
    def segments(self) -> list[tuple[str, str]]:
        """Address and file name of each."""
        base = self.url.rpartition("/")[0]
        return [(f"{base}/{name}", name) for name in self.content.names]


def offlinedl(job: Job) -> list[str]:
    """As a user runs it, from the folder of its code."""
    home = ["--home", str(job.target)]
    return [sys.executable, "-m", "offlinedl", "get", job.url, *home, "-q", "best", "-N", str(CONNECTIONS)]


def aria2c(job: Job) -> list[str]:
    """From a list, one connection for each of 16 files at a time."""
    listed = job.target.with_suffix(".list")
    listed.write_text("".join(f"{url}\n out={name}\n" for url, name in job.segments))
    parallel = [f"-j{CONNECTIONS}", "-x1", "-s1", "--file-allocation=none", f"--ca-certificate={job.authority}"]
    return ["aria2c", "--no-conf", "--quiet", *parallel, f"--dir={job.target}", f"--input-file={listed}"]


def curl(job: Job) -> list[str]:
    """From a list, 16 at a time."""
    listed = job.target.with_suffix(".list")
    listed.write_text("".join(f'url = "{url}"\noutput = "{job.target}/{name}"\n' for url, name in job.segments))
    parallel = ["--parallel", "--parallel-max", str(CONNECTIONS), "--cacert", str(job.authority)]
    return ["curl", "--disable", "--silent", "--fail", *parallel, "--config", str(listed)]


def yt_dlp(job: Job) -> list[str]:
    """With its own HLS downloader, without the repairs that ffmpeg does afterwards."""
    own = ["--downloader", "m3u8:native", "-N", str(CONNECTIONS), "--fixup", "never", "--compat-options", "no-certifi"]
    return ["yt-dlp", "--ignore-config", "--no-cache-dir", "--quiet", *own, "-o", str(job.target / "title.ts"), job.url]


def streamlink(job: Job) -> list[str]:
    """With the most threads that it allows, which is 10."""
    own = ["--stream-segment-threads", "10", "--loglevel", "error", "-o", str(job.target / "title.ts")]
    return ["streamlink", "--no-config", *own, f"hls://{job.url}", "best"]


COMMANDS: dict[str, Callable[[Job], list[str]]] = {
    "offlinedl": offlinedl,
    "aria2c": aria2c,
    "curl": curl,
    "yt-dlp": yt_dlp,
    "streamlink": streamlink,
}
"""By the name of the program."""
