"""Several periods as one time line: what belongs together in them becomes one rendition (23009-1 section 5.3.2.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from offlinedl.errors import UnsupportedError
from offlinedl.model import Kind
from offlinedl.streams import Rendition, Resource, Segment

Period = tuple[str, Sequence[Rendition]]
"""A period's name for messages, and what it offers."""


def join(periods: Sequence[Period]) -> tuple[Rendition, ...]:
    """The renditions of the longest period, each continued through all others: adverts have fewer rungs and languages.

    A picture or a sound that some period cannot continue is left out as long as another of its kind goes through;
    where none does, UnsupportedError names the period. Subtitles may pause, and may come from any period.
    """
    if len(periods) == 1:
        return tuple(periods[0][1])
    joined: list[Rendition] = []
    failures: dict[Kind, str] = {}
    for rendition in _leading(periods):
        parts = [(name, _match(rendition, offered)) for name, offered in periods]
        missing = next((name for name, part in parts if part is None), "")
        if missing and rendition.kind is not Kind.SUBTITLES:
            failures.setdefault(rendition.kind, missing)
        else:
            joined.append(_chained(rendition, [part for _, part in parts if part is not None]))
    for kind, missing in failures.items():
        if not any(rendition.kind is kind for rendition in joined):
            raise UnsupportedError(
                f"Period {missing} has no {kind} that goes with the {kind} of the other periods.",
                "The title cannot be put together: ask for its HLS address, or for its periods one by one.",
            )
    return tuple(joined)


def _leading(periods: Sequence[Period]) -> list[Rendition]:
    """The tracks to continue: those of the longest period, and subtitles that only others have."""
    _, longest = max(periods, key=lambda period: max(_length(rendition) for rendition in period[1]))
    tracks = list(longest)
    for _, offered in periods:
        for rendition in offered:
            if rendition.kind is Kind.SUBTITLES and _match(rendition, tracks) is None:
                tracks.append(rendition)
    return tracks


def _length(rendition: Rendition) -> Fraction:
    if not rendition.segments:
        return Fraction(0)
    last = rendition.segments[-1]
    return last.start + last.duration - rendition.segments[0].start


def _match(rendition: Rendition, offered: Sequence[Rendition]) -> Rendition | None:
    """The same track in another period: by kind and codec, then language and role, and the nearest rung."""
    same = [r for r in offered if r.kind is rendition.kind and _codec(r) == _codec(rendition)]
    if rendition.kind is Kind.SUBTITLES:
        same = [r for r in same if _language(r) == _language(rendition) and r.roles == rendition.roles]
    elif rendition.kind is Kind.AUDIO and len({_language(r) for r in same}) > 1:
        same = [r for r in same if _language(r) in {_language(rendition), ""}]
    if not same:
        return None
    return min(same, key=lambda other: _distance(rendition, other))


def _distance(one: Rendition, other: Rendition) -> tuple[bool, bool, int, bool, int]:
    """How far apart two rungs are: language and role first, then height, id and bandwidth."""
    language, roles = _language(one) != _language(other), set(one.roles) != set(other.roles)
    return language, roles, abs(one.height - other.height), one.id != other.id, abs(one.bandwidth - other.bandwidth)


def _language(rendition: Rendition) -> str:
    """The language, "" where it is not determined (BCP 47: und)."""
    return "" if rendition.language == "und" else rendition.language


def _codec(rendition: Rendition) -> tuple[str, str]:
    """What a decoder must be able to do to go on: the container and the family of the codec (RFC 6381)."""
    family = rendition.codecs.split(",")[0].partition(".")[0].strip().lower()
    return rendition.container, _ALIKE.get(family, family)


_ALIKE = {"avc3": "avc1", "hev1": "hvc1", "dvhe": "dvh1", "vp9": "vp09", "vp8": "vp08"}


def _chained(lead: Rendition, parts: Sequence[Rendition]) -> Rendition:
    """`lead` with `parts` one after the other: segments numbered through, an init segment that is shared kept once."""
    if any(part.index for part in parts):
        raise UnsupportedError(
            "The MPD has several periods, and their segments are listed in the media (SegmentBase).",
            "This cannot be put together yet: ask for the title's HLS address.",
        )
    inits: dict[Resource, Segment] = {}
    segments: list[Segment] = []
    for part in parts:
        numbers = {}
        for init in part.inits:
            kept = inits.setdefault(init.resource, replace(init, number=len(inits)))
            numbers[init.number] = kept.number
        for segment in part.segments:
            init_number = None if segment.init is None else numbers[segment.init]
            segments.append(replace(segment, number=len(segments), init=init_number))
    protections = tuple(dict.fromkeys(p for part in parts for p in part.protections))
    return replace(lead, inits=tuple(inits.values()), segments=tuple(segments), protections=protections)
