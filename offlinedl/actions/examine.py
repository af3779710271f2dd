"""examine: what works on this machine and what does not, one finding for each thing that offlinedl needs or can use."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from offlinedl import clock, decoder
from offlinedl.catalog.schema import MIGRATIONS
from offlinedl.config import PLAYERS, Folders, program
from offlinedl.errors import OfflinedlError, RefusedError, StorageError, counted, sized
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.license import cdm
from offlinedl.license.adapter import DIALECTS, Adapter
from offlinedl.model import Entry
from offlinedl.playback import players
from offlinedl.store import free_bytes
from offlinedl.unread import unread
from offlinedl.vault import Vault

_PATIENCE_SECONDS = 5.0


@frozen
class Finding:
    """What was looked at, and how it is. What is `absent` is missed by nobody who does not need it; what is `broken`
    has an error."""

    what: str
    state: Literal["ok", "absent", "broken"]
    detail: str
    error: OfflinedlError | None = None


async def examine(
    library: Library | OfflinedlError, vault: Vault, folders: Folders, keep_free: int, adapters: Mapping[str, Adapter]
) -> list[Finding]:
    """All findings. `library` is why it cannot be opened, where that is so; `keep_free` are bytes."""
    found = [*_folders(folders, keep_free)]
    if isinstance(library, OfflinedlError):
        found += [_broken("catalog", library), _vault(vault, ())]
    else:
        entries = library.catalog.entries()
        found += [_catalog(library, entries), _clock(library), _vault(vault, entries)]
    found.append(Finding(what="decoder", state="ok", detail=decoder.version()))
    found += await asyncio.gather(*(_player(name, programs) for name, programs in PLAYERS.items()))
    found += await asyncio.gather(*(_adapter(adapter) for adapter in adapters.values()))
    if not adapters:
        found.append(Finding(what="adapters", state="absent", detail=f"none for {', '.join(DIALECTS)}"))
    return found


def _folders(folders: Folders, keep: int) -> Iterator[Finding]:
    for name, path in (("titles", folders.titles), ("vault", folders.vault), ("catalog", folders.catalog.parent)):
        what, least = f"{name} folder", keep if name == "titles" else 0
        there = next(parent for parent in (path, *path.parents) if os.access(parent, os.F_OK))
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            yield _broken(what, StorageError(f"{there} is not a folder that can be written", "is it yours?"))
            continue
        free, kept = free_bytes(there), f", and {sized(least)} stay free" if least else ""
        detail = f"{path}: {sized(free)} are free{kept}"
        if free > least:
            yield Finding(what=what, state="ok", detail=detail)
        else:
            hint = "free some space, or set [storage] keep_free lower: nothing can be downloaded"
            yield _broken(what, StorageError(detail, hint, code="no-space"))


def _catalog(library: Library, entries: Sequence[Entry]) -> Finding:
    there = f"{counted(len(entries), 'title')}, {counted(len(library.catalog.offers.sources()), 'source')}"
    return Finding(what="catalog", state="ok", detail=f"version {len(MIGRATIONS)}: {there}")


def _clock(library: Library) -> Finding:
    reading = library.time.reading()
    if reading.is_undisputed or reading.verdict == "ahead":  # which a clock that was put right is, too
        return Finding(what="clock", state="ok", detail=clock.words(reading))
    hint = "set it right: what is left of a title hangs on it"
    return _broken("clock", RefusedError(clock.words(reading), hint, code="clock-suspect"))


def _vault(vault: Vault, entries: Iterable[Entry]) -> Finding:
    """This device gets its id here, where it has none; nothing is made in the place of what is lost."""
    try:
        lost = unread(vault, entries)
        if lost is not None:
            raise lost
        vault.check()
        detail = f"this device is {vault.device_id()}; every license can be read, the key is {vault.place}"
        return Finding(what="vault", state="ok", detail=detail)
    except OfflinedlError as error:
        return _broken("vault", error)


async def _player(name: str, programs: Sequence[str]) -> Finding:
    path = program(programs)
    if path is None:
        return Finding(what=name, state="absent", detail="not found")
    if players.refuses(name):
        return Finding(what=name, state="absent", detail=f"{path}, which does not run as root")
    return Finding(what=name, state="ok", detail=await _version(path))


async def _version(path: str) -> str:
    """The first line of what a program says of itself; its path where it says nothing."""
    option = "-version" if Path(path).name == "ffplay" else "--version"
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(path, option, stdin=nothing, stdout=pipe, stderr=nothing)
    except OSError:
        return path
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return path
    return said.decode(errors="replace").partition("\n")[0].strip() or path


async def _adapter(adapter: Adapter) -> Finding:
    name, command = adapter.dialect.name, adapter.command
    what = f"adapter {name}"
    try:
        async with cdm.running(name, command) as exchange:
            said = await cdm.hello(exchange, adapter.dialect.system_id)
    except OfflinedlError as error:
        return _broken(what, error)
    words = [str(said.get("name") or command[0]), str(said.get("version") or ""), str(said.get("security_level") or "")]
    return Finding(what=what, state="ok", detail=" ".join(filter(None, words)))


def _broken(what: str, error: OfflinedlError) -> Finding:
    return Finding(what=what, state="broken", detail=error.message, error=error)
