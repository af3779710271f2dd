"""For how long a title may be kept and played: what its service allows, and numbers that clocks trip over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from offlinedl import expiry, rights
from offlinedl.errors import OfflinedlError, RefusedError, counted
from offlinedl.model import Rights, Title, Windows
from offlinedl.readiness import Finding, judged, ok

_SIGNED_32 = 2**31
"""Seconds that some devices hold (68 years): with more, a new license is over at once."""
_CAP = 50 * 365 * 86400
"""Seconds that Widevine's servers grant at most."""
_SKEW = timedelta(minutes=5)
"""What PlayReady takes for the same time."""


def of_title(title: Title, duration: float, now: datetime, *, by_url: bool) -> Iterator[Finding]:
    """Of what a feed says. `duration` is in seconds."""
    if by_url:
        said = "it was named by its URL: nothing says what is allowed"
        yield Finding(id="download-allowed", group="rights", state="unknown", detail=said, hint="name it as source:id")
        return
    try:
        rights.check(title, now)
        yield ok("rights", "download-allowed", "yes")
    except RefusedError as error:
        yield Finding(id="download-allowed", group="rights", state="failed", detail=error.message, hint=error.hint)
    wrong = [*_odd(title.rights, duration)]
    yield judged("rights", "rights-windows", wrong, _told(title.rights), "look at the numbers, and at their units")
    most = [title.service.downloads_per_device, title.service.downloads_per_month]
    none = ["no download is allowed on any device"] if 0 in most else []
    each = zip(most, ("on a device", "a month"), strict=True)
    fine = ", ".join(f"{counted(m, 'download')} {where}" for m, where in each if m) or "none"
    yield judged("rights", "limits", none, fine, "allow one, or say that it may not be downloaded", state="failed")


def entitlement(refused: OfflinedlError | None, untold: OfflinedlError | None, *, asked: bool) -> Finding:
    """Whether the service grants a download, where it wants to be asked for each, and hears that nothing came of it, or
    why not."""
    if not asked:
        return Finding(
            id="entitlement", group="rights", state="unknown", detail="not asked for", hint="--license asks for it, too"
        )
    if refused is not None:
        return Finding(id="entitlement", group="rights", state="failed", detail=refused.message, hint=refused.hint)
    wrong = [f"granted, and not given back: {untold.message}"] if untold else []
    hint = "acknowledge a release: a place that stays taken is one that nobody can use"
    return judged("rights", "entitlement", wrong, "granted, and given back", hint)


def of_license(windows: Windows, policy: str, rights: Rights, issued: datetime) -> Iterator[Finding]:
    """Of a license as it was granted; `policy` is what it states, as JSON. Under the `rights` of its title."""
    said = _policy(policy)
    both = expiry.narrowed(windows, rights)
    told = Rights(
        storage_seconds=both.storage_seconds, playback_seconds=both.playback_seconds, available_until=both.ends_at
    )
    unlimited = [] if told != Rights() else ["neither license nor feed has an end"]
    hint = "state a storage window and a playback window, if the title is not to play for ever"
    yield judged("protection", "license-windows", unlimited, _told(told), hint)
    traps = [f"{name} is {value}" for name, value in said.items() if _is_trap(value)]
    hint = "state 0 or nothing for no limit: some devices count with 32 bits, and see a license that is over"
    yield judged("clocks", "clock-values", traps, "every device can count with them", hint)
    if windows.ends_at is not None and windows.ends_at <= issued:
        hint = "look at the clock of the license server: nothing plays with it"
        yield judged("clocks", "license-end", ["it is over when it is issued"], "", hint, state="failed")
    wrong = [*_early(windows, issued)]
    hint = "let the license last as long as the windows that it grants: renewals were seen to fail"
    yield judged("clocks", "clock-order", wrong, "the license lasts as long as its windows", hint)


def server_clock(date: datetime | None, now: datetime) -> Finding:
    """What a server says that the time is. A license begins by that."""
    if date is None:
        said = "no server says the time in a way that can be believed (Date, over TLS)"
        return Finding(id="server-clock", group="clocks", state="unknown", detail=said, hint="serve it over https")
    apart = abs(date - now)
    wrong = [f"{apart.total_seconds():.0f} s apart from this machine"] if apart > _SKEW else []
    hint = "set the clock that is wrong: windows are counted from the server's"
    return judged("clocks", "server-clock", wrong, "as this machine has it", hint)


def _odd(said: Rights, duration: float) -> Iterator[str]:
    storage, playback = said.storage_seconds, said.playback_seconds
    if storage is not None and playback is not None and playback > storage:
        yield f"a playback window of {playback} s is longer than the storage window of {storage} s"
    for name, seconds in (("storage", storage), ("playback", playback)):
        if seconds is not None and seconds < duration:
            yield f"a {name} window of {seconds} s is shorter than the title"
        if seconds is not None and seconds > _CAP:
            yield f"a {name} window of {seconds} s: {seconds // (365 * 86400)} years"
    if said.available_from and said.available_until and said.available_until <= said.available_from:
        yield "available_until is not after available_from"


def _told(said: Rights) -> str:
    limits = [("storage", said.storage_seconds), ("playback", said.playback_seconds)]
    parts = [f"{name} {_long(seconds)}" for name, seconds in limits if seconds is not None]
    parts += [f"until {said.available_until:%Y-%m-%d %H:%M} UTC"] if said.available_until else []
    return ", ".join(parts) or "no limits"


def _long(seconds: int) -> str:
    return expiry.span(timedelta(seconds=seconds)) if seconds < _CAP else f"{seconds} s"


def _is_trap(value: object) -> bool:
    """2^62 and more is how servers write "no limit"; devices that hold 32 bits see no limit in it."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= _SIGNED_32


def _early(windows: Windows, issued: datetime) -> Iterator[str]:
    for name, seconds in (("storage", windows.storage_seconds), ("playback", windows.playback_seconds)):
        if (
            windows.ends_at is not None
            and seconds is not None
            and issued + timedelta(seconds=seconds) > windows.ends_at
        ):
            yield f"it ends before its {name} window of {_long(seconds)}"
    if (
        windows.storage_seconds is not None
        and windows.playback_seconds is not None
        and windows.playback_seconds > windows.storage_seconds
    ):
        yield f"its playback window is longer than its storage window ({_long(windows.storage_seconds)})"


def _policy(text: str) -> Mapping[str, Any]:
    said = json.loads(text) if text else {}
    return {name: value for name, value in said.items() if name.endswith("_seconds")}
