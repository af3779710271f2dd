"""The word for a source that was added, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from offlinedl.model import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedSource:
    """A source that a person added, and how it was found last. `fetched_at` is when it answered last; `etag` and
    `last_modified` are what it said then of its version (RFC 9110 section 8.8), and `checksum` is that of what it sent.
    Where it fails since then, `failure` is the last one, and `failing_since` when the first was."""

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
