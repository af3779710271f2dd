"""source: where titles come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, note, say, table

if TYPE_CHECKING:
    from offlinedl.model import Title

app = typer.Typer(help="Add, list and remove the sources that titles come from.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What the source is called in references: NAME:id.")]


@app.command()
def add(
    name: Name,
    url: Annotated[str, typer.Argument(help="The address of its feed.")],
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Add a source. Its feed is read once, so that a wrong address is noticed now."""
    from offlinedl import sources
    from offlinedl.cli import wiring

    sources.check_name(name)
    titles = wiring.run(_titles(name, url))
    with wiring.library() as library, library.catalog.transaction():
        library.catalog.offers.add(name, url, "feed", library.time())
    say(f"{name}: {len(titles)} titles")
    for title in titles[:20]:
        say(f"  {title.id}  {title.name}")


async def _titles(name: str, url: str) -> list[Title]:
    from offlinedl.cli import wiring
    from offlinedl.sources import feed

    async with wiring.engine(wiring.Network(connections=1)) as engine:
        answer = await engine.get(url)
    return feed.titles(answer.body, name, answer.url)


@app.command(name="list")
def list_(json: Json = False, home: Home = None, verbose: Verbose = False) -> None:
    """List the sources."""
    from offlinedl.cli import wiring
    from offlinedl.errors import shown

    with wiring.library() as library:
        found = library.catalog.offers.sources()
    if json:
        document([{"name": s.name, "url": shown(s.url), "kind": s.kind} for s in found])
    elif found:
        table(("NAME", "KIND", "ADDRESS"), [(s.name, s.kind, shown(s.url)) for s in found])
    else:
        note("No sources yet. `offlinedl source add NAME URL` adds one.")


@app.command()
def remove(name: Name, home: Home = None, verbose: Verbose = False) -> None:
    """Forget a source. Its titles stay."""
    from offlinedl.cli import wiring
    from offlinedl.errors import NotFoundError

    with wiring.library() as library, library.catalog.transaction():
        if not library.catalog.offers.remove(name):
            raise NotFoundError(f"{name}: no such source", "`offlinedl source list` shows them")
    say(f"{name}: removed; its titles stay")
