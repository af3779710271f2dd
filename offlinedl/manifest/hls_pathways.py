"""Redundant streams and pathways: the same stream at several addresses (RFC 8216 section 6.2.4, rfc8216bis 4.4.6.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from offlinedl.manifest.urls import folder

Attributes = Mapping[str, str]

DEFAULT = "."
"""The pathway of what names none (rfc8216bis section 4.4.6.2)."""

_GROUPS = ("AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS")
_ADDRESS = frozenset({"PATHWAY-ID", "URI"})


@dataclass(slots=True)
class Stream:
    """The attributes of a tag, and every address of what it stands for with the pathways that lead there. The first one
    is asked first: that of the tag itself, unless it is steered elsewhere."""

    attributes: Attributes
    urls: dict[str, frozenset[str]]

    def add(self, url: str, pathways: Iterable[str]) -> None:
        """What it stands for is also at `url`."""
        self.urls[url] = self.urls.get(url, frozenset()).union(pathways)


@dataclass(slots=True)
class Pathways:
    """Puts together what is the same on several hosts or pathways.

    The streams of one host are never the same: its second variant with equal attributes is another variant, or the
    counterpart of the second one elsewhere.
    """

    variants: list[Stream] = field(default_factory=list)
    _alike: dict[object, list[Stream]] = field(default_factory=dict)
    _counts: dict[object, int] = field(default_factory=dict)
    _stands_for: dict[tuple[str, str], str] = field(default_factory=dict)
    _of_groups: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def variant(self, attributes: Attributes, url: str) -> None:
        """Takes an EXT-X-STREAM-INF. Pathways may name groups of their own; other redundant streams share theirs."""
        pathway = attributes.get("PATHWAY-ID")
        own = _ADDRESS.union(_GROUPS) if pathway else _ADDRESS
        place, alike = pathway or urlsplit(url).netloc, frozenset(i for i in attributes.items() if i[0] not in own)
        streams = self._alike.setdefault(alike, [])
        number = self._counts.get((alike, place), 0)
        self._counts[alike, place] = number + 1
        for kind in _GROUPS:
            self._of_groups.setdefault((kind, attributes.get(kind, "")), set()).add(pathway or DEFAULT)
        if number < len(streams):
            self._join(streams[number], attributes, url)
        else:
            streams.append(Stream(attributes, {url: frozenset({pathway or DEFAULT})}))
            self.variants.append(streams[-1])

    def _join(self, stream: Stream, attributes: Attributes, url: str) -> None:
        stream.add(url, {attributes.get("PATHWAY-ID") or DEFAULT})
        for kind in _GROUPS:
            here, there = attributes.get(kind), stream.attributes.get(kind)
            if here and there and here != there:
                self._stands_for.setdefault((kind, here), there)

    def media(self, streams: Iterable[Stream]) -> list[Stream]:
        """EXT-X-MEDIA with those of other pathways joined to what they stand for. They are on the pathways of the
        variants that name their groups."""
        named = {(kind, s.attributes.get(kind)) for s in self.variants for kind in _GROUPS}
        kept: list[Stream] = []
        others: list[tuple[str, Stream]] = []
        for stream in streams:
            group = (stream.attributes.get("TYPE", ""), stream.attributes.get("GROUP-ID", ""))
            for url in stream.urls:
                stream.add(url, self._of_groups.get(group, ()))
            if group in self._stands_for and group not in named:
                others.append((self._stands_for[group], stream))
            else:
                kept.append(stream)
        found = {_same(s, s.attributes.get("GROUP-ID", "")): s for s in reversed(kept)} if others else {}
        for group_id, stream in others:
            original = found.get(_same(stream, group_id))
            if original is None:
                kept.append(stream)
            else:
                for url, pathways in stream.urls.items():
                    original.add(url, pathways)
        return kept


def _same(stream: Stream, group: str) -> object:
    own = {*_ADDRESS, "GROUP-ID"}
    return group, frozenset(item for item in stream.attributes.items() if item[0] not in own)


def bases(urls: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The addresses of a media playlist as the one group of `Rendition.bases`; none where there is one only."""
    group = tuple(dict.fromkeys(urls))
    return (group,) if len(group) > 1 else ()


def below(playlists: tuple[tuple[str, ...], ...], url: str) -> tuple[tuple[str, ...], ...]:
    """The same for the segments of the media playlist that came from `url`: they lie beside it wherever it is."""
    return bases(folder(address) for address in (url, *playlists[0])) if playlists else ()
