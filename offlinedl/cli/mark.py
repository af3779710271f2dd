"""mark: what playing elsewhere, or a person, decides about titles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import marks, report, say

if TYPE_CHECKING:
    from offlinedl.model import Decision, Entry
    from offlinedl.streams import Plan


def verb(
    refs: Annotated[list[str], typer.Argument(metavar="REF...", help="The titles: ids, names or URLs.")],
    watched: Annotated[bool, typer.Option("--watched", help="It was watched.")] = False,
    unwatched: Annotated[bool, typer.Option("--unwatched", help="It was not.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="It is never removed to make room.")] = False,
    no_keep: Annotated[bool, typer.Option("--no-keep", help="It may be.")] = False,
    position: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="Where it is played from next; also like 12:34.")
    ] = None,
    priority: Annotated[int | None, typer.Option(min=-100, max=100, help="The highest is downloaded first.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="After it, it may go first to make room (2026-12-24).")
    ] = None,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Decide about titles: watched or not, to be kept or not, where they go on, and which comes first."""
    from offlinedl import sources
    from offlinedl.cli import dates, wiring
    from offlinedl.errors import OfflinedlError, UsageError
    from offlinedl.model import Decision

    seen, kept = _either("watched", watched, unwatched), _either("keep", keep, no_keep)
    place = None if position is None else int(dates.place("--position", position))
    then = None if until is None else dates.moment("--until", until)
    decision = Decision(watched=seen, kept=kept, position_seconds=place, priority=priority, until=then)
    if decision == Decision():
        raise UsageError("nothing to mark", "say what: --watched, --keep, --position SECONDS, ...")
    codes = []
    with wiring.library() as library:
        for ref in refs:
            try:
                entry = library.find(sources.title_id(ref))
                if place:
                    _check_place(place, library.plan(entry.id), entry.id)
                say(f"{entry.id}: {_said(library.mark(entry, decision), decision)}")
            except OfflinedlError as error:
                codes.append(report(error))
    if codes:
        raise typer.Exit(codes[0])


def _either(name: str, yes: bool, no: bool) -> bool | None:
    """What two options that exclude each other say together."""
    from offlinedl.errors import UsageError

    if yes and no:
        raise UsageError(f"--{name} and its opposite", "say one of them")
    return yes if yes or no else None


def _check_place(place: int, plan: Plan, title_id: str) -> None:
    """UsageError where the title is not as long as that. One that was not planned yet may be of any length."""
    from offlinedl.errors import UsageError

    seconds: dict[str, float] = {}
    for fetch in plan.fetches:
        seconds[fetch.rendition] = seconds.get(fetch.rendition, 0.0) + fetch.duration
    longest = max(seconds.values(), default=0.0)
    if 0 < longest <= place:
        raise UsageError(f"{title_id} is {longest:.0f} seconds long", "--position 0 begins at its beginning")


def _said(entry: Entry, decision: Decision) -> str:
    """What holds of the title now."""
    from offlinedl import expiry

    words = marks(entry) if entry.watched else ["not watched", *marks(entry)]
    words += [f"priority {decision.priority}"] if decision.priority is not None else []
    words += [f"may go after {expiry.named(decision.until)}"] if decision.until is not None else []
    return ", ".join(words)
