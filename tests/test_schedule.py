"""schedule: sync runs by itself, by lines that are shown first; nobody else's line is touched. cron is Debian's own."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from offlinedl import schedule
from offlinedl.catalog import Catalog
from offlinedl.conditions import hours
from offlinedl.errors import UsageError
from offlinedl.schedule import Job, Times
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.seasons import known, ready

PROGRAM = Path(sys.executable).with_name("offlinedl")
OWN = Job(name="offlinedl", command=("/opt/o/offlinedl", "sync", "--quiet"), environment=(("HOME", "/home/x"),))

# rules

TIMES: list[Any] = [
    pytest.param("6h", None, (0, 6, 12, 18), (0,), id="a part of a day"),
    pytest.param("1d", None, (0,), (0,), id="a day"),
    pytest.param("24h", None, (0,), (0,), id="a day in hours"),
    pytest.param("30m", None, (), (0, 30), id="a part of an hour"),
    pytest.param("1h", None, tuple(range(24)), (0,), id="an hour"),
    pytest.param("6h", "01:30-06:00", (1, 7, 13, 19), (30,), id="from the beginning of its hours on"),
    pytest.param("8h", "22:15-05:00", (6, 14, 22), (15,), id="hours over midnight"),
    pytest.param("20m", "01:30-06:00", (), (10, 30, 50), id="a part of an hour, and hours"),
]


@pytest.mark.parametrize(("every", "between", "at", "minutes"), TIMES)
def test_times(every: str, between: str | None, at: tuple[int, ...], minutes: tuple[int, ...]) -> None:
    """Both ways to write them say how far apart they are."""
    found = schedule.times(every, None if between is None else hours(between, ""))
    assert (found.hours, found.minutes) == (at, minutes)
    apart = timedelta(days=1) / (len(at or range(24)) * len(minutes))
    for text in (schedule.timer(found), schedule.line(OWN, found)):
        assert schedule.every(text.splitlines()) == apart


@pytest.mark.parametrize("every", ["", "6", "5h", "7m", "2d", "0h", "1m", "90m", "-1h"])
def test_what_is_no_part_of_a_day(every: str) -> None:
    with pytest.raises(UsageError, match="--every"):
        schedule.times(every, None)


def test_no_two_homes_have_one_name_and_what_is_delayed_stays_in_its_hours() -> None:
    assert len({schedule.name(home) for home in (None, "/a", "/b")}) == 3
    for between in ("23:50-00:20", "01:00-01:03"):
        window = hours(between, "")
        for home in range(50):
            line = schedule.line(Job(name=f"{home}", command=("a",), environment=()), schedule.times("1d", window))
            minute, hour = map(int, line.split()[:2])
            assert window.has(type(window.begin)(hour, minute))


FOREIGN: list[Any] = [
    pytest.param(b"", id="none"),
    pytest.param(b"# my own\nMAILTO=me\n\n0 4 * * * backup  # offlinedl is not saved\n", id="others"),
    pytest.param(b"5 5 * * * caf\xe9 \xff\n\t@daily  x \n# * * * * * y # offlinedl\n", id="bytes, and a comment"),
    pytest.param(b"0 1 * * * o sync # offlinedl-1a2b3c4d\n", id="another home's"),
]


@pytest.mark.parametrize("foreign", FOREIGN)
def test_lines_of_others_stay_byte_for_byte(foreign: bytes) -> None:
    daily, hourly = (schedule.times(every, None) for every in ("1d", "1h"))
    once = schedule.with_line(foreign, OWN, daily)
    assert once == foreign + schedule.line(OWN, daily).encode() + b"\n"
    assert schedule.with_line(once, OWN, daily) == once
    assert schedule.without_line(once, OWN.name) == foreign
    again = schedule.with_line(once + b"1 1 * * * more\n" + once[len(foreign) :], OWN, hourly)
    assert again == foreign + schedule.line(OWN, hourly).encode() + b"\n1 1 * * * more\n"


ODD = '/srv/50% of $HOME\'s "films" \\ a b'


def test_a_place_of_any_name(tmp_path: Path) -> None:
    """As a shell reads the line, after cron made its own of the per cent signs."""
    own = Job(
        name="offlinedl", command=("/bin/sh", "-c", 'printf %s "$PLACE$1"', "", ODD), environment=(("PLACE", ODD),)
    )
    command = schedule.line(own, Times(hours=(0,), minutes=(0,), delay=0)).split(maxsplit=5)[5]
    assert not re.search(r"(?<!\\)%", command)
    done = subprocess.run(["/bin/sh", "-c", command.replace("\\%", "%")], check=True, capture_output=True, text=True)
    assert done.stdout == ODD * 2


# the command, with a crontab that is a file


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that is the crontab: no test touches a person's own. There is no systemd."""
    folder, file = tmp_path / "bin", tmp_path / "crontab"
    folder.mkdir()
    (folder / "crontab").write_text(f"""#!/bin/sh
case "$1" in
-l) [ -e {file} ] || {{ echo "no crontab for you" >&2; exit 1; }}; cat {file} ;;
-r) rm {file} ;;
-) cat > {file} ;;
esac
""")
    (folder / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    for program in folder.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return file


def test_install_show_and_remove(offlinedl: Offlinedl, crontab: Path) -> None:
    """What is shown is what is written; twice is once, with new times; what was there before is there after."""
    before = b"0 4 * * * backup\xff\n"
    crontab.write_bytes(before)
    shown = offlinedl.ok("schedule", "install", "--every", "8h", "--between", "01:00-06:00", "--yes")
    [title, line] = shown.out.splitlines()
    assert crontab.read_bytes() == before + line.encode() + b"\n"
    assert re.fullmatch(
        r"\d+ 1,9,17 \* \* \* HOME=\S+ OFFLINEDL_HOME=\S+ .* sync --quiet --between 01:00-06:00 #.*", line
    )
    assert f" {PROGRAM} sync " in line
    assert offlinedl.ok("schedule", "show").out == shown.out
    again = offlinedl.ok("schedule", "install", "--yes").out.splitlines()[1]
    assert crontab.read_bytes() == before + again.encode() + b"\n"
    assert offlinedl.ok("schedule", "remove", "--yes").out == f"{title}\n{again}\n"
    assert crontab.read_bytes() == before
    assert "Nothing is installed" in offlinedl.ok("schedule", "remove").err
    assert "Nothing is installed" in offlinedl.ok("schedule", "show").err


@pytest.mark.parametrize("said", ["no crontab for you", "crontab: can't open 'you': No such file or directory"])
def test_where_there_was_no_crontab_there_is_none(said: str, offlinedl: Offlinedl, crontab: Path) -> None:
    """As Vixie's cron says it, and that of busybox."""
    program = crontab.parent / "bin/crontab"
    program.write_text(program.read_text().replace("no crontab for you", said))
    offlinedl.ok("schedule", "install", "--yes")
    assert crontab.exists()
    offlinedl.ok("schedule", "remove", "--yes")
    assert not crontab.exists()


def test_nobody_there_to_be_asked(offlinedl: Offlinedl, crontab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script says --yes; the lines are shown in any case."""
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: PTH123, SIM115
    refused = offlinedl("schedule", "install")
    assert (refused.code, refused.err) == (2, "error: nobody is here to be asked\nhint: add --yes\n")
    assert "sync --quiet" in refused.out
    assert not crontab.exists()


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 130), ("", 130)])
def test_on_a_terminal_it_asks(answer: str, code: int, offlinedl: Offlinedl, crontab: Path) -> None:
    """Who says no has stopped it, and found no defect."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "offlinedl", "schedule", "install"]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert (done.returncode, crontab.exists()) == (code, not code)
    assert "Install this? [y/N]" in done.stderr


@pytest.mark.parametrize("words", [["--every", "5h"], ["--between", "night"]])
def test_what_cannot_be_is_said_first(words: list[str], offlinedl: Offlinedl, crontab: Path) -> None:
    refused = offlinedl("schedule", "install", *words, "--yes")
    assert (refused.code, words[0] in refused.err, crontab.exists()) == (2, True, False)


def test_a_unit_that_cannot_be_removed_is_named(offlinedl: Offlinedl, systemd: Path) -> None:
    offlinedl.ok("schedule", "install", "--yes")
    [service] = systemd.glob("*.service")
    service.unlink()
    service.mkdir()
    refused = offlinedl("schedule", "remove", "--yes")
    assert (refused.code, str(service) in refused.err) == (6, True)


def test_where_nothing_runs_programs(offlinedl: Offlinedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert offlinedl("schedule", "install", "--yes").code == 9
    assert offlinedl.ok("schedule", "show").out == ""


def test_doctor_tells_of_it(offlinedl: Offlinedl, crontab: Path) -> None:
    """Two passes that did not come are overdue; not where nothing is installed, nor while the machine was off."""

    def told(what: str, code: int = 0) -> tuple[str, str]:
        result = offlinedl("doctor", "--json")
        [finding] = [finding for finding in result.json if finding["what"] == what]
        assert result.code == code
        return finding["state"], finding["detail"]

    assert told("last sync") == ("absent", "none")
    offlinedl.ok("sync")
    assert told("last sync") == ("ok", "0 minutes ago; it ended with 0")
    backdate(offlinedl, minutes=41)
    assert told("last sync") == ("ok", "41 minutes ago; it ended with 0")
    offlinedl.ok("schedule", "install", "--every", "5m", "--yes")
    assert told("schedule", 7) == ("ok", "cron, every 5 minutes")
    assert told("last sync", 7) == ("broken", "41 minutes ago; it ended with 0: the next one is overdue")
    offlinedl.ok("schedule", "install", "--every", "15m", "--yes")
    assert told("last sync")[0] == "ok"


def backdate(offlinedl: Offlinedl, minutes: int) -> None:
    """All runs began so much earlier."""
    with closing(Catalog(offlinedl.home / "catalog.db")) as catalog, catalog.transaction():
        catalog._db.execute(
            "UPDATE runs SET began_at = strftime('%Y-%m-%dT%H:%M:%f000+00:00', began_at, ?)", (f"-{minutes} minutes",)
        )


# systemd


@pytest.fixture
def systemd(tmp_path: Path, crontab: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of units: Debian's systemctl works on it, as if a manager were there."""
    (tmp_path / "bin/systemctl").write_text("""#!/bin/sh
case "$*" in
*show-environment|*daemon-reload) exit 0 ;;
esac
SYSTEMD_OFFLINE=1 exec /usr/bin/systemctl --user "$2" "$4"
""")
    (tmp_path / "bin/loginctl").write_text("#!/bin/sh\necho no\n")
    (tmp_path / "bin/loginctl").chmod(0o755)
    return tmp_path / "person/.config/systemd/user"


def test_units(offlinedl: Offlinedl, systemd: Path, crontab: Path) -> None:
    """systemd finds nothing wrong with them; a line of a crontab gives way to them; nothing is left of them."""
    old = schedule.name(str(offlinedl.home))
    crontab.write_text(f"0 4 * * * backup\n0 0 * * * o sync # {old}\n")
    shown = offlinedl.ok("schedule", "install", "--between", "01:30-06:00", "--yes")
    assert "loginctl enable-linger" in shown.err
    service, timer = systemd / f"{old}.service", systemd / f"{old}.timer"
    for unit in (service, timer):
        assert f"# {unit}\n{unit.read_text()}" in shown.out + "\n"
    assert "OnCalendar=*-*-* 01,07,13,19:30:00\nPersistent=true\nRandomizedDelaySec=15min\n" in timer.read_text()
    assert (systemd / "timers.target.wants" / timer.name).resolve() == timer
    assert crontab.read_text() == "0 4 * * * backup\n"
    verify(service, timer)
    offlinedl.ok("schedule", "install", "--yes")
    assert offlinedl.ok("schedule", "show").out.count("OnCalendar") == 1
    offlinedl.ok("schedule", "remove", "--yes")
    assert [path for path in systemd.rglob("*") if path.is_file() or path.is_symlink()] == []


def verify(*units: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", *map(str, units)], capture_output=True, text=True, check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(units[0].parent)},
    )  # fmt: skip
    assert not [line for line in done.stderr.splitlines() if "offlinedl" in line], done.stderr


def test_a_place_of_any_name_in_a_unit(tmp_path: Path) -> None:
    program = tmp_path / '50% of $HOME\'s "films" a b'
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "offlinedl.service"
    unit.write_text(schedule.service(Job(name="offlinedl", command=(str(program), "sync"), environment=(("A", ODD),))))
    verify(unit)


# for real


def test_with_next_to_no_environment(offlinedl: Offlinedl, origin: Origin, tmp_path: Path) -> None:
    """No terminal, no variables but the minimum: what cron and systemd give."""
    known(offlinedl, origin)
    offlinedl.ok("follow", "h", "--next", "1")
    bare = ["env", "-i", "PATH=/usr/bin:/bin", f"HOME={tmp_path}"]
    done = subprocess.run(
        [*bare, PROGRAM, "sync", "--quiet"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    home = f"OFFLINEDL_HOME={offlinedl.home}"
    done = subprocess.run(
        [*bare, home, PROGRAM, "sync", "--quiet"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert ready(offlinedl) == ["1x1"]


CRON = """
for place in /var/spool/cron/crontabs /run /dev/shm; do mount -t tmpfs none $place; done
"$1" schedule install --yes
faketime -f "@2026-11-20 $2:58" cron -f &
while ! "$1" sync --history | grep -q ' 0:00'; do sleep 0.1; done
"""
"""No process outlives this, whatever becomes of it."""


def test_cron_itself_runs_the_line(
    offlinedl: Offlinedl, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's cron, whose clock is set to two seconds before the line's minute, in a place where nobody else's crontab
    is."""
    known(offlinedl, origin)
    offlinedl.ok("follow", "h", "--next", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    shown = subprocess.run([PROGRAM, "schedule", "install"], capture_output=True, text=True, check=False).stdout
    minute, every = shown.splitlines()[-1].split()[:2]
    before = f"{every.split(',')[1]}:{int(minute) - 1:02}" if int(minute) else f"{int(every.split(',')[1]) - 1}:59"
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", CRON, "sh", str(PROGRAM), before]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False, timeout=60)
    assert done.returncode == 0, done
    assert ready(offlinedl) == ["1x1"]
    [run] = offlinedl.ok("sync", "--history", "--json").json
    assert (run["exit_code"], run["done"]) == (
        0,
        {"read": 1, "download": 1} if "read" in run["done"] else {"download": 1},
    )
