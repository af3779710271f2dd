"""BaseURLs: where the references of an MPD begin, and where else they may begin (23009-1 section 5.6)."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

from offlinedl.errors import OfflinedlError
from offlinedl.manifest.dash_segments import Addressed
from offlinedl.manifest.units import whole
from offlinedl.manifest.urls import folder, join
from offlinedl.manifest.xml import Element

_MAX_BASES = 16


class Bases(NamedTuple):
    """Where references may begin, the address that holds first; `stated` says whether any BaseURL does."""

    urls: tuple[str, ...]
    stated: bool = False


def below(above: Bases, level: Element) -> Bases:
    """The bases at `level`, seen from those above it.

    The first of several holds; the others are alternatives to it (section 5.6.5), as far as they are http or https.
    """
    elements = sorted((element for element in level.all("BaseURL") if element.text), key=_priority)[:_MAX_BASES]
    if not elements:
        return above
    found = {join(above.urls[0], elements[0].text): None}
    for base, element in product(above.urls, elements):
        if len(found) == _MAX_BASES:
            break
        url = _joined(base, element.text)
        found |= {url: None} if url else {}
    return Bases(tuple(found), True)


def _priority(element: Element) -> int:
    """ETSI TS 103 285 section 10.8.2.1: @dvb:priority, the lowest number first, 1 where it is not stated."""
    stated = whole(element.local("priority"))
    return 1 if stated is None else stated


def _joined(base: str, text: str) -> str | None:
    try:
        return join(base, text)
    except OfflinedlError:
        return None


def fallbacks(found: tuple[str, ...], pieces: Addressed) -> tuple[tuple[str, ...], ...]:
    """The bases as the one group of `Rendition.bases`: whole addresses of one file, or the folders of many."""
    if len(found) == 1:
        return ()
    url = pieces.segments[0].resource.url if pieces.segments else pieces.unread.media if pieces.unread else ""
    group = found if url == found[0] else tuple(dict.fromkeys(map(folder, found)))
    return (group,) if len(group) > 1 and url.startswith(group[0]) else ()
