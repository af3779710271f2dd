"""A real Chromium without a window, driven over its own protocol (Chrome DevTools Protocol)."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

_OPTIONS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-quic",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0", "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


class Tab:
    """A page. `faults` are the errors of its scripts, and what its policy refused."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.faults: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.ensure_future(self._read())

    async def ask(self, method: str, **params: Any) -> Any:
        """One command, and its result."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        return await self._waiting[number]

    async def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        answer = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, condition: str, seconds: float = 30) -> Any:
        """The value of an expression once it is true, as the page itself sees it while it draws."""
        script = f"""new Promise((tell) => {{
            const ends = performance.now() + {1000 * seconds};
            const look = () => {{
                const value = ({condition});
                if (value || performance.now() > ends) tell(value); else setTimeout(look, 20);
            }};
            look();
        }})"""
        value = await self.run(script)
        assert value, condition
        return value

    async def go(self, address: str) -> None:
        """Open an address, and wait until it is loaded. What stood there is gone, its errors too."""
        loaded = self._loaded = asyncio.Event()
        await self.ask("Page.navigate", url=address)
        await loaded.wait()

    async def _read(self) -> None:
        async for message in self._socket:
            event = message.json()
            if "id" in event:
                self._waiting.pop(event["id"]).set_result(event.get("result", event))
            elif event["method"] == "Page.loadEventFired":
                self._loaded.set()
            elif event["method"] == "Runtime.exceptionThrown":
                self.faults.append(str(event["params"]["exceptionDetails"]))
            elif event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                self.faults.append(event["params"]["entry"]["text"])


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Tab]:
    """A browser with an empty profile in `folder`, and its first page."""
    command = ["chromium", *_OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True)
    try:
        async with asyncio.timeout(120), aiohttp.ClientSession() as session:
            port = await _port(folder / "DevToolsActivePort", process)
            async with session.get(f"http://127.0.0.1:{port}/json/list") as listed:
                [address] = [page["webSocketDebuggerUrl"] for page in await listed.json() if page["type"] == "page"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                tab = Tab(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await tab.ask(f"{domain}.enable")
                yield tab
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _port(file: Path, process: asyncio.subprocess.Process) -> int:
    """The port that the browser writes down when it listens."""
    while process.returncode is None:
        with suppress(OSError, IndexError, ValueError):
            return int((await asyncio.to_thread(file.read_text)).splitlines()[0])
        await asyncio.sleep(0.02)
    raise AssertionError(f"chromium ended with {process.returncode}")
