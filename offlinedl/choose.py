"""Which renditions a person gets: a rung within the caps, and languages. Every choice carries its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from offlinedl.errors import NotFoundError, OtherTitleError, RefusedError, UnsupportedError, UsageError
from offlinedl.frozen import frozen
from offlinedl.languages import lookup
from offlinedl.model import Kind, Wanted
from offlinedl.streams import Manifest, Rendition


@frozen
class Caps:
    """The most that a video rung may have: `height` in pixels, `bandwidth` in bits per second; None is no cap."""

    height: int | None = None
    bandwidth: int | None = None

    def admits(self, rung: Rendition) -> bool:
        """Is the rung within both caps? What a manifest does not say is held against nothing."""
        return (self.height is None or rung.height <= self.height) and (
            self.bandwidth is None or rung.bandwidth <= self.bandwidth
        )


@frozen
class Choice:
    """A chosen rendition and the reason."""

    rendition: Rendition
    why: str


FAMILIES = {
    "avc1": "avc", "avc3": "avc", "hvc1": "hevc", "hev1": "hevc", "av01": "av1", "vp09": "vp9", "vp9": "vp9",
    "vp08": "vp8", "vp8": "vp8", "dvh1": "dolby-vision", "dvhe": "dolby-vision", "dvav": "dolby-vision",
}  # fmt: skip
"""Codecs by the first part of their name (RFC 6381 section 3.3), as a person calls them."""

QUALITIES: Mapping[str, Caps] = {
    "data-saver": Caps(height=480, bandwidth=800_000),
    "standard": Caps(height=720, bandwidth=1_600_000),
    "high": Caps(height=1080, bandwidth=4_000_000),
    "best": Caps(),
}


@frozen
class Preferences:
    """What a person and the machine prefer: the meaning of quality names; groups of codec families, the first that is
    offered counts, and in a group they are equal; high dynamic range only where it is asked for."""

    qualities: Mapping[str, Caps] = field(default_factory=lambda: QUALITIES)
    codecs: tuple[tuple[str, ...], ...] = (("avc", "hevc", "av1", "vp9"),)
    hdr: bool = False


_LEAST_RATE = 10_000
"""No video has fewer bits a second: a smaller number is a height without its p."""
_HEIGHT = re.compile(r"([1-9]\d{1,4})p", re.IGNORECASE | re.ASCII)
_RATE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)([KMG]?)", re.IGNORECASE | re.ASCII)
_RATES = {"": 1, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_MAX_AUDIO_RATE = 200_000
"""Enough for transparent stereo AAC; beyond it a download grows and nobody hears why."""


def caps(quality: str, names: Mapping[str, Caps] = QUALITIES) -> Caps:
    """The caps that `quality` means: a name, a height ("720p"), a rate ("2.5M", bits per second), or both of them
    ("720p/2.5M"); in letters of any case."""
    name = _name(quality, names)
    if name is not None:
        return names[name]
    first, slash, second = quality.partition("/")
    height, rate = _HEIGHT.fullmatch(first), _RATE.fullmatch(second if slash else first)
    bandwidth = round(float(rate[1]) * _RATES[rate[2].upper()]) if rate else None
    told = [height is not None, bandwidth is not None and bandwidth >= _LEAST_RATE]
    if not (all(told) if slash else any(told)):
        raise UsageError(
            f"--quality {quality}: not a quality", f"use {', '.join(names)}, a height like 720p, or a rate like 2.5M"
        )
    return Caps(height=int(height[1]) if height else None, bandwidth=bandwidth)


def spelled(quality: str, names: Mapping[str, Caps] = QUALITIES) -> str:
    """`quality` in the letters in which it is kept: whatever their case, it is the same. Raises UsageError."""
    caps(quality, names)
    return _name(quality, names) or quality.upper().replace("P", "p")


def _name(quality: str, names: Mapping[str, Caps]) -> str | None:
    """The one of `names` that is meant: as it stands, else whatever its letters."""
    return quality if quality in names else next((n for n in names if n.casefold() == quality.casefold()), None)


def written(limits: Caps) -> str:
    """The quality that means these caps, or nearly these where they are none of a video."""
    parts = [f"{min(max(limits.height, 10), 99_999)}p"] if limits.height else []
    if limits.bandwidth:
        rate = min(max(limits.bandwidth, _LEAST_RATE), 10**12 - 1)
        unit = next(unit for unit in ("G", "M", "K", "") if rate % _RATES[unit] == 0)
        parts.append(f"{rate // _RATES[unit]}{unit}")
    return "/".join(parts) or "best"


def choose(
    manifest: Manifest, wanted: Wanted, preferences: Preferences | None = None, max_height: int | None = None
) -> tuple[Choice, ...]:
    """One video rung, then audio, then subtitles. Raises where a language that was asked for is not there."""
    if wanted.tracks:
        return _again(manifest, wanted.tracks)
    preferences = preferences or Preferences()
    chosen: list[Choice] = []
    rungs = [r for r in manifest.renditions if r.kind is Kind.VIDEO]
    video = None
    if rungs:
        limits = caps(wanted.quality, preferences.qualities)
        chosen.append(_rung(_playable(rungs, preferences), wanted.quality, limits, max_height))
        video = chosen[0].rendition
    audio = _audio(manifest.renditions, wanted.audio, video)
    spoken = tuple(c.rendition.language for c in audio) or ((video.muxed_audio or "",) if video else ())
    chosen += audio + _subtitles(manifest.renditions, wanted.subtitles, video, spoken)
    if not any(c.rendition.kind is not Kind.SUBTITLES for c in chosen):
        raise UnsupportedError("the manifest offers no video and no audio", "it may be a trailer of images, or empty")
    return tuple(chosen)


def _again(manifest: Manifest, tracks: Sequence[str]) -> tuple[Choice, ...]:
    offered = {r.id: r for r in manifest.renditions}
    missing = [track for track in tracks if track not in offered]
    if missing:
        raise OtherTitleError(f"it no longer offers {', '.join(missing)}")
    return tuple(Choice(rendition=offered[track], why="chosen before") for track in tracks)


def passed_over(  # noqa: PLR0911 - one return for each reason
    rendition: Rendition, choices: Sequence[Choice], wanted: Caps, max_height: int | None
) -> str:
    """Why a rendition that is offered is not among `choices`."""
    chosen = [c.rendition for c in choices if c.rendition.kind is rendition.kind]
    if rendition.kind is not Kind.VIDEO:
        same = any(r.language == rendition.language for r in chosen)
        return "another of this language is chosen" if same else "not a language that was asked for"
    if max_height is not None and rendition.height > max_height:
        return f"taller than the service allows for download ({max_height})"
    if wanted.height is not None and rendition.height > wanted.height:
        return f"taller than {wanted.height}"
    if wanted.bandwidth is not None and rendition.bandwidth > wanted.bandwidth:
        return f"above {wanted.bandwidth / 1_000_000:g} Mbit/s"
    if chosen and rendition.video_range not in {"", "SDR", chosen[0].video_range}:
        return f"high dynamic range ({rendition.video_range}), which was not asked for"
    if chosen and family(rendition) != family(chosen[0]):
        return "another codec is chosen"
    if chosen and rendition.height == chosen[0].height:
        return "fewer bits" if rendition.bandwidth < chosen[0].bandwidth else "as tall, and no fewer bits"
    return "shorter than the chosen one"


def _playable(rungs: Sequence[Rendition], preferences: Preferences) -> Sequence[Rendition]:
    """The rungs that are preferred; all of them where none is."""
    if not preferences.hdr:
        rungs = [r for r in rungs if r.video_range in {"", "SDR"}] or rungs
    for group in preferences.codecs:
        if of_group := [r for r in rungs if family(r) in {"", *group}]:
            return of_group
    return rungs


def family(rung: Rendition) -> str:
    """The family of a video rung's codec, "" where the manifest does not say."""
    names = (codec.strip().partition(".")[0].lower() for codec in rung.codecs.split(","))
    return next((FAMILIES[name] for name in names if name in FAMILIES), "")


def _rung(rungs: Sequence[Rendition], quality: str, wanted: Caps, max_height: int | None) -> Choice:
    allowed = [r for r in rungs if max_height is None or r.height <= max_height]
    if not allowed:
        raise RefusedError(
            f"every video rung is taller than the {max_height} lines that the service allows for download",
            "watch it online, or ask the service",
            code="download-not-allowed",
        )
    within = [r for r in allowed if wanted.admits(r)]
    if not within:
        return Choice(rendition=min(allowed, key=lambda r: (r.bandwidth, r.height)), why=f"lowest: none fits {quality}")
    return Choice(rendition=max(within, key=_rank), why=f"tallest within {quality}")


def _rank(rung: Rendition) -> tuple[int, int]:
    """The tallest; of equals the lowest bandwidth. Where no height is stated, the bandwidth is all that tells."""
    return (rung.height, -rung.bandwidth) if rung.height else (0, rung.bandwidth)


def _audio(renditions: Iterable[Rendition], languages: Sequence[str], video: Rendition | None) -> list[Choice]:
    offered = [r for r in renditions if r.kind is Kind.AUDIO]
    if video is not None and video.audio_group is not None:
        others = offered if video.muxed_audio is None else []
        offered = [r for r in offered if r.group == video.audio_group] or others
    muxed = None if video is None else video.muxed_audio
    if languages and muxed is not None and tuple(languages) != ("all",):
        languages = [language for language in languages if not _is_within(language, muxed, offered)]
        if not languages:
            return []
    if not offered:
        return []
    if languages:
        return _by_language(offered, languages, "audio")
    if muxed is not None and not any(r.default for r in offered):
        return []  # the sound in the video's own segments is the main one
    main = [r for r in offered if "main" in r.roles or r.default] or offered
    return [Choice(rendition=_best_audio(main), why="the title's main language")]


def _is_within(language: str, muxed: str, offered: Sequence[Rendition]) -> bool:
    """Is the sound within the video's own segments, which is in `muxed`, the best there is for `language`?"""
    own = Rendition(id="", kind=Kind.AUDIO, container="", language=muxed)
    return lookup(language, [own, *offered])[:1] == [own]


def _subtitles(
    renditions: Iterable[Rendition], languages: Sequence[str], video: Rendition | None, spoken: Sequence[str]
) -> list[Choice]:
    offered = [r for r in renditions if r.kind is Kind.SUBTITLES]
    if video is not None and video.subtitle_group is not None:
        offered = [r for r in offered if r.group in {video.subtitle_group, None}]
    if tuple(languages) == ("none",):
        return []
    full = [r for r in offered if not r.forced]
    if languages:
        chosen = _by_language(full, languages, "subtitles")
    else:
        found = [_plain(found) for language in spoken if language and (found := lookup(language, full))]
        chosen = [Choice(rendition=r, why="the audio's language") for r in found]
    forced = [r for language in spoken if language for r in lookup(language, [r for r in offered if r.forced])]
    chosen += [Choice(rendition=r, why="forced subtitles follow the audio") for r in forced]
    return list({c.rendition.id: c for c in reversed(chosen)}.values())[::-1]


def _by_language(offered: Sequence[Rendition], languages: Sequence[str], what: str) -> list[Choice]:
    if tuple(languages) == ("all",):
        languages = list(dict.fromkeys(r.language or "und" for r in offered))
    chosen: dict[str, Choice] = {}
    for language in languages:
        found = lookup(language, offered)
        if not found:
            there = ", ".join(sorted({r.language or "und" for r in offered})) or "none"
            raise NotFoundError(f"no {what} in {language}", f"there is: {there}", code="no-such-language")
        best = _best_audio(found) if what == "audio" else _plain(found)
        chosen.setdefault(best.id, Choice(rendition=best, why=f"{what} asked for: {language}"))
    return list(chosen.values())


def _best_audio(offered: Sequence[Rendition]) -> Rendition:
    """Main before commentary and description; then the richest that is not wasteful; then the plainest."""
    spoken = _without_roles(offered)
    modest = [r for r in spoken if r.bandwidth <= _MAX_AUDIO_RATE]
    return max(modest, key=lambda r: r.bandwidth) if modest else min(spoken, key=lambda r: r.bandwidth)


def _plain(offered: Sequence[Rendition]) -> Rendition:
    return _without_roles(offered)[0]


def _without_roles(offered: Sequence[Rendition]) -> Sequence[Rendition]:
    special = {"commentary", "description", "forced-subtitle", "forced_subtitle", "forced", "dub"}
    return [r for r in offered if not special & set(r.roles)] or offered
