"""A slow link: two network namespaces, and between them a relay that takes its time over packets and loses some.

It needs root and nothing else of the kernel than TUN devices: tc's netem is not on every machine.
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

SERVER = "10.231.47.1"
"""The server's address on the link."""
_CLIENT = "10.231.47.2"
_BYTES_A_SECOND = 100e6 / 8
_SECONDS_ONE_WAY = 0.025
_LONGEST_QUEUE = 0.1
"""In seconds of the link's rate; packets that would wait longer are lost, as in any router."""
_TUN = Path("/dev/net/tun")
_SET_NAME = 0x400454CA  # TUNSETIFF of linux/if_tun.h, with IFF_TUN and IFF_NO_PI
_FLAGS = 0x1001
_LARGEST_PACKET = 65536


@dataclass(slots=True)
class _Way:
    """One direction: what was read from `source` and is due at `sink`, with the times."""

    source: int
    sink: int
    loss: float
    chance: random.Random
    free_at: float = 0.0
    packets: deque[tuple[float, bytes]] = field(default_factory=deque)

    def take(self, now: float) -> None:
        """Read what came, and say when each packet arrives."""
        try:
            for _ in range(64):
                packet = os.read(self.source, _LARGEST_PACKET)
                begin = max(now, self.free_at)
                if begin - now > _LONGEST_QUEUE or self.chance.random() < self.loss:
                    continue
                self.free_at = begin + len(packet) / _BYTES_A_SECOND
                self.packets.append((self.free_at + _SECONDS_ONE_WAY, packet))
        except BlockingIOError:
            pass

    def give(self, now: float) -> None:
        """Write what is due."""
        while self.packets and self.packets[0][0] <= now:
            os.write(self.sink, self.packets.popleft()[1])


def missing() -> str | None:
    """What a link needs and is not here; None where nothing is."""
    absent = [name for name in ("unshare", "nsenter", "ip") if shutil.which(name) is None]
    if os.geteuid() != 0 or not _TUN.exists():
        absent = ["root and /dev/net/tun", *absent]
    return ", ".join(absent) or None


@contextmanager
def laid(loss: float) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Lay a link that loses this part of the packets. Gives what to put before a command to run it at the client's
    end, and at the server's."""
    with ExitStack() as stack:
        ends, entries = [], []
        for name, address in (("oflclient", _CLIENT), ("oflserver", SERVER)):
            end = _tun(name)
            stack.callback(os.close, end)
            entry = ["nsenter", "--net", f"--target={_namespace(stack)}"]
            for command in (
                f"ip link set {name} netns {entry[-1].rpartition('=')[2]}",
                f"{' '.join(entry)} ip address add {address}/30 dev {name}",
                f"{' '.join(entry)} ip link set {name} up",
            ):
                subprocess.run(command.split(), check=True)
            ends.append(end)
            entries.append(entry)
        stack.enter_context(_child([sys.executable, "-I", __file__, *map(str, [*ends, loss])], ends))
        yield entries[0], entries[1]


def _tun(name: str) -> int:
    end = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, _SET_NAME, struct.pack("16sH22x", name.encode(), _FLAGS))
    return end


def _namespace(stack: ExitStack) -> int:
    """A process that holds a new namespace."""
    process = stack.enter_context(_child(["unshare", "--net", "cat"], ()))
    own = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{process.pid}/ns/net").readlink() == own:
        time.sleep(0.001)
    return process.pid


@contextmanager
def _child(command: Sequence[str], descriptors: Sequence[int]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when its standard input does: when the block ends, or this program in whatever way."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=descriptors) as process:
        yield process


def relay(ends: tuple[int, int], loss: float) -> None:
    """Carry packets between two TUN devices until standard input ends; on time, whatever else the processors do."""
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    chance = random.Random(1)
    ways = [_Way(ends[0], ends[1], loss, chance), _Way(ends[1], ends[0], loss, chance)]
    while True:
        due = min((way.packets[0][0] for way in ways if way.packets), default=None)
        wait = None if due is None else max(0.0, due - time.monotonic())
        ready = select.select([0, *ends], [], [], wait)[0]
        if 0 in ready:
            return
        now = time.monotonic()
        for way in ways:
            if way.source in ready:
                way.take(now)
            way.give(now)


if __name__ == "__main__":
    relay((int(sys.argv[1]), int(sys.argv[2])), float(sys.argv[3]))
