"""Licenses that an application keeps in a store of its own: its keychain, its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from offlinedl.errors import OfflinedlError, StorageError
from offlinedl.vault import files

MARK = ".elsewhere"


class LicenseStore(Protocol):
    """Where the licenses of a home are. The home's own vault is one; an application may bring another.

    A `license_id` is 1 to 64 lower-case letters, digits and hyphens, new for each license. A `license` is opaque,
    about a kilobyte (where keys rotate 80 bytes more for each), and secret: it holds the keys to the media, and nothing
    else protects it. Show it to nobody, and let no backup or synchronization carry it to another device.

    The methods are no coroutines, and are called in the thread of the event loop, seldom and one at a time: between
    the answer of a license server and its being kept there is no moment at which a task can be cancelled. What only
    an event loop can reach is asked for through a thread of its own (`asyncio.run_coroutine_threadsafe(...).result()`).

    Whatever they raise is told as a StorageError, an OfflinedlError as it is. Raise where you cannot tell, as of a
    keychain that is locked: a license that is not there is asked for anew.
    """

    def save(self, license_id: str, license: bytes) -> None:
        """Keep it, in the place of one of the same id if there is one: all of it or, where this fails or the process
        ends within, what was there before. It is on the disk when this returns, and another process finds it: the
        catalog is about to say that it is there, and its server is not asked a second time."""

    def load(self, license_id: str) -> bytes | None:
        """What was saved last under this id, byte for byte; None where nothing is."""

    def remove(self, license_id: str) -> None:
        """Destroy it, for good, before this returns. One that is not there is no error: whoever was killed before it
        heard of the end does it again."""


class Elsewhere:
    """The licenses in a store of an application's. A keychain does not list what it has: of each license there is a
    mark in `folder`, made before it is saved and deleted after it was removed, so that none is forgotten there."""

    def __init__(self, store: LicenseStore, folder: Path) -> None:
        self._store = store
        self._folder = folder

    def save(self, name: str, secret: bytes) -> None:
        """As LicenseStore has it."""
        if files.read(self._mark(name)) is None:
            files.folder(self._folder)
            files.put(self._mark(name), b"")
        with _translated():
            self._store.save(name, secret)

    def load(self, name: str) -> bytes | None:
        """As LicenseStore has it."""
        with _translated():
            return self._store.load(name)

    def remove(self, name: str) -> None:
        """As LicenseStore has it."""
        with _translated():
            self._store.remove(name)
        with files.translated():
            self._mark(name).unlink(missing_ok=True)

    def _mark(self, name: str) -> Path:
        return self._folder / f"{name}{MARK}"


@contextmanager
def _translated() -> Iterator[None]:
    """What the application raises may have the license in its words: only its kind is told."""
    try:
        yield
    except OfflinedlError:
        raise
    except Exception as error:
        raise StorageError(
            f"the application's license store: {type(error).__name__}", "is it open, and is there space?"
        ) from error
