"""When `sync` runs by itself, and how that is written for systemd and for cron: nothing is done here."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable
from datetime import timedelta

from offlinedl.conditions import Hours
from offlinedl.errors import UsageError
from offlinedl.frozen import frozen

_DAY = 24 * 60
_AT_RANDOM = 15
"""Minutes over which the passes of different homes are spread: not all ask their services at the full hour."""


@frozen
class Job:
    """What is run: the `command` with its options, in this `environment`; `name` is that of no other home's job."""

    name: str
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]


@frozen
class Times:
    """The hours and minutes of a day at which it runs (no hours: each of them), and by how many minutes that may be
    delayed."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    delay: int


def name(home: str | None) -> str:
    """What the job of the home in this folder is called; without one, that of the platform's own folders."""
    return "offlinedl" if home is None else f"offlinedl-{hashlib.sha256(home.encode()).hexdigest()[:8]}"


def times(every: str, hours: Hours | None) -> Times:
    """What "6h", "30m" or "1d" means: from the beginning of the `hours` on, where there are any, else from midnight."""
    found = re.fullmatch(r"(\d{1,4})([mhd])", every.strip())
    step = int(found[1]) * {"m": 1, "h": 60, "d": _DAY}[found[2]] if found else 0
    if step not in {*(m for m in range(5, 60) if not 60 % m), *(60 * h for h in range(1, 25) if not 24 % h)}:
        raise UsageError(f"--every {every}: not a part of a day", "write 6h, or 15m, 30m, 1h, 2h, 3h, 4h, 8h, 12h, 1d")
    begin = 0 if hours is None else hours.begin.hour * 60 + hours.begin.minute
    delay = min(_AT_RANDOM, step // 4, _DAY if hours is None else hours.minutes // 4)
    if step < 60:
        return Times(hours=(), minutes=tuple(sorted({(begin + n) % 60 for n in range(0, 60, step)})), delay=delay)
    starts = {(begin + n) % _DAY // 60 for n in range(0, _DAY, step)}
    return Times(hours=tuple(sorted(starts)), minutes=(begin % 60,), delay=delay)


# systemd


def service(job: Job) -> str:
    """The unit that runs it (systemd.service(5)). It yields to whatever the person does. systemd itself runs no program
    with special characters in its path; env(1) does."""
    command = " ".join(_quoted(word.replace("$", "$$")) for word in job.command)
    environment = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in job.environment)
    return (
        "[Unit]\nDescription=offlinedl: one pass over the library\n\n"
        f"[Service]\nType=oneshot\n{environment}ExecStart=/usr/bin/env {command}\n"
        f"SuccessExitStatus=7\nNice=10\nIOSchedulingClass=idle\n"
    )


def timer(times: Times) -> str:
    """The unit that says when (systemd.timer(5)); what the machine slept through is made up for."""
    hours = ",".join(f"{hour:02}" for hour in times.hours) or "*"
    minutes = ",".join(f"{minute:02}" for minute in times.minutes)
    return (
        "[Unit]\nDescription=offlinedl: when its pass is made\n\n"
        f"[Timer]\nOnCalendar=*-*-* {hours}:{minutes}:00\nPersistent=true\nRandomizedDelaySec={times.delay}min\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _quoted(word: str) -> str:
    """A word as systemd reads it (systemd.syntax(7)): in quotes where it must be, and no specifier."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return plain if re.fullmatch(r"[\w./:=,%@+-]+", plain) else f'"{plain}"'


# cron


def line(job: Job, times: Times) -> str:
    """The line of a crontab (crontab(5)). What is delayed there is so by the same minutes each time."""
    late = int(hashlib.sha256(repr(job).encode()).hexdigest(), 16) % (times.delay + 1)
    minutes = ",".join(str(minute) for minute in sorted((m + late) % 60 for m in times.minutes))
    over = times.hours and times.minutes[0] + late >= 60
    hours = ",".join(str(hour) for hour in sorted((h + bool(over)) % 24 for h in times.hours)) or "*"
    words = [*(f"{name}={shlex.quote(value)}" for name, value in job.environment), *map(shlex.quote, job.command)]
    return f"{minutes} {hours} * * * {' '.join(words).replace('%', chr(92) + '%')} {_mark(job.name)}"


def with_line(crontab: bytes, job: Job, times: Times) -> bytes:
    """`crontab` with the job's line in it, once: in its place, or at the end. All others are as they were."""
    own = line(job, times).encode() + b"\n"
    kept = crontab.splitlines(keepends=True)
    places = [place for place, there in enumerate(kept) if _is_of(there, job.name)]
    if not places:
        return crontab + (b"" if crontab.endswith(b"\n") or not crontab else b"\n") + own
    first = places[0]
    return b"".join([own if at == first else there for at, there in enumerate(kept) if at == first or at not in places])


def without_line(crontab: bytes, name: str) -> bytes:
    """`crontab` without the line of the job of this name."""
    return b"".join(there for there in crontab.splitlines(keepends=True) if not _is_of(there, name))


def line_of(crontab: bytes, name: str) -> str | None:
    """The line of the job of this name, None where there is none."""
    found = [there for there in crontab.splitlines() if _is_of(there, name)]
    return found[0].decode(errors="replace") if found else None


def every(lines: Iterable[str]) -> timedelta | None:
    """From one pass to the next, as the lines say it that are installed; None where they do not."""
    for text in lines:
        found = re.match(r"OnCalendar=\*-\*-\* (?P<h>[\d,*]+):(?P<m>[\d,]+):00$", text)
        found = found or re.match(r"(?P<m>[\d,]+) (?P<h>[\d,*]+) \* \* \* ", text)
        if found:
            times = len(found["m"].split(",")) * (24 if found["h"] == "*" else len(found["h"].split(",")))
            return timedelta(days=1) / times
    return None


def _mark(name: str) -> str:
    return f"# {name}"


def _is_of(there: bytes, name: str) -> bool:
    return not there.startswith(b"#") and there.rstrip().endswith(b" " + _mark(name).encode())
