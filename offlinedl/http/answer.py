"""What the head of an answer must say to be believed, and what it says of the resource (RFC 9110)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from offlinedl.errors import NetworkError, shown
from offlinedl.frozen import frozen
from offlinedl.patience import may_pass
from offlinedl.streams import ByteRange


class Head(NamedTuple):
    """What precedes a body. `headers` have lower-case names; `length` is the number of bytes that the body has, None
    where that is not stated; `cookies` are the values of Set-Cookie. A tuple: there are thousands."""

    status: int
    reason: str
    headers: Mapping[str, str]
    length: int | None
    cookies: tuple[str, ...] = ()

    @property
    def size(self) -> int | None:
        """Bytes of the whole resource (sections 8.6 and 14.4); None where it is not said."""
        if self.status != 206:
            return self.length
        total = self.headers.get("content-range", "").rpartition("/")[2].strip()
        return int(total) if total.isascii() and total.isdigit() else None

    @property
    def validator(self) -> str | None:
        """What tells this version of the resource from others: the strong ETag, else the size, and the date where
        there is one (section 8.8); None where there is neither."""
        etag = self.headers.get("etag", "")
        if etag.startswith('"'):
            return etag
        return None if self.size is None else f"{self.headers.get('last-modified', '')} {self.size}".strip()


@frozen
class Answer:
    """An answer: the `url` that it came from in the end, its `status`, `headers` (lower-case names), `body`.

    `size` is the number of bytes of the whole resource, of which `body` may be a part; None where it is not said.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int | None = None

    def check_is_final(self, who: str) -> None:
        """NetworkError where `who` has no answer for the moment."""
        if may_pass(self.status):
            raise NetworkError(
                f"{who} has no answer now: status {self.status}", "run it again later", status=self.status
            )

    @property
    def date(self) -> datetime | None:
        """When the server sent this, where that can be believed: over TLS, and not out of a cache (RFC 9110 section
        6.6.1, RFC 9111 section 5.1)."""
        if not self.url.lower().startswith("https:") or "age" in self.headers:
            return None
        try:
            date = parsedate_to_datetime(self.headers.get("date", ""))
        except (ValueError, OverflowError):
            return None
        return date.replace(tzinfo=UTC) if 2000 <= date.year < 2200 else None  # it is always in GMT (section 5.6.7)


def check(url: str, head: Head, range: ByteRange | None) -> tuple[int | None, int]:
    """How many bytes are to come (None where that is not said) and how many of the first of them are not wanted, if
    `head` answers a request for `range` of `url`, or all of it. NetworkError if it does not."""
    status, headers = head.status, head.headers
    if status not in {200, 206} or (status == 206 and range is None):
        raise NetworkError(
            f"{shown(url)}: status {status} {head.reason}".rstrip(),
            _advice(status),
            status=status,
            retry_after=headers.get("retry-after"),
        )
    if headers.get("content-encoding", "identity") != "identity":
        said = f"sent as {headers['content-encoding']}, though that was not asked for"
        raise NetworkError(f"{shown(url)}: {said}", status=status)
    if status == 206 and range is not None:
        got = headers.get("content-range", "").partition("/")[0]
        if got != f"bytes {range.first}-{range.last}":
            said = f"asked for bytes {range.first}-{range.last}, got {got or 'an unnamed range'}"
            raise NetworkError(f"{shown(url)}: {said}", status=status)
        if head.length not in {range.size, None}:
            said = f"a range of {range.size} bytes, and {head.length} are announced"
            raise NetworkError(f"{shown(url)}: {said}", status=status)
        return range.size, 0
    if range is None:
        return head.length, 0
    if head.length is not None and head.length <= range.last:
        raise NetworkError(f"{shown(url)}: {head.length} bytes long, byte {range.last} was to be there", status=status)
    return range.size, range.first


def _advice(status: int) -> str:
    if status in {401, 403}:
        return "the address may have expired, or needs a login: try again with a fresh one"
    if status in {404, 410}:
        return "the server does not have it: run it again later, or tell the service"
    return "run it again later: what is done is kept"
