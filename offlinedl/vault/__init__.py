"""The vault: secrets sealed with AES-256-GCM under a random key in a file that only its owner reads, or in the system's
keyring.

A secret is bound to its name (as additional data): one that was moved to another name does not open. Licenses may be
in a store of the application's instead (see elsewhere.py); what the catalog keeps is sealed here all the same.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from offlinedl.errors import DamagedError, NotFoundError, UsageError
from offlinedl.vault import files, packed
from offlinedl.vault.elsewhere import Elsewhere, LicenseStore
from offlinedl.vault.key import VaultKey

__all__ = ["LicenseStore", "Vault"]

_NONCE_BYTES = 12
_DEVICE = "device"


class Vault:
    """A folder of sealed secrets, named by letters, digits and hyphens: a LicenseStore. `keyring` tells whether its key
    is to be in the system's keyring. Where there is a `license_store`, what is saved here is there."""

    def __init__(
        self,
        folder: Path,
        keyring: Callable[[], bool] = lambda: False,
        license_store: LicenseStore | None = None,
    ) -> None:
        self._folder = folder
        self._key = VaultKey(folder / "key", keyring)
        self._elsewhere = None if license_store is None else Elsewhere(license_store, folder)

    def settle(self) -> bool:
        """There is a key from now on: what is granted after this can be sealed. Is it a new one?"""
        is_new = self._key.get() is None
        if is_new:
            self._key.make()
        return is_new

    def check(self) -> None:
        """DamagedError where there are secrets and no key for them, or the device id is not to be read. Nothing is
        changed where that is so."""
        if self._sealed():
            self._key.must()
        self._read(_DEVICE)

    @property
    def is_elsewhere(self) -> bool:
        """Are the licenses in a store of the application's?"""
        return self._elsewhere is not None

    @property
    def called(self) -> str:
        """What people call the place of the licenses."""
        return "the application's license store" if self.is_elsewhere else "the vault"

    @property
    def has_key(self) -> bool:
        """Is there a key, whether or not it opens what is here?"""
        return self._own() is not None

    @property
    def place(self) -> str:
        """Where the key is, for people."""
        return "in the system's keyring" if self._key.is_elsewhere else "in a file of its own"

    def save(self, name: str, secret: bytes) -> None:
        """Keep a secret. It is readable to this process's successors at once, and on the disk when this returns."""
        if self._elsewhere is not None:
            self._elsewhere.save(name, secret)
        else:
            files.put(self._path(name), self.seal(name, secret))

    def load(self, name: str) -> bytes | None:
        """The secret of this name, None where there is none. One that was written whole by a process that was killed
        before it had its name is there, too: a license that was granted is not lost."""
        return self._read(name) if self._elsewhere is None else self._elsewhere.load(name)

    def remove(self, name: str) -> None:
        """Destroy a secret. One that is not there is no error."""
        if self._elsewhere is not None:
            self._elsewhere.remove(name)
        with files.translated():
            self._path(name).unlink(missing_ok=True)
            files.part(self._path(name)).unlink(missing_ok=True)

    def names(self) -> set[str]:
        """The names of all that lies here, whole or in part."""
        with files.translated(), suppress(FileNotFoundError):
            return {file.name.partition(".")[0] for file in os.scandir(self._folder)}
        return set()

    def seal(self, name: str, secret: bytes) -> bytes:
        """`secret` as it may lie in a file of somebody else's: nonce, ciphertext, tag."""
        nonce = os.urandom(_NONCE_BYTES)
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return nonce + AESGCM(self._key.get() or self._key.make()).encrypt(nonce, secret, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """What `seal` sealed under this name."""
        return _opened(name, sealed, self._key.must())

    def device_id(self) -> str:
        """Who this home is among the devices of a service: random, made at first use, the same from then on. With the
        vault's key it is lost, too, and there is another."""
        fresh = str(uuid.uuid4()).encode()
        try:
            found = self._read(_DEVICE)
        except DamagedError:
            files.replace(self._path(_DEVICE), self.seal(_DEVICE, fresh))
            found = self._read(_DEVICE)
        if found is None:
            sealed = self.seal(_DEVICE, fresh)
            found = fresh if files.first(self._path(_DEVICE), sealed) else self._read(_DEVICE)
        return (found or fresh).decode()

    def export_to(self, file: Path, passphrase: str) -> int:
        """Write the key and all secrets that it opens to a new file that `passphrase` opens. How many secrets."""
        key = self._key.get()
        if key is None and not self._sealed():
            raise NotFoundError("there is nothing in the vault yet", "`offlinedl get` brings the first license")
        key = self._key.must()
        secrets = {name: sealed for name, sealed in self._sealed().items() if _opens(name, sealed, key)}
        content = packed.pack(packed.Content(key=key, secrets=secrets), passphrase)
        if not files.new(file, content):
            raise UsageError(f"{file}: there is a file already", "name another one, or delete it")
        return len(secrets)

    def import_from(self, file: Path, passphrase: str, slots: Collection[str] = ()) -> int:
        """Take in what `export_to` wrote: the key, where there is none, and the secrets that are not here or do not
        open; where `slots` are given, of licenses those alone. Returns how many. UsageError where this vault has a key
        of its own: the catalog has columns under it."""
        packet = files.read(file)
        if packet is None:
            raise NotFoundError(f"{file}: no such file", "name what `offlinedl vault export` wrote")
        content = packed.unpack(packet, passphrase)
        own = self._own()
        if own not in {None, content.key}:
            raise UsageError(
                f"{file} is of another vault, and this one has a key of its own",
                f"to give up the licenses that are here, put {self._folder / 'key'} elsewhere and import again",
                code="other-vault",
            )
        if own is None:
            self._key.adopt(content.key)
        here = self._sealed()
        wanted = [n for n in content.secrets if not slots or n in slots or n == _DEVICE]
        fresh = [n for n in wanted if n not in here or not _opens(n, here[n], content.key)]
        for name in fresh:
            files.put(self._path(name), content.secrets[name])
        return len(fresh)

    def _read(self, name: str) -> bytes | None:
        sealed, left = files.read(self._path(name)), files.read(files.part(self._path(name)))
        if sealed is not None:
            return self.open(name, sealed)
        with suppress(DamagedError):  # it is torn
            return None if left is None else self.open(name, left)
        return None

    def _own(self) -> bytes | None:
        """The key, None where it is lost or damaged: there is nothing to be lost with it."""
        try:
            return self._key.get()
        except DamagedError:
            return None

    def _sealed(self) -> dict[str, bytes]:
        """What lies in the folder, by its name."""
        found = {path.stem: files.read(path) for path in self._folder.glob("*.sealed")}
        return {name: sealed for name, sealed in found.items() if sealed is not None}

    def _path(self, name: str) -> Path:
        if not re.fullmatch(r"[a-z0-9-]+", name):
            raise ValueError(f"not a name for a secret: {name}")
        return self._folder / f"{name}.sealed"


def _opened(name: str, sealed: bytes, key: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
    except (InvalidTag, ValueError) as error:
        raise DamagedError(
            "the vault's key is foreign, or what it sealed is damaged",
            "restore the vault's key file, or get the title again: its media are kept",
            code="vault-damaged",
        ) from error


def _opens(name: str, sealed: bytes, key: bytes) -> bool:
    try:
        _opened(name, sealed, key)
    except DamagedError:
        return False
    return True
