"""A service's feed of titles, as JSON. Unknown members are ignored; a wrong one is named by its path."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

from offlinedl import expiry
from offlinedl.errors import DamagedError, NotFoundError, UnsupportedError
from offlinedl.http import origin
from offlinedl.model import Drm, MediaSource, Rights, Series, SideTrack, Title


def is_feed(document: object) -> bool:
    """Is it a feed at all?"""
    return isinstance(document, dict) and "offlinedl" in document


def titles(body: bytes, source: str, url: str) -> list[Title]:
    """Every title of the feed that came from `url`; ids get the prefix "source:"."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise DamagedError(f"source {source}: the feed is not JSON: {error}", "is the address right?") from error
    if not is_feed(document):
        raise UnsupportedError(f"source {source}: not a feed that offlinedl knows", "see docs/feed.schema.json")
    if document["offlinedl"] != 1:
        raise UnsupportedError(f"source {source}: a feed of version {document['offlinedl']}", "use a newer offlinedl")
    feed = _Node(document, "")
    return [_title(node, source, url) for node in feed.nodes("titles")]


def one(body: bytes, source: str, url: str, wanted: str) -> Title:
    """The title `wanted` ("source:id"). NotFoundError where the feed does not have it."""
    for title in titles(body, source, url):
        if title.id == wanted:
            return title
    raise NotFoundError(f"{wanted}: the feed has no such title", f"`offlinedl source list` shows where {source} is")


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
            raise DamagedError(f"{path}: not an object", "the feed is not valid: tell the service")
        return _Node(value, path)

    def text(self, name: str) -> str | None:
        value = self.value.get(name)
        if value is not None and not isinstance(value, str):
            raise self.wrong(name, "not a text")
        return value

    def must(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise self.wrong(name, "missing")
        return value

    def whole(self, name: str) -> int | None:
        value = self.value.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value != int(value)):
            raise self.wrong(name, "not a whole number")
        return value if value is None else int(value)

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
        except ValueError:
            raise self.wrong(name, "not a date (ISO 8601)") from None
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)

    def url(self, name: str, base: str) -> str:
        value = urljoin(base, self.must(name))
        try:
            origin(value)
        except UnsupportedError:
            raise self.wrong(name, "not a URL") from None
        return value

    def wrong(self, name: str, what: str) -> DamagedError:
        return DamagedError(f"{self._at(name)}: {what}", "the feed is not valid: tell the service", code="feed-damaged")

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name


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
        headers=tuple((name, headers.must(name)) for name in headers.value) if headers else (),
    )


def _rights(node: _Node | None) -> Rights:
    if node is None:
        return Rights()
    return Rights(
        download=node.flag("download", True),
        reason=node.text("reason"),
        storage_seconds=expiry.limit(node.whole("storage_seconds")),
        playback_seconds=expiry.limit(node.whole("playback_seconds")),
        available_from=node.moment("available_from"),
        available_until=node.moment("available_until"),
        max_height=node.whole("max_height"),
        export=node.flag("export", False),
    )
