"""The files of one track, and how they are opened: decrypted, put behind what they need, and decoded."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from offlinedl import decoder, verify
from offlinedl.decoder import Look, Share
from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.frozen import frozen
from offlinedl.license import heads, hls_key
from offlinedl.license.heads import Read, is_sampled, is_whole, made_up
from offlinedl.media import cenc, fragment, hls_aes, mp4, sample_aes
from offlinedl.media.encryption import Encryption, read_tracks
from offlinedl.media.mp4 import Data
from offlinedl.streams import Fetch, Plan


@frozen
class Fault:
    """A file that its key does not open: the key is wrong, or, where it opens other files, this one is damaged."""

    fetch: Fetch
    kid: bytes
    reason: str
    wrong_key: bool


Keys: TypeAlias = Mapping[bytes, bytes]


class Work(NamedTuple):
    """A KID and the files that it encrypts, the heaviest first."""

    kid: bytes
    fetches: list[Fetch]


class _Head(NamedTuple):
    """What is said of the samples of a file by its init segment, or by itself; `init` is b"" for that."""

    init: bytes
    tracks: Encryption
    encrypted: bool


class Opening:
    """One track of a plan. `keys` are by KID."""

    def __init__(self, plan: Plan, rendition: str, read: Read, keys: Keys) -> None:
        own = [f for f in plan.fetches if f.rendition == rendition]
        self.track = next(t for t in plan.tracks if t.id == rendition)
        self.media = [f for f in own if not f.init]
        self.is_cut = rendition in plan.cut
        self._plan, self._read, self._keys = plan, read, keys
        self._says_how = self.track.container == "mp4" and rendition not in plan.cut | made_up(plan)
        self._inits: dict[int | None, Fetch] = {f.number: f for f in own if f.init}
        self._heads: dict[Fetch, _Head | None] = {}

    def init(self, fetch: Fetch) -> Fetch | None:
        """The init segment of a media segment."""
        return self._inits.get(fetch.needs_init)

    def fault(self, fetch: Fetch, share: Share = decoder.ALL) -> tuple[str | None, Look]:
        """Open a file and decode of it as much as `share` says: what is wrong in a few words, None where nothing is.

        Where it does not decode by itself, it may need what was before: pictures of the segment before it (an open
        group of pictures begins well, though), or the setup of the decoder, which MPEG-TS may have in its first segment
        alone.
        """
        try:
            init, media = self.opened(fetch)
            look = decoder.look(init + media, share)
        except DamagedError as error:
            return error.message, Look()
        if look.reason is None or look.reason == decoder.NOTHING or (init and not look.coded):
            return look.reason, look
        before = init + b"".join(self._before(fetch))
        if len(before) > len(init):
            look = decoder.look(before + media, share, since=len(before))
        return look.reason, look

    def plays(self, fetch: Fetch, share: Share) -> Look:
        """As `fault`, with what a player would put up with."""
        return decoder.look(b"".join(self.opened(fetch)), share, strict=False)

    def whole(self) -> decoder.File:
        """The file of a track that is cut into pieces."""
        return _Pieces([self._read(fetch) for fetch in self.media])

    def keyed(self) -> Iterator[Work]:
        """The files that are encrypted with each KID, the best proof first."""
        yield from self._whole_files()
        yield from self._samples()

    def opens(self, fetch: Fetch, share: Share = decoder.ALL) -> str | None:
        """As `fault`, for a file that is encrypted. Of text, that it has the form of text is proof, for no wrong key
        gives that. UnsupportedError where nothing can be proven."""
        if not (is_whole(self._plan, fetch) and fetch.path.endswith(".vtt")):
            reason, _ = self.fault(fetch, share)
            if reason != decoder.NOTHING or is_sampled(self._plan, fetch):
                return reason
        if not is_whole(self._plan, fetch):
            raise UnsupportedError(
                f"{fetch.path}: encrypted, and {decoder.NOTHING}", "choose the title without this track"
            )
        try:
            return verify.malformed(fetch.path, self.opened(fetch)[1], sealed=False)
        except DamagedError as error:
            return error.message

    def unpadded(self, fetch: Fetch) -> str | None:
        """What is wrong with the padding of a file that is encrypted as a whole (RFC 8216 section 4.3.2.4). Only the
        last block is undone, which is chained to the one before it alone."""
        if not is_whole(self._plan, fetch):
            return None
        data = self._read(fetch)
        before = bytes(data[-32:-16]) or fetch.iv or b""
        try:
            hls_aes.decrypt(bytes(data[-16:]), self._keys[hls_key.kid_of(self._plan.keys[fetch.key or 0])], before)
        except DamagedError as error:
            return error.message
        return None

    def misplaced(self, fetch: Fetch, data: Data) -> str | None:
        """What is wrong with the samples of a fragment, as far as its boxes and its init segment tell."""
        head = None if is_whole(self._plan, fetch) else self._head(fetch)
        try:
            if head is not None:
                fragment.check(head.tracks, data)
        except DamagedError as error:
            return error.message
        return None

    def _whole_files(self) -> Iterator[Work]:
        """HLS without common encryption (RFC 8216 section 5.2): AES-128, from the first byte of a file to the last, and
        SAMPLE-AES in MPEG-TS and packed audio."""
        by_key: dict[tuple[int, bool], list[Fetch]] = {}
        for fetch in self.media:
            whole = is_whole(self._plan, fetch)
            if fetch.key is not None and (whole or is_sampled(self._plan, fetch)):
                by_key.setdefault((fetch.key, whole), []).append(fetch)
        for (number, _), fetches in by_key.items():
            yield Work(hls_key.kid_of(self._plan.keys[number]), sorted(fetches, key=lambda f: -(f.size or 0)))

    def _samples(self) -> Iterator[Work]:
        """Common Encryption: the samples in MP4 files are encrypted (ISO/IEC 23001-7)."""
        own = {f: head for f in self.media if (head := self._head(f)) and head.encrypted}
        usage = {fetch: self._usage(fetch, head) for fetch, head in own.items()}
        if usage and not any(usage.values()):
            raise UnsupportedError("the title is encrypted, and no fragment of a track says how", "tell the service")
        for kid, fetches in verify.heaviest(usage).items():
            yield Work(kid, fetches)

    def _usage(self, fetch: Fetch, head: _Head) -> dict[bytes, int]:
        try:
            used = cenc.usage(head.tracks, self._read(fetch))
        except DamagedError as error:
            raise heads.TornError(fetch, error.message) from error
        return {heads.kid_for(self._plan, fetch, kid): count for kid, count in used.items()}

    def _head(self, fetch: Fetch) -> _Head | None:
        """None for pieces of a file and for fragments without init segments: where they are protected, that was refused
        before."""
        if not self._says_how:
            return None
        source = self._inits.get(fetch.needs_init, fetch)
        if source not in self._heads:
            self._heads[source] = self._read_head(source)
        return self._heads[source]

    def _read_head(self, source: Fetch) -> _Head | None:
        data = b"" if is_whole(self._plan, source) else self._read(source)
        if not mp4.is_mp4(data):
            return None
        try:
            tracks = read_tracks(data)
        except DamagedError as error:
            raise heads.TornError(source, error.message) from error
        encrypted = any(entry.parameters for track in tracks.tracks.values() for entry in track.entries)
        return _Head(bytes(data) if source.init else b"", tracks, encrypted)

    def _before(self, fetch: Fetch) -> Iterator[bytes]:
        own = [f for f in self.media if f.needs_init == fetch.needs_init and f.number < fetch.number]
        for other in dict.fromkeys((*own[:1], *own[-1:])):
            with suppress(DamagedError):
                yield self.opened(other)[1]

    def opened(self, fetch: Fetch) -> tuple[bytes, bytes]:
        """A file and what must stand before it, clear. DamagedError where it cannot be decrypted."""
        init = self.init(fetch)
        head = self._head(fetch)
        if is_sampled(self._plan, fetch):
            media = bytearray(self._read(fetch))
            sample_aes.decrypt(media, self._keys[hls_key.kid_of(self._plan.keys[fetch.key or 0])], fetch.iv or b"")
            return b"", bytes(media)
        if head is None or not head.encrypted:
            return self.clear(init) if init else b"", self.clear(fetch)
        media = bytearray(self._read(fetch))
        unnamed = self._keys.get(heads.kid_for(self._plan, fetch, mp4.NO_KID))
        cenc.decrypt(head.tracks, media, {**self._keys, mp4.NO_KID: unnamed} if unnamed else self._keys)
        return (cenc.clear_init(head.init), bytes(media)) if init else (b"", cenc.clear_init(bytes(media)))

    def head(self, init: Fetch) -> bytes:
        """An init segment, for clear media."""
        data = self.clear(init)
        return cenc.clear_init(data) if mp4.is_mp4(data) else data

    def clear(self, fetch: Fetch) -> bytes:
        """A file, decrypted where it is encrypted as a whole."""
        data = bytes(self._read(fetch))
        if fetch.key is None or not is_whole(self._plan, fetch):
            return data
        if fetch.iv is None:
            raise DamagedError("it is encrypted, and its IV is unknown")
        return hls_aes.decrypt(data, self._keys[hls_key.kid_of(self._plan.keys[fetch.key])], fetch.iv)


class _Pieces:
    """The pieces of a file, as that file."""

    def __init__(self, pieces: Sequence[Data]) -> None:
        self._pieces = pieces
        self._ends = list(accumulate(map(len, pieces)))
        self._at = 0

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._ends[-1])[whence]
        return self._at

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, as far as one piece has them."""
        number = bisect_right(self._ends, self._at)
        if number == len(self._pieces):
            return b""
        piece = self._pieces[number]
        start = self._at - self._ends[number] + len(piece)
        part = bytes(piece[start : start + size])
        self._at += len(part)
        return part
