"""Titles to download: HLS playlists of MPEG-TS segments, each a real clip and packets that tell it apart."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_PACKET = 188
_KEY = "000102030405060708090a0b0c0d0e0f"
_CLIP = (
    "ffmpeg -v error -f lavfi -i testsrc2=size=160x90:rate=10:duration=1 -c:v libx264 -preset veryfast -b:v 40k"
    " -pix_fmt yuv420p -f mpegts pipe:1"
)


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
    clip = subprocess.run(_CLIP.split(), check=True, stdout=subprocess.PIPE).stdout
    rest = content.size // _PACKET - len(clip) // _PACKET
    if rest < 0:
        clip, rest = b"", content.size // _PACKET  # a segment too short for any clip: only its packets count
    for number, name in enumerate(content.names):
        packet = b"\x47\x1f\xff\x10" + number.to_bytes(8) * 23
        (folder / name).write_bytes(clip + packet * rest)
        if content.sealed:
            _seal(folder / name, number)
    if content.sealed:
        (folder / "key").write_bytes(bytes.fromhex(_KEY))
    (folder / "index.m3u8").write_text(playlist(content))


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
