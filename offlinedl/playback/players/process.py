"""A player's process: started in a session of its own, heard when it fails, and gone when it has to be."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from offlinedl.errors import UnsupportedError, UsageError, cleared, printable

_QUIT_SECONDS, _TERM_SECONDS = 0.4, 0.3
"""How long a player has to end when it is asked to, and after that at SIGTERM: together less than the second after the
deadline in which it has to be gone."""
_STOPPED = {sign for number in (1, 2, 9, 15) for sign in (-number, 128 + number)}
"""SIGHUP, SIGINT, SIGKILL and SIGTERM, also as a shell has them: how a person or a session ends a player."""
_LAST_WORD_SECONDS = 0.2
_OFTEN_SECONDS = 0.5
_TAIL = 4096
_LINES = 3


@dataclass(slots=True, kw_only=True)
class Child:
    """The process of the player `name`. `quit` asks it to end, where there is a way. What it says is kept, `heard` by
    whoever wants to know of it at once, and shown without the `address`."""

    name: str
    address: str = field(repr=False)
    process: asyncio.subprocess.Process
    quit: Callable[[], None] | None = None
    heard: Callable[[bytes], None] = lambda _: None
    _tail: bytes = b""
    _listening: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        """Read what it says, so that it never waits."""
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe, see `running`
        while piece := await self.process.stdout.read(_TAIL):
            self._tail = (self._tail + piece)[-_TAIL:]
            self.heard(piece)

    async def ended(self, *stopped: int) -> bool:
        """Wait until it has ended. False where somebody stopped it: by a signal, also where it ends with one of the
        codes `stopped` then. UnsupportedError where that was no good end."""
        code = await self.process.wait()
        with suppress(TimeoutError):  # what it has started may hold the pipe
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await asyncio.shield(self._listening)
        if code in {*stopped, *_STOPPED}:
            return False
        if code:
            raise self.failed(f"ended with code {code}" if code > 0 else f"was ended by signal {-code}")
        return True

    def failed(self, what: str) -> UnsupportedError:
        """The player is at fault: what it said last, without our secrets."""
        token = urlsplit(self.address).path.split("/")[1]
        text = re.sub(r"https?://127\.0\.0\.1\S*", "the title", self._tail.decode(errors="replace"))
        lines = [line.strip() for line in re.split(r"[\r\n]", text.replace(token, "...")) if line.strip()]
        said = "".join(f": {printable(cleared(line))}" for line in lines[-_LINES:])
        return UnsupportedError(
            f"{self.name} {what}{said}",
            "play it with another --player; `offlinedl doctor` shows which there are",
            code="player-failed",
        )

    async def end(self) -> None:
        """No process of it is left when this returns, also where it is cancelled."""
        try:
            for ask, seconds in ((self.quit, _QUIT_SECONDS), (self._terminate, _TERM_SECONDS)):
                if ask is None:
                    continue
                ask()
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self.process.wait()
                        return
        finally:
            self._signal(signal.SIGKILL)
            self._listening.cancel()
            await self.process.wait()

    def _terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        """To the player, and to what it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


@asynccontextmanager
async def running(
    name: str, command: Sequence[str], address: str, *, pass_fds: tuple[int, ...] = (), stdin: int | None = None
) -> AsyncIterator[Child]:
    """The player while the block runs: a terminal's Ctrl-C does not reach it. UsageError where it cannot be started."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL if stdin is None else stdin,
            stdout=pipe,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    except OSError as error:
        raise UsageError(f"{name} cannot be started: {error.strerror}", "choose another --player") from error
    child = Child(name=name, address=address, process=process)
    try:
        yield child
    finally:
        await child.end()


@asynccontextmanager
async def asking(ask: Callable[[], object]) -> AsyncIterator[None]:
    """A player is asked where it is, again and again while the block runs: to hear of every picture costs more than to
    decrypt it."""

    async def repeated() -> None:
        while True:
            await asyncio.sleep(_OFTEN_SECONDS)
            ask()

    task = asyncio.ensure_future(repeated())
    try:
        yield
    finally:
        task.cancel()
