"""What goes to stdout and stderr: tables, JSON, errors. Plain text where there is no terminal or NO_COLOR is set."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from offlinedl.errors import OfflinedlError, printable

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_UNITS = ("B", "kB", "MB", "GB", "TB")


def say(text: str = "") -> None:
    """A line of the result."""
    sys.stdout.write(_calm(text, sys.stdout) + "\n")


def note(text: str) -> None:
    """A line beside the result, after what was said before it."""
    sys.stdout.flush()
    sys.stderr.write(_calm(text, sys.stderr) + "\n")


def document(value: Any) -> None:
    """The one JSON document of a command; of a list, one line an item."""
    import json

    if isinstance(value, list):
        lines = ",\n  ".join(_escaped(json.dumps(item, ensure_ascii=False)) for item in value)
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


def size(count: int) -> str:
    """Bytes for people: "210 kB"; decimal units."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit and value < 10 else f"{value:.0f} {_UNITS[unit]}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they need to be. Widths are those of a terminal, where some letters take two places."""
    clean = [[printable(cell) for cell in row] for row in rows]
    widths = [max(_width(cell) for cell in column) for column in zip(header, *clean, strict=True)]
    say(styled(_row(header, widths), "bold"))
    for row in clean:
        say(_row(row, widths))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
