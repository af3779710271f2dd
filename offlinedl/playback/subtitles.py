"""A stored subtitle track as one WebVTT file on the title's time line, in whatever form and pieces it was stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.frozen import frozen
from offlinedl.license.opening import Opening
from offlinedl.media import mp4, timed, ttml, webvtt, wvtt
from offlinedl.media.webvtt import Cue, Document, Stamp
from offlinedl.playback.clocks import Clock
from offlinedl.streams import Fetch

_LARGEST = 32 * 2**20
"""Bytes of a track. A long film has less than a hundredth of that."""
_WRAP = 2**33
"""Where the clock of MPEG-TS begins anew (ISO/IEC 13818-1 section 2.4.3.7): after 26.5 hours."""
_PER_SECOND, _PER_MS = 90_000, 90
_NEAR = 500
"""Milliseconds that the samples of a segment may begin beside its place at least: durations are often rounded."""


def read(opening: Opening, media: Opening | None = None) -> Document:
    """The cues of the track, 0 where the title begins. `media` is the title's picture, or else its sound, whose clock
    segmented WebVTT refers to. DamagedError for what cannot be read, UnsupportedError for what is too large."""
    if sum(fetch.size or 0 for fetch in opening.media) > _LARGEST:
        raise UnsupportedError(f"subtitles of more than {_LARGEST} bytes", "choose the title without them")
    line = _Line(Clock(media) if media and media.media else None)
    return webvtt.joined(line.placed(file) for file in _files(opening))


@frozen
class _File:
    """What a file says on its own clock, and when its samples begin on that, None where it has no samples."""

    fetch: Fetch
    document: Document
    begins: int | None = None

    @property
    def place(self) -> tuple[int, int]:
        """When it begins and ends on the title's time line, in milliseconds."""
        start = round(self.fetch.start * 1000)
        return start, start + round(self.fetch.duration * 1000) if self.fetch.duration else ttml.END

    def fitting(self, shift: int, beside: int = 0) -> int:
        """How many of its cues are shown during its place, or so many milliseconds beside it, if they are moved so."""
        start, end = self.place[0] - beside - shift, self.place[1] + beside - shift
        return sum(cue.start < end and cue.end > start for cue in self.document.cues)


def _files(opening: Opening) -> Iterator[_File]:
    for fetch in opening.media[: 1 if opening.is_cut else None]:
        try:
            if opening.is_cut:
                init, data = b"", b"".join(map(opening.clear, opening.media))
            else:
                init, data = opening.opened(fetch)
            yield _file(fetch, init, data)
        except DamagedError as error:
            raise DamagedError(f"{fetch.path}: {error.message}", error.hint or "fetch it again") from error


def _file(fetch: Fetch, init: bytes, data: bytes) -> _File:
    if not mp4.is_mp4(data):
        is_xml = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
        return _File(fetch=fetch, document=Document(cues=ttml.read(data)) if is_xml else webvtt.parse(data))
    if not init and not any(mp4.find(data, "moov")):  # Smooth Streaming has no init segments, and TTML alone
        text = b"".join(data[box.body : box.end] for box in mp4.find(data, "mdat"))
        return _File(fetch=fetch, document=Document(cues=ttml.read(text)))
    head = timed.read_head(init or data)
    samples = list(timed.samples(head, data))
    begins = min((sample.start for sample in samples), default=None)
    if head.format == "wvtt":
        return _File(fetch=fetch, document=wvtt.read(head, samples), begins=begins)
    if head.format != "stpp":
        raise UnsupportedError(f"subtitles of the format {head.format!r}", "choose the title without them")
    cues = tuple(cue for sample in samples for cue in _sampled(sample))
    return _File(fetch=fetch, document=Document(cues=cues), begins=begins)


def _sampled(sample: timed.Sample) -> Iterator[Cue]:
    """ISO/IEC 14496-30 section 5.3: the times of a document are those of its track, and its sample cuts them off. Some
    packagers count them from the begin of the sample."""
    cues = ttml.read(sample.data) if sample.data else ()
    if cues and not any(cue.end > sample.start and cue.start < sample.end for cue in cues):
        cues = tuple(replace(cue, start=cue.start + sample.start, end=cue.end + sample.start) for cue in cues)
    for cue in cues:
        start, end = max(cue.start, sample.start), min(cue.end, sample.end)
        if start < end:
            yield replace(cue, start=start, end=end)


@dataclass(slots=True)
class _Line:
    """The title's time line. `clock` is that of its media, None where there is none; `shift` what was added to the last
    file's own."""

    clock: Clock | None
    shift: int | None = None

    def placed(self, file: _File) -> Document:
        """What a file says, with its cues where they belong."""
        document = file.document
        if not document.cues:
            return document
        if document.stamp:
            shift = self._mapped(file, document.stamp)
        else:
            shift = self.shift = self._stated(file)
        end = file.place[1]
        cues = (replace(c, end=end - shift) if c.end >= ttml.END else c for c in document.cues)
        return replace(document, cues=webvtt.moved(cues, shift))

    def _stated(self, file: _File) -> int:
        """Times count from the begin of the title, or from another moment where its clock began elsewhere or it was put
        together: that of the file. What was right before is right as long as it fits."""
        start, end = file.place
        if file.begins is not None:
            near = max((end - start) // 2, _NEAR)
            fits = self.shift is not None and abs(file.begins + self.shift - start) <= near
            return self.shift if fits and self.shift is not None else start - file.begins
        before = self.shift or 0
        return start if file.fitting(start) > file.fitting(before, _NEAR) else before

    def _mapped(self, file: _File, stamp: Stamp) -> int:
        """RFC 8216 section 3.5: cues are on the clock of the media, as it is where their segment is."""
        shifts = []
        if self.clock is not None:
            for number in dict.fromkeys((self.clock.since(file.fetch.start), self.clock.at(file.fetch.start))):
                ahead = self.clock.ahead(number)
                if ahead is not None:
                    shifts.append(_unwrapped(file, stamp.mpegts - round(ahead * _PER_SECOND) - stamp.local * _PER_MS))
                if shifts and file.fitting(shifts[-1], _NEAR):
                    break
        return max(shifts or (0, file.place[0]), key=file.fitting)


def _unwrapped(file: _File, units: int) -> int:
    """What is to be added to the cues of a file, in milliseconds: of all that is the same on the clock of MPEG-TS, what
    puts them nearest to its place."""
    start = file.place[0] - min(cue.start for cue in file.document.cues)
    turns = round((start * _PER_MS - units) / _WRAP)
    return (units + turns * _WRAP) // _PER_MS
