"""Pieces of an MPD that lie at other addresses (xlink, 23009-1 section 5.5): named, then put in, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from offlinedl.errors import DamagedError, shown
from offlinedl.manifest import xml
from offlinedl.manifest.limits import Limits, absurd, seen_at, too_large
from offlinedl.manifest.urls import join

_LINKED = ("Period", "AdaptationSet", "SegmentList")
_NOTHING = "urn:mpeg:dash:resolve-to-zero:2013"
_MAX_LINKS = 100


def missing(root: xml.Element, url: str, pieces: Mapping[str, bytes]) -> tuple[str, ...]:
    """The addresses of pieces that `root` refers to, without those that are there."""
    return tuple(dict.fromkeys(link for link in _links(root, url).values() if link not in pieces))


def _links(root: xml.Element, url: str) -> dict[str, str]:
    """Each reference, and the address that it stands for."""
    references = dict.fromkeys(href for element in root.walk() if (href := _reference(element)))
    if len(references) > _MAX_LINKS:
        raise absurd(f"it keeps pieces at {len(references)} other addresses (xlink)", _MAX_LINKS)
    return {href: join(url, href) for href in references}


def resolve(root: xml.Element, url: str, pieces: Mapping[str, bytes], limits: Limits, rows: xml.Rows) -> None:
    """Puts `pieces` in the place of what refers to them (section 5.5.3), and takes away what stands for nothing."""
    read, links = _Pieces(pieces, limits, rows), _links(root, url)
    for parent in list(root.walk()):
        if parent.children:
            parent.children = list(_resolved(parent, links, read))


def _resolved(parent: xml.Element, links: Mapping[str, str], read: _Pieces) -> Iterator[xml.Element]:
    for child in parent.children:
        reference = _reference(child)
        if reference:
            yield from read.instead(child, links[reference])
        elif child.local("href") != _NOTHING:
            yield child


def _reference(element: xml.Element) -> str | None:
    """Where the element lies, if it lies elsewhere."""
    href = element.local("href") if element.name in _LINKED else None
    return None if href == _NOTHING else href


class _Pieces:
    """The pieces: each is parsed once, and its elements stand in every place that refers to it."""

    def __init__(self, pieces: Mapping[str, bytes], limits: Limits, rows: xml.Rows) -> None:
        self._data, self._limits, self._rows = pieces, limits, rows
        self._roots: dict[str, xml.Element] = {}
        self._found: dict[tuple[str, str], list[xml.Element]] = {}
        self._objects = 0

    def instead(self, child: xml.Element, link: str) -> list[xml.Element]:
        """What stands for `child`: the elements of its name at `link`. What cannot be had leaves the child as it is."""
        with seen_at(shown(link)):
            if not self._data[link].strip():
                if not child.children and not child.cells:
                    what = f"the {child.name} that the MPD keeps here (xlink) cannot be had"
                    raise DamagedError(what, "try again later")
                return [_plain(child)]
            key = link, child.name
            if key not in self._found:
                self._found[key] = self._read(link, child.name)
            self._count(self._found[key])
            return self._found[key]

    def _read(self, link: str, name: str) -> list[xml.Element]:
        if link not in self._roots:
            self._roots[link] = xml.parse(self._data[link], rows=self._rows, limits=self._limits)
            self._count([self._roots[link]])
        root = self._roots[link]
        found = [root] if root.name == name else root.all(name)
        if not found:
            raise DamagedError(f"no {name} is here, where the MPD keeps one (xlink)", "tell its publisher")
        return [_plain(element) for element in found]

    def _count(self, elements: list[xml.Element]) -> None:
        """What is put in several times counts as often: it is read as often."""
        self._objects += sum(1 + len(e.attributes) for element in elements for e in element.walk())
        if self._objects > self._limits.objects:
            raise too_large("its pieces have more XML elements and attributes than are read", self._limits.objects)


def _plain(element: xml.Element) -> xml.Element:
    """`element` without its link: what a piece refers to in turn is not followed."""
    kept = {name: value for name, value in element.attributes.items() if name.rpartition(":")[2] != "href"}
    return replace(element, attributes=kept)
