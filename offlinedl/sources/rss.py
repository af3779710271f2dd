"""Podcasts and other feeds of files: RSS 2.0 with Apple's, Yahoo's and the Podcasting 2.0 elements, and Atom.

What feeds are in practice is read, rather than what they should be: an item without media is no title, a date that is
none is left out. Each feed is one series.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from itertools import chain

from offlinedl.errors import printable
from offlinedl.manifest import xml
from offlinedl.model import Details, Series, SideTrack, Title
from offlinedl.signatures import unsigned
from offlinedl.sources import reading
from offlinedl.sources.manifest_url import name_of
from offlinedl.sources.naming import stable_id
from offlinedl.sources.reading import Fault, Find, Found, complete, read
from offlinedl.sources.rss_media import Item, media

__all__ = ["NAME", "complete", "finder", "look", "read", "recognises", "titles"]

NAME = "rss"

_ROOTS = {"rss", "feed", "RDF"}
_ITEMS = {"item", "entry"}
_SUMMARY = 2000
_LARGEST = 2**31


def recognises(body: bytes) -> bool:
    """Is it RSS or Atom?"""
    return xml.root_name(body) in _ROOTS


def titles(body: bytes, source: str, url: str) -> Iterator[Title]:
    """Every item that has media."""
    return reading.titles(look(body, source, url))


def finder(body: bytes, source: str, url: str) -> Find:
    """Finds titles by their ids."""
    return reading.finder(look(body, source, url))


def look(body: bytes, source: str, url: str) -> Iterator[Found]:
    """Every item."""
    for number, (element, channel) in enumerate(xml.each(body, _ITEMS)):
        yield _found(Item(element, url), channel, source, f"{element.name}[{number}]")


def _found(item: Item, channel: xml.Element, source: str, path: str) -> Found:
    faults = [Fault(path=f"{path}.{name}", what=what) for name, what in _wrong(item)]
    sources = media(item)
    if not sources:
        said = "no media that can be fetched over http or https"
        return Found(path=path, faults=(*faults, Fault(path=path, what=said)))
    given = item.text("guid", "id") or unsigned(sources[0].url)
    name = _words(item.text("title", "itunes:title")) or name_of(sources[0].url)
    series = _words(Item(channel, item.url).text("title")) or source
    title = Title(
        id=f"{source}:{stable_id(given)}",
        name=name,
        sources=sources,
        series=Series(id=f"{source}:{source}", name=series),
        season=_whole(item.text("itunes:season", "podcast:season")),
        episode=_whole(item.text("itunes:episode", "podcast:episode")),
        special=item.text("itunes:episodeType").lower() in {"trailer", "bonus"},
        details=_details(item),
        subtitles=_subtitles(item),
    )
    return Found(path=path, title=title, faults=tuple(faults))


def _wrong(item: Item) -> Iterator[tuple[str, str]]:
    if not item.text("guid", "id"):
        yield "guid", "missing: its id changes with its address"
    if not item.text("title", "itunes:title"):
        yield "title", "missing"
    said = item.text(*_DATES)
    if said and _moment(said) is None:
        yield "pubDate", "not a date (RFC 822)"
    for name, reads in (("season", _whole), ("episode", _whole), ("duration", _seconds)):
        text = item.text(f"itunes:{name}")
        if text and reads(text) is None:
            yield f"itunes:{name}", "not a number"
    if item.text("itunes:episodeType").lower() not in {"", "full", "trailer", "bonus"}:
        yield "itunes:episodeType", "none of full, trailer, bonus"
    for element in item.all("enclosure"):
        if item.address(element.get("url")) is None:
            yield "enclosure", "its url is not an http or https URL"


_DATES = ("pubDate", "published", "dc:date", "updated")


def _details(item: Item) -> Details:
    poster = next((e.get("href") or e.get("url") for e in item.all("itunes:image", "media:thumbnail")), None)
    return Details(
        published=_moment(item.text(*_DATES)),
        duration=_seconds(item.text("itunes:duration")) or 0.0,
        summary=_words(item.text("description", "itunes:summary", "summary", "media:description"))[:_SUMMARY],
        poster=item.address(poster) or "",
    )


def _subtitles(item: Item) -> tuple[SideTrack, ...]:
    """Transcripts that have times (Podcasting 2.0, podcast:transcript) and subtitles (Media RSS, media:subTitle)."""
    found = chain(
        ((e, e.get("url"), e.get("language")) for e in item.all("podcast:transcript")),
        ((e, e.get("href"), e.get("lang")) for e in item.all("media:subTitle")),
    )
    return tuple(
        SideTrack(url=address, language=printable(language or ""))
        for element, url, language in found
        if "vtt" in (element.get("type") or "").lower() and (address := item.address(url)) is not None
    )


def _words(markup: str) -> str:
    """Text without the tags and entities that descriptions have."""
    return printable(" ".join(unescape(re.sub(r"<[^<>]*>", " ", markup)).split()))


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) and int(text) < _LARGEST else None


def _seconds(text: str) -> float | None:
    """Seconds, or hours, minutes and seconds with colons between them."""
    if not re.fullmatch(r"(?:[0-9]{1,9}:){0,2}[0-9]{1,9}(?:\.[0-9]{1,9})?", text):
        return None
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def _moment(text: str) -> datetime | None:
    """RFC 822 with four digits for the year, else ISO 8601; UTC where no zone is said."""
    for reads in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = reads(text)
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
    return None
