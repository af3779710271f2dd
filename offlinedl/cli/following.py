"""following: the series that are followed, and what is here of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, note, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offlinedl.added import AddedSource
    from offlinedl.series import Following, Stored


def verb(json: Json = False, home: Home = None, verbose: Verbose = False) -> None:
    """Show the series that are followed, by which rules, and how many of each are here."""
    from offlinedl import storage
    from offlinedl.cli import wiring
    from offlinedl.cli.follow import words

    with wiring.home().library() as library:
        rules = library.catalog.followed.rules()
        here = storage.shelf(library, rules).stored
        sources = {source.name: source for source in library.catalog.offers.sources()}
    if json:
        document([_shape(rule, _ready(rule, here), _hindrance(rule, sources)) for rule in rules])
    elif rules:
        cells = [
            (rule.series.id, rule.series.name, str(_ready(rule, here)), words(rule), _hindrance(rule, sources) or "")
            for rule in rules
        ]
        table(("ID", "NAME", "READY", "RULE", ""), cells)
    else:
        note("Nothing is followed. `offlinedl follow SERIES --next 3` follows one.")


def _ready(rule: Following, here: tuple[Stored, ...]) -> int:
    """How many of the series play and are unwatched."""
    own = [s for s in here if s.entry.series and s.entry.series.id == rule.series.id]
    return sum(s.is_playable and not s.entry.watched for s in own)


def _hindrance(rule: Following, sources: Mapping[str, AddedSource]) -> str | None:
    """Why nothing new comes of the series; None where it may."""
    source = sources.get(rule.series.id.partition(":")[0])
    if source is None:
        return "its source was removed"
    return f"its source fails: {source.failure.message}" if source.failure else None


def _shape(rule: Following, ready: int, hindrance: str | None) -> dict[str, Any]:
    return {
        "series": rule.series.id,
        "name": rule.series.name,
        "ready": ready,
        "hindrance": hindrance,
        "next": rule.ahead,
        "newest": rule.newest,
        "from": None if rule.begin is None else {"season": rule.begin[0], "episode": rule.begin[1]},
        "delete_watched": rule.delete_watched,
        "grace_seconds": int(rule.grace.total_seconds()),
        "refetch_expired": rule.refetch_expired,
        "priority": rule.priority,
        "quality": rule.quality,
        "audio": None if rule.audio is None else list(rule.audio),
        "subtitles": None if rule.subtitles is None else list(rule.subtitles),
    }
