"""What the levels of an MPD hand down to its representations, read once at each level (23009-1 section 5.3)."""

from __future__ import annotations

from offlinedl.frozen import frozen
from offlinedl.manifest import dash_base, dash_query
from offlinedl.manifest.dash_base import Bases
from offlinedl.manifest.limits import check_address
from offlinedl.manifest.xml import Element


@frozen
class Level:
    """Where references begin, what is added to the queries of addresses, and the ContentProtection in force.

    `url` is the MPD's. What is nearest comes first.
    """

    url: str
    bases: Bases
    query: str
    protections: tuple[Element, ...] = ()

    def below(self, element: Element) -> Level:
        """The same at a level below this one."""
        own = dash_query.query(element, self.url)
        query = "&".join(part for part in (own, self.query) if part)
        check_address(query)
        return Level(
            url=self.url,
            bases=dash_base.below(self.bases, element),
            query=query,
            protections=(*element.all("ContentProtection"), *self.protections),
        )


def top(root: Element, url: str) -> Level:
    """The level of the MPD. Its ContentProtection holds only where something refers to it (section 5.8.4.1.3)."""
    return Level(url=url, bases=dash_base.below(Bases((url,)), root), query=dash_query.query(root, url))
