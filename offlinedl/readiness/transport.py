"""How servers should hand out media for downloads that are cut off and go on, and addresses that last as long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from offlinedl.errors import shown
from offlinedl.frozen import frozen
from offlinedl.readiness import Finding, State, judged, ok
from offlinedl.signatures import expires, unsigned

_RATE = 1_000_000
"""Bytes a second of a connection that a title should be downloaded over before its addresses expire."""


@frozen
class Served:
    """What a server says of a sample that it has at `url`: None where it was not found out. `ranges` whether it gives a
    part that is asked for, and `misranged` why that part is wrong; `redirected` where it leads to instead, "" where
    nowhere."""

    url: str
    ranges: bool | None = None
    misranged: str = ""
    validator: bool | None = None
    length: bool | None = None
    encoding: str = ""
    redirected: str = ""


@frozen
class Elsewhere:
    """Another address of a sample, and why it does not give the same, "" where it does."""

    url: str
    fault: str = ""


def findings(served: Sequence[Served], elsewhere: Sequence[Elsewhere], *, in_ranges: bool) -> Iterator[Finding]:
    """Of each server of media one sample. `in_ranges` is a title whose segments are parts of files."""
    misranged = [f"{_host(s)}: {s.misranged}" for s in served if s.misranged]
    if misranged:
        hint = "answer 206 with just what was asked for (RFC 9110 section 15.3.7): other bytes damage what is there"
        yield judged("transport", "ranges", misranged, "", hint, state="failed")
    else:
        hint = "serve ranges (RFC 9110 section 14): without them, what was cut off begins anew"
        state: State = "failed" if in_ranges else "warning"
        yield _of_each("ranges", served, lambda s: s.ranges, "no ranges", hint, state=state)
    hint = "send a strong ETag, or Last-Modified: without one, nobody sees that a file changed between two parts of it"
    yield _of_each("validator", served, lambda s: s.validator, "neither a strong ETag nor Last-Modified", hint)
    hint = "send Content-Length: without it, an answer that was cut off looks like a whole one"
    yield _of_each("content-length", served, lambda s: s.length, "no Content-Length", hint)
    encoded = [f"{_host(s)}: sent as {s.encoding}" for s in served if s.encoding]
    hint = "send media as they are: nobody asked for it, they do not shrink, and ranges of them fit nowhere"
    yield judged("transport", "compression", encoded, "media come as they are", hint, state="failed")
    moved = [f"{_host(s)}: leads to {shown(s.redirected)}" for s in served if s.redirected]
    hint = "name the address where media are: each redirect is another request for each segment"
    yield judged("transport", "redirects", moved, "none for media", hint)
    if elsewhere:
        dead = [f"{shown(e.url)}: {e.fault}" for e in elsewhere if e.fault]
        hint = "mend it, or name it no more: it is asked when the first address fails"
        yield judged("transport", "second-address", dead, f"{len(elsewhere)} answer", hint)


def secure(addresses: Sequence[str]) -> Finding:
    """Addresses of manifest, media and license server."""
    open_ = list(dict.fromkeys(shown(url) for url in addresses if not _is_secure(url)))
    hint = "use https: others can read and change what comes, and many platforms refuse it"
    return judged("manifest", "addresses-https", open_, "https, or this machine", hint)


def lasting(addresses: Sequence[str], size: int, now: datetime) -> Finding:
    """Do addresses that are signed last as long as it takes to download `size` bytes?"""
    signed = [url for url in addresses if unsigned(url) != url]
    ends = [at for url in addresses if (at := expires(url)) is not None]
    if not ends:
        if not signed:
            return ok("manifest", "signed-addresses", "none is signed")
        said = f"{shown(signed[0])} is signed, and nothing in it says until when"
        return Finding(id="signed-addresses", group="manifest", state="unknown", detail=said, hint=_LASTING)
    left, needed = min(ends) - now, timedelta(seconds=size // _RATE)
    until = f"signed until {min(ends):%Y-%m-%d %H:%M} UTC"
    if left <= timedelta(0):
        return judged("manifest", "signed-addresses", [f"{until}: that is over"], "", _LASTING, state="failed")
    short = [f"{until}, in {_span(left)}: over 8 Mbit/s the title takes {_span(needed)}"] if left < needed else []
    return judged("manifest", "signed-addresses", short, until, _LASTING)


_LASTING = "sign them for longer than a download takes, pauses too: a day, or new ones each time the title is resolved"


def _of_each(
    id: str,
    served: Sequence[Served],
    said: Callable[[Served], bool | None],
    wrong: str,
    hint: str,
    *,
    state: State = "warning",
) -> Finding:
    without = [f"{_host(s)}: {wrong}" for s in served if said(s) is False]
    if not without and (not served or any(said(s) is None for s in served)):
        return Finding(id=id, group="transport", state="unknown", detail="no sample came that tells", hint=hint)
    return judged("transport", id, without, ", ".join(dict.fromkeys(map(_host, served))), hint, state=state)


def _host(served: Served) -> str:
    return urlsplit(served.url).netloc.rpartition("@")[2]


def _is_secure(url: str) -> bool:
    """As browsers have it (W3C Secure Contexts section 3.1): what does not leave the machine is."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    here = host in {"localhost", "::1"} or host.endswith(".localhost") or host.startswith("127.")
    return here or parts.scheme.lower() == "https"


def _span(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    return f"{minutes} min" if minutes else f"{span.seconds} s"
