"""Small files that come fast are written by a process beside: as they would be here, whatever happens to it."""

from __future__ import annotations

import asyncio
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from offlinedl.errors import StorageError
from offlinedl.store import Store, checksum, writer
from offlinedl.store.writer import Here, Slot, Writer
from tests.conftest import Offlinedl
from tests.origin import Asked, Origin
from tests.sabotage import begun
from tests.test_disk import assert_goes_on, change, disk, settings, states
from tests.test_get import assert_origins_bytes
from tests.test_kill import asked_for, kill_at, serve
from tests.titles import KINDS, TRACK, fmp4

PACKETS = b"".join(b"G" + bytes((0x40, n, 0x10)) + b"\0\0\1" + bytes(181) for n in range(9))
"""Of MPEG-TS; each begins something."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "titles")


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first small file is as good as many that come fast, and the process has begun."""
    monkeypatch.setattr(writer, "_MANY", 1)
    monkeypatch.setattr(writer, "_SECONDS", float("inf"))
    monkeypatch.setattr(Writer, "_begin", begun)


def writing(store: Store, work: Callable[[Writer], Awaitable[None]]) -> None:
    """Do that with a writer of a title that is locked."""

    async def main() -> None:
        with store.lock("title"):
            journal = store.journal("title")
            writer = store.writer("title", journal)
            try:
                await work(writer)
            finally:
                writer.close()
                journal.close()

    asyncio.run(main())


Kept = dict[str, tuple[bytes, bool]]
"""Checksum and form of each file that has its name."""


def give(writer: Writer, files: dict[str, bytes], kept: Kept, *, looks: bool = False) -> list[bool]:
    """All of them at once, in two pieces each. Which were handed over."""
    beside = []
    for name, content in files.items():
        file = writer.file(name, len(content), looks=looks)
        beside.append(isinstance(file, Slot))
        for piece in (content[:100], content[100:]):
            file.write(memoryview(piece))
        keep(file, name, kept)
    return beside


def keep(file: Here | Slot, name: str, kept: Kept) -> None:
    def said(checksum: bytes, is_formed: bool) -> None:
        assert name not in kept
        kept[name] = (checksum, is_formed)

    file.keep((f"{name} ", "."), said)


def process(writer: Writer) -> int | None:
    """The process beside this one, where there is one."""
    return writer._process.pid if writer._process else None


async def ready(writer: Writer) -> None:
    """The process writes, or is gone."""
    while process(writer) is not None and not writer.free:  # noqa: ASYNC110 - nobody else needs an event for it
        await asyncio.sleep(0)


def named(count: int, size: int = 1000, first: int = 0) -> dict[str, bytes]:
    return {f"v/{number}.m4s": random.Random(number).randbytes(size) for number in range(first, first + count)}


def assert_there(store: Store, files: dict[str, bytes], kept: Kept) -> None:
    """They have their names and lines, and what was said of them is so. Nothing else is there."""
    folder = store.folder("title")
    left = {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}
    assert left - {".lock", ".journal"} == set(files)
    assert {name: bytes(store.read("title", name)) for name in files} == files
    sums = {name: checksum(data) for name, data in files.items()}
    assert {name: said[0] for name, said in kept.items()} == sums
    assert {*store.journal("title").lines()} - {""} == {f"{name} {sums[name].hex()}." for name in files}


# which


@pytest.mark.parametrize(("count", "seconds"), [(199, float("inf")), (400, 0.0)], ids=["few", "slow"])
def test_what_would_not_pay_begins_no_process(
    count: int, seconds: float, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_SECONDS", seconds)
    kept: Kept = {}

    async def work(writer: Writer) -> None:
        assert not any(give(writer, named(count), kept))
        assert process(writer) is None
        assert len(kept) == count

    writing(store, work)
    assert_there(store, named(count), kept)


def test_many_that_come_fast_are_written_beside(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins with the 200th, and writes when it has begun."""
    monkeypatch.setattr(writer, "_SECONDS", float("inf"))
    kept: Kept = {}

    async def work(writer: Writer) -> None:
        assert not any(give(writer, named(199), kept))
        assert process(writer) is None
        assert not any(give(writer, named(2, first=199), kept))
        assert process(writer) is not None
        await ready(writer)
        assert all(give(writer, named(20, first=201), kept))
        assert len(kept) == 201
        await writer.through()
        assert process(writer) is not None

    writing(store, work)
    assert_there(store, named(221), kept)


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize(
    ("size", "stated", "is_beside"),
    [(0, True, True), (1, True, True), (128 * 1024, True, True), (128 * 1024 + 1, True, False), (1000, False, False)],
)
def test_what_is_large_or_of_unknown_size_is_written_here(
    size: int, stated: bool, is_beside: bool, store: Store
) -> None:
    kept: Kept = {}
    [(name, content)] = named(1, size).items()

    async def work(writer: Writer) -> None:
        file = writer.file(name, size if stated else None, looks=False)
        assert isinstance(file, Slot) is is_beside
        file.write(memoryview(content))
        keep(file, name, kept)
        await writer.through()

    writing(store, work)
    assert_there(store, {name: content}, kept)


@pytest.mark.usefixtures("near")
def test_when_the_process_has_its_hands_full_this_one_writes(store: Store) -> None:
    """Each slot is used again when its file has its name."""
    kept: Kept = {}

    async def work(writer: Writer) -> None:
        assert give(writer, named(70), kept) == 64 * [True] + 6 * [False]
        await writer.through()
        assert all(give(writer, named(64, first=70), kept))
        await writer.through()

    writing(store, work)
    assert_there(store, named(134), kept)


@pytest.mark.usefixtures("near")
def test_what_is_dropped_leaves_nothing(store: Store) -> None:
    async def work(writer: Writer) -> None:
        for _ in range(100):
            file = writer.file("v/1.m4s", 1000, looks=False)
            file.write(memoryview(bytes(500)))
            file.drop()
        await writer.through()

    writing(store, work)
    assert_there(store, {}, {})


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize(
    ("content", "is_formed"),
    [(PACKETS, True), (PACKETS[:-1], False), (b"x" + PACKETS[1:], False), (b"", False)],
    ids=["whole packets", "cut off", "no packet", "nothing"],
)
def test_the_form_is_seen_where_one_looks(content: bytes, is_formed: bool, looks: bool, store: Store) -> None:
    """Beside as here."""
    beside: Kept = {}
    here: Kept = {}

    async def work(writer: Writer) -> None:
        assert give(writer, {"beside.ts": content}, beside, looks=looks) == [True]
        file = writer.file("here.ts", None, looks=looks)
        file.write(memoryview(content))
        keep(file, "here.ts", here)
        await writer.through()

    writing(store, work)
    assert [*beside.values()] == [*here.values()] == [(checksum(content), is_formed and looks)]


# a process that ends, or cannot begin


def stopped(writer: Writer) -> int:
    """The process is there, and does nothing more."""
    beside = process(writer)
    assert beside is not None
    os.kill(beside, signal.SIGSTOP)
    return beside


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize("is_asked", [True, False], ids=["asked", "not asked yet"])
def test_what_a_killed_process_was_to_write_is_written_here(is_asked: bool, store: Store) -> None:
    """And no other one begins."""
    kept: Kept = {}

    async def work(writer: Writer) -> None:
        late = writer.file("v/late.m4s", 4, looks=False)
        beside = stopped(writer)
        assert all(give(writer, named(20), kept))
        if is_asked:
            await asyncio.sleep(0)
        os.kill(beside, signal.SIGKILL)
        await writer.through()
        assert process(writer) is None
        late.write(memoryview(b"late"))
        keep(late, "v/late.m4s", kept)
        assert not any(give(writer, named(300, first=20), kept))
        await writer.through()

    writing(store, work)
    assert_there(store, named(320) | {"v/late.m4s": b"late"}, kept)


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize("is_asked", [True, False], ids=["asked", "not asked yet"])
def test_closed_in_the_middle_it_is_written_here(is_asked: bool, store: Store) -> None:
    """Nobody waits for a process that takes its time; who waited for it is told."""
    kept: Kept = {}

    async def work(writer: Writer) -> None:
        give(writer, named(1), kept)
        stopped(writer)
        give(writer, named(20, first=1), kept)
        waiting = asyncio.ensure_future(writer.through())
        if is_asked:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        writer.close()
        await waiting
        assert process(writer) is None

    writing(store, work)
    assert_there(store, named(21), kept)


@pytest.mark.parametrize("executable", ["/bin/false", "/nowhere", "/", "", None, sys.executable])
def test_nothing_of_it_is_left_open(executable: str | None, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it begins, ends at once, or cannot begin: the files are there. Somebody may still know of the writer."""
    monkeypatch.setattr(writer, "_MANY", 1)
    monkeypatch.setattr(sys, "executable", executable)
    kept: Kept = {}

    async def work(writer: Writer) -> None:
        give(writer, named(20), kept)
        await ready(writer)
        give(writer, named(20, first=20), kept)
        await writer.through()
        closed.append(writer)

    closed: list[Writer] = []
    store.make("title")
    open_files = len([*Path("/proc/self/fd").iterdir()])
    writing(store, work)
    assert len([*Path("/proc/self/fd").iterdir()]) == open_files
    assert_there(store, named(40), kept)


KILLED = """
import asyncio, os, select, signal, sys
from contextlib import suppress
from pathlib import Path
from offlinedl.errors import BusyError
from offlinedl.store import Store
from tests.sabotage import writes_beside
from tests.test_writer import give, named, process

async def main():
    store = Store(Path(sys.argv[1]))
    with store.lock("title"):
        with suppress(BusyError), store.lock("title"):
            pass  # whoever asks in vain takes nothing from who has it
        writer = store.writer("title", store.journal("title"))
        give(writer, named(10), {})
        writer._ask()
        select.select([writer._socket], [], [])  # an answer that nobody reads any more
        print(process(writer), flush=True)
        os.kill(process(writer), signal.SIGSTOP)
        for first in range(10, 60, 10):
            give(writer, named(10, first=first), {})
            writer._ask()
        os.kill(os.getpid(), signal.SIGKILL)

writes_beside()
asyncio.run(main())
"""


def test_a_process_whose_download_is_killed_comes_to_its_end_under_the_lock(store: Store) -> None:
    """kill -9: what it was asked for is there, and nobody begins before it is."""
    done = subprocess.run([sys.executable, "-c", KILLED, store.folder("")], capture_output=True, text=True, check=False)
    beside = int(done.stdout)
    watched = os.pidfd_open(beside)
    try:
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert store.is_locked("title")
    finally:
        os.kill(beside, signal.SIGCONT)
    select.select([watched], [], [])
    os.close(watched)
    assert not store.is_locked("title")
    sums = {name: (checksum(content), False) for name, content in named(60).items()}
    assert_there(store, named(60), sums)


# disks that fail


async def another(writer: Writer) -> None:
    writer.file("v/11.m4s", 1000, looks=False)


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize("next_", [another, Writer.through])
def test_what_can_be_written_by_neither_is_said(next_: Callable[[Writer], Awaitable[None]], store: Store) -> None:
    """With what comes next."""
    kept: Kept = {}
    in_the_way = store.folder("title") / "v/5.m4s"
    in_the_way.mkdir(parents=True)

    async def work(writer: Writer) -> None:
        give(writer, named(10), kept)
        with suppress(StorageError):
            await writer.through()
        with pytest.raises(StorageError, match=r"cannot write v/5\.m4s: Is a directory"):
            await next_(writer)

    writing(store, work)
    in_the_way.rmdir()
    in_the_way.with_suffix(".m4s.part").unlink()
    assert_there(store, {name: data for name, data in named(10).items() if name != "v/5.m4s"}, kept)


@pytest.mark.usefixtures("near")
def test_what_fails_beside_may_succeed_here(store: Store) -> None:
    """B15: /dev/full is a disk that is full, until its name is gone with what was torn."""
    kept: Kept = {}
    (store.folder("title") / "v").mkdir(parents=True)
    (store.folder("title") / "v/5.m4s.part").symlink_to("/dev/full")

    async def work(writer: Writer) -> None:
        give(writer, named(10), kept)
        await writer.through()

    writing(store, work)
    assert_there(store, named(10), kept)


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize("error", [StorageError("full", ""), RuntimeError("a defect")], ids=["storage", "defect"])
def test_who_cannot_take_note_of_a_file_says_so(error: Exception, store: Store) -> None:
    """And the others are kept."""
    kept: Kept = {}

    def failing(*_: object) -> None:
        raise error

    async def work(writer: Writer) -> None:
        writer.file("v/x.m4s", 0, looks=False).keep(("v/x.m4s ", "."), failing)
        give(writer, named(20), kept)
        with pytest.raises(type(error)):
            await writer.through()

    writing(store, work)
    assert kept.keys() == named(20).keys()


@pytest.mark.usefixtures("near")
def test_a_journal_that_cannot_be_written_is_said(store: Store) -> None:
    async def work(writer: Writer) -> None:
        (store.folder("title") / ".journal").mkdir()
        give(writer, named(1), {})
        with pytest.raises(StorageError, match="cannot write the journal"):
            await writer.through()

    writing(store, work)


def test_a_disk_of_all_that_ends_in_the_middle(offlinedl: Offlinedl, origin: Origin) -> None:
    """C55, B15, B35: as test_disk.py has it."""
    title = fmp4(count=200, size=30_000)
    url = serve(origin, title)
    with disk(offlinedl.home, "3m"):
        settings(offlinedl)
        process = offlinedl.start("get", url, before="writes_beside()")
        assert process.wait() == 6
        change(offlinedl.home, "size=32m")
        assert states(offlinedl) == ["paused"]
        assert not list(offlinedl.home.rglob("*.part"))
        assert_goes_on(offlinedl, origin, url, title)


def test_the_last_file_is_as_important_as_the_others(offlinedl: Offlinedl, origin: Origin) -> None:
    """It cannot be written, and is said to be that, not to be gone."""
    title = fmp4(count=40)
    url = serve(origin, title)

    def watch(asked: Asked) -> None:
        if asked.path.endswith("/39.m4s"):
            [folder] = offlinedl.home.glob(f"titles/*/{TRACK}")
            (folder / "000039.m4s").mkdir()

    origin.watchers.append(watch)
    process = offlinedl.start("get", url, "-N", "1", before="writes_beside()", err=subprocess.PIPE)
    assert b"cannot write" in process.communicate()[1]
    assert process.returncode == 6


# stops


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_a_random_moment(kind: str, seed: int, offlinedl: Offlinedl, origin: Origin) -> None:
    """C1, B14: 0 wrong bytes, 0 claims of absent bytes; fetched twice is at most what was in flight: the process beside
    comes to the end of what it was asked for."""
    title = KINDS[kind]()
    url = serve(origin, title)
    chance = random.Random(f"beside {kind} {seed}")
    process = offlinedl.start("get", url, "-N", "16", before="begins_with(16); settles(0.01); writes_beside()")
    kill_at(origin, process, requests=chance.randint(1, title.fetches))
    killed, origin.log = origin.log, []
    [got] = offlinedl.ok("get", url, "--json").json
    assert got["state"] == "ready"
    assert_origins_bytes(got, origin.files)
    assert offlinedl.files() == {file["path"] for track in got["tracks"] for file in track["files"]}
    assert len(asked_for(got, origin, killed) & asked_for(got, origin, origin.log)) <= 16


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_all_that_came_is_kept(
    number: signal.Signals, offlinedl: Offlinedl, origin: Origin
) -> None:
    """C1: what was handed over has its name and its line when the process ends."""
    title = fmp4(count=200)
    url = serve(origin, title)
    process = offlinedl.start("get", url, "-N", "1", before="writes_beside()")
    origin.watchers.append(lambda _: process.send_signal(number) if len(origin.log) == 100 else None)
    assert process.wait() == 128 + number
    origin.watchers.clear()
    killed, origin.log = origin.log, []
    [got] = offlinedl.ok("get", url, "--json").json
    assert_origins_bytes(got, origin.files)
    assert len(asked_for(got, origin, killed) & asked_for(got, origin, origin.log)) <= 1
