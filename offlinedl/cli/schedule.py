"""schedule: have `sync` run by itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import note, say

if TYPE_CHECKING:
    from offlinedl.conditions import Hours
    from offlinedl.schedule import Job

app = typer.Typer(help="Have sync run by itself: by systemd, or where there is none by cron.")

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
def install(
    every: Annotated[str, typer.Option(metavar="TIME", help="From one pass to the next, like 30m, 6h or 1d.")] = "6h",
    between: Annotated[
        str | None, typer.Option(metavar="HOURS", help="Download at these hours alone, like 01:00-06:00.")
    ] = None,
    yes: Yes = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Show the lines that have sync run by itself, and put them in their place if you say so. Twice is once."""
    from offlinedl import conditions, schedule, timers

    hours = None if between is None else conditions.hours(between, "--between")
    times = schedule.times(every, hours or _set_hours())
    job, kind = _job(() if hours is None else ("--between", str(hours))), timers.kind()
    for line in timers.lines(kind, job, times):
        say(line)
    _ask("Install this?", yes=yes)
    timers.install(kind, job, times)
    note(f"Installed: {kind} runs `offlinedl sync` every {every}. `offlinedl schedule remove` undoes it.")
    if kind == "systemd" and not timers.lingers():
        note("hint: it runs while you are logged in; `loginctl enable-linger` has it run always")


@app.command()
def show(home: Home = None, verbose: Verbose = False) -> None:
    """Show the lines that are installed."""
    _said()


@app.command()
def remove(yes: Yes = False, home: Home = None, verbose: Verbose = False) -> None:
    """Take the lines away again, and no others."""
    from offlinedl import timers

    if _said():
        _ask("Remove this?", yes=yes)
        timers.remove(name())
        note("Removed.")


def _said() -> bool:
    """Show what is installed. Is something?"""
    from offlinedl import timers

    found = timers.installed(name())
    if found is None:
        note("Nothing is installed: `offlinedl schedule install` does it.")
        return False
    for line in found[1]:
        say(line)
    return True


def _job(options: tuple[str, ...] = ()) -> Job:
    """The pass of this home. Whoever runs it has next to no environment: what decides where things are is named."""
    from offlinedl import schedule

    place = _place()
    known = {"HOME": str(Path.home()), "OFFLINEDL_HOME": place}
    known |= {name: os.environ.get(name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "TZ")}
    return schedule.Job(
        name=schedule.name(place),
        command=(*_program(), "sync", "--quiet", *options),
        environment=tuple((name, value) for name, value in known.items() if value),
    )


def name() -> str:
    """What the job of this home is called."""
    from offlinedl import schedule

    return schedule.name(_place())


def _place() -> str | None:
    from offlinedl.cli import options

    home = options.home()
    return None if home is None else str(home.absolute())


def _program() -> tuple[str, ...]:
    """This program, wherever it is called from."""
    own = Path(sys.executable).with_name("offlinedl")
    return (str(own),) if own.exists() else (sys.executable, "-P", "-m", "offlinedl")


def _set_hours() -> Hours | None:
    from offlinedl.cli import wiring

    return wiring.home().conditions().hours


def _ask(question: str, *, yes: bool) -> None:
    from offlinedl.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked", "add --yes")
    if not typer.confirm(question, err=True):
        raise typer.Abort
