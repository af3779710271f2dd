"""A service's feed of titles, as JSON. Unknown members are ignored; a wrong one is named by its path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from offlinedl.errors import DamagedError, UnsupportedError, printable
from offlinedl.model import Details, Drm, MediaSource, Series, Service, SideTrack, Title
from offlinedl.sources import shape
from offlinedl.sources.node import Node, rights
from offlinedl.sources.reading import Find, Found, complete, missing, read
from offlinedl.sources.shape import Shape

__all__ = ["NAME", "complete", "finder", "look", "read", "recognises", "titles"]

NAME = "feed"


def recognises(body: bytes) -> bool:
    """Does `body` look like a feed of ours?"""
    return body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") and b'"offlinedl"' in body


def is_feed(document: object) -> bool:
    """Is it a feed at all?"""
    return isinstance(document, dict) and "offlinedl" in document


def titles(body: bytes, source: str, url: str) -> Iterator[Title]:
    """Every title of the feed that came from `url`; ids get the prefix "source:"."""
    root = _root(body, source)
    service = _service(root, url)
    return (_title(node(), source, url, service) for node in root.each("titles"))


def finder(body: bytes, source: str, url: str) -> Find:
    """Finds titles by their ids. What is wrong with others does not matter."""
    root = _root(body, source)
    named = (node for node in reversed(root.nodes("titles")) if isinstance(node.value.get("id"), str))
    nodes = {printable(node.value["id"]): node for node in named}

    def find(wanted: str) -> Title:
        node = nodes.get(printable(wanted.removeprefix(f"{source}:")))
        if node is None:
            raise missing(wanted)
        return _title(node, source, url, _service(root, url))

    return find


def look(body: bytes, source: str, url: str) -> Iterator[Found]:
    """Every title, each with all that is wrong with it."""
    root = _root(body, source)
    of_service = tuple(shape.faults(root, _SERVICE, url))
    yield Found(path="", faults=of_service)
    service = Service() if of_service else _service(root, url)
    for number, node in enumerate(root.each("titles")):
        wrong = tuple(shape.of(node, _TITLE, url))
        title = None if wrong else _title(node(), source, url, service)
        yield Found(path=f"titles[{number}]", title=title, faults=wrong)


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


_SYSTEMS = ("clearkey", "widevine", "playready", "fairplay")


def _system(node: Node, name: str, _url: str) -> None:
    if node.must(name).lower() not in _SYSTEMS:
        raise node.wrong(name, f"none of {', '.join(_SYSTEMS)}")


_DRM: Shape = {
    "system": _system,
    "license_url": shape.address,
    "headers": shape.headers,
    "certificate_url": lambda node, name, url: None if node.value.get(name) is None else node.url(name, url),
}
_RIGHTS: Shape = {
    "download": lambda node, name, _: node.flag(name, True),
    "reason": shape.text,
    "storage_seconds": shape.window,
    "playback_seconds": shape.window,
    "available_from": shape.moment,
    "available_until": shape.moment,
    "max_height": shape.limit,
    "export": lambda node, name, _: node.flag(name, False),
}
_TITLE: Shape = {
    "id": shape.must,
    "name": shape.text,
    "series": {"id": shape.must, "name": shape.text},
    "season": lambda node, name, _: node.whole(name),
    "episode": lambda node, name, _: node.whole(name),
    "published": shape.moment,
    "duration": lambda node, name, _: node.seconds(name),
    "summary": shape.text,
    "poster": shape.optional_address,
    "sources": ({"url": shape.address, "type": shape.text, "drm": [_DRM]},),
    "subtitles": [{"url": shape.address, "language": shape.text, "kind": shape.text}],
    "rights": _RIGHTS,
}
_SERVICE: Shape = {
    "name": shape.text,
    "limits": dict.fromkeys(("downloads_per_device", "downloads_per_month", "devices"), shape.limit),
    "entitlement_url": shape.optional_address,
}
