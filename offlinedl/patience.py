"""Which failure is worth another try, and when."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from offlinedl.frozen import frozen

_LONGEST_WAIT = 30.0
_LONGEST_RETRY_AFTER = 3600.0
"""Seconds. A server that says a year does not know it either."""


def may_pass(status: int) -> bool:
    """Does this HTTP status refuse for the moment alone (RFC 9110 sections 15.5.9 and 15.6, RFC 8470, RFC 6585)?"""
    return status in {408, 425, 429} or status >= 500


def retry_after(value: str, now: datetime) -> float | None:
    """The seconds that a `Retry-After` asks to wait (RFC 9110 section 10.2.3), None where it says nothing that can be
    read. A date may be in any of the three forms of section 5.6.7."""
    text = value.strip()
    if re.fullmatch(r"-?[0-9]+", text):
        return 0.0 if text[0] == "-" else min(_LONGEST_RETRY_AFTER, float(text))
    try:
        at = parsedate_to_datetime(text)
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):
        return None
    return min(_LONGEST_RETRY_AFTER, max(0.0, seconds.total_seconds()))


@frozen
class Patience:
    """How often what may pass is tried again, and `backoff` seconds before the first time, doubling with each."""

    retries: int
    backoff: float

    def tries(self, status: int | None) -> int:
        """How many failures in a row are worth another try, after one with this HTTP status (None: there was none).
        With 2xx came what was not asked for: another resource, or another form of it."""
        if status is not None and (status in {404, 410} or 200 <= status < 300):
            return min(1, self.retries)
        if status is not None and 400 <= status < 500 and not may_pass(status):
            return 0
        return self.retries

    def wait(self, failures: int, jitter: float) -> float:
        """Seconds before the next attempt, after so many failures in a row. `jitter`, from 0 to less than 1, decides
        over half of it: those who failed together should not come back together."""
        return min(_LONGEST_WAIT, self.backoff * 2.0 ** (failures - 1)) * (1 + jitter) / 2


class Attempts:
    """The failed attempts of one fetch. One that got further than all before it begins a new count."""

    def __init__(self) -> None:
        self._furthest = 0
        self._failures = 0

    def failed(self, received: int) -> int:
        """An attempt failed after so many bytes. How many attempts did, since and with the one that got furthest."""
        if received > self._furthest:
            self._furthest, self._failures = received, 0
        self._failures += 1
        return self._failures


class Holds:
    """The hosts that asked to be left alone, and until when. Times are those of one monotonic clock."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._until)

    def hold(self, host: str, until: float) -> None:
        """Ask `host` for nothing before `until`. What it said before still holds where that is later."""
        self._until[host] = max(until, self.free_at(host))

    def free_at(self, host: str) -> float:
        """When `host` may be asked again; long ago where it never said."""
        return self._until.get(host, float("-inf"))
