"""identify: which renditions of a title the files of another tool are, and that they are what its origin has.

The origin is asked for each init segment: a kilobyte that tells titles, rungs and tools that write files anew apart.
Where that does not settle it (the media are not protected, so that no key will, or several renditions would do), one
segment is asked for, too, the smallest of those that are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import field, replace
from pathlib import PurePosixPath
from urllib.parse import unquote

from offlinedl import matching
from offlinedl.actions import addresses
from offlinedl.actions.get import Order
from offlinedl.actions.prepare import Prepared, prepare
from offlinedl.aside import aside
from offlinedl.errors import DamagedError, NotFoundError, OfflinedlError, RefusedError
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.license.heads import Identity
from offlinedl.manifest import hls
from offlinedl.matching import Listing, Match
from offlinedl.media import mp4, pieces
from offlinedl.media.pieces import File, Span
from offlinedl.model import Kind, Title, Wanted
from offlinedl.store.foreign import Foreign
from offlinedl.streams import Rendition, Resource, Segment

_LOCAL = "http://local.invalid/"
_SAMPLE = 64 * 1024
"""Bytes of a sample, where ranges can be asked for."""
_LARGEST = 8 * 2**20
_PLAYLIST_BYTES = 4 * 2**20


@frozen
class Shelf:
    """What there is: files, and playlists among them."""

    foreign: Foreign
    files: tuple[File, ...]
    listings: tuple[Listing, ...]


def look(foreign: Foreign) -> Shelf:
    """Look at every file."""
    paths = foreign.paths()
    playlists = [path for path in paths if path.lower().endswith((".m3u8", ".m3u"))]
    files = tuple(pieces.read(path, foreign.data(path)) for path in paths if path not in playlists)
    found = (_listing(path, foreign, {file.path: file for file in files}) for path in playlists)
    return Shelf(foreign=foreign, files=files, listings=tuple(listing for listing in found if listing))


def _listing(path: str, foreign: Foreign, files: dict[str, File]) -> Listing | None:
    """A media playlist; None for any other."""
    data = bytes(foreign.data(path)[:_PLAYLIST_BYTES])
    with suppress(OfflinedlError):
        manifest = hls.parse(data, _LOCAL + path)
        rendition = manifest.renditions[0]
        if rendition.index is None:
            inits, media = ([_span(s.resource, files) for s in own] for own in (rendition.inits, rendition.segments))
            return Listing(path=path, inits=tuple(inits), media=tuple(media))
    return None


def _span(resource: Resource, files: dict[str, File]) -> Span | None:
    file = files.get(unquote(resource.url.removeprefix(_LOCAL).partition("?")[0]))
    if file is None:
        return None
    if resource.range is None:
        return file.whole
    return Span(file.path, resource.range.first, resource.range.size) if resource.range.last < file.size else None


@frozen
class Identified:
    """A source of the title, with the renditions that are taken of it, and where what lies of their fetches."""

    prepared: Prepared
    spans: dict[Identity, Span]

    @property
    def is_whole(self) -> bool:
        """Is every segment there?"""
        media = sum(not init for _, init, _ in self.spans)
        return media == sum(len(c.rendition.segments) for c in self.prepared.choices)


async def identify(title: Title, shelf: Shelf, order: Order, library: Library, licensing: Licensing) -> Identified:
    """The source of `title` of which most is there. NotFoundError where nothing is, DamagedError where what is there is
    not what the origin has."""
    found: list[Identified] = []
    failures: list[OfflinedlError] = []
    for source in title.sources:
        licensing.engine.http.trust(source.url, order.headers)
        one = replace(title, sources=(source,))
        work = _Identification(title=one, shelf=shelf, order=order, library=library, licensing=licensing)
        try:
            found.append(await work.run())
        except OfflinedlError as error:
            failures.append(error)
        if found and found[-1].is_whole:
            break
    if not found:
        raise next((error for error in failures if isinstance(error, DamagedError)), failures[0])
    return max(found, key=lambda one: len(one.spans))


@frozen
class _Identification:
    """Of a title with one source."""

    title: Title
    shelf: Shelf
    order: Order
    library: Library
    licensing: Licensing
    heard: dict[Resource, bytes] = field(default_factory=dict)

    async def run(self) -> Identified:
        order = self.order
        said = {Kind.VIDEO: order.quality, Kind.AUDIO: order.audio, Kind.SUBTITLES: order.subtitles}
        first = Wanted(quality=order.quality or "best", audio=order.audio or (), subtitles=order.subtitles or ())
        prepared = await self._prepared(first)
        asked = [c.rendition for c in prepared.choices if said[c.rendition.kind] is not None]
        offered = [r for r in await self._offered(prepared) if said[r.kind] is None or r in asked]
        taken = await self._taken(offered)
        there = [match.rendition for match in taken]
        chosen = [r for r in offered if r in asked or r in there]
        prepared = await self._prepared(_wanted(chosen, order))
        why = "what the other tool downloaded"
        prepared = replace(prepared, choices=tuple(replace(c, why=why) for c in prepared.choices))
        spans = {(m.rendition.id, init, number): span for m in taken for (init, number), span in m.found.items()}
        return Identified(prepared=prepared, spans=spans)

    async def _prepared(self, wanted: Wanted) -> Prepared:
        order, now = self.order, self.library.time()
        return await prepare(self.title, wanted, self.licensing, order.preferences, order.license, now=now)

    async def _offered(self, prepared: Prepared) -> list[Rendition]:
        """Everything that the manifest offers, the tallest first; what cannot be read is none of it."""
        found: list[Rendition] = []
        for rendition in sorted(prepared.offered, key=lambda r: -r.height):
            with suppress(OfflinedlError):
                found.append(await addresses.expanded(rendition, prepared.format, self.licensing.engine))
        return found

    async def _taken(self, offered: Sequence[Rendition]) -> list[Match]:
        """The matches that the origin bears out, one for each rendition, and one for all pictures."""
        every = await aside(lambda: list(matching.matches(offered, self.shelf.files, self.shelf.listings)))
        taken: list[Match] = []
        reasons: list[str] = []
        tall = self.title.rights.max_height
        for match in every:
            used = {span for other in taken for span in other.found.values()}
            if used & set(match.found.values()) or any(_excludes(other.rendition, match.rendition) for other in taken):
                continue
            if tall is not None and match.rendition.kind is Kind.VIDEO and match.rendition.height > tall:
                said = f"what is there is taller than the {tall} lines that the service allows for download"
                raise RefusedError(said, "`offlinedl get` takes another quality", code="download-not-allowed")
            reason = await self._differs(match, every)
            if reason is None:
                taken.append(match)
            else:
                reasons.append(reason)
        if not any(match.rendition.kind is not Kind.SUBTITLES for match in taken):
            raise self._nothing(offered, reasons)
        order = [rendition.id for rendition in offered]
        return sorted(taken, key=lambda match: order.index(match.rendition.id))

    async def _differs(self, match: Match, every: Sequence[Match]) -> str | None:
        """How what is there differs from what the origin has, as far as is asked; None where it does not."""
        protected, inits = _is_protected(match.rendition), dict[int, bytes]()
        for segment in match.rendition.inits:
            span = match.found.get((True, segment.number))
            if span is None:
                continue
            init, there = await self._origin(segment), self._there(span)
            if init != there:
                return _why(span, init, there)
            protected, inits[segment.number] = protected or _is_encrypted(init), init
        if match.sure and inits and protected and not await self._has_rivals(match, every, inits):
            return None  # the license is the proof of the rest
        number, span = min(match.media.items(), key=lambda item: item[1].size)
        segment = next(s for s in match.rendition.segments if s.number == number)
        if (first := segment.resource.range) is not None and span.size > _SAMPLE:
            cut = replace(first, last=first.first + _SAMPLE - 1)
            segment = replace(segment, resource=replace(segment.resource, range=cut))
            span = span._replace(size=_SAMPLE)
        elif segment.resource.size is not None and segment.resource.size > _LARGEST:
            return None  # it is as long to the byte, and its server gives no ranges
        origin, there = await self._origin(segment), self._there(span)
        return None if origin == there else _why(span, origin, there)

    async def _has_rivals(self, match: Match, every: Sequence[Match], inits: dict[int, bytes]) -> bool:
        """Could the same bytes as well be another rendition, by their places and by its init segments?"""
        spans = set(match.media.values())
        for other in every:
            if other.rendition.id != match.rendition.id and spans & set(other.media.values()):
                theirs = [await self._origin(segment) for segment in other.rendition.inits]
                if theirs == list(inits.values()) or not theirs:
                    return True
        return False

    async def _origin(self, segment: Segment) -> bytes:
        resource = segment.resource
        if resource not in self.heard:
            self.heard[resource] = (await self.licensing.engine.get(resource.url, resource.range)).body
        return self.heard[resource]

    def _there(self, span: Span) -> bytes:
        return self.shelf.foreign.part(*span)

    def _nothing(self, offered: Sequence[Rendition], reasons: Sequence[str]) -> OfflinedlError:
        """What is to be said where nothing is taken."""
        hint = (
            "have the other tool keep what it downloads as it came: segments, or init segment and segments in one file"
        )
        if reasons:
            return DamagedError(f"not what the service has: {reasons[0]}", hint, code="not-the-same")
        anew = next((f.path for f in self.shelf.files if f.remuxed or f.kind == "webm"), None)
        media = [r for r in offered if r.kind is not Kind.SUBTITLES]
        if anew is not None and all(len(r.segments) > 1 for r in media):
            said = f"{anew} was put together anew (remuxed): nothing in it is as the service has it, and proves nothing"
            return DamagedError(said, hint, code="not-the-same")
        return NotFoundError("nothing of what is there belongs to the title", hint)


def _wanted(chosen: Sequence[Rendition], order: Order) -> Wanted:
    """The choice that these renditions are, where the person did not say it."""
    height = max((r.height for r in chosen if r.kind is Kind.VIDEO), default=0)
    spoken = (r.language for r in chosen if r.kind is Kind.AUDIO and r.language)
    texts = tuple(dict.fromkeys(r.language for r in chosen if r.kind is Kind.SUBTITLES))
    return Wanted(
        quality=order.quality or (f"{height}p" if height >= 10 else order.defaults.quality),
        audio=tuple(dict.fromkeys(spoken)) if order.audio is None else order.audio,
        subtitles=order.subtitles or tuple(filter(None, texts)) or (() if texts else ("none",)),
        tracks=tuple(r.id for r in chosen),
    )


def _excludes(taken: Rendition, other: Rendition) -> bool:
    return taken.id == other.id or (taken.kind is Kind.VIDEO and other.kind is Kind.VIDEO)


def _is_protected(rendition: Rendition) -> bool:
    return bool(rendition.protections) or any(segment.keys for segment in rendition.segments)


def _is_encrypted(data: bytes) -> bool:
    """Do these boxes say that samples are encrypted?"""
    try:
        return mp4.is_mp4(data) and any(not p.system for p in mp4.protections(data))
    except DamagedError:
        return False


def _why(span: Span, origin: bytes, there: bytes) -> str:
    """What is the matter with bytes that are not the origin's."""
    kinds = [pieces.read("", data).kind for data in (origin, there)]
    if (_is_encrypted(origin) and not _is_encrypted(there)) or (not kinds[0] and kinds[1]):
        return f"{span.path} was decrypted; only what is encrypted as the service has it can be proven"
    name = PurePosixPath(span.path)
    return f"{name} is of another title or another quality, or was written anew by the tool"
