"""The words for what servers are owed once something is no longer here, as values."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime

from offlinedl.frozen import frozen
from offlinedl.model import License


@frozen
class Destruction:
    """What is owed to a license server once a license is destroyed (W3C EME, record of license destruction). An
    adapter knows the destroyed license by its `handle` until the server has acknowledged it."""

    license: License
    title_id: str
    destroyed_at: datetime
    handle: bytes | None = field(default=None, repr=False)


@frozen
class Departure:
    """What is owed to the entitlement server of a title that is no longer here."""

    title_id: str
    entitlement_url: str = field(repr=False)
