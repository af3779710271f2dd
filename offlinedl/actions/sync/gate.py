"""Whether downloads may begin and go on: what the conditions of a person ask about is looked at again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from offlinedl.aside import aside
from offlinedl.conditions import Conditions, Seen, hindrance
from offlinedl.errors import UsageError

_SECONDS = 60.0


class Gate:
    """`look` asks the machine, which may take its time; `time` is the present moment, in UTC."""

    def __init__(self, conditions: Conditions, look: Callable[[], Seen], time: Callable[[], datetime]) -> None:
        self._conditions, self._look, self._time = conditions, look, time
        self._seen = Seen()

    def hindrance(self) -> str:
        """Why nothing is to be downloaded now, by what was seen last; "" where it may be."""
        return hindrance(self._conditions, self._seen, self._time().astimezone().time())

    @property
    def fault(self) -> UsageError | None:
        """Why nobody can tell, where a setting is wrong."""
        return self._seen.fault

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """The machine is asked now, and every minute while the block works."""
        self._seen = await aside(self._look)
        looking = asyncio.ensure_future(self._again())
        try:
            yield
        finally:
            looking.cancel()

    async def _again(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS)
            self._seen = await aside(self._look)
