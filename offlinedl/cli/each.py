"""Downloads of several titles, one after the other: their options, and what is said of those that fail."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from offlinedl.api.events import named, pauses
from offlinedl.cli import events
from offlinedl.cli.output import report
from offlinedl.cli.progress import How
from offlinedl.errors import OfflinedlError, UsageError

if TYPE_CHECKING:
    from offlinedl.api.library import Library

Connections = Annotated[int | None, typer.Option("--connections", "-N", min=1, max=64, help="At most so many at once.")]
LimitRate = Annotated[
    str | None, typer.Option("--limit-rate", metavar="RATE", help="Bytes a second in all, like 500K or 2M.")
]
Header = Annotated[list[str] | None, typer.Option("--header", metavar="NAME:VALUE", help="Sent to the title's origin.")]
Cookies = Annotated[
    Path | None, typer.Option("--cookies", metavar="FILE", help="Of the Netscape format (cookies.txt).")
]
Proxy = Annotated[str | None, typer.Option("--proxy", metavar="URL", help="Ask everything through this HTTP proxy.")]
Progress = Annotated[How, typer.Option("--progress", help="On stderr. json: an event a line, for programs.")]

T = TypeVar("T")


async def each(
    library: Library, refs: Iterable[str], work: Callable[[Library, str], Awaitable[T]], how: How
) -> tuple[list[T], int]:
    """`work` on each title in turn, over one session; one that fails does not stop the others, and is told of. The code
    is that of the first failure."""
    from offlinedl.aside import alone

    done: list[T] = []
    codes: list[int] = []
    async with library.session() as session:
        for ref in refs:
            try:
                done.append(await alone(work(session, ref)))
            except OfflinedlError as error:
                is_told = how is How.JSON and pauses(error)  # the title's own event is that
                codes.append(error.exit_code if is_told else tell(error, named(ref), how))
    return done, codes[0] if codes else 0


def tell(error: OfflinedlError, about: str, how: How) -> int:
    """Tell of an error of the title `about`. Returns its exit code."""
    return events.failed(error, about or None) if how is How.JSON else report(error, about)


def headers(option: str, given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Headers as they are written on a command line, as pairs. UsageError names `option`."""
    pairs = []
    for text in given:
        name, colon, value = text.partition(":")
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~\w-]+", name.strip()) or not text.isprintable():
            raise UsageError(f"{option}: not a header", f"write {option} 'Name: value'")
        pairs.append((name.strip(), value.strip()))
    return tuple(pairs)
