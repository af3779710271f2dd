"""The typed skeleton of an MPD, read by mpegdash: periods, adaptation sets, representations and their plain attributes.

mpegdash opens files and URLs where it finds no MPD in its text, fails on a letter in an id, and loses or falsifies
much else. So it is given a small text that is written here, from a tree that has been read safely, with nothing in it
but what it reads well. Everything else, and all addressing, is read from that tree.
"""

from __future__ import annotations

from typing import Any

from offlinedl.errors import DamagedError
from offlinedl.manifest import xml
from offlinedl.manifest.units import whole

_FORMAT = frozenset({"mimeType", "codecs", "width", "height"})
_KEPT = {
    "MPD": frozenset({"type", "mediaPresentationDuration", "profiles"}),
    "Period": frozenset({"id", "start", "duration"}),
    "AdaptationSet": _FORMAT | {"lang", "contentType"},
    "Representation": _FORMAT | {"id", "bandwidth"},
}
_NUMBERS = frozenset({"width", "height", "bandwidth"})


def read(root: xml.Element) -> Any:
    """mpegdash's MPEGDASH of the tree `root`, element for element and in the same order. Raises DamagedError."""
    from mpegdash.parser import MPEGDASHParser

    try:
        return MPEGDASHParser.parse(xml.write(_reduced(root)))
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
