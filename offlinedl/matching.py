"""Which files of a folder are which segments of a title: what a rendition asks for, and where it lies.

Nothing here knows what the origin has: a match is what names, sizes, times or numbers say. Who uses it compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import groupby, takewhile
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from offlinedl.frozen import frozen
from offlinedl.media.pieces import File, Span
from offlinedl.placing import groups, placed
from offlinedl.streams import Rendition, Resource, Segment

Key: TypeAlias = tuple[bool, int]
"""(init, number): a fetch of a rendition."""

_NUMBER = re.compile(r"\d+")
_PARTS = 4
"""So many parts of a path tell segments apart at most."""


@frozen
class Match:
    """Where what a rendition asks for lies. `sure` tells that its place was said by names, ranges or times, and does
    not only follow from an order that another rendition, or one with gaps, could have, too. `likeness` is how much of
    the paths agrees."""

    rendition: Rendition
    found: Mapping[Key, Span] = field(default_factory=dict)
    sure: bool = True
    likeness: int = 0

    @property
    def media(self) -> dict[int, Span]:
        """The segments, init segments apart, by their numbers."""
        return {number: span for (init, number), span in self.found.items() if not init}


@frozen
class Listing:
    """A local playlist: what it lists in its order, None for what is not there."""

    path: str
    inits: tuple[Span | None, ...]
    media: tuple[Span | None, ...]


def matches(
    renditions: Iterable[Rendition], files: Sequence[File], listings: Sequence[Listing] = ()
) -> Iterator[Match]:
    """Every way in which `files` may be segments of `renditions`, the best first."""
    found: list[Match] = []
    for rendition in renditions:
        found += _ranged(rendition, files)
        found += _named(rendition, files)
        found += _listed(rendition, listings)
        found += _timed(rendition, files)
        found += _numbered(rendition, files)
    kinds = {file.path: file.kind for file in files}
    fitting = [match for match in found if match.media and _has_kinds(match, kinds) and _has_sizes(match)]
    yield from sorted(fitting, key=lambda m: (-_share(m), not m.sure, -m.likeness))


def _share(match: Match) -> float:
    return len(match.media) / len(match.rendition.segments)


def _has_kinds(match: Match, kinds: Mapping[str, str]) -> bool:
    """Does no file show that it is of another kind? What is encrypted as a whole shows nothing."""
    own = "webm" if match.rendition.container == "mkv" else match.rendition.container
    return {kinds[span.path] for span in match.media.values()} <= {own, ""}


def _has_sizes(match: Match) -> bool:
    """Where a manifest says how many bytes a segment has, it has them."""
    wanted = {(init, s.number): s.resource for init, s in _all(match.rendition)}
    sizes = ((_size(wanted[key]), span.size) for key, span in match.found.items())
    return all(size is None or size == own for size, own in sizes)


def _size(resource: Resource) -> int | None:
    return resource.range.size if resource.range else resource.size


def _all(rendition: Rendition) -> Iterator[tuple[bool, Segment]]:
    yield from ((True, segment) for segment in rendition.inits)
    yield from ((False, segment) for segment in rendition.segments)


# one file that holds all of a rendition, byte for byte


def _ranged(rendition: Rendition, files: Sequence[File]) -> Iterator[Match]:
    """Where segments are ranges of a file, and boxes begin and end there where the ranges do. Of a file in which no
    boxes can be seen, its size must be that of all ranges."""
    ranges = {(init, s.number): s.resource.range for init, s in _all(rendition)}
    end = max((r.last + 1 for r in ranges.values() if r), default=0)
    if not end:
        yield from _alone(rendition, files)
    if not end or len({s.resource.url for _, s in _all(rendition)}) > 1:
        return
    name = _path(rendition.segments[0].resource.url)
    for file in files:
        there = {key: Span(file.path, r.first, r.size) for key, r in ranges.items() if r and r.last < file.size}
        edges = {edge for span in there.values() for edge in (span.first, span.end)}
        if file.size == end or (file.pieces and edges <= file.edges):
            yield Match(rendition=rendition, found=there, likeness=_likeness(name, file.path))


def _alone(rendition: Rendition, files: Sequence[File]) -> Iterator[Match]:
    """A file that is all of a rendition, and has the very size that its server said."""
    for segment in rendition.segments if not rendition.inits and len(rendition.segments) == 1 else ():
        found = (file for file in files if file.size == segment.resource.size)
        yield from (Match(rendition=rendition, found={(False, segment.number): file.whole}) for file in found)


# names


def _named(rendition: Rendition, files: Sequence[File]) -> Iterator[Match]:
    """Files that are called as their addresses are, by as many of the last parts of these as tell them apart."""
    wanted = {(init, s.number): _path(s.resource.url) for init, s in _all(rendition) if s.resource.range is None}
    for count in range(1, _PARTS + 1):
        names = {key: parts[-count:] for key, parts in wanted.items()}
        if len(set(names.values())) == len(names):
            break
    else:
        return
    paths: dict[tuple[str, ...], dict[tuple[str, ...], File]] = {}
    for file in files:
        parts = tuple(file.path.split("/"))
        paths.setdefault(parts[:-count], {})[parts[-count:]] = file
    first = next(iter(wanted.values()), ())
    for folder, own in paths.items():
        found = {key: own[name].whole for key, name in names.items() if name in own}
        yield Match(rendition=rendition, found=found, likeness=_likeness(first[:-count], "/".join(folder)) + count)


def _path(url: str) -> tuple[str, ...]:
    return tuple(part for part in unquote(urlsplit(url).path).split("/") if part)


def _likeness(parts: Sequence[str], path: str) -> int:
    """How many of the last parts are the same."""
    pairs = zip(reversed(parts), reversed(path.split("/")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


# a playlist beside the files


def _listed(rendition: Rendition, listings: Sequence[Listing]) -> Iterator[Match]:
    """One that lists as many segments as the rendition has: they are these, in their order."""
    for listing in listings:
        if len(listing.media) != len(rendition.segments):
            continue
        found = _in_order(rendition.segments, listing.media)
        if len(listing.inits) == len(rendition.inits):
            found |= _in_order(rendition.inits, listing.inits, init=True)
        yield Match(rendition=rendition, found=found, sure=False)


def _in_order(segments: Sequence[Segment], spans: Sequence[Span | None], *, init: bool = False) -> dict[Key, Span]:
    return {(init, s.number): span for s, span in zip(segments, spans, strict=True) if span is not None}


# fragments, by their times


def _timed(rendition: Rendition, files: Sequence[File]) -> Iterator[Match]:
    """The fragments of one file, or of files of one folder whose names differ in a number alone, or in all."""
    if rendition.container != "mp4":
        return
    for own in _sequences(files):
        inits = [init for file in own for init in file.inits] or _inits_beside(own[0], files)
        scales = {track: scale for file in files for track, scale in file.scales.items() if _has(file, inits)}
        pieces = [piece for file in own for piece in file.pieces]
        for track in sorted({piece.track for piece in pieces}):
            segments = list(groups([piece for piece in pieces if piece.track == track], own))
            places, sure = placed(rendition.segments, segments, scales.get(track, 0))
            found: dict[Key, Span] = {(False, rendition.segments[n].number): span for n, span in places.items()}
            if len(inits) == len(rendition.inits):
                found |= _in_order(rendition.inits, inits, init=True)
            yield Match(rendition=rendition, found=found, sure=sure)


def _sequences(files: Sequence[File]) -> Iterator[list[File]]:
    several = [file for file in files if len(file.pieces) > 1]
    yield from ([file] for file in several)
    rest = [file for file in files if file.kind == "mp4" and len(file.pieces) <= 1]
    rest.sort(key=lambda file: (_pattern(file.path), _natural(file.path)))
    sequences = (list(own) for _, own in groupby(rest, key=lambda file: _pattern(file.path)))
    yield from (own for own in sequences if any(file.pieces for file in own))


def _inits_beside(file: File, files: Sequence[File]) -> list[Span]:
    """The init segments that are files of their own in the same folder."""
    folder = _folder(file.path)
    return [init for f in files if not f.pieces and _folder(f.path) == folder for init in f.inits]


def _has(file: File, inits: Sequence[Span]) -> bool:
    return any(init.path == file.path for init in inits)


# files that are numbered


def _numbered(rendition: Rendition, files: Sequence[File]) -> Iterator[Match]:
    """Files of one folder whose names differ in a number alone, counted from 0 or 1: where there are as many as
    segments, or where it begins with 0, or the last is there."""
    if any(segment.resource.range for segment in rendition.segments):
        return
    series: dict[tuple[str, str], dict[int, File]] = {}
    for file in files:
        name = file.path.rpartition("/")[2]
        for number in list(_NUMBER.finditer(_stem(name)))[-2:]:
            pattern = f"{name[: number.start()]}*{name[number.end() :]}"
            series.setdefault((_folder(file.path), pattern), {})[int(number[0])] = file
    count = len(rendition.segments)
    for own in series.values():
        base = min(own) if len(own) == count else 0 if 0 in own else 1 if max(own) == count else None
        if base is None or max(own) - base >= count or any(file.pieces for file in own.values()):
            continue  # fragments have their times
        found: dict[Key, Span] = {(False, rendition.segments[n - base].number): f.whole for n, f in own.items()}
        inits = _inits_beside(next(iter(own.values())), files)
        if len(inits) == len(rendition.inits):
            found |= _in_order(rendition.inits, inits, init=True)
        yield Match(rendition=rendition, found=found, sure=False)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _pattern(path: str) -> str:
    """The path without the last number of the name; of a name without any, the folder and the extension."""
    folder, name = _folder(path), path.rpartition("/")[2]
    stem, extension = _stem(name), name.removeprefix(_stem(name))
    last = list(_NUMBER.finditer(stem))[-1:]
    return f"{folder}/{stem[: last[0].start()]}*{stem[last[0].end() :]}{extension}" if last else f"{folder}/{extension}"


def _stem(name: str) -> str:
    """A name without its extension, in which a number may be that counts nothing."""
    return re.sub(r"\.[A-Za-z0-9]{1,4}$", "", name)


def _natural(path: str) -> list[tuple[int, str]]:
    """A name in the order in which people count."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path) if part]
