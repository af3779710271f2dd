"""An HLS media playlist as inits and segments (RFC 8216 sections 4.3.2 and 4.3.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache, partial
from math import lcm

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.frozen import frozen
from offlinedl.manifest import hls_keys, hls_lines
from offlinedl.manifest.limits import LIMITS, Limits, absurd
from offlinedl.manifest.units import seconds, whole
from offlinedl.manifest.urls import extension, folder, joiner
from offlinedl.protection import Key, Protection
from offlinedl.streams import ByteRange, Resource, Segment

_RANGE = re.compile(r"([0-9]{1,18})(?:@([0-9]{1,18}))?")
_HINT = "the playlist is damaged: fetch it again, or tell its publisher"
_MAX_KEYS = 32
_WITHOUT_IV = ("-CTR", "-CENC", "-GCM")
_WHOLE = "give the title's multivariant playlist"

Map = tuple[str, ByteRange | None, tuple[Key, ...]]
"""An EXT-X-MAP: its URL, the part of it, and the keys in force at its line."""


@frozen
class Playlist:
    """What a media playlist lists. `container` is the file extension of its media, "" where nothing tells.

    `gaps` are the numbers of the segments that it has no media for.
    """

    container: str
    inits: tuple[Segment, ...]
    segments: tuple[Segment, ...]
    gaps: tuple[int, ...]
    protections: tuple[Protection, ...]


def read(text: str, url: str, limits: Limits = LIMITS) -> Playlist:
    """The playlist `text`, which came from `url`. Raises UnsupportedError where it is live or not a title."""
    limits.check_segments(count := text.count("\n#EXTINF"))
    limits.check_letters(len(text) + count * len(folder(url)))
    reader = _Reader(joiner(url), limits)
    hls_lines.walk(text, reader.tags())
    reader.check()
    inits = tuple(reader.inits.values())
    return Playlist(
        container=_container(reader.segments[0].resource.url, bool(inits)),
        inits=inits,
        segments=tuple(reader.segments),
        gaps=tuple(reader.gaps),
        protections=tuple(reader.protections),
    )


class _Reader:
    """Takes the lines in their order: what holds from now on, and what belongs to the next segment alone."""

    def __init__(self, absolute: Callable[[str], str], limits: Limits) -> None:
        self.inits: dict[Map, Segment] = {}
        self.segments: list[Segment] = []
        self.gaps: list[int] = []
        self.protections: dict[Protection, None] = {}
        self._absolute = absolute
        self._limits = limits
        self._key_uri = lru_cache(maxsize=256)(partial(hls_keys.key_uri, absolute=absolute))
        self._clock = _Clock()
        self._count = 0
        self._sequence = 0
        self._ended = self._vod = False
        self._keys: dict[str, Key] = {}
        self._last_key: tuple[str, Key] | None = None
        self._in_force: tuple[Key, ...] = ()
        self._is_iv_implied = False
        self._map: Map | None = None
        self._range_end: tuple[str, int] = ("", 0)
        self._duration: Fraction | None = None
        self._part: tuple[int, int | None] | None = None
        self._is_gap = self._breaks = False

    def tags(self) -> hls_lines.Tags:
        """What is read of a media playlist; every other tag is passed over."""
        return {
            hls_lines.URI: self._uri,
            "#EXTINF": self._extinf,
            "#EXT-X-BYTERANGE": self._byterange,
            "#EXT-X-KEY": self._key,
            "#EXT-X-MAP": self._map_tag,
            "#EXT-X-GAP": self._gap,
            "#EXT-X-DISCONTINUITY": self._discontinuity,
            "#EXT-X-MEDIA-SEQUENCE": self._media_sequence,
            "#EXT-X-PLAYLIST-TYPE": self._playlist_type,
            "#EXT-X-ENDLIST": self._endlist,
            "#EXT-X-I-FRAMES-ONLY": self._pictures_only,
            "#EXT-X-IMAGES-ONLY": self._pictures_only,
            "#EXT-X-SKIP": self._skip,
        }

    def check(self) -> None:
        """Raises where the playlist is live, cut off or empty."""
        if self._duration is not None and not self._ended:
            raise DamagedError("it ends in the middle of a segment", _HINT)
        if not (self._ended or self._vod):
            raise UnsupportedError(
                "it is live: it has no end yet (no EXT-X-ENDLIST)",
                "come back when the broadcast is over, or ask its publisher for the recording",
                code="live",
            )
        if not self.segments:
            raise DamagedError("it lists no segment that can be fetched", _HINT)

    def _uri(self, uri: str) -> None:
        """RFC 8216 section 4.1: a URI line ends its segment; a gap keeps its number and its time, and is left out."""
        duration = self._duration
        if duration is None:
            raise DamagedError("a URI has no EXTINF before it", _HINT)
        number = self._count
        if number >= self._limits.segments:
            self._limits.check_segments(number + 1)
        resource = self._resource(self._absolute(uri))
        if self._is_gap:
            self.gaps.append(number)
        else:
            keys = _with_iv(self._in_force, self._sequence + number) if self._is_iv_implied else self._in_force
            init = None if self._map is None else self._init(self._map)
            start = self._clock.now()
            made = Segment(
                number=number, resource=resource, start=start, duration=duration, init=init, keys=keys,
                breaks=self._breaks,
            )  # fmt: skip
            self.segments.append(made)
            self._breaks = False
        self._count = number + 1
        self._clock.pass_by(duration)
        self._duration = self._part = None
        self._is_gap = False

    def _resource(self, url: str) -> Resource:
        """RFC 8216 section 4.3.2.2: a range without an offset begins after the range before, of the same resource."""
        if self._part is None:
            self._range_end = ("", 0)
            return Resource(url=url)
        length, offset = self._part
        if offset is None:
            before, offset = self._range_end
            if before != url:
                raise DamagedError(
                    "an EXT-X-BYTERANGE has no offset, and the segment before it is no range of its file", _HINT
                )
        self._range_end = (url, offset + length)
        return Resource(url=url, range=_range(offset, length))

    def _init(self, wanted: Map) -> int:
        """RFC 8216 section 4.3.2.5: the number of the init segment; one that is repeated keeps its number."""
        init = self.inits.get(wanted)
        if init is None:
            url, part, keys = wanted
            if any(key.keyformat == "identity" and key.iv is None and key.method == "AES-128" for key in keys):
                raise DamagedError("an EXT-X-MAP is encrypted with an EXT-X-KEY that has no IV", _HINT)
            init = Segment(number=len(self.inits), resource=Resource(url=url, range=part), keys=keys)
            self.inits[wanted] = init
        return init.number

    def _extinf(self, value: str) -> None:
        """RFC 8216 section 4.3.2.1: the duration in seconds, then a comma and a title that is not kept."""
        self._duration = seconds(value.partition(",")[0])
        if self._duration is None:
            raise DamagedError("an EXTINF has no duration", _HINT)

    def _byterange(self, value: str) -> None:
        """RFC 8216 section 4.3.2.2: length, and where it begins unless it follows the segment before."""
        self._part = _length_and_offset(value)

    def _key(self, value: str) -> None:
        """RFC 8216 section 4.3.2.4: holds until the next one of its KEYFORMAT; METHOD=NONE ends all.

        A key that differs from the one before by no more than the IV at its end, as one per segment does, is not read
        again.
        """
        head, mark, iv = value.rpartition(",IV=")
        if mark and self._last_key is not None and self._last_key[0] == head and '"' not in iv and "," not in iv:
            last = self._last_key[1]
            again = Key(method=last.method, uri=last.uri, iv=hls_keys.iv(iv.strip()), keyformat=last.keyformat)
            self._keys[again.keyformat] = again
            self._in_force = (again,) if len(self._keys) == 1 else tuple(self._keys.values())
            self._is_iv_implied = len(self._keys) > 1
            return
        attribute = hls_lines.attributes(value)
        key = hls_keys.key(attribute, self._key_uri)
        if key is None:
            self._keys = {}
        else:
            self._keys[key.keyformat] = key
            if len(self._keys) > _MAX_KEYS:  # all of them are kept with each segment
                raise absurd("it has keys in more formats at a time than are kept", _MAX_KEYS)
            self._last_key = (head, key) if mark and "IV=" not in head else None
            if key.keyformat != "identity" and (protection := hls_keys.protection(attribute, key)):
                self.protections[protection] = None
        self._in_force = tuple(self._keys.values())
        self._is_iv_implied = any(key.iv is None for key in self._in_force)

    def _map_tag(self, value: str) -> None:
        """RFC 8216 section 4.3.2.5: the init segment from here on, encrypted with the keys in force at this line."""
        attribute = hls_lines.attributes(value)
        if not attribute.get("URI"):
            raise DamagedError("an EXT-X-MAP has no URI", _HINT)
        part = None
        if "BYTERANGE" in attribute:
            length, offset = _length_and_offset(attribute["BYTERANGE"])
            part = _range(offset or 0, length)
        self._map = (self._absolute(attribute["URI"]), part, self._in_force)

    def _gap(self, _value: str) -> None:
        """rfc8216bis section 4.4.4.7: the segment is not there."""
        self._is_gap = True

    def _discontinuity(self, _value: str) -> None:
        """RFC 8216 section 4.3.2.3: timestamps do not go on; where what follows is a gap, neither do those after it."""
        self._breaks = bool(self.segments)

    def _media_sequence(self, value: str) -> None:
        """RFC 8216 section 4.3.3.2: the number of the first segment, said before it; a fraction is let pass."""
        number = whole(value.partition(".")[0])
        if number is None or self._count:
            raise DamagedError("the EXT-X-MEDIA-SEQUENCE is not a number, or stands after a segment", _HINT)
        self._sequence = number

    def _playlist_type(self, value: str) -> None:
        """RFC 8216 section 4.3.3.5: VOD never changes, EVENT may grow."""
        self._vod = value.strip().upper() == "VOD"

    def _endlist(self, _value: str) -> None:
        """RFC 8216 section 4.3.3.4: nothing will be added."""
        self._ended = True

    def _pictures_only(self, _value: str) -> None:
        """RFC 8216 section 4.3.3.6: single pictures for seeking, not a title."""
        raise UnsupportedError("it holds only single pictures, for seeking", _WHOLE)

    def _skip(self, _value: str) -> None:
        """rfc8216bis section 4.4.5.2: a delta update leaves out the segments that the player is thought to know."""
        raise UnsupportedError("it is a delta update without its first segments", _WHOLE)


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
    for position, key in enumerate(keys):
        if key.iv is None and key.keyformat == "identity" and not key.method.endswith(_WITHOUT_IV):
            implied = replace(key, iv=hls_keys.implied_iv(sequence))
            return (*keys[:position], implied, *keys[position + 1 :])
    return keys


def _length_and_offset(text: str) -> tuple[int, int | None]:
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise DamagedError("a byte range is not of the form LENGTH or LENGTH@OFFSET", _HINT)
    return int(match[1]), int(match[2]) if match[2] else None


def _range(offset: int, length: int) -> ByteRange:
    if length == 0:
        raise DamagedError("a byte range has no length", _HINT)
    return ByteRange(first=offset, last=offset + length - 1)


_CONTAINERS = {"webvtt": "vtt"} | {name: name for name in ("ts", "aac", "ac3", "ec3", "mp3", "vtt", "webm")}
_MP4 = {"mp4", "m4s", "m4v", "m4a", "m4f", "cmfv", "cmfa", "cmft"}


def _container(url: str, has_map: bool) -> str:
    """What the segments are, by their extension; with an init segment it is MP4 unless the extension says otherwise."""
    suffix = extension(url)
    if suffix in _MP4 or (has_map and suffix != "ts"):
        return "mp4"
    return _CONTAINERS.get(suffix, "")
