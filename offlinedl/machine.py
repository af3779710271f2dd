"""What the machine says of itself: what its network costs, how its battery is, and what a person's command says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from offlinedl.conditions import Conditions, Seen
from offlinedl.errors import UsageError

POWER = Path("/sys/class/power_supply")
SECONDS = 10.0
"""What a command may take."""

_MANAGER, _OBJECT = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"
_ASKING = (
    ("busctl", "--system", "--auto-start=no", "get-property", _MANAGER, _OBJECT, _MANAGER, "Metered"),
    ("dbus-send", "--system", "--print-reply=literal", f"--dest={_MANAGER}", _OBJECT,
     "org.freedesktop.DBus.Properties.Get", f"string:{_MANAGER}", "string:Metered"),
)  # fmt: skip
"""Two programs that ask for one property, of systemd and of D-Bus; both end with its number."""
_METERED = {"1": True, "2": False, "3": True, "4": False}
"""NMMetered of NetworkManager's D-Bus API: yes, no, guessed yes, guessed no; 0 is unknown."""


def seen(conditions: Conditions, is_metered: bool | None) -> Seen:
    """What `conditions` ask about. Whether the network `is_metered` may be known already."""
    if is_metered is None and conditions.metered == "wait":
        is_metered = metered()
    said, fault = "", None
    try:
        said = veto(conditions.command) if conditions.command else ""
    except UsageError as error:
        said, fault = error.message, error
    charge = battery(POWER) if conditions.battery else None
    return Seen(is_metered=is_metered, battery=charge, veto=said, fault=fault)


def metered() -> bool | None:
    """What NetworkManager says; None where there is none, or it does not know."""
    for command in _ASKING:
        with suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)  # noqa: S603 - as above
            said = done.stdout.decode(errors="replace")
            return _METERED.get((re.findall(r"\d+", said) or [""])[-1])
    return None


def battery(power: Path) -> int | None:
    """Per cent of the battery that is being used up; None where there is none, or the machine is plugged in. Those of
    mice and pens have the scope Device (sysfs-class-power)."""
    lowest: int | None = None
    for supply in sorted(power.glob("*")):
        if _said(supply, "scope") == "Device":
            continue
        if _said(supply, "type") in {"Mains", "USB"} and _said(supply, "online") == "1":
            return None
        if _said(supply, "type") == "Battery" and _said(supply, "status") == "Discharging":
            charge = _said(supply, "capacity")
            lowest = min(100 if lowest is None else lowest, int(charge) if charge.isdecimal() else 0)
    return lowest


def veto(command: Sequence[str]) -> str:
    """Why a person's command says no: the last line of what it complains; "" where it ends with 0. UsageError where it
    cannot be run."""
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(  # noqa: S603 - what the person wishes
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        said = f"[sync] when: {name} cannot be run: {error.strerror}"
        raise UsageError(said, "write the whole path of a program of yours into config.toml") from error
    try:
        _, complaint = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"{name} did not answer within {SECONDS:.0f} seconds"
    if process.returncode == 0:
        return ""
    return (complaint.decode(errors="replace").strip().splitlines() or [f"{name} ended with {process.returncode}"])[-1]


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it started, which may hold its stderr open."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _said(supply: Path, name: str) -> str:
    try:
        return (supply / name).read_text().strip()
    except OSError:
        return ""
