"""play: start the playback clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import wiring
from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import say

if TYPE_CHECKING:
    from offlinedl.library import Library
    from offlinedl.model import Entry


def verb(
    ref: Annotated[str, typer.Argument(help="The title: its id, name or URL.")],
    player: Annotated[str, typer.Option(metavar="PLAYER", help="none: start the clock, and no player.")] = "none",
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Start the playback clock of a title. An expired one refuses."""
    from offlinedl import expiry, sources
    from offlinedl.errors import UnsupportedError

    if player != "none":
        raise UnsupportedError(f"--player {player}: players are not started yet", "use --player none")
    with wiring.library() as library:
        entry = library.find(sources.title_id(ref))
        first = entry.license is not None and entry.license.first_played_at is None
        entry = wiring.run(_started(entry, library))
        left = expiry.message(entry.license, library.time())
    began = "first play, the playback clock runs" if first else "played"
    say(f"{entry.name}: {began}. {left}")


async def _started(entry: Entry, library: Library) -> Entry:
    from offlinedl.actions.play import play

    async with wiring.licensing(wiring.Network()) as licensing:
        return await play(entry, library, licensing)
