"""How a protected title should name its keys, and what license it should grant for offline use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from offlinedl.errors import OfflinedlError
from offlinedl.frozen import frozen
from offlinedl.media import playready, widevine
from offlinedl.media.encryption import EXPERIMENTAL
from offlinedl.media.mp4 import about
from offlinedl.protection import Protection
from offlinedl.readiness import Finding, State, judged, ok

_WIDEVINE, _PLAYREADY = widevine.SYSTEM, "9a04f079-9840-4286-ab92-e65be0885f95"
_NAMES = {_WIDEVINE: "widevine", _PLAYREADY: "playready"}
_ASK = (
    "--license asks for one, and gives it back: it may be billed. Players ask for the session type persistent-license "
    'with persistentState "required", at a robustness that devices without hardware have, too'
)


@frozen
class Stated:
    """What is said of the protection of a track: by the manifest, and by its init segments (None where those were not
    had, or the track has none)."""

    track: str
    manifest: tuple[Protection, ...]
    init: tuple[Protection, ...] | None


@frozen
class Trial:
    """What came of a license that was asked for: `refused` is why none was granted, `unproven` why it does not open the
    samples, where there are some that it `is_tried` on, `unreleased` why it could not be given back; None where all is
    well. It is not given back where the title `is_here`, for that has the same place, and no key is that nobody counts
    (`is_counted`)."""

    refused: OfflinedlError | None = None
    is_tried: bool = True
    unproven: OfflinedlError | None = None
    unreleased: OfflinedlError | None = None
    is_here: bool = False
    is_counted: bool = True
    renewable: bool = False
    kids: int = 0


def findings(
    stated: Sequence[Stated], systems: Sequence[str], system: str, refusal: OfflinedlError | None, asked: Trial | None
) -> Iterator[Finding]:
    """Of a title that is protected, by `systems`. It can be licensed here by `system`, or `refusal` is why not."""
    named = ", ".join(systems)
    hint = "name them in the manifest or the feed, with their license servers"
    yield judged("protection", "systems-named", [] if systems else ["no DRM system is named"], named, hint)
    yield _licensable(system, refusal)
    yield from _named(stated)
    yield from _schemes(stated)
    yield from _license(asked, refusal)


def _licensable(system: str, refusal: OfflinedlError | None) -> Finding:
    if refusal is None:
        return ok("protection", "licensable", f"here, by {system}")
    state: State = "unknown" if refusal.code == "no-adapter" else "failed"
    return Finding(id="licensable", group="protection", state=state, detail=refusal.message, hint=refusal.hint)


def _named(stated: Sequence[Stated]) -> Iterator[Finding]:
    """The manifest's default_KID is that of the init segment (ISO/IEC 23001-7 section 11.1), and pssh boxes are about
    it."""
    wrong, silent, foreign = [], [], []
    for track in stated:
        said, found = _kids(track.manifest), _kids(track.init or ())
        if track.init is not None and said and found and said != found:
            wrong.append(f"{track.track}: the manifest says KID {_hex(said)}, its init segment {_hex(found)}")
        boxes = [p for p in (*track.manifest, *(track.init or ())) if p.system in _NAMES]
        silent += [f"{track.track}: no pssh for {_NAMES[p.system]}" for p in boxes if not p.init_data]
        known = found or said
        for box in boxes:
            named = _in(box)
            if known and named and not known & named:
                foreign.append(f"{track.track}: the pssh of {_NAMES[box.system]} names KID {_hex(named)}")
    hint = "write one and the same key id in both: a license is asked for with the one, and needed for the other"
    kids = {kid for track in stated for kid in _kids(track.manifest) | _kids(track.init or ())}
    fine = f"KID {_hex(kids)}" if kids else "the keys have addresses of their own"
    yield judged("protection", "kids", wrong, fine, hint, state="failed")
    hint = "put the pssh box of each system into the manifest: license requests are made from it"
    yield judged("protection", "pssh", [*foreign, *silent], "as the key ids have it", hint)


def _schemes(stated: Sequence[Stated]) -> Iterator[Finding]:
    found = {p.scheme for track in stated for p in (*track.manifest, *(track.init or ())) if p.scheme}
    wrong = [f"{scheme}, which few players have" for scheme in sorted(found & set(EXPERIMENTAL))]
    wrong += [f"{' and '.join(sorted(found))} in one title"] if len(found) > 1 else []
    hint = "use cenc or cbcs, and one of them alone"
    if found:
        yield judged("protection", "scheme", wrong, ", ".join(sorted(found)), hint)


def _license(asked: Trial | None, refusal: OfflinedlError | None) -> Iterator[Finding]:
    if asked is None:
        if refusal is None:
            said = "no license was asked for"
            yield Finding(id="persistent-license", group="protection", state="unknown", detail=said, hint=_ASK)
        return
    if asked.refused is not None:
        yield _of("persistent-license", asked.refused)
        return
    yield ok("protection", "persistent-license", f"granted, for {asked.kids} key ids" if asked.kids > 1 else "granted")
    if not asked.is_tried:
        said, hint = "no sample needs it", "look at why none came, or whether the title is encrypted at all"
        yield Finding(id="license-opens", group="protection", state="unknown", detail=said, hint=hint)
    elif asked.unproven is None:
        yield ok("protection", "license-opens", "the samples decode with it")
    else:
        yield _of("license-opens", asked.unproven)
    never = [] if asked.renewable else ["it cannot be renewed"]
    hint = "let it be renewed (can_renew): else what was not seen in time is licensed anew"
    yield judged("protection", "license-renewal", never, "it can be renewed", hint)
    if asked.is_here:
        said, hint = "not given back: the title is in the library", "audit it from another home"
        yield Finding(id="license-release", group="protection", state="unknown", detail=said, hint=hint)
        return
    if not asked.is_counted:
        return
    wrong = [asked.unreleased.message] if asked.unreleased else []
    hint = "acknowledge releases: else the places of a person's devices fill up"
    yield judged("protection", "license-release", wrong, "the server has taken it back", hint)


def _of(id: str, error: OfflinedlError) -> Finding:
    return Finding(id=id, group="protection", state="failed", detail=error.message, hint=error.hint)


def _kids(said: Sequence[Protection]) -> set[bytes]:
    return {kid for p in said if not p.system for kid in p.kids}


def _in(box: Protection) -> set[bytes]:
    """The key ids that a pssh box names: by itself, or in what is its system's own."""
    data = box.init_data or b""
    own = widevine.kids(data) if box.system == _WIDEVINE else playready.kids(about(data))
    return set(own) or set(box.kids)


def _hex(kids: set[bytes]) -> str:
    return ", ".join(sorted(kid.hex() for kid in kids))
