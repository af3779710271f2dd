"""rm: remove media and license."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import note, report, say, size

if TYPE_CHECKING:
    from offlinedl.api.library import Library
    from offlinedl.api.titles import OfflineTitle


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
    from offlinedl.cli import wiring
    from offlinedl.errors import OfflinedlError

    _check(all_=all_, fewer=bool(refs) or expired or watched)
    with wiring.opened() as library:
        named, codes = _named(library, refs or [], dry_run=dry_run)
        chosen = _chosen(library, named, all_=all_, expired=expired, watched=watched)
        if not (chosen or refs):
            note("Nothing to remove.")
        removed: list[str] = []
        for title in chosen:
            if dry_run:
                say(f"would remove {title.id} ({size(title.bytes_done)})")
                continue
            try:
                freed = wiring.run(library.remove(title.id, tells=False))
            except OfflinedlError as error:
                codes.append(report(error))
            else:
                removed.append(title.id)
                say(f"removed {title.id}, {size(freed)} freed")
        # who removes a title on a plane does not wait for its server
        for title_id in wiring.run(library.release(*removed)) if removed else ():
            note(f"{title_id}: its server has not heard of it yet; `offlinedl sync` tells it later")
    if codes:
        raise typer.Exit(codes[0])


def _named(library: Library, refs: list[str], *, dry_run: bool) -> tuple[set[str], list[int]]:
    """The ids of the titles that are named, and an exit code for each that is not there. One that `sync` got in vain is
    left from now on."""
    from offlinedl.errors import OfflinedlError

    named: set[str] = set()
    codes = []
    for ref in refs:
        try:
            named.add(library.title(ref).id)
        except OfflinedlError as error:
            left = library.dismiss(ref, dry_run=dry_run)
            if left is None:
                codes.append(report(error))
            else:
                say(f"{'would leave' if dry_run else 'left'} {left}, which is not here: `sync` gets it no more")
    return named, codes


def _chosen(library: Library, named: set[str], *, all_: bool, expired: bool, watched: bool) -> list[OfflineTitle]:
    from offlinedl.model import State

    return [
        title
        for title in library.titles()
        if all_ or title.id in named or (expired and title.state is State.EXPIRED) or (watched and title.watched)
    ]


def _check(*, all_: bool, fewer: bool) -> None:
    """What is wrong on the command line is said before anything is done."""
    from offlinedl.errors import UsageError

    if not (all_ or fewer):
        raise UsageError("rm: no title named", "name titles, or use --all, --expired or --watched")
    if all_ and fewer:
        raise UsageError("rm: --all, and fewer than all", "leave --all out, or the rest")
