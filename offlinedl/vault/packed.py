"""An export: a vault in one file, under a passphrase.

A line that says what it is, a line with what stretches the passphrase (scrypt, RFC 7914), the content sealed with
AES-256-GCM to which both lines are additional data, and a SHA-256 of all that: so damage is told from a passphrase
that is wrong.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from offlinedl.errors import DamagedError, UsageError
from offlinedl.frozen import frozen
from offlinedl.vault.key import BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = 1
_SCRYPT = {"n": 2**17, "r": 8, "p": 1}
"""128 MiB and about half a second for each passphrase that is tried."""
_MOST_MEMORY, _MOST_LANES = 2**30, 16
_FIRST_LINE = re.compile(rb"offlinedl vault (\d{1,9})\n")
_NAME = re.compile(r"[a-z0-9-]+")


@frozen
class Content:
    """What is exported: the vault's key, and by their names the secrets as it sealed them."""

    key: bytes = field(repr=False)
    secrets: Mapping[str, bytes]


def pack(content: Content, passphrase: str) -> bytes:
    """The file."""
    salt, nonce = os.urandom(16), os.urandom(12)
    stretch = {**_SCRYPT, "salt": salt.hex(), "nonce": nonce.hex()}
    head = f"offlinedl vault {VERSION}\n{json.dumps(stretch)}\n".encode()
    text = json.dumps(
        {
            "key": content.key.hex(),
            "secrets": {name: b64encode(sealed).decode() for name, sealed in content.secrets.items()},
        }
    )
    body = head + _cipher(passphrase, salt, _SCRYPT).encrypt(nonce, text.encode(), head)
    return body + hashlib.sha256(body).digest()


def unpack(file: bytes, passphrase: str) -> Content:
    """What `pack` packed. DamagedError where the file is damaged or the passphrase wrong, UsageError where a newer
    offlinedl packed it."""
    from cryptography.exceptions import InvalidTag

    first = _FIRST_LINE.match(file)
    if first is None:
        raise _damaged("it is no export of a vault")
    if int(first[1]) > VERSION:
        raise UsageError(
            f"the export has version {int(first[1])}; this offlinedl knows versions up to {VERSION}",
            "it was written by a newer offlinedl: use that one. Nothing was changed",
            code="export-too-new",
        )
    body, digest = file[:-32], file[-32:]
    if hashlib.sha256(body).digest() != digest:
        raise _damaged("it is not what was written")
    try:
        end = body.index(b"\n", first.end()) + 1
        stretch = json.loads(body[first.end() : end])
        cipher = _cipher(passphrase, bytes.fromhex(stretch["salt"]), stretch)
        return _content(cipher.decrypt(bytes.fromhex(stretch["nonce"]), body[end:], body[:end]))
    except InvalidTag as error:
        raise DamagedError(
            "the passphrase does not open the export", "it is another one: try again", code="wrong-passphrase"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise _damaged("it says what cannot be") from error


def _content(text: bytes) -> Content:
    values = json.loads(text)
    secrets = {name: b64decode(sealed, validate=True) for name, sealed in values["secrets"].items()}
    content = Content(key=bytes.fromhex(values["key"]), secrets=secrets)
    if len(content.key) != BYTES or not all(map(_NAME.fullmatch, secrets)):
        raise ValueError("not a key, or not names of secrets")
    return content


def _cipher(passphrase: str, salt: bytes, stretch: Mapping[str, Any]) -> AESGCM:
    """Seals what `passphrase` opens. It is the same however a keyboard composes its letters."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    n, r, p = stretch["n"], stretch["r"], stretch["p"]
    if 128 * n * r > _MOST_MEMORY or p > _MOST_LANES:
        raise ValueError("it would take too long")
    kdf = Scrypt(salt=salt, length=32, n=n, r=r, p=p)
    return AESGCM(kdf.derive(unicodedata.normalize("NFC", passphrase).encode()))


def _damaged(how: str) -> DamagedError:
    return DamagedError(
        f"the export cannot be read: {how}", "is it the right file? if it is, use another copy", code="export-damaged"
    )
