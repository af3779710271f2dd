"""Pages with videos, read by yt-dlp (the extra `offlinedl[sites]`). What is protected by DRM is never asked for.

A page, playlist or channel is listed without a look at its videos; each is looked at when it is wanted, for its
addresses are signed and age. yt-dlp waits where others must not, and so works in a thread.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from offlinedl.aside import aside
from offlinedl.engine import Engine
from offlinedl.errors import (
    NetworkError,
    NotFoundError,
    OfflinedlError,
    UnsupportedError,
    UsageError,
    cleared,
    printable,
    shown,
)
from offlinedl.http import Headers
from offlinedl.model import Details, MediaSource, Series, SideTrack, Title
from offlinedl.sources import reading
from offlinedl.sources.naming import stable_id
from offlinedl.sources.reading import Find, Found, Sent

NAME = "sites"

_ADAPTIVE = {"m3u8", "m3u8_native", "http_dash_segments", "ism"}
_TYPES = {
    "m3u8": "application/vnd.apple.mpegurl",
    "m3u8_native": "application/vnd.apple.mpegurl",
    "http_dash_segments": "application/dash+xml",
}
_FILES = {"http", "https"}
_MOST = 4
KEPT = ("id", "url", "webpage_url", "title", "duration", "timestamp", "description", "season_number", "episode_number")
"""Of a title in a list, what stays as it is from day to day."""
_SUMMARY = 2000
_MOST_LISTED = 50_000
_LAST = 253_402_300_799
"""The last second of the year 9999, which is the last that a date has."""
_UNSENT = {"accept-encoding"}  # what is asked for compressed is not what the media are

T = TypeVar("T")


def recognises(body: bytes) -> bool:
    """Is it a page?"""
    return b"<html" in body[:65536].lower() or body.lstrip()[:15].lower().startswith(b"<!doctype html")


async def read(url: str, engine: Engine, _headers: Headers = ()) -> Sent:
    """What yt-dlp lists of `url`, as JSON: of each title what stays as it is from day to day."""
    info = await _asked(url, engine, {"extract_flat": "in_playlist", "playlistend": _MOST_LISTED})
    entries = [_kept(entry, url) for entry in _flat(info)]
    return Sent(body=json.dumps({"title": info.get("title"), "entries": entries}).encode(), url=url)


def titles(body: bytes, source: str, url: str) -> Iterator[Title]:
    """Every title of the list."""
    return reading.titles(look(body, source, url))


def finder(body: bytes, source: str, url: str) -> Find:
    """Finds titles by their ids, with the addresses of their pages."""
    return reading.finder(look(body, source, url))


def look(body: bytes, source: str, url: str) -> Iterator[Found]:
    """Every title of the list."""
    listed = json.loads(body)
    several = len(listed["entries"]) > 1
    series = Series(id=f"{source}:{source}", name=printable(listed["title"] or source)) if several else None
    for number, entry in enumerate(listed["entries"]):
        yield Found(path=f"entries[{number}]", title=_title(entry, source, series))


async def complete(title: Title, engine: Engine) -> Title:
    """The title with the addresses of its media, in place of that of its page. UnsupportedError where it has none that
    can be fetched."""
    page = title.sources[0].url
    info = _that(title, await _asked(page, engine, {"noplaylist": True}))
    if info.get("is_live"):
        raise UnsupportedError(f"{title.id}: a live stream", "come back when the broadcast is over", code="live")
    sources = addresses(info)
    if not sources:
        raise UnsupportedError(
            f"{title.id}: {shown(page)} has neither a manifest nor a file with all of it that can be fetched",
            "what is protected, or in pieces that only its own player puts together, is not",
        )
    return replace(title, sources=sources, subtitles=tuple(_subtitles(info)))


def addresses(info: Mapping[str, Any]) -> tuple[MediaSource, ...]:
    """Where the media of a video are that are not protected, the best first: its manifests, else its files."""
    ways = info.get("formats") or [info]
    found = [way for way in ways if not way.get("has_drm") and str(way.get("url")).startswith(("http://", "https://"))]
    return (tuple(_manifests(found)) or tuple(_files(found)))[:_MOST]


def _title(entry: Mapping[str, Any], source: str, series: Series | None) -> Title:
    moment = _number(entry["timestamp"], _LAST)
    return Title(
        id=f"{source}:{stable_id(str(entry['id']))}",
        name=_name(entry),
        sources=(MediaSource(url=entry["url"]),),
        series=series,
        season=_whole(entry["season_number"]),
        episode=_whole(entry["episode_number"]),
        details=Details(
            published=None if moment is None else datetime.fromtimestamp(moment, UTC),
            duration=_number(entry["duration"], _LAST) or 0.0,
            summary=printable(str(entry["description"] or ""))[:_SUMMARY],
        ),
    )


def _number(value: Any, most: int) -> float | None:
    """A number, where it is one that can be: the readers of sites are many, and so are their mistakes."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_one and 0 <= value <= most else None


def _whole(value: Any) -> int | None:
    number = _number(value, 2**31)
    return None if number is None else int(number)


def _name(entry: Mapping[str, Any]) -> str:
    return printable(str(entry.get("title") or "")).strip() or printable(str(entry.get("id")))


def _that(title: Title, info: Mapping[str, Any]) -> Mapping[str, Any]:
    """The video that is the title: a page may have several."""
    videos = list(_flat(info))
    wanted = title.id.partition(":")[2]
    named = (one for one in videos if stable_id(str(one.get("id"))) == wanted)
    found = next(named, videos[0] if len(videos) == 1 else None)
    if found is None:
        raise NotFoundError(f"{title.id}: {shown(title.sources[0].url)} no longer has it", "look at the page")
    return found


def _flat(info: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The videos of a list; those of a channel are in lists of it."""
    if "entries" not in info:
        yield info
    for entry in info.get("entries") or ():
        if entry:
            yield from _flat(entry)


def _kept(entry: Mapping[str, Any], url: str) -> dict[str, Any]:
    kept = {name: entry.get(name) for name in KEPT}
    page = kept.pop("webpage_url")
    if "formats" in entry or not kept["url"]:  # it was looked at already: what it has is the address of its media
        kept["url"] = page or url
    return {**kept, "id": kept["id"] or kept["url"]}


def _manifests(found: Sequence[Mapping[str, Any]]) -> Iterator[MediaSource]:
    """Each once, the best first: what yt-dlp has at the end."""
    known = set()
    for one in reversed(found):
        protocol = str(one.get("protocol"))
        url = one.get("manifest_url") or one.get("url")
        if protocol in _ADAPTIVE and url and url not in known:
            known.add(url)
            yield MediaSource(url=url, type=_TYPES.get(protocol, ""), headers=_headers(one))


def _files(found: Sequence[Mapping[str, Any]]) -> Iterator[MediaSource]:
    """Files with pictures and sound; where there are no pictures at all, those with sound."""
    files = [f for f in reversed(found) if f.get("protocol") in _FILES and f.get("acodec") != "none"]
    silent = all(f.get("vcodec") == "none" for f in found)
    for one in files:
        if silent or one.get("vcodec") != "none":
            yield MediaSource(url=one["url"], headers=_headers(one))


def _headers(one: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((str(k), str(v)) for k, v in (one.get("http_headers") or {}).items() if k.lower() not in _UNSENT)


def _subtitles(info: Mapping[str, Any]) -> Iterator[SideTrack]:
    for language, ways in (info.get("subtitles") or {}).items():
        for way in ways:
            if way.get("ext") == "vtt" and str(way.get("url", "")).startswith(("http://", "https://")):
                yield SideTrack(url=way["url"], language=language)
                break


async def _asked(url: str, engine: Engine, options: Mapping[str, Any]) -> dict[str, Any]:
    """What yt-dlp tells of `url`."""
    return await aside(lambda: _told(url, {**_QUIET, "proxy": engine.http.proxy, **options}))


def _told(url: str, options: dict[str, Any]) -> dict[str, Any]:
    try:
        from yt_dlp import YoutubeDL
    except ImportError as error:
        raise UsageError("pages are read by yt-dlp, which is not here", "pip install 'offlinedl[sites]'") from error
    with YoutubeDL({key: value for key, value in options.items() if value is not None}) as tool:
        try:
            info: dict[str, Any] | None = tool.extract_info(url, download=False)
        except Exception as error:  # it reads a thousand sites, and any of its readers may fail in any way
            raise _translated(url, error) from error
    if info is None:
        raise UnsupportedError(f"{shown(url)}: yt-dlp found nothing there", "is it the address of a page with videos?")
    return info


class _Silence:
    """Takes what yt-dlp would print."""

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...


_QUIET: Mapping[str, Any] = {
    "quiet": True,
    "no_warnings": True,
    "noprogress": True,
    "logger": _Silence(),
    "cachedir": False,
    "color": {"stdout": "no_color", "stderr": "no_color"},
    "socket_timeout": 30,
    "allow_unplayable_formats": False,
    "skip_download": True,
}


def _translated(url: str, error: Exception) -> OfflinedlError:
    """What yt-dlp says, in the house's words."""
    from yt_dlp.networking.exceptions import RequestError

    said = printable(cleared(str(error))).removeprefix("ERROR: ").partition("; please report")[0]
    cause: BaseException | None = getattr(error, "exc_info", (None, None))[1]
    while cause is not None and not isinstance(cause, RequestError):
        cause = getattr(cause, "cause", None) or cause.__cause__
    message = f"{shown(url)}: {said or type(error).__name__}"
    status = getattr(cause, "status", None)
    if status in {404, 410}:
        return NotFoundError(message, "is the address right?")
    if isinstance(cause, RequestError):
        return NetworkError(message, "run it again later", status=status)
    return UnsupportedError(message, "is it the page of a video or a channel? A newer yt-dlp may know more")
