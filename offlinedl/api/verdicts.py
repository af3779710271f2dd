"""What a check of a title found."""

from __future__ import annotations

from dataclasses import field, replace

from offlinedl.actions import check
from offlinedl.actions.litter import tidy
from offlinedl.api.titles import OfflineTitle, seen
from offlinedl.damage import Damage
from offlinedl.errors import OfflinedlError
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.model import Entry
from offlinedl.progress import Progress


@frozen
class Verdict:
    """What holds of a title, and what does not, as it stands then. `damaged` are those of its `files` that do not;
    `orphans` are the paths of what lies among them and belongs to nothing, `tidied` whether that was deleted. `license`
    is what is known of it, None where none is needed: where a file is damaged it is not tried what it opens. `error`
    says in sum what does not hold, None where all does; `repaired`, that something did not, and does now."""

    title: OfflineTitle
    files: int
    damaged: tuple[Damage, ...]
    license: check.License | None
    orphans: tuple[str, ...]
    tidied: bool
    error: OfflinedlError | None
    repaired: bool
    found: check.Verdict = field(repr=False)


async def checked(entry: Entry, library: Library, licensing: Licensing, progress: Progress, *, tidies: bool) -> Verdict:
    """What is found of a title, and tidied where that is wanted."""
    found = await check.check(entry, library, licensing, progress)
    if tidies and found.orphans:
        found = replace(found, tidied=tidy(found.entry, library))
    return verdict(found, library)


def verdict(found: check.Verdict, library: Library) -> Verdict:
    """What was `found`, as applications see it."""
    return Verdict(
        title=seen(found.entry, library.time()),
        files=found.files,
        damaged=found.damaged,
        license=found.license,
        orphans=found.orphans,
        tidied=found.tidied,
        error=found.error,
        repaired=found.repaired,
        found=found,
    )
