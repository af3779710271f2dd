"""pause: stop downloads, and keep what is done."""

from __future__ import annotations

from typing import Annotated

import typer

from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import report, say


def verb(
    refs: Annotated[list[str], typer.Argument(metavar="REF...", help="The titles: ids, names or URLs.")],
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Stop downloads, also those that another process runs. What is done is kept; `resume` goes on."""
    from offlinedl import sources
    from offlinedl.actions.pause import pause
    from offlinedl.cli import wiring
    from offlinedl.errors import OfflinedlError

    codes = []
    with wiring.library() as library:
        for ref in refs:
            try:
                entry = wiring.run(pause(sources.title_id(ref), library))
            except OfflinedlError as error:
                codes.append(report(error))
            else:
                say(f"{entry.id}: {entry.state}")
    if codes:
        raise typer.Exit(codes[0])
