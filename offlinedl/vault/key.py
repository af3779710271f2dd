"""Where the vault's key is: in a file that only its owner reads, or in the system's keyring.

The file has the key in it, or the name under which the keyring has it. So there is one key, and one word on where it
is, wherever the person wants it to be: it moves when it is used next, and leaves a place only when it is in the other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from offlinedl.errors import DamagedError, StorageError
from offlinedl.vault import files

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

BYTES = 32
_SERVICE = "offlinedl"
_HEX = re.compile(r"[0-9a-f]{64}")
_ELSEWHERE = re.compile(rb"keyring ([0-9a-f]{32})")


class VaultKey:
    """The key of the vault whose file for it is at `path`. `wanted` tells whether it is to be in the keyring."""

    def __init__(self, path: Path, wanted: Callable[[], bool]) -> None:
        self._path = path
        self._wanted = wanted
        self._opened: dict[bytes, bytes] = {}
        self._is_settled = False

    def get(self) -> bytes | None:
        """The key, None where there is none. DamagedError where the file is no key, StorageError where the keyring is
        closed, or is not the one that has it."""
        content = files.read(self._path)
        if content is None:
            return None
        try:
            key = self._found(content)
        except StorageError:
            again = files.read(self._path)
            if again is None or again == content:
                raise
            content, key = again, self._found(again)  # another process moved it meanwhile
        if not self._is_settled:
            self._move(content, key)
        return key

    @property
    def is_elsewhere(self) -> bool:
        """Is it the keyring that has it?"""
        content = files.read(self._path)
        return content is not None and _ELSEWHERE.fullmatch(content) is not None

    def make(self) -> bytes:
        """A new key, where there is none; of two processes that make one, the first wins."""
        files.folder(self._path.parent)
        content = self._kept(os.urandom(BYTES))
        if not files.first(self._path, content):
            self._forget(content)
        return self.must()

    def must(self) -> bytes:
        """The key. DamagedError where there is none."""
        key = self.get()
        if key is None:
            raise self._damaged("lost")
        return key

    def adopt(self, key: bytes) -> None:
        """`key` is the vault's from now on, in the place of one that is lost."""
        files.folder(self._path.parent)
        files.replace(self._path, self._kept(key))

    def _found(self, content: bytes) -> bytes:
        elsewhere = _ELSEWHERE.fullmatch(content)
        if elsewhere is None:
            if len(content) != BYTES:
                raise self._damaged("damaged")
            return content
        if content not in self._opened:
            with _keyring() as keyring:
                said = keyring.get_password(_SERVICE, elsewhere[1].decode())
            if said is None or not _HEX.fullmatch(said):
                raise StorageError(
                    f"the vault's key is in a keyring, and not in the one that is open here ({keyring.name})",
                    "run it where that keyring is, or bring it back: nothing is lost until then. If it is lost for"
                    f" good, delete {self._path} and get the titles again: their media are kept",
                    code="keyring",
                )
            self._opened[content] = bytes.fromhex(said)
        return self._opened[content]

    def _move(self, content: bytes, key: bytes) -> None:
        """Bring the key to where it is wanted, if it is not there."""
        if self._wanted() != (content != key):  # what is no key itself tells of one in the keyring
            files.replace(self._path, self._kept(key))
            self._forget(content)
        elif self._path.stat().st_mode & 0o077:
            self._path.chmod(0o600)  # what came back from a backup is as open as that was
        self._is_settled = True

    def _kept(self, key: bytes) -> bytes:
        """What the file is to hold, once `key` is where it is wanted."""
        if not self._wanted():
            return key
        name = os.urandom(16).hex()
        with _keyring() as keyring:
            keyring.set_password(_SERVICE, name, key.hex())
            said = keyring.get_password(_SERVICE, name)
        if said != key.hex():
            raise StorageError(f"the keyring that is open here ({keyring.name}) keeps nothing", _HINT, code="keyring")
        content = f"keyring {name}".encode()
        self._opened[content] = key
        return content

    def _forget(self, content: bytes) -> None:
        """The keyring need not have any more what the file told of."""
        elsewhere = _ELSEWHERE.fullmatch(content)
        if elsewhere is not None:
            with suppress(StorageError), _keyring() as keyring:
                keyring.delete_password(_SERVICE, elsewhere[1].decode())

    def _damaged(self, how: str) -> DamagedError:
        return DamagedError(
            f"the vault's key file {self._path} is {how}",
            "restore it from a backup, or delete what is left of it and get the titles again: their media are kept",
            code="vault-damaged",
        )


_HINT = (
    'unlock the keyring of this account, or set `key = "file"` under [vault] in config.toml (a key that is in the'
    " keyring moves when that is open); nothing is lost"
)


@contextmanager
def _keyring() -> Iterator[KeyringBackend]:
    """The system's keyring. Its backends are of many makers, and fail with whatever their platforms say."""
    try:
        import keyring
    except ImportError as error:
        raise StorageError(
            "the vault's key is to be in the system's keyring, and Python's keyring is not installed",
            "pip install 'offlinedl[keyring]'",
            code="keyring",
        ) from error
    try:
        yield keyring.get_keyring()
    except Exception as error:
        raise StorageError(f"the system's keyring is closed or not there: {error}", _HINT, code="keyring") from error
