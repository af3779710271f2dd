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
    from offlinedl.cli import wiring
    from offlinedl.errors import OfflinedlError

    codes = []
    with wiring.opened() as library:
        for ref in refs:
            try:
                title = wiring.run(library.pause(ref))
            except OfflinedlError as error:
                codes.append(report(error))
            else:
                say(f"{title.id}: {title.state}")
    if codes:
        raise typer.Exit(codes[0])
