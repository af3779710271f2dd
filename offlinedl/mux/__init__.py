"""The door to FFmpeg's muxers: tracks of stored media as one file, without loss.

Packets go from one container into another as they are. What is read is read forward, a piece at a time, and nothing of
it is written but the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from heapq import merge
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.media.containers import DEMUXERS
from offlinedl.mux.beside import name, poster, words
from offlinedl.mux.film import Film, Label, Media, Piece, Source, Target, Words

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream

__all__ = ["FORMATS", "Film", "Label", "Media", "Piece", "Source", "Target", "Words", "write"]

FORMATS = {".mkv": "matroska", ".mp4": "mp4"}
"""The formats by the extension of a file."""
_OPENING = {"format_whitelist": DEMUXERS}
_BUFFER = 256 * 1024


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
    packets += [words(track, output, opened) for track in film.words]
    chapters = [reader.chapters for reader in readers if reader.chapters]
    if chapters:
        output.set_chapters(chapters[0])
    pictured = poster(film.poster, output, opened)
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
            name(out, media.label, output.format.name, stream)
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
