"""The proof of what no key protects: that it decodes, as far as that can be known without decoding all of it.

Of each track, and of each init segment of it, a part of the heaviest segment is decoded, and of others the beginning:
the first, the last, and those between. docs/decisions/0012 has what that finds, and what it costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from offlinedl import decoder
from offlinedl.decoder import Look, Share
from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.license.opening import Fault, Opening
from offlinedl.model import Kind
from offlinedl.streams import Fetch

_OF_HEAVIEST = Share(coded=128 * 1024, pixels=2**24)
_OF_OTHERS = Share(coded=64 * 1024, pixels=2**21)
_OF_ALL = 384 * 1024
"""Coded bytes that are decoded of what one init segment is for, or a little more: 0.1 s of work at most."""
_MOST = 8  # segments
_SURE = 3
"""So many segments are not damaged together: if none of them decodes, their init segment is at fault."""
_SAME_SIZE = 0.1
"""Pictures that are by no more than that larger or smaller than a manifest says are those that it means."""


def prove(opening: Opening, keyed: Set[Fetch]) -> Iterator[Fault | None]:
    """Prove what no key protects of a track, of which the `keyed` files are proven with their keys. A codec that cannot
    be decoded here is no fault: that its form is sound must do."""
    if opening.track.kind is Kind.SUBTITLES or opening.track.setup is not None:
        return
    try:
        if opening.is_cut:
            reason = _missing(opening, decoder.look(opening.whole(), _OF_HEAVIEST))
            yield _fault(opening.media[0], reason) if reason else None
            return
        groups: dict[tuple[bytes | None, bool], list[Fetch]] = {}
        for fetch in opening.media:
            init = opening.init(fetch)
            groups.setdefault((init.checksum if init else None, fetch.key is None), []).append(fetch)
        for group in groups.values():
            if keyed.isdisjoint(group):
                yield from _group(opening, group)
    except UnsupportedError:
        return


def _group(opening: Opening, group: Sequence[Fetch]) -> Iterator[Fault | None]:
    """Prove segments of one init segment. If none of them decodes with it, it is to be fetched again."""
    looked: dict[Fetch, str | None] = {}
    coded = 0
    for fetch, share in _samples(group):
        if coded >= _OF_ALL:
            break
        reason, look = opening.fault(fetch, share)
        looked[fetch] = reason or _missing(opening, look)
        coded += look.coded
        yield None
    if any(looked.values()):  # whose fault it is: HEVC may find the wrong init segment late
        for fetch in [f for f, reason in looked.items() if reason is None]:
            looked[fetch], _ = opening.fault(fetch)
            yield None
    failed = [_fault(fetch, reason) for fetch, reason in looked.items() if reason]
    init = opening.init(group[0]) if len(failed) == len(looked) else None
    if not failed or (len(failed) == len(looked) and _is_played(opening, failed[0].fetch)):
        return
    if init:
        yield _fault(init, f"what needs it does not decode with it: {failed[0].reason}")
    yield from failed if not init or len(failed) < _SURE else ()


def _samples(group: Sequence[Fetch]) -> Iterator[tuple[Fetch, Share]]:
    """The heaviest, the first, the last, and then in the middle of the largest gaps between them."""
    heaviest = max(group, key=lambda f: f.size or 0)
    yield heaviest, _OF_HEAVIEST
    last = len(group) - 1
    places = [0, last, *(last * part // parts for parts in (2, 4, 8) for part in range(1, parts, 2))]
    others = dict.fromkeys(group[place] for place in places)
    for fetch in [f for f in others if f is not heaviest][: _MOST - 1]:
        yield fetch, _OF_OTHERS


def _missing(opening: Opening, look: Look) -> str | None:
    """What is wrong with what was decoded: also a track of another kind is."""
    if look.reason:
        return look.reason
    track = opening.track
    wanted = "audio" if track.kind is Kind.AUDIO else "video" if track.height else None
    return f"no {wanted} in it" if wanted and wanted not in look.kinds else None


def _is_played(opening: Opening, fetch: Fetch) -> bool:
    """Does every player put up with it, though strictly it is wrong, so that all of the track was made that way? What
    decodes with the init segment of another rung may look so, too, but has not the size that the manifest states."""
    try:
        look = opening.plays(fetch, _OF_HEAVIEST)
    except DamagedError:
        return False
    track = opening.track
    if _missing(opening, look):
        return False
    if look.size is None or opening.init(fetch) is None:
        return True
    stated = (track.width, track.height)
    return any(abs(a - b) <= _SAME_SIZE * b for a, b in zip(look.size, stated, strict=True))


def _fault(fetch: Fetch, reason: str) -> Fault:
    return Fault(fetch=fetch, kid=b"", reason=reason, wrong_key=False)
