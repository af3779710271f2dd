"""export: one file of a title."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offlinedl.cli import progress, wiring
from offlinedl.cli.each import Progress
from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.progress import How


def verb(
    ref: Annotated[str, typer.Argument(help="The title: its id, name or URL.")],
    file: Annotated[Path, typer.Argument(help="Where to: an .mkv or .mp4 file.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    how: Progress = How.AUTO,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Write a title to one .mkv or .mp4 file, without loss, where its rights allow that."""
    from offlinedl.errors import Stopped

    async def work() -> None:
        with progress.watcher(how) as watcher:
            await library.export(ref, file, replaces=force, progress=watcher)

    with progress.ended(how), wiring.opened() as library:
        try:
            wiring.run(work())
        except Stopped as stopped:
            stopped.left = "Nothing is left of the file."
            raise
