"""Titles that are not here: what a person is told of them, and those that are to stay away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offlinedl.errors import NotFoundError, counted

if TYPE_CHECKING:
    from offlinedl.added import Offer
    from offlinedl.catalog import Catalog
    from offlinedl.library import Library
    from offlinedl.model import Entry
    from offlinedl.series import Tries


def failed(ref: str, catalog: Catalog) -> tuple[Offer, Tries] | None:
    """The one title that `ref` names of which no download ever got so far that it is in the catalog, and how that
    ended."""
    offers, tries = catalog.offers.named(ref), catalog.followed.tries()
    found = [(offer, tries[offer.id]) for offer in offers if offer.id in tries and catalog.entry(offer.id) is None]
    return found[0] if len(found) == 1 else None


def all_failed(catalog: Catalog) -> list[str]:
    """The ids of all titles that `failed` knows."""
    return sorted(i for i in catalog.followed.tries() if catalog.offers.named(i) and catalog.entry(i) is None)


def find(ref: str, library: Library) -> Entry:
    """The title that `ref` names, as Library.find gives it. Where `sync` tried to get it, NotFoundError says that."""
    try:
        return library.find(ref)
    except NotFoundError:
        known = failed(ref, library.catalog)
        if known is None:
            raise
    offer, tries = known
    raise NotFoundError(
        f"{offer.id}: not here: its download failed {counted(tries.count, 'time')}: {tries.message}",
        f"`offlinedl get {offer.id}` tries it now, `offlinedl rm {offer.id}` has `sync` leave it",
    )


def dismiss(offer: Offer, library: Library) -> None:
    """A title that failed comes no more, until it is asked for again."""
    with library.catalog.transaction():
        library.catalog.followed.dismiss(offer, library.time())
