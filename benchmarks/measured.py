"""A whole process, measured: wall time, processor time of it and all it started, the memory of the largest.

Linux counts the memory of who starts a process as that process's own, so a small one starts it: this file as a program.
"""

from __future__ import annotations

import os
import subprocess
import sys
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
    starter = [sys.executable, "-I", "-S", __file__, str(log), *command]
    said = subprocess.run(starter, cwd=cwd, env=environment, check=True, stdout=subprocess.PIPE).stdout.split()
    return Run(wall=float(said[0]), cpu=float(said[1]), peak=float(said[2]), code=int(said[3]))


def _start(log: str, command: Sequence[str]) -> None:
    with Path(log).open("wb") as file:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    _start(sys.argv[1], sys.argv[2:])
