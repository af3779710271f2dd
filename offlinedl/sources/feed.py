"""A service's feed of titles, as JSON. Unknown members are ignored; a wrong one is named by its path."""

from __future__ import annotations

import json
from collections.abc import Sequence

from offlinedl.errors import DamagedError, NotFoundError, UnsupportedError
from offlinedl.model import Details, Drm, MediaSource, Series, Service, SideTrack, Title
from offlinedl.sources.node import Node, rights


def is_feed(document: object) -> bool:
    """Is it a feed at all?"""
    return isinstance(document, dict) and "offlinedl" in document


def titles(body: bytes, source: str, url: str) -> list[Title]:
    """Every title of the feed that came from `url`; ids get the prefix "source:"."""
    root = _root(body, source)
    service = _service(root, url)
    return [_title(node, source, url, service) for node in root.nodes("titles")]


def one(body: bytes, source: str, url: str, wanted: str) -> Title:
    """The title `wanted` ("source:id"). What is wrong with others does not matter. NotFoundError where it is not."""
    root = _root(body, source)
    for node in root.nodes("titles"):
        if node.value.get("id") == wanted.removeprefix(f"{source}:"):
            return _title(node, source, url, _service(root, url))
    raise NotFoundError(f"{wanted}: the feed has no such title", f"`offlinedl source list` shows where {source} is")


def _root(body: bytes, source: str) -> Node:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"source {source}: the feed is not JSON: {error}", "is the address right?") from error
    if not is_feed(document):
        raise UnsupportedError(f"source {source}: not a feed that offlinedl knows", "is it the address of a feed?")
    if document["offlinedl"] != 1 or document["offlinedl"] is True:
        raise UnsupportedError(f"source {source}: a feed of version {document['offlinedl']}", "use a newer offlinedl")
    return Node(document, "", "feed")


def _service(root: Node, url: str) -> Service:
    limits = root.node("limits")
    return Service(
        name=root.text("name") or "",
        downloads_per_device=limits.limit("downloads_per_device") if limits else None,
        downloads_per_month=limits.limit("downloads_per_month") if limits else None,
        devices=limits.limit("devices") if limits else None,
        entitlement_url=root.url("entitlement_url", url) if root.text("entitlement_url") else None,
    )


def _title(node: Node, source: str, url: str, service: Service) -> Title:
    series = node.node("series")
    return Title(
        id=f"{source}:{node.must('id')}",
        name=node.text("name") or node.must("id"),
        sources=_sources(node, url),
        series=_series(series, source) if series else None,
        season=node.whole("season"),
        episode=node.whole("episode"),
        details=Details(
            published=node.moment("published"),
            duration=float(node.seconds("duration") or 0),
            summary=node.text("summary") or "",
            poster=node.url("poster", url) if node.text("poster") else "",
        ),
        subtitles=tuple(
            SideTrack(url=s.url("url", url), language=s.text("language") or "", kind=s.text("kind") or "subtitles")
            for s in node.nodes("subtitles")
        ),
        rights=rights(node.node("rights")),
        service=service,
    )


def _series(node: Node, source: str) -> Series:
    return Series(id=f"{source}:{node.must('id')}", name=node.text("name") or node.must("id"))


def _sources(node: Node, url: str) -> tuple[MediaSource, ...]:
    found: Sequence[Node] = node.nodes("sources")
    if not found:
        raise node.wrong("sources", "missing")
    return tuple(
        MediaSource(url=s.url("url", url), type=s.text("type") or "", drm=tuple(_drm(d, url) for d in s.nodes("drm")))
        for s in found
    )


def _drm(node: Node, url: str) -> Drm:
    headers = node.node("headers")
    return Drm(
        system=node.must("system").lower(),
        license_url=node.url("license_url", url),
        headers=headers.headers() if headers else (),
        certificate_url=node.url("certificate_url", url) if node.value.get("certificate_url") is not None else None,
    )
