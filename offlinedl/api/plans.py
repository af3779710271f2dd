"""What a download would fetch: the ladder, the choice and its reasons, the license, the rights, the space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from offlinedl import plan
from offlinedl.api.requests import Access, Languages, Request, listed
from offlinedl.choose import Choice, passed_over
from offlinedl.errors import OfflinedlError
from offlinedl.frozen import frozen
from offlinedl.media.encryption import EXPERIMENTAL
from offlinedl.model import Kind, Rights

if TYPE_CHECKING:
    from offlinedl.actions.prepare import Prepared
    from offlinedl.streams import Fetch, Rendition


@frozen
class PlannedRendition:
    """One that the title offers: `chosen` or not, and `why`. `bandwidth` is in bits per second, 0 where nobody says,
    `language` BCP 47. `segments` is their number, None where they were not read: only those that are chosen are. `gaps`
    are the numbers of those that the service does not have. `estimated_bytes` is exact where it comes from "ranges",
    and a guess from "bandwidth" and duration."""

    id: str
    kind: Kind
    height: int
    bandwidth: int
    codecs: str
    language: str
    chosen: bool
    why: str
    segments: int | None
    gaps: tuple[int, ...]
    estimated_bytes: int
    estimated_from: str


@frozen
class PlannedFetch:
    """A piece of a rendition, at the address from which it comes: bytes `first` to `last`, both included, or None for
    all of it. `number` counts from 0 in playback order, init segments (`init`) apart."""

    rendition: str
    number: int
    url: str = field(repr=False)
    first: int | None
    last: int | None
    init: bool


@frozen
class DownloadPlan:
    """What a download of `request` would fetch. Nothing of it is written or reserved.

    `duration` is in seconds. `systems` are those that can license what is chosen, `kids` the key ids that the manifest
    names for it, 16 bytes each; `experimental` the encryption schemes in it that few players know. `refusal` is why it
    cannot be licensed here: `download` raises it. `estimated_bytes` is of what is chosen, 0 where nothing tells, beside
    `free_bytes` of the disk.
    """

    request: Request = field(repr=False)
    id: str
    name: str
    duration: float
    renditions: tuple[PlannedRendition, ...]
    rights: Rights
    systems: tuple[str, ...]
    kids: tuple[bytes, ...]
    experimental: tuple[str, ...]
    refusal: OfflinedlError | None
    estimated_bytes: int
    free_bytes: int
    seen: Prepared = field(repr=False)
    wished: tuple[Choice, ...] = field(repr=False)

    @property
    def chosen(self) -> tuple[PlannedRendition, ...]:
        """The renditions that would be fetched."""
        return tuple(rendition for rendition in self.renditions if rendition.chosen)

    @property
    def fetches(self) -> tuple[PlannedFetch, ...]:
        """What would be asked for; of every rendition, where the plan has them all."""
        built = plan.build(self.seen.manifest.url, self.seen.wanted, self.wished, (), None)
        return tuple(map(_fetch, built.fetches))


@frozen
class Queued:
    """A title that was written down, and waits for its turn. `download` takes it, and heeds what somebody did with it
    since then: removed it, or paused it."""

    request: Request = field(repr=False)
    priority: int


Reference = str | Request | DownloadPlan | Queued
"""A title: by its name, or as it was asked for, planned, or queued."""


def request(
    ref: Reference,
    quality: str | None = None,
    audio: Languages = None,
    subtitles: Languages = None,
    access: Access | None = None,
) -> Request:
    """What was asked for, with what is said otherwise now."""
    base = Request(ref=ref) if isinstance(ref, str) else ref if isinstance(ref, Request) else ref.request
    return replace(
        base,
        quality=base.quality if quality is None else quality,
        audio=base.audio if audio is None else listed(audio),
        subtitles=base.subtitles if subtitles is None else listed(subtitles),
        access=base.access if access is None else access,
    )


def planned(
    request: Request, seen: Prepared, free_bytes: int, everything: Sequence[Rendition] | None = None
) -> DownloadPlan:
    """The plan of a title as it was `seen`; of `everything` that it offers, where that was read."""
    offered = seen.offered if everything is None else everything
    return DownloadPlan(
        request=request,
        id=seen.title.id,
        name=seen.title.name,
        duration=float(seen.duration),
        renditions=tuple(_rendition(rendition, seen) for rendition in offered),
        rights=seen.title.rights,
        systems=tuple(seen.systems),
        kids=seen.kids,
        experimental=_experimental(seen),
        refusal=seen.refusal,
        estimated_bytes=sum(plan.estimate(c.rendition, seen.duration)[0] for c in seen.choices),
        free_bytes=free_bytes,
        seen=seen,
        wished=tuple(seen.choices) if everything is None else tuple(Choice(rendition=r, why="") for r in everything),
    )


def _fetch(fetch: Fetch) -> PlannedFetch:
    first, last = (fetch.range.first, fetch.range.last) if fetch.range else (None, None)
    return PlannedFetch(
        rendition=fetch.rendition, number=fetch.number, url=fetch.url, first=first, last=last, init=fetch.init
    )


def _experimental(seen: Prepared) -> tuple[str, ...]:
    """The schemes of what is chosen that were not proven on more than a packager's titles."""
    found = {p.scheme for c in seen.choices for p in c.rendition.protections if p.scheme in EXPERIMENTAL}
    return tuple(sorted(scheme for scheme in found if scheme))


def _rendition(rendition: Rendition, seen: Prepared) -> PlannedRendition:
    why = {c.rendition.id: c.why for c in seen.choices}.get(rendition.id)
    size, origin = plan.estimate(rendition, seen.duration)
    return PlannedRendition(
        id=rendition.id,
        kind=rendition.kind,
        height=rendition.height,
        bandwidth=rendition.bandwidth,
        codecs=rendition.codecs,
        language=rendition.language,
        chosen=why is not None,
        why=why or passed_over(rendition, seen.choices, seen.caps, seen.title.rights.max_height),
        segments=len(rendition.segments) or None,
        gaps=tuple(rendition.gaps),
        estimated_bytes=size,
        estimated_from=origin,
    )
