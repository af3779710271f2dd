"""What a person wishes of a title, as a command line says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.api.home import LANGUAGES
from offlinedl.cli.each import headers

if TYPE_CHECKING:
    from offlinedl.api.requests import Access
    from offlinedl.protection import LicenseServer

Quality = Annotated[
    str | None, typer.Option("--quality", "-q", metavar="Q", help="data-saver, standard, high, best, 720p, or 2.5M.")
]
Audio = Annotated[str | None, typer.Option(metavar="LANGS", help="Languages, like en,fr; or all.")]
Subs = Annotated[str | None, typer.Option(metavar="LANGS", help="Languages, like en,fr; or all, or none.")]
Priority = Annotated[
    int | None, typer.Option(min=-100, max=100, metavar="N", help="The highest first, where several wait.")
]
Until = Annotated[
    str | None, typer.Option(metavar="DATE", help="After it, the title may go first to make room (2026-12-24).")
]
LicenseUrl = Annotated[str | None, typer.Option(metavar="URL", help="The license server.")]
LicenseHeader = Annotated[list[str] | None, typer.Option(metavar="NAME:VALUE", help="Sent to the license server.")]

_WORDS = {"--audio": LANGUAGES["audio"], "--subs": LANGUAGES["subtitles"]}
"""What may be said instead of languages."""


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


def access(header: Sequence[str], url: str | None, license_header: Sequence[str]) -> Access:
    """How the servers of the titles are asked."""
    from offlinedl.api.requests import Access

    named = server(url, license_header)
    return Access(
        headers=headers("--header", header),
        license_url=url,
        license_headers=named.headers if named else (),
    )


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
