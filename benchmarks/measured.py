"""A whole process, measured: wall time, processor time of it and all it started, the memory of the largest."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`wall` and `cpu` are seconds, `peak` is bytes resident, `code` the exit code."""

    wall: float
    cpu: float
    peak: float
    code: int


def measured(command: Sequence[str], cwd: Path, environment: Mapping[str, str], log: Path) -> Run:
    """Run `command` to its end, with all it says in `log`."""
    with log.open("wb") as file:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak=usage.ru_maxrss * 1024, code=process.returncode)
