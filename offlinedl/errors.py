"""Every failure that a person can do something about, each with its exit code.

An error carries what happened, a hint, and a short stable code for scripts. No markup, no secrets: a URL enters a
message through `shown`, which leaves out what signs it.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

FEWER_FILES = "fewer connections (-N) need fewer, and `ulimit -n` allows more; what is done is kept"
"""The hint where too many files are open: sockets are files, too."""

_JOINERS = "\u200c\u200d"
"""Zero width non-joiner and joiner (Unicode section 23.2)."""

_ASSIGNED = re.compile(r"=[^/]{16,}")
_URL = re.compile(r"https?://[^\s'\"<>]+")


def shown(url: str) -> str:
    """`url` as it may be shown: without user info, query and fragment, where signatures and tokens live, and without
    the long values that some services assign in the path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    if parts.scheme not in {"http", "https"}:
        return f"{parts.scheme}:..." if parts.scheme else url.partition("?")[0].rpartition("@")[2]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{_ASSIGNED.sub('=...', parts.path)}"


def cleared(text: str) -> str:
    """`text` with each URL in it as it may be shown."""
    return _URL.sub(lambda found: shown(found[0]), text)


def printable(text: str) -> str:
    """`text` on one line, with a space for all that is not a letter to be seen: names come from servers. What joins
    letters or parts them stays: words of Persian and families of emoji are spelled with it."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c in _JOINERS else " " for c in text)


_UNITS = ("B", "kB", "MB", "GB", "TB")


def sized(count: int) -> str:
    """Bytes for people: "210 kB"; decimal units."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit and value < 10 else f"{value:.0f} {_UNITS[unit]}"


def counted(count: int, noun: str) -> str:
    """ "1 title", "2 titles"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class OfflinedlError(Exception):
    """What went wrong (`message`), what to do (`hint`), and for scripts a stable `code` and the `exit_code`."""

    exit_code = 1
    default_code = "defect"

    def __init__(self, message: str, hint: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code


class UsageError(OfflinedlError):
    """The command or the configuration is wrong."""

    exit_code = 2
    default_code = "usage"


class NotFoundError(OfflinedlError):
    """A title, source or file cannot be resolved."""

    exit_code = 3
    default_code = "not-found"


class GoneError(NotFoundError):
    """The title was here, and somebody removed it meanwhile."""


class NetworkError(OfflinedlError):
    """Gave up after retries. `status` is the HTTP status of the last answer, None where there was none to be judged;
    `retry_after` what it said of when to ask again (RFC 9110 section 10.2.3). `answered` tells that an answer came, be
    it one that was cut off: it is about one resource, and its server is there; `unheard` that nobody listens at its
    address."""

    exit_code = 4
    default_code = "network"

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        status: int | None = None,
        retry_after: str | None = None,
        answered: bool = False,
        unheard: bool = False,
    ) -> None:
        super().__init__(message, hint)
        self.unheard = unheard
        self.status = status
        self.retry_after = retry_after
        self.answered = answered or status is not None


class RefusedError(OfflinedlError):
    """A license or a right was denied, is missing, temporary or expired."""

    exit_code = 5
    default_code = "license-refused"


class StorageError(OfflinedlError):
    """No space, over the quota, or not writable."""

    exit_code = 6
    default_code = "storage"

    @property
    def lacks_room(self) -> bool:
        """Is it only that there is too little?"""
        return self.code in {"no-space", "over-quota"}


class PausedError(OfflinedlError):
    """Somebody asked for a pause, from elsewhere. What is done is kept."""

    exit_code = 130
    default_code = "paused"


class BusyError(OfflinedlError):
    """Another offlinedl holds what is needed."""

    exit_code = 7
    default_code = "busy"


class DamagedError(OfflinedlError):
    """Content or a license that does not verify."""

    exit_code = 8
    default_code = "damaged"


class OtherTitleError(DamagedError):
    """The manifest is another one than that which a download began with."""

    default_code = "changed"

    def __init__(self, what: str = "it has other segments now") -> None:
        super().__init__(
            f"the title's manifest is not the one that the download began with: {what}",
            "run it again: it starts over with the new one, and keeps what is still the same",
        )


class UnsupportedError(OfflinedlError):
    """A live stream, a DRM system without an adapter, an unknown scheme or codec."""

    exit_code = 9
    default_code = "unsupported"


class Stopped(BaseException):
    """A person or the system asked to stop, with the signal `number`. Not an error; `left` says what there is of the
    work."""

    def __init__(self, number: int, left: str = "What is done is kept: the same command goes on from there.") -> None:
        super().__init__(number)
        self.exit_code = 128 + number
        self.left = left
