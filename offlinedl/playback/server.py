"""A presentation on loopback, for the players of this user alone, until its sitting is over."""

from __future__ import annotations

import asyncio
import time as clock
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from offlinedl.playback import Presentation, Sitting, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the page shows: `start` is where it begins, in seconds; `text` the path of the subtitles that are on at
    first, "" for none."""

    name: str
    series: str = ""
    poster: bytes | None = None
    start: float = 0.0
    text: str = ""


@dataclass(slots=True, kw_only=True)
class Served:
    """What is being served. `master` is the address of the multivariant playlist, `texts` those of the subtitle files.
    `over` is set when the page was closed, has played to its end, or when something failed; that is in `failure` then,
    for the caller to raise once the player has stopped."""

    master: str
    texts: tuple[tuple[Text, str], ...]
    over: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None

    def page(self) -> str:
        """An address that opens the page, once: what stands on a command line is worth nothing afterwards."""
        raise NotImplementedError

    def at(self, seconds: float) -> None:
        """The player is at that place: for the sitting, and for how far it may read ahead."""
        raise NotImplementedError


@asynccontextmanager
async def serving(
    presentation: Presentation,
    sitting: Sitting,
    about: About,
    *,
    time: Callable[[], float] = clock.monotonic,
    rest: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncIterator[Served]:
    """Serve on 127.0.0.1 while the block runs, on a free port. `time` and `rest` are for what waits."""
    raise NotImplementedError
    yield
