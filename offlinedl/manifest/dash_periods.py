"""Several periods as one time line: what belongs together in them becomes one rendition (23009-1 section 5.3.2.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from offlinedl.errors import UnsupportedError
from offlinedl.model import Kind
from offlinedl.streams import Rendition, Resource, Segment, Unread


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A period: its name for messages, what it offers, and how long it is in seconds, None where nothing tells."""

    name: str
    offered: Sequence[Rendition]
    duration: Fraction | None = None

    @property
    def length(self) -> Fraction:
        """Seconds, of the longest rendition where the period does not say."""
        return max(map(_length, self.offered)) if self.duration is None else self.duration


def join(periods: Sequence[Period]) -> tuple[Rendition, ...]:
    """The renditions of the longest period, each continued through all others: adverts have fewer rungs and languages.

    A picture or a sound that some period cannot continue is left out as long as another of its kind goes through;
    where none does, UnsupportedError names the period. Subtitles may pause, and may come from any period.
    """
    if len(periods) == 1:
        return tuple(periods[0].offered)
    joined: list[Rendition] = []
    failures: dict[Kind, str] = {}
    for rendition in _leading(periods):
        parts = [(period.name, _match(rendition, period.offered)) for period in periods]
        missing = next((name for name, part in parts if part is None), "")
        if missing and rendition.kind is not Kind.SUBTITLES:
            failures.setdefault(rendition.kind, missing)
        else:
            joined.append(_chained(rendition, [part for _, part in parts if part is not None]))
    for kind, missing in failures.items():
        if not any(rendition.kind is kind for rendition in joined):
            raise UnsupportedError(
                f"period {missing} has no {kind} that goes with the {kind} of the other periods",
                "the title cannot be put together: ask for its HLS address, or for its periods one by one",
            )
    return tuple(joined)


def _leading(periods: Sequence[Period]) -> list[Rendition]:
    """The tracks to continue: those of the longest period, and subtitles that only others have."""
    tracks = list(max(periods, key=lambda period: period.length).offered)
    for period in periods:
        for rendition in period.offered:
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
    """`lead` with `parts` one after the other: segments numbered through, an init segment that is shared kept once.

    Indexes are read later, one after the other, each to the place that its period has among the segments.
    """
    inits: dict[Resource, Segment] = {}
    segments: list[Segment] = []
    unread: list[Unread] = []
    for part in parts:
        numbers: dict[int | None, int | None] = {None: None}
        for init in part.inits:
            kept = inits.setdefault(init.resource, replace(init, number=len(inits)))
            numbers[init.number] = kept.number
        unread += [replace(u, at=len(segments), init=numbers[u.init]) for u in part.unread]
        segments += [
            replace(segment, number=number, init=numbers[segment.init])
            for number, segment in enumerate(part.segments, len(segments))
        ]
    return replace(
        lead,
        inits=tuple(inits.values()),
        segments=tuple(segments),
        index=unread[0].resource if unread else None,
        unread=tuple(unread),
        bases=tuple(dict.fromkeys(group for part in parts for group in part.bases)),
        protections=tuple(dict.fromkeys(p for part in parts for p in part.protections)),
    )
