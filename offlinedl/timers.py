"""What runs programs at times on this machine: systemd's manager of the person, or cron."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from offlinedl import schedule
from offlinedl.errors import StorageError, UnsupportedError
from offlinedl.schedule import Job, Times

Kind = Literal["systemd", "cron"]

_SECONDS = 30.0
_NO_CRONTAB = (b"no crontab for", b"No such file")
"""What Vixie's cron and its heirs say where there is none, and what that of busybox does."""


def kind() -> Kind:
    """Which of the two is here. UnsupportedError where none is."""
    if _done("systemctl", "--user", "show-environment") is not None:
        return "systemd"
    _crontab()
    return "cron"


def lingers() -> bool:
    """Does systemd's manager of the person work while they are not logged in? Where it does not say, it does."""
    said = _done("loginctl", "show-user", str(os.getuid()), "--property=Linger", "--value")
    return said is None or said.strip() != b"no"


def lines(kind: Kind, job: Job, times: Times) -> list[str]:
    """What `install` writes, and where."""
    if kind == "cron":
        return ["# crontab", schedule.line(job, times)]
    return _told(_units(job, times))


def installed(name: str) -> tuple[Kind, list[str]] | None:
    """By what the job of this name is run, and the lines that say so; None where it is not."""
    service, timer = _paths(name)
    if timer.exists():
        return "systemd", _told((path, _read(path)) for path in (service, timer) if path.exists())
    try:
        line = schedule.line_of(_crontab(), name)
    except UnsupportedError:
        return None
    return None if line is None else ("cron", ["# crontab", line])


def install(kind: Kind, job: Job, times: Times) -> None:
    """Have `job` run at these times, by this alone."""
    if kind == "cron":
        _write_crontab(schedule.with_line(_crontab(), job, times))
        _remove_units(job.name)
        return
    for path, text in _units(job, times):
        with _translated("write", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    _must("systemctl", "--user", "daemon-reload")
    _must("systemctl", "--user", "enable", "--now", f"{job.name}.timer")
    _remove_line(job.name)


def remove(name: str) -> bool:
    """Run the job of this name no more. False where it was not."""
    return any([_remove_units(name), _remove_line(name)])


def _read(path: Path) -> str:
    with _translated("read", path):
        return path.read_text(errors="replace")


@contextmanager
def _translated(does: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot {does} {path}: {error.strerror}", "is it yours?") from error


def _told(files: Iterable[tuple[Path, str]]) -> list[str]:
    """Each file under its name."""
    return [line for path, text in files for line in (f"# {path}", *text.split("\n"))][:-1]


def _units(job: Job, times: Times) -> Iterable[tuple[Path, str]]:
    return tuple(zip(_paths(job.name), (schedule.service(job), schedule.timer(times)), strict=True))


def _paths(name: str) -> tuple[Path, Path]:
    """Of the service and of its timer (systemd.unit(5): the person's own units)."""
    config = os.environ.get("XDG_CONFIG_HOME")
    folder = (Path(config) if config else Path("~/.config").expanduser()) / "systemd" / "user"
    return folder / f"{name}.service", folder / f"{name}.timer"


def _remove_units(name: str) -> bool:
    there = [path for path in _paths(name) if path.exists()]
    if there:
        _done("systemctl", "--user", "disable", "--now", f"{name}.timer")
        for path in there:
            with _translated("remove", path):
                path.unlink()
        _done("systemctl", "--user", "daemon-reload")
    return bool(there)


def _remove_line(name: str) -> bool:
    try:
        before = _crontab()
    except UnsupportedError:
        return False
    after = schedule.without_line(before, name)
    if after != before:
        _write_crontab(after)
    return after != before


def _crontab() -> bytes:
    """The person's crontab, empty where there is none."""
    try:
        done = subprocess.run(
            ["crontab", "-l"],  # noqa: S607 - wherever this system has it
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnsupportedError(
            "neither systemd's user manager nor cron is here", "have `offlinedl sync --quiet` run by what is"
        ) from error
    if done.returncode and not any(said in done.stderr for said in _NO_CRONTAB):
        raise _failed("crontab -l", done.stderr)
    return b"" if done.returncode else done.stdout


def _write_crontab(crontab: bytes) -> None:
    """An empty one is none."""
    if crontab:
        _must("crontab", "-", given=crontab)
    else:
        _must("crontab", "-r")


def _done(*command: str) -> bytes | None:
    """What a command says, None where it fails."""
    try:
        return subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True).stdout  # noqa: S603 - ours
    except (OSError, subprocess.SubprocessError):
        return None


def _must(*command: str, given: bytes = b"") -> None:
    try:
        done = subprocess.run(  # noqa: S603 - ours
            command, input=given, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(" ".join(command), str(error).encode()) from error
    if done.returncode:
        raise _failed(" ".join(command), done.stderr)


def _failed(command: str, said: bytes) -> UnsupportedError:
    last = (said.decode(errors="replace").strip().splitlines() or ["it did not say why"])[-1]
    return UnsupportedError(f"`{command}` failed: {last}", "may you use it?")
