"""The files of a download while they come: most are written by this process, many small ones by another beside it.

To open, write, close and name a file of 50 KB takes as long as to fetch it from a server that is near.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from offlinedl.store.journal import Journal
from offlinedl.store.part import Part, whole
from offlinedl.store.writing import PACKET, READY, Asked, Line, Told

_CODE = "import sys; sys.path[:] = {!r}; from offlinedl.store.writing import serve; serve({!r}, {!r}, {}, {})"
_SLOT, _SLOTS = 128 * 1024, 64
_MANY, _SECONDS = 200, 0.2
"""So many small files within so many seconds are worth a process, which takes a tenth of a second to begin. Over most
networks they never come that fast."""

Kept = Callable[[bytes, bool], None]
"""Hears that a file has its name and its line in the journal: its checksum, and whether it is formed (see Part)."""


class Here:
    """A file that is written as it comes."""

    def __init__(self, part: Part, journal: Journal) -> None:
        self._part, self._journal = part, journal
        self.write, self.drop = part.write, part.drop

    def keep(self, line: Line, kept: Kept) -> None:
        """It is complete. Calls `kept`."""
        checksum = self._part.keep()
        self._journal.add(checksum.hex().join(line))
        kept(checksum, self._part.is_formed)


class Slot:
    """A file that is written at once, beside, when all of it came to `memory`."""

    def __init__(self, writer: Writer, number: int, name: str, *, looks: bool) -> None:
        self.number, self.name, self.looks = number, name, looks
        self.memory, self.size = writer.memory[number], 0
        self.line: Line
        self.kept: Kept
        self._writer = writer

    def write(self, data: memoryview) -> None:
        """The next bytes."""
        size = self.size + len(data)
        self.memory[self.size : size] = data
        self.size = size

    def keep(self, line: Line, kept: Kept) -> None:
        """It is complete. Calls `kept` when it has its name."""
        self.line, self.kept = line, kept
        self._writer.hand_over(self)

    def drop(self) -> None:
        """It was not to be."""
        self._writer.free.append(self.number)


class Writer:
    """Writes into the `folder` of a title, and a line of each file into its `journal`. Where the open file `lock` holds
    the title, the process beside holds it, too: nobody else begins while it still writes.

    What cannot be written beside is written here; where that fails as well, the next call of `file` or `through` raises
    why. `memory` is what both processes have, in slots, and `free` are the numbers of those that nobody uses.
    """

    def __init__(self, folder: Path, lock: int | None, journal: Journal) -> None:
        self.memory: list[memoryview] = []
        self.free: list[int] = []
        self._folder, self._lock, self._journal = folder, lock, journal
        self._small, self._since = 0, 0.0
        self._may_begin = bool(sys.executable) and hasattr(os, "memfd_create")
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket
        self._waiting: list[Slot] = []
        self._asked: deque[Slot] = deque()
        self._is_through = asyncio.Event()
        self._fault: Exception | None = None

    def file(self, name: str, size: int | None, *, looks: bool) -> Here | Slot:
        """A file, to be written; of `size` bytes, where that is known. For `looks` see Part."""
        if self._fault is not None:
            raise self._fault
        if size is not None and size <= _SLOT and self._is_running() and self.free:
            return Slot(self, self.free.pop(), name, looks=looks)
        return Here(Part(self._folder, name, looks=looks), self._journal)

    async def through(self) -> None:
        """Returns when all that was handed over has its name."""
        if self._waiting or self._asked:
            await self._is_through.wait()
        if self._fault is not None:
            raise self._fault

    def close(self) -> None:
        """No process beside any more. What it was to write is written here."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        left = [*self._asked, *self._waiting]
        self._asked.clear()
        self._waiting.clear()
        for slot in left:
            self._end(slot)
        self.memory, self.free = [], []
        self._is_through.set()

    def hand_over(self, slot: Slot) -> None:
        """Let it be written, with others that are complete in the same turn of the loop."""
        if self._process is None:
            self._end(slot)
            return
        if not self._waiting:
            self._is_through.clear()
            asyncio.get_running_loop().call_soon(self._ask)
        self._waiting.append(slot)

    def _is_running(self) -> bool:
        """Is the process there? It begins where small files come fast."""
        if self._may_begin:
            now = asyncio.get_running_loop().time()
            if now - self._since > _SECONDS:
                self._small, self._since = 0, now
            self._small += 1
            if self._small == _MANY:
                self._may_begin = False
                with suppress(OSError):  # it is no more than a help
                    self._begin()
        return self._process is not None

    def _begin(self) -> None:
        """It is out of the reach of Ctrl-C, and ends with whoever began it."""
        with ExitStack() as left, ExitStack() as failed:
            shared = os.memfd_create("offlinedl")
            left.callback(os.close, shared)
            os.ftruncate(shared, _SLOTS * _SLOT)
            memory = memoryview(mmap.mmap(shared, 0))
            mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            left.enter_context(theirs)
            failed.enter_context(mine)
            mine.setblocking(False)
            asyncio.get_running_loop().add_reader(mine, self._hear)
            failed.callback(asyncio.get_running_loop().remove_reader, mine)
            code = _CODE.format(sys.path, str(self._folder), self._journal.path, shared, _SLOT)
            self._process = subprocess.Popen(  # noqa: S603 - of own words alone
                [sys.executable, "-I", "-S", "-c", code],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[shared],
                start_new_session=True,
            )
            failed.pop_all()
        self._socket = mine
        self.memory = [memory[at : at + _SLOT] for at in range(0, len(memory), _SLOT)]

    def _ask(self) -> None:
        slots, self._waiting = self._waiting, []
        if not slots:  # the process is gone
            return
        self._asked += slots
        asked: list[Asked] = [(slot.number, slot.size, slot.name, slot.looks, slot.line) for slot in slots]
        try:
            self._socket.send(json.dumps(asked).encode())
        except OSError:  # also where it does not keep up with packets: it is no more than a help
            self.close()

    def _hear(self) -> None:
        try:
            packet = self._socket.recv(PACKET)
            if packet == READY:
                socket.send_fds(self._socket, [READY], [] if self._lock is None else [self._lock])
                self.free = [*range(_SLOTS)]
                return
        except OSError:
            packet = b""
        if not packet:
            self.close()
            return
        told: list[Told] = json.loads(packet)
        for checksum, is_formed in told:
            self._end(self._asked.popleft(), checksum, is_formed=is_formed)
        if not self._waiting and not self._asked:
            self._is_through.set()

    def _end(self, slot: Slot, checksum: str = "", *, is_formed: bool = False) -> None:
        try:
            if checksum:
                slot.kept(bytes.fromhex(checksum), is_formed)
            else:
                part = whole(self._folder, slot.name, slot.memory[: slot.size], looks=slot.looks)
                Here(part, self._journal).keep(slot.line, slot.kept)
        except Exception as error:
            self._fault = self._fault or error
        slot.drop()
