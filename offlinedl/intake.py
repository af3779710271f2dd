"""What arrives in a download, and the order in which that is written down.

journal     a line when a file has its name: what a killed process had is found again, and believed where its checksum
            holds
sync        the data, many files at once, beside the download
catalog     a row each, after the sync: what a row claims survives a power loss
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from functools import partial
from json.encoder import encode_basestring_ascii as _quoted
from types import TracebackType
from typing import Self

from offlinedl.aside import aside
from offlinedl.catalog import Catalog
from offlinedl.errors import PausedError
from offlinedl.model import Entry
from offlinedl.store import Store
from offlinedl.store.writer import Here, Slot
from offlinedl.streams import Arrival, Fetch

Identity = tuple[str, bool, int]
"""See Fetch.identity."""

_SECONDS_BETWEEN_LOOKS, _LOOKS_BETWEEN_SYNCS = 0.2, 5
_LAST_SYNC_SECONDS = 0.5
_AT_ONCE = 64 * 2**20


class Intake:
    """The files of one download. Use it with `async with`: what came has its rows when the block ends. Without a
    catalog the journal is all that is written, for a plan that is not stored yet. `formed` are the files that came with
    the form that they promise (see Arrival)."""

    def __init__(self, catalog: Catalog | None, store: Store, entry: Entry) -> None:
        self._catalog = catalog
        self._store = store
        self._entry = entry
        self._journal = store.journal(entry.folder)
        self._writer = store.writer(entry.folder, self._journal)
        self._pending: list[tuple[Fetch, Arrival]] = []
        self.formed: set[Identity] = set()

    def file(self, fetch: Fetch, size: int | None = None) -> Here | Slot:
        """The file of a fetch, to be written; of `size` bytes, where that is known."""
        return self._writer.file(fetch.path, size, looks=fetch.path.endswith(".ts") and fetch.key is None)

    def keep(self, file: Here | Slot, fetch: Fetch, size: int, validator: str | None) -> None:
        """All `size` bytes of the file of a fetch came. It is done when it has its name and its line."""

        def kept(checksum: bytes, is_formed: bool) -> None:
            self._pending.append((fetch, Arrival(size, checksum, validator, is_formed)))
            if is_formed:
                self.formed.add(fetch.identity)

        file.keep(_line(fetch, size, validator), kept)

    def done(self, fetch: Fetch, arrival: Arrival) -> None:
        """The file of a fetch is complete, and has its name."""
        self._journal.add(arrival.checksum.hex().join(_line(fetch, arrival.size, arrival.validator)))
        self._pending.append((fetch, arrival))

    async def through(self) -> None:
        """Returns when all that was to be kept has its name."""
        await self._writer.through()

    async def settle(self) -> None:
        """Sync what arrived, then write its rows."""
        if self._catalog is None:
            return
        batch, self._pending = self._pending, []
        if not batch:
            return
        try:
            await aside(self._store.sync)
            with self._catalog.transaction():
                self._catalog.done(self._entry.id, batch)
        except BaseException:
            self._pending = batch + self._pending
            raise

    async def settle_now_and_then(self) -> None:
        """Settles once a second, until it is cancelled. Raises PausedError where somebody asked for a pause."""
        while True:
            for _ in range(_LOOKS_BETWEEN_SYNCS):
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
                if self._catalog is not None and self._catalog.marks.pause_asked(self._entry.id):
                    raise PausedError("paused", "`offlinedl resume` goes on from there")
            await self.settle()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        try:
            if kind is None or (isinstance(error, PausedError) and error.code == "waits"):  # who waits is in no haste
                await self.settle()
                if self._catalog is not None:
                    self._journal.clear()
            else:  # the journal has what the catalog has not: it is worth no second error, and no long wait
                last = asyncio.ensure_future(self.settle())
                await asyncio.wait({last}, timeout=_LAST_SYNC_SECONDS)
                if not last.cancel() and not last.cancelled():
                    last.exception()
        finally:
            self._journal.close()


async def held(store: Store, entry: Entry, fetches: Iterable[Fetch]) -> dict[Identity, Arrival]:
    """What is there of `fetches`, by identity: of what their rows and the journal claim, that whose file has the size
    and the checksum claimed."""
    written = dict(filter(None, map(_read, store.journal(entry.folder).lines())))
    claims: list[tuple[Fetch, Arrival]] = []
    for fetch in fetches:
        claim = written.get(fetch.content) if written else None
        if fetch.size is not None and fetch.checksum is not None:
            claim = Arrival(size=fetch.size, checksum=fetch.checksum, validator=fetch.validator)
        if claim is not None and store.size(entry.folder, fetch.path) == claim.size:
            claims.append((fetch, claim))
    sound: dict[Identity, Arrival] = {}
    while claims:
        some, count = [], 0
        while claims and count < _AT_ONCE:
            some.append(claims.pop())
            count += some[-1][1].size
        sound |= await aside(partial(_sound, store, entry, some))
    return sound


def _sound(store: Store, entry: Entry, claims: list[tuple[Fetch, Arrival]]) -> dict[Identity, Arrival]:
    return {f.identity: claim for f, claim in claims if store.checksum(entry.folder, f.path) == claim.checksum}


def _line(fetch: Fetch, size: int, validator: str | None) -> tuple[str, str]:
    """A line of the journal, around the checksum. As JSON, put together here: a list takes json five times as long."""
    quoted = "null" if validator is None else _quoted(validator)
    return f'[{_quoted(fetch.content)}, {size}, "', f'", {quoted}]'


def _read(line: str) -> tuple[str, Arrival] | None:
    """What `_line` wrote; None for anything else."""
    try:
        content, size, checksum, validator = json.loads(line)
        arrival = Arrival(size=int(size), checksum=bytes.fromhex(checksum), validator=validator)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    return (str(content), arrival) if isinstance(validator, str | None) else None
