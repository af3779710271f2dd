"""sync --history: what the last runs did, however they ended."""

from __future__ import annotations

import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from offlinedl.catalog import Catalog
from offlinedl.store import Store
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.seasons import LICENSED, episode, known, offer, ready
from tests.test_pause import held_at


@pytest.fixture
def tv(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    known(offlinedl, origin, [episode(1, 1, LICENSED), episode(1, 2, LICENSED)])
    offlinedl.ok("follow", "h", "--next", "2")
    return offlinedl


def runs(tv: Offlinedl) -> list[Any]:
    """The newest first: how each ended, and what it did."""
    return [(run["exit_code"], run["done"]) for run in tv.ok("sync", "--history", "--json").json]


def test_what_runs_did(tv: Offlinedl, origin: Origin) -> None:
    """Not a dry run, nor one that found another at work."""
    assert "No `offlinedl sync` ran here." in tv.ok("sync", "--history").err
    origin.fault("harbour-1/v720/2.m4s", o.status(404))
    assert tv("sync").code == 4
    origin.mend()
    tv.ok("sync", "--dry-run")
    with Store(tv.home / "titles").lock(".sync"):
        assert tv("sync").code == 7
    tv.ok("get", "tv:1x1", "tv:1x2")
    tv.ok("sync")
    [second, first] = tv.ok("sync", "--history", "--json").json
    assert (second["exit_code"], second["done"], second["failed"], second["waits"]) == (0, {}, [], None)
    assert (first["exit_code"], first["done"]) == (4, {})
    assert {failure["title"] for failure in first["failed"]} == {"tv:1x1", "tv:1x2"}
    assert first["began_at"] <= first["ended_at"] <= second["began_at"]
    head, newest, oldest = tv.ok("sync", "--history").out.splitlines()
    assert head.split() == ["BEGAN", "TOOK", "CODE", "DID"]
    assert re.fullmatch(r"\S+ \S+ +0:00:\d\d +0 +nothing to do", newest)
    assert re.fullmatch(r"\S+ \S+ +0:00:\d\d +4 +tv:1x1: .*404.*", oldest)


def test_why_a_run_waited(tv: Offlinedl) -> None:
    with (tv.home / "config.toml").open("a") as settings:
        settings.write("[sync]\nis_metered = true\n")
    tv.ok("sync")
    assert tv.ok("sync", "--history").out.splitlines()[1].endswith("waited: the network is metered")


@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGKILL, "did not end: it is at work, or was killed"), (signal.SIGTERM, "was stopped")],
    ids=["killed", "stopped"],
)
def test_a_run_that_did_not_come_to_its_end(number: int, said: str, tv: Offlinedl, origin: Origin) -> None:
    process = held_at(tv, origin, "harbour-1/v720/2.m4s", verb="sync")
    process.send_signal(number)
    process.wait()
    assert tv.ok("sync", "--history").out.splitlines()[1].endswith(said)
    origin.mend()
    tv.ok("sync")
    assert runs(tv) == [(0, {"download": 2}), (None, {})]
    older = "was killed" if number == signal.SIGKILL else said
    assert tv.ok("sync", "--history").out.splitlines()[2].endswith(f"  {older}")


def test_one_is_no_plural(tv: Offlinedl, origin: Origin) -> None:
    offer(origin, [episode(1, 1)])
    tv.ok("sync")
    assert tv.ok("sync", "--history").out.splitlines()[1].endswith("  1 source changed; 1 downloaded")


def test_two_at_once_and_one_is_killed(tv: Offlinedl, origin: Origin) -> None:
    """C67, B27, C57: the second leaves in silence, the third does it all; no license is asked for twice."""
    first = held_at(tv, origin, "harbour-1/v720/2.m4s", verb="sync")
    assert tv.start("sync", "--quiet").wait() == 7
    first.kill()
    first.wait()
    origin.mend()
    tv.ok("sync", "--quiet")
    assert (ready(tv), tv.claimed()) == (["1x1", "1x2"], tv.files())
    assert len(origin.asked("/license")) == 2


def test_the_last_hundred_are_kept(tmp_path: Path) -> None:
    catalog, now = Catalog(tmp_path / "catalog.db"), datetime(2026, 11, 20, tzinfo=UTC)
    for number in range(130):
        with catalog.transaction():
            catalog.runs.began(now + timedelta(hours=number))
    kept = [run.began_at for run in catalog.runs.last()]
    assert (len(kept), kept[0]) == (100, now + timedelta(hours=129))
    catalog.close()


def test_sizes_of_what_is_under_way_are_those_of_both(tv: Offlinedl, origin: Origin) -> None:
    """`list`: what is here, and of how much; nothing of what was not begun."""
    origin.fault("harbour-1/v720/2.m4s", o.status(404))
    assert tv("sync").code == 4
    lines = tv.ok("list").out.splitlines()[1:]
    assert all(re.search(r"  \d+ kB of \d+ kB  Failed: ", line) for line in lines)
    origin.mend()
    tv.ok("get", "tv:1x1", "tv:1x2")
    assert all(re.search(r"  \d+ kB  Available", line) for line in tv.ok("list").out.splitlines()[1:])
    origin.fault(".", o.dropped())
    assert tv("get", f"{origin.url}/titles/lighthouse/manifest.mpd").code == 4
    assert re.search(r"lighthouse  +Queued", tv.ok("list").out)
