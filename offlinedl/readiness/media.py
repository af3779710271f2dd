"""How the media of a title should be, as far as samples of them tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from offlinedl.errors import counted
from offlinedl.model import Kind
from offlinedl.readiness import Finding, called, judged
from offlinedl.streams import Rendition

_APART = 1.0
"""Seconds by which tracks may begin or end beside each other: a segment of sound seldom ends with one of pictures."""


def there(asked: int, absent: Sequence[str]) -> Finding:
    """Were all samples had? `absent` says of each that was not why."""
    hint = "publish what the manifest names: a title that lacks a segment is never ready"
    return judged("media", "samples-there", absent, f"all {asked} that were asked for", hint, state="failed")


def decode(faults: Sequence[str], looked: int, sealed: Sequence[str]) -> Finding:
    """Of samples that were opened; those of the `sealed` tracks could not be."""
    if not faults and not looked:
        said = f"encrypted, and not opened: {', '.join(sealed)}" if sealed else "none could be opened by itself"
        hint = "--license opens them" if sealed else "they are decoded when the title is downloaded"
        return Finding(id="samples-decode", group="media", state="unknown", detail=said, hint=hint)
    hint = "encode it anew: a decoder that takes nothing amiss finds it wrong"
    beside = f"; not opened: {', '.join(sealed)}" if sealed else ""
    return judged(
        "media", "samples-decode", faults, f"strictly, in {counted(looked, 'track')}{beside}", hint, state="failed"
    )


def timing(chosen: Sequence[Rendition], begins: Mapping[str, float]) -> Iterator[Finding]:
    """When tracks begin and end. `begins` is when their media do on their own clock, in seconds, by rendition."""
    media = [r for r in chosen if r.kind is not Kind.SUBTITLES and r.segments]
    late = [f"{called(r)} begins at {float(r.segments[0].start):.1f} s" for r in media if r.segments[0].start > _APART]
    first = min(begins.values(), default=0.0)
    apart = {called(r): begins[r.id] - first for r in media if begins.get(r.id, first) - first > _APART}
    late += [f"the media of {name} begin {seconds:.1f} s after others" for name, seconds in apart.items()]
    hint = "begin all tracks together, where the title begins"
    yield judged("media", "starts-at-zero", late, "all tracks begin where the title begins", hint)
    ends = {called(r): float(r.segments[-1].start + r.segments[-1].duration) for r in media if r.duration}
    longest = max(ends.values(), default=0.0)
    short = [f"{name} ends {longest - end:.1f} s before others" for name, end in ends.items() if longest - end > _APART]
    yield judged("media", "equal-lengths", short, f"all tracks have {longest:.1f} s", "let all tracks end together")


def subtitles(faults: Sequence[str], looked: int, tracks: int) -> Iterator[Finding]:
    """Of the samples of subtitle tracks."""
    if not tracks:
        return
    if not looked and not faults:
        said = "encrypted, and not opened"
        yield Finding(id="subtitles", group="media", state="unknown", detail=said, hint="--license opens them")
        return
    hint = "write WebVTT or TTML as it is specified: what cannot be read is not shown"
    yield judged("media", "subtitles", faults, f"{counted(looked, 'track')} can be read", hint, state="failed")
