"""WebVTT (W3C WebVTT), read with patience and written strictly; the pieces of a track that was cut, joined again.

Times are whole milliseconds. What is no cue, and no words about cues, is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple
from xml.sax.saxutils import unescape

from offlinedl.errors import DamagedError
from offlinedl.frozen import frozen

_TIME = r"(?:(\d{1,9}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:[ \t]+(.*))?")
_LOCAL = re.compile(rf"LOCAL:{_TIME}")
_MPEGTS = re.compile(r"MPEGTS:(\d{1,20})")
_KEPT = re.compile(r"(STYLE|REGION|NOTE)(\s|$)")
_APART = 3
"""Milliseconds that rounding may put between the end of one piece of a cue and the begin of the next."""
_TAG = re.compile(r"<[^<>]*>")
_LETTERS = {"&nbsp;": "\u00a0", "&lrm;": "\u200e", "&rlm;": "\u200f"}
_AT_ONCE = 8
"""Cues that are shown at a time. No picture has room for more."""
_TIMES = 2**53
"""No title is as long: what a time beyond it would be is for no player to find out."""


@frozen
class Cue:
    """A text, and when it is shown. `text` has the markup of WebVTT, and no empty line."""

    start: int
    end: int
    text: str
    settings: str = ""
    id: str = ""


class Stamp(NamedTuple):
    """X-TIMESTAMP-MAP (RFC 8216 section 3.5): cues at `local` milliseconds are at `mpegts` units of 90 kHz."""

    local: int
    mpegts: int


@frozen
class Document:
    """A text file: its cues, what stands before them (STYLE, REGION and NOTE), and how its clock is that of MPEG-TS."""

    cues: tuple[Cue, ...] = ()
    blocks: tuple[str, ...] = ()
    stamp: Stamp | None = None


def parse(data: bytes) -> Document:
    """What a file holds: WebVTT, or SubRip, which is nearly the same. Errors: DamagedError for what is neither."""
    text = data.decode("utf-8-sig", "replace").replace("\0", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
    if not text.startswith("WEBVTT") and "-->" not in text and text.strip():
        raise DamagedError("not WebVTT", "fetch it again")
    cues: list[Cue] = []
    blocks: list[str] = []
    lines = text.split("\n")
    is_headed = lines[0].startswith("WEBVTT")
    begin = next((n for n, line in enumerate(lines) if not line.strip() or "-->" in line), len(lines)) * is_headed
    for block in _blocks(lines[begin:]):
        at = next((number for number, line in enumerate(block[:2]) if "-->" in line), None)
        if at is not None:
            cues += _cue(block[at], block[:at], block[at + 1 :])
        elif not cues and _KEPT.match(block[0]):
            blocks.append("\n".join(block))
    return Document(cues=tuple(cues), blocks=tuple(blocks), stamp=_stamp(lines[:begin]))


def _blocks(all_lines: Sequence[str]) -> Iterable[list[str]]:
    """The lines that stand together. A second line with times begins a block of its own, as it does in browsers."""
    lines: list[str] = []
    timed = False
    for line in [*all_lines, ""]:
        begins = "-->" in line
        if lines and (not line.strip() or (begins and timed)):
            yield lines
            lines, timed = [], False
        if line.strip():
            lines.append(line)
            timed = timed or begins


def _cue(timing: str, before: Sequence[str], text: Sequence[str]) -> list[Cue]:
    found = _TIMING.match(timing)
    if found is None:
        return []
    start, end = _milliseconds(found.groups()[:4]), _milliseconds(found.groups()[4:8])
    settings = " ".join((found[9] or "").split())
    name = before[0].strip() if before else ""
    return [Cue(start=start, end=end, text="\n".join(text), settings=settings, id=name)]


def _stamp(head: Sequence[str]) -> Stamp | None:
    """A map without its one half is none: it does not say what it maps to."""
    line = next((line for line in head if line.startswith("X-TIMESTAMP-MAP")), "")
    local, mpegts = _LOCAL.search(line), _MPEGTS.search(line)
    return Stamp(_milliseconds(local.groups()), int(mpegts[1]) % 2**33) if local and mpegts else None


def _milliseconds(parts: Sequence[str | None]) -> int:
    hours, minutes, seconds, fraction = parts
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1000 + int((fraction or "0").ljust(3, "0"))


def moved(cues: Iterable[Cue], by: int) -> tuple[Cue, ...]:
    """The cues so many milliseconds later. What is over before the title begins is left out."""
    places = ((max(cue.start + by, 0), min(cue.end + by, _TIMES), cue) for cue in cues)
    return tuple(replace(cue, start=start, end=end) for start, end, cue in places if start < end)


def joined(documents: Iterable[Document]) -> Document:
    """The pieces of a track as one: a cue that several of them have, or each a part of, is one cue. What a single piece
    says twice in a row is what its author wants."""
    parts = tuple(documents)
    pieces = [(cue, number) for number, document in enumerate(parts) for cue in document.cues]
    pieces.sort(key=lambda pair: (pair[0].start, pair[1]))
    cues: list[Cue] = []
    last: dict[tuple[str, str], tuple[int, int]] = {}
    for cue, number in pieces:
        key = cue.text, cue.settings
        place, piece = last.get(key, (-1, -1))
        before = cues[place] if place >= 0 else None
        if before and (piece != number or before.start == cue.start) and cue.start <= before.end + _APART:
            cues[place] = replace(before, end=max(before.end, cue.end))
        else:
            place = len(cues)
            cues.append(cue)
        last[key] = place, number
    return Document(cues=tuple(cues), blocks=tuple(dict.fromkeys(block for part in parts for block in part.blocks)))


def spoken(cues: Iterable[Cue]) -> list[tuple[int, int, str]]:
    """The bare words, and when they begin and end, one after the other: what is shown at the same time is one."""
    waiting = sorted((cue for cue in cues if cue.start < cue.end), key=lambda cue: cue.start)
    found: list[tuple[int, int, str]] = []
    shown: list[Cue] = []
    place = 0
    for start, end in pairwise(sorted({time for cue in waiting for time in (cue.start, cue.end)})):
        while place < len(waiting) and waiting[place].start <= start:
            shown.append(waiting[place])
            place += 1
        shown = [cue for cue in shown if cue.end > start][-_AT_ONCE:]
        if shown:
            found.append((start, end, "\n".join(_bare(cue.text) for cue in shown)))
    return found


def _bare(text: str) -> str:
    return unescape(_TAG.sub("", text), _LETTERS)


def write(document: Document) -> str:
    """The document as a file. Of its cues those that are shown for no time are left out."""
    shown = (cue for cue in document.cues if cue.start < cue.end)
    stamp = document.stamp
    head = f"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{stamp.mpegts},LOCAL:{_clock(stamp.local)}" if stamp else "WEBVTT"
    return "\n\n".join([head, *document.blocks, *map(_written, shown)]) + "\n"


def _written(cue: Cue) -> str:
    timing = f"{_clock(cue.start)} --> {_clock(cue.end)} {cue.settings}".rstrip()
    return "\n".join([*([cue.id] if cue.id else []), timing, *([cue.text] if cue.text else [])])


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
