"""The vault: what is sealed opens only as itself, under its own name, with its own key."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from offlinedl.errors import DamagedError, StorageError
from offlinedl.vault import Vault

SECRET = b"sixteen bytes !!"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "vault"


@pytest.fixture
def vault(folder: Path) -> Vault:
    """A vault in use."""
    vault = Vault(folder)
    vault.seal("first-use", b"")
    return vault


def test_the_first_secret_of_a_home_is_kept(folder: Path) -> None:
    Vault(folder).save("a", SECRET)
    assert Vault(folder).load("a") == SECRET


@pytest.mark.parametrize("secret", [b"", b"\0", SECRET, bytes(10**6)], ids=["empty", "one byte", "a key", "long"])
def test_a_secret_comes_back(secret: bytes, vault: Vault, folder: Path) -> None:
    vault.save("a-name-0", secret)
    assert Vault(folder).load("a-name-0") == secret


def test_a_secret_that_is_not_there_is_none(vault: Vault) -> None:
    assert vault.load("nothing") is None
    vault.remove("nothing")


def test_the_last_secret_of_a_name_counts(vault: Vault, folder: Path) -> None:
    vault.save("a", b"before")
    vault.save("a", b"after")
    assert vault.load("a") == b"after"
    assert {f.name for f in folder.iterdir()} == {"key", "a.sealed"}


def test_a_destroyed_secret_is_gone(vault: Vault, folder: Path) -> None:
    vault.save("a", SECRET)
    vault.remove("a")
    assert vault.load("a") is None
    assert {f.name for f in folder.iterdir()} == {"key"}


def test_everything_is_its_owners_alone(vault: Vault, folder: Path) -> None:
    vault.save("a", SECRET)
    assert {f.name: f.stat().st_mode & 0o777 for f in folder.iterdir()} == {"key": 0o600, "a.sealed": 0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_lies_on_the_disk_says_nothing(vault: Vault, folder: Path) -> None:
    vault.save("a", SECRET)
    first = (folder / "a.sealed").read_bytes()
    vault.save("a", SECRET)
    second = (folder / "a.sealed").read_bytes()
    assert first != second
    assert first[:12] != second[:12]
    assert not any(SECRET in f.read_bytes() for f in folder.iterdir())


def test_a_secret_does_not_open_under_another_name(vault: Vault, folder: Path) -> None:
    vault.save("a", SECRET)
    (folder / "a.sealed").rename(folder / "b.sealed")
    with pytest.raises(DamagedError, match="foreign"):
        vault.load("b")


@pytest.mark.parametrize("place", [0, 11, 12, 20, -16, -1], ids=["nonce", "its end", "text", "more", "tag", "its end"])
@pytest.mark.parametrize("bit", [0, 7])
def test_no_bit_may_change(place: int, bit: int, vault: Vault) -> None:
    sealed = bytearray(vault.seal("a", SECRET))
    sealed[place] ^= 1 << bit
    with pytest.raises(DamagedError):
        vault.open("a", bytes(sealed))


@pytest.mark.parametrize("length", [0, 5, 12, 27, 43])
def test_nothing_may_be_cut_off(length: int, vault: Vault) -> None:
    sealed = vault.seal("a", SECRET)
    assert len(sealed) == 44
    with pytest.raises(DamagedError):
        vault.open("a", sealed[:length])


def lose(key: Path) -> None:
    key.unlink()


def cut(key: Path) -> None:
    key.write_bytes(key.read_bytes()[:31])


def empty(key: Path) -> None:
    key.write_bytes(b"")


def exchange(key: Path) -> None:
    key.write_bytes(bytes(32))


@pytest.mark.parametrize("harm", [lose, cut, empty, exchange])
def test_a_key_file_that_is_not_what_it_was_is_said(harm: Callable[[Path], None], vault: Vault, folder: Path) -> None:
    vault.save("a", SECRET)
    harm(folder / "key")
    with pytest.raises(DamagedError, match="key") as failed:
        vault.load("a")
    assert (failed.value.code, failed.value.exit_code) == ("vault-damaged", 8)
    assert failed.value.hint.startswith("restore ")


def test_a_key_file_that_comes_back_opens_what_it_sealed(vault: Vault, folder: Path) -> None:
    """Nothing that was done without it is in the way of its return."""
    vault.save("a", SECRET)
    key = (folder / "key").read_bytes()
    (folder / "key").unlink()
    with pytest.raises(DamagedError):
        vault.load("a")
    (folder / "key").write_bytes(key)
    assert vault.load("a") == SECRET


ACTS: list[tuple[str, Callable[[Vault], object]]] = [
    ("save", lambda v: v.save("a", SECRET)),
    ("load", lambda v: v.load("a")),
    ("remove", lambda v: v.remove("a")),
    ("seal", lambda v: v.seal("a", SECRET)),
]


@pytest.mark.parametrize("act", [act for _, act in ACTS], ids=[name for name, _ in ACTS])
def test_a_file_in_the_place_of_the_vault_is_said(act: Callable[[Vault], object], folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_bytes(b"in the way")
    with pytest.raises(StorageError):
        act(Vault(folder))


def test_a_write_that_fails_leaves_the_secret_that_was_there(vault: Vault, folder: Path) -> None:
    """/dev/full is the disk that is always full."""
    vault.save("a", SECRET)
    (folder / "a.part").symlink_to("/dev/full")
    with pytest.raises(StorageError):
        vault.save("a", b"another")
    assert vault.load("a") == SECRET
    assert {f.name for f in folder.iterdir()} == {"key", "a.sealed"}


@pytest.mark.parametrize("name", ["", "../key", "a/b", "A", "a.b", "a\n", "\u00e9"])
def test_a_name_is_a_name(name: str, vault: Vault) -> None:
    with pytest.raises(ValueError, match="not a name"):
        vault.save(name, SECRET)


READY = """
import sys
from pathlib import Path
from offlinedl.vault import Vault

vault = Vault(Path(sys.argv[1]))
print("there", flush=True)
sys.stdin.readline()
"""


def at_once(program: str, folder: Path) -> list[bytes]:
    """What eight processes print that do this at the same time, each with a number of its own as its argument."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", READY + program, folder, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for n in range(8)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == b"there\n"
    for process in processes:
        assert process.stdin
        process.stdin.write(b"now\n")
        process.stdin.flush()
    return [process.communicate()[0] for process in processes]


def test_processes_that_make_the_key_at_once_agree_on_one(folder: Path) -> None:
    sealed = at_once("sys.stdout.buffer.write(vault.seal('a', sys.argv[2].encode()))", folder)
    assert [Vault(folder).open("a", text) for text in sealed] == [b"%d" % n for n in range(8)]
    assert {f.name for f in folder.iterdir()} == {"key"}


def test_processes_that_ask_for_the_device_id_at_once_hear_one(folder: Path) -> None:
    assert set(at_once("print(vault.device_id())", folder)) == {f"{Vault(folder).device_id()}\n".encode()}
    assert {f.name: f.stat().st_mode & 0o777 for f in folder.iterdir()} == {"key": 0o600, "device.sealed": 0o600}


def test_the_device_id_is_random_and_stays(folder: Path, tmp_path: Path) -> None:
    first = uuid.UUID(Vault(folder).device_id())
    assert (first.version, str(first)) == (4, Vault(folder).device_id())
    assert str(first).encode() not in (folder / "device.sealed").read_bytes()
    assert Vault(tmp_path / "another").device_id() != str(first)


@pytest.mark.parametrize("harm", [lose, exchange])
def test_the_device_id_is_lost_with_the_key(harm: Callable[[Path], None], folder: Path) -> None:
    first = Vault(folder).device_id()
    harm(folder / "key")
    second = Vault(folder).device_id()
    assert second not in {first, ""}
    assert Vault(folder).device_id() == second


def test_the_device_id_waits_for_a_key_file_that_is_damaged(folder: Path) -> None:
    first, key = Vault(folder).device_id(), (folder / "key").read_bytes()
    cut(folder / "key")
    with pytest.raises(DamagedError):
        Vault(folder).device_id()
    (folder / "key").write_bytes(key)
    assert Vault(folder).device_id() == first
