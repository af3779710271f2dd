"""From chosen renditions to the list of fetches: what to request, in which order, and which file it becomes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from operator import itemgetter

from offlinedl.choose import Choice
from offlinedl.errors import OtherTitleError
from offlinedl.model import Kind, Track, Wanted
from offlinedl.protection import Key, LicenseServer
from offlinedl.signatures import unsigned
from offlinedl.streams import Fetch, Plan, Rendition, Resource, Segment

_LARGEST = 2**40
"""What a manifest claims beyond it is no size and no rate; so many of them as a plan has fit into the catalog."""

_SAME_SECONDS = 0.01
"""What rounding makes of one and the same moment."""

_PLAIN = re.compile(r"[a-z0-9]{1,8}")
_EXTENSIONS = {"mp4": "m4s"}
"""A media segment's file extension where it differs from its container's."""


def build(
    manifest_url: str, wanted: Wanted, choices: Sequence[Choice], kids: tuple[bytes, ...], license: LicenseServer | None
) -> Plan:
    """The plan of `choices`, whose segments are known. Init segments first, then the media in playback order."""
    keys: dict[Key, int] = {}
    folders = _folders([c.rendition for c in choices])
    heads: list[Fetch] = []
    media: list[tuple[float, int, Fetch]] = []
    for position, (choice, folder) in enumerate(zip(choices, folders, strict=True)):
        rendition = choice.rendition
        heads += [_fetch(rendition, folder, s, keys, init=True) for s in rendition.inits]
        own = [_fetch(rendition, folder, s, keys) for s in rendition.segments]
        media += [(fetch.start, position, fetch) for fetch in own]
    media.sort(key=itemgetter(0, 1))
    return Plan(
        manifest_url=manifest_url,
        wanted=wanted,
        tracks=tuple(_track(c) for c in choices),
        fetches=(*heads, *(fetch for _, _, fetch in media)),
        keys=tuple(keys),
        kids=kids,
        protected=any(map(_is_protected, (c.rendition for c in choices))),
        license=license,
        bases=tuple(dict.fromkeys(group for c in choices for group in c.rendition.bases)),
    )


def estimate(rendition: Rendition, duration: Fraction) -> tuple[int, str]:
    """About how many bytes a rendition has, and from what: "ranges" that an index or playlist gave, else "bandwidth"
    and duration (its own where its segments are known, else `duration`, in seconds)."""
    ranges = [s.resource.range for s in (*rendition.inits, *rendition.segments)]
    if rendition.segments and None not in ranges:
        return sum(r.size for r in ranges if r), "ranges"
    if len(rendition.segments) == 1 and (size := rendition.segments[0].resource.size):
        return size, "ranges"
    return min(_LARGEST, int(rendition.bandwidth * (rendition.duration or duration) / 8)), "bandwidth"


def readdressed(old: Plan, fresh: Plan) -> tuple[Plan, bool]:
    """`old` with the addresses of `fresh`, which the same manifest gave later, and whether more of them is different
    than what signs them. OtherTitleError where it is not the same title any more: other segments, times or keys."""
    found = {f.identity: f for f in fresh.fetches}
    pairs = [(f, found.get(f.identity)) for f in old.fetches]
    renamed = [_file_name(f) != _file_name(o) for o, f in pairs if f is not None]
    if len(found) != len(pairs) or not all(f and _is_same(o, f) for o, f in pairs) or any(renamed) != all(renamed):
        raise OtherTitleError
    keys = {o.key: fresh.keys[f.key] for o, f in pairs if f and f.key is not None and o.key is not None}
    uris = [(unsigned(key.uri), unsigned(keys[number].uri)) for number, key in enumerate(old.keys) if number in keys]
    plan = replace(
        old,
        manifest_url=fresh.manifest_url,
        fetches=tuple(o._replace(url=f.url) for o, f in pairs if f is not None),
        keys=tuple(keys.get(number, key) for number, key in enumerate(old.keys)),
        bases=fresh.bases,
    )
    moved = any(unsigned(o.url) != unsigned(f.url) for o, f in pairs if f) or any(a != b for a, b in uris)
    return plan, moved


def of_one_file(plan: Plan, identity: tuple[str, bool, int]) -> list[Fetch]:
    """The fetches of the file of which that one is a part."""
    files = {f.identity: unsigned(f.url) for f in plan.fetches}
    return [f for f in plan.fetches if files[f.identity] == files[identity]]


def _is_same(old: Fetch, fresh: Fetch) -> bool:
    apart = max(abs(old.start - fresh.start), abs(old.duration - fresh.duration))
    same = (old.range, old.needs_init, old.iv, old.key is None) == (
        fresh.range, fresh.needs_init, fresh.iv, fresh.key is None,
    )  # fmt: skip
    return same and apart < _SAME_SECONDS


def _file_name(fetch: Fetch) -> str:
    return unsigned(fetch.url).partition("?")[0].rpartition("/")[2]


def _fetch(rendition: Rendition, folder: str, segment: Segment, keys: dict[Key, int], *, init: bool = False) -> Fetch:
    identity = next((k for k in segment.keys if k.keyformat == "identity"), None)
    resource = segment.resource
    return Fetch(
        rendition=rendition.id,
        init=init,
        number=segment.number,
        url=resource.url,
        path=f"{folder}/{_name(rendition, segment, init=init)}",
        range=resource.range,
        start=_number(segment.start),
        duration=_number(segment.duration),
        needs_init=segment.init,
        key=None if identity is None else keys.setdefault(_without_iv(identity), len(keys)),
        iv=None if identity is None else identity.iv,
        breaks=segment.breaks,
        estimate=min(_LARGEST, _size(resource) or _bytes(rendition, segment)),
    )


def _size(resource: Resource) -> int | None:
    return resource.range.size if resource.range else resource.size


def _number(seconds: Fraction) -> float:
    """What float() gives, in a third of the time: a title has ten thousand segments."""
    return seconds.numerator / seconds.denominator


def _bytes(rendition: Rendition, segment: Segment) -> int:
    """What a segment has at the rate of its rendition."""
    bits = rendition.bandwidth * segment.duration.numerator
    return bits // (8 * segment.duration.denominator)


def _is_protected(rendition: Rendition) -> bool:
    """Does the manifest say so? Of any system: also of those that cannot be licensed here."""
    return bool(rendition.protections) or any(s.keys for s in (*rendition.inits, *rendition.segments))


def _without_iv(key: Key) -> Key:
    """The key itself: its IV belongs to the segment."""
    return Key(method=key.method, uri=key.uri, keyformat=key.keyformat)


def _name(rendition: Rendition, segment: Segment, *, init: bool) -> str:
    extension = rendition.container if _PLAIN.fullmatch(rendition.container) else "bin"
    if init:
        return f"init-{segment.number}.{extension}"
    return f"{segment.number:06d}.{_EXTENSIONS.get(extension, extension)}"


def _folders(renditions: Sequence[Rendition]) -> Iterator[str]:
    """A folder for each track, named so that a person who looks finds it: video-720p-1f3a, audio-en-9c04. Another rung
    of the same kind and language never has the same: it may be fetched while the first one is still there."""
    taken: set[str] = set()
    for rendition in renditions:
        detail = f"{rendition.height}p" if rendition.kind is Kind.VIDEO and rendition.height else rendition.language
        mark = hashlib.sha256(f"{rendition.id} {rendition.bandwidth}".encode()).hexdigest()[:4]
        plain = re.sub(r"[^a-z0-9-]+", "-", f"{rendition.kind}-{detail}".lower()).strip("-")[:40] + f"-{mark}"
        name, count = plain, 2
        while name in taken:
            name, count = f"{plain}-{count}", count + 1
        taken.add(name)
        yield name


def _track(choice: Choice) -> Track:
    r = choice.rendition
    return Track(
        id=r.id, kind=r.kind, container=r.container, bandwidth=min(r.bandwidth, _LARGEST),
        width=min(r.width, _LARGEST), height=min(r.height, _LARGEST),
        codecs=r.codecs, language=r.language, name=r.name, forced=r.forced, why=choice.why, setup=r.setup,
    )  # fmt: skip
