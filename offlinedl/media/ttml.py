"""TTML (W3C TTML2, as IMSC 1.1 narrows it) as cues of WebVTT: its words, times, lines, italics and the like, and about
where they stand. Colours, sizes and fonts are the player's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import groupby
from typing import NamedTuple, NoReturn
from xml.parsers import expat

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.frozen import frozen
from offlinedl.media.webvtt import Cue

_DEPTH = 64
_CLOCK = re.compile(r"(\d{1,6}):(\d{1,4}):(\d{1,4})(\.\d{1,9})?(?::(\d{1,4})(?:\.\d{1,9})?)?")
_OFFSET = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(h|ms|m|s|f|t|)")
_PLACE = re.compile(r"(-?\d{1,6}(?:\.\d{1,6})?)% +(-?\d{1,6}(?:\.\d{1,6})?)%")
_SILENT = {"metadata", "title", "desc", "copyright", "agent", "name", "image", "audio", "data", "font"}
"""Elements with words that nobody is to see (sections 8 and 14)."""
_SPACE = re.compile(r"[ \t\r\n]+")
_STYLES = 16
"""That one element may refer to."""
_BELOW = 60.0
"""Percent of the height from which on a cue stands below."""
END = 10**12
"""Milliseconds, for what has no end: the sample or the segment that holds it ends it."""


@frozen
class _Look:
    """What is kept of a style; None where it says nothing."""

    italic: bool | None = None
    bold: bool | None = None
    underline: bool | None = None
    align: str | None = None
    origin: float | None = None
    extent: float | None = None
    display: str | None = None

    def under(self, other: _Look) -> _Look:
        """This, where `other` says nothing."""
        said = {name: value for name in _NAMES if (value := getattr(other, name)) is not None}
        return replace(self, **said) if said else self


_PLAIN = _Look()
_NAMES = tuple(f.name for f in fields(_Look))


class _Level(NamedTuple):
    """An element that is open: when its content is shown, in milliseconds, and how."""

    name: str
    id: str = ""
    start: int = 0
    end: int = END
    look: _Look = _PLAIN
    region: str = ""
    preserves: bool = False


class _Piece(NamedTuple):
    """Words of a paragraph."""

    start: int
    end: int
    look: _Look
    text: str


@dataclass(slots=True)
class _Reader:
    """What was read so far. `rates` are frames and ticks a second; `silent` counts the open elements whose words nobody
    is to see, `paragraphs` those whose words are subtitles."""

    styles: dict[str, _Look] = field(default_factory=dict)
    regions: dict[str, _Look] = field(default_factory=dict)
    levels: list[_Level] = field(default_factory=lambda: [_Level("")])
    rates: tuple[float, float] = (30.0, 1.0)
    pieces: list[_Piece] = field(default_factory=list)
    cues: list[Cue] = field(default_factory=list)
    silent: int = 0
    paragraphs: int = 0

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if len(self.levels) > _DEPTH:
            raise UnsupportedError(f"its XML elements are nested deeper than {_DEPTH}", code="too-large")
        name, own, above = _local(tag), {_local(key): value for key, value in attributes.items()}, self.levels[-1]
        if name == "tt":
            self.rates = _rates(own)
        start, end = self._times(own, above)
        level = _Level(
            name=name,
            id=own.get("id", ""),
            start=start,
            end=end,
            look=self._look(own, above.look),
            region=own.get("region", above.region),
            preserves=own.get("space", "preserve" if above.preserves else "") == "preserve",
        )
        self.levels.append(level)
        self.silent += name in _SILENT
        self.paragraphs += name == "p"
        if name == "br":
            self._add("\n")

    def end(self, _tag: str) -> None:
        """The element that began last ends."""
        level = self.levels.pop()
        self.silent -= level.name in _SILENT
        self.paragraphs -= level.name == "p"
        if level.name == "style":  # section 10.4.1: one within a region is that region's
            self.styles[level.id] = level.look
            if self.levels[-1].name == "region":
                self.levels[-1] = self.levels[-1]._replace(look=level.look)
        elif level.name == "region":
            self.regions[level.id] = level.look
        elif level.name == "p" and not self.paragraphs:
            self._paragraph(level)

    def words(self, text: str) -> None:
        """Character data."""
        self._add(text if self.levels[-1].preserves else _SPACE.sub(" ", text))

    def _add(self, text: str) -> None:
        if self.paragraphs and not self.silent:
            level = self.levels[-1]
            self.pieces.append(_Piece(level.start, level.end, level.look, text))

    def _look(self, own: Mapping[str, str], above: _Look) -> _Look:
        """Section 10.4.4: what holds the element, then the styles that it refers to, then its own."""
        for name in own.get("style", "").split()[:_STYLES]:
            above = above.under(self.styles.get(name, _PLAIN))
        return above.under(_stated(own))

    def _times(self, own: Mapping[str, str], above: _Level) -> tuple[int, int]:
        """Section 12.2: begin and end count from the begin of what holds the element, and end with that."""
        start = above.start + (self._time(own.get("begin")) or 0)
        end, duration = self._time(own.get("end")), self._time(own.get("dur"))
        ends = [above.end]
        ends += [] if end is None else [above.start + end]
        ends += [] if duration is None else [start + duration]
        return start, min(ends)

    def _time(self, said: str | None) -> int | None:
        """Section 12.3.1, in milliseconds; None where nothing is said that can be read."""
        text = (said or "").strip()
        frames, ticks = self.rates
        if found := _CLOCK.fullmatch(text):
            hours, minutes, seconds = (int(part) for part in found.groups()[:3])
            rest = float(found[4] or 0) + int(found[5] or 0) / frames
            return ((hours * 60 + minutes) * 60 + seconds) * 1000 + round(rest * 1000)
        if found := _OFFSET.fullmatch(text):
            units = {"h": 3600.0, "m": 60.0, "ms": 0.001, "f": 1 / frames, "t": 1 / ticks}
            return round(float(found[1]) * units.get(found[2], 1.0) * 1000)
        return None

    def _paragraph(self, level: _Level) -> None:
        """The cues of a paragraph: one, or one for each time that its words have."""
        settings = _settings(self.regions.get(level.region, _PLAIN).under(level.look))
        for (start, end), own in groupby(self.pieces, key=lambda piece: (piece.start, piece.end)):
            pieces = [(look, "".join(p.text for p in same)) for look, same in groupby(own, key=lambda p: p.look)]
            if start < end and any(text.strip() for _, text in pieces):
                text = "".join(_marked(look, text) for look, text in pieces)
                self.cues.append(Cue(start=start, end=end, text=_tidied(text), settings=settings))
        self.pieces.clear()


def read(data: bytes) -> tuple[Cue, ...]:
    """The cues of a document, on its own clock. What has no end has END for that. UnsupportedError for a document type
    and for what is nested too deep, DamagedError for what is no TTML."""
    parser = expat.ParserCreate()
    reader = _Reader()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.begin, reader.end
    parser.CharacterDataHandler = reader.words
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(data.lstrip(b" \t\r\n"), True)
    except expat.ExpatError as error:
        raise DamagedError(f"not well-formed XML: {expat.ErrorString(error.code)}", "fetch it again") from None
    except (ValueError, LookupError):
        raise DamagedError("its XML is in an encoding that cannot be read", "fetch it again") from None
    return tuple(reader.cues)


def _refuse_doctype(*_args: object) -> NoReturn:
    """XML 1.0 section 2.8: what a document type may bring along (entities, files) is never wanted."""
    raise UnsupportedError("it has a DOCTYPE, which no subtitles need and which is not read", code="doctype")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _rates(own: Mapping[str, str]) -> tuple[float, float]:
    """Sections 7.2.4, 7.2.5, 7.2.10 and 7.2.12: frames and ticks a second."""
    frames = _number(own.get("frameRate")) or 30.0
    top, _, bottom = own.get("frameRateMultiplier", "").replace(":", " ").strip().partition(" ")
    exact = frames * (_number(top) or 1.0) / (_number(bottom) or 1.0)
    ticks = frames * (_number(own.get("subFrameRate")) or 1.0) if "frameRate" in own else 1.0
    return exact, _number(own.get("tickRate")) or ticks


def _number(said: str | None) -> float:
    text = (said or "").strip()
    return float(text) if re.fullmatch(r"\d{1,12}", text, re.ASCII) else 0.0


def _stated(own: Mapping[str, str]) -> _Look:
    """Section 10.2: what is kept of an element's own style."""
    origin, extent = (_PLACE.fullmatch(own.get(name, "").strip()) for name in ("origin", "extent"))
    return _Look(
        italic=_is(own.get("fontStyle"), {"italic", "oblique"}),
        bold=_is(own.get("fontWeight"), {"bold"}),
        underline=_is(own.get("textDecoration"), {"underline"}),
        align=own.get("textAlign"),
        origin=float(origin[2]) if origin else None,
        extent=float(extent[2]) if extent else None,
        display=own.get("displayAlign"),
    )


def _is(said: str | None, words: set[str]) -> bool | None:
    return None if said is None else said.strip() in words


def _settings(look: _Look) -> str:
    """Where a cue stands, if that is neither below nor in the middle, where players put it anyway."""
    found = []
    shares = {"center": 0.5, "after": 1.0}
    if look.origin is not None or look.display == "before":
        place = (look.origin or 0.0) + (look.extent or 0.0) * shares.get(look.display or "", 0.0)
        if 0 <= place < _BELOW:
            found.append(f"line:{place:.0f}%")
    if look.align in {"left", "right", "start", "end"}:
        found.append(f"align:{look.align}")
    return " ".join(found)


def _marked(look: _Look, text: str) -> str:
    """Words in the markup of WebVTT. Spaces stay outside of it."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    tags = [tag for tag, on in (("i", look.italic), ("b", look.bold), ("u", look.underline)) if on]
    inside = text.strip()
    if not tags or not inside:
        return text
    before, _, after = text.partition(inside)
    return before + "".join(f"<{tag}>" for tag in tags) + inside + "".join(f"</{t}>" for t in reversed(tags)) + after


def _tidied(text: str) -> str:
    """No space twice, none at the ends of lines, and no empty line: that would end a cue."""
    return re.sub(r" *\n[ \n]*", "\n", re.sub(r"[ \t\r]+", " ", text)).strip()
