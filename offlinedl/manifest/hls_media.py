"""An HLS media playlist as inits and segments (RFC 8216 sections 4.3.2 and 4.3.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from typing import Any

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest import hls_keys, hls_lines
from offlinedl.manifest.units import seconds, whole
from offlinedl.manifest.urls import extension, joiner
from offlinedl.model import ByteRange, Key, Protection, Resource, Segment

MAX_SEGMENTS = 2_000_000

_RANGE = re.compile(r"([0-9]{1,18})(?:@([0-9]{1,18}))?")
_HINT = "The playlist is damaged: fetch it again, or tell its publisher."
_WHOLE = "Give the title's multivariant playlist."

Draft = dict[str, Any]
"""What is known of the next segment: duration, keys, map, range, gap; m3u8 adds the uri."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playlist:
    """What a media playlist lists. `container` is the file extension of its media, "" where nothing tells."""

    container: str
    inits: tuple[Segment, ...]
    segments: tuple[Segment, ...]
    protections: tuple[Protection, ...]


def read(text: str, url: str) -> Playlist:
    """The playlist `text`, which came from `url`. Raises UnsupportedError where it is live or not a title."""
    reader = _Reader(joiner(url))
    drafts = [draft for draft in hls_lines.walk(text, reader.tag)["segments"] if reader.complete(draft)]
    reader.refuse(len(drafts))
    hls_lines.check_uris(text, len(drafts), "EXTINF")
    builder = _Builder(reader)
    segments = tuple(builder.segments(drafts))
    if not segments:
        raise DamagedError("The playlist lists no segment that can be fetched.", _HINT)
    inits = tuple(builder.inits.values())
    return Playlist(
        container=_container(segments[0].resource.url, bool(inits)),
        inits=inits,
        segments=segments,
        protections=tuple(reader.protections),
    )


class _Reader:
    """Takes the tags in their order: what holds from now on, and what belongs to the next segment alone."""

    def __init__(self, absolute: Callable[[str], str]) -> None:
        self.absolute = absolute
        self.sequence = 0
        self.ended = False
        self.vod = False
        self.protections: dict[Protection, None] = {}
        self._keys: dict[str, Key] = {}
        self._in_force: tuple[Key, ...] = ()
        self._map: tuple[str, ByteRange | None, tuple[Key, ...]] | None = None
        self._tags: Mapping[str, Callable[[str, Draft], None]] = {
            "#EXTINF": self._extinf,
            "#EXT-X-BYTERANGE": self._byterange,
            "#EXT-X-KEY": self._key,
            "#EXT-X-MAP": self._map_tag,
            "#EXT-X-GAP": self._gap,
            "#EXT-X-MEDIA-SEQUENCE": self._media_sequence,
            "#EXT-X-PLAYLIST-TYPE": self._playlist_type,
            "#EXT-X-ENDLIST": self._endlist,
            "#EXT-X-I-FRAMES-ONLY": self._i_frames_only,
            "#EXT-X-IMAGES-ONLY": self._i_frames_only,
            "#EXT-X-SKIP": self._skip,
        }

    def tag(self, name: str, value: str, state: hls_lines.State) -> None:
        """One tag. The draft of the next segment lies in m3u8's state, which takes it away at the URI."""
        handler = self._tags.get(name)
        if handler is None:
            return
        draft = state.get("segment")
        if draft is None:
            draft = state["segment"] = {"keys": self._in_force, "map": self._map}
        handler(value, draft)
        state["expect_segment"] = "duration" in draft

    def complete(self, draft: Draft) -> bool:
        """RFC 8216 section 4.3.2: has the draft become a segment? What is begun and not ended means a cut-off file."""
        if "uri" not in draft and "duration" in draft and not self.ended:
            raise DamagedError("The playlist ends in the middle of a segment.", _HINT)
        return "uri" in draft

    def refuse(self, count: int) -> None:
        """Raises where the playlist has no end, or too many segments."""
        if not (self.ended or self.vod):
            raise UnsupportedError(
                "The playlist is live: it has no end yet (no EXT-X-ENDLIST).",
                "Come back when the broadcast is over, or ask its publisher for the recording.",
                code="live",
            )
        if count > MAX_SEGMENTS:
            raise UnsupportedError(f"The playlist has {count} segments; {MAX_SEGMENTS} is the limit.", code="too-large")

    def _extinf(self, value: str, draft: Draft) -> None:
        """RFC 8216 section 4.3.2.1: the duration in seconds, then a comma and a title that is not kept."""
        duration = seconds(value)
        if duration is None:
            raise DamagedError("An EXTINF has no duration.", _HINT)
        draft["duration"] = duration

    def _byterange(self, value: str, draft: Draft) -> None:
        """RFC 8216 section 4.3.2.2: length, and where it begins unless it follows the segment before."""
        draft["range"] = _length_and_offset(value)

    def _key(self, value: str, draft: Draft) -> None:
        """RFC 8216 section 4.3.2.4: holds until the next one of its KEYFORMAT; METHOD=NONE ends all."""
        attribute = hls_lines.attributes(value)
        key = hls_keys.key(attribute, self.absolute)
        if key is None:
            self._keys = {}
        else:
            self._keys[key.keyformat] = key
            if key.keyformat != "identity" and (protection := hls_keys.protection(attribute, key)):
                self.protections[protection] = None
        self._in_force = draft["keys"] = tuple(self._keys.values())

    def _map_tag(self, value: str, draft: Draft) -> None:
        """RFC 8216 section 4.3.2.5: the init segment from here on, encrypted with the keys in force at this line."""
        attribute = hls_lines.attributes(value)
        if not attribute.get("URI"):
            raise DamagedError("An EXT-X-MAP has no URI.", _HINT)
        part = None
        if "BYTERANGE" in attribute:
            length, offset = _length_and_offset(attribute["BYTERANGE"])
            part = _range(offset or 0, length)
        self._map = draft["map"] = (self.absolute(attribute["URI"]), part, self._in_force)

    def _gap(self, _value: str, draft: Draft) -> None:
        """rfc8216bis section 4.4.4.7: the segment is not there; it keeps its place and its number."""
        draft["gap"] = True

    def _media_sequence(self, value: str, _draft: Draft) -> None:
        """RFC 8216 section 4.3.3.2: the number of the first segment; a part after the point is let pass."""
        number = whole(value.partition(".")[0])
        if number is None:
            raise DamagedError("The EXT-X-MEDIA-SEQUENCE is not a number.", _HINT)
        self.sequence = number

    def _playlist_type(self, value: str, _draft: Draft) -> None:
        """RFC 8216 section 4.3.3.5: VOD never changes, EVENT may grow."""
        self.vod = value.strip().upper() == "VOD"

    def _endlist(self, _value: str, _draft: Draft) -> None:
        """RFC 8216 section 4.3.3.4: nothing will be added."""
        self.ended = True

    def _i_frames_only(self, _value: str, _draft: Draft) -> None:
        """RFC 8216 section 4.3.3.6: single pictures for seeking, not a title."""
        raise UnsupportedError("The playlist holds only single pictures, for seeking.", _WHOLE)

    def _skip(self, _value: str, _draft: Draft) -> None:
        """rfc8216bis section 4.4.5.2: a delta update leaves out the segments that the player is thought to know."""
        raise UnsupportedError("The playlist is a delta update without its first segments.", _WHOLE)


class _Builder:
    """Makes segments of drafts, in one pass; the state is what one segment hands to the next."""

    def __init__(self, reader: _Reader) -> None:
        self.inits: dict[tuple[str, ByteRange | None, tuple[Key, ...]], Segment] = {}
        self._absolute = reader.absolute
        self._sequence = reader.sequence
        self._range_end: tuple[str, int] = ("", 0)

    def segments(self, drafts: list[Draft]) -> list[Segment]:
        """The segments that are there; a gap keeps its number and its time and is left out."""
        made = []
        clock = _Clock()
        for number, draft in enumerate(drafts):
            resource = self._resource(self._absolute(draft["uri"]), draft.get("range"))
            duration = draft["duration"]
            if "gap" not in draft:
                segment = Segment(
                    number=number,
                    resource=resource,
                    start=clock.now(),
                    duration=duration,
                    init=self._init(draft["map"]),
                    keys=_with_iv(draft["keys"], self._sequence + number),
                )
                made.append(segment)
            clock.pass_by(duration)
        return made

    def _resource(self, url: str, part: tuple[int, int | None] | None) -> Resource:
        """RFC 8216 section 4.3.2.2: a range without an offset begins after the range before, of the same resource."""
        if part is None:
            self._range_end = ("", 0)
            return Resource(url=url)
        length, offset = part
        if offset is None:
            before, offset = self._range_end
            if before != url:
                raise DamagedError(
                    "An EXT-X-BYTERANGE has no offset, and the segment before it is no range of its file.", _HINT
                )
        self._range_end = (url, offset + length)
        return Resource(url=url, range=_range(offset, length))

    def _init(self, wanted: tuple[str, ByteRange | None, tuple[Key, ...]] | None) -> int | None:
        """RFC 8216 section 4.3.2.5: the number of the init segment; one that is repeated keeps its number."""
        if wanted is None:
            return None
        init = self.inits.get(wanted)
        if init is None:
            url, part, keys = wanted
            if any(key.keyformat == "identity" and key.iv is None and key.method == "AES-128" for key in keys):
                raise DamagedError("An EXT-X-MAP is encrypted with an EXT-X-KEY that has no IV.", _HINT)
            init = Segment(number=len(self.inits), resource=Resource(url=url, range=part), keys=keys)
            self.inits[wanted] = init
        return init.number


class _Clock:
    """Adds up durations exactly, over one denominator: as cheap as whole numbers are."""

    def __init__(self) -> None:
        self._sum, self._scale = 0, 1

    def now(self) -> Fraction:
        return Fraction(self._sum, self._scale)

    def pass_by(self, duration: Fraction) -> None:
        scale = duration.denominator
        if self._scale % scale:
            self._scale, before = lcm(self._scale, scale), self._scale
            self._sum *= self._scale // before
        self._sum += duration.numerator * (self._scale // scale)


def _with_iv(keys: tuple[Key, ...], sequence: int) -> tuple[Key, ...]:
    """RFC 8216 section 5.2: the identity format without an IV takes the playlist's own media sequence number."""
    for key in keys:
        if key.iv is None and key.keyformat == "identity":
            implied = hls_keys.implied_iv(sequence)
            return tuple(replace(k, iv=implied) if k.iv is None and k.keyformat == "identity" else k for k in keys)
    return keys


def _length_and_offset(text: str) -> tuple[int, int | None]:
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise DamagedError("A byte range is not of the form LENGTH or LENGTH@OFFSET.", _HINT)
    return int(match[1]), int(match[2]) if match[2] else None


def _range(offset: int, length: int) -> ByteRange:
    if length == 0:
        raise DamagedError("A byte range has no length.", _HINT)
    return ByteRange(first=offset, last=offset + length - 1)


_CONTAINERS = {"webvtt": "vtt"} | {name: name for name in ("ts", "aac", "ac3", "ec3", "mp3", "vtt", "webm")}
_MP4 = {"mp4", "m4s", "m4v", "m4a", "m4f", "cmfv", "cmfa", "cmft"}


def _container(url: str, has_map: bool) -> str:
    """What the segments are, by their extension; with an init segment it is MP4 unless the extension says otherwise."""
    suffix = extension(url)
    if suffix in _MP4 or (has_map and suffix != "ts"):
        return "mp4"
    return _CONTAINERS.get(suffix, "")
