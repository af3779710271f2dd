"""The URL templates of SegmentTemplate (23009-1 section 5.3.9.4.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import repeat

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest.limits import absurd, check_address
from offlinedl.manifest.urls import join, joiner

_IDENTIFIER = re.compile(r"(RepresentationID|Number|Bandwidth|Time|SubNumber)(?:%(.*))?", re.DOTALL)
_FORMAT = re.compile(r"([0-9]*)([diuxXo])", re.ASCII)
_HINT = "the MPD is damaged: fetch it again, or tell its publisher"
_MAX_WIDTH = 64
_MAX_COLUMNS = 16
_LONGEST = 10**20 - 1
"""No number that is read is longer."""
_MARK = "\ue000"
"""Where a number goes: no address holds it, for it is no letter of anything."""


class Template:
    """A template for one representation: what never changes is put in once, numbers and times for each segment."""

    def __init__(self, text: str, representation: str, bandwidth: int) -> None:
        check_address(text)
        check_address(representation)
        text, representation = text.replace(_MARK, ""), representation.replace(_MARK, "")
        self._columns: list[str] = []
        self._forms: list[str] = []
        self._text = "".join(self._pieces(text, representation, bandwidth))
        if len(self._columns) > _MAX_COLUMNS:
            raise absurd("a template asks for more numbers than are put in", _MAX_COLUMNS)

    def longest(self, base: str) -> str:
        """The longest URL that a segment can get. Raises where that is longer than any may be."""
        return join(base, _format(self._text, self._forms) % ((_LONGEST,) * len(self._columns)))

    def urls(self, base: str, numbers: Sequence[int], times: Sequence[int]) -> list[str]:
        """The URL of each segment, with these numbers, that begin at these times (in units of the timescale)."""
        columns = [numbers if name == "Number" else times for name in self._columns]
        rows = zip(*columns, strict=True) if columns else repeat((), len(numbers))
        absolute = joiner(base)
        resolved = absolute(self._text)
        if resolved.count(_MARK) == len(columns):  # numbers change nothing about how an address is resolved
            whole = _format(resolved, self._forms)
            return [whole % row for row in rows]
        relative = _format(self._text, self._forms)
        return [absolute(relative % row) for row in rows]

    def url(self, base: str) -> str:
        """The URL of an init segment."""
        if self._columns:
            raise DamagedError("an init segment's template asks for a segment's number or time", _HINT)
        return join(base, self._text)

    def _pieces(self, text: str, representation: str, bandwidth: int) -> Iterator[str]:
        """`text` with marks for numbers: between two $ an identifier, $$ a $, anything else as it is."""
        parts = text.split("$")
        for position, part in enumerate(parts):
            if position % 2 == 0:
                yield part
            elif position + 1 == len(parts):  # a last $ that opens nothing
                yield f"${part}"
            else:
                yield self._identifier(part, representation, bandwidth)

    def _identifier(self, text: str, representation: str, bandwidth: int) -> str:
        match = _IDENTIFIER.fullmatch(text)
        if match is None:
            return f"${text}$" if text else "$"
        name, form = match[1], _form(match[2] or "d")
        if name == "SubNumber":
            raise UnsupportedError("it divides its segments ($SubNumber$)", "ask for the title's HLS address")
        if name == "RepresentationID":
            return representation
        if name == "Bandwidth":
            return form % bandwidth
        self._columns.append(name)
        self._forms.append(form)
        return _MARK


def _form(text: str) -> str:
    """A format tag, %0[width]d, as one of Python's."""
    match = _FORMAT.fullmatch(text)
    if match is None:
        raise DamagedError(f"a template asks for numbers in a form that is none: %{text[:20]}", _HINT)
    width, conversion = match[1].lstrip("0"), match[2]
    if len(width) > 4 or int(width or 0) > _MAX_WIDTH:
        raise DamagedError(f"a template asks for numbers of {width[:20]} digits", _HINT)
    return f"%0{width}{conversion}" if width else f"%{conversion}"


def _format(text: str, forms: Sequence[str]) -> str:
    """`text` as a format of Python's, with `forms` in the place of the marks."""
    first, *rest = text.replace("%", "%%").split(_MARK)
    return first + "".join(form + part for form, part in zip(forms, rest, strict=True))
