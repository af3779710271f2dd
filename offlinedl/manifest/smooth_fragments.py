"""When the fragments of a Smooth stream begin, and where they are ([MS-SSTR] sections 2.2.2.6 and 2.2.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple
from urllib.parse import quote

from offlinedl.errors import DamagedError
from offlinedl.manifest.limits import check_address
from offlinedl.manifest.units import whole
from offlinedl.manifest.xml import Element, Row

C = Row("StreamIndex", ("t", "d", "r"))
"""Section 2.2.2.6: when a fragment begins, how long it is, and how many of that length there are."""
_WIDTH = 3
_LONGEST = 10**20 - 1
"""No number that is read is longer."""

_HINT = "the Smooth Streaming manifest is damaged: fetch it again, or tell its publisher"
_BITRATE = re.compile(r"\{bitrate\}", re.IGNORECASE)
_START = re.compile(r"\{start[ _]time\}", re.IGNORECASE)
_CUSTOM = re.compile(r",?\{CustomAttributes\}", re.IGNORECASE)


class Clock(NamedTuple):
    """Units a second, and the presentation's end in these units, None where it is not stated."""

    timescale: int
    end: Fraction | None


class Fragments(NamedTuple):
    """Fragments in columns: the time that names them, and their place on the title's time line in seconds."""

    times: Sequence[int]
    starts: Sequence[Fraction]
    durations: Sequence[Fraction]


def count(stream: Element) -> int:
    """How many fragments a stream has: `r` counts them all, the first too."""
    counts = (1 if times is None else max(_number(times, "r"), 1) for _, _, times in stream.rows(_WIDTH))
    return sum(counts)


def fragments(stream: Element, clock: Clock) -> Fragments:
    """The fragments of a stream: a `c` without `t` follows the one before it.

    A `c` without `d` lasts to the next one, the last to the end of the presentation.
    """
    times: list[int] = []
    lengths: list[int] = []
    time: int | None = 0
    for position, (begin, stated, repeated) in enumerate(stream.rows(_WIDTH)):
        start = time if begin is None else _number(begin, "t")
        if start is None:
            raise DamagedError(f"a c of stream {_name(stream)} does not say when it begins", _HINT)
        count = 1 if repeated is None else max(_number(repeated, "r"), 1)
        length = _length(stream, position, start, clock) if stated is None else _number(stated, "d")
        if count > 1 and stated is None:
            raise DamagedError(f"a c of stream {_name(stream)} is repeated without a duration", _HINT)
        times.extend(start + length * k for k in range(count))
        lengths.extend([length] * count)
        time = None if stated is None else start + length * count
    seconds = {length: Fraction(length, clock.timescale) for length in set(lengths)}
    starts = [Fraction(at, clock.timescale) for at in times]
    return Fragments(times, starts, [seconds[length] for length in lengths])


def _length(stream: Element, position: int, start: int, clock: Clock) -> int:
    """Section 2.2.2.6, start-time coding: to the next `t`, or to the end of the presentation; 0 where neither tells."""
    cells, after = stream.cells or [], (position + 1) * _WIDTH
    end = None if clock.end is None else ceil(clock.end)
    if after < len(cells):
        end = whole(cells[after])
    return 0 if end is None else max(end - start, 0)


def longest(url: str, bitrate: int, custom: str) -> str:
    """The longest address of a fragment. Raises where what it is made of is longer than any may be."""
    check_address(url)
    check_address(custom)
    pattern = template(url, bitrate, custom)(_LONGEST)
    check_address(pattern)
    return pattern


def template(url: str, bitrate: int, custom: str) -> Callable[[int], str]:
    """Section 2.2.2.3, UrlPattern: the address of the fragment at a time. `custom` is key=value, separated by commas.

    The placeholders are written in several ways; a pattern without a place for the time has one address for all.
    """
    extra = f",{quote(custom, safe='=,')}" if custom else ""
    filled = _CUSTOM.sub(lambda _: extra, _BITRATE.sub(str(bitrate), url))
    pieces = _START.split(filled)
    return lambda time: str(time).join(pieces)


def _number(text: str, name: str) -> int:
    number = whole(text)
    if number is None:
        raise DamagedError(f"a c of a stream has a {name} that is not a number", _HINT)
    return number


def _name(stream: Element) -> str:
    return stream.get("Name") or stream.get("Type") or "(without a name)"
