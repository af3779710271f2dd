"""What a representation carries and how it is labelled (23009-1 sections 5.3.3, 5.3.5, 5.3.7 and 5.8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from offlinedl.errors import printable
from offlinedl.manifest import dash_query
from offlinedl.manifest.tracks import kind_of
from offlinedl.manifest.units import ratio, whole
from offlinedl.manifest.urls import extension
from offlinedl.manifest.xml import Element
from offlinedl.model import Kind
from offlinedl.protection import Protection
from offlinedl.streams import Rendition

_TRICK = "http://dashif.org/guidelines/trickmode"
_UNDERSTOOD = ("urn:mpeg:mpegb:cicp:", "urn:mpeg:dash:adaptation-set-switching:2016", "urn:dvb:dash:fontdownload:")
_ROLE = "urn:mpeg:dash:role:2011"
_ON_REQUEST = frozenset({"commentary", "description", "enhanced-audio-intelligibility", "easyreader"})
_TRANSFER = "urn:mpeg:mpegb:cicp:transfercharacteristics"
_RANGES = {"16": "PQ", "18": "HLG"}
_OBJECTS = "tag:dolby.com,2018:dash:ec3_extensioncomplexityindex:2018"
_COUNTED = ("urn:mpeg:dash:23003:3:audio_channel_configuration:", "tag:dts.com,2014:dash:audio_channel_configuration:")
_INDEXED = "urn:mpeg:mpegb:cicp:channelconfiguration"
_MASKED = ("tag:dolby.com,2014:dash:audio_channel_configuration:", "urn:dolby:dash:audio_channel_configuration:")
_LAYOUTS = (0, 1, 2, 3, 4, 5, 6, 8, 0, 3, 4, 7, 8, 24, 8, 12, 10, 12, 14, 12, 14)
"""ISO/IEC 23091-3 section 7.2: how many channels each ChannelConfiguration has."""
_PAIRS = 0b0000_0110_0111_0100
"""ETSI TS 102 366 table E.1.2: the bits of a channel map that stand for two loudspeakers."""
_PURPOSES = {"1": "description", "2": "enhanced-audio-intelligibility"}
_TEXT_CODECS = ("wvtt", "stpp")
_CONTAINERS = {
    "mp2t": "ts",
    "vtt": "vtt",
    "ttml+xml": "ttml",
    "x-subrip": "srt",
    "quicktime": "mp4",
    "mpeg": "mp3",
    "aac": "aac",
}


@dataclass(frozen=True, slots=True)
class Track:
    """A representation with what it inherits: `levels` up to the period, and the skeleton's two nodes."""

    levels: tuple[Element, ...]
    representation: Any
    adaptation: Any

    @property
    def id(self) -> str:
        """Section 5.3.5.2: Representation@id."""
        return (self.representation.id or "").strip() or f"representation-{self.bandwidth}"

    @property
    def bandwidth(self) -> int:
        """Section 5.3.5.2: bits per second, 0 where it is missing."""
        return int(self.representation.bandwidth or 0)

    @property
    def mime(self) -> str:
        return (self.representation.mime_type or self.adaptation.mime_type or "").strip().lower()

    @property
    def codecs(self) -> str:
        return (self.representation.codecs or self.adaptation.codecs or "").strip()

    def left_out(self) -> str:
        """Why the representation is not offered; "" where it is."""
        for element in (element for level in self.levels for element in level.all("EssentialProperty")):
            if not _understood(element):
                scheme = printable((element.get("schemeIdUri") or "").strip()[:100])
                what = f"that is not understood ({scheme})" if scheme else "without a schemeIdUri"
                return f"has an EssentialProperty {what}"
        if self.levels[0].get("dependencyId"):
            return "depends on another representation"
        return "holds pictures for seeking" if self._stills() else ""

    def _stills(self) -> bool:
        content = (self.adaptation.content_type or "").strip().lower()
        return content == "image" or self.mime.startswith("image/")

    def kind(self) -> Kind | None:
        """Section 5.3.3.2: by contentType, the MIME type or the codecs; None for what is no track of a film."""
        content = self._stated(self.adaptation.content_type, "contentType").lower()
        major, _, minor = self.mime.partition("/")
        codecs = self.codecs.lower()
        if content == "text" or major == "text" or codecs.startswith(_TEXT_CODECS) or minor == "ttml+xml":
            return Kind.SUBTITLES if self._readable_text(minor, codecs) else None
        if content in {"video", "audio"}:
            return Kind(content)
        if major in {"video", "audio"}:
            return Kind(major)
        return kind_of(codecs) if codecs and not content and not major else None

    def _readable_text(self, minor: str, codecs: str) -> bool:
        """Text that is subtitles; caption data of other kinds (x-rawcc, cea-608) is not kept apart from pictures."""
        return minor in {"", "vtt", "ttml+xml", "mp4", "x-subrip"} and not codecs.startswith(("c608", "c708", "cea"))

    def container(self) -> str:
        """The file extension of what is fetched."""
        minor = self.mime.partition("/")[2].partition(";")[0]
        if minor:
            return _CONTAINERS.get(minor, minor if minor.isalnum() else "mp4")
        return extension(self.levels[0].get("media") or "") or "mp4"

    def described(self, kind: Kind, protections: tuple[Protection, ...]) -> Rendition:
        """The rendition, without its segments."""
        width = self.representation.width or self.adaptation.width or 0
        height = self.representation.height or self.adaptation.height or 0
        roles = self._roles()
        return Rendition(
            id=self.id,
            kind=kind,
            container=self.container(),
            bandwidth=self.bandwidth,
            width=int(width) if kind is Kind.VIDEO else 0,
            height=int(height) if kind is Kind.VIDEO else 0,
            codecs=self.codecs,
            supplemental_codecs=self._supplemental_codecs(),
            frame_rate=self._frame_rate() if kind is Kind.VIDEO else None,
            video_range=self._video_range() if kind is Kind.VIDEO else "",
            channels=self._channels() if kind is Kind.AUDIO else "",
            language=self._language(),
            name=self._label(),
            roles=roles,
            default="main" in roles,
            autoselect=kind is not Kind.VIDEO and not _ON_REQUEST.intersection(roles),
            forced="forced-subtitle" in roles,
            protections=protections,
        )

    def _properties(self, *names: str) -> Iterator[tuple[str, str]]:
        """The descriptors of these names, nearest first, each as its scheme and its value."""
        for level in self.levels[:2]:
            for element in level.all(*names):
                yield (element.get("schemeIdUri") or "").strip().lower(), (element.get("value") or "").strip()

    def _frame_rate(self) -> Fraction | None:
        """Section 5.3.7.2: @frameRate, "30" or "30000/1001"."""
        return next((rate for level in self.levels[:2] if (rate := ratio(level.get("frameRate")))), None)

    def _supplemental_codecs(self) -> str:
        """ETSI TS 103 285 section 4.4: what more a decoder may make of it (@scte214:supplementalCodecs)."""
        return next((text.strip() for level in self.levels[:2] if (text := level.local("supplementalCodecs"))), "")

    def _video_range(self) -> str:
        """ISO/IEC 23091-2 section 8.2: TransferCharacteristics, 16 is PQ, 18 HLG, and other ones are no HDR."""
        for scheme, value in self._properties("EssentialProperty", "SupplementalProperty"):
            if scheme == _TRANSFER:
                return _RANGES.get(value, "SDR")
        return ""

    def _channels(self) -> str:
        """Section 5.8.5.4: AudioChannelConfiguration as a number of channels, and Dolby's objects as HLS has them."""
        found = (_channel_count(*pair) for pair in self._properties("AudioChannelConfiguration"))
        count = next((count for count in found if count), 0)
        objects = dict(self._properties("SupplementalProperty")).get(_OBJECTS)
        return f"{objects}/JOC" if objects else str(count or "")

    def _language(self) -> str:
        """Section 5.3.3.2: AdaptationSet@lang, or that of its one ContentComponent."""
        return self._stated(self.adaptation.lang, "lang")

    def _stated(self, value: str | None, name: str) -> str:
        """An attribute of the AdaptationSet, or of its one ContentComponent (section 5.3.4)."""
        components = self.levels[1].all("ContentComponent")
        return (value or (components[0].get(name) if len(components) == 1 else "") or "").strip()

    def _label(self) -> str:
        """Section 5.3.10: the nearest Label, or the older attribute."""
        for level in self.levels[:2]:
            label = level.first("Label")
            if label is not None and label.text:
                return label.text
        return (self.levels[1].get("label") or "").strip()

    def _roles(self) -> tuple[str, ...]:
        """Sections 5.8.5.5 and 5.8.4.3: Role and Accessibility, in the words of the role scheme."""
        roles: list[str] = []
        for level in self.levels[:2]:
            for element in level.all("Role", "Accessibility"):
                scheme = (element.get("schemeIdUri") or "").strip().lower()
                value = (element.get("value") or "").strip().lower().replace("_", "-")
                if scheme == _ROLE and value:
                    roles.append(value)
                elif scheme.startswith("urn:tva:metadata:cs:audiopurposecs") and value in _PURPOSES:
                    roles.append(_PURPOSES[value])
        return tuple(dict.fromkeys(roles))


def _channel_count(scheme: str, value: str) -> int:
    """How many channels a descriptor speaks of; 0 where it cannot be read."""
    number = whole(value)
    if scheme.startswith(_COUNTED):
        return number or 0
    if scheme == _INDEXED:
        return _LAYOUTS[number] if number is not None and number < len(_LAYOUTS) else 0
    if scheme.startswith(_MASKED) and re.fullmatch("[0-9A-Fa-f]{4}", value):
        mask = int(value, 16)
        return mask.bit_count() + (mask & _PAIRS).bit_count()
    return 0


def _understood(element: Element) -> bool:
    """Section 5.8.4.8: what is essential and not understood makes its element unusable; trick modes are not wanted."""
    scheme = (element.get("schemeIdUri") or "").strip().lower()
    return scheme != _TRICK and (scheme.startswith(_UNDERSTOOD) or dash_query.understood(element))
