"""The proof that a license opens the stored media.

For each KID that samples use, the segment that it encrypts most is decrypted and decoded without an error. Anything
less proves nothing: lengths and headers are in the clear, and a decoder is glad of noise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from offlinedl import decoder, verify
from offlinedl.errors import DamagedError, RefusedError, UnsupportedError
from offlinedl.license import heads, hls_key
from offlinedl.license.heads import Read, is_sampled, is_whole, made_up
from offlinedl.license.need import Need
from offlinedl.media import cenc, fragment, hls_aes, mp4, sample_aes
from offlinedl.streams import Fetch, Plan

_SURE_CODECS = ("avc1", "avc3", "mp4a")
_SECONDS_OF_OTHERS = 8.0
_SECOND_OPINIONS = 2

_Work = tuple[bytes, list[Fetch], Callable[[Fetch], str | None]]
"""A KID, the files that it encrypts, the heaviest first, and how one of them is opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A file that its key does not open: the key is wrong, or, where it opens other files, this one is damaged."""

    fetch: Fetch
    kid: bytes
    reason: str
    wrong_key: bool


class UnlicensedError(RefusedError):
    """The media use KIDs that were not known when the license was asked for. `need` is all that they use."""

    def __init__(self, kid: bytes, path: str, need: Need) -> None:
        super().__init__(
            f"the license has no key for KID {kid.hex()}, which {path} uses",
            "the service must license every track",
            code="license-incomplete",
        )
        self.need = need


def prove(
    plan: Plan, read: Read, keys: Mapping[bytes, bytes], sealed: Collection[bytes] = ()
) -> Iterator[Fault | None]:
    """Prove `keys` (by KID) on the files of `plan`, a step at a time: each step yields None, or a fault. Of keys that
    only an adapter has, the KIDs are in `sealed`: with those nothing is opened here.

    UnlicensedError where a KID in use has no key; UnsupportedError where encrypted media cannot be decoded here.
    """
    torn = yield from _forms(plan, read)
    if torn:
        return
    found: list[tuple[_Track, list[_Work]]] = []
    for track in (_Track(plan, track.id, read) for track in plan.tracks):
        try:
            found.append((track, [*track.whole_files(keys), *track.samples(keys)]))
        except heads.TornError as error:
            yield Fault(fetch=error.fetch, kid=b"", reason=error.reason, wrong_key=False)
            return
        yield None
    work = [work for _, own in found for work in own]
    _check_licensed(plan, work, {*keys, *sealed})
    if work and sealed:
        return
    proven = False
    for track, own in found:
        for kid, fetches, opens in own:
            proven = True
            chosen = track.enough(fetches)
            if (yield from _opened(kid, chosen, fetches, opens)):
                yield from track.unpadded(kid, [f for f in fetches if f not in chosen], keys)
        yield None
    if (keys or sealed) and not proven:
        raise UnsupportedError(
            "the title is protected in a way that cannot be proven to open", "only MP4, TS and AAC can be"
        )


def _check_licensed(plan: Plan, work: Sequence[_Work], licensed: Collection[bytes]) -> None:
    for kid, fetches, _ in work:
        if kid not in licensed:
            kids = tuple(dict.fromkeys(kid for kid, _, _ in work))
            uris = {kid: plan.keys[own[0].key] for kid, own, _ in work if own[0].key is not None}
            raise UnlicensedError(kid, fetches[0].path, Need(kids=kids, keys=uris))


def _forms(plan: Plan, read: Read) -> Generator[Fault | None, None, bool]:
    """Look at the form of every file first: what is no media at all says nothing of a key. True where one is not.

    A piece of a file has no form of its own; it is as long as its range, or would not be here.
    """
    torn, cut, without = False, plan.cut, made_up(plan)
    for fetch in (f for f in plan.fetches if f.rendition not in cut):
        reason = verify.malformed(fetch.path, read(fetch), sealed=is_whole(plan, fetch))
        if reason is not None:
            torn = True
            yield Fault(fetch=fetch, kid=b"", reason=reason, wrong_key=False)
        elif fetch.rendition in without and fragment.has_encryption(read(fetch)):
            raise UnsupportedError(f"{fetch.path} is encrypted, and nothing says how", "ask for its DASH address")
        yield None
    return torn


def _opened(
    kid: bytes, chosen: Sequence[Fetch], fetches: Sequence[Fetch], opens: Callable[[Fetch], str | None]
) -> Generator[Fault | None, None, bool]:
    """Open the `chosen` files; where one fails, the next heaviest say whether it is the key's fault or the file's. True
    where the key is right."""
    failed: list[tuple[Fetch, str]] = []
    for fetch in chosen:
        reason = opens(fetch)
        if reason is not None:
            failed.append((fetch, reason))
        yield None
    if not failed:
        return True
    others = [f for f in fetches if f not in chosen][:_SECOND_OPINIONS]
    right = len(failed) < len(chosen) or any(opens(f) is None for f in others)
    for fetch, reason in failed:
        yield Fault(fetch=fetch, kid=kid, reason=reason, wrong_key=not right)
    return right


class _Track:
    """The files of one track, and how they are opened."""

    def __init__(self, plan: Plan, rendition: str, read: Read) -> None:
        own = [f for f in plan.fetches if f.rendition == rendition]
        self._plan, self._read = plan, read
        track = next(t for t in plan.tracks if t.id == rendition)
        self._codecs = track.codecs
        self._says_how = track.container == "mp4" and rendition not in plan.cut | made_up(plan)
        self._inits: dict[int | None, Fetch] = {f.number: f for f in own if f.init}
        self._media = [f for f in own if not f.init]
        self._heads: dict[Fetch, _Head | None] = {}

    def enough(self, fetches: list[Fetch]) -> list[Fetch]:
        """As many of the heaviest segments as a wrong key does not pass: several where the codec forgives more.

        Measured with wrong keys and a strict decoder: H.264 and AAC 0 of 600 after one segment of 2 s; HEVC 30 of 600
        after 48 frames, 6 of 1,500 after 96, and 0 of 900 after 192.
        """
        sure = all(codec.strip().startswith(_SURE_CODECS) for codec in self._codecs.split(","))
        enough: list[Fetch] = []
        for fetch in fetches:
            enough.append(fetch)
            if sure or sum(f.duration for f in enough) >= _SECONDS_OF_OTHERS:
                break
        return enough

    def whole_files(self, keys: Mapping[bytes, bytes]) -> Iterator[_Work]:
        """HLS without common encryption (RFC 8216 section 5.2): AES-128, from the first byte of a file to the last, and
        SAMPLE-AES in MPEG-TS and packed audio."""
        by_key: dict[tuple[int, bool], list[Fetch]] = {}
        for fetch in self._media:
            whole = is_whole(self._plan, fetch)
            if fetch.key is not None and (whole or is_sampled(self._plan, fetch)):
                by_key.setdefault((fetch.key, whole), []).append(fetch)
        for (number, whole), fetches in by_key.items():
            kid = hls_key.kid_of(self._plan.keys[number])
            opens = self._open_whole if whole else self._open_sampled
            yield kid, sorted(fetches, key=lambda f: -(f.size or 0)), partial(opens, keys=keys)

    def _open_sampled(self, fetch: Fetch, keys: Mapping[bytes, bytes]) -> str | None:
        media = bytearray(self._read(fetch))
        try:
            sample_aes.decrypt(media, keys[hls_key.kid_of(self._plan.keys[fetch.key or 0])], fetch.iv or b"")
        except DamagedError as error:
            return error.message
        return decoder.fault(bytes(media))

    def _open_whole(self, fetch: Fetch, keys: Mapping[bytes, bytes]) -> str | None:
        try:
            media = self._clear(fetch, keys)
            if fetch.path.endswith(".vtt"):
                return None if media.removeprefix(b"\xef\xbb\xbf").startswith(b"WEBVTT") else "not WebVTT"
            init = self._inits.get(fetch.needs_init)
            reason = decoder.fault((self._clear(init, keys) if init else b"") + media)
            # Text: that its boxes are whole is proof, for no wrong key gives them.
            return verify.malformed(fetch.path, media, sealed=False) if reason == decoder.NOTHING else reason
        except DamagedError as error:
            return error.message

    def unpadded(self, kid: bytes, fetches: Sequence[Fetch], keys: Mapping[bytes, bytes]) -> Iterator[Fault | None]:
        """Those that are encrypted as a whole and end in no padding (RFC 8216 section 4.3.2.4). Of each only the last
        block is undone, which is chained to the one before it alone."""
        for fetch in (f for f in fetches if is_whole(self._plan, f)):
            data = self._read(fetch)
            before = bytes(data[-32:-16]) or fetch.iv or b""
            try:
                hls_aes.decrypt(bytes(data[-16:]), keys[kid], before)
            except DamagedError as error:
                yield Fault(fetch=fetch, kid=kid, reason=error.message, wrong_key=False)
            yield None

    def _clear(self, fetch: Fetch, keys: Mapping[bytes, bytes]) -> bytes:
        data = bytes(self._read(fetch))
        if fetch.key is None or not is_whole(self._plan, fetch):
            return data
        if fetch.iv is None:
            raise DamagedError("it is encrypted, and its IV is unknown")
        return hls_aes.decrypt(data, keys[hls_key.kid_of(self._plan.keys[fetch.key])], fetch.iv)

    def samples(self, keys: Mapping[bytes, bytes]) -> Iterator[_Work]:
        """Common Encryption: the samples in MP4 files are encrypted (ISO/IEC 23001-7)."""
        own = {fetch: head for fetch in self._media if (head := self._head(fetch))}
        usage = {fetch: self._usage(fetch, head) for fetch, head in own.items()}
        if usage and not any(usage.values()):
            raise UnsupportedError("the title is encrypted, and no fragment of a track says how", "tell the service")
        for kid, fetches in verify.heaviest(usage).items():
            yield kid, fetches, lambda fetch: self._open_samples(fetch, own[fetch], keys)

    def _usage(self, fetch: Fetch, head: _Head) -> dict[bytes, int]:
        try:
            used = cenc.usage(head.encryption, self._read(fetch))
        except DamagedError as error:
            raise heads.TornError(fetch, error.message) from error
        return {heads.kid_for(self._plan, fetch, kid): count for kid, count in used.items()}

    def _head(self, fetch: Fetch) -> _Head | None:
        """What says how the samples of a file are encrypted: its init segment, or the file itself. None for pieces of a
        file and for fragments without init segments: where they are protected, that was refused before."""
        if not self._says_how:
            return None
        source = self._inits.get(fetch.needs_init, fetch)
        if source not in self._heads:
            data = b"" if is_whole(self._plan, source) else self._read(source)
            try:
                encryption = cenc.read_init(data) if mp4.is_mp4(data) else None
            except DamagedError as error:
                raise heads.TornError(source, error.message) from error
            self._heads[source] = _Head(bytes(data), encryption) if encryption else None
        return self._heads[source]

    def _open_samples(self, fetch: Fetch, head: _Head, keys: Mapping[bytes, bytes]) -> str | None:
        media = bytearray(self._read(fetch))
        unnamed = keys.get(heads.kid_for(self._plan, fetch, mp4.NO_KID))
        try:
            cenc.decrypt(head.encryption, media, {**keys, mp4.NO_KID: unnamed} if unnamed else keys)
        except DamagedError as error:
            return error.message
        alone = fetch.needs_init is None
        reason = decoder.fault(cenc.clear_init(bytes(media)) if alone else cenc.clear_init(head.init) + media)
        if reason == decoder.NOTHING:
            raise UnsupportedError(f"{fetch.path}: encrypted, and {reason}", "choose the title without this track")
        return reason


@dataclass(frozen=True, slots=True)
class _Head:
    """An init segment and what it says of encryption."""

    init: bytes
    encryption: cenc.Encryption
