"""renew: renew licenses before they end, or ask for new ones where they did."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import progress, wiring
from offlinedl.cli.each import Cookies, Header, Progress, Proxy, each, headers
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, say
from offlinedl.cli.progress import How

if TYPE_CHECKING:
    from offlinedl.api.library import Library
    from offlinedl.api.titles import OfflineTitle


def verb(
    refs: Annotated[list[str] | None, typer.Argument(metavar="REF...", help="The titles: ids, names or URLs.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Whatever can be renewed or is expired.")] = False,
    within: Annotated[
        str | None, typer.Option(metavar="TIME", help="Every license that ends so soon, like 7d, 36h or 2w.")
    ] = None,
    header: Header = None,
    cookies: Cookies = None,
    proxy: Proxy = None,
    how: Progress = How.AUTO,
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Renew licenses. The one that is there serves until the new one is verified; media are not fetched again."""
    from offlinedl.api.requests import Access
    from offlinedl.cli import dates, shape

    access = Access(headers=headers("--header", header or []))
    span = None if within is None else dates.span("--within", within)
    _check(refs or [], all_=all_, within=within)
    network = wiring.Network(proxy=proxy, cookies=cookies)
    with progress.ended(how), wiring.opened(network) as library:

        async def work(library: Library, ref: str) -> str:
            with progress.watcher(how) as watcher:
                title = await library.renew(ref, access=access, progress=watcher)
            if not json:
                say(f"{title.id}: {title.message}")
            return title.id

        chosen = [*(_id(ref, library) for ref in refs or []), *_chosen(library, all_=all_, span=span)]
        if not chosen:
            progress.remark(how, "Nothing to renew.")
        done, code = wiring.run(each(library, dict.fromkeys(chosen), work, how))
        if json:
            document([shape.stored(library.details(title_id)) for title_id in done])
    if code:
        raise typer.Exit(code)


def _id(ref: str, library: Library) -> str:
    """The id of the title that is meant; what is said of one that is not there comes later."""
    from offlinedl import sources
    from offlinedl.errors import NotFoundError

    try:
        return library.title(ref).id
    except NotFoundError:
        return sources.title_id(ref)  # a URL without what signs it: that is a secret


def _chosen(library: Library, *, all_: bool, span: timedelta | None) -> list[str]:
    """The titles whose licenses can be renewed; with `all_` those that are expired, too."""
    from offlinedl.model import State

    def is_chosen(title: OfflineTitle) -> bool:
        if title.state not in {State.READY, State.CLOCK_SUSPECT}:
            return all_ and title.state is State.EXPIRED
        if title.clocks is None or not title.clocks.renewable:
            return False
        left = title.clocks.seconds_left
        return all_ or (span is not None and left is not None and left <= span.total_seconds())

    return [title.id for title in library.titles() if is_chosen(title)]


def _check(refs: list[str], *, all_: bool, within: str | None) -> None:
    from offlinedl.errors import UsageError

    if not (refs or all_ or within):
        raise UsageError("renew: no title named", "name titles, or use --all or --within 7d")
    if all_ and (refs or within):
        raise UsageError("renew: --all, and fewer than all", "leave --all out, or the rest")
