"""The only door to PyAV: does this piece of media decode, strictly?"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from offlinedl.errors import UnsupportedError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame

# Names of demuxers. Bytes from the network must not pass for a playlist, which would open other files and addresses.
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,mpegts,aac,ac3,eac3,mp3,flac,ogg,matroska,webm"
NOTHING = "neither audio nor video in it"
# A decoder hides errors as well as it can: this lets it give up at the first (FFmpeg's "err_detect")
_STRICT = "explode+crccheck+bitstream+buffer"
_LARGEST_PICTURE = 8192 * 4352
"""Pixels of the highest levels of H.264 and HEVC. A picture that claims more takes memory before any of it is there."""
_DECODING = {"max_pixels": str(_LARGEST_PICTURE)}
_OPENING = _DECODING | {"format_whitelist": _CONTAINERS, "skip_frame": "all"}
"""To find out what is in it FFmpeg would decode the first picture, which is decoded again afterwards."""
_CORNER = 8  # bytes
_PIXELS = 2**28
"""Of all pictures that are decoded of one piece: more are no better proof, and a few bytes can claim any number of
pictures, each of 50 MB."""


class File(Protocol):
    """A file that is read from any place."""

    def read(self, size: int) -> bytes: ...
    def seek(self, offset: int, whence: int = 0) -> int: ...
    def tell(self) -> int: ...


class Share(NamedTuple):
    """How much of a piece is enough: it ends with the packet that reaches so many coded bytes or decoded pixels. At
    least one frame of each stream is decoded."""

    coded: int
    pixels: int = _PIXELS


ALL = Share(coded=2**62)


@dataclass(slots=True)
class Look:
    """What is wrong with a piece of media, in a few words, None where nothing is; the kinds of stream that gave a
    frame, the size of the pictures, and how many coded bytes were decoded."""

    reason: str | None = None
    kinds: set[str] = field(default_factory=set)
    size: tuple[int, int] | None = None
    coded: int = 0


def version() -> str:
    """Of PyAV, and of the FFmpeg in it."""
    import av

    return f"PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info}"


def fault(media: bytes) -> str | None:
    """Decode all of `media`, and say in a few words what is wrong with it; None where nothing is.

    `media` must stand by itself: an init segment with media segments, MPEG-TS, packed audio. Nothing is wrong where
    every audio and video stream gives at least one frame and there is no error. A wrong key is found so in H.264 and
    AAC from one segment of two seconds. The decoder of HEVC takes almost anything (48 frames without an error from one
    wrong key in 20, whatever the size of the pictures), but then its pictures end too early.
    """
    return look(media).reason


def begins(media: bytes) -> float | None:
    """When `media` begins on its own clock, in seconds; None where that cannot be read."""
    import av

    with (
        _logged(),
        suppress(av.FFmpegError, ValueError),
        av.open(io.BytesIO(media), "r", options=_OPENING) as container,
    ):
        return None if container.start_time is None else container.start_time / av.time_base
    return None


def look(media: bytes | File, share: Share = ALL, *, since: int = 0, strict: bool = True) -> Look:
    """Decode `media` as far as `share` says. What is wrong before byte `since` is passed over: it is there so that what
    follows has the pictures that it refers to. Not `strict`: what a player plays with a blemish passes, too.

    UnsupportedError where no codec in it can be decoded here.
    """
    import av

    found = Look()
    source = io.BytesIO(_untagged(media)) if isinstance(media, bytes) else media
    with _logged() as lines:
        try:
            with av.open(source, "r", options=_OPENING) as container:
                if since or not strict:
                    lines.clear()
                found.reason = _Judge(lines, share, since, strict).judge(container, found)
        except (av.FFmpegError, ValueError) as error:
            found.reason = f"{type(error).__name__}: {error}"
        if strict and lines:
            _, name, message = lines[0]
            found.reason = f"{name}: {message.strip()}"
    return found


def _untagged(media: bytes) -> bytes:
    """Without the ID3 tag that packed audio begins with (RFC 8216 section 3.4): FFmpeg takes one for AC-3."""
    size = sum((byte & 0x7F) << shift for byte, shift in zip(media[6:10], (21, 14, 7, 0), strict=False))
    return media[10 + size :] if media[:3] == b"ID3" else media


class _Judge(NamedTuple):
    """How a piece is decoded. `lines` are what FFmpeg logged as errors so far."""

    lines: list[tuple[int, str, str]]
    share: Share
    since: int
    strict: bool

    def judge(self, container: InputContainer, found: Look) -> str | None:
        """Decode packet after packet. FFmpeg hides an error that it can: then the frame is marked, and nothing is
        logged."""
        from av.video.frame import VideoFrame

        streams = _streams(container, strict=self.strict)
        if not streams:
            return NOTHING
        waiting = {stream.index: stream.type for stream in streams}
        pixels = 0
        for packet in container.demux(streams):
            index, enough = packet.stream.index, found.coded >= self.share.coded or pixels >= self.share.pixels
            if enough and not waiting:
                break
            if enough and index not in waiting:
                continue
            for frame in self._frames(packet):
                if frame.is_corrupt:
                    return "a damaged frame"
                found.kinds.add(waiting.pop(index, packet.stream.type))
                if isinstance(frame, VideoFrame):
                    if packet.stream.codec_context.name == "hevc" and _ends_early(frame):
                        return "a picture that ends before its end"
                    found.size = frame.width, frame.height
                    pixels += frame.width * frame.height
            found.coded += packet.size
            if self.strict and self.lines:
                break  # what it says is all that is wanted
        return f"no frame of {', '.join(waiting.values())}" if waiting else None

    def _frames(self, packet: Packet[Any]) -> Sequence[AudioFrame | VideoFrame]:
        """What comes of a packet; nothing of one that is only there for those after it."""
        from av import FFmpegError

        if packet.pos is None or packet.pos >= self.since:
            return packet.decode()
        before = len(self.lines)
        with suppress(FFmpegError):
            packet.decode()
        del self.lines[before:]
        return []


def _ends_early(frame: VideoFrame) -> bool:
    """Is nothing in the last corner of a picture, in none of its planes? No colour of YUV is all zeros. FFmpeg takes a
    slice of HEVC that ends too early for a whole one, and leaves what is missing as memory was given to it."""
    return frame.format.name.startswith("yuv") and not any(
        any(memoryview(plane)[end - _CORNER : end])
        for plane in frame.planes
        for end in [(plane.height - 1) * plane.line_size + plane.width]
    )


def _streams(container: InputContainer, *, strict: bool) -> list[Stream]:
    """The streams that are decoded. Pictures that are pinned to sound are no part of the title."""
    from av.stream import Disposition

    media = [*container.streams.video, *container.streams.audio]
    streams = [stream for stream in media if not stream.disposition & Disposition.attached_pic]
    known = [stream for stream in streams if stream.codec_context is not None]
    if streams and not known:
        raise UnsupportedError("a codec that cannot be decoded here", "a newer PyAV may know it")
    for stream in known:
        stream.codec_context.options = {"max_pixels": str(_LARGEST_PICTURE)} | (
            {"err_detect": _STRICT} if strict else {}
        )
        stream.codec_context.thread_count = 1  # errors of another thread would not be found here
    return known


@contextmanager
def _logged() -> Iterator[list[tuple[int, str, str]]]:
    """What FFmpeg logs as errors in this thread (level, name, message); its logging is then as it was before."""
    from av import logging

    level, skipping = logging.get_level(), logging.get_skip_repeated()
    logging.set_level(logging.ERROR)
    logging.set_skip_repeated(False)  # else an error that the piece before had, too, would not be said again
    try:
        with logging.Capture() as entries:
            yield entries
    finally:
        logging.set_skip_repeated(skipping)
        logging.set_level(level)
