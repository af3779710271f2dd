"""prepare: from a title to its plan. Manifests are read and renditions chosen; no media, no license is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from offlinedl import choose, plan
from offlinedl.choose import Caps, Choice
from offlinedl.engine import Engine
from offlinedl.errors import OfflinedlError, RefusedError, UnsupportedError
from offlinedl.license import server_for
from offlinedl.manifest import Format, detect
from offlinedl.model import Kind, MediaSource, Title, Wanted
from offlinedl.streams import Key, LicenseServer, Manifest, Plan, Protection, Rendition, Resource, Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """One source of the title, read. `refusal` says why it cannot be licensed here."""

    source: MediaSource
    manifest: Manifest
    choices: tuple[Choice, ...]
    server: LicenseServer | None
    refusal: OfflinedlError | None
    fits: bool

    def rank(self) -> tuple[bool, bool, int]:
        """Licensable first, then within the wanted quality, then the tallest."""
        return (self.refusal is None, self.fits, max((c.rendition.height for c in self.choices), default=0))


async def prepare(
    title: Title, wanted: Wanted, engine: Engine, qualities: Mapping[str, Caps], server: LicenseServer | None = None
) -> Plan:
    """The plan of the most suitable source of `title`. `server` is the license server that the person named, if any."""
    choose.caps(wanted.quality, qualities)
    found: list[_Candidate] = []
    failures: list[OfflinedlError] = []
    for source in title.sources:
        try:
            found.append(await _read(title, source, wanted, engine, qualities))
        except OfflinedlError as error:
            failures.append(error)
    if not found:
        raise failures[0]
    best = max(found, key=_Candidate.rank)
    if best.refusal is not None and server is None:
        raise best.refusal
    return _plan(best, wanted, server)


async def _read(
    title: Title, source: MediaSource, wanted: Wanted, engine: Engine, qualities: Mapping[str, Caps]
) -> _Candidate:
    answer = await engine.get(source.url)
    format = detect(answer.body, answer.url)
    manifest = _with_side_tracks(format.parse(answer.body, answer.url), title)
    chosen = choose.choose(manifest, wanted, qualities, title.rights.max_height)
    expanded = await asyncio.gather(*(_expanded(c.rendition, format, engine) for c in chosen))
    choices = tuple(replace(c, rendition=r) for c, r in zip(chosen, expanded, strict=True))
    server, refusal = _server(source, manifest, choices)
    caps = choose.caps(wanted.quality, qualities)
    return _Candidate(
        source=source,
        manifest=manifest,
        choices=choices,
        server=server,
        refusal=refusal,
        fits=all(caps.admits(c.rendition) for c in choices if c.rendition.kind is Kind.VIDEO),
    )


async def _expanded(rendition: Rendition, format: Format, engine: Engine) -> Rendition:
    """`rendition` with its segments: its media playlist or index is read, and what that refers to."""
    while rendition.index is not None:
        answer = await engine.get(rendition.index.url, rendition.index.range)
        rendition = format.expand(rendition, answer.body, answer.url)
    if not rendition.segments:
        raise UnsupportedError(f"{rendition.id}: the manifest names no segments", "is the title complete?")
    return rendition


def _server(
    source: MediaSource, manifest: Manifest, choices: tuple[Choice, ...]
) -> tuple[LicenseServer | None, OfflinedlError | None]:
    """Who licenses the chosen renditions, or why nobody does. A source that names a server is asked, even where the
    manifest looks clear: protection may be only in the init segments."""
    protections = [*_protections(choices), *manifest.protections]
    keys = _keys(choices)
    clearkey = [drm for drm in source.drm if drm.system == "clearkey"]
    if not (_protections(choices) or keys or clearkey):
        return None, None
    try:
        return server_for(source.drm, protections, keys), None
    except (RefusedError, UnsupportedError) as error:
        return None, error


def _plan(best: _Candidate, wanted: Wanted, server: LicenseServer | None) -> Plan:
    kids = dict.fromkeys(kid for p in _protections(best.choices) if not p.system for kid in p.kids)
    return plan.build(best.manifest.url, wanted, best.choices, tuple(kids), server or best.server)


def _protections(choices: tuple[Choice, ...]) -> list[Protection]:
    return [p for c in choices for p in c.rendition.protections]


def _keys(choices: tuple[Choice, ...]) -> list[Key]:
    return [k for c in choices for s in (*c.rendition.inits, *c.rendition.segments) for k in s.keys]


def _with_side_tracks(manifest: Manifest, title: Title) -> Manifest:
    """The manifest with the subtitle files that the feed names beside it."""
    beside = tuple(
        Rendition(
            id=f"side-{number}",
            kind=Kind.SUBTITLES,
            container="vtt",
            language=track.language,
            roles=(track.kind,),
            segments=(Segment(number=0, resource=Resource(url=track.url), duration=manifest.duration),),
        )
        for number, track in enumerate(title.subtitles)
    )
    return replace(manifest, renditions=manifest.renditions + beside)
