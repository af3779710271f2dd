"""The program that does the cryptography of a DRM system: JSON-RPC 2.0 on its stdin and stdout, one message a line.

Every process lives for one errand and is gone when that ends, whatever ended it: a terminal's Ctrl-C does not reach it,
so that an exchange that is under way can be brought to its end.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from offlinedl import __version__
from offlinedl.errors import (
    DamagedError,
    OfflinedlError,
    RefusedError,
    UnsupportedError,
    UsageError,
    cleared,
    printable,
)

LONGEST = 2**20
"""Bytes of a message of an adapter."""
ANSWER_SECONDS = 30.0
_METHOD_NOT_FOUND = -32601
_INVALID_PARAMS = -32602
_RESERVED = range(-32768, -31999)
_DAMAGED = 2
_END_SECONDS, _CUT_SECONDS = 5.0, 1.0
"""How long an adapter has to end by itself, then at SIGTERM: after its errand, and where that failed or was cut off."""
_TAIL = 4096
_SHOWN = 200


class AdapterError(UnsupportedError):
    """The adapter does not do its part: it died, hangs, speaks otherwise than is agreed, or lacks something. What it
    holds may be good all the same."""

    default_code = "adapter-failed"


class Exchange:
    """A running adapter, and what is said to it in turn."""

    def __init__(self, system: str, process: asyncio.subprocess.Process, seconds: float) -> None:
        self.system = system
        self._process = process
        self._seconds = seconds
        self._count = 0
        self._tail = b""
        self._listening = asyncio.ensure_future(self._listen())

    async def call(self, method: str, **params: object) -> Mapping[str, Any]:
        """The result of a method. AdapterError where there is none; RefusedError or DamagedError where the adapter
        says so."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self.ask(method, **params)
        except TimeoutError:
            raise self.failed(f"hangs: no answer to {method} within {self._seconds:g} seconds", "hangs") from None

    async def ask(self, method: str, **params: object) -> Mapping[str, Any]:
        """As `call`, however long it takes."""
        self._count += 1
        message = {"jsonrpc": "2.0", "id": self._count, "method": method, "params": params}
        try:
            line = await self._exchange(json.dumps(message).encode() + b"\n")
        except ValueError:  # what StreamReader makes of a line without an end
            raise self.garbage(method, f"more than {LONGEST} bytes") from None
        if not line.endswith(b"\n"):
            raise await self._died(method)
        return self._result(method, line)

    def failed(self, what: str, code: str = "failed") -> AdapterError:
        """The adapter is at fault."""
        return AdapterError(
            f"the adapter for {self.system} {what}",
            f"`offlinedl doctor --adapter {self.system}` tries it; tell who made it",
            code=f"adapter-{code}",
        )

    def garbage(self, method: str, what: str) -> AdapterError:
        """The adapter's answer to `method` is none."""
        return self.failed(f"answers {method} with {what}", "garbage")

    async def _exchange(self, line: bytes) -> bytes:
        assert self._process.stdin is not None  # noqa: S101 - for mypy: both are pipes, see `running`
        assert self._process.stdout is not None  # noqa: S101 - as above
        with suppress(ConnectionError):  # it has ended: so does what it says
            self._process.stdin.write(line)
            await self._process.stdin.drain()
        return await self._process.stdout.readline()

    def _result(self, method: str, line: bytes) -> Mapping[str, Any]:
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise self.garbage(method, "what is not JSON") from None
        if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0":
            raise self.garbage(method, "what is not JSON-RPC 2.0")
        number = answer.get("id")
        if number != self._count or isinstance(number, bool):
            raise self.garbage(method, "the answer to something else: another id")
        if answer.get("error") is not None:
            raise self._refused(method, answer["error"])
        result = answer.get("result")
        if not isinstance(result, dict):
            raise self.garbage(method, "a result that is no object")
        return result

    def _refused(self, method: str, error: object) -> OfflinedlError:
        """JSON-RPC 2.0 section 5.1: codes from -32768 to -32000 are about the conversation, others about the
        license."""
        if not isinstance(error, dict) or not isinstance(error.get("code"), int):
            return self.garbage(method, "an error without a code")
        code, said = error["code"], _shown(str(error.get("message", "")))
        if code == _METHOD_NOT_FOUND:
            return self.failed(f"lacks the method {method}", "lacks-method")
        if code == _INVALID_PARAMS:
            return self.failed(f"does not take what {method} is given: {said}", "params")
        if code in _RESERVED:
            return self.failed(f"fails at {method}: {said} ({code})")
        if code == _DAMAGED:
            return DamagedError(f"{self.system}: {method}: {said}", "tell the service", code="license-damaged")
        return RefusedError(f"the adapter for {self.system} refuses {method}: {said}", "are you entitled to it?")

    async def _listen(self) -> None:
        """What the adapter says on stderr is read, so that it never waits; the end of it is kept."""
        assert self._process.stderr is not None  # noqa: S101 - as above
        while piece := await self._process.stderr.read(_TAIL):
            self._tail = (self._tail + piece)[-_TAIL:]

    async def _died(self, method: str) -> AdapterError:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CUT_SECONDS):
                await self._process.wait()
                await self._listening
        lines = [line for line in self._tail.decode(errors="replace").splitlines() if line.strip()]
        said = f": {_shown(lines[-1])}" if lines else ""
        code = self._process.returncode
        how = "closed its output" if code is None else f"ended with code {code}"
        return self.failed(f"{how} at {method}{said}", "died")

    async def end(self, seconds: float) -> None:
        """No process and no task is left when this returns, also where it is cancelled."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
            for number in (None, signal.SIGTERM):  # at the end of its input it ends by itself
                self._signal(number)
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._process.wait()
                        return
        finally:
            self._signal(signal.SIGKILL)
            self._listening.cancel()
            await self._process.wait()
            await asyncio.gather(self._listening, return_exceptions=True)

    def _signal(self, number: int | None) -> None:
        """To the adapter, and to what it has started."""
        if number is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


@asynccontextmanager
async def running(
    system: str, command: Sequence[str], seconds: float = ANSWER_SECONDS, cut: float = _CUT_SECONDS
) -> AsyncIterator[Exchange]:
    """The adapter of `system`, while the block runs. It has `seconds` for each answer, and twice `cut` to end where it
    is stopped. UsageError where it cannot be started."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, limit=LONGEST, start_new_session=True
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(
            f"the adapter for {system} cannot be started: {printable(command[0])}: {reason}",
            f"correct cdm.{system} in config.toml",
            code="adapter-not-started",
        ) from error
    exchange, patience = Exchange(system, process, seconds), cut
    try:
        yield exchange
        patience = _END_SECONDS
    finally:
        await exchange.end(patience)


@asynccontextmanager
async def greeted(
    system: str, system_id: str, command: Sequence[str], seconds: float = ANSWER_SECONDS
) -> AsyncIterator[Exchange]:
    """As `running`, once it has said that it knows the system, and keeps licenses."""
    async with running(system, command, seconds) as exchange:
        await hello(exchange, system_id)
        yield exchange


async def hello(exchange: Exchange, system_id: str) -> Mapping[str, Any]:
    """What the adapter says of itself. AdapterError or RefusedError where it does not serve."""
    said = await exchange.call("hello", offlinedl=__version__)
    listed = said.get("systems")
    if not isinstance(listed, list):
        raise exchange.garbage("hello", "no list of systems")
    if system_id not in {str(name).lower() for name in listed}:
        raise exchange.failed(f"does not have this system ({system_id})", "other-system")
    if said.get("persistent") is not True:
        raise RefusedError(
            f"the adapter for {exchange.system} keeps no licenses: what it gets plays now, and not offline",
            "it needs a device, or an adapter, that stores licenses",
            code="license-not-persistent",
        )
    return said


def _shown(text: str) -> str:
    return printable(cleared(text)).strip()[:_SHOWN] or "no reason given"
