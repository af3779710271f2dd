"""renew: renew licenses before they end, or ask for new ones where they did."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import progress, wiring
from offlinedl.cli.each import Cookies, Each, Header, Progress, Proxy, headers
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, note, say
from offlinedl.cli.progress import How

if TYPE_CHECKING:
    from offlinedl.actions.get import Order
    from offlinedl.library import Library
    from offlinedl.license import Licensing
    from offlinedl.model import Entry


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
    from offlinedl.actions.get import Order
    from offlinedl.actions.renew import renew
    from offlinedl.api.titles import message
    from offlinedl.cli import dates, shape

    order = Order(ref="", headers=headers("--header", header or []))
    span = None if within is None else dates.span("--within", within)
    _check(refs or [], all_=all_, within=within)
    each = Each(network=wiring.Network(proxy=proxy, cookies=cookies), how=how)
    with progress.ended(how), wiring.library(wiring.space()) as library:

        async def work(order: Order, licensing: Licensing) -> Entry:
            with progress.shown(how, order.ref) as watching:
                entry = await renew(order, library, licensing, watching)
            if not json:
                say(f"{entry.id}: {message(entry, library.time())}")
            return entry

        chosen = [*(_id(ref, library) for ref in refs or []), *_chosen(library, all_=all_, span=span)]
        if not chosen:
            note("Nothing to renew.")
        done, code = wiring.run(each.run(order, list(dict.fromkeys(chosen)), work))
        if json:
            document([shape.stored(entry, library) for entry in done])
    if code:
        raise typer.Exit(code)


def _id(ref: str, library: Library) -> str:
    """The id of the title that is meant; what is said of one that is not there comes later."""
    from offlinedl import sources
    from offlinedl.errors import NotFoundError

    title_id = sources.title_id(ref)  # a URL without what signs it: that is a secret
    try:
        return library.find(title_id).id
    except NotFoundError:
        return title_id


def _chosen(library: Library, *, all_: bool, span: timedelta | None) -> list[str]:
    """The titles whose licenses can be renewed; with `all_` those that are expired, too."""
    from offlinedl import expiry
    from offlinedl.model import State

    now = library.time()

    def is_chosen(entry: Entry) -> bool:
        if entry.state not in {State.READY, State.CLOCK_SUSPECT}:
            return all_ and entry.state is State.EXPIRED
        at = expiry.deadline(entry.license).at
        renewable = entry.license is not None and entry.license.renewable
        return renewable and (all_ or (span is not None and at is not None and at - now <= span))

    return [entry.id for entry in library.entries() if is_chosen(entry)]


def _check(refs: list[str], *, all_: bool, within: str | None) -> None:
    from offlinedl.errors import UsageError

    if not (refs or all_ or within):
        raise UsageError("renew: no title named", "name titles, or use --all or --within 7d")
    if all_ and (refs or within):
        raise UsageError("renew: --all, and fewer than all", "leave --all out, or the rest")
