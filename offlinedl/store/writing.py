"""The process beside, which writes small files. It is told of them in packets of JSON, they lie in memory that both
processes have, and it says in packets of JSON which have their names."""

from __future__ import annotations

import json
import mmap
import socket
from pathlib import Path

from offlinedl.errors import StorageError
from offlinedl.store.part import whole

PACKET = 256 * 1024
"""Bytes of a packet, at most."""
Asked = tuple[int, int, str, bool]
"""The number of a slot, the size of the body in it, the name of its file, and whether that is looked at (see Part)."""
Told = tuple[int, str, bool]
"""The number of a slot, the checksum of its body in hexadecimal, nothing where it could not be written, and whether it
is formed (see Part)."""


def serve(folder: str, memory: int, slot: int) -> None:
    """Write files in `folder`, each from a slot of so many bytes of the open file `memory`, until who asks is gone.
    That is at the other end of the standard input."""
    slots = memoryview(mmap.mmap(memory, 0))
    with socket.socket(fileno=0) as asking:
        while packet := asking.recv(PACKET):
            asked: list[Asked] = json.loads(packet)
            told = [_written(Path(folder), slots[one[0] * slot :], one) for one in asked]
            asking.sendall(json.dumps(told).encode())


def _written(folder: Path, data: memoryview, asked: Asked) -> Told:
    number, size, name, looks = asked
    try:
        part = whole(folder, name, data[:size], looks=looks)
        return number, part.keep().hex(), part.is_formed
    except StorageError:
        return number, "", False
