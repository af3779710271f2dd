"""From chosen renditions to the list of fetches: what to request, in which order, and which file it becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from offlinedl.choose import Choice
from offlinedl.errors import DamagedError
from offlinedl.model import Kind, Track, Wanted
from offlinedl.streams import Fetch, Key, LicenseServer, Plan, Rendition, Segment

_LARGEST = 2**40
"""What a manifest claims beyond it is no size and no rate; so many of them as a plan has fit into the catalog."""

_SAME_SECONDS = 0.01
"""What rounding makes of one and the same moment."""

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
        media += [(float(s.start), position, _fetch(rendition, folder, s, keys)) for s in rendition.segments]
    media.sort(key=lambda item: item[:2])
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
    return min(_LARGEST, int(rendition.bandwidth * (rendition.duration or duration) / 8)), "bandwidth"


def readdressed(old: Plan, fresh: Plan) -> Plan:
    """`old` with the addresses of `fresh`, which the same manifest gave later. DamagedError where it is not the same
    any more: other segments, other times, or other files under some of the names."""
    found = {f.identity: f for f in fresh.fetches}
    pairs = [(f, found.get(f.identity)) for f in old.fetches]
    same = len(found) == len(pairs) and all(f is not None and _is_same(old, f) for old, f in pairs)
    renamed = [_file_name(f) != _file_name(o) for o, f in pairs if f is not None]
    if not same or (any(renamed) and not all(renamed)):
        raise DamagedError(
            "the title's manifest is not the one that the download began with: it has other segments now",
            "run it again: it starts over with the new one, and keeps what is still the same",
            code="changed",
        )
    fetches = tuple(replace(o, url=f.url) for o, f in pairs if f is not None)
    return replace(old, fetches=fetches, bases=fresh.bases)


def of_one_file(plan: Plan, identity: tuple[str, bool, int]) -> list[Fetch]:
    """The fetches of the file of which that one is a part."""
    files = {f.identity: f.url.partition("?")[0] for f in plan.fetches}
    return [f for f in plan.fetches if files[f.identity] == files[identity]]


def _is_same(old: Fetch, fresh: Fetch) -> bool:
    apart = max(abs(old.start - fresh.start), abs(old.duration - fresh.duration))
    return apart < _SAME_SECONDS and (old.range, old.needs_init) == (fresh.range, fresh.needs_init)


def _file_name(fetch: Fetch) -> str:
    return fetch.url.partition("?")[0].rpartition("/")[2]


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
        start=float(segment.start),
        duration=float(segment.duration),
        needs_init=segment.init,
        key=None if identity is None else keys.setdefault(_without_iv(identity), len(keys)),
        iv=None if identity is None else identity.iv,
        estimate=min(
            _LARGEST, resource.range.size if resource.range else int(rendition.bandwidth * segment.duration / 8)
        ),
    )


def _is_protected(rendition: Rendition) -> bool:
    """Does the manifest say so? Of any system: also of those that cannot be licensed here."""
    return bool(rendition.protections) or any(s.keys for s in (*rendition.inits, *rendition.segments))


def _without_iv(key: Key) -> Key:
    """The key itself: its IV belongs to the segment."""
    return Key(method=key.method, uri=key.uri, keyformat=key.keyformat)


def _name(rendition: Rendition, segment: Segment, *, init: bool) -> str:
    extension = rendition.container if re.fullmatch(r"[a-z0-9]{1,8}", rendition.container) else "bin"
    if init:
        return f"init-{segment.number}.{extension}"
    return f"{segment.number:06d}.{_EXTENSIONS.get(extension, extension)}"


def _folders(renditions: Sequence[Rendition]) -> Iterator[str]:
    """A folder for each track, named so that a person who looks finds it: video-720p, audio-en, subtitles-fr."""
    taken: set[str] = set()
    for rendition in renditions:
        detail = f"{rendition.height}p" if rendition.kind is Kind.VIDEO and rendition.height else rendition.language
        plain = re.sub(r"[^a-z0-9-]+", "-", f"{rendition.kind}-{detail}".lower()).strip("-")[:40]
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
        codecs=r.codecs, language=r.language, name=r.name, why=choice.why, setup=r.setup,
    )  # fmt: skip
