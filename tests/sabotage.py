"""What is done to a process from within, before the command line runs in it (see Offlinedl.start)."""

from __future__ import annotations

import os
import pkgutil
import resource
import select
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from offlinedl import intake
from offlinedl.parallel import Parallelism
from offlinedl.store import Store, writer

__all__ = [
    "at_each_write",
    "begins_with",
    "dies_at",
    "few_files",
    "loses_power",
    "never_syncs",
    "settles",
    "writes_beside",
]

SYNCED = "synced"
"""The file in the home that `loses_power` writes."""
_DISK_SECONDS = 0.02


def dies_at(owner: str, name: str, times: int = 1, number: int = signal.SIGKILL) -> None:
    """Kill -9, or another signal, when `name` of `owner` ("offlinedl.library:Library", "ready") is entered for the
    so-many-th time."""

    def before() -> None:
        nonlocal times
        times -= 1
        if times == 0:
            signal.pthread_kill(threading.get_ident(), number)  # another thread would let this one go on for a while

    _wrap(pkgutil.resolve_name(owner), name, before)


_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_READS = ("SELECT", "PRAGMA")


def at_each_write(home: str, words: list[str], begins: str) -> None:
    """Run a command line again and again, each time on a copy of `home` and in a process of its own, which is killed
    before its first write, its second, and so on, until one comes to its end. They count from the first one on in whose
    paths, or whose statement, `begins` is found. Prints the copies."""
    from offlinedl.cli.main import application, run

    application()
    for name in ("actions.renew", "license.adapter", "http", "engine", "decoder", "vault"):
        pkgutil.resolve_name(f"offlinedl.{name}")
    ended = False
    number = 0
    while not ended:
        number += 1
        copy = f"{home}-{number}"
        shutil.copytree(home, copy)
        child = os.fork()
        if not child:
            os.environ["OFFLINEDL_HOME"] = copy
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            _dies_before(number, begins)
            os._exit(run(words))
        _, status = os.waitpid(child, 0)
        ended = not os.WIFSIGNALED(status)
        print(copy, flush=True)


def _dies_before(number: int, begins: str) -> None:
    left = number
    begun = False

    def write(what: str = "") -> None:
        nonlocal left, begun
        begun = begun or begins in what
        left -= begun
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    def event(name: str, arguments: tuple[Any, ...]) -> None:
        if name in _CHANGES or (name == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES):
            write(str(arguments))

    def opened(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(lambda said: None if said.startswith(_READS) else write(said))
        return connection

    connect = sqlite3.connect
    sqlite3.connect = opened  # type: ignore[assignment]  # as above
    sys.addaudithook(event)
    for name in ("write", "fsync"):
        _wrap(os, name, write)


def settles(every: float) -> None:
    """Rows are written so often, in seconds: a short download meets what a long one does, or never does."""
    intake._SECONDS_BETWEEN_LOOKS = every / intake._LOOKS_BETWEEN_SYNCS


def begins_with(many: int) -> None:
    """So many fetches run at once from the beginning, if so many may: nobody finds out first whether it pays."""
    Parallelism.__init__.__defaults__ = (many,)


def writes_beside() -> None:
    """Small files are written by the process beside, from the first one on: as where thousands come in a second, and
    that process has begun."""
    writer._MANY, writer._SECONDS = 1, float("inf")
    writer.Writer._begin = begun  # type: ignore[method-assign]  # sabotage is just that


_begin = writer.Writer._begin


def begun(self: writer.Writer) -> None:
    """The process is there, and hears."""
    _begin(self)
    select.select([self._socket], [], [])
    self._hear()
    assert self.free


def few_files(most: int) -> None:
    """No more than so many open files (`ulimit -n`)."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def never_syncs() -> None:
    """The disk does not come to an end with what it is to write."""
    Store.sync = lambda self: time.sleep(3600)  # type: ignore[method-assign]  # sabotage is just that


def loses_power() -> None:
    """Whatever was not synced will be lost: a sync writes down which files were there when it began, and takes its
    time, while others arrive. Of a file that is replaced later it says nothing: its inode is another."""
    home = Path(os.environ["OFFLINEDL_HOME"])

    def sync(self: Store) -> None:
        there = [str(f.stat().st_ino) for f in (home / "titles").rglob("*") if f.is_file()]
        time.sleep(_DISK_SECONDS)
        with (home / SYNCED).open("a") as synced:
            synced.write("".join(f"{inode}\n" for inode in there))

    Store.sync = sync  # type: ignore[method-assign]  # as above


def _wrap(owner: Any, name: str, before: Callable[[], None]) -> None:
    real = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        before()
        return real(*args, **kwargs)

    setattr(owner, name, wrapped)
