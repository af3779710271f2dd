"""What a download would fetch: the ladder, the choice and its reasons, the license, the rights, the space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from offlinedl import plan
from offlinedl.api.requests import Access, Languages, Request, listed
from offlinedl.choose import passed_over
from offlinedl.errors import OfflinedlError
from offlinedl.media.encryption import EXPERIMENTAL
from offlinedl.model import Kind, Rights

if TYPE_CHECKING:
    from offlinedl.actions.prepare import Prepared
    from offlinedl.streams import Rendition


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
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

    @property
    def chosen(self) -> tuple[PlannedRendition, ...]:
        """The renditions that would be fetched."""
        return tuple(rendition for rendition in self.renditions if rendition.chosen)


def request(
    ref: str | DownloadPlan, quality: str | None, audio: Languages, subtitles: Languages, access: Access | None
) -> Request:
    """The request, or that of the plan, with what is said otherwise now."""
    base = Request(ref=ref) if isinstance(ref, str) else ref.request
    return Request(
        ref=base.ref,
        quality=base.quality if quality is None else quality,
        audio=base.audio if audio is None else listed(audio),
        subtitles=base.subtitles if subtitles is None else listed(subtitles),
        access=base.access if access is None else access,
    )


def planned(request: Request, seen: Prepared, offered: Sequence[Rendition], free_bytes: int) -> DownloadPlan:
    """The plan of a title as it was `seen`; `offered` are its manifest's renditions."""
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
