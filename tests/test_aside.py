"""Work beside the loop: nobody waits for a disk that takes its time, and no wish to stop is lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from offlinedl.aside import alone, aside
from offlinedl.catalog import Catalog
from offlinedl.intake import Intake
from offlinedl.library import Library
from offlinedl.model import MediaSource, Title, Wanted
from offlinedl.store import Store
from offlinedl.streams import Arrival, Fetch, Plan
from offlinedl.vault import Vault

LONG = 20.0
"""Seconds: nothing here waits for them to pass."""


class Slow(Store):
    """On a disk that writes nothing before `go_on` is set."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.go_on = threading.Event()
        self.gave_up = False
        self._asked: list[Callable[[], object]] = []

    async def asked(self) -> None:
        """Wait until it is asked to write."""
        loop, asked = asyncio.get_running_loop(), asyncio.Event()
        self._asked.append(lambda: loop.call_soon_threadsafe(asked.set))
        await asked.wait()

    def sync(self) -> None:
        for tell in self._asked:
            tell()
        self.gave_up = not self.go_on.wait(LONG)


@pytest.fixture
def store(tmp_path: Path) -> Slow:
    return Slow(tmp_path / "titles")


@pytest.fixture
def library(store: Slow, tmp_path: Path) -> Library:
    catalog = Catalog(tmp_path / "catalog.db")
    return Library(catalog, store, Vault(tmp_path / "vault"), lambda: datetime(2026, 11, 1, tzinfo=UTC))


TITLE = Title(id="title", name="Title", sources=(MediaSource(url="http://127.0.0.1/x.mpd"),))
FETCH = Fetch(rendition="v", init=False, number=1, url="http://127.0.0.1/1.m4s", path="v/1.m4s")
PLAN = Plan(manifest_url="", wanted=Wanted(), tracks=(), fetches=(FETCH,))


def came(library: Library) -> Arrival:
    """The file of the fetch is there."""
    part = library.store.part(library.catalog.entries()[0].folder, FETCH.path)
    part.write(b"media")
    return Arrival(size=5, checksum=part.keep())


async def begin_again(library: Library) -> None:
    with library.catalog.transaction():
        library.catalog.done("title", [(FETCH, came(library))])
    await library.begin(TITLE, PLAN)


async def start(library: Library) -> None:
    entry = library.entry("title")
    assert entry is not None
    async with library.intake(entry, planned=False) as intake:
        intake.done(FETCH, came(library))
    plan = await library.start(entry)
    assert plan.fetches[0].size == 5


async def ready(library: Library) -> None:
    entry = library.entry("title")
    assert entry is not None
    await library.start(entry)
    with library.catalog.transaction():
        library.catalog.done("title", [(FETCH, came(library))])
    await library.ready(entry)


async def settle(library: Library) -> None:
    entry = library.entry("title")
    assert entry is not None
    async with Intake(library.catalog, library.store, entry) as intake:
        intake.done(FETCH, came(library))


@pytest.mark.parametrize("work", [begin_again, start, ready, settle])
def test_others_go_on_while_the_disk_writes(
    work: Callable[[Library], Awaitable[None]], library: Library, store: Slow
) -> None:
    """It writes on when the loop says so: who holds the loop up waits for ever."""

    async def main() -> None:
        await library.begin(TITLE, PLAN)
        working = asyncio.ensure_future(work(library))
        await store.asked()
        store.go_on.set()
        await working

    asyncio.run(main())
    assert not store.gave_up


def test_who_wants_to_stop_does_not_wait_for_the_disk(library: Library, store: Slow) -> None:
    """Nor does the loop when it ends."""

    async def main() -> None:
        await library.begin(TITLE, PLAN)
        settling = asyncio.ensure_future(settle(library))
        await store.asked()
        settling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await settling

    asyncio.run(main())
    assert not store.go_on.is_set()
    assert not store.gave_up
    store.go_on.set()


def test_what_fails_aside_fails_here() -> None:
    def work() -> int:
        raise OSError("no such disk")

    with pytest.raises(OSError, match="no such disk"):
        asyncio.run(aside(work))
    assert asyncio.run(aside(lambda: 5)) == 5


async def fails(cancelled: asyncio.Event) -> None:
    """Something that answers a cancellation with an error."""
    try:
        await cancelled.wait()
    finally:
        raise ValueError("it fails")


def test_who_is_cancelled_is_cancelled_whatever_fails_meanwhile() -> None:
    async def main() -> None:
        working = asyncio.ensure_future(alone(fails(asyncio.Event())))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    asyncio.run(main())


def test_what_fails_alone_is_no_cancellation() -> None:
    """Also where a group of tasks failed, and Python 3.11 counts that as one."""

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            came = asyncio.Event()
            came.set()
            tasks.create_task(fails(came))

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(BaseExceptionGroup):
                await alone(group())

    asyncio.run(main())
