"""What is chosen of a title, from the settings and from the words of a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offlinedl.cli import wiring

if TYPE_CHECKING:
    from offlinedl.choose import Preferences
    from offlinedl.config import Settings
    from offlinedl.model import Wanted

_WORDS = {"--audio": ("all",), "--subs": ("all", "none")}
"""What may be said instead of languages."""


def defaults(settings: Settings, preferences: Preferences) -> Wanted:
    """What is chosen where nothing else is said."""
    from offlinedl import languages as spoken
    from offlinedl.choose import spelled
    from offlinedl.model import Wanted

    with wiring.of_settings():
        return Wanted(
            quality=spelled(settings.quality, preferences.qualities),
            audio=spoken.asked(settings.audio, "download.audio", _WORDS["--audio"]),
            subtitles=spoken.asked(settings.subtitles, "download.subtitles", _WORDS["--subs"]),
        )


def preferences(settings: Settings, *, hdr: bool = False) -> Preferences:
    """What the settings and the players of this machine prefer."""
    from offlinedl import choose, config

    own = {name: choose.Caps(**caps) for name, caps in settings.qualities.items()}
    codecs = tuple((codec,) for codec in settings.prefer_codecs) or (config.codecs_played(),)
    return choose.Preferences(qualities={**choose.QUALITIES, **own}, codecs=codecs, hdr=hdr)


def languages(option: str, text: str | None) -> tuple[str, ...] | None:
    """The languages that `option` names. UsageError where one is none."""
    from offlinedl import languages as spoken
    from offlinedl.errors import UsageError

    if text is None:
        return None
    found = spoken.asked(text.split(","), option, _WORDS[option])
    if not found:
        raise UsageError(f"{option} {text}: no language", "name languages like en,fr, or leave it out")
    return found
