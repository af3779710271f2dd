"""What a person wishes of a title, as a command line and the settings say it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from offlinedl.cli import wiring
from offlinedl.cli.each import headers

if TYPE_CHECKING:
    from offlinedl.choose import Preferences
    from offlinedl.config import Settings
    from offlinedl.model import Wanted
    from offlinedl.protection import LicenseServer

_WORDS = {"--audio": ("all",), "--subs": ("all", "none")}
"""What may be said instead of languages."""


def defaults(settings: Settings, preferences: Preferences) -> Wanted:
    """What is taken where neither the person nor an earlier choice says otherwise."""
    from offlinedl import languages
    from offlinedl.choose import spelled
    from offlinedl.model import Wanted

    with wiring.of_settings():
        return Wanted(
            quality=spelled(settings.quality, preferences.qualities),
            audio=languages.asked(settings.audio, "download.audio", _WORDS["--audio"]),
            subtitles=languages.asked(settings.subtitles, "download.subtitles", _WORDS["--subs"]),
        )


def preferences(settings: Settings, *, hdr: bool) -> Preferences:
    """What the settings and this machine prefer."""
    from offlinedl import choose, config

    own = {name: choose.Caps(**caps) for name, caps in settings.qualities.items()}
    codecs = tuple((codec,) for codec in settings.prefer_codecs) or (config.codecs_played(),)
    return choose.Preferences(qualities={**choose.QUALITIES, **own}, codecs=codecs, hdr=hdr)


def asked(option: str, text: str | None) -> tuple[str, ...] | None:
    """The languages that stand behind `option`."""
    from offlinedl import languages
    from offlinedl.errors import UsageError

    if text is None:
        return None
    found = languages.asked(text.split(","), option, _WORDS[option])
    if not found:
        raise UsageError(f"{option} {text}: no language", "name languages like en,fr, or leave it out")
    return found


def server(url: str | None, given: Sequence[str]) -> LicenseServer | None:
    """The license server that was named."""
    from offlinedl.errors import UsageError
    from offlinedl.protection import LicenseServer

    if url is None:
        if given:
            raise UsageError("--license-header without --license-url", "name the license server too")
        return None
    if not url.lower().startswith(("http://", "https://")):
        raise UsageError("--license-url: not an http or https URL", "write the whole address of the license server")
    return LicenseServer(system="clearkey", url=url, headers=headers("--license-header", given))
