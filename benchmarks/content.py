"""Titles to download: HLS playlists of MPEG-TS segments, each the same real clip and a packet that tells it apart.

A segment is as much media as its size says, for what is downloaded is decoded, too, before it is ready.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_PACKET = 188
_KEY = "000102030405060708090a0b0c0d0e0f"
_FILLED = 0.9  # of a segment: encoders keep a rate no better than that
_HEADS = 130 * _PACKET  # of what carries the pictures of a clip
_SOURCE = "-f lavfi -i testsrc2=size={}:rate=24:duration=4,noise=alls=12:allf=t"
_ENCODER = "-pix_fmt yuv420p -c:v libx264 -preset veryfast -x264-params nal-hrd=cbr -g 48 -f mpegts pipe:1"
_TINY = (
    "-f lavfi -i color=size=16x16:rate=1:duration=1 -c:v libx264 -pix_fmt yuv420p -bsf:v filter_units=remove_types=6"
    " -f mpegts pipe:1"
)
_PICTURES = {1_000_000: "1920x1080", 200_000: "1280x720", 20_000: "320x180"}
"""By the least size of a segment; below all of them a segment is one picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """`count` segments of about `size` bytes (whole packets), which lie in `folder`; `sealed` with AES-128 and an IV
    of their own, or clear."""

    folder: str
    count: int
    size: int
    sealed: bool = False

    @property
    def bytes(self) -> int:
        """Of all clear segments together."""
        return self.count * (self.size // _PACKET) * _PACKET

    @property
    def names(self) -> list[str]:
        """Of the segments, in playback order."""
        return [f"{number:06d}.ts" for number in range(self.count)]


def make(root: Path, content: Content) -> None:
    """Write segments and playlist. The packets after the clip are null packets (ISO/IEC 13818-1 section 2.4.1), which
    hold the segment's number."""
    folder = root / content.folder
    folder.mkdir()
    media = clip(content.size)
    rest = content.size // _PACKET - len(media) // _PACKET
    if rest < 1:
        raise SystemExit(f"a clip of {len(media)} bytes is too long for a segment of {content.size}")
    for number, name in enumerate(content.names):
        packet = b"\x47\x1f\xff\x10" + number.to_bytes(8) * 23
        (folder / name).write_bytes(media + packet * rest)
        if content.sealed:
            _seal(folder / name, number)
    if content.sealed:
        (folder / "key").write_bytes(bytes.fromhex(_KEY))
    (folder / "index.m3u8").write_text(playlist(content))


def clip(size: int) -> bytes:
    """Four seconds of pictures in not quite so many bytes."""
    options = _TINY
    pictures = next((pictures for least, pictures in _PICTURES.items() if size >= least), None)
    if pictures is not None:
        rate = int((size * _FILLED - _HEADS) * 8 / 4)
        options = f"{_SOURCE.format(pictures)} -b:v {rate} -minrate {rate} -maxrate {rate} -bufsize {rate} {_ENCODER}"
    return subprocess.run(["ffmpeg", "-v", "error", *options.split()], check=True, stdout=subprocess.PIPE).stdout


def playlist(content: Content) -> str:
    """The media playlist (RFC 8216 section 4.3)."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1"]
    for number, name in enumerate(content.names):
        if content.sealed:
            lines.append(f'#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0x{number:032x}')
        lines += ["#EXTINF:1.0,", name]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def _seal(file: Path, number: int) -> None:
    """AES-128 with CBC and PKCS7 padding (RFC 8216 section 4.3.2.4)."""
    command = ["openssl", "enc", "-aes-128-cbc", "-K", _KEY, "-iv", f"{number:032x}"]
    sealed = subprocess.run(command, input=file.read_bytes(), check=True, stdout=subprocess.PIPE).stdout
    file.write_bytes(sealed)
