"""Downloads of several titles, one after the other: their options, and what is said of those that fail."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar

import typer

from offlinedl.api.events import pauses
from offlinedl.cli import events, progress, wiring
from offlinedl.cli.output import report
from offlinedl.cli.progress import How
from offlinedl.errors import OfflinedlError, UsageError, shown

if TYPE_CHECKING:
    from offlinedl.actions.get import Order
    from offlinedl.api.library import Library as Public
    from offlinedl.library import Library
    from offlinedl.license import Licensing
    from offlinedl.model import Entry

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
Work: TypeAlias = "Callable[[Order, Licensing], Awaitable[T]]"


async def each(
    library: Public, refs: Iterable[str], work: Callable[[Public, str], Awaitable[T]], how: How
) -> tuple[list[T], int]:
    """`work` on each title in turn, over one session; one that fails does not stop the others, and is told of. The code
    is that of the first failure."""
    done: list[T] = []
    codes: list[int] = []
    async with library.session() as session:
        for ref in refs:
            try:
                done.append(await work(session, ref))
            except OfflinedlError as error:
                codes.append(tell(error, _shown(ref), how))
    return done, codes[0] if codes else 0


def tell(error: OfflinedlError, about: str, how: How) -> int:
    """Tell of an error of the title `about`. Returns its exit code."""
    if how is not How.JSON:
        return report(error, about)
    return error.exit_code if pauses(error) else events.failed(error, about or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """How titles are worked on: over which network, and how that is shown. Where `joins`, one that another process
    works on is waited for."""

    network: wiring.Network
    how: How
    joins: bool = False

    async def run(
        self, order: Order, refs: Sequence[str], work: Work[T], queue: Work[int] | None = None
    ) -> tuple[list[T], int]:
        """`work` on each title in turn; one that fails does not stop the others, and is told of. The code is that of
        the first failure. Where there are several, `queue` sees all of them first, and says which goes first: the one
        of the highest number."""
        codes: list[int] = []
        async with wiring.licensing(self.network) as licensing:
            if queue is not None and len(refs) > 1:
                ranked = await self._through(order, refs, queue, licensing, codes)
                order, refs = replace(order, queued=True), [ref for ref, _ in sorted(ranked, key=lambda pair: -pair[1])]
            done = await self._through(order, refs, work, licensing, codes)
        return [result for _, result in done], codes[0] if codes else 0

    async def _through(
        self, order: Order, refs: Sequence[str], work: Work[T], licensing: Licensing, codes: list[int]
    ) -> list[tuple[str, T]]:
        from offlinedl.aside import alone

        done: list[tuple[str, T]] = []
        for ref in refs:
            try:
                done.append((ref, await alone(work(replace(order, ref=ref), licensing))))
            except OfflinedlError as error:
                codes.append(self.tell(error, _shown(ref)))
        return done

    def queueing(self, library: Library) -> Work[int]:
        """Writes down that a title is to be downloaded."""

        async def work(order: Order, licensing: Licensing) -> int:
            from offlinedl.actions.get import queue
            from offlinedl.actions.join import joined

            queued = partial(queue, order, library, licensing)
            return await (joined(queued, order.ref, library, progress.Silence()) if self.joins else queued())

        return work

    def fetching(self, library: Library) -> Work[Entry]:
        """Downloads a title."""

        async def work(order: Order, licensing: Licensing) -> Entry:
            from offlinedl.actions.get import get
            from offlinedl.actions.join import joined

            with progress.shown(self.how, _shown(order.ref)) as watching:
                got = partial(get, order, library, licensing, watching)
                return await (joined(got, order.ref, library, watching) if self.joins else got())

        return work

    def tell(self, error: OfflinedlError, about: str) -> int:
        """Tell of an error of the title `about`. Returns its exit code."""
        return tell(error, about, self.how)


def headers(option: str, given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Headers as they are written on a command line, as pairs. UsageError names `option`."""
    pairs = []
    for text in given:
        name, colon, value = text.partition(":")
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~\w-]+", name.strip()) or not text.isprintable():
            raise UsageError(f"{option}: not a header", f"write {option} 'Name: value'")
        pairs.append((name.strip(), value.strip()))
    return tuple(pairs)


def _shown(ref: str) -> str:
    """What was asked for, without its secrets."""
    return shown(ref) if "://" in ref else ref
