"""The proof that a license opens the stored media.

For each KID that samples use, the segment that it encrypts most is decrypted and decoded without an error. Anything
less proves nothing: lengths and headers are in the clear, and a decoder is glad of noise. What no key protects is
proven to decode, too.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence

from offlinedl import verify
from offlinedl.decoder import Share
from offlinedl.errors import RefusedError, UnsupportedError
from offlinedl.license import clear, heads
from offlinedl.license.heads import Read, is_whole, made_up
from offlinedl.license.need import Need
from offlinedl.license.opening import Fault, Opening, Work
from offlinedl.media import fragment
from offlinedl.media.mp4 import Data
from offlinedl.streams import Fetch, Plan

__all__ = ["Fault", "UnlicensedError", "prove"]

_SURE_CODECS = ("avc1", "avc3", "mp4a")
_SECONDS_OF_OTHERS = 8.0
_SECOND_OPINIONS = 2
_CODED, _PIXELS = 4 * 2**20, 2**27
"""What is decoded for one KID at most, less than half a second's work: 64 pictures of 1080p."""
_RECORDED = (".aac", ".mp3")


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
    plan: Plan,
    read: Read,
    keys: Mapping[bytes, bytes],
    sealed: Collection[bytes] = (),
    formed: Collection[heads.Identity] = (),
) -> Iterator[Fault | None]:
    """Prove `keys` (by KID) on the files of `plan`, a step at a time: each step yields None, or a fault. Of keys that
    only an adapter has, the KIDs are in `sealed`: with those nothing is opened here. Files whose form was looked at as
    they came are `formed`.

    UnlicensedError where a KID in use has no key; UnsupportedError where encrypted media cannot be decoded here.
    """
    openings = {track.id: Opening(plan, track.id, read, keys) for track in plan.tracks}
    found: list[tuple[Opening, list[Work]]] = []
    try:
        torn = yield from _forms(plan, read, openings, formed)
        if torn:
            return
        for opening in openings.values():
            found.append((opening, list(opening.keyed())))
            yield None
    except heads.TornError as error:
        yield Fault(fetch=error.fetch, kid=b"", reason=error.reason, wrong_key=False)
        return
    _check_licensed(plan, [work for _, own in found for work in own], {*keys, *sealed})
    if (keys or sealed) and not any(own for _, own in found):
        raise UnsupportedError(
            "the title is protected in a way that cannot be proven to open", "only MP4, TS and AAC can be"
        )
    for opening, own in found:
        for work in () if sealed else own:  # an adapter keeps those keys to itself
            yield from _keyed(opening, work)
        yield from clear.prove(opening, {fetch for work in own for fetch in work.fetches})


def _check_licensed(plan: Plan, work: Sequence[Work], licensed: Collection[bytes]) -> None:
    for kid, fetches in work:
        if kid not in licensed:
            kids = tuple(dict.fromkeys(kid for kid, _ in work))
            uris = {kid: plan.keys[own[0].key] for kid, own in work if own[0].key is not None}
            raise UnlicensedError(kid, fetches[0].path, Need(kids=kids, keys=uris))


def _forms(
    plan: Plan, read: Read, openings: Mapping[str, Opening], formed: Collection[heads.Identity]
) -> Generator[Fault | None, None, bool]:
    """Look at the form of every file first: what is no media at all says nothing of a key. True where one is not.

    A piece of a file has no form of its own; it is as long as its range, or would not be here.
    """
    torn, cut, without = False, plan.cut, made_up(plan)
    fits: set[Fetch | None] = set()
    misplaced: dict[Fetch | None, list[Fault]] = {}
    for fetch in (f for f in plan.fetches if f.rendition not in cut and f.identity not in formed):
        opening, data = openings[fetch.rendition], read(fetch)
        init = fetch if fetch.init else opening.init(fetch)
        if (reason := _malformed(plan, fetch, data)) is not None:
            torn = True
            yield _damaged(fetch, reason)
        elif fetch.rendition in without and fragment.has_encryption(data):
            raise UnsupportedError(f"{fetch.path} is encrypted, and nothing says how", "ask for its DASH address")
        elif not fetch.init and (reason := opening.misplaced(fetch, data)) is not None:
            misplaced.setdefault(init, []).append(_damaged(fetch, reason))
        elif not fetch.init:
            fits.add(init)
        yield None
    for init, own in misplaced.items():
        alien = init is not None and init not in fits
        if init is not None and alien:
            yield _damaged(init, f"what needs it does not go with it: {own[0].reason}")
        yield from own if len(own) == 1 or not alien else ()
    return torn or bool(misplaced)


def _malformed(plan: Plan, fetch: Fetch, data: Data) -> str | None:
    """A file that is a title itself may have been cut out of a broadcast: its frames need not be whole."""
    path = "" if fetch.url == plan.manifest_url and fetch.path.endswith(_RECORDED) else fetch.path
    return verify.malformed(path, data, sealed=is_whole(plan, fetch))


def _damaged(fetch: Fetch, reason: str) -> Fault:
    return Fault(fetch=fetch, kid=b"", reason=reason, wrong_key=False)


def _keyed(opening: Opening, work: Work) -> Iterator[Fault | None]:
    """Open the heaviest files of a KID; where one fails, as many of the next say whether it is the key's fault or the
    file's. Of the others the padding is looked at where the key is right."""
    chosen = _enough(opening, work.fetches)
    share = Share(coded=_CODED // len(chosen), pixels=_PIXELS // len(chosen))
    rest = work.fetches[len(chosen) :]
    failed: list[tuple[Fetch, str]] = []
    for fetch in chosen:
        reason = opening.opens(fetch, share)
        if reason is not None:
            failed.append((fetch, reason))
        yield None
    right = not failed
    if failed:
        others = rest[: max(_SECOND_OPINIONS, len(chosen))]
        opened = len(chosen) - len(failed) + sum(opening.opens(f, share) is None for f in others)
        # One segment of a codec that forgives much may open by chance
        right = opened > (0 if _is_sure(opening) else (len(chosen) + len(others)) // 2)
    for fetch, reason in failed:
        yield Fault(fetch=fetch, kid=work.kid, reason=reason, wrong_key=not right)
    for fetch in rest if right else ():
        padding = opening.unpadded(fetch)
        yield Fault(fetch=fetch, kid=work.kid, reason=padding, wrong_key=False) if padding else None


def _enough(opening: Opening, fetches: Sequence[Fetch]) -> list[Fetch]:
    """As many of the heaviest segments as a wrong key does not pass: several where the codec forgives more.

    Measured with wrong keys and a strict decoder: H.264 and AAC 0 of 600 after one segment of 2 s; AV1, VP9, Opus and
    AC-3 some after one frame, and 0 of 100 after 24. benchmarks/wrong_keys.py measures it again.
    """
    enough: list[Fetch] = []
    for fetch in fetches:
        enough.append(fetch)
        if _is_sure(opening) or sum(f.duration for f in enough) >= _SECONDS_OF_OTHERS:
            break
    return enough


def _is_sure(opening: Opening) -> bool:
    return all(codec.strip().startswith(_SURE_CODECS) for codec in opening.track.codecs.split(","))
