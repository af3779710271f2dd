"""resume: go on with downloads that were paused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import progress, wiring
from offlinedl.cli.each import Connections, Cookies, Header, LimitRate, Progress, Proxy, each, headers
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document
from offlinedl.cli.progress import How

if TYPE_CHECKING:
    from offlinedl.api.library import Library


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
    from offlinedl.api.requests import Access
    from offlinedl.cli import shape

    network = wiring.Network(connections=connections, limit_rate=limit_rate, proxy=proxy, cookies=cookies)
    access = Access(headers=headers("--header", header or []))
    with progress.ended(how), wiring.opened(network) as library:

        async def work(library: Library, ref: str) -> str:
            with progress.watcher(how) as watcher:
                return (await library.resume(ref, access=access, progress=watcher)).id

        chosen = refs or [title.id for title in library.waiting()]
        if not chosen:
            progress.remark(how, "Nothing waits.")
        done, code = wiring.run(each(library, chosen, work, how))
        if json:
            document([shape.stored(library.details(title_id)) for title_id in done])
    if code:
        raise typer.Exit(code)
