"""The process beside, which writes small files. It is told of them in packets of JSON, they lie in memory that both
processes have, and it says in packets of JSON which have their names, and their lines in the journal."""

from __future__ import annotations

import json
import mmap
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from offlinedl.errors import StorageError
from offlinedl.store.journal import Journal
from offlinedl.store.part import whole

PACKET = 256 * 1024
"""Bytes of a packet, at most."""
READY = b"ready"
"""What this one says first. The answer brings the lock of the title, which it holds from then on."""
Line = tuple[str, str]
"""What a line of the journal says before the checksum of its file, in hexadecimal, and after it."""
Asked = tuple[int, int, str, bool, Line]
"""The number of a slot, the size of the body in it, the name of its file, whether that is looked at (see Part), and its
line."""
Told = tuple[str, bool]
"""Of each that was asked for: its checksum in hexadecimal, nothing where it could not be written, and whether it is
formed (see Part)."""


def serve(folder: str, journal: str, memory: int, slot: int) -> None:
    """Write files in `folder`, each from a slot of so many bytes of the open file `memory`, until who asks, at the
    other end of the standard input, is gone, and all is done that was asked for until then."""
    slots = memoryview(mmap.mmap(memory, 0))
    lines = Journal(journal)
    with socket.socket(fileno=0) as asking:
        asking.sendall(READY)
        socket.recv_fds(asking, PACKET, 1)
        for packet in _packets(asking):
            asked: list[Asked] = json.loads(packet)
            told = [_written(Path(folder), lines, slots[one[0] * slot :], one) for one in asked]
            with suppress(ConnectionError):
                asking.sendall(json.dumps(told).encode())


def _packets(asking: socket.socket) -> Iterator[bytes]:
    """Also those of somebody who is gone: that comes first, as an error, where answers were left unread."""
    while True:
        with suppress(ConnectionError):
            packet = asking.recv(PACKET)
            if not packet:
                return
            yield packet


def _written(folder: Path, lines: Journal, data: memoryview, asked: Asked) -> Told:
    _, size, name, looks, line = asked
    try:
        part = whole(folder, name, data[:size], looks=looks)
        checksum = part.keep().hex()
        lines.add(checksum.join(line))
    except StorageError:
        return "", False
    return checksum, part.is_formed
