"""How a representation is addressed, as its levels say it together (23009-1 section 5.3.9.1)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from offlinedl.errors import DamagedError
from offlinedl.manifest import xml
from offlinedl.manifest.dash_timeline import Timing
from offlinedl.manifest.units import signed, whole

_HINT = "the MPD is damaged: fetch it again, or tell its publisher"
_KINDS = ("SegmentTemplate", "SegmentList", "SegmentBase")


class Source:
    """The nearest `kind` of addressing, "" where there is none, with what it inherits from those of its kind above."""

    def __init__(self, levels: Iterable[xml.Element]) -> None:
        above = list(levels)
        self.kind = next((name for level in above for name in _KINDS if level.first(name)), "")
        self.elements = [element for level in above if (element := level.first(self.kind))]

    def text(self, name: str) -> str | None:
        """The nearest attribute of this name."""
        return next((value for element in self.elements if (value := element.get(name)) is not None), None)

    def number(self, name: str, default: int) -> int:
        """The nearest attribute of this name, a whole number."""
        number = self.optional(name)
        return default if number is None else number

    def optional(self, name: str) -> int | None:
        """The same; None where there is none."""
        text = self.text(name)
        number = whole(text)
        if text is not None and number is None:
            raise DamagedError(f"the {name} of a {self.kind} is not a whole number", _HINT)
        return number

    def child(self, name: str) -> xml.Element | None:
        """The nearest child of this name."""
        return next((child for element in self.elements if (child := element.first(name)) is not None), None)

    def timing(self, start: Fraction, period: Fraction | None) -> Timing:
        """Section 5.3.9.2: the clock of the segments and their first number, in a period with this begin and length."""
        timescale = self.number("timescale", 1)
        if timescale == 0:
            raise DamagedError("a timescale is 0", _HINT)
        return Timing(
            timescale=timescale,
            offset=_offset(self.text("presentationTimeOffset")),
            first=self.number("startNumber", 1),
            last=self.optional("endNumber"),
            start=start,
            period=period,
        )


def _offset(text: str | None) -> int:
    """Section 5.3.9.2: presentationTimeOffset. The schema knows no sign; packagers write one for audio priming."""
    offset = 0 if text is None else signed(text)
    if offset is None:
        raise DamagedError("a presentationTimeOffset is not a whole number", _HINT)
    return offset
