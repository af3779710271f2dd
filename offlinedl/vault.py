"""The vault: secrets sealed with AES-256-GCM under a random key in a file that only its owner reads.

A secret is bound to its name (as additional data): one that was moved to another name does not open.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from offlinedl.errors import DamagedError, StorageError

_KEY_BYTES = 32
_NONCE_BYTES = 12


class Vault:
    """A folder of sealed secrets, named by letters, digits and hyphens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, secret: bytes) -> None:
        """Keep a secret. It is readable to this process's successors at once, and on the disk when this returns."""
        path = self._path(name)
        part = path.with_suffix(".part")
        sealed = self.seal(name, secret)
        with _translated():
            try:
                with _private(part) as file:
                    file.write(sealed)
                    file.flush()
                    # Renamed before it is synced: a kill in between must not lose a license that was granted.
                    part.replace(path)
                    os.fsync(file.fileno())
            finally:
                part.unlink(missing_ok=True)
            _sync_folder(self._folder)

    def get(self, name: str) -> bytes | None:
        """The secret of this name, None where there is none. One that was written whole by a process that was killed
        before it had its name is there, too: a license that was granted is not lost."""
        path = self._path(name)
        with _translated():
            sealed, left = _read(path), _read(path.with_suffix(".part"))
        if sealed is not None:
            return self.open(name, sealed)
        with suppress(DamagedError):  # it is torn
            return None if left is None else self.open(name, left)
        return None

    def delete(self, name: str) -> None:
        """Destroy a secret. One that is not there is no error."""
        path = self._path(name)
        with _translated():
            path.unlink(missing_ok=True)
            path.with_suffix(".part").unlink(missing_ok=True)

    def seal(self, name: str, secret: bytes) -> bytes:
        """`secret` as it may lie in a file of somebody else's: nonce, ciphertext, tag."""
        nonce = os.urandom(_NONCE_BYTES)
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return nonce + AESGCM(self._key(make=True)).encrypt(nonce, secret, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """What `seal` sealed under this name."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._key(make=False)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError) as error:
            raise DamagedError(
                f"the vault does not open {name}: the secret or the vault's key is not what it was",
                "restore the vault's key file, or get the title again: its media are kept",
                code="vault-damaged",
            ) from error

    def _key(self, *, make: bool) -> bytes:
        path = self._folder / "key"
        with _translated():
            try:
                key = path.read_bytes()
            except FileNotFoundError:
                key = self._new_key(path) if make else b""
        if len(key) != _KEY_BYTES:
            raise DamagedError(
                f"the vault's key file {path} is lost or damaged",
                "restore it from a backup, or get the titles again: their media are kept",
                code="vault-damaged",
            )
        return key

    def _new_key(self, path: Path) -> bytes:
        """A new key, written whole before it has its name; of two processes that make one, the first wins."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self._folder / f"key-{os.urandom(4).hex()}.part"
        with _private(part) as file:
            file.write(os.urandom(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            part.unlink()
        _sync_folder(self._folder)
        return path.read_bytes()

    def _path(self, name: str) -> Path:
        if not re.fullmatch(r"[a-z0-9-]+", name):
            raise ValueError(f"not a name for a secret: {name}")
        return self._folder / f"{name}.sealed"


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of the file system, in the house's words."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"the vault: {error.strerror or error}", "is there space? is the folder yours?") from error


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
