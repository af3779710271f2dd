"""Files on the disk: a name is a promise, a lock ends with its process, a removal frees everything."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offlinedl.errors import BusyError, StorageError
from offlinedl.store import Part, Store, folder_name


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "titles")


@contextmanager
def writing(store: Store, title: str, path: str) -> Iterator[Part]:
    """A file that is kept when the block ends well."""
    part = store.part(title, path)
    try:
        yield part
        part.keep()
    except BaseException:
        part.drop()
        raise


def write(store: Store, path: str, content: bytes = b"media") -> None:
    with writing(store, "title", path) as file:
        file.write(content)


def files(store: Store) -> set[str]:
    folder = store.folder("title")
    return {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file() or f.is_symlink()}


# writing


def test_a_file_has_its_name_only_when_it_is_complete(store: Store) -> None:
    with writing(store, "title", "v/1.m4s") as file:
        file.write(b"media")
        assert files(store) == {"v/1.m4s.part"}
        assert store.size("title", "v/1.m4s") is None
    assert files(store) == {"v/1.m4s"}
    assert (store.size("title", "v/1.m4s"), bytes(store.read("title", "v/1.m4s"))) == (5, b"media")


def fail_in_the_middle(store: Store, failure: type[BaseException]) -> None:
    with writing(store, "title", "v/1.m4s") as file:
        file.write(b"half")
        raise failure


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_writer_that_fails_leaves_nothing(failure: type[BaseException], store: Store) -> None:
    with pytest.raises(failure):
        fail_in_the_middle(store, failure)
    assert files(store) == set()


def test_a_writer_that_fails_leaves_the_file_that_was_there(store: Store) -> None:
    write(store, "v/1.m4s", b"before")
    with pytest.raises(KeyboardInterrupt):
        fail_in_the_middle(store, KeyboardInterrupt)
    assert (files(store), bytes(store.read("title", "v/1.m4s"))) == ({"v/1.m4s"}, b"before")


def test_a_part_of_a_killed_writer_is_overwritten(store: Store) -> None:
    (store.folder("title") / "v").mkdir(parents=True)
    (store.folder("title") / "v/1.m4s.part").write_bytes(b"longer than what comes now")
    write(store, "v/1.m4s")
    assert (files(store), bytes(store.read("title", "v/1.m4s"))) == ({"v/1.m4s"}, b"media")


def test_folders_and_files_are_their_owners(store: Store) -> None:
    with store.lock("title"):
        write(store, "v/1.m4s")
    assert store.folder("title").stat().st_mode & 0o777 == 0o700
    assert (store.folder("title") / ".lock").stat().st_mode & 0o777 == 0o600


# errors of the disk


def test_a_full_disk_is_said_and_nothing_torn_stays(store: Store) -> None:
    """B15: /dev/full is the disk that is always full."""
    (store.folder("title") / "v").mkdir(parents=True)
    (store.folder("title") / "v/1.m4s.part").symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"cannot write v/1\.m4s: No space left") as failed:
        write(store, "v/1.m4s")
    assert (failed.value.code, failed.value.exit_code) == ("no-space", 6)
    assert files(store) == set()


def test_a_write_that_fails_in_the_middle_leaves_nothing_torn(store: Store) -> None:
    """A41: the limit on the size of a file stands for a disk that ends there."""
    limited = """
import resource, sys
from pathlib import Path
from offlinedl.errors import StorageError
from offlinedl.store import Store

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    part = Store(Path(sys.argv[1])).part("title", "v/1.m4s")
    for _ in range(20):
        part.write(bytes(10_000))
except StorageError as error:
    part.drop()
    print(error.code, error.message)
"""
    done = subprocess.run([sys.executable, "-c", limited, store.folder("")], capture_output=True, text=True, check=True)
    assert done.stdout == "storage cannot write v/1.m4s: File too large\n"
    assert files(store) == set()


class Failing:
    """What a disk does that turned read-only."""

    def __call__(self, *arguments: object, **more: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")


def test_what_cannot_be_deleted_hides_no_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "unlink", Failing())
    with pytest.raises(KeyboardInterrupt):
        fail_in_the_middle(store, KeyboardInterrupt)


def locked(store: Store) -> None:
    with store.lock("title"):
        pass


LOST: list[tuple[object, str, Callable[[Store], object]]] = [
    (Path, "unlink", lambda s: s.journal("title").clear()),
    (fcntl, "flock", lambda s: s.is_locked("title")),
    (fcntl, "flock", locked),
    (Path, "stat", locked),
]


@pytest.mark.parametrize(("place", "name", "act"), LOST, ids=["journal", "is locked", "lock", "look at the lock"])
def test_a_disk_that_fails_is_said(
    place: object, name: str, act: Callable[[Store], object], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked(store)
    monkeypatch.setattr(place, name, Failing())
    with pytest.raises(StorageError, match="Read-only"):
        act(store)


def test_the_disk_stays_open_from_before_the_first_byte(store: Store) -> None:
    """syncfs(2): write errors are told of to those who had it open."""
    store.make("title")
    before = store._disk
    write(store, "v/1.m4s")
    store.sync()
    assert before is not None
    assert store._disk == before
    store.close()
    assert store._disk is None


IN_THE_WAY: list[tuple[str, str, Callable[[Store], object]]] = [
    ("title", "make", lambda s: s.make("title")),
    ("title", "lock", locked),
    ("title", "write", lambda s: write(s, "v/1.m4s")),
    ("title", "read", lambda s: s.read("title", "v/1.m4s")),
    ("title/v", "write below", lambda s: write(s, "v/1.m4s")),
    ("title/v", "read below", lambda s: s.read("title", "v/1.m4s")),
    ("title/elsewhere", "read what is not there", lambda s: s.read("title", "v/1.m4s")),
]


@pytest.mark.parametrize(
    ("place", "act"), [row[::2] for row in IN_THE_WAY], ids=[f"{p}, {i}" for p, i, _ in IN_THE_WAY]
)
def test_a_file_in_the_place_of_a_folder_is_said(place: str, act: Callable[[Store], object], store: Store) -> None:
    """A64."""
    in_the_way(store, place)
    with pytest.raises(StorageError) as failed:
        act(store)
    assert failed.value.message.startswith("cannot ")


def in_the_way(store: Store, place: str) -> None:
    path = store.folder(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"in the way")


@pytest.mark.parametrize("place", ["title", "title/v", "title/elsewhere"])
def test_what_cannot_be_there_is_not_there(place: str, store: Store) -> None:
    """Also where a file stands in the place of a folder."""
    in_the_way(store, place)
    assert store.size("title", "v/1.m4s") is None
    assert not store.is_locked("title")


def test_what_cannot_be_looked_at_is_not_there(store: Store) -> None:
    """Links in a circle stand for folders of others and for disks that fail."""
    store.make("title")
    for name in ("v", ".lock"):
        (store.folder("title") / name).symlink_to(name)
    assert store.size("title", "v/1.m4s") is None
    assert not store.is_locked("title")


def test_a_part_that_cannot_be_deleted_hides_no_error(store: Store) -> None:
    path = store.folder("title") / "v/1.m4s.part"
    part = store.part("title", "v/1.m4s")
    path.unlink()
    path.mkdir()
    part.drop()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(part._file)


def test_a_folder_in_the_place_of_the_lock_is_said(store: Store) -> None:
    (store.folder("title") / ".lock").mkdir(parents=True)
    with pytest.raises(StorageError), store.lock("title"):
        pass


# the lock

HOLD = """
import sys
from pathlib import Path
from offlinedl.store import Store

with Store(Path(sys.argv[1])).lock("title"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(store: Store) -> subprocess.Popen[bytes]:
    """A process that holds the title until it is killed or its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, store.folder("")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_lock_keeps_other_processes_out_and_heals_after_kill_9(store: Store) -> None:
    """C57."""
    with holder(store) as process:
        assert store.is_locked("title")
        with pytest.raises(BusyError) as busy, store.lock("title"):
            pass
        assert busy.value.exit_code == 7
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert not store.is_locked("title")
        with store.lock("title"):
            assert store.is_locked("title")


def test_a_lock_of_one_title_holds_no_other(store: Store) -> None:
    with holder(store) as process:
        with store.lock("another"):
            assert store.is_locked("title")
        process.kill()


LOOK = """
import sys
from pathlib import Path
from offlinedl.store import Store

store = Store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
seen = [(store.is_played("title"), store.is_locked("title")) for _ in range(5000)]
print(sum(played for played, _ in seen), sum(locked for _, locked in seen))
"""


def looks(store: Store) -> list[str]:
    """How often each of some processes that look at once saw that the title is played, and that it is held."""
    command = [sys.executable, "-c", LOOK, str(store.folder(""))]
    pipe = subprocess.PIPE
    lookers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    for looker in lookers:
        assert looker.stdout is not None
        assert looker.stdout.readline() == "ready\n"
    for looker in lookers:
        assert looker.stdin is not None
        looker.stdin.write("go\n")
        looker.stdin.flush()
    return [looker.communicate()[0].strip() for looker in lookers]


def test_who_looks_sees_no_other_who_looks(store: Store) -> None:
    with store.lock("title"):
        pass
    assert looks(store) == ["0 0"] * 3
    with store.played("title"), store.lock("title"):
        assert looks(store) == ["5000 5000"] * 3


def test_a_lock_ends_with_its_block_however_that_ends(store: Store) -> None:
    with pytest.raises(ValueError, match="cut"), store.lock("title"):
        raise ValueError("cut")
    assert not store.is_locked("title")


def test_asking_for_a_lock_makes_nothing(store: Store) -> None:
    assert not store.is_locked("title")
    assert not store.folder("").exists()


def test_a_title_can_be_removed_by_whoever_holds_it(store: Store) -> None:
    with store.lock("title"):
        write(store, "v/1.m4s")
        store.remove("title")
    assert list(store.folder("").iterdir()) == []


# tidying and removing


def test_only_what_is_wanted_is_kept(store: Store) -> None:
    for path in ("v/1.m4s", "v/2.m4s", "a/old/1.m4s", "stray"):
        write(store, path)
    (store.folder("title") / "v/3.m4s.part").write_bytes(b"torn")
    (store.folder("title") / "empty/below").mkdir(parents=True)
    with store.lock("title"):
        store.keep_only("title", {"v/1.m4s", "v/9.m4s"})
        assert store.is_locked("title")
    assert files(store) == {"v/1.m4s", ".lock"}
    assert {f.name for f in store.folder("title").iterdir() if f.is_dir()} == {"v"}


def test_tidying_never_leaves_the_folder(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_bytes(b"mine")
    store.make("title")
    (store.folder("title") / "link").symlink_to(outside)
    (store.folder("title") / "link-to-file").symlink_to(outside / "mine")
    store.keep_only("title", set())
    store.remove("title")
    assert (outside / "mine").read_bytes() == b"mine"


def test_a_removal_frees_everything(store: Store) -> None:
    write(store, "v/1.m4s")
    write(store, "a/1.m4s")
    store.make("another")
    store.remove("title")
    assert [f.name for f in store.folder("").iterdir()] == ["another"]


def test_a_removal_frees_what_a_killed_one_left(store: Store) -> None:
    write(store, "v/1.m4s")
    store.folder("title").rename(store.folder(".removed-0123456789abcdef"))
    write(store, "v/1.m4s")
    store.remove("title")
    assert list(store.folder("").iterdir()) == []


@pytest.mark.parametrize("before", [[], ["another"]], ids=["no folder at all", "no folder of it"])
def test_removing_what_is_not_there_is_no_error(before: list[str], store: Store) -> None:
    """A8, A53."""
    for name in before:
        store.make(name)
    store.remove("title")


def test_free_space_is_told_before_there_is_a_folder(store: Store) -> None:
    assert store.free_bytes() > 0
    assert not store.folder("").exists()


# folders for titles with any name

HOSTILE = [
    pytest.param("../../etc/passwd", id="path traversal"),
    pytest.param("/absolute", id="absolute"),
    pytest.param("..", id="dots"),
    pytest.param("", id="nothing"),
    pytest.param("a\0b\n\x1b[2J", id="control codes"),
    pytest.param("CON", id="a device elsewhere"),
    pytest.param("-rf", id="an option"),
    pytest.param(".hidden", id="hidden"),
    pytest.param("潮" * 100, id="300 bytes in 100 letters"),
    pytest.param("x" * 5000, id="long"),
    pytest.param("a:b\\c*d?e", id="not allowed elsewhere"),
]


def assert_safe(name: str) -> None:
    """One step of a path on any file system, and nothing that a command takes for something else."""
    assert name == name.lower()
    assert name.isascii()
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(name) <= 100
    assert len(name.rpartition("-")[2]) == 10
    assert name.startswith("demo-")


@pytest.mark.parametrize("title_id", HOSTILE)
def test_any_title_has_a_safe_folder(title_id: str, store: Store) -> None:
    """C59."""
    name = folder_name(f"demo:{title_id}")
    assert_safe(name)
    with writing(store, name, "v/1.m4s") as file:
        file.write(b"media")
    assert store.folder(name).parent == store.folder("")


@given(st.text())
def test_any_text_at_all_has_a_safe_folder(title_id: str) -> None:
    assert_safe(folder_name(f"demo:{title_id}"))


@pytest.mark.parametrize(
    ("one", "other"),
    [("demo:a", "demo:A"), ("a/b", "a-b"), ("caf\u00e9", "cafe\u0301"), ("x" * 100, "x" * 101), ("潮", "波")],
    ids=["case", "signs", "the same letter in two ways", "long ones", "other scripts"],
)
def test_titles_that_look_alike_have_their_own_folders(one: str, other: str) -> None:
    """C59."""
    assert folder_name(one).lower() != folder_name(other).lower()
