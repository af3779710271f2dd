"""The judge of media: does a piece decode, strictly?

FFmpeg does that in a process of its own. What it needs of memory is gone with it, and what a hostile file does to it
happens to that process alone.
"""

from __future__ import annotations

import io

from offlinedl.decoder import process
from offlinedl.decoder.judgement import ALL, NOTHING, File, Look, Share
from offlinedl.decoder.process import running

__all__ = ["ALL", "NOTHING", "File", "Look", "Share", "fault", "look", "running", "untagged", "version"]


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


def look(media: bytes | File, share: Share = ALL, *, since: int = 0, strict: bool = True) -> Look:
    """Decode `media` as far as `share` says. What is wrong before byte `since` is passed over: it is there so that what
    follows has the pictures that it refers to. Not `strict`: what a player plays with a blemish passes, too.

    UnsupportedError where no codec in it can be decoded here.
    """
    file = io.BytesIO(untagged(media)) if isinstance(media, bytes) else media
    return process.look(file, share, since=since, strict=strict)


def untagged(media: bytes) -> bytes:
    """Without the ID3 tag that packed audio begins with (RFC 8216 section 3.4): FFmpeg takes one for AC-3."""
    size = sum((byte & 0x7F) << shift for byte, shift in zip(media[6:10], (21, 14, 7, 0), strict=False))
    return media[10 + size :] if media[:3] == b"ID3" else media
