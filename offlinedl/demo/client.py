"""A client of its own: it reads what `play --player none` serves as any other would, and then stops that."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import ProxyHandler, build_opener

_URI = re.compile(r'^([^#\s].*)$|URI="(.*?)"', re.MULTILINE)


def play(command: Sequence[str], say: Callable[[str], None], err: int | None = None) -> int:
    """Run `command`, read the address that it prints to its end, and interrupt it then. Its exit code; `say` is told
    its lines, `err` is what its stderr goes to."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=err, text=True, process_group=0) as process:  # noqa: S603 - ours
        try:
            for line in process.stdout or ():
                say(line.rstrip("\n"))
                if line.startswith("http://127.0.0.1:"):
                    with suppress(HTTPError):  # it was refused: then the command ends by itself
                        read(line.strip())
                        os.killpg(process.pid, signal.SIGINT)
            return process.wait()
        finally:
            process.kill()


def read(address: str) -> int:
    """Fetch what is at `address`, and all that it names where it is a playlist. Bytes of media."""
    with build_opener(ProxyHandler({})).open(address) as answer:
        content: bytes = answer.read()
    if not content.startswith(b"#EXTM3U"):
        return len(content)
    return sum(read(urljoin(address, uri)) for uri in named(content.decode()))


def named(playlist: str) -> list[str]:
    """The URIs in a playlist (RFC 8216 section 4.1), in its order."""
    return [beside or within for beside, within in _URI.findall(playlist)]
