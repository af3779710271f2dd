"""What is asked of a license server, and what it grants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from offlinedl.frozen import frozen
from offlinedl.model import ContentKey, Windows
from offlinedl.protection import Key


@frozen
class Need:
    """The KIDs that the media use (16 bytes each), and for those of HLS identity keys where the key is.

    `init_data` is what the init segments say for each system, by its id: their pssh boxes.
    """

    kids: tuple[bytes, ...]
    keys: Mapping[bytes, Key] = field(default_factory=dict)
    init_data: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def __or__(self, other: Need) -> Need:
        """What both need."""
        return Need(
            kids=tuple(dict.fromkeys((*self.kids, *other.kids))),
            keys={**self.keys, **other.keys},
            init_data={**self.init_data, **other.init_data},
        )


@frozen
class Grant:
    """A persistent license, as it was granted: a key for each KID of the need, or an adapter's handle that stands for
    them, and the windows that it states. `policy` is what it states as it came, as JSON; `date` is when the server says
    that it was granted, where that can be believed; `warnings` say what is odd."""

    keys: tuple[ContentKey, ...] = ()
    handle: bytes | None = field(default=None, repr=False)
    windows: Windows = field(default_factory=Windows)
    renewable: bool = False
    renewal_url: str | None = None
    policy: str = ""
    date: datetime | None = None
    warnings: tuple[str, ...] = ()
