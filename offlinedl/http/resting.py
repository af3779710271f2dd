"""Connections that rest between two requests. With those at work, no more are open than there may be."""

from __future__ import annotations

from collections.abc import Awaitable

from offlinedl.http.exchange import Connection


class Resting:
    """Of all origins together. `most` connections may be open; who needs one gets one all the same, and those that
    rested longest are closed for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._opening = 0
        self._open: set[Connection] = set()
        self._since: dict[Connection, str] = {}  # to their origins, those that rested longest first

    def __len__(self) -> int:
        return sum(connection.is_open for connection in self._since)

    def rest(self, origin: str, connection: Connection) -> None:
        """`connection` has nothing to do."""
        self._since[connection] = origin

    def take(self, origin: str) -> Connection | None:
        """The open connection to `origin` that rested last: its server is the least likely to be closing it."""
        while (connection := self._last(origin)) is not None:
            del self._since[connection]
            if connection.is_open:
                return connection
        return None

    def _last(self, origin: str) -> Connection | None:
        for connection, own in reversed(self._since.items()):
            if own == origin:
                return connection
        return None

    async def opened(self, opening: Awaitable[Connection]) -> Connection:
        """What `opening` gives, when there is room for it."""
        self._make_room()
        self._opening += 1
        try:
            connection = await opening
        finally:
            self._opening -= 1
        self._open.add(connection)
        return connection

    def _make_room(self) -> None:
        self._since = {c: origin for c, origin in self._since.items() if c.is_open}
        self._open = {c for c in self._open if c.is_open}
        while self._since and len(self._open) + self._opening >= self._most:
            longest = next(iter(self._since))
            del self._since[longest]
            self._open.discard(longest)
            longest.close()

    def close(self) -> None:
        """No more of them."""
        for connection in self._since:
            connection.close()
