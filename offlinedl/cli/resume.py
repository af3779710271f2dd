"""resume: go on with downloads that were paused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import progress, wiring
from offlinedl.cli.each import Connections, Cookies, Each, Header, LimitRate, Progress, Proxy, headers
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, note
from offlinedl.cli.progress import How

if TYPE_CHECKING:
    from offlinedl.actions.get import Order
    from offlinedl.cli.each import Work
    from offlinedl.library import Library
    from offlinedl.license import Licensing
    from offlinedl.model import Entry


def verb(
    refs: Annotated[list[str] | None, typer.Argument(metavar="[REF...]", help="Without one: all that wait.")] = None,
    connections: Connections = None,
    limit_rate: LimitRate = None,
    header: Header = None,
    cookies: Cookies = None,
    proxy: Proxy = None,
    how: Progress = How.AUTO,
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Go on with downloads that were paused or never begun, those of the highest priority first."""
    from offlinedl.actions.get import Order
    from offlinedl.api.details import details
    from offlinedl.cli import shape

    network = wiring.Network(connections=connections, limit_rate=limit_rate, proxy=proxy, cookies=cookies)
    each = Each(network=network, how=how)
    order = Order(ref="", headers=headers("--header", header or []))
    with progress.ended(how), wiring.library(wiring.space()) as library:
        chosen = refs or [entry.id for entry in library.waiting()]
        if not chosen and how not in {How.JSON, How.NONE}:
            note("Nothing waits.")
        done, code = wiring.run(each.run(order, chosen, _known(library, each.fetching(library))))
        if json:
            document([shape.stored(details(entry, library)) for entry in done])
    if code:
        raise typer.Exit(code)


def _known(library: Library, work: Work[Entry]) -> Work[Entry]:
    """`work`, on titles that the catalog has alone: there is nothing to go on with of another."""
    from offlinedl import sources

    async def known(order: Order, licensing: Licensing) -> Entry:
        library.find(sources.title_id(order.ref))
        return await work(order, licensing)

    return known
