"""The names of hosts, and what they stand for."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from typing import Any


def ask_aside() -> None:
    """Let the running loop ask in threads that nobody waits for. Its own are waited for before the process may end,
    and a resolver without a network takes half a minute."""
    asyncio.get_running_loop().getaddrinfo = _asked  # type: ignore[method-assign]  # a loop has no other place for it


async def _asked(host: Any, port: Any, **hints: int) -> Any:
    outcome: Future[Any] = Future()
    outcome.set_running_or_notify_cancel()  # who does not want to know it any more cannot stop it

    def ask() -> None:
        try:
            outcome.set_result(socket.getaddrinfo(host, port, **hints))
        except Exception as error:
            outcome.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return await asyncio.wrap_future(outcome)
