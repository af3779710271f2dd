"""prepare: from a title to its plan. Manifests are read and renditions chosen; no media, no license is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from offlinedl import choose, license, plan
from offlinedl.actions import addresses
from offlinedl.choose import Caps, Choice, Preferences
from offlinedl.engine import Engine
from offlinedl.engine.ranges import size_in_ranges
from offlinedl.errors import NetworkError, NotFoundError, OfflinedlError, RefusedError, UnsupportedError, shown
from offlinedl.frozen import frozen
from offlinedl.http import Answer
from offlinedl.license import IN_THE_OPEN, Licensing
from offlinedl.manifest import Format, detect
from offlinedl.model import Kind, MediaSource, Title, Wanted
from offlinedl.protection import Key, LicenseServer, Protection
from offlinedl.streams import Manifest, Plan, Rendition, Resource, Segment

_SAMPLES = {
    "SAMPLE-AES": ("mp4", "ts", "aac", "ac3", "ec3"),
    "SAMPLE-AES-CTR": ("mp4",),
    "SAMPLE-AES-CENC": ("mp4",),  # as it was called before
}
"""The containers in which the methods of HLS that encrypt samples can be undone."""
_FILE = "progressive"
"""The format of files that are titles themselves."""


@frozen
class Prepared:
    """One source of a title, read, and what is chosen of it. `refusal` says why it cannot be licensed here, `is_named`
    that it was a person who named the license server: that one hears nothing of what the service said."""

    title: Title
    source: MediaSource
    format: Format
    manifest: Manifest
    wanted: Wanted
    caps: Caps
    choices: tuple[Choice, ...]
    server: LicenseServer | None
    refusal: OfflinedlError | None
    is_named: bool = False

    def rank(self) -> tuple[bool, bool, int]:
        """Licensable first, then within the wanted quality, then the tallest."""
        video = [c.rendition for c in self.choices if c.rendition.kind is Kind.VIDEO]
        return (self.refusal is None, all(map(self.caps.admits, video)), max((r.height for r in video), default=0))

    @property
    def kids(self) -> tuple[bytes, ...]:
        """The KIDs that the manifest names for what is chosen. Those of other rungs are not asked for."""
        found = (kid for p in _protections(self.choices) if not p.system for kid in p.kids)
        return tuple(dict.fromkeys(found))

    @property
    def offered(self) -> tuple[Rendition, ...]:
        """What the manifest offers; the chosen ones with their segments."""
        known = {c.rendition.id: c.rendition for c in self.choices}
        return tuple(known.get(r.id, r) for r in self.manifest.renditions)

    @property
    def systems(self) -> list[str]:
        """The DRM systems that can license what is chosen, whether there is an adapter here or not."""
        protections = [*_protections(self.choices), *self.manifest.protections]
        return license.systems(self.source.drm, protections, _keys(self.choices))

    @property
    def duration(self) -> Fraction:
        """Seconds: what the manifest says, else the longest of what is chosen."""
        return self.manifest.duration or max(c.rendition.duration for c in self.choices)

    def licensed_by(self, server: LicenseServer) -> Prepared:
        """The same, with `server` to be asked for the license, whoever the manifest names."""
        own = self.server
        if own is not None and own.system not in IN_THE_OPEN and "clearkey" not in self.systems:
            server = replace(own, url=server.url, headers=server.headers)
        return replace(self, server=server, refusal=_unproven(self.choices, self.format), is_named=True)

    def plan(self) -> Plan:
        """What is to be fetched. Raises `refusal` where nobody licenses it."""
        if self.refusal is not None:
            raise self.refusal
        return plan.build(self.source.url, self.wanted, self.choices, self.kids, self.server)


async def prepare(
    title: Title,
    wanted: Wanted,
    licensing: Licensing,
    preferences: Preferences,
    server: LicenseServer | None = None,
    *,
    now: datetime,
) -> Prepared:
    """The most suitable source of `title`. `server` is the license server that the person named, if any."""
    choose.caps(wanted.quality, preferences.qualities)
    found: list[Prepared] = []
    failures: list[OfflinedlError] = []
    for source in title.sources:
        try:
            found.append(await _read(title, source, wanted, licensing, preferences, now=now))
        except OfflinedlError as error:
            failures.append(error)
    if not found:
        raise failures[0]
    best = max(found, key=Prepared.rank)
    return best if server is None else best.licensed_by(server)


async def all_renditions(prepared: Prepared, engine: Engine) -> tuple[Rendition, ...]:
    """Every rendition that the manifest offers, with its segments."""
    return tuple([await addresses.expanded(r, prepared.format, engine) for r in prepared.offered])


async def _expanded(chosen: Sequence[Choice], format: Format, engine: Engine) -> tuple[Choice, ...]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(addresses.expanded(c.rendition, format, engine)) for c in chosen]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return tuple(replace(c, rendition=task.result()) for c, task in zip(chosen, tasks, strict=True))


def _check_methods(choices: Sequence[Choice]) -> None:
    """Refuse what cannot be undone here, before anything of it is fetched (RFC 8216 section 4.3.2.4)."""
    for rendition in (c.rendition for c in choices):
        for key in dict.fromkeys(k for s in (*rendition.inits, *rendition.segments) for k in s.keys):
            if key.keyformat != "identity":
                continue  # whose that is, its adapter knows
            if key.method != "AES-128" and rendition.container not in _SAMPLES.get(key.method, ()):
                raise UnsupportedError(
                    f"{rendition.id}: METHOD={key.method} in {rendition.container.upper()} cannot be undone yet",
                    "ask for the title's DASH address, or for one with AES-128",
                )
            if not key.uri.lower().startswith(("http://", "https://")):
                raise UnsupportedError(f"{rendition.id}: its key is not at an http or https URL", "tell the service")


async def _read(
    title: Title, source: MediaSource, wanted: Wanted, licensing: Licensing, preferences: Preferences, *, now: datetime
) -> Prepared:
    engine = licensing.engine
    clock = asyncio.get_running_loop().time
    began = clock()
    answer = await engine.get(source.url, enough=_is_enough)
    throughput = int(len(answer.body) * 8 / max(clock() - began, 0.001))
    format = detect(answer.body, answer.url)
    manifest = await _parsed(source, format, answer, engine, now)
    manifest = _with_side_tracks(await addresses.steered(manifest, format, answer, engine, throughput), title)
    chosen = choose.choose(manifest, wanted, preferences, title.rights.max_height)
    choices = await _expanded(chosen, format, engine)
    _check_methods(choices)
    server, refusal = _server(source, manifest, choices, licensing)
    refusal = refusal or _unproven(choices, format)
    return Prepared(
        title=title,
        source=source,
        format=format,
        manifest=manifest,
        wanted=wanted,
        caps=choose.caps(wanted.quality, preferences.qualities),
        choices=choices,
        server=server,
        refusal=refusal,
    )


def _is_enough(head: bytes) -> bool:
    """Only what is large is looked at so early, and few manifests are."""
    from offlinedl.manifest import progressive

    return progressive.is_enough(head)


def _unproven(choices: tuple[Choice, ...], format: Format) -> UnsupportedError | None:
    """Why nothing could prove that a license opens the choices: they have no init segments (Smooth Streaming), or
    theirs is in a piece of a file. A title that is ready without proof is a promise that nobody can keep."""
    for rendition in (c.rendition for c in choices):
        keys = {k.keyformat for s in rendition.segments for k in s.keys}
        if keys and "identity" not in keys and rendition.container != "mp4":
            return UnsupportedError(
                f"{rendition.id}: its keys are {', '.join(sorted(keys))}, and {rendition.container.upper()} does not "
                "name their ids",
                "ask for the title's DASH address, or for one in MP4",
            )
        if rendition.protections and (rendition.setup is not None or format.NAME == _FILE):
            return UnsupportedError(
                f"{rendition.id}: protected, and without an init segment: no license can be proven to open it yet",
                "ask for the title's HLS or DASH address",
            )
    return None


async def _parsed(source: MediaSource, format: Format, answer: Answer, engine: Engine, now: datetime) -> Manifest:
    """The manifest, with the pieces that it keeps elsewhere. Raises UnsupportedError while its broadcast goes on.

    A file that is a title itself keeps the address that was given: where redirects end is signed, and ages. It is cut
    into ranges if its server gives them.
    """
    if format.NAME == _FILE:
        from offlinedl.manifest import progressive

        size = await size_in_ranges(engine.get, source.url, answer)
        return progressive.cut(format.parse(answer.body, source.url), size, engine.limits, whole=answer.size)
    manifest = format.parse(answer.body, answer.url, engine.limits)
    if manifest.missing:
        found = await _pieces(manifest.missing, len(answer.body), engine)
        manifest = format.parse(answer.body, answer.url, engine.limits, found)
    if manifest.ends_at is not None and manifest.ends_at > now:
        raise UnsupportedError(
            f"{shown(answer.url)}: it is live until {manifest.ends_at:%Y-%m-%d %H:%M} UTC",
            "come back when the broadcast is over",
            code="live",
        )
    return manifest


async def _pieces(links: Sequence[str], size: int, engine: Engine) -> dict[str, bytes]:
    """The pieces of a manifest of `size` bytes, by their addresses; nothing where one cannot be had, which the manifest
    may have an answer to. Together they may be as large as a manifest: what exceeds that stops the others."""
    found = dict.fromkeys(links, b"")

    async def fetch(link: str) -> None:
        with suppress(NetworkError, NotFoundError):
            found[link] = (await engine.get(link)).body
        engine.limits.check_bytes(size + sum(map(len, found.values())))

    try:
        async with asyncio.TaskGroup() as group:
            for link in links:
                group.create_task(fetch(link))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return found


def _server(
    source: MediaSource, manifest: Manifest, choices: tuple[Choice, ...], licensing: Licensing
) -> tuple[LicenseServer | None, OfflinedlError | None]:
    """Who licenses the chosen renditions, or why nobody does. A source that names a server is asked, even where the
    manifest looks clear: protection may be only in the init segments."""
    own, keys = _protections(choices), _keys(choices)
    if not (own or keys or any(drm.system in licensing for drm in source.drm)):
        return None, None
    told = {p.system for p in own}  # what is said of all counts where nothing is said of what is chosen
    protections = [*own, *(p for p in manifest.protections if p.system not in told)]
    try:
        return licensing.server_for(source.drm, protections, keys), None
    except RefusedError as error:
        return None, error
    except UnsupportedError as error:
        kids = dict.fromkeys(kid.hex() for p in _protections(choices) for kid in p.kids)
        error.message += f" (KID {', '.join(kids)})" if kids else ""
        return None, error


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
