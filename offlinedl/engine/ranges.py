"""What a server gives ranges of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from offlinedl.errors import NetworkError, NotFoundError
from offlinedl.http import Answer
from offlinedl.streams import ByteRange


async def size_in_ranges(get: Callable[[str, ByteRange], Awaitable[Answer]], url: str, answer: Answer) -> int | None:
    """Bytes of the resource at `url` that `answer` began, if its server gives ranges of it; None if it does not.

    What the server does not say (RFC 9110 section 14.3) is found out: `get` asks for the first byte.
    """
    said = answer.headers.get("accept-ranges", "").strip().lower()
    if said == "none" or (said == "bytes" and answer.size is not None):
        return None if said == "none" else answer.size
    try:
        first = await get(url, ByteRange(first=0, last=0))
    except (NetworkError, NotFoundError):
        return None
    return first.size if first.status == 206 else None
