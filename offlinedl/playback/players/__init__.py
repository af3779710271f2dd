"""Players: programs of the person's own that play what the server serves, and how each is told what, and when to stop.

None hears the address on its command line, which every user of the machine can read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from offlinedl.config import PLAYERS, program
from offlinedl.errors import UsageError
from offlinedl.playback.players.show import Player


def choose(name: str | None) -> tuple[str, str]:
    """The player `name`, or the first that is found, and its program; "browser" and "none" need none that is known
    beforehand. UsageError where it is not there."""
    if name in {"browser", "none"}:
        return name, ""
    if name is not None and name not in PLAYERS:
        raise UsageError(f"--player {name}: no such player", f"players are {', '.join([*PLAYERS, 'none'])}")
    for one in [name] if name else list(PLAYERS):
        if one == "browser":
            return one, ""
        path = program(PLAYERS[one])
        if path is not None and not refuses(one):
            return one, path
    if name and refuses(name):
        raise UsageError("VLC does not run as root", "be somebody else, or choose another --player")
    raise UsageError(f"--player {name}: not found", f"install {name}, or choose another: `offlinedl doctor` shows them")


_CANNOT = {"ffplay": {"--from", "--audio", "--subs"}, "browser": {"--audio"}, "none": {"--from", "--audio", "--subs"}}


def goes_on(name: str) -> bool:
    """Can the player begin elsewhere than at the beginning?"""
    return "--from" not in _CANNOT.get(name, ())


def check(name: str, options: Sequence[str]) -> None:
    """UsageError where the player cannot do what these options ask for."""
    for option in options:
        if option in _CANNOT.get(name, ()):
            able = [one for one in PLAYERS if option not in _CANNOT.get(one, ())]
            raise UsageError(
                f"{option}: not with {name if name != 'none' else 'clients of your own, which decide that themselves'}",
                f"leave it out, or take --player {' or '.join(able)}",
            )


def refuses(name: str) -> bool:
    """Is this a player that does not run for root, and are we that?"""
    return name == "vlc" and hasattr(os, "geteuid") and os.geteuid() == 0


def named(name: str) -> Player:
    """One that runs beside us."""
    from offlinedl.playback.players import ffplay, mpv, vlc

    return {"mpv": mpv, "vlc": vlc, "ffplay": ffplay}[name]
