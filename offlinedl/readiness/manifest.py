"""What a manifest should say for its title to be chosen, estimated and fetched well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from offlinedl.choose import QUALITIES
from offlinedl.errors import counted
from offlinedl.frozen import frozen
from offlinedl.model import Kind
from offlinedl.readiness import Finding, called, judged, ok
from offlinedl.streams import Manifest, Rendition

_PEAK = {"hls": 1.1}
_BURST = 1.5
"""How far a segment may exceed the stated rate: in HLS it is the peak, and measured within a tenth of it (Apple's HLS
Authoring Specification, 1.29); in DASH that of a buffer, which evens out (ISO/IEC 23009-1 section 5.3.5.2)."""
_LONG, _SHORT = 10, 1
"""Seconds of a segment: what is lost with a connection, and what costs more requests than media."""
_UNEVEN = 2
_FILE = "progressive"


@frozen
class Sampled:
    """The rate of the heaviest of the segments of a rendition that were looked at, in bits per second."""

    rendition: Rendition
    rate: float


def findings(manifest: Manifest, chosen: Sequence[Rendition]) -> Iterator[Finding]:
    """Of all that is offered, and of what is `chosen`, whose segments are known."""
    rungs = [r for r in manifest.renditions if r.kind is Kind.VIDEO]
    others = len(manifest.renditions) - len(rungs)
    seconds = float(manifest.duration or max(r.duration for r in chosen))
    said = f"{manifest.format}: {counted(len(rungs), 'video rung')}, {counted(others, 'other track')}, {seconds:.0f} s"
    yield ok("manifest", "manifest-readable", said)
    yield ok("manifest", "manifest-ends", "all of the title is there")
    if manifest.format != _FILE:
        yield from _ladder(rungs)
        yield from _stated(manifest, rungs)
    yield from _segments(chosen)


def rates(manifest: Manifest, sampled: Sequence[Sampled]) -> Finding:
    """A rung of HLS states the rate of its own segments together with that of the sound that goes with it (RFC 8216
    section 4.3.4.2)."""
    beside = max((s.rate for s in sampled if s.rendition.kind is Kind.AUDIO and not s.rendition.bandwidth), default=0.0)
    allowed = _PEAK.get(manifest.format, _BURST)
    wrong = []
    for one in sampled:
        rate = one.rate + (beside if one.rendition.kind is Kind.VIDEO else 0)
        if one.rendition.bandwidth and rate > allowed * one.rendition.bandwidth:
            wrong.append(
                f"{called(one.rendition)} states {_rate(one.rendition.bandwidth)}, and a segment has {_rate(rate)}"
            )
    hint = "state the peak rate as it was measured: sizes are estimated from it, and rungs chosen by it"
    return judged("manifest", "peak-rate", wrong, f"as stated, in {counted(len(sampled), 'track')}", hint)


def _ladder(rungs: Sequence[Rendition]) -> Iterator[Finding]:
    if not rungs:
        return
    heights = ", ".join(f"{r.height}p" if r.height else _rate(r.bandwidth) for r in rungs)
    alone = [f"one rung alone ({heights})"] if len(rungs) == 1 else []
    yield judged("manifest", "ladder", alone, heights, "offer smaller ones: people choose what fits on their device")
    fits = any(QUALITIES["standard"].admits(r) for r in rungs)
    wrong = [] if fits else [f"none of {heights} is within 720p and 1.6 Mbit/s"]
    hint = "offer one at or under 720p and 1.6 Mbit/s: that is what is downloaded where nobody chooses"
    yield judged("manifest", "standard-rung", wrong, "there is one within 720p and 1.6 Mbit/s", hint)


def _stated(manifest: Manifest, rungs: Sequence[Rendition]) -> Iterator[Finding]:
    media = [r for r in manifest.renditions if r.kind is not Kind.SUBTITLES]
    own = rungs if manifest.format == "hls" and rungs else media  # EXT-X-MEDIA has no rate of its own
    spoken = [r for r in manifest.renditions if r.kind is not Kind.VIDEO]
    rows = (
        ("codecs-stated", media, "codecs", lambda r: r.codecs, "a player must know them before it fetches anything"),
        ("resolution-stated", rungs, "size", lambda r: r.height, "a quality is chosen by its height"),
        ("bandwidth-stated", own, "rate", lambda r: r.bandwidth, "sizes are estimated, and rungs chosen by it"),
        ("languages-tagged", spoken, "language", _language, "a track without one is chosen by nobody"),
    )
    for id, renditions, what, said, why in rows:
        missing = [called(r) for r in renditions if not said(r)]
        wrong = [f"no {what} for {', '.join(missing)}"] if missing else []
        fine = f"for each of {counted(len(renditions), 'track')}"
        yield judged("manifest", id, wrong, fine, f"state it in the manifest: {why}")


def _language(rendition: Rendition) -> bool:
    return rendition.language not in {"", "und"}


def _segments(chosen: Sequence[Rendition]) -> Iterator[Finding]:
    wrong = [f"{called(r)}: {fault}" for r in chosen for fault in _lengths(r)]
    hint = "cut them evenly, into 2 to 10 s: a connection that is lost costs a segment"
    longest = max((s.duration for r in chosen for s in r.segments if len(r.segments) > 1), default=Fraction(0))
    fine = f"even, {float(longest):.1f} s at most" if longest else "one file a track"
    yield judged("manifest", "segment-lengths", wrong, fine, hint)
    gaps = [f"{called(r)} lacks {counted(len(r.gaps), 'segment')}" for r in chosen if r.gaps]
    yield judged("manifest", "gaps", gaps, "none", "publish what is missing: it is missing offline too")


def _lengths(rendition: Rendition) -> Iterator[str]:
    """The last segment has what is left."""
    lengths = [s.duration for s in rendition.segments[:-1] if s.duration]
    if not lengths or rendition.kind is Kind.SUBTITLES:
        return
    middle = float(sorted(lengths)[len(lengths) // 2])
    if max(lengths) > _LONG:
        yield f"a segment of {float(max(lengths)):.1f} s"
    elif max(lengths) > _UNEVEN * middle:
        yield f"a segment of {float(max(lengths)):.1f} s among those of {middle:.1f} s"
    if middle < _SHORT:
        yield f"segments of {middle:.1f} s"


def _rate(bits: float) -> str:
    return f"{bits / 1_000_000:.1f} Mbit/s" if bits >= 1_000_000 else f"{bits / 1000:.0f} kbit/s"
