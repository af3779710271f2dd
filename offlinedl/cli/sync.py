"""sync: one pass over the library, for cron."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offlinedl.cli.each import Proxy
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, note, report, say, styled

if TYPE_CHECKING:
    from offlinedl.actions.sync import Step

_DONE = {
    "ask the time": "its service told the time",
    "read": "its offers were read",
    "renew": "renewed",
    "release": "its server has heard that it is gone",
}


def verb(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and why; change nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what did not succeed.")] = False,
    proxy: Proxy = None,
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Renew licenses that end soon, and tell license servers what was removed. Made to be run by cron."""
    from offlinedl.actions.sync import Pass, sync
    from offlinedl.cli import wiring
    from offlinedl.cli.progress import Silence

    steps: list[Step] = []

    def tell(step: Step) -> None:
        steps.append(step)
        _say(step, quiet=quiet or json)

    async def work() -> None:
        async with wiring.licensing(wiring.Network(proxy=proxy)) as licensing:
            await sync(Pass(library=library, licensing=licensing, progress=Silence(), tell=tell, dry_run=dry_run))

    with wiring.library() as library:
        wiring.run(work())
    if json:
        document([_shape(step) for step in steps])
    elif not steps and not quiet:
        note("Nothing to do.")
    failed = [step.error for step in steps if step.result == "failed" and step.error]
    if failed:
        raise typer.Exit(failed[0].exit_code)


def _say(step: Step, *, quiet: bool) -> None:
    if step.error is not None and step.result == "failed":
        report(step.error, step.title)
    elif step.error is not None:
        note(f"{styled('warning:', 'yellow', stream=sys.stderr)} {step.title}: {step.error.message}")
    elif step.result == "would" and not quiet:
        say(f"{step.title}: would {step.does} ({step.reason})")
    elif not quiet:
        say(f"{step.title}: {_DONE[step.does]}" + (f". {step.message}" if step.message else f" ({step.reason})"))


def _shape(step: Step) -> dict[str, Any]:
    error = step.error
    return {
        "step": step.does,
        "title": step.title,
        "reason": step.reason,
        "result": step.result,
        "message": step.message or None,
        "error": error and {"code": error.code, "message": error.message, "hint": error.hint},
    }
