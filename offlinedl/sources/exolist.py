"""The list of titles that Media3's demo player reads (`media.exolist.json`). Unknown members are ignored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.model import Drm, MediaSource, SideTrack, Title
from offlinedl.sources import reading
from offlinedl.sources.naming import plain, stable_id
from offlinedl.sources.node import Node
from offlinedl.sources.reading import Fault, Find, Found, complete, read

__all__ = ["NAME", "complete", "finder", "look", "read", "recognises", "titles"]

NAME = "exolist"

_SYSTEMS = {
    "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed": "widevine",
    "9a04f079-9840-4286-ab92-e65be0885f95": "playready",
    "e2719d58-a985-b3c9-781a-b030af78d30e": "clearkey",
    "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b": "clearkey",
}
_KNOWN = {"widevine", "playready", "clearkey"}
_TYPES = {
    "mpd": "application/dash+xml",
    "m3u8": "application/vnd.apple.mpegurl",
    "ism": "application/vnd.ms-sstr+xml",
    "mp4": "video/mp4",
}


def recognises(body: bytes) -> bool:
    """Is it a list of groups of samples?"""
    return body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[") and b'"samples"' in body


def titles(body: bytes, source: str, url: str) -> Iterator[Title]:
    """Every sample that is a title."""
    return reading.titles(look(body, source, url))


def finder(body: bytes, source: str, url: str) -> Find:
    """Finds titles by their ids."""
    return reading.finder(look(body, source, url))


def look(body: bytes, source: str, url: str) -> Iterator[Found]:
    """Every sample; of a playlist every item of it."""
    known = Counter[str]()
    for group in Node({"": _groups(body, source)}, "", NAME).each(""):
        try:
            listed = group()
            name, samples = listed.text("name") or "", listed.each("samples")
        except DamagedError as error:
            yield Found(path=Fault.of(error).path, faults=(Fault.of(error),))
            continue
        for sample in samples:
            yield from _sample(sample, name, source, url, known)


def _groups(body: bytes, source: str) -> list[Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"source {source}: the list is not JSON: {error}", "is the address right?") from error
    if not isinstance(document, list):
        raise UnsupportedError(f"source {source}: not a list of groups of samples", "is it the address of such a list?")
    return document


def _sample(make: Callable[[], Node], group: str, source: str, url: str, known: Counter[str]) -> Iterator[Found]:
    """A sample, or each item of one that is a playlist. Of several that are called alike each has a number."""
    try:
        sample = make()
        name, parts = sample.must("name"), sample.nodes("playlist")
    except DamagedError as error:
        yield Found(path=Fault.of(error).path, faults=(Fault.of(error),))
        return
    for number, part in enumerate(parts or [sample], 1):
        called = f"{name} ({number})" if parts else name
        given = ".".join(filter(None, (plain(group), plain(called)))) or stable_id(f"{group}/{called}")
        known[given] += 1
        told = given if known[given] == 1 else f"{given}-{known[given]}"
        try:
            title = _title(sample, part, f"{source}:{told}", called, url)
            yield Found(path=part.path, title=title, faults=tuple(_wrong(title, part.path)))
        except DamagedError as error:
            yield Found(path=part.path, faults=(Fault.of(error),))


def _title(sample: Node, part: Node, title_id: str, name: str, url: str) -> Title:
    kind = _TYPES.get((part.text("extension") or "").lower(), "")
    media = MediaSource(url=part.url("uri", url), type=kind, drm=_drm(sample, part, url))
    beside = part.text("subtitle_uri") and part.text("subtitle_mime_type") in {None, "text/vtt"}
    subtitles = (
        SideTrack(url=part.url("subtitle_uri", url), language=part.text("subtitle_language") or "") if beside else None
    )
    return Title(id=title_id, name=name, sources=(media,), subtitles=(subtitles,) if subtitles else ())


def _drm(sample: Node, part: Node, url: str) -> tuple[Drm, ...]:
    """Who licenses it: said of the item, else of the whole playlist. Without an address the manifest may say it."""
    of = part if part.value.get("drm_scheme") else sample
    scheme = (of.text("drm_scheme") or "").lower()
    where = next((name for name in ("drm_license_uri", "drm_license_url") if of.text(name)), None)
    if not scheme or where is None:
        return ()
    headers = of.node("drm_key_request_properties")
    return (
        Drm(
            system=_SYSTEMS.get(scheme, scheme),
            license_url=of.url(where, url),
            headers=headers.headers() if headers else (),
        ),
    )


def _wrong(title: Title, path: str) -> Iterator[Fault]:
    for drm in title.sources[0].drm:
        if drm.system not in _KNOWN:
            yield Fault(path=f"{path}.drm_scheme", what=f"none of {', '.join(sorted(_KNOWN))}")
