"""When the periods of an MPD begin and end, in seconds (23009-1 section 5.3.2.1)."""

from __future__ import annotations

from fractions import Fraction

from offlinedl.errors import DamagedError, printable
from offlinedl.frozen import frozen
from offlinedl.manifest.units import iso_duration
from offlinedl.manifest.xml import Element

_HINT = "the MPD is damaged: fetch it again, or tell its publisher"


@frozen
class Period:
    """A period with its place on the time line; `duration` is None where nothing tells."""

    name: str
    element: Element
    start: Fraction
    duration: Fraction | None


def periods(root: Element) -> list[Period]:
    """A period lasts as long as it says, or else to the next one, the last to the end of the MPD."""
    elements = root.all("Period")
    starts = _starts(elements)
    ends = [*starts[1:], _end(root, starts)]
    found = []
    for number, element in enumerate(elements):
        duration, end = iso_duration(element.get("duration")), ends[number]
        if duration is None and end is not None:
            duration = max(end - starts[number], Fraction(0))
        name = _name(element, number)
        found.append(Period(name=name, element=element, start=starts[number], duration=duration))
    return found


def _starts(elements: list[Element]) -> list[Fraction]:
    """A period begins when it says, or else where the one before it ends; the first one at 0."""
    starts: list[Fraction] = []
    ended: Fraction | None = Fraction(0)
    for number, element in enumerate(elements):
        stated = iso_duration(element.get("start"))
        start = ended if stated is None else stated
        if start is None:
            raise DamagedError(f"period {_name(element, number)} does not say when it begins", _HINT)
        duration = iso_duration(element.get("duration"))
        ended = None if duration is None else start + duration
        starts.append(start)
    return starts


def _end(root: Element, starts: list[Fraction]) -> Fraction | None:
    """Section 5.3.1.2: where the last period ends. For a recording that kept its broadcast's clock it is a length."""
    total = iso_duration(root.get("mediaPresentationDuration"))
    return total + starts[0] if total is not None and starts and total <= starts[-1] else total


def _name(element: Element, number: int) -> str:
    return f'{number + 1} ("{own}")' if (own := printable((element.get("id") or "")[:100])) else f"{number + 1}"
