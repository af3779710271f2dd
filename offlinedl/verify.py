"""Reasons not to call a title ready: what is absent, what no key covers, and what must be decoded to prove a key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.media import mp4, sample_aes
from offlinedl.media.mp4 import Data

if TYPE_CHECKING:
    from offlinedl.streams import Fetch

_PACKET, _SYNC = 188, 0x47
_CLEAR_CONTROL = bytes(range(0x10, 0x40))
"""The fourth byte of a packet that is not scrambled and holds something."""
_BEGINS = re.compile(rb"[\x40-\x7f]")
"""The second byte of a packet in which something begins."""
_LOOKED_AT = 32  # packets that begin something; the tables come in every tenth of a second at most
_NO_TEXT = bytes((*range(0x09), 0x0B, *range(0x0E, 0x20), 0x7F))


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
    be read again for its form: to look at each packet of a file takes as long as to read it. See `_ts`."""

    def __init__(self) -> None:
        self._size = 0
        self._is_sound = False

    def take(self, data: Data) -> None:
        """The next bytes."""
        some = bytes(data)
        firsts, seconds, fourths = (some[(place - self._size) % _PACKET :: _PACKET] for place in (0, 1, 3))
        sound = firsts.count(_SYNC) == len(firsts) and seconds.isascii() and not fourths.translate(None, _CLEAR_CONTROL)
        self._is_sound = sound and (self._is_sound if self._size else _begins(some, seconds[: len(some) // _PACKET]))
        self._size += len(some)

    @property
    def are_whole(self) -> bool:
        """Are all that came whole packets, which media begin in? Where that is not seen at once it is not known."""
        return self._is_sound and self._size % _PACKET == 0


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
    """Packets of 188 bytes, each with its sync byte, without an error, not scrambled and not empty (ISO/IEC 13818-1
    section 2.4.3.2). Slices alone, for each packet that Python looked at would cost more than all the rest."""
    if bytes(data[:3]) == b"ID3":
        return None
    if len(data) % _PACKET:
        return "not whole packets of MPEG-TS"
    heads = memoryview(data).cast("I")[:: _PACKET // 4].tobytes()  # four bytes of each, in one pass
    seconds = heads[1::4]
    if heads[::4].count(_SYNC) != len(data) // _PACKET:
        return "not whole packets of MPEG-TS"
    if not seconds.isascii() or heads[3::4].translate(None, _CLEAR_CONTROL):
        return "packets of MPEG-TS that hold no media"
    if _BEGINS.search(seconds) and not _begins(data, seconds):
        return "no media in its packets"
    return None


def _begins(data: Data, seconds: bytes) -> bool:
    """Does a PES packet begin in one of the first packets that begin anything? `seconds` are their second bytes."""
    for found in islice(_BEGINS.finditer(seconds), _LOOKED_AT):
        at = _PACKET * found.start()
        start = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
        if data[start : start + 3] == b"\0\0\1":  # section 2.4.3.6
            return True
    return False


def _packed(data: Data) -> str | None:
    try:
        sample_aes.check(data)
    except DamagedError as error:
        return error.message
    return None


def _vtt(data: Data) -> str | None:
    text = bytes(data).removeprefix(b"\xef\xbb\xbf")
    if not text.startswith(b"WEBVTT"):
        return "not WebVTT"
    return None if len(text.translate(None, _NO_TEXT)) == len(text) else "bytes in it that are no text"


def _ttml(data: Data) -> str | None:
    from offlinedl.manifest import xml

    try:
        name = xml.parse(bytes(data)).name
    except (DamagedError, UnsupportedError) as error:
        return error.message
    return None if name == "tt" else "not TTML"


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
    "aac": _packed,
    "ac3": _packed,
    "ec3": _packed,
    "vtt": _vtt,
    "ttml": _ttml,
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
