"""What is asked of a license server, and what it grants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from offlinedl.model import ContentKey, Windows
from offlinedl.streams import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """The KIDs that the media use (16 bytes each), and for those of HLS identity keys where the key is."""

    kids: tuple[bytes, ...]
    keys: Mapping[bytes, Key] = field(default_factory=dict)

    def __or__(self, other: Need) -> Need:
        """What both need."""
        return Need(kids=tuple(dict.fromkeys((*self.kids, *other.kids))), keys={**self.keys, **other.keys})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A persistent license, as it was granted: a key for each KID of the need, and the windows that it states."""

    keys: tuple[ContentKey, ...]
    windows: Windows = field(default_factory=Windows)
    renewable: bool = False
    renewal_url: str | None = None
