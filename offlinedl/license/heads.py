"""What a license must open, as far as that is known before the media: the manifest says it, or the init segments, or,
where keys rotate, the segments alone (ISO/IEC 23001-7 section 6).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

from offlinedl.errors import DamagedError, RefusedError, UnsupportedError
from offlinedl.license import hls_key
from offlinedl.license.need import Need
from offlinedl.media import cenc, ebml, fragment, mp4
from offlinedl.media.mp4 import Data
from offlinedl.protection import Key, Protection
from offlinedl.streams import Fetch, Plan

Read: TypeAlias = Callable[[Fetch], Data]
Identity: TypeAlias = tuple[str, bool, int]


class TornError(DamagedError):
    """The boxes of a file do not fit together."""

    def __init__(self, fetch: Fetch, reason: str) -> None:
        super().__init__(f"{fetch.path} is damaged: {reason}", "run it again: only that is fetched")
        self.fetch, self.reason = fetch, reason


class _Silent(NamedTuple):
    """What a head says of encryption that names no KID, and the media it is about: what is there, and what is not."""

    encryption: cenc.Encryption
    there: list[Fetch]
    absent: list[Fetch]


def unnamed(plan: Plan, read: Read, there: Collection[Identity]) -> list[Fetch]:
    """What to fetch next before it is known what a license is needed for; nothing where that is known.

    That is the first segment of each head that names no KID, and as long as those name none, as many again: a clear
    lead may be long. `there` are the files that can be read. Errors: TornError.
    """
    more: list[Fetch] = []
    for silent in _silent(plan, read, there):
        if silent.absent and not any(_named(plan, silent, fetch, read) for fetch in silent.there):
            more += silent.absent[: max(1, len(silent.there))]
    return more


def need(plan: Plan, read: Read, there: Collection[Identity]) -> Need:
    """What the media of `plan` need: the KIDs of the manifest and of its heads (read with `read`), and the keys that
    have URIs of their own. Where no head names a KID, those of the first segment that does, or of all of them once all
    are there. RefusedError where something is encrypted and nothing names its KID; TornError."""
    kids = dict.fromkeys(plan.kids)
    keys: dict[bytes, Key] = {}
    boxes: dict[str, dict[bytes, None]] = {}
    unnamed = False
    for fetch in plan.heads:
        for protection in _protections(plan, fetch, read):
            if protection.system:
                boxes.setdefault(protection.system, {})[protection.init_data or b""] = None
                continue
            unnamed |= not protection.kids
            kids |= dict.fromkeys(protection.kids)
            keys |= {kid: key for kid in protection.kids for key in _keys_of(plan, fetch)}
    for kid, own in _rotating(plan, read, there):
        kids[kid] = None
        keys |= {kid: own} if own else {}
    sealed = {f.key for f in plan.fetches if is_whole(plan, f) or is_sampled(plan, f)}
    for key in (key for number, key in enumerate(plan.keys) if number in sealed):
        kids[hls_key.kid_of(key)] = None
        keys[hls_key.kid_of(key)] = key
    if (plan.protected or unnamed) and not kids:
        raise RefusedError(
            "the title is protected, and neither its manifest nor its media name a key id",
            "tell the service: without a key id no license can be asked for",
            code="license-missing",
        )
    return Need(kids=tuple(kids), keys=keys, init_data={system: b"".join(own) for system, own in boxes.items()})


def _silent(plan: Plan, read: Read, there: Collection[Identity]) -> Iterator[_Silent]:
    for head in (f for f in plan.heads if f.rendition not in made_up(plan)):
        if all(protection.kids for protection in _encrypted_tracks(plan, head, read)):
            continue
        with _torn(head):
            encryption = cenc.read_init(read(head))
        own = [f for f in plan.fetches if f.rendition == head.rendition and f.needs_init == head.number and not f.init]
        media = own if head.init else [head]
        absent = [f for f in media if f.identity not in there]
        if encryption is not None:
            yield _Silent(encryption, [f for f in media if f.identity in there], absent)


def _rotating(plan: Plan, read: Read, there: Collection[Identity]) -> Iterator[tuple[bytes, Key | None]]:
    """The KIDs that only segments name, and where their keys are if those have URIs."""
    for silent in _silent(plan, read, there):
        for fetch in silent.there:
            found = _named(plan, silent, fetch, read)
            yield from ((kid, own_key(plan, fetch)) for kid in found)
            if found and silent.absent:
                break


def _named(plan: Plan, silent: _Silent, fetch: Fetch, read: Read) -> list[bytes]:
    """The KIDs that the samples of a file name."""
    media = read(fetch)
    with _torn(fetch):
        found = cenc.usage(silent.encryption, media) if mp4.is_mp4(media) else {}
    return [kid for kid in (kid_for(plan, fetch, name) for name in found) if kid != mp4.NO_KID]


@contextmanager
def _torn(fetch: Fetch) -> Iterator[None]:
    """Whose damage it is."""
    try:
        yield
    except DamagedError as error:
        raise TornError(fetch, error.message) from error


def kid_for(plan: Plan, fetch: Fetch, kid: bytes) -> bytes:
    """`kid`, as the samples of a file name it; where they name none (all zeros), what stands for the key of HLS."""
    own = own_key(plan, fetch)
    return hls_key.kid_of(own) if own and kid == mp4.NO_KID else kid


def own_key(plan: Plan, fetch: Fetch) -> Key | None:
    """The key of HLS that the samples of a file are encrypted with; None where it has none."""
    key = None if fetch.key is None else plan.keys[fetch.key]
    return None if key is None or key.method == "AES-128" else key


def is_whole(plan: Plan, fetch: Fetch) -> bool:
    """Is the file encrypted as a whole (AES-128), so that nothing can be read in it?"""
    return fetch.key is not None and plan.keys[fetch.key].method == "AES-128"


def is_sampled(plan: Plan, fetch: Fetch) -> bool:
    """Are the samples in the file encrypted in a way that names no KID (SAMPLE-AES in MPEG-TS and packed audio)?"""
    return (
        fetch.key is not None
        and plan.keys[fetch.key].method == "SAMPLE-AES"
        and not fetch.path.endswith((".mp4", ".m4s"))
    )


def made_up(plan: Plan) -> set[str]:
    """The tracks whose init segments are made from their `setup`."""
    return {track.id for track in plan.tracks if track.setup is not None}


def _encrypted_tracks(plan: Plan, fetch: Fetch, read: Read) -> list[Protection]:
    """What the `tenc` boxes of a head say."""
    return [p for p in _protections(plan, fetch, read) if not p.system]


def _protections(plan: Plan, fetch: Fetch, read: Read) -> Sequence[Protection]:
    """What the `tenc` and `pssh` boxes of a head say. A file that is encrypted as a whole says nothing."""
    if is_whole(plan, fetch):
        return []
    head = read(fetch)
    with _torn(fetch):
        if bytes(head[:4]) == ebml.HEAD and (found := ebml.tracks(head)) and found.key_ids:
            raise UnsupportedError(f"{fetch.path}: {ebml.PROTECTED[0]}", ebml.PROTECTED[1])
        if fetch.rendition in made_up(plan):  # no init segment tells: the fragment itself does, without a key id
            return [Protection()] if mp4.is_mp4(head) and fragment.has_encryption(head) else []
        return mp4.protections(head) if mp4.is_mp4(head) else []


def _keys_of(plan: Plan, head: Fetch) -> Iterator[Key]:
    """The keys of the files that need this head."""
    own = (f for f in plan.fetches if f.rendition == head.rendition and not f.init)
    numbers = {f.key for f in own if f.key is not None and (not head.init or f.needs_init == head.number)}
    return (plan.keys[n] for n in sorted(numbers) if plan.keys[n].method != "AES-128")
