"""BaseURLs: where the references of an MPD begin, and where else they may begin (23009-1 section 5.6)."""

from __future__ import annotations

from collections.abc import Iterable

from offlinedl.errors import OfflinedlError
from offlinedl.manifest import xml
from offlinedl.manifest.dash_segments import Addressed
from offlinedl.manifest.urls import folder, join

_MAX_BASES = 16


def bases(url: str, levels: Iterable[xml.Element]) -> tuple[tuple[str, ...], bool]:
    """The bases from the MPD down, each level's seen from those above, and whether any is stated.

    The first of several holds; the others are alternatives to it (section 5.6.5), as far as they are http or https.
    """
    found: tuple[str, ...] = (url,)
    stated = False
    for level in levels:
        texts = [element.text for element in level.all("BaseURL") if element.text][:_MAX_BASES]
        if texts:
            first, stated = join(found[0], texts[0]), True
            others = (other for base in found for text in texts if (other := _joined(base, text)))
            found = tuple(dict.fromkeys((first, *others)))[:_MAX_BASES]
    return found, stated


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
