"""What the decoder's process does: does this piece of media decode, strictly?"""

from __future__ import annotations

import io
import json
import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from offlinedl.decoder.judgement import NOTHING, File, Look, Share
from offlinedl.errors import UnsupportedError
from offlinedl.media.containers import DEMUXERS

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame

# A decoder hides errors as well as it can: this lets it give up at the first (FFmpeg's "err_detect")
_STRICT = "explode+crccheck+bitstream+buffer"
_LARGEST_PICTURE = 8192 * 4352
"""Pixels of the highest levels of H.264 and HEVC. A picture that claims more takes memory before any of it is there."""
_DECODING = {"max_pixels": str(_LARGEST_PICTURE)}
_OPENING = _DECODING | {"format_whitelist": DEMUXERS, "skip_frame": "all"}
"""To find out what is in it FFmpeg would decode the first picture, which is decoded again afterwards."""
_CORNER = 8  # bytes
_MEMORY = 4 * 2**30
"""Bytes of addresses: the largest picture with all that it may refer to, twice over."""
_BUFFER = 2**18  # bytes that are asked for at once


def serve() -> None:
    """Look at what standard input asks for, until it ends (see process.py)."""
    from av import logging  # at once: whoever asks does something else meanwhile

    with suppress(OSError, ValueError):  # not every system keeps to it
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    logging.set_level(logging.ERROR)
    logging.set_skip_repeated(False)  # else an error that the piece before had, too, would not be said again
    to, of = sys.stdout.buffer, sys.stdin.buffer
    to.write(b"{}\n")
    to.flush()
    for line in of:
        asked = json.loads(line)
        file = _Asked(asked["bytes"], to, of)
        answer: dict[str, object]
        try:
            found = look(file, Share(*asked["share"]), since=asked["since"], strict=asked["strict"])
            answer = {**asdict(found), "kinds": sorted(found.kinds)}
        except UnsupportedError as error:
            answer = {"unsupported": (error.message, error.hint)}
        except Exception as error:
            answer = {"defect": f"{type(error).__name__}: {error}"}
        to.write(json.dumps(answer).encode() + b"\n")
        to.flush()


class _Asked:
    """A file of whoever asks: what is read of it comes over the pipe."""

    def __init__(self, size: int, to: IO[bytes], of: IO[bytes]) -> None:
        self._size, self._to, self._of = size, to, of
        self._at = 0

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, size: int) -> bytes:
        if self._at >= self._size:
            return b""
        self._to.write(json.dumps({"read": (self._at, size)}).encode() + b"\n")
        self._to.flush()
        data = self._of.read(int.from_bytes(self._of.read(4)))
        self._at += len(data)
        return data


def look(media: File, share: Share, *, since: int, strict: bool) -> Look:
    """Decode `media` as far as `share` says. What is wrong before byte `since` is passed over: it is there so that what
    follows has the pictures that it refers to. Not `strict`: what a player plays with a blemish passes, too.

    UnsupportedError where no codec in it can be decoded here.
    """
    import av

    found = Look()
    with av.logging.Capture() as lines:
        try:
            with av.open(media, "r", options=_OPENING, buffer_size=_BUFFER) as container:
                if since or not strict:
                    lines.clear()
                found.reason = _Judge(lines, share, since, strict).judge(container, found)
        except (av.FFmpegError, ValueError) as error:
            found.reason = f"{type(error).__name__}: {error}"
        if strict and lines:
            _, name, message = lines[0]
            found.reason = f"{name}: {message.strip()}"
    return found


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
