"""The URL templates of SegmentTemplate (23009-1 section 5.3.9.4.4)."""

from __future__ import annotations

import re

from offlinedl.errors import DamagedError, UnsupportedError

_IDENTIFIER = re.compile(r"(RepresentationID|Number|Bandwidth|Time|SubNumber)(?:%0?([0-9]{1,4})?([diuxXo]))?")
_HINT = "The MPD is damaged: fetch it again, or tell its publisher."
_MAX_WIDTH = 64


class Template:
    """A template for one representation: what never changes is put in once, number and time for each segment."""

    def __init__(self, text: str, representation: str, bandwidth: int) -> None:
        self._format = "".join(_pieces(text, representation, bandwidth))

    def url(self, number: int | None, time: int | None) -> str:
        """The URL reference of the segment with this number, that begins at this time (in timescale units)."""
        try:
            return self._format % {"number": number, "time": time}
        except (TypeError, ValueError):
            raise DamagedError("An init segment's template asks for a segment's number or time.", _HINT) from None


def _pieces(text: str, representation: str, bandwidth: int) -> list[str]:
    """`text` as a format of Python's: between two $ an identifier, $$ a $, anything else as it is."""
    parts = text.split("$")
    pieces = [_literal(parts[0])]
    position = 1
    while position < len(parts):
        if position + 1 == len(parts):  # a last $ that opens nothing
            pieces.append(_literal("$" + parts[position]))
            break
        pieces.append(_identifier(parts[position], representation, bandwidth))
        pieces.append(_literal(parts[position + 1]))
        position += 2
    return pieces


def _identifier(text: str, representation: str, bandwidth: int) -> str:
    if not text:
        return "$"
    match = _IDENTIFIER.fullmatch(text)
    if match is None:
        return _literal(f"${text}$")
    name, width, conversion = match[1], int(match[2] or 0), match[3] or "d"
    if name == "SubNumber":
        raise UnsupportedError("The MPD divides its segments ($SubNumber$).", "Ask for the title's HLS address.")
    if width > _MAX_WIDTH:
        raise DamagedError(f"A template asks for numbers of {width} digits.", _HINT)
    if name == "RepresentationID":
        return _literal(representation)
    form = f"0{width}{conversion}" if width else conversion
    if name == "Bandwidth":
        return _literal(f"%{form}" % bandwidth)
    return f"%({name.lower()}){form}"


def _literal(text: str) -> str:
    return text.replace("%", "%%")
