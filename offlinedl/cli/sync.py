"""sync: one pass over the library, for cron."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offlinedl.cli.each import Proxy
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, note, report, say, size, styled

if TYPE_CHECKING:
    from offlinedl.actions.sync import Step

_DONE = {
    "ask the time": "its service told the time",
    "read": "its offers were read",
    "renew": "renewed",
    "release": "its server has heard that it is gone",
    "remove": "removed",
    "download": "downloaded",
}


def verb(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and why; change nothing.")] = False,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="See to it that what is here plays then (2026-12-24).")
    ] = None,
    between: Annotated[
        str | None, typer.Option(metavar="HOURS", help="Download at these hours alone, like 01:00-06:00.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="What the last runs did; do nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what is worth a mail.")] = False,
    proxy: Proxy = None,
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """One pass, made to be run by cron: sources, renewals, releases, and what is next of the series you follow."""
    from offlinedl.cli import dates, runs, wiring
    from offlinedl.errors import BusyError

    if history:
        runs.history(json=json)
        return

    def tell(step: Step) -> None:
        if json:
            _complain(step, quiet=True)
        elif dry_run or not step.is_settled:
            _say(step, quiet=quiet)

    then = None if until is None else dates.moment("--until", until)
    with wiring.opened(wiring.Network(proxy=proxy)) as library:
        try:
            steps = wiring.run(library.sync(dry_run=dry_run, until=then, between=between, tell=tell))
        except BusyError as error:
            if not quiet:
                raise
            raise typer.Exit(error.exit_code) from None
    if json:
        document([_shape(step) for step in steps])
    elif not quiet and all(step.result == "skipped" for step in steps):
        note("Nothing to do.")
    failed = [step.error.exit_code for step in steps if step.result == "failed" and step.error]
    if failed:
        raise typer.Exit(failed[0])


def _say(step: Step, *, quiet: bool) -> None:
    if step.error is not None:
        _complain(step, quiet=quiet)
    elif quiet and not step.is_news:
        return
    elif step.result == "would":
        about = f"; about {size(step.bytes)}" if step.bytes else ""
        say(f"{step.title}: would {step.does} ({step.reason}{about})")
    elif step.result == "skipped":
        say(f"{step.title}: not now: {step.reason}")
    elif step.result == "told":
        say(f"{step.title}: will {step.does} then ({step.reason})")
    else:
        more = f". {step.message}" if step.message else ""
        why = f" ({step.reason})" if step.does in {"remove", "download"} or not more else ""
        say(f"{step.title}: {_DONE[step.does]}{why}{more}")


def _complain(step: Step, *, quiet: bool) -> None:
    """A failure in the middle of a series of them is in the exit code, and in no mail."""
    if step.error is None or (quiet and not step.is_news):
        return
    if step.result == "failed":
        report(step.error, step.title)
    else:
        said = step.error.message.removeprefix(f"{step.title}: ")
        note(f"{styled('warning:', 'yellow', stream=sys.stderr)} {step.title}: {said}")


def _shape(step: Step) -> dict[str, Any]:
    error = step.error
    return {
        "step": step.does,
        "title": step.title or None,
        "reason": step.reason,
        "result": step.result,
        "message": step.message or None,
        "bytes": step.bytes or None,
        "error": error and {"code": error.code, "message": error.message, "hint": error.hint},
    }
