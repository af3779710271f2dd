"""source: where titles come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, note, say, table

if TYPE_CHECKING:
    from offlinedl.added import AddedSource, Offer
    from offlinedl.sources.reading import Fault
    from offlinedl.sources.refresh import Change

app = typer.Typer(help="Add, list, check and remove the sources that titles come from.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What the source is called in references: NAME:id.")]
Kind = Annotated[
    str | None,
    typer.Option("--kind", help="What it is: feed, rss, exolist, folder or sites. Without it, its content tells."),
]
_SHOWN = 20
_DAMAGED = 8


@app.command()
def add(
    name: Name,
    url: Annotated[str, typer.Argument(help="Its address, or a path on this machine.")],
    kind: Kind = None,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Add a source. It is read once, so that a wrong address is noticed now."""
    from offlinedl import sources
    from offlinedl.cli import wiring
    from offlinedl.errors import counted
    from offlinedl.sources import refresh
    from offlinedl.sources.kinds import place

    sources.check_name(name)
    where = place(url)

    async def work() -> Change:
        async with wiring.home().engine(wiring.Network(connections=1)) as engine:
            return await refresh.add(name, where, kind, library.catalog, engine, clock=library.time)

    with wiring.home().library() as library:
        added = wiring.run(work())
        offers = library.catalog.offers.of_source(name)
    say(f"{name}: {counted(added.titles, 'title')}")
    for offer in offers[:_SHOWN]:
        say(f"  {offer.id}  {offer.name}")
    if len(offers) > _SHOWN:
        say(f"  and {len(offers) - _SHOWN} more: `offlinedl source show {name}` shows all")
    for fault in added.left_out[:_SHOWN]:
        note(f"left out: {fault.path}: {fault.what}")
    if len(added.left_out) > _SHOWN:
        note(f"`offlinedl source check {name}` says what else is wrong")


@app.command(name="list")
def list_(json: Json = False, home: Home = None, verbose: Verbose = False) -> None:
    """List the sources, and how each was found last."""
    from offlinedl.cli import wiring

    with wiring.home().library() as library:
        found = library.catalog.offers.sources()
    if json:
        document([_shape(source) for source in found])
    elif found:
        rows = [(s.name, s.kind, str(s.titles), _read_at(s), _address(s), _failure(s)) for s in found]
        table(("NAME", "KIND", "TITLES", "READ", "ADDRESS", ""), rows)
    else:
        note("No sources yet. `offlinedl source add NAME URL` adds one.")


@app.command()
def show(name: Name, json: Json = False, home: Home = None, verbose: Verbose = False) -> None:
    """Show all that a source offered when it was read last."""
    from offlinedl.cli import wiring
    from offlinedl.errors import NotFoundError

    with wiring.home().library() as library:
        if library.catalog.offers.source(name) is None:
            raise NotFoundError(f"{name}: no such source", "`offlinedl source list` shows them")
        offers = library.catalog.offers.of_source(name)
    if json:
        document([_offered(offer) for offer in offers])
    elif offers:
        table(("ID", "NAME", "DATE", ""), [(o.id, o.name, _date(o), _numbered(o)) for o in offers])
    else:
        note(f"{name} offers nothing.")


@app.command()
def check(
    source: Annotated[str, typer.Argument(help="The name of a source, or an address or path of one.")],
    kind: Kind = None,
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Say all that is wrong with a source, for the people who publish it. Ends with 8 where something is."""
    from offlinedl.cli import wiring
    from offlinedl.errors import counted
    from offlinedl.sources.check import check
    from offlinedl.sources.kinds import opened, place

    with wiring.home().library() as library:
        known = library.catalog.offers.source(source)
    where, which = (known.url, known.kind) if known else (place(source), kind)

    async def work() -> tuple[int, list[Fault]]:
        async with wiring.home().engine(wiring.Network(connections=1)) as engine:
            return check(*await opened(where, which, engine))

    titles, faults = wiring.run(work())
    if json:
        document({"titles": titles, "faults": [{"path": fault.path, "what": fault.what} for fault in faults]})
    else:
        for fault in faults:
            say(f"{fault.path}: {fault.what}" if fault.path else fault.what)
        say(f"{counted(titles, 'title')}: " + (f"{counted(len(faults), 'thing')} wrong" if faults else "nothing wrong"))
    if faults:
        raise typer.Exit(_DAMAGED)


@app.command()
def remove(name: Name, home: Home = None, verbose: Verbose = False) -> None:
    """Forget a source. Its titles stay."""
    from offlinedl.cli import wiring
    from offlinedl.errors import NotFoundError

    with wiring.home().library() as library, library.catalog.transaction():
        if not library.catalog.offers.remove(name):
            raise NotFoundError(f"{name}: no such source", "`offlinedl source list` shows them")
        followed = [rule.series.id for rule in library.catalog.followed.rules()]
    say(f"{name}: removed; its titles stay")
    for series in (id_ for id_ in followed if id_.partition(":")[0] == name):
        note(f"{series} is followed still, and nothing new comes of it: `offlinedl unfollow {series}` ends that")


def _address(source: AddedSource) -> str:
    from offlinedl.errors import shown

    return source.url if source.url.startswith("file:") else shown(source.url)


def _read_at(source: AddedSource) -> str:
    """In local time, as people read it."""
    return "" if source.fetched_at is None else f"{source.fetched_at.astimezone():%Y-%m-%d %H:%M}"


def _failure(source: AddedSource) -> str:
    if source.failure is None or source.failing_since is None:
        return f"left out: {source.left_out}" if source.left_out else ""
    return f"fails since {source.failing_since.astimezone():%Y-%m-%d %H:%M}: {source.failure.message}"


def _date(offer: Offer) -> str:
    return f"{offer.published:%Y-%m-%d}" if offer.published else ""


def _numbered(offer: Offer) -> str:
    """Its series and number, and that it may not be downloaded."""
    season = "" if offer.season is None else f"S{offer.season}"
    episode = "" if offer.episode is None else f"E{offer.episode}"
    words = " ".join(filter(None, (offer.series.name if offer.series else "", season, episode)))
    return words if offer.download else ", ".join(filter(None, (words, "may not be downloaded")))


def _offered(offer: Offer) -> dict[str, Any]:
    from offlinedl.cli.shape import moment

    return {
        "id": offer.id,
        "name": offer.name,
        "series": offer.series and offer.series.id,
        "season": offer.season,
        "episode": offer.episode,
        "special": offer.special,
        "published": moment(offer.published),
        "available_from": moment(offer.available_from),
        "available_until": moment(offer.available_until),
        "duration": offer.duration,
        "download": offer.download,
    }


def _shape(source: AddedSource) -> dict[str, Any]:
    from offlinedl.cli.shape import moment

    failure = source.failure
    return {
        "name": source.name,
        "url": _address(source),
        "kind": source.kind,
        "titles": source.titles,
        "fetched_at": moment(source.fetched_at),
        "failing_since": moment(source.failing_since),
        "left_out": source.left_out or None,
        "error": failure and {"code": failure.code, "message": failure.message, "hint": failure.hint},
    }
