"""Where the vault's key is: in its file, or in a keyring. It moves whole, and one that is closed costs nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.core import load_keyring
from keyring.errors import KeyringLocked

from offlinedl.errors import StorageError
from offlinedl.vault import Vault
from tests.conftest import Offlinedl
from tests.origin import Origin

SECRET = b"sixteen bytes !!"


class Chain(KeyringBackend):
    """A keyring of one test."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring says nothing of it
        self.passwords: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """See KeyringBackend."""
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """See KeyringBackend."""
        self.passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """See KeyringBackend."""
        del self.passwords[service, username]


class Locked(Chain):
    """A keyring that nobody unlocks: there is no screen to ask at."""

    def get_password(self, service: str, username: str) -> str | None:
        """See KeyringBackend."""
        raise KeyringLocked("Failed to unlock the collection!")

    def set_password(self, service: str, username: str, password: str) -> None:
        """See KeyringBackend."""
        raise KeyringLocked("Failed to unlock the collection!")


@pytest.fixture
def chain() -> Iterator[Chain]:
    before = keyring.get_keyring()
    own = Chain()
    keyring.set_keyring(own)
    yield own
    keyring.set_keyring(before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "vault"


def in_file(folder: Path) -> Vault:
    return Vault(folder)


def in_keyring(folder: Path) -> Vault:
    return Vault(folder, lambda: True)


def key_of(folder: Path) -> bytes:
    content = (folder / "key").read_bytes()
    name = content.decode(errors="replace").removeprefix("keyring ")
    return content if len(content) == 32 else bytes.fromhex(keyring.get_password("offlinedl", name) or "")


def test_a_key_in_the_keyring_is_in_no_file(folder: Path, chain: Chain) -> None:
    in_keyring(folder).save("a", SECRET)
    assert in_keyring(folder).load("a") == SECRET
    assert len(chain.passwords) == 1
    assert len(key_of(folder)) == 32
    assert not any(key_of(folder) in f.read_bytes() for f in folder.iterdir())
    assert {f.name: f.stat().st_mode & 0o777 for f in folder.iterdir()} == {"key": 0o600, "a.sealed": 0o600}


def test_the_key_moves_when_the_setting_changes(folder: Path, chain: Chain) -> None:
    """And it is the same key: never a second one beside it."""
    in_file(folder).save("a", SECRET)
    key = key_of(folder)
    assert in_keyring(folder).load("a") == SECRET
    assert (len(chain.passwords), key_of(folder), len((folder / "key").read_bytes())) == (1, key, 40)
    assert in_file(folder).load("a") == SECRET
    assert (chain.passwords, (folder / "key").read_bytes()) == ({}, key)
    assert {f.name: f.stat().st_mode & 0o777 for f in folder.iterdir()} == {"key": 0o600, "a.sealed": 0o600}


def test_a_process_of_before_does_not_move_it_back(folder: Path, chain: Chain) -> None:
    before = in_keyring(folder)
    before.save("a", SECRET)
    in_file(folder).settle()
    assert before.load("a") == SECRET
    assert chain.passwords == {}
    assert len((folder / "key").read_bytes()) == 32


def test_a_key_that_moves_while_it_is_looked_for_is_found(folder: Path, chain: Chain) -> None:
    in_keyring(folder).save("a", SECRET)

    class Slow(Chain):
        """Somebody else moves the key before this one answers."""

        def get_password(self, service: str, username: str) -> str | None:
            """See KeyringBackend."""
            keyring.set_keyring(chain)
            in_file(folder).settle()
            return chain.get_password(service, username)

    keyring.set_keyring(Slow())
    assert in_file(folder).load("a") == SECRET
    assert chain.passwords == {}


CLOSED = {
    "locked": Locked(),
    "none at all": load_keyring("keyring.backends.fail.Keyring"),
    "one that keeps nothing": load_keyring("keyring.backends.null.Keyring"),
    "not installed": None,
}


def close(backend: KeyringBackend | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if backend is None:
        monkeypatch.setitem(sys.modules, "keyring", None)
    else:
        keyring.set_keyring(backend)


@pytest.mark.parametrize("made", [in_file, in_keyring], ids=["in a file, to move", "in the keyring"])
@pytest.mark.parametrize("backend", CLOSED.values(), ids=CLOSED)
def test_a_keyring_that_is_closed_is_said_and_costs_nothing(
    backend: KeyringBackend | None, made: type, folder: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(folder).save("a", SECRET)
    before = {f.name: f.read_bytes() for f in folder.iterdir()}
    close(backend, monkeypatch)
    for act in (lambda v: v.load("a"), lambda v: v.save("a", b"another"), Vault.settle, Vault.device_id):
        with pytest.raises(StorageError) as failed:
            act(in_keyring(folder))
        assert (failed.value.code, failed.value.exit_code, bool(failed.value.hint)) == ("keyring", 6, True)
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == before
    monkeypatch.undo()
    keyring.set_keyring(chain)
    assert in_keyring(folder).load("a") == SECRET


@pytest.mark.parametrize("backend", CLOSED.values(), ids=CLOSED)
def test_no_key_is_made_for_a_keyring_that_is_closed(
    backend: KeyringBackend | None, folder: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(backend, monkeypatch)
    with pytest.raises(StorageError):
        in_keyring(folder).save("a", SECRET)
    assert list(folder.iterdir()) == []


def test_another_keyring_is_not_the_one(folder: Path, chain: Chain) -> None:
    """No new key is made: where the right one is open, all is as it was."""
    in_keyring(folder).save("a", SECRET)
    keyring.set_keyring(Chain())
    with pytest.raises(StorageError, match="not in the one that is open here"):
        in_keyring(folder).save("a", b"another")
    keyring.set_keyring(chain)
    assert in_keyring(folder).load("a") == SECRET


def test_a_key_file_that_came_back_too_open_is_closed(folder: Path) -> None:
    in_file(folder).save("a", SECRET)
    (folder / "key").chmod(0o644)
    assert in_file(folder).load("a") == SECRET
    assert (folder / "key").stat().st_mode & 0o777 == 0o600


def test_a_library_with_its_key_in_the_keyring(demo: Offlinedl, origin: Origin, chain: Chain) -> None:
    """What needs no license works while it is locked; for what does, nothing is asked for that could not be kept."""
    with (demo.home / "config.toml").open("a") as settings:
        settings.write('[vault]\nkey = "keyring"\n')
    demo.ok("get", "demo:harbour-1")
    assert len(chain.passwords) == 1
    keyring.set_keyring(Locked())
    origin.forget()
    assert [title["state"] for title in demo.listed()] == ["ready"]
    for verb, title in [("play", "harbour-1"), ("get", "harbour-1"), ("get", "harbour-2"), ("get", "ferry")]:
        result = demo(verb, f"demo:{title}")
        said = result.err.splitlines()[-2].partition("the system's keyring ")[2]
        assert (result.code, said) == (6, "is closed or not there: Failed to unlock the collection!")
    assert not origin.asked("/license")
    assert not origin.asked("/key")
    keyring.set_keyring(chain)
    demo.ok("play", "demo:harbour-1", "--player", "mpv")
    demo.ok("get", "demo:ferry")
