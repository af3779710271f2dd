"""Reasons not to call a title ready: what is absent, what no key covers, and what must be decoded to prove a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from offlinedl.errors import DamagedError
from offlinedl.media import mp4
from offlinedl.media.mp4 import Data

if TYPE_CHECKING:
    from offlinedl.streams import Fetch

_PACKET, _SYNC = 188, 0x47


def absent(fetches: Iterable[Fetch], size_of: Callable[[Fetch], int | None]) -> list[Fetch]:
    """Those fetches that count as done and whose file is not there, or not as long as it was."""
    return [f for f in fetches if f.size is not None and size_of(f) != f.size]


def malformed(path: str, data: Data, *, sealed: bool) -> str | None:
    """What is wrong with the form of a media file, in a few words; None where it has the form that its name promises.

    A server's error page, an empty file or one that the server itself holds cut in two have the length that was
    promised. `sealed` files are encrypted as a whole (AES-128), and show nothing but whole blocks.
    """
    if not len(data):
        return "it is empty"
    if sealed:
        return None if len(data) % 16 == 0 else "not a whole number of AES blocks"
    check = _FORMS.get(path.rpartition(".")[2])
    return check(data) if check else None


class Packets:
    """Looks at the packets of MPEG-TS as they come, in pieces that are cut anywhere. What is found whole here need not
    be read again for its form: to look at each 188th byte of a file takes as long as to read it."""

    def __init__(self) -> None:
        self._size = 0
        self._is_sound = True

    def take(self, data: memoryview) -> None:
        """The next bytes."""
        signs = data[-self._size % _PACKET :: _PACKET]
        self._is_sound = self._is_sound and bytes(signs).count(_SYNC) == len(signs)
        self._size += len(data)

    @property
    def are_whole(self) -> bool:
        """Is all that came whole packets?"""
        return self._is_sound and self._size > 0 and self._size % _PACKET == 0


def _mp4(data: Data) -> str | None:
    if not mp4.is_mp4(data):
        return "not MP4"
    try:
        for _ in mp4.boxes(data):
            pass
    except DamagedError as error:
        return error.message
    return None


def _ts(data: Data) -> str | None:
    """Packets of 188 bytes, each with its sync byte (ISO/IEC 13818-1 section 2.4.3.2)."""
    whole = len(data) % _PACKET == 0 and bytes(data[::_PACKET]).count(_SYNC) == len(data) // _PACKET
    return None if whole or bytes(data[:3]) == b"ID3" else "not whole packets of MPEG-TS"


def _vtt(data: Data) -> str | None:
    return None if bytes(data[:16]).removeprefix(b"\xef\xbb\xbf").startswith(b"WEBVTT") else "not WebVTT"


def _webm(data: Data) -> str | None:
    """The Segment is as long as it says (RFC 8794 section 5, RFC 9559 section 5.1); one of unknown size has no end.
    A media segment begins with a Cluster or Cues."""
    if bytes(data[:4]) in {b"\x1f\x43\xb6\x75", b"\x1c\x53\xbb\x6b"}:
        return None
    at = _element_end(data, 0)
    if bytes(data[:4]) != b"\x1a\x45\xdf\xa3" or at is None or bytes(data[at : at + 4]) != b"\x18\x53\x80\x67":
        return "not WebM or Matroska"
    end = _element_end(data, at)
    return "cut off before its end" if end is not None and end > len(data) else None


def _element_end(data: Data, at: int) -> int | None:
    """Where an EBML element with an id of four bytes ends; None where its size is unknown."""
    first = data[at + 4] if at + 4 < len(data) else 0
    width = 9 - first.bit_length()
    value = int.from_bytes(bytes(data[at + 4 : at + 4 + width])) & ((1 << 7 * width) - 1)
    unknown = not first or value == (1 << 7 * width) - 1
    return None if unknown else at + 4 + width + value


_FORMS: Mapping[str, Callable[[Data], str | None]] = {
    "mp4": _mp4,
    "m4s": _mp4,
    "ts": _ts,
    "vtt": _vtt,
    "webm": _webm,
    "mkv": _webm,
}


def heaviest(usage: Mapping[Fetch, Mapping[bytes, int]]) -> dict[bytes, list[Fetch]]:
    """For each KID that samples really use, the segments that use it, those with the most encrypted bytes first.

    A black picture or a clear lead holds next to none, and decodes with any key: only heavy segments are proof.
    """
    by_kid: dict[bytes, list[tuple[int, Fetch]]] = {}
    for fetch, kids in usage.items():
        for kid, encrypted in kids.items():
            if encrypted:
                by_kid.setdefault(kid, []).append((encrypted, fetch))
    return {kid: [fetch for _, fetch in sorted(found, key=lambda pair: -pair[0])] for kid, found in by_kid.items()}
