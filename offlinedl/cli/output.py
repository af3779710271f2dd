"""What goes to stdout and stderr: tables, JSON, errors. Plain text where there is no terminal or NO_COLOR is set."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from offlinedl.errors import OfflinedlError

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_UNITS = ("B", "kB", "MB", "GB", "TB")


def say(text: str = "") -> None:
    """A line of the result."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """A line beside the result, after what was said before it."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")


def document(value: Any) -> None:
    """The one JSON document of a command; of a list, one line an item."""
    import json

    if isinstance(value, list):
        lines = ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in value)
        say(f"[\n  {lines}\n]" if lines else "[]")
    else:
        say(json.dumps(value, ensure_ascii=False, indent=2))


def report(error: OfflinedlError) -> int:
    """An error as two lines on stderr. Returns its exit code."""
    note(f"{styled('error:', 'red', stream=sys.stderr)} {_one_line(error.message)}")
    note(f"hint: {_one_line(error.hint) or 'run it again with -v to see more'}")
    return error.exit_code


def _one_line(text: str) -> str:
    """`text` without what a server could use to draw on the terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def styled(text: str, style: str, *, stream: Any = None) -> str:
    """`text` in a style, where it goes to a terminal."""
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\033[{_STYLES[style]}m{text}\033[0m"


def size(count: int) -> str:
    """Bytes for people: "210 kB"; decimal units."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit and value < 10 else f"{value:.0f} {_UNITS[unit]}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they need to be. Widths are those of a terminal, where some letters take two places."""
    clean = [[_one_line(cell) for cell in row] for row in rows]
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
