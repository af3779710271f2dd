"""A title that is open to be played: where it is served, what it has, and how long that lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import field
from typing import TYPE_CHECKING

from offlinedl.actions.play import opened
from offlinedl.api.titles import OfflineTitle, seen
from offlinedl.errors import OfflinedlError, UnsupportedError
from offlinedl.frozen import frozen
from offlinedl.model import Track

if TYPE_CHECKING:
    from offlinedl.actions.play import Opened
    from offlinedl.library import Library
    from offlinedl.license import Licensing
    from offlinedl.model import Entry

_OFTEN_SECONDS = 1.0


@frozen
class Subtitles:
    """A subtitle track as one WebVTT file at `address`. `language` is BCP 47, "" where unknown."""

    address: str = field(repr=False)
    language: str
    name: str
    forced: bool


class LocalMedia:
    """A title as HLS on loopback, decrypted as it is read, for a player of this process's own user.

    `address` is that of the multivariant playlist: whoever has it can play the title, so keep it off command lines.
    `tracks` are what it has, `subtitles` the text tracks also as files; `duration` and `start` (where the last playback
    stopped, for the player to begin at) are in seconds.
    """

    def __init__(self, inside: Opened, library: Library) -> None:
        self._inside = inside
        self._library = library
        self.address = inside.served.master
        self.duration = inside.presentation.duration
        self.start = inside.start
        self.subtitles = tuple(
            Subtitles(address=inside.served.texts[t.path], language=t.language, name=t.name, forced=t.forced)
            for t in inside.presentation.texts
        )

    @property
    def tracks(self) -> tuple[Track, ...]:
        """What is there to be played."""
        return self._inside.sitting.entry.tracks

    @property
    def title(self) -> OfflineTitle:
        """The title with its clocks as they run now: the first media that is asked for starts the playback window."""
        return seen(self._library.must(self._inside.sitting.entry.id), self._library.time())

    @property
    def seconds_left(self) -> float | None:
        """Seconds until no more is served, 0 where that is over; None where nothing ends it. Real seconds: a clock of
        the machine that is set back does not lengthen them."""
        left = self._inside.sitting.left()
        return None if left is None else max(0.0, left)

    def page(self) -> str:
        """The address of a page that plays it in a browser. It opens once."""
        return self._inside.served.page()

    def at(self, seconds: float) -> None:
        """The player is at that place of the title: `start` of the next time, and the title is `watched` from 90 %."""
        self._inside.served.at(seconds)

    async def ended(self) -> OfflinedlError | None:
        """Waits until nothing more is served: returns why where the title may no longer be played, and None where its
        page was closed or came to the end. Stop the player then: what it has read ahead is out of reach from here.
        Raises what went wrong where something of it cannot be read."""
        sitting, served = self._inside.sitting, self._inside.served
        while not sitting.is_over and not served.over.is_set():
            self._library.time.keep()
            left = sitting.left()
            with suppress(TimeoutError):
                async with asyncio.timeout(_OFTEN_SECONDS if left is None else min(max(left, 0.0), _OFTEN_SECONDS)):
                    await served.over.wait()
        if served.failure is not None:
            raise served.failure
        return sitting.over() if sitting.is_over else None


@asynccontextmanager
async def local(entry: Entry, library: Library, licensing: Licensing) -> AsyncIterator[LocalMedia]:
    """The title is served while the block runs."""
    async with opened(entry, library, licensing) as inside:
        if inside.held is not None and inside.held.handle is not None:
            raise UnsupportedError(
                f"{entry.id}: its media are opened by the adapter for {inside.held.license.system} alone",
                f"`offlinedl play {entry.id}` plays it by that",
                code="no-adapter",
            )
        yield LocalMedia(inside, library)
