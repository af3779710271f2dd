"""The door to FFmpeg's muxers: tracks of stored media as one file, without loss.

Packets go from one container into another as they are. What is read is read forward, a piece at a time, and nothing of
it is written but the result.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import merge
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.media.containers import DEMUXERS

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream

FORMATS = {".mkv": "matroska", ".mp4": "mp4"}
"""The formats by the extension of a file."""
_OPENING = {"format_whitelist": DEMUXERS}
_PICTURE = {"max_pixels": str(2**26)}
_BUFFER = 256 * 1024
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


class Source(Protocol):
    """Bytes that are read once, from the first to the last. Where it has `seek` and `tell`, from anywhere."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A container that begins a track or goes on with it. Its times become so many seconds later."""

    open: Callable[[], Source]
    later: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a file says of a track that is of that kind: `language` has three letters (ISO 639-2), "" for unknown."""

    language: str = ""
    name: str = ""
    default: bool = False
    forced: bool = False
    of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A track: its pieces in their order, and of which kinds of streams in them it consists."""

    pieces: Sequence[Piece]
    kinds: tuple[str, ...]
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A subtitle track. `cues` are (start, end, words) in milliseconds, one after the other; `webvtt` is the same as a
    file, with all that it has beside them."""

    webvtt: str
    cues: Sequence[tuple[int, int, str]]
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What one file holds. `about` are FFmpeg's names for what is told of a title, `poster` a picture."""

    media: Sequence[Media]
    words: Sequence[Words] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    poster: bytes = b""


class Target(Protocol):
    """A file to be written, at any place."""

    def write(self, data: bytes, /) -> int: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...


def write(target: Target, format: str, film: Film, told: Callable[[int], None]) -> None:
    """Write `film` in one of FORMATS. `told` hears of the bytes of each packet; what it, `target` or a source raises
    stops all. UnsupportedError where the format does not take the media, DamagedError where they cannot be read."""
    import av

    output = av.open(target, "w", format=format, buffer_size=_BUFFER)
    try:
        with ExitStack() as opened:
            _write(output, format, film, told, opened)
        output.close()
    except (av.FFmpegError, ValueError) as error:
        raise DamagedError(f"its media cannot be put together: {error}", "`offlinedl check` finds damage") from error
    finally:
        with suppress(Exception):  # what was left half done is ended in vain
            output.close()


def _write(output: OutputContainer, format: str, film: Film, told: Callable[[int], None], opened: ExitStack) -> None:
    output.metadata.update(film.about)
    readers = [_Reader(media, output, opened) for media in film.media]
    packets = [reader.packets() for reader in readers]
    packets += [_words(words, output, opened) for words in film.words]
    chapters = [reader.chapters for reader in readers if reader.chapters]
    if chapters:
        output.set_chapters(chapters[0])
    pictured = _poster(film.poster, output, opened)
    _begin(output, format)
    if pictured is not None:
        output.mux(pictured)
    for _, packet in merge(*packets, key=itemgetter(0)):
        told(packet.size)
        output.mux(packet)


def _begin(output: OutputContainer, format: str) -> None:
    """Write the head of the file: where the format does not take a codec, that is told here."""
    import av

    try:
        output.start_encoding()
    except (av.FFmpegError, ValueError) as error:
        codecs = ", ".join(stream.codec_context.name for stream in output.streams if stream.codec_context)
        hint = "export it as .mkv" if format == "mp4" else "play it instead"
        raise UnsupportedError(f"a file of the format {format} cannot hold all of {codecs}", hint) from error


class _Reader:
    """A track that is read and its streams in `output`, made after those of its first piece."""

    def __init__(self, media: Media, output: OutputContainer, opened: ExitStack) -> None:
        self._media = media
        self._first = opened.enter_context(_open(media.pieces[0]))
        streams = self._streams(self._first)
        if not streams:
            raise DamagedError("neither audio nor video in a track", "`offlinedl check` finds damage")
        self._outputs = [output.add_stream_from_template(stream, opaque=True) for stream in streams]
        for stream, out in zip(streams, self._outputs, strict=True):
            _name(out, media.label, output.format.name, stream)
        self._codecs = [_codec(stream) for stream in streams]
        self._last: dict[int, int] = {}
        self.chapters = self._first.chapters() if len(media.pieces) == 1 else []

    def packets(self) -> Iterator[tuple[float, Packet[Any]]]:
        """Its packets and when they are decoded, in their order, piece after piece."""
        for number, piece in enumerate(self._media.pieces):
            with self._first if number == 0 else _open(piece) as container:
                streams = self._streams(container)
                if container.format.name != "mpegts" and [*map(_codec, streams)] != self._codecs:
                    raise UnsupportedError(
                        "its parts are encoded in different ways, which one file cannot hold", "play it instead"
                    )
                places = {stream.index: out for stream, out in zip(streams, self._outputs, strict=False)}
                for packet in container.demux(streams):
                    if self._place(packet, piece.later, places[packet.stream.index]):
                        yield float((packet.dts or 0) * packet.time_base), packet

    def _place(self, packet: Packet[Any], later: Fraction, out: Stream) -> bool:
        """Give a packet its place in the file. False for one that has none: the end of a stream, and what a decoder is
        given before a piece begins, where another piece was before."""
        if packet.dts is None and packet.pts is not None:
            packet.dts = packet.pts
        if packet.dts is None or not packet.size:
            return False
        units = round(later / packet.time_base)
        packet.dts += units
        packet.pts = packet.dts if packet.pts is None else packet.pts + units
        packet.stream = out
        if packet.dts <= self._last.get(out.index, packet.dts - 1):
            return False
        self._last[out.index] = packet.dts
        return True

    def _streams(self, container: InputContainer) -> list[Stream]:
        from av.stream import Disposition

        return [
            stream
            for stream in container.streams
            if stream.type in self._media.kinds and not stream.disposition & Disposition.attached_pic
        ]


def _open(piece: Piece) -> InputContainer:
    import av

    return av.open(piece.open(), "r", options=_OPENING, buffer_size=_BUFFER)


def _codec(stream: Stream) -> tuple[str, bytes]:
    """What must be the same all through a file."""
    context = stream.codec_context
    return (context.name, bytes(context.extradata or b"")) if context else ("", b"")


def _name(out: Stream, label: Label, format: str, origin: Stream | None = None) -> None:
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


def _words(words: Words, output: OutputContainer, opened: ExitStack) -> Iterator[tuple[float, Packet[Any]]]:
    """The packets of a subtitle track, whose stream is made at once."""
    import av

    if output.format.name != "mp4":
        source = opened.enter_context(av.open(io.BytesIO(words.webvtt.encode()), "r", format="webvtt"))
        out: Stream = output.add_stream_from_template(source.streams.subtitles[0], opaque=True)
        _name(out, words.label, output.format.name)
        return _as_they_are(source, out)
    spoken = output.add_stream("mov_text")
    spoken.codec_context.subtitle_header = _STYLE  # the encoder wants one, though it encodes nothing here
    spoken.time_base = _MILLISECOND
    _name(spoken, words.label, output.format.name)
    return _as_text(words, spoken)


def _as_they_are(source: InputContainer, out: Stream) -> Iterator[tuple[float, Packet[Any]]]:
    for packet in source.demux():
        if packet.dts is not None and packet.size:
            packet.stream = out
            yield float(packet.dts * packet.time_base), packet


def _as_text(words: Words, out: Stream) -> Iterator[tuple[float, Packet[Any]]]:
    """3GPP TS 26.245 section 5.17: the length of the words in two bytes, and the words."""
    from av.packet import Packet

    for start, end, text in words.cues:
        data = text.encode()[:_LONGEST].decode("utf-8", "ignore").encode()
        packet = Packet(len(data).to_bytes(2) + data)
        packet.time_base = _MILLISECOND
        packet.pts = packet.dts = start
        packet.duration = end - start
        packet.is_keyframe = True
        packet.stream = out
        yield start / 1000, packet


def _poster(poster: bytes, output: OutputContainer, opened: ExitStack) -> Packet[Any] | None:
    """The picture of the title, attached. What has to be written of it once the file is begun. None that the format
    does not take."""
    import av
    from av.stream import Disposition

    kind = next((kind for sign, kind in _PICTURES.items() if poster.startswith(sign)), None)
    if output.format.name != "mp4":
        if kind is not None:
            output.add_attachment(f"cover.{kind.extension}", kind.type, poster)
        return None
    if kind is None or not kind.demuxer:
        return None
    with suppress(av.FFmpegError, ValueError):
        source = opened.enter_context(av.open(io.BytesIO(poster), "r", format=kind.demuxer, options=_PICTURE))
        packet = next(packet for packet in source.demux() if packet.size)
        out = output.add_stream_from_template(source.streams.video[0], opaque=True)
        out.disposition = Disposition.attached_pic
        packet.stream = out
        packet.pts = packet.dts = 0
        return packet
    return None
