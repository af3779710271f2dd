"""When the fragments of a Smooth stream begin, and where they are ([MS-SSTR] sections 2.2.2.6 and 2.2.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple
from urllib.parse import quote

from offlinedl.errors import DamagedError
from offlinedl.manifest.limits import Limits
from offlinedl.manifest.units import whole
from offlinedl.manifest.xml import Element

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


def fragments(stream: Element, clock: Clock, limits: Limits) -> Fragments:
    """The fragments of a stream: a `c` without `t` follows the one before it; `r` counts them all, the first too.

    A `c` without `d` lasts to the next one, the last to the end of the presentation.
    """
    times: list[int] = []
    lengths: list[int] = []
    time: int | None = 0
    for position, row in enumerate(stream.rows):
        start = time if row.get("t") is None else _number(row["t"], "t")
        if start is None:
            raise DamagedError(f"a c of stream {_name(stream)} does not say when it begins", _HINT)
        count = 1 if row.get("r") is None else max(_number(row["r"], "r"), 1)
        limits.check_segments(len(times) + count)
        length = _length(stream, position, start, clock) if row.get("d") is None else _number(row["d"], "d")
        if count > 1 and row.get("d") is None:
            raise DamagedError(f"a c of stream {_name(stream)} is repeated without a duration", _HINT)
        times.extend(start + length * k for k in range(count))
        lengths.extend([length] * count)
        time = None if row.get("d") is None else start + length * count
    seconds = {length: Fraction(length, clock.timescale) for length in set(lengths)}
    starts = [Fraction(at, clock.timescale) for at in times]
    return Fragments(times, starts, [seconds[length] for length in lengths])


def _length(stream: Element, position: int, start: int, clock: Clock) -> int:
    """Section 2.2.2.6, start-time coding: to the next `t`, or to the end of the presentation; 0 where neither tells."""
    end = None if clock.end is None else ceil(clock.end)
    if position + 1 < len(stream.rows):
        end = whole(stream.rows[position + 1].get("t"))
    return 0 if end is None else max(end - start, 0)


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
