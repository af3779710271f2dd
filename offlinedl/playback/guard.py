"""Who may ask: programs of this user, and pages that are served here."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

Address = tuple[str, int]


def is_meant(host: str | None, port: int) -> bool:
    """Is this server meant by the Host field? A name that somebody else let point here is not (DNS rebinding)."""
    return (host or "").lower() in {f"127.0.0.1:{port}", f"localhost:{port}"}


def is_own_page(site: str | None) -> bool:
    """Does a page of this server ask, by the Sec-Fetch-Site field, or none (W3C Fetch Metadata section 2.4)? Other
    ports of a host are the same site, but other origins. Programs that are no browsers send no such field."""
    return site in {None, "none", "same-origin"}


def is_own_user(client: Address, server: Address, tables: Sequence[Path] = _TABLES) -> bool:
    """Is the client of this connection a process of this user? Where the system does not tell, it is taken for one."""
    for table in tables:
        try:
            user = owner(table.read_text(), client, server)
        except OSError:
            return True
        if user is not None:
            return user == os.geteuid()
    return False


def owner(table: str, client: Address, server: Address) -> int | None:
    """The user whose socket is the client's end of a connection, by a table of the system (proc(5), /proc/net/tcp and
    tcp6). None where there is none, or nobody has it open any more: such a one is listed as root's."""
    for mapped in (b"", bytes(10) + b"\xff\xff"):  # RFC 4291 section 2.5.5.2
        ends = " ".join(_listed(mapped, end) for end in (client, server))
        at = table.find(f" {ends} ")
        if at >= 0:
            _, _, _, _, _, _, user, _, inode, *_ = table[at:].split(maxsplit=9)
            return int(user) if inode != "0" else None
    return None


def _listed(prefix: bytes, address: Address) -> str:
    """An end of a connection as the tables have it: 32 bits at a time, in the byte order of the machine."""
    host, port = address
    packed = prefix + IPv4Address(host).packed
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return f"{''.join(f'{word:08X}' for word in words)}:{port:04X}"
