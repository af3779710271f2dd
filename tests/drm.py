"""The license servers that the simulated adapter (tests/adapter.py) talks to: what they hear, and what they say."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.adapter import varint
from tests.origin import Fault, Handler

PROGRAM = Path(__file__).with_name("adapter.py")
DAY = 86400
Value = int | str | bytes


def command(system: str, *words: str) -> tuple[str, ...]:
    """What starts the simulated adapter."""
    return (sys.executable, str(PROGRAM), system, *words)


def setting(system: str, *words: str) -> str:
    """The same, for config.toml."""
    return f"[cdm.{system}]\ncommand = {json.dumps(command(system, *words))}\n"


def field(number: int, value: Value) -> bytes:
    """A field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value % 2**64)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(fields: dict[int, Value]) -> bytes:
    """A protocol buffer."""
    return b"".join(field(number, value) for number, value in fields.items())


def widevine_license(kids: list[str], policy: dict[int, Value] | None, start: int = 0) -> bytes:
    """A signed license, as Widevine's server sends it. Its id is a note for the simulated adapter."""
    keys = b"".join(field(3, field(1, bytes.fromhex(kid)) + field(3, b"sealed")) for kid in kids)
    said = {} if policy is None else {2: message(policy)}
    return message({1: 2, 2: message({1: note(kids), **said, 4: start}) + keys, 3: b"signature"})


def note(kids: list[str]) -> bytes:
    """What the simulated adapter looks for."""
    return json.dumps({"kids": kids}).encode()


def licensing(asked: list[dict[str, Any]], policy: dict[int, Value] | None = None) -> Fault:
    """Grants what is asked, which is written down, in the manner of the system that asks. `policy` is Widevine's."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await request.read()
        soap = re.search(rb"<soap:Body>([0-9a-f]+)</soap:Body>", body)
        inside = bytes.fromhex(soap[1].decode()) if soap else body[max(body.find(b"{"), 0) :]
        told: dict[str, Any] = json.loads(inside) if inside.startswith(b"{") else {"certificate request": body.hex()}
        asked.append(told | {"headers": dict(request.headers)})
        if "kids" not in told or not told["known"]:
            return web.Response(body=b"\x08\x05")
        kids = told["kids"]
        if body.startswith(b"SPC"):
            return web.Response(text=f"\n<ckc>{base64.b64encode(b'CKC' + note(kids)).decode()}</ckc>\n")
        if soap:
            return web.Response(body=b"<soap:Envelope>" + note(kids) + b"</soap:Envelope>")
        return web.Response(body=widevine_license(kids, policy))

    return fault
