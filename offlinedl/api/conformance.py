"""What every license store has to hold, tried out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from offlinedl.errors import DamagedError
from offlinedl.vault import LicenseStore

_SIZE = 64 * 1024
"""Of a license, in bytes; more than any that is granted for a title whose keys do not rotate."""


def check_license_store(opened: Callable[[], LicenseStore]) -> None:
    """Try what LicenseStore promises. `opened` opens the store anew each time, as a process that was started after the
    last one was killed would: nothing is closed in between. Licenses of other ids are not touched. Meant for the tests
    of an application: DamagedError names the first promise that is not kept."""
    ids = [f"{os.urandom(16).hex()}{end}" for end in ("", "-1")]
    try:
        for promise, is_kept in _tried(opened, *ids):
            if not is_kept:
                raise DamagedError(f"the license store: {promise}", "LicenseStore says what it has to hold")
    finally:
        for license_id in ids:
            opened().remove(license_id)


def _tried(opened: Callable[[], LicenseStore], one: str, other: str) -> Iterator[tuple[str, bool]]:
    """Each promise, and whether it is kept."""
    first, second = os.urandom(_SIZE), bytes(range(256))
    store = opened()
    yield "load of an id that is not there gives None", store.load(one) is None
    store.remove(one)
    store.save(one, first)
    yield "what was saved is there, byte for byte", store.load(one) == first
    yield "it is there for another process as soon as save returns", opened().load(one) == first
    yield "ids are whole words", store.load(other) is None and store.load(one[:-1]) is None
    store.save(other, second)
    yield "two licenses do not mix", (store.load(one), store.load(other)) == (first, second)
    store.save(one, second)
    yield "the last that was saved counts", (store.load(one), opened().load(one)) == (second, second)
    store.remove(one)
    yield "what was removed is gone", store.load(one) is None
    yield "it is gone for another process as soon as remove returns", opened().load(one) is None
    yield "remove takes that one alone", opened().load(other) == second
    store.remove(one)
    opened().save(one, b"")
    yield "a license may be empty, and come again", opened().load(one) == b""
