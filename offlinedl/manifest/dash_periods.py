"""Several periods as one time line: what belongs together in them becomes one rendition (23009-1 section 5.3.2.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from offlinedl.errors import UnsupportedError
from offlinedl.model import Kind, Rendition, Resource, Segment

Period = tuple[str, Sequence[Rendition]]
"""A period's name for messages, and what it offers."""


def join(periods: Sequence[Period]) -> tuple[Rendition, ...]:
    """The renditions of the first period, each continued through all others.

    A picture or a sound that some period cannot continue is left out as long as another of its kind goes through;
    where none does, UnsupportedError names the period. Subtitles may pause for a period.
    """
    (_, first), *others = periods
    if not others:
        return tuple(first)
    joined = []
    failures: dict[Kind, str] = {}
    for rendition in first:
        parts, missing = _continued(rendition, others)
        if missing and rendition.kind is not Kind.SUBTITLES:
            failures.setdefault(rendition.kind, missing)
        else:
            joined.append(_chained([rendition, *parts]))
    for kind, missing in failures.items():
        if not any(rendition.kind is kind for rendition in joined):
            raise UnsupportedError(
                f"Period {missing} has no {kind} that continues the {kind} of the periods before it.",
                "The title cannot be put together: ask for its HLS address, or for its periods one by one.",
            )
    return tuple(joined)


def _continued(rendition: Rendition, others: Iterable[Period]) -> tuple[list[Rendition], str]:
    """What goes on with `rendition` in the other periods, and the first period where nothing does."""
    parts, missing = [], ""
    for name, offered in others:
        match = _match(rendition, offered)
        if match is not None:
            parts.append(match)
        elif not missing:
            missing = name
    return parts, missing


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


def _chained(parts: Sequence[Rendition]) -> Rendition:
    """`parts` one after the other: segments numbered through, an init segment that is shared kept once."""
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
    return replace(parts[0], inits=tuple(inits.values()), segments=tuple(segments), protections=protections)
