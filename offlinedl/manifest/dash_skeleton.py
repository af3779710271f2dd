"""The typed skeleton of a period, read by mpegdash: adaptation sets, representations and their plain attributes.

mpegdash opens files and URLs where it finds no MPD in its text, fails on a letter in an id, and loses or falsifies
much else. So it is given a small text that is written here, from a tree that has been read safely, with nothing in it
but what it reads well. Everything else, and all addressing, is read from that tree.
"""

from __future__ import annotations

from typing import Any

from offlinedl.errors import DamagedError
from offlinedl.manifest import xml
from offlinedl.manifest.limits import absurd
from offlinedl.manifest.units import whole

_FORMAT = frozenset({"mimeType", "codecs", "width", "height"})
_KEPT = {
    "Period": frozenset({"id", "start", "duration"}),
    "AdaptationSet": _FORMAT | {"lang", "contentType"},
    "Representation": _FORMAT | {"id", "bandwidth"},
}
_NUMBERS = frozenset({"width", "height", "bandwidth"})
_MAX_NODES = 20_000
"""Of one period. Each takes some 5 kB here."""


def read(period: xml.Element) -> Any:
    """mpegdash's Period of the tree `period`, element for element and in the same order. Raises DamagedError.

    One period at a time, because all that mpegdash makes on the way is twenty times as large as the text.
    """
    from mpegdash.parser import MPEGDASHParser

    reduced = _reduced(period)
    if sum(1 for _ in reduced.walk()) > _MAX_NODES:
        raise absurd("a period has more adaptation sets and representations than are read", _MAX_NODES)
    try:
        return MPEGDASHParser.parse(xml.write(xml.Element("MPD", "MPD", {}, {}, [reduced]))).periods[0]
    except Exception as error:
        raise DamagedError("it cannot be read", "it is damaged: fetch it again, or tell its publisher") from error


def _reduced(element: xml.Element) -> xml.Element:
    """`element` with no more than mpegdash is asked for; a number that is none is left out."""
    kept = _KEPT[element.name]
    attributes = {
        name: value
        for name, value in element.attributes.items()
        if name in kept and (name not in _NUMBERS or whole(value) is not None)
    }
    children = [_reduced(child) for child in element.children if child.name in _KEPT]
    return xml.Element(element.name, element.name, attributes, {}, children)
