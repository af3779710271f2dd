"""export: one file of a title."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import progress, wiring
from offlinedl.cli.each import Progress
from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.progress import How

if TYPE_CHECKING:
    from offlinedl.library import Library
    from offlinedl.model import Entry


def verb(
    ref: Annotated[str, typer.Argument(help="The title: its id, name or URL.")],
    file: Annotated[Path, typer.Argument(help="Where to: an .mkv or .mp4 file.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    how: Progress = How.AUTO,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Write a title to one .mkv or .mp4 file, without loss, where its rights allow that."""
    from offlinedl import sources
    from offlinedl.errors import Stopped

    with progress.ended(how), wiring.library() as library:
        try:
            wiring.run(_exported(library.find(sources.title_id(ref)), library, file, how, force))
        except Stopped as stopped:
            raise Stopped(stopped.exit_code - 128, "Nothing is left of the file.") from None


async def _exported(entry: Entry, library: Library, file: Path, how: How, force: bool) -> None:
    from offlinedl.actions.export import export

    with progress.shown(how, entry.id) as watcher:
        await export(entry, library, file, watcher, replaces=force)
