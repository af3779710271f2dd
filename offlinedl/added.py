"""The words for sources that were added, and for what they offer, as values."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime

from offlinedl.frozen import frozen
from offlinedl.model import Failure, Series


@frozen
class AddedSource:
    """A source that a person added, and how it was found last. `fetched_at` is when it answered last; `etag` and
    `last_modified` are what it said then of its version (RFC 9110 section 8.8), and `checksum` is that of what it sent.
    Where it fails since then, `failure` is the last one, and `failing_since` when the first was. `left_out` says what
    is wrong with titles that are left out of what it offers."""

    name: str
    url: str = field(repr=False)
    kind: str
    titles: int = 0
    etag: str = ""
    last_modified: str = ""
    checksum: bytes = b""
    fetched_at: datetime | None = None
    failure: Failure | None = None
    failing_since: datetime | None = None
    left_out: str = ""


@frozen
class Offer:
    """A title as its `source` offered it last: what is needed to decide about it, and no address or header, for those
    may be secrets. `position` is its place in the source, from 0; `download` whether its rights allow that,
    and `reason` why not, as far as the source says it."""

    id: str
    source: str
    position: int
    name: str
    series: Series | None = None
    season: int | None = None
    episode: int | None = None
    special: bool = False
    published: datetime | None = None
    available_from: datetime | None = None
    available_until: datetime | None = None
    duration: float = 0.0
    download: bool = True
    reason: str | None = None
