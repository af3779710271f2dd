"""nginx on a free port of 127.0.0.1, in the clear and over TLS."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes auto;
worker_rlimit_nofile 65536;
{user}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 1000000;
    keepalive_timeout 75;
    open_file_cache max=16000 inactive=600s;
    default_type application/octet-stream;
    types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {address}:{http};
        listen {address}:{https} ssl;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        root {root};
    }}
}}
"""
_CERTIFICATE = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=offlinedl -addext subjectAltName=IP:{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A running server: its addresses, and the certificate that vouches for the second."""

    http: str
    https: str
    authority: Path


@contextmanager
def serving(folder: Path, root: Path, address: str = "127.0.0.1", inside: Sequence[str] = ()) -> Iterator[Origin]:
    """Serve `root` on `address` while the block runs, with what nginx needs in `folder`; started with the command
    `inside`, which enters a network namespace."""
    authority = folder / "certificate.pem"
    files = ["-out", str(authority), "-keyout", str(folder / "key.pem")]
    subprocess.run([*_CERTIFICATE.format(address).split(), *files], check=True, stderr=subprocess.DEVNULL)
    http, https = _free_ports()
    user = "user root;" if os.geteuid() == 0 else ""
    written = _CONFIGURATION.format(folder=folder, root=root, address=address, http=http, https=https, user=user)
    (folder / "nginx.conf").write_text(written)
    server = subprocess.Popen(
        [*inside, "nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"], stderr=subprocess.DEVNULL
    )
    try:
        while not (folder / "nginx.pid").exists() and server.poll() is None:
            time.sleep(0.01)
        if server.poll() is not None:
            raise SystemExit((folder / "error.log").read_text())
        yield Origin(http=f"http://{address}:{http}", https=f"https://{address}:{https}", authority=authority)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def _free_ports() -> tuple[int, int]:
    """Two that nobody listens on."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
