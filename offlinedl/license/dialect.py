"""What is peculiar to a DRM system beside its cryptography: how its messages travel, and what licenses say openly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from datetime import datetime

from offlinedl.frozen import frozen
from offlinedl.http import Headers
from offlinedl.model import Windows


@frozen
class Stated:
    """What a license states in the clear, in Grant's words. `warnings` are what is odd about it; `unpersistent` says
    that it may not be stored. Where nothing can be read, all of it is unknown: then who is
    asked for a renewal refuses it."""

    windows: Windows = field(default_factory=lambda: Windows(unknown=frozenset({"storage", "playback", "license"})))
    renewable: bool = True
    renewal_url: str | None = field(default=None, repr=False)
    policy: str = ""
    warnings: tuple[str, ...] = ()
    unpersistent: bool = False


@frozen
class Dialect:
    """`request` gives the body and more headers of a challenge, `response` the license that is in an answer's body;
    `stated` reads it at a moment. `fault` says what the body of an error is about, None where it is only the server's.
    `parts` cuts init data into pieces that are licensed one after the other; they may hold a `license_url`. A message
    that `is_preliminary` asks for something else than a license."""

    name: str
    system_id: str
    headers: Headers
    request: Callable[[bytes], tuple[bytes, Headers]] = lambda message: (message, ())
    response: Callable[[bytes], bytes] = lambda body: body
    stated: Callable[[bytes, datetime], Stated] = lambda license, now: Stated()
    fault: Callable[[bytes], str | None] = lambda body: None
    license_url: Callable[[bytes], str | None] = lambda init_data: None
    parts: Callable[[bytes], tuple[bytes, ...]] = lambda init_data: (init_data,)
    is_preliminary: Callable[[bytes], bool] = lambda message: False
