"""Does an adapter keep to what docs/adapters.md asks of it? A script of exchanges, each with its result.

There is no license server here: an answer that is no license must be refused, and so must a handle that is none. What
can be tried with a license only is tried where the adapter brings one along, the `sample` of its `hello`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from offlinedl import clock
from offlinedl.errors import OfflinedlError, RefusedError
from offlinedl.frozen import frozen
from offlinedl.license import cdm, replies
from offlinedl.license.adapter import DIALECTS
from offlinedl.license.cdm import AdapterError, Exchange
from offlinedl.license.dialect import Dialect
from offlinedl.license.replies import Opened, text
from offlinedl.manifest.hls_keys import pssh
from offlinedl.manifest.units import base64_bytes

_KID = bytes.fromhex("0123456789abcdef0123456789abcdef")
_INIT_DATA = {
    "widevine": b"\x12\x10" + _KID + bytes.fromhex("48e3dc959b06"),
    "playready": b"",
}
_NO_LICENSE = b"<!doctype html><title>This is no license</title>"
_NO_HANDLE = b"this is no handle"
_MOMENT = "2026-01-01T00:00:00Z"
_USELESS = {"adapter-hangs", "adapter-not-started"}
"""What makes it idle to go on: every step would end so, and each after its time."""


@frozen
class Result:
    """One step: what is tried, whether it is so, and why not."""

    step: str
    ok: bool
    detail: str


Step: TypeAlias = "Callable[[_Run], Awaitable[None]]"


class _WrongError(OfflinedlError):
    """Something is not as it should be."""


@dataclass(slots=True, kw_only=True)
class _Run:
    """The adapter of one system, and what it brings along: a license that needs no server, and the handle of it."""

    dialect: Dialect
    command: Sequence[str]
    seconds: float
    sample: Mapping[str, Any] = field(default_factory=dict)
    handles: list[bytes] = field(default_factory=list)

    def started(self) -> AbstractAsyncContextManager[Exchange]:
        """A process of its own, which was greeted."""
        return cdm.greeted(self.dialect.name, self.dialect.system_id, self.command, self.seconds)

    @property
    def asks(self) -> dict[str, object]:
        """The params of a challenge."""
        name = self.dialect.name
        init_data = _INIT_DATA.get(name)
        data = b"skd://conformance" if init_data is None else pssh(self.dialect.system_id, init_data)
        own = {n: self.sample[n] for n in ("init_data", "kids") if n in self.sample}
        return {"purpose": "acquire", "init_data": text(data), "kids": [text(_KID)], "handle": None, **own}

    async def refuses(self, method: str, **params: object) -> None:
        """Raises where the adapter accepts that, or fails at it."""
        async with self.started() as exchange:
            await _refused(exchange, method, **params)

    async def played(self, handle: bytes) -> bytes:
        """The handle that takes the place of `handle` at the first play."""
        async with self.started() as exchange:
            return replies.handle(exchange, await exchange.call("first_play", handle=text(handle), at=_MOMENT))

    async def opens(self, handle: bytes) -> Opened:
        """A fresh process loads `handle`: all its keys are there."""
        async with self.started() as exchange:
            result = await exchange.call("load", handle=text(handle))
            return _whole(self, replies.opened(exchange, "load", result, handle))


async def check(name: str, command: Sequence[str], seconds: float = cdm.ANSWER_SECONDS) -> list[Result]:
    """Run the script on the adapter of the system `name`, until it is through or goes no further."""
    run = _Run(dialect=DIALECTS[name], command=command, seconds=seconds)
    found: list[Result] = []
    for step, does in _SCRIPT.items():
        try:
            await does(run)
        except OfflinedlError as error:
            found.append(Result(step=step, ok=False, detail=error.message))
            if len(found) == 1 or error.code in _USELESS or step in _OF_A_LICENSE:
                break
        else:
            tried = step not in _OF_A_LICENSE or run.sample
            found.append(Result(step=step, ok=True, detail="" if tried else "not tried: it brings no sample along"))
    return found


async def _hello(run: _Run) -> None:
    async with cdm.running(run.dialect.name, run.command, run.seconds) as exchange:
        said = await cdm.hello(exchange, run.dialect.system_id)
        if not all(isinstance(said.get(member), str) and said[member] for member in ("name", "version")):
            raise _WrongError("it has no name or no version")
        sample = said.get("sample")
        if sample is not None and not _is_sample(sample):
            raise exchange.garbage("hello", "a sample without init_data, kids and response, all in base64")
        run.sample = sample or {}


def _is_sample(sample: object) -> bool:
    if not isinstance(sample, dict) or not isinstance(sample.get("kids"), list):
        return False
    return all(isinstance(v, str) for v in (sample.get("init_data"), sample.get("response"), *sample["kids"]))


async def _challenge(run: _Run) -> None:
    async with run.started() as exchange:
        replies.challenge(exchange, await exchange.call("challenge", **run.asks))


async def _more(run: _Run) -> None:
    async with run.started() as exchange:
        replies.challenge(exchange, await exchange.call("challenge", **run.asks, something_new={"a": [1]}))


async def _update(run: _Run) -> None:
    async with run.started() as exchange:
        await exchange.call("challenge", **run.asks)
        await _refused(exchange, "update", response=text(_NO_LICENSE), handle=None)


async def _load(run: _Run) -> None:
    await run.refuses("load", handle=text(_NO_HANDLE))


async def _first_play(run: _Run) -> None:
    await run.refuses("first_play", handle=text(_NO_HANDLE), at=_MOMENT)


async def _release(run: _Run) -> None:
    await run.refuses("challenge", **run.asks | {"purpose": "release", "handle": text(_NO_HANDLE)})


async def _acknowledge(run: _Run) -> None:
    await run.refuses("acknowledge", handle=text(_NO_HANDLE), response=text(b"released"))


async def _params(run: _Run) -> None:
    await run.refuses("load")
    await run.refuses("load", handle="\x00 not base64!")


async def _unknown(run: _Run) -> None:
    async with run.started() as exchange:
        try:
            await exchange.call("no_such_method")
        except AdapterError as error:
            if error.code == "adapter-lacks-method":
                return
            raise
    raise _WrongError("it answers a method that there is not")


async def _goes_on(run: _Run) -> None:
    async with run.started() as exchange:
        await _refused(exchange, "load", handle=text(_NO_HANDLE))
        replies.challenge(exchange, await exchange.call("challenge", **run.asks))


async def _acquired(run: _Run) -> None:
    if not run.sample:
        return  # nor are there handles for the steps that follow
    async with run.started() as exchange:
        replies.challenge(exchange, await exchange.call("challenge", **run.asks))
        result = await exchange.call("update", response=run.sample["response"], handle=None)
        opened = _whole(run, replies.opened(exchange, "update", result))
        if opened.handle is None:
            raise _WrongError("update gives no handle")
    run.handles.append(opened.handle)


async def _reopened(run: _Run) -> None:
    for handle in run.handles:
        await run.opens(handle)


async def _played(run: _Run) -> None:
    """Whatever is killed between two steps: the old handle still opens, and may be played once more."""
    for handle in list(run.handles):
        again = await run.played(await run.played(handle))
        for other in (handle, await run.played(handle), again):
            await run.opens(other)
        run.handles.append(again)


async def _released(run: _Run) -> None:
    for handle in run.handles[-1:]:
        async with run.started() as exchange:
            asks = run.asks | {"purpose": "release", "handle": text(handle)}
            replies.challenge(exchange, await exchange.call("challenge", **asks))
            await exchange.call("acknowledge", handle=text(handle), response=text(b"released"))


_OF_A_LICENSE: Mapping[str, Step] = {
    "the license of the sample has its keys, and a handle": _acquired,
    "the handle opens in another process": _reopened,
    "the first play gives a handle that opens, so does the same once more": _played,
    "a release is asked for and acknowledged": _released,
}
_SCRIPT: Mapping[str, Step] = {
    "hello names the system, and that licenses are kept": _hello,
    "challenge gives a message": _challenge,
    "params that are not known are ignored": _more,
    "update refuses what is no license": _update,
    "load refuses a handle that is none": _load,
    "first_play refuses a handle that is none": _first_play,
    "a release is refused for a handle that is none": _release,
    "acknowledge refuses a handle that is none": _acknowledge,
    "params that are missing or no base64 are refused": _params,
    "a method that is not known is refused as that (-32601)": _unknown,
    "it goes on after a refusal": _goes_on,
    **_OF_A_LICENSE,
}


async def _refused(exchange: Exchange, method: str, **params: object) -> None:
    """Raises where that is accepted, or where the adapter fails otherwise than by refusing."""
    try:
        await exchange.call(method, **params)
    except AdapterError as error:
        if error.code != "adapter-params":
            raise
    except OfflinedlError:
        return
    else:
        raise _WrongError(f"{method} accepts it")


def _whole(run: _Run, opened: Opened) -> Opened:
    kids = [base64_bytes(kid) or b"" for kid in run.sample["kids"]]
    try:
        opened.check(kids, clock.now())
        opened.check_usable(kids)
    except RefusedError as error:
        raise _WrongError(error.message) from error
    return opened
