"""What a file has beside its media: the names of its tracks, subtitles, and the picture of the title."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from offlinedl.mux.film import Label, Words

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream

_PICTURE = {"max_pixels": str(2**26)}
_MILLISECOND = Fraction(1, 1000)
_LONGEST = 2**16 - 1
_STYLE = (
    b"[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour,"
    b" Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment,"
    b" MarginL, MarginR, MarginV, Encoding\r\n"
    b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\r\n"
)


class _Picture(NamedTuple):
    """What a picture is called, and what reads it; no format but Matroska takes one that nothing reads here."""

    extension: str
    type: str
    demuxer: str = ""


_PICTURES = {
    b"\xff\xd8\xff": _Picture("jpg", "image/jpeg", "jpeg_pipe"),
    b"\x89PNG": _Picture("png", "image/png", "png_pipe"),
    b"RIFF": _Picture("webp", "image/webp"),
}


def name(out: Stream, label: Label, format: str, origin: Stream | None = None) -> None:
    """What the file says of a stream. Of sound within a track of pictures that is what its own container said."""
    from av.stream import Disposition

    is_own = origin is None or origin.type != "audio" or label.of == "audio"
    own = origin.metadata if origin else {}
    out.metadata["language"] = (label.language if is_own else "") or own.get("language", "und")
    if is_own and label.name:
        out.metadata["handler_name" if format == "mp4" else "title"] = label.name
    flags = Disposition(0)
    flags |= Disposition.default if label.default else flags
    out.disposition = flags | Disposition.forced if label.forced else flags


def words(track: Words, output: OutputContainer, opened: ExitStack) -> Iterator[tuple[float, Packet[Any]]]:
    """The packets of a subtitle track, whose stream is made at once."""
    import av

    if output.format.name != "mp4":
        source = opened.enter_context(av.open(io.BytesIO(track.webvtt.encode()), "r", format="webvtt"))
        out: Stream = output.add_stream_from_template(source.streams.subtitles[0], opaque=True)
        name(out, track.label, output.format.name)
        return _as_they_are(source, out)
    spoken = output.add_stream("mov_text")
    spoken.codec_context.subtitle_header = _STYLE  # the encoder wants one, though it encodes nothing here
    spoken.time_base = _MILLISECOND
    name(spoken, track.label, output.format.name)
    return _as_text(track, spoken)


def _as_they_are(source: InputContainer, out: Stream) -> Iterator[tuple[float, Packet[Any]]]:
    for packet in source.demux():
        if packet.dts is not None and packet.size:
            packet.stream = out
            yield float(packet.dts * packet.time_base), packet


def _as_text(track: Words, out: Stream) -> Iterator[tuple[float, Packet[Any]]]:
    """3GPP TS 26.245 section 5.17: the length of the words in two bytes, and the words."""
    from av.packet import Packet

    for start, end, text in track.cues:
        data = text.encode()[:_LONGEST].decode("utf-8", "ignore").encode()
        packet = Packet(len(data).to_bytes(2) + data)
        packet.time_base = _MILLISECOND
        packet.pts = packet.dts = start
        packet.duration = end - start
        packet.is_keyframe = True
        packet.stream = out
        yield start / 1000, packet


def poster(picture: bytes, output: OutputContainer, opened: ExitStack) -> Packet[Any] | None:
    """The picture of the title, attached. What has to be written of it once the file is begun. None that the format
    does not take, and none that is only the begin of one."""
    import av
    from av.stream import Disposition

    kind = next((kind for sign, kind in _PICTURES.items() if picture.startswith(sign)), None)
    if output.format.name != "mp4":
        if kind is not None:
            output.add_attachment(f"cover.{kind.extension}", kind.type, picture)
        return None
    if kind is None or not kind.demuxer:
        return None
    with suppress(av.FFmpegError, ValueError, LookupError):
        source = opened.enter_context(av.open(io.BytesIO(picture), "r", format=kind.demuxer, options=_PICTURE))
        stream, packet = source.streams.video[0], next(source.demux())
        if not (stream.width and stream.height and packet.size):
            return None
        out = output.add_stream_from_template(stream, opaque=True)
        out.disposition = Disposition.attached_pic
        packet.stream = out
        packet.pts = packet.dts = 0
        return packet
    return None
