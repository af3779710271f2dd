"""Who may ask: programs of this user, and pages that are served here."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

# sock_diag(7): nlmsghdr with the begin of inet_diag_req_v2, inet_diag_sockid, and what comes before and in the last two
# fields of inet_diag_msg
_SOCK_DIAG = 4
_HEAD = struct.Struct("=IHHIIBBBxI")
_ENDS = struct.Struct("!HH4s12x4s12x4xq")
_ANSWERED = 16 + 4 + 48 + 20
_ANY = 2**32 - 1

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
    user = asked(client, server)
    if user is not None:
        return user == os.geteuid()
    listed = [text for text in map(_text, tables) if text is not None]  # one is missing where IPv6 is off
    users = [user for text in listed if (user := owner(text, client, server)) is not None]
    return users[0] == os.geteuid() if users else not listed


def _text(table: Path) -> str | None:
    try:
        return table.read_text()
    except OSError:
        return None


def asked(client: Address, server: Address) -> int | None:
    """As `owner`, by the system's word on this one connection (sock_diag(7)), which not every system gives: to have a
    table written takes milliseconds, however short it is."""
    if sys.platform != "linux":
        return None
    ends = _ENDS.pack(client[1], server[1], IPv4Address(client[0]).packed, IPv4Address(server[0]).packed, -1)
    head = _HEAD.pack(_HEAD.size + len(ends), 20, 1, 0, 0, socket.AF_INET, socket.IPPROTO_TCP, 0, _ANY)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as system:
            system.settimeout(1)
            system.send(head + ends)
            answer = system.recv(4096)
    except OSError:
        return None
    if len(answer) < _ANSWERED or answer[4:6] != head[4:6]:
        return None
    user, inode = struct.unpack_from("=II", answer, _ANSWERED - 8)
    return int(user) if inode else None


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
