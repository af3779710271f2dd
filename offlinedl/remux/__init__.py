"""The second door to PyAV: a media file as segments for HLS, without a change of any sample, a segment at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any

from offlinedl.errors import DamagedError
from offlinedl.media import mpegts
from offlinedl.remux.container import INTERLEAVED, File, main, opened, streams, translated
from offlinedl.remux.cuts import Cut, cuts
from offlinedl.remux.lanes import Lane, fragment, prepared

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

__all__ = ["Clip", "Cut", "File", "Film", "begins"]

_EARLIER = 2
"""Seconds before a place in sound: what is found by a guess may lie behind it."""
_TABLES = 64 * 1024
"""Bytes in which MPEG-TS says what its streams are: it does several times a second."""
_SLICED: Mapping[str, str] = {"mpegts": "ts", "mp3": "mp3", "aac": "aac", "ac3": "ac3", "eac3": "eac3"}
"""What players take as it is, by its format, and its extension there."""


def begins(media: bytes) -> float | None:
    """When `media` begins on its own clock, in seconds; None where that cannot be read."""
    with suppress(DamagedError, ValueError), opened(io.BytesIO(media)) as container:
        return None if container.start_time is None else container.start_time / 1_000_000
    return None


class Clip:
    """For segments that are files with one init segment; `beginning` is that and the first of them."""

    def __init__(self, beginning: bytes) -> None:
        with translated(), opened(io.BytesIO(beginning)) as container:
            self._lanes, self.init = prepared(container)

    def segment(self, number: int, file: bytes) -> bytes:
        """The segment of that number (from 0), which with its init segment is `file`."""
        with translated(), opened(io.BytesIO(file)) as container:
            return fragment(number, container.demux(streams(container)), self._lanes)


class Film:
    """A media file, which `new` opens. It may be asked by several threads. Errors: DamagedError, UnsupportedError for
    what cannot be put into MP4."""

    def __init__(self, new: Callable[[], File]) -> None:
        self._new, self._lock = new, RLock()
        self._container: InputContainer | None = None

    @cached_property
    def extension(self) -> str:
        """What segments are: "m4s", or what the file is itself."""
        with self._lock:
            return _SLICED.get(self._at_begin().format.name, "m4s")

    @cached_property
    def init(self) -> bytes:
        """The init segment, b"" where there is none."""
        return self._prepared[1] if self.extension == "m4s" else b""

    @cached_property
    def has_pictures(self) -> bool:
        """Is it more than sound?"""
        with self._lock:
            return main(self._at_begin()).type == "video"

    @cached_property
    def cuts(self) -> Sequence[Cut]:
        """The segments."""
        with self._lock, translated():
            return cuts(self._at_begin)

    def segment(self, number: int) -> bytes:
        """The segment of that number (from 0)."""
        if self.extension != "m4s":
            return self._slice(number)
        lanes, stamps = self._prepared[0], [cut.stamp for cut in self.cuts]
        until = stamps[number + 1] if number + 1 < len(stamps) else None
        with self._lock, translated():
            return fragment(number, self._packets(stamps[number] if number else None, until), lanes)

    @cached_property
    def _prepared(self) -> tuple[Mapping[int, Lane], bytes]:
        with self._lock, translated():
            return prepared(self._at_begin())

    def _at_begin(self) -> InputContainer:
        """The file from its first packet on: to seek to the first key frame may leave out what stands before it."""
        if self._container is not None:
            self._container.close()
        self._container = opened(self._new())
        return self._container

    def _packets(self, since: int | None, until: int | None) -> Iterator[Packet[Any]]:
        container = self._at_begin() if since is None or self._container is None else self._container
        stream = main(container)
        if since is not None:
            early = 0 if stream.type == "video" else round(_EARLIER / (stream.time_base or 1))
            container.seek(since - early, stream=stream)
        by_place = container.format.name == INTERLEAVED and stream.type == "video"
        return (_by_place if by_place else _by_time)(container, stream, since, until)

    def _slice(self, number: int) -> bytes:
        """What players must be told before any piece: the tables of MPEG-TS, or when its sound begins (RFC 8216
        section 3.4)."""
        cut, file = self.cuts[number], self._new()
        until = self.cuts[number + 1].place if number + 1 < len(self.cuts) else None
        is_ts = self.extension == "ts"
        head = b"" if is_ts else _timestamp(cut.start)
        if is_ts and number:
            head = mpegts.tables(b"".join(_read(file, 0, _TABLES)))
        return head + b"".join(_read(file, cut.place if number or not is_ts else 0, until))


def _by_place(container: InputContainer, stream: Stream, since: int | None, until: int | None) -> Iterator[Packet[Any]]:
    begun = since is None
    for packet in container.demux(streams(container)):
        if packet.stream.index == stream.index and packet.is_keyframe and packet.pts is not None:
            if until is not None and packet.pts >= until:
                return
            begun = begun or packet.pts >= (since or 0)
        if begun:
            yield packet


def _by_time(container: InputContainer, stream: Stream, since: int | None, until: int | None) -> Iterator[Packet[Any]]:
    wanted = streams(container)
    scales = {other.index: (stream.time_base or 1) / (other.time_base or 1) for other in wanted}
    left = set(scales)
    for packet in container.demux(wanted):
        stamp, index = packet.pts if packet.dts is None else packet.dts, packet.stream.index
        if stamp is None:
            continue
        if until is not None and stamp >= until * scales[index]:
            left.discard(index)
            if not left:
                return
        elif since is None or stamp >= since * scales[index]:
            yield packet


def _read(file: File, start: int, end: int | None) -> Iterator[bytes]:
    """The bytes of a file from `start` to `end`, None for all."""
    file.seek(start)
    while (end is None or start < end) and (some := file.read(2**20 if end is None else min(end - start, 2**20))):
        start += len(some)
        yield some


def _timestamp(seconds: float) -> bytes:
    """RFC 8216 section 3.4: an ID3 tag (v2.4, sections 3.1, 4 and 4.27) with when its sound begins, in 90 kHz."""
    content = b"com.apple.streaming.transportStreamTimestamp\0" + (round(seconds * 90_000) % 2**33).to_bytes(8)
    frame = b"PRIV" + len(content).to_bytes(4) + b"\0\0" + content
    return b"ID3\4\0\0" + len(frame).to_bytes(4) + frame
