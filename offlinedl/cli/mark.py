"""mark: what playing elsewhere, or a person, decides about titles."""

from __future__ import annotations

from typing import Annotated

import typer

from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import report


def verb(
    refs: Annotated[list[str], typer.Argument(metavar="REF...", help="The titles: ids, names or URLs.")],
    watched: Annotated[bool | None, typer.Option("--watched/--unwatched", help="Was it watched?")] = None,
    keep: Annotated[bool | None, typer.Option("--keep/--no-keep", help="May it be removed to make room?")] = None,
    position: Annotated[
        int | None, typer.Option(metavar="SECONDS", min=0, max=2**31, help="Where it is played from next.")
    ] = None,
    priority: Annotated[int | None, typer.Option(min=-100, max=100, help="The highest is downloaded first.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="After it, it may go first to make room (2026-12-24).")
    ] = None,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Decide about titles: watched or not, to be kept or not, where they go on, and which comes first."""
    from offlinedl import sources
    from offlinedl.cli import dates, wiring
    from offlinedl.errors import OfflinedlError, UsageError
    from offlinedl.model import Decision

    then = None if until is None else dates.moment("--until", until)
    decision = Decision(watched=watched, kept=keep, position_seconds=position, priority=priority, until=then)
    if decision == Decision():
        raise UsageError("nothing to mark", "say what: --watched, --keep, --position SECONDS, ...")
    codes = []
    with wiring.library() as library:
        for ref in refs:
            try:
                library.mark(library.find(sources.title_id(ref)), decision)
            except OfflinedlError as error:
                codes.append(report(error))
    if codes:
        raise typer.Exit(codes[0])
