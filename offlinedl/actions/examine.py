"""examine: what works on this machine and what does not, one finding for each thing that offlinedl needs or can use."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from offlinedl import clock, decoder
from offlinedl.config import BROWSERS, Folders
from offlinedl.errors import OfflinedlError, RefusedError, StorageError, sized
from offlinedl.library import Library
from offlinedl.license import cdm
from offlinedl.license.adapter import DIALECTS, Adapter
from offlinedl.unread import unread
from offlinedl.vault import Vault

PLAYERS = {"mpv": ("mpv",), "vlc": ("vlc", "cvlc"), "ffplay": ("ffplay",), "browser": BROWSERS}
"""What each player may be called, the first that is there being taken."""

_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
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
    found += [_broken("catalog", library)] if isinstance(library, OfflinedlError) else _of(library, vault)
    found.append(Finding(what="decoder", state="ok", detail=decoder.version()))
    found += await asyncio.gather(*(_player(name, programs) for name, programs in PLAYERS.items()))
    found += await asyncio.gather(*(_adapter(adapter) for adapter in adapters.values()))
    if not adapters:
        found.append(Finding(what="adapters", state="absent", detail=f"none for {', '.join(DIALECTS)}"))
    return found


def _folders(folders: Folders, keep: int) -> Iterator[Finding]:
    for what, path in (("titles", folders.titles), ("vault", folders.vault), ("catalog", folders.catalog.parent)):
        there = next(parent for parent in (path, *path.parents) if parent.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            yield _broken(f"{what} folder", StorageError(f"{there} is not writable", "is the folder yours?"))
            continue
        free = shutil.disk_usage(there).free
        kept = f", {sized(keep)} of them to stay free" if keep and what == "titles" else ""
        yield Finding(what=f"{what} folder", state="ok", detail=f"{path} ({sized(free)} free{kept})")


def _of(library: Library, vault: Vault) -> Iterator[Finding]:
    """What the library has to say."""
    entries = library.catalog.entries()
    sources = library.catalog.sources()
    yield Finding(what="catalog", state="ok", detail=f"{len(entries)} titles, {len(sources)} sources")
    reading = library.time.reading()
    if reading.is_undisputed:
        yield Finding(what="clock", state="ok", detail=clock.words(reading))
    else:
        hint = "set it right: what is left of a title hangs on it"
        yield _broken("clock", RefusedError(clock.words(reading), hint, code="clock-suspect"))
    try:
        lost = unread(vault, entries)
        if lost is not None:
            raise lost
        yield Finding(what="vault", state="ok", detail=f"opens every license; this device is {vault.device_id()}")
    except OfflinedlError as error:
        yield _broken("vault", error)


async def _player(name: str, programs: Sequence[str]) -> Finding:
    path = next(filter(None, map(shutil.which, programs)), None)
    if path is None:
        return Finding(what=name, state="absent", detail="not found")
    return Finding(what=name, state="ok", detail=await _version(path))


async def _version(path: str) -> str:
    """The first line of what a program says of itself; its path where it says nothing."""
    option = "-version" if Path(path).name == "ffplay" else "--version"
    process = await asyncio.create_subprocess_exec(
        path, option, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
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
