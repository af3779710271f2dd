"""play: a title in a player, and what is left of it."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import wiring
from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import clocked, in_colour, note, say
from offlinedl.errors import Stopped

if TYPE_CHECKING:
    from offlinedl.actions.sitting import Sitting

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
    from offlinedl import languages
    from offlinedl.actions.play import Playback
    from offlinedl.cli import dates

    playback = Playback(
        player=player or "",
        start=None if begin is None else dates.place("--from", begin),
        audio=languages.asked((audio or "").split(","), "--audio", ()),
        subtitles=languages.asked((subs or "").split(","), "--subs", ("none",)),
    )
    told = _Told(names=player is None)
    with wiring.opened() as library:
        try:
            wiring.run(library.play(ref, playback, told))
        except Stopped as stopped:
            stopped.left = told.left()
            raise
        finally:
            with suppress(OSError):  # the terminal may be gone
                told.end()


class _Told:
    """Tells a person of a playback: when it begins and where it ended, and on a terminal how it stands between."""

    def __init__(self, *, names: bool) -> None:
        self._names = names
        self._sitting: Sitting | None = None
        self._has_begun = False
        self._is_live = in_colour(sys.stderr)

    def address(self, address: str) -> None:
        """See actions.play.Telling."""
        say(address)
        sys.stdout.flush()

    def page(self, address: str, is_unheard: bool) -> None:
        """See actions.play.Telling."""
        if is_unheard:
            note("Nobody has opened the page yet: the browser may not have started. Another --player may do.")
        note(f"Open this in a browser, once: {address}")

    def player(self, name: str) -> None:
        """See actions.play.Telling. Who chose the player knows it."""
        if self._names and name != "none":
            note(f"Playing in {'the browser' if name == 'browser' else name}.")

    def left(self) -> str:
        """What is said when a person or the system stops it."""
        place = self._sitting.next if self._sitting is not None else 0.0
        return f"Play goes on from {clocked(place)}." if place else "Play begins at the beginning."

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
    return f"{clocked(sitting.position or 0.0)} of {clocked(sitting.duration)}{watched}"
