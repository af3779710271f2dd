"""Who may ask the server of playback: programs of this user, and its own pages."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from offlinedl.playback import guard

CLIENT, SERVER = ("127.0.0.1", 50000), ("127.0.0.1", 8765)

# As Linux writes them on a machine whose bytes are in little-endian order: the client's end, and the server's
V4 = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:223D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9000 1 0 100 0 0 10 0
   1: 0100007F:223D 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 9001 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:223D {state} 00000000:00000000 00:00000000 00000000 {user}    0 {inode} 1 0 20 4 30 10 -1
"""
V6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: {mapped}0100007F:C350 {mapped}0100007F:223D 01 00000000:00000000 00:00000000 00000000  1000        0 9002 1 0 2
"""
MAPPED = "0000000000000000FFFF0000"

little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the rows are those of a little-endian machine")

OWNERS = [
    pytest.param(V4.format(state="01", user=1000, inode=9002), 1000, id="the-clients-end-and-not-the-servers"),
    pytest.param(V4.format(state="01", user=0, inode=9002), 0, id="root"),
    pytest.param(V4.format(state="05", user=1000, inode=9002), 1000, id="sends-no-more-and-still-reads"),
    pytest.param(V4.format(state="05", user=0, inode=0), None, id="closed-is-nobodys-though-it-reads-as-roots"),
    pytest.param(V6.format(mapped=MAPPED), 1000, id="mapped-into-version-6"),
    pytest.param(V6.format(mapped="00000000000000000000FFFF"), None, id="another-address-of-version-6"),
    pytest.param("", None, id="not-listed"),
]


@little_endian
@pytest.mark.parametrize(("table", "user"), OWNERS)
def test_the_system_tells_whose_connection_it_is(table: str, user: int | None) -> None:
    assert guard.owner(table, CLIENT, SERVER) == user


HOSTS = [
    pytest.param("127.0.0.1:8765", True, id="the-address"),
    pytest.param("localhost:8765", True, id="the-name"),
    pytest.param("LocalHost:8765", True, id="names-have-no-case"),
    pytest.param("127.0.0.1:8766", False, id="another-port"),
    pytest.param("127.0.0.1", False, id="no-port"),
    pytest.param("rebound.example:8765", False, id="a-name-of-somebody-elses"),
    pytest.param("localhost.example:8765", False, id="that-begins-alike"),
    pytest.param("127.0.0.1:8765@evil.example", False, id="that-looks-alike"),
    pytest.param("[::1]:8765", False, id="version-6"),
    pytest.param("", False, id="empty"),
    pytest.param(None, False, id="none"),
]


@pytest.mark.parametrize(("host", "meant"), HOSTS)
def test_the_server_must_be_meant(host: str | None, meant: bool) -> None:
    assert guard.is_meant(host, 8765) is meant


SITES = [
    pytest.param(None, True, id="no-browser"),
    pytest.param("none", True, id="a-person-in-the-address-bar"),
    pytest.param("same-origin", True, id="its-own-page"),
    pytest.param("same-site", False, id="another-port"),
    pytest.param("cross-site", False, id="elsewhere"),
    pytest.param("", False, id="empty"),
]


@pytest.mark.parametrize(("site", "own"), SITES)
def test_a_page_must_be_its_own(site: str | None, own: bool) -> None:
    assert guard.is_own_page(site) is own


@pytest.fixture(params=["version-4", "version-6"])
def connection(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client of 127.0.0.1, also one that knows addresses of version 6 alone, and the server's end."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        is_mapped = request.param == "version-6"
        client = socket.socket(socket.AF_INET6 if is_mapped else socket.AF_INET)
        client.connect((("::ffff:" if is_mapped else "") + "127.0.0.1", listening.getsockname()[1]))
        server, _ = listening.accept()
        with closing(client), closing(server):
            yield client, server


def test_this_process_is_of_this_user(connection: tuple[socket.socket, socket.socket]) -> None:
    _, server = connection
    assert guard.is_own_user(server.getpeername(), server.getsockname())


def test_the_system_tells_it_in_two_ways(connection: tuple[socket.socket, socket.socket]) -> None:
    _, server = connection
    ends = server.getpeername(), server.getsockname()
    tables = "".join(Path(f"/proc/net/{table}").read_text() for table in ("tcp", "tcp6"))
    assert guard.owner(tables, *ends) == guard.asked(*ends) == os.geteuid()


def test_who_has_closed_is_nobody(connection: tuple[socket.socket, socket.socket]) -> None:
    client, server = connection
    ends = server.getpeername(), server.getsockname()
    client.close()
    assert not guard.is_own_user(*ends)


@little_endian
def test_only_this_user_is_this_user(tmp_path: Path) -> None:
    table = tmp_path / "tcp"
    table.write_text(V4.format(state="01", user=os.geteuid(), inode=9002))
    assert guard.is_own_user(CLIENT, SERVER, [table])
    table.write_text(V4.format(state="01", user=os.geteuid() + 1, inode=9002))
    assert not guard.is_own_user(CLIENT, SERVER, [table])


def test_a_system_that_does_not_tell_is_no_reason_to_refuse(tmp_path: Path) -> None:
    assert guard.is_own_user(CLIENT, SERVER, [tmp_path / "tcp"])


@little_endian
def test_a_system_without_version_6_tells_all_the_same(tmp_path: Path) -> None:
    table = tmp_path / "tcp"
    for row, own in ((V4.format(state="01", user=os.geteuid(), inode=9002), True), ("", False)):
        table.write_text(row)
        assert guard.is_own_user(CLIENT, SERVER, [table, tmp_path / "tcp6"]) is own
