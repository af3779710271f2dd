"""The words of time: what the boot clock says, and the time that was seen last."""

from __future__ import annotations

from datetime import datetime

from offlinedl.frozen import frozen


@frozen
class Boot:
    """What the boot clock says: the `seconds` since the system whose boot has this `id` began, suspended or not."""

    id: str
    seconds: float


@frozen
class Mark:
    """The time that was seen last: `at`, when the boot clock said `boot`. It never falls, but by a trusted date.

    It is `confirmed` where it goes back to a trusted date, the last of which is `heard_at`; `suspect` tells that the
    system's clock was behind it.
    """

    at: datetime
    boot: Boot | None = None
    confirmed: bool = False
    heard_at: datetime | None = None
    suspect: bool = False
