"""The order in which a download is written down, at each of its steps: killed there, or with the power gone there."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import titles
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.sabotage import SYNCED
from tests.test_get import assert_origins_bytes
from tests.test_kill import asked_for, serve
from tests.titles import TRACK

ALL_THERE: list[Any] = [
    pytest.param("offlinedl.intake:Intake", "__aexit__", 2, id="the last segment has its name"),
    pytest.param("offlinedl.actions.download:Download", "_proven", 1, id="before the proof"),
    pytest.param("offlinedl.license.proof", "prove", 1, id="in the proof"),
    pytest.param("offlinedl.library:Library", "ready", 1, id="before ready"),
]
STEPS: list[Any] = [
    pytest.param("offlinedl.store:Part", "keep", 1, id="the first bytes, no name"),
    pytest.param("offlinedl.store.journal:Journal", "add", 1, id="the first name, no line"),
    pytest.param("offlinedl.store:Store", "sync", 1, id="the first line, no sync"),
    pytest.param("offlinedl.catalog:Catalog", "done", 2, id="the first sync, no row"),
    pytest.param("offlinedl.store.journal:Journal", "clear", 2, id="the first row, a journal beside it"),
    pytest.param("offlinedl.custody:Custody", "_name", 1, id="a license in the vault, no row"),
    pytest.param("offlinedl.store:Part", "keep", 8, id="bytes, no name"),
    pytest.param("offlinedl.store.journal:Journal", "add", 8, id="a name, no line"),
    pytest.param("offlinedl.store:Store", "sync", 2, id="lines, no sync"),
    pytest.param("offlinedl.catalog:Catalog", "done", 3, id="a sync, no rows"),
    *ALL_THERE,
]


def die(offlinedl: Offlinedl, url: str, step: tuple[str, str, int], before: str = "settles(0.01)") -> None:
    """Run `get`, which is killed at a step."""
    process = offlinedl.start("get", url, before=f"{before}; dies_at{step}")
    assert process.wait() == -signal.SIGKILL


def sound(offlinedl: Offlinedl, title: titles.Made) -> set[str]:
    """The files that are as they should be, and of which the catalog or a whole line of the journal tells."""
    [folder] = (offlinedl.home / "titles").iterdir()
    journal = folder / ".journal"
    lines = journal.read_text(errors="replace").splitlines() if journal.exists() else []
    told = offlinedl.claimed() | {line.split()[3] for line in lines if line.endswith("]")}
    return {path for path in told & offlinedl.files() if (folder / path).read_bytes() in title.files.values()}


def assert_the_rest_is_fetched(offlinedl: Offlinedl, origin: Origin, url: str, there: set[str]) -> None:
    """The next run asks for all but what is `there`, and ends well."""
    assert [title["state"] for title in offlinedl.listed()] in (["paused"], ["queued"])
    origin.forget()
    [got] = offlinedl.ok("get", url, "--json").json
    assert_origins_bytes(got, origin.files)
    assert asked_for(got, origin, origin.log) == offlinedl.files() - there
    assert offlinedl.claimed() == offlinedl.files()


@pytest.mark.parametrize(("owner", "name", "times"), STEPS)
def test_killed_at_a_step(owner: str, name: str, times: int, offlinedl: Offlinedl, origin: Origin) -> None:
    """B14, C18: nothing is claimed that is not there, all that has its line is kept, and no license is asked for
    twice. Nothing is ever assembled: from the last segment on there is only the proof."""
    title = titles.fmp4(count=12)
    url = serve(origin, title)
    die(offlinedl, url, (owner, name, times))
    licensed = len(origin.asked("key"))
    assert_the_rest_is_fetched(offlinedl, origin, url, sound(offlinedl, title))
    assert licensed + len(origin.asked("key")) == 1


@pytest.mark.parametrize(("owner", "name", "times"), ALL_THERE)
def test_once_all_is_there_it_ends_offline(
    owner: str, name: str, times: int, offlinedl: Offlinedl, origin: Origin
) -> None:
    """C17, C18: of the last steps, none asks for anything."""
    url = serve(origin, titles.fmp4(count=4))
    die(offlinedl, url, (owner, name, times))
    origin.files.clear()
    origin.forget()
    [got] = offlinedl.ok("get", url, "--json").json
    assert (got["state"], origin.log) == ("ready", [])


def test_killed_before_a_license_is_kept(offlinedl: Offlinedl, origin: Origin) -> None:
    """C18: not ready. Only the license is asked for again, for nobody has what was answered; and then the media."""
    title = titles.fmp4(count=4)
    url = serve(origin, title)
    die(offlinedl, url, ("offlinedl.custody:Custody", "keep", 1))
    assert sound(offlinedl, title) == {f"{TRACK}/init-0.mp4"}
    assert_the_rest_is_fetched(offlinedl, origin, url, {f"{TRACK}/init-0.mp4"})
    assert len(origin.asked("key")) == 1


def torn(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def zeros(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def spared(file: Path) -> None:
    pass


LOSSES: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "files and journal are gone": (Path.unlink, Path.unlink),
    "files are zeros, the journal was faster": (zeros, spared),
    "files and journal are torn": (torn, torn),
}
"""What becomes of files that were not synced, and of the journal."""


NEARLY = pytest.param("offlinedl.store:Part", "keep", 25, id="many rows, bytes without a name")


def lose_power(offlinedl: Offlinedl, loss: str) -> None:
    """What no sync found is lost."""
    of_media, of_journal = LOSSES[loss]
    synced = (offlinedl.home / SYNCED).read_text().split() if (offlinedl.home / SYNCED).exists() else []
    for file in [f for f in (offlinedl.home / "titles").rglob("*") if f.is_file()]:
        if file.name == ".journal":
            of_journal(file)
        elif str(file.stat().st_ino) not in synced:
            of_media(file)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("owner", "name", "times"), [*(STEPS[n] for n in (2, 4, 8, 13)), NEARLY])
def test_the_power_goes(owner: str, name: str, times: int, loss: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """C19, B14: what was not synced is lost. No row claims any of it, and the next run fetches it."""
    title = titles.fmp4(count=30)
    url = serve(origin, title)
    offlinedl.slow_down()
    die(offlinedl, url, (owner, name, times), before="settles(0.01); loses_power()")
    lose_power(offlinedl, loss)
    assert_the_rest_is_fetched(offlinedl, origin, url, sound(offlinedl, title))


@pytest.mark.parametrize(
    ("words", "step"),
    [
        pytest.param((), ("offlinedl.storage", "check", 1), id="the same plan"),
        pytest.param(("-q", "best"), ("offlinedl.store:Store", "make", 2), id="another plan"),
    ],
)
def test_what_a_killed_process_left_is_synced_before_its_rows(
    words: tuple[str, ...], step: tuple[str, str, int], offlinedl: Offlinedl, origin: Origin
) -> None:
    """C19: the power goes when the next run has written down what it found."""
    title = titles.fmp4(count=4)
    url = serve(origin, title)
    die(offlinedl, url, ("offlinedl.store:Store", "sync", 2), before="settles(3600)")
    process = offlinedl.start("get", url, *words, before=f"loses_power(); dies_at{step}")
    assert process.wait() == -signal.SIGKILL
    assert offlinedl.claimed() == offlinedl.files()
    lose_power(offlinedl, "files are zeros, the journal was faster")
    assert_the_rest_is_fetched(offlinedl, origin, url, sound(offlinedl, title))
