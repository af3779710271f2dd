"""Pieces of an MPD that lie at other addresses (xlink, 23009-1 section 5.5): named, then put in, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from offlinedl.errors import DamagedError, UnsupportedError, shown
from offlinedl.manifest import xml
from offlinedl.manifest.limits import Limits, seen_at
from offlinedl.manifest.urls import join

_LINKED = ("Period", "AdaptationSet", "SegmentList")
_NOTHING = "urn:mpeg:dash:resolve-to-zero:2013"
_MAX_LINKS = 100


def missing(root: xml.Element, url: str, pieces: Mapping[str, bytes]) -> tuple[str, ...]:
    """The addresses of pieces that `root` refers to, without those that are there."""
    links = dict.fromkeys(join(url, href) for parent in root.walk() for _, href in _references(parent))
    if len(links) > _MAX_LINKS:
        raise UnsupportedError(
            f"it keeps pieces at {len(links)} other addresses (xlink); the limit is {_MAX_LINKS}",
            "ask for the title's HLS address",
            code="too-large",
        )
    return tuple(link for link in links if link not in pieces)


def resolve(root: xml.Element, url: str, pieces: Mapping[str, bytes], limits: Limits, rows: frozenset[str]) -> None:
    """Puts `pieces` in the place of what refers to them (section 5.5.3), and takes away what stands for nothing."""
    for parent in list(root.walk()):
        parent.children = [c for c in parent.children if c.local("href") != _NOTHING]
        for child, href in list(_references(parent)):
            link = join(url, href)
            with seen_at(shown(link)):
                found = _piece(child, pieces[link], limits, rows)
            at = next(n for n, other in enumerate(parent.children) if other is child)
            parent.children[at : at + 1] = found


def _references(parent: xml.Element) -> Iterator[tuple[xml.Element, str]]:
    """The children that lie elsewhere, each with its reference."""
    for child in parent.children:
        href = child.local("href")
        if href and href != _NOTHING and child.name in _LINKED:
            yield child, href


def _piece(child: xml.Element, data: bytes, limits: Limits, rows: frozenset[str]) -> list[xml.Element]:
    """What stands for `child`: the elements of its name in `data`. What cannot be had leaves the child as it is."""
    if not data.strip():
        if not child.children and not child.rows:
            raise DamagedError(f"the {child.name} that the MPD keeps here (xlink) cannot be had", "try again later")
        return [_plain(child)]
    root = xml.parse(data, rows=rows, limits=limits)
    found = [root] if root.name == child.name else root.all(child.name)
    if not found:
        raise DamagedError(f"no {child.name} is here, where the MPD keeps one (xlink)", "tell its publisher")
    return [_plain(element) for element in found]


def _plain(element: xml.Element) -> xml.Element:
    """`element` without its link: what a piece refers to in turn is not followed."""
    kept = {name: value for name, value in element.attributes.items() if name.rpartition(":")[2] != "href"}
    return replace(element, attributes=kept)
