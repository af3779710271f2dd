"""rm: remove media and license."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import note, report, say, size

if TYPE_CHECKING:
    from offlinedl.library import Library
    from offlinedl.model import Entry


def verb(
    refs: Annotated[list[str] | None, typer.Argument(metavar="REF...", help="The titles: ids, names or URLs.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every title.")] = False,
    expired: Annotated[bool, typer.Option("--expired", help="Every title that is expired.")] = False,
    watched: Annotated[bool, typer.Option("--watched", help="Every title that is watched.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and change nothing.")] = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Remove titles: frees every byte, destroys the keys, and tells their servers, now or with `sync`."""
    from offlinedl.actions.remove import remove
    from offlinedl.cli import wiring
    from offlinedl.errors import OfflinedlError

    with wiring.library() as library:
        named, codes = _named(library, refs or [], dry_run=dry_run)
        removed: list[str] = []
        for entry in _chosen(library, named, all_=all_, expired=expired, watched=watched, asked=bool(refs)):
            if dry_run:
                say(f"would remove {entry.id} ({size(entry.bytes_done)})")
                continue
            try:
                freed = wiring.run(remove(entry, library))
            except OfflinedlError as error:
                codes.append(report(error))
            else:
                removed.append(entry.id)
                say(f"removed {entry.id}, {size(freed)} freed")
        _release(library, removed)
    if codes:
        raise typer.Exit(codes[0])


def _release(library: Library, removed: list[str]) -> None:
    """Tell the servers, if they are there to hear it: who removes a title on a plane does not wait for them."""
    from offlinedl.actions import release
    from offlinedl.cli import wiring
    from offlinedl.errors import OfflinedlError

    owed = release.owed(library, removed)
    if not owed:
        return

    async def tell() -> list[release.Told]:
        async with wiring.licensing(wiring.Network()) as licensing:
            return await release.release(owed, library, licensing, release.SHORT)

    try:
        left = [told.title_id for told in wiring.run(tell()) if told.error]
    except OfflinedlError:  # of the settings: they are for whoever asks something of the network
        left = removed
    for title_id in dict.fromkeys(left):
        note(f"{title_id}: its server has not heard of it yet; `offlinedl sync` tells it later")


def _named(library: Library, refs: list[str], *, dry_run: bool) -> tuple[set[str], list[int]]:
    """The ids of the titles that are named, and an exit code for each that is not there. One that `sync` got in vain is
    left from now on."""
    from offlinedl import absent, sources
    from offlinedl.errors import OfflinedlError

    named: set[str] = set()
    codes = []
    for ref in refs:
        try:
            named.add(library.find(sources.title_id(ref)).id)
        except OfflinedlError as error:
            known = absent.failed(ref, library.catalog)
            if known is None:
                codes.append(report(error))
                continue
            if not dry_run:
                absent.dismiss(known[0], library)
            say(f"{'would leave' if dry_run else 'left'} {known[0].id}, which is not here: `sync` gets it no more")
    return named, codes


def _chosen(library: Library, named: set[str], *, all_: bool, expired: bool, watched: bool, asked: bool) -> list[Entry]:
    from offlinedl.errors import UsageError
    from offlinedl.model import State

    if not (asked or all_ or expired or watched):
        raise UsageError("rm: no title named", "name titles, or use --all, --expired or --watched")
    if all_ and (asked or expired or watched):
        raise UsageError("rm: --all, and fewer than all", "leave --all out, or the rest")
    chosen = [
        entry
        for entry in library.entries()
        if all_ or entry.id in named or (expired and entry.state is State.EXPIRED) or (watched and entry.watched)
    ]
    if not chosen and not asked:
        note("Nothing to remove.")
    return chosen
