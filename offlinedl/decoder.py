"""The only door to PyAV: does this piece of media decode, strictly?"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from offlinedl.errors import UnsupportedError

if TYPE_CHECKING:
    from av.container import InputContainer

# Names of demuxers. Bytes from the network must not pass for a playlist, which would open other files and addresses.
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,mpegts,aac,ac3,eac3,mp3,matroska,webm"
NOTHING = "neither audio nor video in it"
# A decoder hides errors as well as it can: this lets it give up at the first (FFmpeg's "err_detect")
_STRICT = {"err_detect": "explode+crccheck+bitstream+buffer"}


def fault(media: bytes) -> str | None:
    """Decode all of `media`, and say in a few words what is wrong with it; None where nothing is.

    `media` must stand by itself: an init segment with media segments, MPEG-TS, packed audio. Nothing is wrong where
    every audio and video stream gives at least one frame and there is no error. A wrong key is found so in H.264 and
    AAC from one segment of two seconds; HEVC decodes almost anything, and needs some 200 frames (of wrong keys, about
    one in 20 passed with 48 frames, one in 200 with 96, none of 900 with 192).
    """
    import av

    with _logged() as lines:
        try:
            with av.open(io.BytesIO(_untagged(media)), "r", options={"format_whitelist": _CONTAINERS}) as container:
                reason = _judge(container)
        except (av.FFmpegError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
    return lines[0] if lines else reason


def _untagged(media: bytes) -> bytes:
    """Without the ID3 tag that packed audio begins with (RFC 8216 section 3.4): FFmpeg takes one for AC-3."""
    size = sum((byte & 0x7F) << shift for byte, shift in zip(media[6:10], (21, 14, 7, 0), strict=False))
    return media[10 + size :] if media[:3] == b"ID3" else media


def _judge(container: InputContainer) -> str | None:
    """Decode every packet. FFmpeg hides an error that it can: then the frame is marked, and nothing is logged."""
    from av.frame import Frame

    streams = [*container.streams.video, *container.streams.audio]
    if not streams:
        return NOTHING
    for stream in streams:
        if stream.codec_context is None:
            raise UnsupportedError("a codec that cannot be decoded here", "a newer PyAV may know it")
        stream.codec_context.options = _STRICT
        stream.codec_context.thread_count = 1  # errors of another thread would not be found here
    waiting = {stream.index: stream.type for stream in streams}
    for packet in container.demux(streams):
        for frame in packet.decode():
            if isinstance(frame, Frame) and frame.is_corrupt:
                return "a damaged frame"
            waiting.pop(packet.stream.index, None)
    return f"no frame of {', '.join(waiting.values())}" if waiting else None


@contextmanager
def _logged() -> Iterator[list[str]]:
    """What FFmpeg logs as errors in this thread, filled on leaving; its logging is then as it was before."""
    from av import logging

    level, skipping = logging.get_level(), logging.get_skip_repeated()
    lines: list[str] = []
    logging.set_level(logging.ERROR)
    logging.set_skip_repeated(False)  # else an error that the piece before had, too, would not be said again
    try:
        with logging.Capture() as entries:
            yield lines
        lines.extend(f"{name}: {message.strip()}" for _, name, message in entries)
    finally:
        logging.set_skip_repeated(skipping)
        logging.set_level(level)
