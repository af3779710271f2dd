"""HLS (RFC 8216, rfc8216bis): the multivariant playlist as renditions, a media playlist as their segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest import hls_keys, hls_lines, hls_media
from offlinedl.manifest.hls_lines import recognises
from offlinedl.manifest.tracks import audio_codecs, distinct, kind_of
from offlinedl.manifest.units import seconds, whole
from offlinedl.manifest.urls import joiner
from offlinedl.model import Kind
from offlinedl.streams import Manifest, Protection, Rendition, Resource

__all__ = ["NAME", "expand", "parse", "recognises"]

NAME = "hls"

Attributes = Mapping[str, str]

_ROLES = {
    "public.accessibility.describes-video": "description",
    "public.accessibility.transcribes-spoken-dialog": "caption",
    "public.accessibility.describes-music-and-sound": "caption",
    "public.easy-to-read": "easyreader",
    "public.auxiliary-content": "supplementary",
}
_AUDIO_FILES = {"aac", "ac3", "ec3", "mp3"}
_HINT = "The playlist is damaged: fetch it again, or tell its publisher."


def parse(data: bytes, url: str) -> Manifest:
    """The renditions of a multivariant playlist, or the one rendition that a media playlist is."""
    text = hls_lines.define(hls_lines.text_of(data), url, {})
    if not recognises(data):
        raise UnsupportedError("The playlist does not begin with #EXTM3U, so it is not HLS (RFC 8216 section 4.3.1.1).")
    if "#EXT-X-STREAM-INF" in text or "#EXT-X-MEDIA:" in text:
        return _multivariant(text, url)
    if "#EXT-X-I-FRAME-STREAM-INF" in text:
        raise UnsupportedError("The playlist offers only single pictures.", "Give the title's multivariant playlist.")
    rendition = _expanded(Rendition(id="main", kind=Kind.VIDEO, container=""), text, url)
    return Manifest(format=NAME, url=url, renditions=(rendition,), duration=_end(rendition))


def expand(rendition: Rendition, index: bytes, url: str) -> Rendition:
    """`rendition` with the segments of its media playlist `index`, which came from `url`."""
    if not recognises(index):
        raise DamagedError("What came instead of a media playlist does not begin with #EXTM3U.", _HINT)
    text = hls_lines.define(hls_lines.text_of(index), url, {})
    if "#EXT-X-STREAM-INF" in text:
        raise DamagedError("A multivariant playlist stands where a media playlist should.", _HINT)
    return _expanded(rendition, text, url)


def _expanded(rendition: Rendition, text: str, url: str) -> Rendition:
    playlist = hls_media.read(text, url)
    container = playlist.container or ("vtt" if rendition.kind is Kind.SUBTITLES else "ts")
    kind = rendition.kind
    if rendition.index is None:  # a media playlist on its own says what it carries only by its files
        kind = Kind.AUDIO if container in _AUDIO_FILES else Kind.SUBTITLES if container == "vtt" else kind
    return replace(
        rendition,
        kind=kind,
        container=container,
        index=None,
        inits=playlist.inits,
        segments=playlist.segments,
        protections=tuple(dict.fromkeys((*rendition.protections, *playlist.protections))),
    )


def _end(rendition: Rendition) -> Fraction:
    last = rendition.segments[-1]
    return last.start + last.duration


def _multivariant(text: str, url: str) -> Manifest:
    """RFC 8216 section 4.3.4: variants and renditions, each with the media playlist that lists its segments."""
    reader = _Reader(joiner(url))
    hls_lines.walk(text, reader.tags())
    said = dict.fromkeys([*reader.variants, *reader.media()])  # what is said twice, word for word, is one
    renditions = tuple(distinct(said))
    if not renditions:
        raise DamagedError("The playlist offers nothing: no variant and no rendition.", _HINT)
    return Manifest(format=NAME, url=url, renditions=renditions, protections=tuple(reader.protections))


class _Reader:
    """Takes the tags of a multivariant playlist in their order."""

    def __init__(self, absolute: Callable[[str], str]) -> None:
        self.absolute = absolute
        self.variants: list[Rendition] = []
        self.protections: dict[Protection, None] = {}
        self._waiting: list[Attributes] = []
        self._media: list[Attributes] = []
        self._groups: dict[tuple[str, str], Rendition] = {}

    def tags(self) -> hls_lines.Tags:
        """What is read of a multivariant playlist; every other tag is passed over."""
        return {
            hls_lines.URI: self._uri,
            "#EXT-X-STREAM-INF": lambda value: self._waiting.append(hls_lines.attributes(value)),
            "#EXT-X-MEDIA": lambda value: self._media.append(hls_lines.attributes(value)),
            "#EXT-X-SESSION-KEY": self._session_key,
        }

    def _uri(self, uri: str) -> None:
        """RFC 8216 section 4.3.4.2: what waits for a URI takes it; two tags before one URI are two variants."""
        if not self._waiting:
            raise DamagedError("The playlist has a URI without an EXT-X-STREAM-INF before it.", _HINT)
        for attribute in self._waiting:
            self._stream_inf(attribute, uri)
        self._waiting = []

    def _stream_inf(self, attribute: Attributes, uri: str) -> None:
        """RFC 8216 section 4.3.4.2: a variant; without pictures in its CODECS it is an audio rung."""
        codecs = attribute.get("CODECS", "")
        width, height = _resolution(attribute.get("RESOLUTION", ""))
        kind = Kind.VIDEO if width else kind_of(codecs)
        bandwidth = seconds(attribute.get("BANDWIDTH", ""))
        variant = Rendition(
            id=attribute.get("STABLE-VARIANT-ID") or _variant_id(kind, height, int(bandwidth or 0)),
            kind=kind,
            container="",
            bandwidth=int(bandwidth or 0),
            width=width,
            height=height,
            codecs=codecs,
            name=attribute.get("NAME", ""),
            audio_group=attribute.get("AUDIO"),
            subtitle_group=attribute.get("SUBTITLES"),
            index=Resource(url=self.absolute(uri)),
        )
        self.variants.append(variant)
        for media in ("AUDIO", "VIDEO"):
            self._groups.setdefault((media, attribute.get(media, "")), variant)

    def media(self) -> Iterable[Rendition]:
        """RFC 8216 section 4.3.4.1: the renditions; one without a URI is in the variants' own segments."""
        own = {variant.index for variant in self.variants if variant.kind is Kind.VIDEO}
        for attribute in self._media:
            kind = _MEDIA.get(attribute.get("TYPE", ""))
            if kind is None or not attribute.get("URI"):
                continue
            rendition = self._rendition(attribute, kind)
            if kind is not Kind.VIDEO:
                yield rendition
            elif rendition.index not in own:
                yield self._angle(rendition)

    def _rendition(self, attribute: Attributes, kind: Kind) -> Rendition:
        group, language, name = (attribute.get(key, "") for key in ("GROUP-ID", "LANGUAGE", "NAME"))
        parts = (kind, group, language or name, "forced" if attribute.get("FORCED") == "YES" else "")
        return Rendition(
            id=attribute.get("STABLE-RENDITION-ID") or "-".join(part for part in parts if part),
            kind=kind,
            container="",
            codecs=self._codecs(kind, group),
            language=language,
            name=name,
            roles=_roles(attribute),
            default=attribute.get("DEFAULT") == "YES",
            group=group or None,
            index=Resource(url=self.absolute(attribute["URI"])),
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
        return replace(variant, id=rendition.id, name=rendition.name, roles=("alternate",), index=rendition.index)

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
