"""What goes to stdout and stderr: tables, JSON, errors. Plain text where there is no terminal or NO_COLOR is set."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from offlinedl.errors import OfflinedlError, printable, sized

if TYPE_CHECKING:
    from offlinedl.api.titles import OfflineTitle

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_LEAST_ROOM = 24
"""Places that the last column of a table keeps before others make room for it."""
_LEAST_NAME = 16
"""Places that a name keeps: with fewer, titles of one series would look the same."""

size = sized
"""Bytes for people, as errors have them too."""


def clocked(seconds: float) -> str:
    """A span of time, or a place in a title, as players show it: "0:23", "1:02:03"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def marks(title: OfflineTitle) -> list[str]:
    """What playing or a person decided about a title, as far as there is something."""
    place = f"at {clocked(title.position_seconds)}" if title.position_seconds else ""
    return [word for word in ("watched" if title.watched else "", place, "kept" if title.kept else "") if word]


def say(text: str = "") -> None:
    """A line of the result."""
    sys.stdout.write(_calm(text, sys.stdout) + "\n")


def note(text: str) -> None:
    """A line beside the result, after what was said before it. Where nobody takes it, the work goes on without."""
    sys.stdout.flush()
    try:
        sys.stderr.write(_calm(text, sys.stderr) + "\n")
        sys.stderr.flush()
    except OSError:
        sys.stderr = nowhere()


def nowhere() -> TextIO:
    """A stream that nobody reads, for as long as the process lives."""
    return Path(os.devnull).open("w")


def document(value: Any) -> None:
    """The one JSON document of a command; of a list, one line an item."""
    import json

    if isinstance(value, list):
        encoder = json.JSONEncoder(ensure_ascii=False)  # `json.dumps` makes one for each item
        lines = ",\n  ".join(_escaped(encoder.encode(item)) for item in value)
        text = f"[\n  {lines}\n]" if lines else "[]"
    else:
        text = "\n".join(map(_escaped, json.dumps(value, ensure_ascii=False, indent=2).splitlines()))
    sys.stdout.write(text + "\n")


def report(error: OfflinedlError, about: str = "") -> int:
    """An error as two lines on stderr, with the title that it is `about`. Returns its exit code."""
    said = error.message if about in error.message else f"{about}: {error.message}"
    note(f"{styled('error:', 'red', stream=sys.stderr)} {printable(said)}")
    note(f"hint: {printable(error.hint) or 'run it again later; if it stays so, tell the service'}")
    return error.exit_code


def _calm(text: str, stream: TextIO) -> str:
    """`text` without what a server could use to draw on the terminal: only lines and our own styles stay."""
    if text.isprintable():
        return text
    keep = rf"(\n|\033\[(?:0|{'|'.join(_STYLES.values())})m)" if in_colour(stream) else r"(\n)"
    return "".join(part if re.fullmatch(keep, part) else printable(part) for part in re.split(keep, text))


def _escaped(line: str) -> str:
    """A line of JSON, in which what cannot be printed is written as an escape."""
    return line if line.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line)


def in_colour(stream: TextIO) -> bool:
    """May control codes be written to `stream`?"""
    return not (os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb") and stream.isatty()


def styled(text: str, style: str, *, stream: TextIO | None = None) -> str:
    """`text` in a style, where it goes to a terminal."""
    if not in_colour(stream or sys.stdout):
        return printable(text)
    return f"\033[{_STYLES[style]}m{printable(text)}\033[0m"


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str] = (), short: str | None = None
) -> None:
    """Columns as wide as they need to be. Widths are those of a terminal, where some letters take two places.

    With `spare` the table fits into a narrow terminal: what stands under the heading `short` is cut off, the columns of
    the headings in `spare` are left out as far as they must be, one after the other, and the last column is folded.
    """
    grid = [[*header], *([*row] if "".join(row).isprintable() else [*map(printable, row)] for row in rows)]
    most = _columns() if spare else None
    if most is not None and short is not None:
        _shorten(grid, grid[0].index(short), most)
    for heading in spare:
        if most is not None and _room(grid, most) < min(_LEAST_ROOM, _widths(grid)[-1]):
            place = grid[0].index(heading)
            grid = [row[:place] + row[place + 1 :] for row in grid]
    if most is not None:
        grid = _all_folded(grid, _room(grid, most))
    widths = _widths(grid)
    say(styled(_row(grid[0], widths), "bold"))
    sys.stdout.write("".join([f"{_row(line, widths)}\n" for line in grid[1:]]))


def term(name: str, text: str) -> None:
    """A line that says what something is, folded where the terminal is too narrow for it."""
    most = _columns()
    first, *others = [text] if most is None else _folded(printable(text), most - len(name))
    for line in (name + first, *(" " * len(name) + other for other in others)):
        say(line)


def _columns() -> int | None:
    """How many letters a line of the terminal has; None where stdout is none, or does not say."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _widths(grid: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len if "".join(column).isascii() else _width, column)) for column in zip(*grid, strict=True)]


def _room(grid: Sequence[Sequence[str]], most: int) -> int:
    """What the other columns leave to the last one."""
    return most - sum(width + 2 for width in _widths(grid)[:-1])


def _shorten(grid: list[list[str]], place: int, most: int) -> None:
    """Cut a column off so that the last one has its room, as far as that leaves something to be read."""
    lacking = min(_LEAST_ROOM, _widths(grid)[-1]) - _room(grid, most)
    width = max(_LEAST_NAME, _widths(grid)[place] - lacking)
    for row in grid[1:]:
        if lacking > 0 and _width(row[place]) > width:
            row[place] = f"{_cut(row[place], width - 1)}…"


def _cut(text: str, most: int) -> str:
    """As many of the first letters as fit into `most` places."""
    while _width(text) > most:
        text = text[:-1]
    return text.rstrip()


def _all_folded(grid: list[list[str]], room: int) -> list[list[str]]:
    """The last column folded into its room, below the header."""
    lines = [grid[0]]
    for *cells, last in grid[1:]:
        first, *others = _folded(last, room)
        lines += [[*cells, first], *([""] * len(cells) + [other] for other in others)]
    return lines


def _folded(text: str, most: int) -> list[str]:
    """`text` in lines of at most `most` places, as far as its words are no longer."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and _width(longer) > most:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    if "".join(cells).isascii():
        return "  ".join(map(str.ljust, cells, widths)).rstrip()
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
