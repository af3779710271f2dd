"""What the words of a command line choose of a title."""

from __future__ import annotations

from offlinedl.api.home import LANGUAGES

_WORDS = {"--audio": LANGUAGES["audio"], "--subs": LANGUAGES["subtitles"]}
"""What may be said instead of languages."""


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
