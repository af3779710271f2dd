"""What an application asks for, and how it becomes an order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime

from offlinedl import languages
from offlinedl.actions.get import Order
from offlinedl.api.home import LANGUAGES, Home
from offlinedl.choose import spelled
from offlinedl.errors import UsageError
from offlinedl.frozen import frozen
from offlinedl.protection import LicenseServer

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
"""Names and values; pairs where a name comes more than once."""

Languages = Iterable[str] | None
"""BCP 47, as in ("en", "pt-BR"); also ("all",), for subtitles ("none",). None is what was chosen before, else what the
settings say, else the title's own main one."""


@frozen
class Access:
    """How the servers of a title are asked. `headers` go to the origin of its manifests, and nowhere else;
    `license_url` is asked for the license with `license_headers`, whomever the title names."""

    headers: Headers = field(default=(), repr=False)
    license_url: str | None = field(default=None, repr=False)
    license_headers: Headers = field(default=(), repr=False)


@frozen
class Request:
    """A title by its `ref`, and what is wanted of it; None leaves that to what was chosen before, else to the settings.

    `quality` is a name ("standard"), a height ("720p"), a rate in bits per second ("2.5M") or the last two together;
    with `hdr` a high dynamic range is taken where there is one. A title that is to be kept (`keep`) never goes to make
    room; after `until` it may go first. Of several that wait, the highest `priority` goes first. Where another process
    is at the title, who `joins` waits for it, and watches; others are refused (BusyError).
    """

    ref: str
    quality: str | None = None
    audio: tuple[str, ...] | None = None
    subtitles: tuple[str, ...] | None = None
    access: Access = Access()
    hdr: bool = False
    keep: bool | None = None
    priority: int | None = None
    until: datetime | None = None
    joins: bool = False


def order(request: Request, home: Home) -> Order:
    """The order that `request` is in that home. UsageError where it means nothing."""
    preferences = home.preferences(hdr=request.hdr)
    return Order(
        ref=request.ref,
        quality=None if request.quality is None else spelled(request.quality, preferences.qualities),
        audio=_languages("audio", request.audio),
        subtitles=_languages("subtitles", request.subtitles),
        license=_server(request.access),
        headers=_pairs(request.access.headers),
        defaults=home.wanted(preferences),
        preferences=preferences,
        keep=request.keep,
        priority=request.priority,
        until=request.until,
    )


def listed(given: Languages) -> tuple[str, ...] | None:
    """The languages that are `given`; a text is one list of them ("en,fr"), and no languages of one letter each."""
    return None if given is None else tuple(given.split(",") if isinstance(given, str) else given)


def _languages(option: str, given: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    found = languages.asked(given, option, LANGUAGES[option])
    if not found:
        raise UsageError(f"{option}: no language", "name languages like en and fr, or leave it out")
    return found


def _pairs(headers: Headers) -> tuple[tuple[str, str], ...]:
    return tuple(headers.items() if isinstance(headers, Mapping) else headers)


def _server(access: Access) -> LicenseServer | None:
    if access.license_url is None:
        return None
    if not access.license_url.lower().startswith(("http://", "https://")):
        raise UsageError("license_url: not an http or https URL", "give the whole address of the license server")
    headers = _pairs(access.license_headers)
    return LicenseServer(system="clearkey", url=access.license_url, headers=headers)
