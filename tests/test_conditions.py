"""When sync may download: what is not now waits, says why, and goes on by itself when its time comes."""

from __future__ import annotations

import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from offlinedl import conditions, machine
from offlinedl.conditions import Conditions, Seen
from offlinedl.errors import UsageError
from tests.conftest import Offlinedl, stopped
from tests.origin import Origin
from tests.seasons import LICENSED, episode, known, offer, ready
from tests.test_get import assert_origins_bytes
from tests.test_pause import _RELEASE, held_at

# rules

NIGHT = "01:00-06:00"
HOURS = [
    pytest.param(NIGHT, "00:59", False, id="before"),
    pytest.param(NIGHT, "01:00", True, id="its first minute"),
    pytest.param(NIGHT, "05:59", True, id="its last minute"),
    pytest.param(NIGHT, "06:00", False, id="its end"),
    pytest.param("22:30-05:00", "22:30", True, id="over midnight: the evening"),
    pytest.param("22:30-05:00", "00:00", True, id="over midnight: midnight"),
    pytest.param("22:30-05:00", "05:00", False, id="over midnight: its end"),
    pytest.param("22:30-05:00", "12:00", False, id="over midnight: the day"),
    pytest.param("20:00-24:00", "23:59", True, id="until midnight"),
    pytest.param("20:00-24:00", "00:00", False, id="until midnight: its end"),
    pytest.param("7:00 - 8:00", "07:30", True, id="as people write it"),
]


@pytest.mark.parametrize(("said", "at", "has"), HOURS)
def test_hours(said: str, at: str, has: bool) -> None:
    assert conditions.hours(said, "--between").has(time.fromisoformat(at)) is has


NO_HOURS = ["", "night", "1-6", "01:00", "01:00-25:00", "01:60-02:00", "03:00-03:00", "24:30-1:00"]


@pytest.mark.parametrize("said", NO_HOURS)
def test_what_are_no_hours(said: str) -> None:
    with pytest.raises(UsageError, match="--between"):
        conditions.hours(said, "--between")


@pytest.mark.parametrize(("said", "least"), [("ignore", 0), ("wait", 101), ("40%", 40), ("100 %", 100)])
def test_what_is_to_be_in_a_battery(said: str, least: int) -> None:
    assert conditions.battery(said, "sync.battery") == least


@pytest.mark.parametrize("said", ["", "yes", "40", "101%", "-1%"])
def test_what_is_no_battery(said: str) -> None:
    with pytest.raises(UsageError, match=r"sync\.battery"):
        conditions.battery(said, "sync.battery")


ALL = Conditions(hours=conditions.hours(NIGHT, ""), battery=40, command=("ask",))
WAITS: list[Any] = [
    pytest.param(ALL, Seen(is_metered=False, battery=40), "02:00", "", id="all is well"),
    pytest.param(ALL, Seen(), "02:00", "", id="nothing is known"),
    pytest.param(ALL, Seen(), "12:00", "its hours are 01:00-06:00", id="hours"),
    pytest.param(ALL, Seen(is_metered=True), "02:00", "the network is metered", id="B29 metered"),
    pytest.param(Conditions(metered="ignore"), Seen(is_metered=True), "02:00", "", id="B29 ignored"),
    pytest.param(ALL, Seen(battery=39), "02:00", "on battery, 39 %, and 40 % are to be there", id="battery"),
    pytest.param(Conditions(battery=101), Seen(battery=100), "02:00", "on battery, 100 %", id="not charged"),
    pytest.param(Conditions(battery=101), Seen(), "02:00", "", id="charged"),
    pytest.param(Conditions(), Seen(battery=1), "02:00", "", id="battery ignored"),
    pytest.param(ALL, Seen(veto="guests are here"), "02:00", "guests are here", id="a command"),
]


@pytest.mark.parametrize(("wanted", "seen", "at", "why"), WAITS)
def test_what_waits(wanted: Conditions, seen: Seen, at: str, why: str) -> None:
    assert conditions.hindrance(wanted, seen, time.fromisoformat(at)) == why


# what the machine says

MAINS = {"type": "Mains", "online": "1"}
OFF = {"type": "Mains", "online": "0"}
BATTERY = {"type": "Battery", "status": "Discharging", "capacity": "57"}
SUPPLIES: list[Any] = [
    pytest.param({}, None, id="a desktop"),
    pytest.param({"AC": OFF, "BAT0": BATTERY}, 57, id="on battery"),
    pytest.param({"AC": MAINS, "BAT0": BATTERY}, None, id="plugged in"),
    pytest.param({"AC": OFF, "BAT0": BATTERY | {"status": "Charging"}}, None, id="charging by another way"),
    pytest.param({"BAT0": BATTERY, "BAT1": BATTERY | {"capacity": "9"}}, 9, id="two batteries"),
    pytest.param({"mouse": BATTERY | {"scope": "Device"}}, None, id="the battery of a mouse"),
    pytest.param({"BAT0": BATTERY | {"capacity": "?"}}, 0, id="a battery that does not say"),
]


@pytest.mark.parametrize(("supplies", "charge"), SUPPLIES)
def test_batteries(supplies: dict[str, dict[str, str]], charge: int | None, tmp_path: Path) -> None:
    for name, files in supplies.items():
        (tmp_path / name).mkdir()
        for file, said in files.items():
            (tmp_path / name / file).write_text(f"{said}\n")
    assert machine.battery(tmp_path) == charge


COMMANDS: list[Any] = [
    pytest.param(["true"], "", id="yes"),
    pytest.param(["sh", "-c", "echo never mind >&2"], "", id="yes, with words"),
    pytest.param(["sh", "-c", "echo so; echo one >&2; echo guests are here >&2; exit 3"], "guests are here", id="no"),
    pytest.param(["false"], "false ended with 1", id="no, without a word"),
    pytest.param(["sh", "-c", "sleep 1000 & wait"], "sh did not answer within 0 seconds", id="no answer"),
]


@pytest.mark.parametrize(("command", "why"), COMMANDS)
def test_a_command_that_may_veto(command: list[str], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "sleep" in command[-1]:
        monkeypatch.setattr(machine, "SECONDS", 0.2)
    assert machine.veto(command) == why


def test_a_command_that_is_none() -> None:
    with pytest.raises(UsageError, match=r"\[sync\] when: program cannot be run: No such file"):
        machine.veto(["/no/such/program"])


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A system's bus of D-Bus, with nobody on it."""
    address = f"unix:path={tmp_path}/bus"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    command = ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}", "--print-address"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline()
    yield address
    process.terminate()
    process.communicate()


def manage(address: str, metered: int) -> None:
    """NetworkManager on the bus, as far as one question goes."""
    from jeepney import MessageType, new_method_return
    from jeepney.bus_messages import message_bus
    from jeepney.io.blocking import open_dbus_connection

    connection = open_dbus_connection(bus=address)
    connection.send_and_get_reply(message_bus.RequestName("org.freedesktop.NetworkManager"))

    def answer() -> None:
        with connection:
            while True:
                asked = connection.receive()
                if asked.header.message_type is MessageType.method_call:
                    assert asked.body == ("org.freedesktop.NetworkManager", "Metered")
                    connection.send(new_method_return(asked, "v", (("u", metered),)))
                    return

    threading.Thread(target=answer, daemon=True).start()


@pytest.mark.parametrize(("number", "said"), [(0, None), (1, True), (2, False), (3, True), (4, False)])
@pytest.mark.parametrize("program", machine._ASKING, ids=lambda program: program[0])
def test_what_the_network_costs(
    program: tuple[str, ...], number: int, said: bool | None, bus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B29: as NetworkManager tells those who ask over D-Bus, with either program."""
    monkeypatch.setattr(machine, "_ASKING", [program])
    manage(bus, number)
    assert machine.metered() is said


def test_nobody_knows_what_the_network_costs(bus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.metered() is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.metered() is None


# sync


@pytest.fixture
def tv(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    """A home that follows the next two of a series."""
    known(offlinedl, origin, [episode(1, 1, LICENSED), episode(1, 2, LICENSED)])
    offlinedl.ok("follow", "h", "--next", "2")
    return offlinedl


def waits(tv: Offlinedl, *words: str) -> list[str]:
    """Why downloads wait."""
    return [step["reason"] for step in tv.ok("sync", "--json", *words).json if step["result"] == "skipped"]


SETTINGS = [
    pytest.param("is_metered = true", "the network is metered", id="B29 metered"),
    pytest.param('when = ["sh", "-c", "echo guests are here >&2; exit 1"]', "guests are here", id="B29 a command"),
]


@pytest.mark.parametrize(("setting", "why"), SETTINGS)
def test_a_pass_that_may_not_download_says_why(setting: str, why: str, tv: Offlinedl, origin: Origin) -> None:
    """In words, as JSON, on a dry run; by mail it does not. All else is done."""
    with (tv.home / "config.toml").open("a") as settings:
        settings.write(f"[sync]\n{setting}\n")
    assert waits(tv, "--dry-run") == waits(tv) == [why, why]
    assert tv.ok("sync").out.splitlines() == [f"tv:1x{number}: not now: {why}" for number in (1, 2)]
    quiet = tv.ok("sync", "--quiet")
    assert (quiet.out, quiet.err, tv.listed()) == ("", "", [])
    offer(origin, [episode(1, 1)])
    assert [step["step"] for step in tv.ok("sync", "--json").json] == ["read", "download"]
    [check] = [finding for finding in tv.ok("doctor", "--json").json if finding["what"] == "downloads"]
    assert (check["state"], check["detail"]) == ("ok", f"`offlinedl sync` does not download now: {why}")
    (tv.home / "config.toml").write_text("")
    tv.ok("sync")
    assert ready(tv) == ["1x1"]


def test_a_command_that_cannot_be_run_is_told(tv: Offlinedl, origin: Origin) -> None:
    """Nothing would ever be downloaded: one mail, the exit code, and doctor. All else is done."""
    with (tv.home / "config.toml").open("a") as settings:
        settings.write('[sync]\nwhen = ["/no/such/program"]\n')
    mail = tv("sync", "--quiet")
    assert (mail.code, mail.err.splitlines()[0]) == (
        2, "error: [sync] when: program cannot be run: No such file or directory",
    )  # fmt: skip
    again = tv("sync", "--quiet")
    assert (again.code, again.out, again.err) == (2, "", "")
    assert [step["title"] for step in tv("sync", "--json").json if step["result"] == "failed"] == [None]
    assert len(origin.asked("/seasons.json")) == 3
    doctor = tv("doctor", "--json")
    [found] = [finding for finding in doctor.json if finding["what"] == "downloads"]
    assert (doctor.code, found["state"], found["error"]["code"]) == (2, "broken", "usage")


WRONG = ['between = "night"', 'battery = "some"', "is_metered = 1", 'metered = "no"', 'when = "test"', "until = 1"]


@pytest.mark.parametrize("setting", WRONG)
def test_a_setting_that_is_wrong_is_named(setting: str, offlinedl: Offlinedl) -> None:
    with (offlinedl.home / "config.toml").open("a") as settings:
        settings.write(f"[sync]\n{setting}\n")
    result = offlinedl("sync")
    assert result.code == 2
    assert f"config.toml: sync.{setting.partition(' ')[0]}" in result.err


def test_hours_that_were_asked_for_go_before_those_that_are_set(tv: Offlinedl) -> None:
    with (tv.home / "config.toml").open("a") as settings:
        settings.write('[sync]\nbetween = "01:00-06:00"\n')
    [said] = {line.partition(": ")[2] for line in tv.at("2026-11-20 12:00:00", "sync").out.splitlines()}
    assert said == "not now: its hours are 01:00-06:00"
    assert tv("sync", "--between", "night").code == 2
    assert tv.at("2026-11-20 12:00:00", "sync", "--between", "12:00-13:00").code == 0
    assert len(tv.listed()) == 2


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the clock of all processes that begin from now on, also while they run."""
    file = tmp_path / "clock"
    words = [*stopped("2026-11-20 00:00:00"), sys.executable, "-c", "import os; print(os.environ['LD_PRELOAD'])"]
    library = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    for name, value in {
        "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1", "TZ": "UTC",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    def set_to(moment: str) -> None:
        (tmp_path / "next").write_text(f"{moment}\n")
        (tmp_path / "next").replace(file)

    return set_to


def test_hours_that_end_in_the_middle_of_a_download(
    tv: Offlinedl, origin: Origin, clock: Callable[[str], None]
) -> None:
    """B28: what is under way comes to its end, nothing is fetched twice, no license is asked for twice, and the next
    run within the hours goes on by itself."""
    with (tv.home / "config.toml").open("a") as settings:
        settings.write("connections = 1\n")
    clock("2026-11-20 05:59:00")
    process = held_at(tv, origin, "harbour-1/v720/2.m4s", "--between", NIGHT, verb="sync")
    clock("2026-11-20 06:00:00")
    urllib.request.urlopen(origin.url + _RELEASE).close()
    assert process.wait() == 0
    assert tv.claimed() == tv.files()
    kept, before = tv.claimed(), len(origin.asked(".m4s"))
    assert not [path for path in tv.files() if path.endswith(".part")]
    assert [(title["id"], title["state"]) for title in tv.listed()] == [("tv:1x1", "paused"), ("tv:1x2", "queued")]
    assert tv.start("sync", "--between", NIGHT).wait() == 0
    assert (tv.claimed(), len(origin.asked(".m4s"))) == (kept, before)
    clock("2026-11-21 01:00:00")
    assert tv.start("sync", "--between", NIGHT).wait() == 0
    assert ready(tv) == ["1x1", "1x2"]
    for title in ("tv:1x1", "tv:1x2"):
        assert_origins_bytes(tv.ok("show", title, "--json").json)
    assert len(origin.asked("/license")) == 2
    asked = [(a.path, a.what) for a in origin.log if a.path.endswith(".m4s")]
    assert len(asked) == 2 * len(set(asked))
