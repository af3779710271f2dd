"""A body as aiohttp brings it, and what its head says."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import aiohttp

from offlinedl.errors import NetworkError, shown
from offlinedl.http.answer import Head, check
from offlinedl.http.failures import translated
from offlinedl.streams import ByteRange

_SKIPPED = 64 * 1024


class Body:
    """The body of an answer that was checked against what was asked for.

    `url` is where it came from in the end; `length` is the number of bytes that must come, None where the server does
    not say (chunked); `skip` of those that come first are not wanted.
    """

    def __init__(self, response: aiohttp.ClientResponse, range: ByteRange | None) -> None:
        self.url = str(response.url)
        self.head = head_of(response)
        self.length, self._skip = check(self.url, self.head, range)
        self._is_part = range is not None and self.head.status == 200
        self._response = response

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes as they come. Raises NetworkError where they are not as many as were promised. Nothing, now and
        then, tells that what comes is not wanted."""
        left, received = self._skip, 0
        told = left
        with translated(self.url):
            async for data in self._response.content.iter_any():
                chunk = data[left:] if left else data
                left = max(0, left - len(data))
                if self.length is not None:
                    chunk = chunk[: self.length - received]
                received += len(chunk)
                if chunk or told - left >= _SKIPPED:
                    told = left
                    yield chunk
                if self._is_part and received == self.length:
                    break  # the server sent more than the range that was asked for: the rest is not wanted
        if self.length is not None and received != self.length:
            raise NetworkError(f"{shown(self.url)}: {received} bytes came of {self.length} promised")


def head_of(response: aiohttp.ClientResponse) -> Head:
    """The head of an answer."""
    return Head(
        status=response.status,
        reason=response.reason or "",
        headers={name.lower(): value for name, value in response.headers.items()},
        length=response.content_length,
    )
