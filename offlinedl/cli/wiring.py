"""What stands between a command line and a home (see api/home.py): the one that options name, and signals."""

from __future__ import annotations

import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from offlinedl.api.home import Home, Network
from offlinedl.api.library import Library
from offlinedl.cli import options
from offlinedl.errors import Stopped

if TYPE_CHECKING:
    from offlinedl.api.requests import Request

__all__ = ["Network", "checked", "home", "opened", "run"]

T = TypeVar("T")

_BETWEEN_LOOKS = 20_000
"""So many new objects, a few MB, are made before a look for garbage among them. Plans are made of as many, and are no
garbage."""


def home() -> Home:
    """The home that is worked in."""
    return Home.at(options.home())


@contextmanager
def opened(network: Network | None = None) -> Iterator[Library]:
    """The library that applications see, of this home. What is set of the disk is for those who download over
    `network`: others can do without."""
    own = home()
    with own.library(None if network is None else own.space()) as inside:
        yield Library(own, inside, network or Network())


def checked(request: Request) -> Request:
    """What means nothing is said before a title is looked at."""
    from offlinedl.api.requests import order

    order(request, home())
    return request


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end. The first SIGINT, SIGTERM or SIGHUP cancels it, a second one ends the process at once:
    a terminal that is closed is a word to stop like SIGTERM, but for who ignores that (`nohup`)."""
    import asyncio
    import gc
    import signal

    gc.freeze()  # what is imported is no garbage, and need not be looked at
    gc.set_threshold(_BETWEEN_LOOKS)
    gc.enable()
    received: list[int] = []

    async def main() -> T:
        task = asyncio.ensure_future(work)

        def stop(number: int) -> None:
            if received:
                os._exit(128 + number)
            received.append(number)
            task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, stop, signal.SIGTERM)
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if not received:
            raise
        raise Stopped(received[0]) from None
