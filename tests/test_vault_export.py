"""`vault export` and `vault import`: the vault elsewhere, in one file that a passphrase opens and nothing else."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from offlinedl.vault import Vault
from offlinedl.vault.files import new
from tests import origin as o
from tests.conftest import Offlinedl, Result
from tests.origin import Origin

WORDS = "correct horse battery staple"


@pytest.fixture
def words(tmp_path: Path) -> tuple[str, str]:
    """The option that names a file with the passphrase."""
    (tmp_path / "words").write_text(f"{WORDS}\n")
    return "--passphrase-file", str(tmp_path / "words")


@pytest.fixture
def held(demo: Offlinedl, origin: Origin) -> Offlinedl:
    """Titles of both kinds of licenses, and a device id."""
    demo.ok("get", "demo:harbour-1", "demo:ferry")
    Vault(demo.home / "vault").device_id()
    origin.forget()
    return demo


def files(folder: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in folder.iterdir()}


def assert_said(result: Result, code: int, what: str) -> None:
    assert (result.code, result.out) == (code, ""), result
    error, hint = result.err.splitlines()
    assert what in error
    assert hint.startswith("hint: ")


def test_a_home_goes_to_another_machine(
    held: Offlinedl, origin: Origin, words: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is copied without the vault, which comes in a file of its own; nothing is asked for."""
    export = tmp_path / "vault.export"
    assert held.ok("vault", "export", str(export), *words).out == f"{export}: 3 secrets\n"
    assert export.stat().st_mode & 0o777 == 0o600
    assert {f.name for f in tmp_path.iterdir()} == {"home", "words", "vault.export"}
    device = Vault(held.home / "vault").device_id()
    before = files(held.home / "vault")

    shutil.copytree(held.home, tmp_path / "other", ignore=shutil.ignore_patterns("vault"))
    monkeypatch.setenv("OFFLINEDL_HOME", str(tmp_path / "other"))
    origin.fault("", o.dropped())
    assert held("play", "demo:harbour-1").code == 8
    assert held.ok("vault", "import", str(export), *words).out == f"{export}: 3 secrets taken in\n"
    vault = tmp_path / "other" / "vault"
    assert files(vault) == before
    assert {f.stat().st_mode & 0o777 for f in vault.iterdir()} == {0o600}
    assert vault.stat().st_mode & 0o777 == 0o700
    assert Vault(vault).device_id() == device
    for title in ("demo:harbour-1", "demo:ferry"):
        held.play(title)
        assert "already there" in held.ok("get", title).err


def test_what_is_absent_comes_and_what_is_there_stays(held: Offlinedl, words: tuple[str, str], tmp_path: Path) -> None:
    export, vault = str(tmp_path / "e"), held.home / "vault"
    held.ok("vault", "export", export, *words)
    before = files(vault)
    assert held.ok("vault", "import", export, *words).out.endswith(": 0 secrets taken in\n")
    absent, harmed, _ = sorted(vault.glob("*.sealed"))
    absent.unlink()
    harmed.write_bytes(b"not any more")
    Vault(vault).save("new", b"since then")
    assert held.ok("vault", "import", export, *words).out.endswith(": 2 secrets taken in\n")
    assert files(vault) == {**before, "new.sealed": files(vault)["new.sealed"]}


def test_what_was_destroyed_does_not_come_back(held: Offlinedl, words: tuple[str, str], tmp_path: Path) -> None:
    """The key of a title that was removed, and of one whose license another took the place of."""
    export, vault = str(tmp_path / "e"), held.home / "vault"
    held.ok("get", "demo:harbour-2")
    held.ok("vault", "export", export, *words)
    held.ok("rm", "demo:harbour-1")
    held.ok("renew", "demo:harbour-2")
    before = files(vault)
    assert held.ok("vault", "import", export, *words).out.endswith(": 0 secrets taken in\n")
    assert files(vault) == before


def test_of_several_exports_to_one_file_one_is_there(tmp_path: Path) -> None:
    """And it is whole; the others are told."""
    contents = [bytes([number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda content: new(tmp_path / "e", content), contents))
    assert done.count(True) == 1
    assert files(tmp_path) == {"e": contents[done.index(True)]}


@pytest.mark.parametrize("left", [None, b"", b"half"], ids=["lost", "empty", "cut"])
def test_it_brings_back_a_lost_key(left: bytes | None, held: Offlinedl, words: tuple[str, str], tmp_path: Path) -> None:
    held.ok("vault", "export", str(tmp_path / "e"), *words)
    (held.home / "vault/key").unlink()
    if left is not None:
        (held.home / "vault/key").write_bytes(left)
    held.ok("vault", "import", str(tmp_path / "e"), *words)
    held.play("demo:harbour-1")


def test_a_vault_with_a_key_of_its_own_is_left_as_it_is(
    held: Offlinedl, words: tuple[str, str], tmp_path: Path
) -> None:
    """What is sealed in the catalog would not open any more. The way out is said, and it works."""
    held.ok("vault", "export", str(tmp_path / "e"), *words)
    key = held.home / "vault/key"
    key.unlink()
    held.ok("get", "demo:harbour-1")
    before = files(held.home / "vault")
    result = held("vault", "import", str(tmp_path / "e"), *words)
    assert_said(result, 2, "is of another vault, and this one has a key of its own")
    assert str(key) in result.err
    assert files(held.home / "vault") == before
    key.rename(tmp_path / "key")
    held.ok("vault", "import", str(tmp_path / "e"), *words)
    held.play("demo:ferry")


def test_licenses_that_cannot_be_read_are_left_out_and_named(
    held: Offlinedl, words: tuple[str, str], tmp_path: Path
) -> None:
    [slot] = [f for f in (held.home / "vault").glob("*.sealed") if f.name in slots(held, "demo:ferry")]
    slot.write_bytes(b"not any more")
    result = held("vault", "export", str(tmp_path / "e"), *words)
    assert (result.code, result.out) == (8, f"{tmp_path / 'e'}: 2 secrets\n")
    assert result.err.startswith("error: the licenses of demo:ferry cannot be read: ")


def slots(held: Offlinedl, title: str) -> str:
    """The name of the file in which the vault has the license of a title."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(held.home / "catalog.db")) as catalog:
        [(slot,)] = catalog.execute("SELECT license_slot FROM titles WHERE id = ?", (title,)).fetchall()
    return f"{slot}.sealed"


def lost(home: Path) -> None:
    (home / "vault/key").unlink()


def in_the_way(home: Path) -> None:
    (home.parent / "e").write_text("in the way")


def no_words(home: Path) -> None:
    (home.parent / "words").write_text("\n")


def not_words(home: Path) -> None:
    (home.parent / "words").write_bytes(b"\xff")


def no_file(home: Path) -> None:
    (home.parent / "words").unlink()


def no_vault(home: Path) -> None:
    shutil.rmtree(home / "vault")


REFUSED = [
    pytest.param("export", lost, 8, "the licenses of demo:ferry, demo:harbour-1 cannot be read: ", id="lost key"),
    pytest.param("export", no_vault, 3, "there is nothing in the vault yet", id="no vault"),
    pytest.param("export", in_the_way, 2, "there is a file already", id="a file already"),
    pytest.param("export", no_words, 2, "the passphrase is empty", id="no passphrase"),
    pytest.param("export", not_words, 2, "words: not a text", id="no text"),
    pytest.param("export", no_file, 2, "words: No such file or directory", id="no passphrase file"),
    pytest.param("import", lost, 3, "no such file", id="no export"),
    pytest.param("import", in_the_way, 8, "it is no export of a vault", id="another file"),
]


@pytest.mark.parametrize(("verb", "harm", "code", "said"), REFUSED)
def test_what_cannot_be_is_said_and_nothing_is_written(
    verb: str, harm: Callable[[Path], None], code: int, said: str, held: Offlinedl, words: tuple[str, str]
) -> None:
    harm(held.home)
    before = {f.name for f in held.home.parent.iterdir()}
    assert_said(held("vault", verb, str(held.home.parent / "e"), *words), code, said)
    assert {f.name for f in held.home.parent.iterdir()} == before
    if harm is in_the_way:
        assert (held.home.parent / "e").read_text() == "in the way"


def test_a_folder_that_is_not_there_is_named(held: Offlinedl, words: tuple[str, str], tmp_path: Path) -> None:
    assert_said(held("vault", "export", str(tmp_path / "not/e"), *words), 6, f"{tmp_path / 'not'}")


def test_without_a_terminal_there_is_nobody_to_ask(held: Offlinedl, tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "offlinedl", "vault", "export", tmp_path / "e"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (process.returncode, "--passphrase-file" in process.stderr) == (2, True)


def typed(*arguments: str, lines: list[str]) -> tuple[int, str]:
    """Run the program on a terminal of its own, at which somebody answers each prompt. What was on the screen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "offlinedl", *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    screen = b""
    while True:
        try:
            screen += os.read(ours, 4096)
        except OSError:  # nobody has the terminal any more (EIO)
            break
        if screen.endswith(b": "):
            os.write(ours, f"{lines.pop(0)}\n".encode() if lines else b"\4")
    os.close(ours)
    return process.wait(), screen.decode()


def test_the_passphrase_is_asked_twice_and_shown_never(held: Offlinedl, tmp_path: Path) -> None:
    export = str(tmp_path / "e")
    code, screen = typed("vault", "export", export, lines=[WORDS, "a slip", WORDS, WORDS])
    assert (code, WORDS in screen, "a slip" in screen) == (0, False, False), screen
    assert screen.count("Passphrase: ") == 2
    (held.home / "vault/key").unlink()
    code, screen = typed("vault", "import", export, lines=["another"])
    assert (code, "the passphrase does not open the export" in screen) == (8, True), screen
    code, screen = typed("vault", "import", export, lines=[WORDS])
    assert (code, WORDS in screen) == (0, False), screen
    held.play("demo:harbour-1")
