"""unfollow: leave a series alone from now on."""

from __future__ import annotations

from typing import Annotated

import typer

from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import say


def verb(
    series: Annotated[str, typer.Argument(metavar="SERIES", help="As `following` shows it.")],
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Follow a series no more. Its titles stay, and may go first where room is needed."""
    from offlinedl.cli import wiring
    from offlinedl.cli.follow import named
    from offlinedl.errors import NotFoundError, printable

    with wiring.home().library() as library, library.catalog.transaction():
        known = named(series, [rule.series for rule in library.catalog.followed.rules()])
        if known is None:
            raise NotFoundError(f"{printable(series)}: not followed", "`offlinedl following` shows what is")
        library.catalog.followed.unfollow(known.id)
    say(f"{known.id}: not followed any more; its titles stay")
