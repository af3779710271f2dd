"""A simulated adapter: it speaks as a real one does, and its licenses are notes to itself. No cryptography.

    python tests/adapter.py SYSTEM [FAULT] [WINDOWS]

FAULT is one of FAULTS, or KIND:METHOD for the kinds of _broken. WINDOWS is JSON: what its licenses state. It writes the
methods that are called into the file that ADAPTER_LOG names. It stands alone: it is run as it is.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.request import ProxyHandler, build_opener

FAULTS = (
    "other-kid", "without-kid", "expired", "ended", "restricted", "other-system", "temporary", "no-handle", "forgets",
    "forgets-played", "refuses", "damaged", "no-keys", "odd-window", "odd-headers",
    "plays-not",
)  # fmt: skip
SYSTEMS = {
    "widevine": "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",
    "playready": "9a04f079-9840-4286-ab92-e65be0885f95",
    "fairplay": "94ce86fb-07ff-4f43-adb8-93d2fa968ca2",
}
KIDS = ["0123456789abcdef0123456789abcdef", "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"]
METHODS = ("hello", "challenge", "update", "load", "first_play", "acknowledge", "play")
DAY = 86400
WINDOWS = {"storage_seconds": 30 * DAY, "playback_seconds": 2 * DAY, "expires_at": None}
KEY_MESSAGE = (
    '<PlayReadyKeyMessage type="LicenseAcquisition"><LicenseAcquisition Version="1">'
    '<Challenge encoding="base64encoded">{}</Challenge>'
    "<HttpHeaders><HttpHeader><name>Content</name><value>text/xml; charset=utf-8</value></HttpHeader>"
    "<HttpHeader><name>X-Device</name><value>simulated</value></HttpHeader></HttpHeaders>"
    "</LicenseAcquisition></PlayReadyKeyMessage>"
)


class RefusalError(Exception):
    """An error as JSON-RPC has it."""


class Adapter:
    """One run of it. `certified` and `known` are what it must hear from servers before it asks for a license."""

    def __init__(self, system: str, fault: str, windows: dict[str, Any]) -> None:
        self.system, self.fault, self.windows = system, fault, windows
        self.certified = fault != "certificate"
        self.known = fault != "provision"
        self.spent = Path(os.environ.get("ADAPTER_SPENT", os.devnull))

    def hello(self, offlinedl: str) -> dict[str, Any]:
        return {
            "name": "simulated",
            "version": "1",
            "systems": [SYSTEMS["widevine" if self.system != "widevine" else "playready"]]
            if self.fault == "other-system"
            else [SYSTEMS[self.system].upper()],
            "persistent": self.fault != "temporary",
            "security_level": "L3",
            "plays": self.fault != "plays-not",
            "sample": self._sample(),
        }

    def _sample(self) -> dict[str, Any] | None:
        """What the conformance test needs to go on without a license server."""
        kids = [text(bytes.fromhex(kid)) for kid in KIDS]
        license = b"CKC" + json.dumps({"kids": KIDS}).encode()
        sample = {"init_data": text(b"sample"), "kids": kids, "response": text(license)}
        return {"none-without": None, "odd-sample": {"kids": 5}}.get(self.fault, sample)

    def challenge(self, purpose: str, kids: list[str], **more: Any) -> dict[str, Any]:
        if self.fault == "strict" and "something_new" in more:
            raise TypeError("something_new")
        if self.fault == "refuses":
            raise RefusalError(1, "no \x1b[31mdevice\n of that name")
        if not self.certified:
            return {"message": text(b"\x08\x04"), "headers": {}, "url": None}
        if not all(len(base64.b64decode(kid, validate=True)) == 16 for kid in kids):
            raise RefusalError(-32602, "a kid is not 16 bytes in base64")
        if purpose != "acquire" and not self._read(more.get("handle"))["kids"]:
            raise RefusalError(2, "no license in this handle")
        asked = {"purpose": purpose, "kids": [base64.b64decode(kid).hex() for kid in kids], "known": self.known}
        asked |= {name: more.get(name) for name in ("init_data", "certificate")}
        message, headers = self._coated(json.dumps(asked).encode()), {"X-Purpose": purpose}
        odd = self.fault == "odd-headers"
        url = self.windows["url"] if self.fault == "elsewhere" else None
        return {"message": text(message), "headers": ["odd"] if odd else headers, "url": url}

    def _coated(self, message: bytes) -> bytes:
        if self.system == "widevine":
            return b"\x08\x01\x12" + varint(len(message)) + message
        if self.system == "playready":
            soap = b"<soap:Envelope><soap:Body>" + message.hex().encode() + b"</soap:Body></soap:Envelope>"
            return b"\xff\xfe" + KEY_MESSAGE.format(text(soap)).encode("utf-16-le")
        return b"SPC" + message

    def update(self, response: str, handle: str | None = None) -> dict[str, Any]:
        license = base64.b64decode(response, validate=True)
        if self.fault == "damaged":
            raise RefusalError(2, "the license is not signed")
        if not self.certified or not self.known or self.fault == "empty-keys":
            self.certified = self.known = True
            return self._opened(handle) if handle else {"handle": None, "keys": []}
        found = re.search(rb'\{"kids": \[.*?\]\}', license)
        if found is None or (self.system == "fairplay" and not license.startswith(b"CKC")):
            raise RefusalError(1, "this is no license")
        note = {"kids": self._read(handle)["kids"] if handle else {}, "played": None}
        note["kids"] |= dict.fromkeys(json.loads(found[0])["kids"], "usable")
        return self._opened(self._note(note))

    def load(self, handle: str) -> dict[str, Any]:
        note = {"played": None} if self.fault == "credulous" else self._read(handle)
        if self.fault == "spends" and not note["played"] and self.spent.exists():
            raise RefusalError(1, "no such license")
        if self.fault == "credulous":
            handle = self._note({"kids": dict.fromkeys(KIDS, "usable"), "played": None})
        if self.fault == "forgets" or (self.fault == "forgets-played" and note["played"]):
            raise RefusalError(1, "no such license")
        return self._opened(handle) | ({"storage_seconds": DAY} if self.fault == "narrows" else {})

    def first_play(self, handle: str, at: str) -> dict[str, Any]:
        note = self._read(handle)
        if self.fault == "plays-once" and note["played"]:
            raise RefusalError(1, "played already")
        if self.fault == "spends":
            self.spent.touch()
        return {"handle": self._note(note | {"played": note["played"] or at})}

    def acknowledge(self, handle: str, response: str) -> dict[str, Any]:
        self._read(handle)
        return {}

    def play(self, handle: str, manifest_url: str) -> dict[str, Any]:
        """Its own player reads all that the playlists name."""
        self._read(handle)
        to_come = [manifest_url]
        while to_come:
            address = to_come.pop()
            with build_opener(ProxyHandler({})).open(address) as answer:
                content = answer.read()
            named = re.findall(rb'^([^#\s].*)$|URI="(.*?)"', content, re.M) if content.startswith(b"#EXTM3U") else []
            to_come += [urljoin(address, (beside or within).decode()) for beside, within in named]
        if self.fault == "stays-playing":
            time.sleep(3600)
        return {}

    def _opened(self, handle: str) -> dict[str, Any]:
        note = self._read(handle)
        kids = dict(note["kids"])
        if self.fault == "other-kid":
            kids = {"f" * 32: "usable"}
        if self.fault == "without-kid":
            kids.pop(min(kids))
        status = {"expired": "expired", "restricted": "output-restricted"}.get(self.fault, "usable")
        keys = [{"kid": text(bytes.fromhex(kid)), "status": status} for kid in kids]
        windows = self.windows
        if self.fault == "dual" and note["played"]:
            windows = {"storage_seconds": None, "playback_seconds": DAY, "expires_at": None}
        if self.fault == "elsewhere":
            windows = {}
        if self.fault == "ended":
            windows = {"expires_at": "2001-01-01T00:00:00Z"}
        if self.fault == "odd-window":
            windows = {"storage_seconds": "thirty days"}
        return {
            "handle": None if self.fault == "no-handle" else handle,
            "keys": "none" if self.fault == "no-keys" else keys,
            **windows,
        }

    def _note(self, note: dict[str, Any]) -> str:
        said = json.dumps(note).encode()
        return text(sha256(said).digest() + said)

    def _read(self, handle: str | None) -> dict[str, Any]:
        data = base64.b64decode(handle or "", validate=True)
        if sha256(data[32:]).digest() != data[:32]:
            raise RefusalError(2, "this handle is damaged")
        note: dict[str, Any] = json.loads(data[32:])
        return note


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def varint(value: int) -> bytes:
    """A number as protocol buffers write it."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def _broken(kind: str, number: Any) -> None:
    """What comes, or happens, in the place of an answer."""
    if kind == "dies":
        sys.stderr.write("first line\nthe device is \x1b[31mgone\n\n")
        os._exit(3)
    if kind == "hangs":
        time.sleep(3600)
    if kind == "closes":
        os.close(1)
        time.sleep(3600)
    answers = {
        "garbage": "<!doctype html>",
        "long": "x" * 2**21,
        "list": "[]",
        "old": json.dumps({"id": number, "result": {}}),
        "other-id": json.dumps({"jsonrpc": "2.0", "id": 99, "result": {}}),
        "true-id": json.dumps({"jsonrpc": "2.0", "id": True, "result": {}}),
        "no-result": json.dumps({"jsonrpc": "2.0", "id": number, "result": None}),
        "bare-error": json.dumps({"jsonrpc": "2.0", "id": number, "error": "no"}),
        "lacks": json.dumps({"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "not found"}}),
        "fails": json.dumps({"jsonrpc": "2.0", "id": number, "error": {"code": -32603, "message": "oops"}}),
        "empty": json.dumps({"jsonrpc": "2.0", "id": number, "result": {}}),
    }
    print(answers[kind], flush=True)


def _answer(adapter: Adapter, method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method not in METHODS and adapter.fault == "talkative":
        return {"result": {}}
    if method not in METHODS:
        return {"error": {"code": -32601, "message": "Method not found"}}
    try:
        return {"result": getattr(adapter, method)(**params)}
    except RefusalError as refusal:
        return {"error": {"code": refusal.args[0], "message": refusal.args[1]}}
    except (TypeError, ValueError, KeyError) as error:
        return {"error": {"code": -32602, "message": f"Invalid params: {error}"}}


def main(system: str, fault: str = "none", windows: str = "") -> None:
    adapter = Adapter(system, fault, json.loads(windows) if windows else WINDOWS)
    kind, _, where = fault.partition(":")
    if fault in {"stays", "stays-playing"}:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if fault == "noisy":
        sys.stderr.write("x" * 2**20)
    for line in sys.stdin:
        asked = json.loads(line)
        number, method = asked["id"], asked["method"]
        if "ADAPTER_LOG" in os.environ:
            with Path(os.environ["ADAPTER_LOG"]).open("a") as log:
                log.write(f"{method} {os.getpid()}\n")
        if where and where == method:
            _broken(kind, number)
            continue
        answer = {"jsonrpc": "2.0", "id": number} | _answer(adapter, method, asked["params"])
        print(json.dumps(answer), flush=True)
    if fault == "stays":
        time.sleep(3600)
    if "ADAPTER_LOG" in os.environ:
        with Path(os.environ["ADAPTER_LOG"]).open("a") as log:
            log.write(f"ended {os.getpid()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
