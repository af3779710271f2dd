"""Locks of the system: they end with the process that has them, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

_LOOKS, _LOOK_SECONDS = 5, 0.01


def is_at(path: Path, descriptor: int) -> bool:
    """Does the file still have its name?"""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def taken(descriptor: int) -> bool:
    """Is the file this process's now? False where another one has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def shared(descriptor: int) -> None:
    """The file is this process's and that of others who share it. Where there are no such locks, nobody hears of it."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)


def is_held(descriptor: int, turns: int) -> bool:
    """Is the file some process's, or do some share it? Who looks takes it for a moment: one process after the other, as
    they get the lock of `turns`, or they would see each other."""
    fcntl.flock(turns, fcntl.LOCK_EX)
    try:
        if not taken(descriptor):
            return True
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return False
    finally:
        fcntl.flock(turns, fcntl.LOCK_UN)


def taken_soon(descriptor: int) -> bool:
    """Another try or two: who only looks whether a title is locked holds it for a moment."""
    for _ in range(_LOOKS):
        time.sleep(_LOOK_SECONDS)
        if taken(descriptor):
            return True
    return False
