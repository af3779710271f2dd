"""mark: what playing elsewhere, or a person, decides about titles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import wishes
from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import marks, report, say

if TYPE_CHECKING:
    from offlinedl.api.library import Library
    from offlinedl.api.titles import OfflineTitle
    from offlinedl.model import Decision


def verb(
    refs: Annotated[list[str], typer.Argument(metavar="REF...", help="The titles: ids, names or URLs.")],
    watched: Annotated[bool, typer.Option("--watched", help="It was watched.")] = False,
    unwatched: Annotated[bool, typer.Option("--unwatched", help="It was not.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="It is never removed to make room.")] = False,
    no_keep: Annotated[bool, typer.Option("--no-keep", help="It may be.")] = False,
    position: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="Where it is played from next; also like 12:34.")
    ] = None,
    priority: wishes.Priority = None,
    until: wishes.Until = None,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Decide about titles: watched or not, to be kept or not, where they go on, and which comes first."""
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
    with wiring.opened() as library:
        for ref in refs:
            try:
                say(_marked(ref, decision, library))
            except OfflinedlError as error:
                codes.append(report(error))
    if codes:
        raise typer.Exit(codes[0])


def _marked(ref: str, decision: Decision, library: Library) -> str:
    """What holds of a title now. Of one that is offered, and not here, can be said that it was watched."""
    from offlinedl.errors import NotFoundError
    from offlinedl.model import Decision

    try:
        title = library.mark(ref, decision)
    except NotFoundError as error:
        if decision.watched is None or decision != Decision(watched=decision.watched) or error.code == "ambiguous":
            raise
        try:
            id_ = library.mark_offered(ref, watched=decision.watched)
        except NotFoundError as other:
            raise (other if other.code == "ambiguous" else error) from None
        return f"{id_}: {'watched elsewhere' if decision.watched else 'not watched'}; it is not here"
    return f"{title.id}: {_said(title, decision)}"


def _either(name: str, yes: bool, no: bool) -> bool | None:
    """What two options that exclude each other say together."""
    from offlinedl.errors import UsageError

    if yes and no:
        raise UsageError(f"--{name} and its opposite", "say one of them")
    return yes if yes or no else None


def _said(title: OfflineTitle, decision: Decision) -> str:
    """What holds of the title now."""
    from offlinedl import expiry

    words = marks(title) if title.watched else ["not watched", *marks(title)]
    words += [f"priority {decision.priority}"] if decision.priority is not None else []
    words += [f"may go after {expiry.named(decision.until)}"] if decision.until is not None else []
    return ", ".join(words)
