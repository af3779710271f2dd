"""A service's feed of titles, as JSON. Unknown members are ignored; a wrong one is named by its path."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from typing import Any
from urllib.parse import urljoin

from offlinedl import expiry
from offlinedl.errors import DamagedError, NotFoundError, UnsupportedError, printable
from offlinedl.http import origin
from offlinedl.model import Drm, MediaSource, Rights, Series, SideTrack, Title

_LARGEST = 2**31
"""No season, episode or height comes near it."""


def is_feed(document: object) -> bool:
    """Is it a feed at all?"""
    return isinstance(document, dict) and "offlinedl" in document


def titles(body: bytes, source: str, url: str) -> list[Title]:
    """Every title of the feed that came from `url`; ids get the prefix "source:"."""
    return [_title(node, source, url) for node in _nodes(body, source)]


def one(body: bytes, source: str, url: str, wanted: str) -> Title:
    """The title `wanted` ("source:id"). What is wrong with others does not matter. NotFoundError where it is not."""
    for node in _nodes(body, source):
        if node.value.get("id") == wanted.removeprefix(f"{source}:"):
            return _title(node, source, url)
    raise NotFoundError(f"{wanted}: the feed has no such title", f"`offlinedl source list` shows where {source} is")


def _nodes(body: bytes, source: str) -> list[_Node]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"source {source}: the feed is not JSON: {error}", "is the address right?") from error
    if not is_feed(document):
        raise UnsupportedError(f"source {source}: not a feed that offlinedl knows", "is it the address of a feed?")
    if document["offlinedl"] != 1 or document["offlinedl"] is True:
        raise UnsupportedError(f"source {source}: a feed of version {document['offlinedl']}", "use a newer offlinedl")
    return _Node(document, "").nodes("titles")


@dataclass(frozen=True, slots=True)
class _Node:
    """An object of the feed and the path that leads to it."""

    value: Mapping[str, Any]
    path: str

    def nodes(self, name: str) -> list[_Node]:
        listed = self.value.get(name)
        if listed is None:
            return []
        if not isinstance(listed, list):
            raise self.wrong(name, "not a list")
        return [self._node(f"{self._at(name)}[{n}]", value) for n, value in enumerate(listed)]

    def node(self, name: str) -> _Node | None:
        value = self.value.get(name)
        return None if value is None else self._node(self._at(name), value)

    def _node(self, path: str, value: object) -> _Node:
        if not isinstance(value, dict):
            raise _Node({}, path).wrong("", "not an object")
        return _Node(value, path)

    def text(self, name: str) -> str | None:
        value = self.value.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or any("\ud800" <= c <= "\udfff" for c in value):
            raise self.wrong(name, "not a text")
        return printable(value)

    def must(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise self.wrong(name, "missing")
        return value

    def seconds(self, name: str) -> int | None:
        """A window: any number, also those that overflow elsewhere and mean that there is none."""
        value = self.value.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or isnan(value)):
            raise self.wrong(name, "not a number of seconds")
        return expiry.limit(value)

    def whole(self, name: str) -> int | None:
        value = self.value.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 or abs(value) > _LARGEST:
            raise self.wrong(name, "not a whole number")
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self.value.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "not true or false")
        return value

    def moment(self, name: str) -> datetime | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.wrong(name, "not a date (ISO 8601)") from None

    def url(self, name: str, base: str) -> str:
        try:
            value = urljoin(base, self.must(name))
            origin(value)
        except (ValueError, UnsupportedError):
            raise self.wrong(name, "not a URL") from None
        return value

    def headers(self) -> tuple[tuple[str, str], ...]:
        for name, value in self.value.items():
            if not isinstance(value, str):
                raise self.wrong(name, "not a text")
            if not value.isprintable() or not name.isprintable() or ":" in name:
                raise self.wrong(name, "not a header")
        return tuple(self.value.items())

    def wrong(self, name: str, what: str) -> DamagedError:
        return DamagedError(f"{self._at(name)}: {what}", "the feed is not valid: tell the service", code="feed-damaged")

    def _at(self, name: str) -> str:
        return ".".join(part for part in (self.path, name) if part)


def _title(node: _Node, source: str, url: str) -> Title:
    series = node.node("series")
    return Title(
        id=f"{source}:{node.must('id')}",
        name=node.text("name") or node.must("id"),
        sources=_sources(node, url),
        series=_series(series, source) if series else None,
        season=node.whole("season"),
        episode=node.whole("episode"),
        published=node.moment("published"),
        subtitles=tuple(
            SideTrack(url=s.url("url", url), language=s.text("language") or "", kind=s.text("kind") or "subtitles")
            for s in node.nodes("subtitles")
        ),
        rights=_rights(node.node("rights")),
    )


def _series(node: _Node, source: str) -> Series:
    return Series(id=f"{source}:{node.must('id')}", name=node.text("name") or node.must("id"))


def _sources(node: _Node, url: str) -> tuple[MediaSource, ...]:
    found: Sequence[_Node] = node.nodes("sources")
    if not found:
        raise node.wrong("sources", "missing")
    return tuple(
        MediaSource(url=s.url("url", url), type=s.text("type") or "", drm=tuple(_drm(d, url) for d in s.nodes("drm")))
        for s in found
    )


def _drm(node: _Node, url: str) -> Drm:
    headers = node.node("headers")
    return Drm(
        system=node.must("system").lower(),
        license_url=node.url("license_url", url),
        headers=headers.headers() if headers else (),
        certificate_url=node.url("certificate_url", url) if node.value.get("certificate_url") is not None else None,
    )


def _rights(node: _Node | None) -> Rights:
    if node is None:
        return Rights()
    return Rights(
        download=node.flag("download", True),
        reason=node.text("reason"),
        storage_seconds=node.seconds("storage_seconds"),
        playback_seconds=node.seconds("playback_seconds"),
        available_from=node.moment("available_from"),
        available_until=node.moment("available_until"),
        max_height=expiry.limit(node.whole("max_height")),
        export=node.flag("export", False),
    )
