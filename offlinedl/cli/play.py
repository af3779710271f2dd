"""play: a title in a player, and what is left of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import wiring
from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import in_colour, say

if TYPE_CHECKING:
    from offlinedl.actions.play import Order
    from offlinedl.actions.sitting import Sitting
    from offlinedl.library import Library
    from offlinedl.model import Entry

_CLEAR = "\r\033[K"


def verb(
    ref: Annotated[str, typer.Argument(help="The title: its id, name or URL.")],
    player: Annotated[
        str | None, typer.Option(metavar="PLAYER", help="mpv, vlc, ffplay, browser; none prints an address for others.")
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Seconds, or like 12:34; 0 starts over.")
    ] = None,
    audio: Annotated[
        str | None, typer.Option("--audio", metavar="LANGS", help="Sound in the first that is there.")
    ] = None,
    subs: Annotated[
        str | None, typer.Option("--subs", metavar="LANGS", help="Subtitles in the first that is there, or none.")
    ] = None,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Play a title, from where it stopped. The first play starts the playback clock; at its end the player stops."""
    from offlinedl import languages, sources
    from offlinedl.actions.play import Order
    from offlinedl.playback import players

    name, program = players.choose(player or wiring.settings().player)
    order = Order(
        player=name,
        program=program,
        start=None if begin is None else _seconds(begin),
        audio=languages.asked((audio or "").split(","), "--audio", ()),
        subtitles=languages.asked((subs or "").split(","), "--subs", ("none",)),
    )
    with wiring.library() as library:
        entry = library.find(sources.title_id(ref))
        _check_languages(entry, order)
        told = _Told()
        try:
            wiring.run(_played(entry, order, library, told))
        finally:
            told.end()


async def _played(entry: Entry, order: Order, library: Library, told: _Told) -> None:
    from offlinedl.actions.play import play

    async with wiring.licensing(wiring.Network()) as licensing:
        await play(entry, order, library, licensing, told)


class _Told:
    """Tells a person of a playback: when it begins and where it ended, and on a terminal how it stands between."""

    def __init__(self) -> None:
        self._sitting: Sitting | None = None
        self._has_begun = False
        self._is_live = in_colour(sys.stderr)

    def address(self, address: str) -> None:
        """See actions.play.Telling."""
        say(address)
        sys.stdout.flush()

    def now(self, sitting: Sitting) -> None:
        """See actions.play.Telling."""
        self._sitting = sitting
        if sitting.has_begun and not self._has_begun:
            self._has_begun = True
            self._wipe()
            began = "first play, the playback clock runs" if sitting.is_first else "playing"
            say(f"{sitting.entry.name}: {began}. {sitting.message()}")
            sys.stdout.flush()
        elif self._is_live and sitting.position is not None:
            sys.stderr.write(f"{_CLEAR}{sitting.message()} · {_place(sitting)}")
            sys.stderr.flush()

    def end(self) -> None:
        """Say where it ended."""
        self._wipe()
        if self._sitting is not None:
            if not self._has_begun:
                self.now(self._sitting)
            if self._sitting.position is not None:
                self._wipe()
                say(f"{self._sitting.entry.name}: {_place(self._sitting)}")

    def _wipe(self) -> None:
        if self._is_live:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()


def _place(sitting: Sitting) -> str:
    watched = ", watched" if sitting.is_watched else ""
    return f"{_time(sitting.position or 0.0)} of {_time(sitting.duration)}{watched}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _seconds(text: str) -> float:
    """A place in a title, as seconds or with minutes and hours before them."""
    from offlinedl.errors import UsageError

    try:
        parts = [float(part) for part in text.split(":")]
        if len(parts) > 3 or not all(0 <= part < 2**31 for part in parts):
            raise ValueError
    except ValueError:
        raise UsageError(f"--from {text}: not a place in a title", "say seconds, or like 12:34 or 1:02:03") from None
    return sum(part * 60.0**power for power, part in enumerate(reversed(parts)))


def _check_languages(entry: Entry, order: Order) -> None:
    """What is not here cannot be played."""
    from offlinedl.errors import NotFoundError
    from offlinedl.model import Kind

    for kind, option, asked in ((Kind.AUDIO, "audio", order.audio), (Kind.SUBTITLES, "subs", order.subtitles)):
        there = sorted({track.language for track in entry.tracks if track.kind is kind and track.language})
        for language in set(asked) - {"none"}:
            if not any(one.partition("-")[0] == language.lower().partition("-")[0] for one in there):
                raise NotFoundError(
                    f"--{option} {language}: not downloaded (there are: {', '.join(there) or 'none'})",
                    f"`offlinedl get {entry.id} --{option} {language}` fetches it",
                )
