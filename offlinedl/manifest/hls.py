"""HLS (RFC 8216, rfc8216bis): the multivariant playlist as renditions, a media playlist as their segments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

from offlinedl.errors import DamagedError, OfflinedlError, UnsupportedError, shown
from offlinedl.manifest import hls_keys, hls_lines, hls_media, hls_pathways, hls_steering
from offlinedl.manifest.hls_lines import recognises
from offlinedl.manifest.hls_pathways import Attributes, Stream
from offlinedl.manifest.hls_steering import Directions
from offlinedl.manifest.limits import LIMITS, Limits, absurd, seen_at
from offlinedl.manifest.tracks import audio_codecs, distinct, kind_of
from offlinedl.manifest.units import seconds, whole
from offlinedl.manifest.urls import joiner
from offlinedl.model import Kind
from offlinedl.protection import Protection
from offlinedl.streams import Manifest, Rendition, Resource, Steering

__all__ = ["NAME", "expand", "parse", "recognises"]

NAME = "hls"

_ROLES = {
    "public.accessibility.describes-video": "description",
    "public.accessibility.transcribes-spoken-dialog": "caption",
    "public.accessibility.describes-music-and-sound": "caption",
    "public.easy-to-read": "easyreader",
    "public.auxiliary-content": "supplementary",
}
_MAX_RENDITIONS = 10_000
_AUDIO_FILES = {"aac", "ac3", "ec3", "mp3"}
_HINT = "the playlist is damaged: fetch it again, or tell its publisher"
_NO_PIECES: Mapping[str, bytes] = {}


def parse(data: bytes, url: str, limits: Limits = LIMITS, pieces: Mapping[str, bytes] = _NO_PIECES) -> Manifest:
    """The renditions of a multivariant playlist, or the one rendition that a media playlist is. `pieces` may hold the
    steering manifest, by its address."""
    with seen_at(shown(url)):
        text, variables = hls_lines.define(hls_lines.text_of(data, limits), url, limits=limits)
        if not recognises(data):
            raise UnsupportedError("it does not begin with #EXTM3U, so it is not HLS (RFC 8216 section 4.3.1.1)")
        if "#EXT-X-STREAM-INF" in text or "#EXT-X-MEDIA:" in text:
            return _multivariant(text, url, variables, pieces)
        if "#EXT-X-I-FRAME-STREAM-INF" in text:
            raise UnsupportedError("it offers only single pictures", "give the title's multivariant playlist")
        rendition = _expanded(Rendition(id="main", kind=Kind.VIDEO, container=""), text, url, limits)
        return Manifest(format=NAME, url=url, renditions=(rendition,), duration=_end(rendition))


def expand(rendition: Rendition, index: bytes, url: str, limits: Limits = LIMITS) -> Rendition:
    """`rendition` with the segments of its media playlist `index`, which came from `url`."""
    with seen_at(shown(url)):
        if not recognises(index):
            raise DamagedError("what came instead of a media playlist does not begin with #EXTM3U", _HINT)
        text, _ = hls_lines.define(hls_lines.text_of(index, limits), url, rendition.variables, limits)
        if "#EXT-X-STREAM-INF" in text:
            raise DamagedError("a multivariant playlist stands where a media playlist should", _HINT)
        return _expanded(rendition, text, url, limits)


def _expanded(rendition: Rendition, text: str, url: str, limits: Limits) -> Rendition:
    playlist = hls_media.read(text, url, limits)
    container = playlist.container or ("vtt" if rendition.kind is Kind.SUBTITLES else "ts")
    kind = rendition.kind
    if rendition.index is None:  # a media playlist on its own says what it carries only by its files
        kind = Kind.AUDIO if container in _AUDIO_FILES else Kind.SUBTITLES if container == "vtt" else kind
    return replace(
        rendition,
        kind=kind,
        container=container,
        index=None,
        variables=(),
        bases=hls_pathways.below(rendition.bases, url),
        inits=playlist.inits,
        segments=playlist.segments,
        gaps=playlist.gaps,
        protections=tuple(dict.fromkeys((*rendition.protections, *playlist.protections))),
    )


def _end(rendition: Rendition) -> Fraction:
    last = rendition.segments[-1]
    return last.start + last.duration


def _multivariant(text: str, url: str, variables: tuple[tuple[str, str], ...], pieces: Mapping[str, bytes]) -> Manifest:
    """RFC 8216 section 4.3.4: variants and renditions, each with the media playlist that lists its segments."""
    if text.count("#EXT-X-STREAM-INF") + text.count("#EXT-X-MEDIA:") > _MAX_RENDITIONS:
        raise absurd("it has more variants and renditions than are read", _MAX_RENDITIONS)
    reader = _Reader(joiner(url))
    hls_lines.walk(text, reader.tags())
    said = dict.fromkeys(reader.renditions(pieces))  # what is said twice, word for word, is one
    renditions = tuple(replace(rendition, variables=variables) for rendition in distinct(said))
    if not renditions:
        raise DamagedError("it offers nothing: no variant and no rendition", _HINT)
    return Manifest(
        format=NAME, url=url, renditions=renditions, protections=tuple(reader.protections), steering=reader.steering
    )


class _Reader:
    """Takes the tags of a multivariant playlist in their order."""

    def __init__(self, absolute: Callable[[str], str]) -> None:
        self.absolute = absolute
        self.protections: dict[Protection, None] = {}
        self._server, self._pathway = "", ""
        self._pathways = hls_pathways.Pathways()
        self._waiting: list[Attributes] = []
        self._media: list[Stream] = []
        self._in_segments: dict[str, tuple[bool, str]] = {}
        self._groups: dict[tuple[str, str], Rendition] = {}

    def tags(self) -> hls_lines.Tags:
        """What is read of a multivariant playlist; every other tag is passed over."""
        return {
            hls_lines.URI: self._uri,
            "#EXT-X-STREAM-INF": lambda value: self._waiting.append(hls_lines.attributes(value)),
            "#EXT-X-MEDIA": self._media_tag,
            "#EXT-X-SESSION-KEY": self._session_key,
            "#EXT-X-CONTENT-STEERING": self._content_steering,
        }

    def _uri(self, uri: str) -> None:
        """RFC 8216 section 4.3.4.2: what waits for a URI takes it; two tags before one URI are two variants."""
        if not self._waiting:
            raise DamagedError("a URI has no EXT-X-STREAM-INF before it", _HINT)
        for attribute in self._waiting:
            self._pathways.variant(attribute, self.absolute(uri))
        self._waiting = []

    def _media_tag(self, value: str) -> None:
        """RFC 8216 section 4.3.4.1: a rendition; a sound without a URI is in the segments of the variants."""
        attribute = hls_lines.attributes(value)
        kind, group = attribute.get("TYPE", ""), attribute.get("GROUP-ID", "")
        if attribute.get("URI") and kind in _MEDIA:
            self._media.append(Stream(attribute, {self.absolute(attribute["URI"]): frozenset()}))
        elif kind == "AUDIO":
            said = (attribute.get("DEFAULT") == "YES", attribute.get("LANGUAGE", ""))
            before = self._in_segments.setdefault(group, said)
            self._in_segments[group] = said if said[0] and not before[0] else before

    def _content_steering(self, value: str) -> None:
        """rfc8216bis section 4.4.6.6: the pathway to begin with, and who knows better. Who cannot be asked is not."""
        attribute = hls_lines.attributes(value)
        self._pathway = attribute.get("PATHWAY-ID", "")
        with suppress(OfflinedlError):
            self._server = self.absolute(attribute["SERVER-URI"]) if attribute.get("SERVER-URI") else ""

    @property
    def steering(self) -> Steering | None:
        """Who says which pathway is to be asked first."""
        if not self._server:
            return None
        named = [self._pathway, *(stream.attributes.get("PATHWAY-ID", "") for stream in self._pathways.variants[:1])]
        return Steering(url=self._server, pathway=next(filter(None, named), hls_pathways.DEFAULT))

    def renditions(self, pieces: Mapping[str, bytes]) -> Iterator[Rendition]:
        """All that is offered, the variants first; steered as `pieces` say, else to the pathway to begin with."""
        directions = hls_steering.read(pieces.get(self._server, b"")) or Directions(priority=(self._pathway,))
        own = set()
        for stream in self._pathways.variants:
            hls_steering.steer(stream, directions)
            variant = self._variant(stream)
            for media in ("AUDIO", "VIDEO"):
                self._groups.setdefault((media, stream.attributes.get(media, "")), variant)
            if variant.kind is Kind.VIDEO:
                own.add(variant.index)
            yield variant
        for stream in self._pathways.media(self._media):
            hls_steering.steer(stream, directions)
            rendition = self._rendition(stream)
            if rendition.kind is not Kind.VIDEO:
                yield rendition
            elif rendition.index not in own:
                yield self._angle(rendition)

    def _variant(self, stream: Stream) -> Rendition:
        """RFC 8216 section 4.3.4.2: a variant; without pictures in its CODECS it is an audio rung."""
        attribute = stream.attributes
        codecs = attribute.get("CODECS", "")
        width, height = _resolution(attribute.get("RESOLUTION", ""))
        kind = Kind.VIDEO if width else kind_of(codecs)
        bandwidth = int(seconds(attribute.get("BANDWIDTH", "")) or 0)
        muxed = self._in_segments.get(attribute.get("AUDIO", "")) if kind is Kind.VIDEO else None
        return Rendition(
            id=attribute.get("STABLE-VARIANT-ID") or _variant_id(kind, height, bandwidth),
            kind=kind,
            container="",
            bandwidth=bandwidth,
            width=width,
            height=height,
            codecs=codecs,
            supplemental_codecs=attribute.get("SUPPLEMENTAL-CODECS", ""),
            frame_rate=seconds(attribute.get("FRAME-RATE", "")) or None,
            video_range=attribute.get("VIDEO-RANGE", ""),
            name=attribute.get("NAME", ""),
            muxed_audio=muxed[1] if muxed else None,
            audio_group=attribute.get("AUDIO"),
            subtitle_group=attribute.get("SUBTITLES"),
            index=Resource(url=next(iter(stream.urls))),
            bases=hls_pathways.bases(stream.urls),
        )

    def _rendition(self, stream: Stream) -> Rendition:
        """RFC 8216 section 4.3.4.1: EXT-X-MEDIA. What is the default may be selected without being asked for."""
        attribute, kind = stream.attributes, _MEDIA[stream.attributes["TYPE"]]
        group, language, name = (attribute.get(key, "") for key in ("GROUP-ID", "LANGUAGE", "NAME"))
        default, forced = attribute.get("DEFAULT") == "YES", attribute.get("FORCED") == "YES"
        parts = (kind, group, language or name, "forced" if forced else "")
        return Rendition(
            id=attribute.get("STABLE-RENDITION-ID") or "-".join(part for part in parts if part),
            kind=kind,
            container="",
            codecs=self._codecs(kind, group),
            channels=attribute.get("CHANNELS", ""),
            language=language,
            name=name,
            roles=_roles(attribute),
            default=default,
            autoselect=default or attribute.get("AUTOSELECT") == "YES",
            forced=forced,
            group=group or None,
            index=Resource(url=next(iter(stream.urls))),
            bases=hls_pathways.bases(stream.urls),
        )

    def _codecs(self, kind: Kind, group: str) -> str:
        """The codecs of a sound, which only the variants that go with its group state."""
        variant = self._groups.get(("AUDIO", group)) if kind is Kind.AUDIO else None
        return audio_codecs(variant.codecs) if variant else ""

    def _angle(self, rendition: Rendition) -> Rendition:
        """RFC 8216 section 4.3.4.1.1: other pictures for the variants that name their group, and of the same size."""
        variant = self._groups.get(("VIDEO", rendition.group or ""))
        if variant is None:
            return replace(rendition, roles=(*rendition.roles, "alternate"))
        return replace(
            variant,
            id=rendition.id,
            name=rendition.name,
            roles=("alternate",),
            index=rendition.index,
            bases=rendition.bases,
        )

    def _session_key(self, value: str) -> None:
        """RFC 8216 section 4.3.4.5: the license that will be needed, known before any media playlist."""
        attribute = hls_lines.attributes(value)
        key = hls_keys.key(attribute, lambda uri: hls_keys.key_uri(uri, self.absolute))
        protection = hls_keys.protection(attribute, key) if key else None
        if protection:
            self.protections[protection] = None


_MEDIA = {"AUDIO": Kind.AUDIO, "SUBTITLES": Kind.SUBTITLES, "VIDEO": Kind.VIDEO}


def _resolution(text: str) -> tuple[int, int]:
    """RFC 8216 section 4.2: a decimal resolution; (0, 0) where there is none."""
    width, _, height = text.lower().partition("|")[0].partition("x")
    size = (whole(width) or 0, whole(height) or 0)
    return size if all(size) else (0, 0)


def _roles(attribute: Attributes) -> tuple[str, ...]:
    """RFC 8216 section 4.3.4.1: CHARACTERISTICS and FORCED, in the words of DASH (23009-1 section 5.8.5.5)."""
    marks = [mark.strip() for mark in attribute.get("CHARACTERISTICS", "").split(",")]
    roles = [_ROLES[mark] for mark in marks if mark in _ROLES]
    if attribute.get("FORCED") == "YES":
        roles.append("forced-subtitle")
    return tuple(dict.fromkeys(roles))


def _variant_id(kind: Kind, height: int, bandwidth: int) -> str:
    return "-".join([kind, *([f"{height}p"] if height else []), str(bandwidth)])
