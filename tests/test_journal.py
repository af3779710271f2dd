"""What is found on the disk at the next run is not as it was: journal, rows, files. Only what is touched is fetched."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from offlinedl.store.journal import Journal
from tests import origin as origins
from tests import titles
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.test_get import assert_origins_bytes
from tests.test_kill import asked_for, serve
from tests.test_order import die
from tests.titles import TRACK

COUNT = 6
MEDIA = {f"{TRACK}/{number:06d}.m4s" for number in range(COUNT)}
ALL_LINES = ("offlinedl.store:Store", "sync", 2)
"""All files are there, and the journal has all but the init segment, which has its row."""
ALL_ROWS = ("offlinedl.actions.download:Download", "_proven", 1)


Remains = dict[tuple[str, str, int], Path]
"""Homes with what was left by a process that was killed at a step: made once for all stories here."""
Killed = Callable[[tuple[str, str, int]], tuple[str, Path]]


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with origins.running() as running:
        yield running


@pytest.fixture(scope="module")
def remains() -> Remains:
    return {}


@pytest.fixture
def killed(offlinedl: Offlinedl, origin: Origin, remains: Remains, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """Gives the URL of a title that was killed at a step, and its folder."""

    def after(step: tuple[str, str, int]) -> tuple[str, Path]:
        url = serve(origin, titles.fmp4(count=COUNT))
        if step not in remains:
            die(offlinedl, url, step, before="settles(3600)")
            remains[step] = shutil.copytree(offlinedl.home, tmp_path_factory.mktemp("remains") / "home")
        shutil.copytree(remains[step], offlinedl.home, dirs_exist_ok=True)
        [folder] = (offlinedl.home / "titles").iterdir()
        return url, folder

    return after


def assert_fetched(again: set[str], offlinedl: Offlinedl, origin: Origin, url: str) -> None:
    """The next run fetches these files alone, and all bytes are right."""
    origin.forget()
    [got] = offlinedl.ok("get", url, "--json").json
    assert_origins_bytes(got, origin.files)
    assert asked_for(got, origin, origin.log) == again
    assert len([a for a in origin.log if a.path.endswith(("mp4", "m4s"))]) == len(again)
    assert offlinedl.claimed() == offlinedl.files() == MEDIA | {f"{TRACK}/init-0.mp4"}


def path_of(line: str) -> str:
    return str(json.loads(line)[0].split()[3])


def changed(line: str, **values: Any) -> str:
    """A line with other values: of `size`, `checksum`, `validator`."""
    names = ("content", "size", "checksum", "validator")
    return json.dumps(list((dict(zip(names, json.loads(line), strict=True)) | values).values()))


DAMAGED_LINES: dict[str, Callable[[str], str]] = {
    "C10: torn": lambda line: line[:50],
    "C10: zeros": lambda line: "\0" * len(line),
    "C11: of an older version": lambda line: json.dumps(json.loads(line)[:3]),
    "C11: an object": lambda line: "{}",
    "C11: a word": lambda line: '"done"',
    "C11: brackets": lambda line: "[" * 100_000,
    "C11: a size without end": lambda line: changed(line, size=float("inf")),
    "C11: no size": lambda line: changed(line, size=None),
    "C11: a checksum that is none": lambda line: changed(line, checksum="zz"),
    "C11: no checksum": lambda line: changed(line, checksum=None),
    "C11: another checksum": lambda line: changed(line, checksum="00" * 16),
    "C11: a validator that is none": lambda line: changed(line, validator=["x"]),
    "C13: of another rung": lambda line: line.replace("/titles/made/", "/titles/other/"),
    "C14: of a longer file": lambda line: changed(line, size=10**6),
}


@pytest.mark.parametrize("case", DAMAGED_LINES)
def test_a_line_that_is_damaged(case: str, killed: Killed, offlinedl: Offlinedl, origin: Origin) -> None:
    """C10, C11, C13, C14: costs the file of that line, and nothing else."""
    url, folder = killed(ALL_LINES)
    *lines, last = [line for line in (folder / ".journal").read_text().splitlines() if line]
    assert {path_of(line) for line in (*lines, last)} == MEDIA
    (folder / ".journal").write_text("\n".join([*lines, DAMAGED_LINES[case](last)]))
    assert_fetched({path_of(last)}, offlinedl, origin, url)


@pytest.mark.parametrize(
    "content",
    [None, b"", random.Random(1).randbytes(9999), b"\xff\n" * 99],
    ids=["none", "empty", "nonsense", "no text"],
)
def test_a_journal_that_is_lost(content: bytes | None, killed: Killed, offlinedl: Offlinedl, origin: Origin) -> None:
    """C11, C12: the files that are there are believed by nobody; none is appended to."""
    url, folder = killed(ALL_LINES)
    (folder / ".journal").unlink()
    if content is not None:
        (folder / ".journal").write_bytes(content)
    assert_fetched(MEDIA, offlinedl, origin, url)


def test_a_line_after_a_torn_one_counts(tmp_path: Path) -> None:
    """C10: whatever was cut off, the next run's lines begin anew."""
    path = tmp_path / ".journal"
    journal = Journal(str(path))
    for line in ("one", "two"):
        journal.add(line)
    journal.close()
    path.write_bytes(path.read_bytes()[:-1])
    journal.add("three")
    assert journal.lines()[-3:] == ["one", "tw", "three"]


ROWS: dict[str, str] = {
    "another size": "size = size + 1",
    "another checksum": "checksum = zeroblob(16)",
    "no checksum": "checksum = NULL",
    "not done": "size = NULL, checksum = NULL",
}


@pytest.mark.parametrize("case", ROWS)
def test_a_row_that_is_damaged(case: str, killed: Killed, offlinedl: Offlinedl, origin: Origin) -> None:
    """C11: costs the file of that row."""
    url, _ = killed(ALL_ROWS)
    with closing(sqlite3.connect(offlinedl.home / "catalog.db")) as catalog, catalog:
        changed = catalog.execute(f"UPDATE fetches SET {ROWS[case]} WHERE path LIKE '%2.m4s'").rowcount
    assert changed == 1
    assert_fetched({f"{TRACK}/000002.m4s"}, offlinedl, origin, url)


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def shorter(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def longer(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def of_another(file: Path) -> None:
    """As long as it was, for names and lengths tell nothing."""
    file.write_bytes(random.Random(1).randbytes(file.stat().st_size))


FILES: dict[str, Callable[[Path], object]] = {
    "C16: deleted": Path.unlink,
    "C16: one bit flipped": flipped,
    "C14: shorter": shorter,
    "C15: longer": longer,
    "C15: empty": lambda file: file.write_bytes(b""),
    "C13, C15: another's": of_another,
}


@pytest.mark.parametrize("told_by", ["the journal", "the catalog"])
@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_not_what_it_was(
    case: str, told_by: str, killed: Killed, offlinedl: Offlinedl, origin: Origin
) -> None:
    """C13, C14, C15, C16: it is fetched again, from its beginning, and nothing else is."""
    url, folder = killed(ALL_LINES if told_by == "the journal" else ALL_ROWS)
    FILES[case](folder / TRACK / "000003.m4s")
    assert_fetched({f"{TRACK}/000003.m4s"}, offlinedl, origin, url)


def test_what_lies_under_names_to_come_is_replaced(offlinedl: Offlinedl, origin: Origin) -> None:
    """C12, C13, C15: parts that are longer than what comes, files that nobody told of, and folders of no title."""
    url = serve(origin, titles.fmp4(count=COUNT))
    die(offlinedl, url, ("offlinedl.store:Part", "keep", 3), before="settles(3600)")
    [folder] = (offlinedl.home / "titles").iterdir()
    there = {path for path in MEDIA if (folder / path).exists()}
    missing = sorted(MEDIA - there)
    (folder / missing[0]).write_bytes(b"somebody's")
    (folder / f"{missing[1]}.part").write_bytes(bytes(10**6))
    assert_fetched(set(missing), offlinedl, origin, url)


def test_a_folder_without_its_catalog_is_nobodys(killed: Killed, offlinedl: Offlinedl, origin: Origin) -> None:
    """C12, C15: all of it is fetched, and what else lay there is gone."""
    url, folder = killed(ALL_ROWS)
    for file in offlinedl.home.glob("catalog.db*"):
        file.unlink()
    (folder / TRACK / "999999.m4s").write_bytes(b"of a longer title")
    assert_fetched(MEDIA | {f"{TRACK}/init-0.mp4"}, offlinedl, origin, url)
