"""follow: keep the next episodes of a series here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import wishes
from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import note, say

if TYPE_CHECKING:
    from collections.abc import Collection

    from offlinedl.library import Library
    from offlinedl.model import Series
    from offlinedl.series import Following

_MOST = 1000


def verb(
    series: Annotated[str, typer.Argument(metavar="SERIES", help="source:series, or its id or name alone.")],
    next_: Annotated[
        int, typer.Option("--next", min=1, max=_MOST, metavar="N", help="So many that are unwatched are to be here.")
    ] = 3,
    delete_watched: Annotated[bool, typer.Option("--delete-watched", help="Remove what was watched.")] = False,
    grace: Annotated[str, typer.Option(metavar="TIME", help="What was watched stays so long, like 24h or 7d.")] = "24h",
    newest: Annotated[bool, typer.Option("--newest", help="The newest first, as of news.")] = False,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="S2E4", help="The first one that counts: watched as far as that.")
    ] = None,
    refetch_expired: Annotated[
        bool, typer.Option("--refetch-expired", help="A new license for what expired before it was watched.")
    ] = False,
    priority: Annotated[
        int, typer.Option(min=-100, max=100, metavar="N", help="The highest first; the lowest makes room for it.")
    ] = 0,
    quality: wishes.Quality = None,
    audio: wishes.Audio = None,
    subs: wishes.Subs = None,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Follow a series: `sync` downloads its next episodes, and removes what was watched if you say so."""
    from offlinedl.choose import spelled
    from offlinedl.cli import dates, wiring
    from offlinedl.series import Following

    chosen = None if quality is None else spelled(quality, wiring.home().preferences().qualities)
    stays, first = dates.span("--grace", grace), None if begin is None else _number(begin)
    spoken = wishes.asked("--audio", audio), wishes.asked("--subs", subs)
    with wiring.home().library() as library:
        rule = Following(
            series=_offered(series, library),
            ahead=next_,
            delete_watched=delete_watched,
            grace=stays,
            refetch_expired=refetch_expired,
            newest=newest,
            begin=first,
            priority=priority,
            quality=chosen,
            audio=spoken[0],
            subtitles=spoken[1],
        )
        with library.catalog.transaction():
            library.catalog.followed.follow(rule, library.time())
    say(f"{rule.series.id}: followed. {words(rule)}")
    note("`offlinedl sync` fetches them, now and whenever it runs.")


def _offered(ref: str, library: Library) -> Series:
    """The one series that `ref` names, of those that are or were offered."""
    from offlinedl.errors import NotFoundError, printable

    known = {s.id: s for s in (*library.catalog.followed.series(), *library.catalog.offers.series())}
    series = named(ref, known.values())
    if series is None:
        none = "`offlinedl source add NAME URL` adds a source"
        if library.catalog.offers.sources():
            none = "no title of your sources belongs to a series; `offlinedl get` downloads one"
        hint = f"there are: {', '.join(list(known)[:5])}" if known else none
        raise NotFoundError(f"{printable(ref)}: no source offers such a series", hint)
    source = series.id.partition(":")[0]
    if library.catalog.offers.source(source) is None:
        hint = f"`offlinedl source add {source} URL` adds it again"
        raise NotFoundError(f"{series.id}: its source, {source}, was removed", hint)
    return series


def named(ref: str, known: Collection[Series]) -> Series | None:
    """The one series that `ref` names: its id, the part after the source, its name. None where it names none."""
    from offlinedl.errors import NotFoundError, printable

    found = [s for s in known if ref == s.id] or [s for s in known if ref == s.id.partition(":")[2]]
    found = found or [s for s in known if ref.casefold() == s.name.casefold()]
    if len(found) > 1:
        ids = ", ".join(s.id for s in found)
        raise NotFoundError(f"{printable(ref)}: more than one series is called so", f"name one of: {ids}")
    return found[0] if found else None


def words(rule: Following) -> str:
    """A rule in words."""
    from offlinedl.expiry import span

    which = "newest" if rule.newest else "next"
    said = [f"The {which} {rule.ahead}" if rule.ahead > 1 else f"The {which} one"]
    if rule.begin is not None:
        said.append("from S{} E{} on".format(*rule.begin))
    if rule.delete_watched:
        said.append(f"what was watched goes after {span(rule.grace)}" if rule.grace else "what was watched goes")
    if rule.refetch_expired:
        said.append("what expires is fetched again")
    said += [f"priority {rule.priority}"] if rule.priority else []
    said += [rule.quality] if rule.quality else []
    return ", ".join(said)


def _number(text: str) -> tuple[int, int]:
    import re

    from offlinedl.errors import UsageError

    numbered = re.fullmatch(r"s(\d{1,6})\s*e(\d{1,6})", text.strip().lower())
    if numbered is None:
        raise UsageError(f"--from {text}: not an episode", "write it like S2E4")
    return int(numbered[1]), int(numbered[2])
