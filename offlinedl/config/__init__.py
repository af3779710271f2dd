"""Where things are (the platform's folders, or OFFLINEDL_HOME), what the person set, and the programs that are here."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from offlinedl.config.file import changed, settings
from offlinedl.config.settings import Settings
from offlinedl.frozen import frozen

__all__ = ["BROWSERS", "PLAYERS", "Folders", "Settings", "changed", "codecs_played", "folders", "program", "settings"]

BROWSERS = ("chromium", "google-chrome", "firefox")
PLAYERS: Mapping[str, tuple[str, ...]] = {
    "mpv": ("mpv",), "vlc": ("vlc", "cvlc"), "ffplay": ("ffplay",), "browser": BROWSERS,
}  # fmt: skip
"""What each player may be called. Of players and of names, the first that is there is taken."""


@frozen
class Folders:
    """The files of one library. Their names do not collide where a platform has one folder for all."""

    config: Path
    catalog: Path
    vault: Path
    titles: Path


def folders(home: Path | None) -> Folders:
    """Everything under `home` where one is given, else in the platform's own folders."""
    if home is not None:
        return Folders(
            config=home / "config.toml", catalog=home / "catalog.db", vault=home / "vault", titles=home / "titles"
        )
    import platformdirs

    config = platformdirs.user_config_path("offlinedl")
    data = platformdirs.user_data_path("offlinedl")
    return Folders(
        config=config / "config.toml", catalog=data / "catalog.db", vault=data / "vault", titles=data / "titles"
    )


def program(names: Sequence[str]) -> str | None:
    """The path of the first of these programs that this machine has."""
    return next(filter(None, map(shutil.which, names)), None)


def codecs_played() -> tuple[str, ...]:
    """The families of video codecs that the players found on this machine play; all that any does where none is found.

    mpv, VLC and ffplay bring FFmpeg and play all four; browsers on Linux play no HEVC.
    """
    if not any(map(shutil.which, ("mpv", "vlc", "cvlc", "ffplay"))) and any(map(shutil.which, BROWSERS)):
        return ("avc", "av1", "vp9")
    return ("avc", "hevc", "av1", "vp9")
