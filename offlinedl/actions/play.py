"""play: serve a title on loopback to a player, while its clocks allow it, and keep where it stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import field, replace
from typing import Any, Protocol

from offlinedl import playing
from offlinedl.actions.sitting import Sitting
from offlinedl.errors import NotFoundError, UsageError
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.model import Entry, Held, Kind
from offlinedl.playback import About, Presentation, players
from offlinedl.playback.players import browser
from offlinedl.playback.players.show import Show, subtitle
from offlinedl.playback.presentation import present
from offlinedl.playback.server import Served, serving

_OFTEN_SECONDS = 1.0


@frozen
class Playback:
    """How a title is to be played: by which `player` ("mpv", "vlc", "ffplay", "browser"; "none" tells an address for
    others; "" is that of the settings, else the first that is found), from `start` (in seconds; None goes on where it
    stopped), in which languages (BCP 47, the first that is there; "none" shows no subtitles)."""

    player: str = ""
    start: float | None = None
    audio: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()


@frozen
class Opened:
    """A title that is served: where, and the sitting that keeps its clocks. `held` is its license, where it has one."""

    presentation: Presentation
    served: Served
    sitting: Sitting
    start: float
    held: Held | None = field(repr=False)


class Telling(Protocol):
    """Who is told of a playback."""

    def address(self, address: str) -> None:
        """Where it is served, for a person to open."""

    def page(self, address: str, is_unheard: bool) -> None:
        """The page that plays it, for a person to open where the browser that was asked does not: `is_unheard` tells
        that nobody has opened it for a while."""

    def player(self, name: str) -> None:
        """The player that is about to play it."""

    def now(self, sitting: Sitting) -> None:
        """How it stands: every second, and at its end."""


@asynccontextmanager
async def opened(
    entry: Entry, library: Library, licensing: Licensing, start: float | None = None, subtitles: tuple[str, ...] = ()
) -> AsyncIterator[Opened]:
    """The title is served on loopback while the block runs. RefusedError where it is expired, or not ready; UsageError
    where it is shorter than `start` (in seconds; None goes on where it stopped)."""
    playing.admit(entry, library)
    held = library.licenses.sealed(entry) if entry.protected else None
    keys = {key.kid: key.key for key in held.keys} if held else {}
    sealed = held is not None and held.handle is not None
    presentation = present(entry, library.plan(entry.id), library.reading(entry), keys, raw=sealed)
    sitting = Sitting(entry, library, licensing, presentation.duration)
    start = sitting.start if start is None else start
    if start and start >= presentation.duration:
        raise UsageError(f"{entry.id} is {presentation.duration:.0f} seconds long", "--from 0 begins at its beginning")
    shown, poster = subtitle(presentation.texts, subtitles), library.store.poster(entry.folder)
    about = About(
        name=entry.name,
        series=entry.series.name if entry.series else "",
        poster=None if poster is None else bytes(library.store.read(entry.folder, poster.name)),
        start=start,
        text="" if shown is None else presentation.texts[shown].path,
    )
    try:
        with library.store.played(entry.folder):
            async with serving(presentation, sitting, about) as served:
                yield Opened(presentation=presentation, served=served, sitting=sitting, start=start, held=held)
    finally:
        sitting.close()


def choose(order: Playback, otherwise: str | None) -> tuple[Playback, str]:
    """The order with its player, `otherwise` that one, and the program of it. UsageError where it is not there, or
    cannot do what is asked for."""
    name, program = players.choose(order.player or otherwise)
    given = {"--from": order.start, "--audio": order.audio, "--subs": set(order.subtitles) - {"none"}}
    players.check(name, [option for option, value in given.items() if value])
    return replace(order, player=name), program


def check_languages(entry: Entry, order: Playback) -> None:
    """What is not here cannot be played."""
    for kind, option, asked in ((Kind.AUDIO, "audio", order.audio), (Kind.SUBTITLES, "subs", order.subtitles)):
        there = sorted({track.language for track in entry.tracks if track.kind is kind and track.language})
        for language in set(asked) - {"none"}:
            if not any(one.partition("-")[0] == language.lower().partition("-")[0] for one in there):
                raise NotFoundError(
                    f"--{option} {language}: not downloaded (there are: {', '.join(there) or 'none'})",
                    f"`offlinedl get {entry.id} --{option} {language}` fetches it",
                )


async def play(
    entry: Entry, order: Playback, library: Library, licensing: Licensing, telling: Telling, *, program: str
) -> None:
    """Play the title in the player of `order`, which is `program`. Returns when that has ended. RefusedError where its
    time is over, also while it plays: then the player has been stopped. UnsupportedError where the player fails."""
    async with opened(entry, library, licensing, order.start, order.subtitles) as open:
        sitting = open.sitting
        if open.held is not None and open.held.handle is not None:
            await licensing.check_plays(open.held)
            player = _by_adapter(open, library, licensing)
        else:
            player = _by_player(open, order, program, telling)
        try:
            await _until_one_ends(player, open.served.over.wait(), _watch(sitting, library, telling))
        except Exception:
            if not sitting.is_over:
                raise
        if open.served.failure is not None:
            raise open.served.failure
        if sitting.is_over:
            raise sitting.over()
    telling.now(sitting)


async def _by_player(open: Opened, order: Playback, program: str, telling: Telling) -> None:
    telling.player(order.player)
    if order.player == "none":
        telling.address(open.served.master)
        await asyncio.Event().wait()
    elif order.player == "browser":
        await browser.play(open.served, telling.page)
    if order.start is None and not players.goes_on(order.player):
        open.sitting.least = open.start
    show = Show(
        name=open.sitting.entry.name,
        address=open.served.master,
        presentation=open.presentation,
        texts=tuple((text, open.served.texts[text.path]) for text in open.presentation.texts),
        start=open.start,
        audio=order.audio,
        subtitles=order.subtitles,
    )
    await players.named(order.player).play(program, show, open.served.at)


async def _by_adapter(open: Opened, library: Library, licensing: Licensing) -> None:
    """The first play may make another handle."""
    await open.sitting.begin()
    held = library.licenses.sealed(open.sitting.entry)
    if held is not None:
        await licensing.play(held, open.served.master)


async def _watch(sitting: Sitting, library: Library, telling: Telling) -> None:
    """Returns when the playback has to stop."""
    while (left := sitting.left()) is None or left > 0:
        telling.now(sitting)
        library.time.keep()
        await asyncio.sleep(_OFTEN_SECONDS if left is None else min(left, _OFTEN_SECONDS))


async def _until_one_ends(*works: Coroutine[Any, Any, object]) -> None:
    """The first to end ends the others; an error of it is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
