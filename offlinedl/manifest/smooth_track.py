"""What a track of a Smooth stream carries and how it is labelled ([MS-SSTR] sections 2.2.2.3 to 2.2.2.5)."""

from __future__ import annotations

from dataclasses import dataclass

from offlinedl.manifest.units import whole
from offlinedl.manifest.xml import Element
from offlinedl.model import Kind, Setup
from offlinedl.protection import Protection
from offlinedl.streams import Rendition, Segment

_KINDS = {"video": Kind.VIDEO, "audio": Kind.AUDIO, "text": Kind.SUBTITLES}
_SUBTITLES = {"CAPT": "caption", "SUBT": "subtitle", "DESC": "description", "": ""}
_AVC = {"H264", "X264", "AVC1", "DAVC"}
_AAC = {"AAC", "AACL", "AACH", "AACP"}
_TEXT = {"TTML", "DFXP"}
_CODECS = {"AC-3": "ac-3", "DAC3": "ac-3", "EC-3": "ec-3", "DEC3": "ec-3", "HEVC": "hvc1", "OPUS": "opus"}
_CODECS |= dict.fromkeys(_TEXT, "stpp")
_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_SBR = 5
"""The audio object type of HE-AAC (ISO/IEC 14496-3 table 1.17)."""


@dataclass(frozen=True, slots=True)
class Track:
    """A QualityLevel in its StreamIndex. `timescale` is in units a second."""

    stream: Element
    level: Element
    timescale: int

    @property
    def kind(self) -> Kind | None:
        """Section 2.2.2.3: Type."""
        return _KINDS.get(_text(self.stream, "Type").lower())

    @property
    def name(self) -> str:
        """Section 2.2.2.3: Name, by which a stream is requested, or else its type."""
        return _text(self.stream, "Name") or _text(self.stream, "Type") or "stream"

    @property
    def url(self) -> str:
        """Section 2.2.2.3: the pattern of the fragments' addresses."""
        return _text(self.stream, "Url")

    @property
    def bandwidth(self) -> int:
        """Section 2.2.2.5: bits per second; 0 where it is negligible, or missing."""
        return whole(self.level.get("Bitrate")) or 0

    @property
    def fourcc(self) -> str:
        """Section 2.2.2.5. Older manifests leave it out where the codec's data or the type tell."""
        stated = (_text(self.level, "FourCC") or _text(self.stream, "FourCC")).upper()
        if stated or self.kind is Kind.SUBTITLES:
            return stated
        if self.kind is Kind.AUDIO:
            return "AACL" if _text(self.level, "AudioTag") in {"", "255"} else ""
        return "H264" if _sps(self._private()) else ""

    def left_out(self) -> str:
        """Why the track is not offered; "" where it is. Sparse data and control streams are no track of a film."""
        subtype = _text(self.stream, "Subtype").upper()
        if self.kind is None:
            return "is neither picture, sound nor text"
        if not self.url:
            return "has no Url"
        if self.kind is Kind.SUBTITLES and (subtype not in _SUBTITLES or self.fourcc not in {*_TEXT, ""}):
            return f"holds data for players ({subtype or self.fourcc})"
        if _text(self.stream, "ManifestOutput").lower() == "true":
            return "is in the manifest itself"
        if self.kind is Kind.VIDEO and (subtype == "ZOET" or self.fourcc == "JPEG"):
            return "holds pictures for seeking"
        return ""

    def described(self, segments: tuple[Segment, ...], protections: tuple[Protection, ...]) -> Rendition:
        """The rendition of a track that is not left out."""
        kind = self.kind or Kind.VIDEO
        role = _SUBTITLES.get(_text(self.stream, "Subtype").upper(), "") if kind is Kind.SUBTITLES else ""
        return Rendition(
            id=f"{self.name}={self.bandwidth}",
            kind=kind,
            container="mp4",
            bandwidth=self.bandwidth,
            width=self._size("Width") if kind is Kind.VIDEO else 0,
            height=self._size("Height") if kind is Kind.VIDEO else 0,
            codecs=self.codecs(),
            channels=str(whole(self.level.get("Channels")) or "") if kind is Kind.AUDIO else "",
            language=_text(self.stream, "Language"),
            name=_text(self.stream, "Name"),
            roles=(role,) if role else (),
            segments=segments,
            setup=self.setup(),
            protections=protections,
        )

    def _size(self, side: str) -> int:
        """Sections 2.2.2.5 and 2.2.2.3: the most that the track has; version 1 says Width and Height."""
        named = (whole(level.get(name)) for level in (self.level, self.stream) for name in (f"Max{side}", side))
        return next((pixels for pixels in named if pixels), 0)

    def codecs(self) -> str:
        """RFC 6381, from FourCC and CodecPrivateData; another FourCC as it stands."""
        if self.fourcc in _AVC:
            sps = _sps(self._private())
            return f"avc1.{sps[1:4].hex()}" if sps else "avc1"
        if self.fourcc in _AAC:
            kind = _object_type(self._audio_config())
            return f"mp4a.40.{_SBR if self.fourcc == 'AACH' and kind == 2 else kind}"  # band replication is implied
        return _CODECS.get(self.fourcc, "stpp" if self.kind is Kind.SUBTITLES else self.fourcc.lower())

    def setup(self) -> Setup:
        """What an init segment is made from."""
        return Setup(
            fourcc=self.fourcc,
            timescale=self.timescale,
            private=self._audio_config() if self.fourcc in _AAC else self._private(),
            sampling_rate=whole(self.level.get("SamplingRate")) or 0,
            channels=whole(self.level.get("Channels")) or 0,
            nal_length=whole(self.level.get("NALUnitLengthField")) or 4,
        )

    def custom_attributes(self) -> str:
        """Section 2.2.2.5.1: what else names the track in its fragments' addresses, as key=value."""
        named = [a for holder in self.level.all("CustomAttributes") for a in holder.all("Attribute")]
        return ",".join(f"{_text(a, 'Name')}={_text(a, 'Value')}" for a in named if _text(a, "Name"))

    def _private(self) -> bytes:
        """CodecPrivateData: hexadecimal."""
        try:
            return bytes.fromhex(_text(self.level, "CodecPrivateData"))
        except ValueError:
            return b""

    def _audio_config(self) -> bytes:
        """The AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1), made up where an AAC track has none.

        AACH states the rate of its core, which spectral band replication doubles.
        """
        stated = self._private()
        rate, channels = whole(self.level.get("SamplingRate")), whole(self.level.get("Channels")) or 2
        if stated or rate not in _RATES or not 1 <= channels <= 8:
            return stated
        setup = _RATES.index(rate) << 7 | (7 if channels == 8 else channels) << 3
        if self.fourcc != "AACH":
            return (2 << 11 | setup).to_bytes(2)
        doubled = _RATES.index(2 * rate) if 2 * rate in _RATES else _RATES.index(rate)
        return ((_SBR << 11 | setup) << 16 | doubled << 15 | 2 << 10).to_bytes(4)


def _object_type(config: bytes) -> int:
    """ISO/IEC 14496-3 section 1.6.2.1: 5 bits, or an escape and 6 more; AAC-LC where nothing tells."""
    bits = int.from_bytes(config[:2].ljust(2, b"\0"))
    kind = bits >> 11
    return 32 + (bits >> 5 & 63) if kind == 31 else kind or 2


def _sps(private: bytes) -> bytes:
    """The sequence parameter set between start codes (ISO/IEC 14496-10 annex B); b"" where there is none."""
    for unit in private.split(b"\0\0\1")[1:]:
        if len(unit) >= 4 and unit[0] & 0x1F == 7:
            return unit
    return b""


def _text(element: Element, name: str) -> str:
    return (element.get(name) or "").strip()
