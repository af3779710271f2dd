"""Several periods as one time line: what belongs together in them becomes one rendition (23009-1 section 5.3.2.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from offlinedl.errors import UnsupportedError
from offlinedl.frozen import frozen
from offlinedl.manifest.columns import rows
from offlinedl.manifest.limits import Limits, too_large
from offlinedl.model import Kind
from offlinedl.streams import Rendition, Resource, Segment, Unread


@frozen
class Period:
    """A period: its name for messages, what it offers, and how long it is in seconds, None where nothing tells."""

    name: str
    offered: Sequence[Rendition]
    duration: Fraction | None = None

    @property
    def length(self) -> Fraction:
        """Seconds, of the longest rendition where the period does not say."""
        return max(map(_length, self.offered)) if self.duration is None else self.duration


def join(periods: Sequence[Period], limits: Limits) -> tuple[Rendition, ...]:
    """The renditions of the longest period, each continued through all others: adverts have fewer rungs and languages.

    A picture or a sound that some period cannot continue is left out as long as another of its kind goes through;
    where none does, UnsupportedError names the period. Subtitles may pause, and may come from any period.
    """
    if len(periods) == 1:
        return tuple(periods[0].offered)
    longest = max(periods, key=lambda period: period.length)
    failures: dict[Kind, str] = {}
    continued: list[tuple[Rendition, list[Rendition]]] = []
    for rendition, parts in _continued(periods, _leading(periods, longest), limits):
        missing = next((period.name for period, part in zip(periods, parts, strict=True) if part is None), "")
        if missing and rendition.kind is not Kind.SUBTITLES:
            what = f'no {rendition.kind} that goes with the {rendition.kind} "{rendition.id}" of period {longest.name}'
            failures.setdefault(rendition.kind, f"period {missing} has {what}")
        else:
            continued.append((rendition, [part for part in parts if part is not None]))
    for kind, failure in failures.items():
        if not any(rendition.kind is kind for rendition, _ in continued):
            raise UnsupportedError(
                failure, "the title cannot be put together: ask for its HLS address, or for its periods one by one"
            )
    limits.check_segments(sum(len(part.segments) for _, parts in continued for part in parts))
    return tuple(_chained(rendition, parts) for rendition, parts in continued)


def _continued(
    periods: Sequence[Period], leading: Sequence[Rendition], limits: Limits
) -> Iterator[tuple[Rendition, list[Rendition | None]]]:
    """Each of `leading`, and what goes on with it in each period, if anything does."""
    groups: list[dict[object, list[Rendition]]] = []
    for period in periods:
        groups.append({})
        for rendition in period.offered:
            groups[-1].setdefault((rendition.kind, _codec(rendition)), []).append(rendition)
    compared = 0
    for rendition in leading:
        kind = rendition.kind, _codec(rendition)
        alike = [group.get(kind, []) for group in groups]
        compared += sum(map(len, alike)) + len(alike)
        if compared > limits.segments:
            raise too_large("its periods have more representations than can be put together", limits.segments)
        yield rendition, [_match(rendition, offered) for offered in alike]


def _leading(periods: Sequence[Period], longest: Period) -> list[Rendition]:
    """The tracks to continue: those of the longest period, and subtitles that only others have."""
    tracks = list(longest.offered)
    known = set(map(_text, tracks))
    for rendition in (rendition for period in periods for rendition in period.offered):
        if rendition.kind is Kind.SUBTITLES and _text(rendition) not in known:
            known.add(_text(rendition))
            tracks.append(rendition)
    return tracks


def _text(rendition: Rendition) -> object:
    """What makes subtitles the same in two periods."""
    return rendition.kind, _codec(rendition), _language(rendition), rendition.roles


def _length(rendition: Rendition) -> Fraction:
    if not rendition.segments:
        return Fraction(0)
    last = rendition.segments[-1]
    return last.start + last.duration - rendition.segments[0].start


def _match(rendition: Rendition, alike: Sequence[Rendition]) -> Rendition | None:
    """The same track in another period, of those of its kind and codec: language and role, and the nearest rung."""
    same = alike
    if rendition.kind is Kind.SUBTITLES:
        same = [r for r in same if _text(r) == _text(rendition)]
    elif rendition.kind is Kind.AUDIO and len({_language(r) for r in same}) > 1:
        same = [r for r in same if _language(r) in {_language(rendition), ""}]
    return min(same, key=lambda other: _distance(rendition, other), default=None)


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
    before = 0
    for part in parts:
        numbers: dict[int | None, int | None] = {None: None}
        for init in part.inits:
            kept = inits.setdefault(init.resource, replace(init, number=len(inits)))
            numbers[init.number] = kept.number
        for index in part.unread:  # one at most, and no segments beside it
            unread.append(replace(index, at=len(segments) - before, init=numbers[index.init]))
            before = len(segments)
        segments += rows(
            Segment,
            len(part.segments),
            number=range(len(segments), len(segments) + len(part.segments)),
            resource=[segment.resource for segment in part.segments],
            start=[segment.start for segment in part.segments],
            duration=[segment.duration for segment in part.segments],
            init=[numbers[segment.init] for segment in part.segments],
            breaks=[bool(segments) and position == 0 for position in range(len(part.segments))],
        )
    return replace(
        lead,
        inits=tuple(inits.values()),
        segments=tuple(segments),
        index=unread[0].resource if unread else None,
        unread=tuple(unread),
        bases=tuple(dict.fromkeys(group for part in parts for group in part.bases)),
        protections=tuple(dict.fromkeys(p for part in parts for p in part.protections)),
    )
