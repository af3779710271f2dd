"""Room: a quota that is never passed, what makes room, and what a person hears of it."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from offlinedl import storage
from offlinedl.catalog import Catalog
from offlinedl.demo.origin import DATA
from offlinedl.errors import StorageError
from offlinedl.library import Library
from offlinedl.model import Title, Wanted
from offlinedl.store import Store
from offlinedl.streams import Fetch, Plan
from offlinedl.vault import Vault
from tests import origin as o
from tests.boxes import box
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.seasons import LICENSED, SEASONS, episode, known, news, offer, ready
from tests.test_following import decisions
from tests.test_pause import held_at

SIZE = 71_000
"""About the bytes of each title."""


def quota(offlinedl: Offlinedl, titles: float) -> None:
    """There is room for so many titles."""
    own = f'[download]\nbackoff = 0\n[storage]\nkeep_free = "1"\nquota = "{round(titles * SIZE)}"\n'
    (offlinedl.home / "config.toml").write_text(own)


@pytest.fixture
def tv(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    """A home that knows two series, and has room for two titles."""
    quota(offlinedl, 2.5)
    return known(offlinedl, origin, [*SEASONS, news(1), news(2), news(3)])


def used(tv: Offlinedl) -> int:
    """Bytes of media on the disk."""
    titles = tv.home / "titles"
    return sum(f.stat().st_size for f in titles.rglob("*") if f.is_file() and f.suffix in {".mp4", ".m4s", ".vtt"})


def test_over_the_quota_a_person_hears_what_would_make_room(tv: Offlinedl, origin: Origin) -> None:
    """C55: nothing goes by itself for what a person asks for, and no media are fetched."""
    tv.ok("get", "tv:1x1", "tv:n1")
    tv.ok("mark", "1x1", "--until", "2026-01-01")
    origin.forget()
    refused = tv("get", "tv:1x2")
    assert refused.code == 6
    assert re.search(r"about 71 kB are to come; 142 kB of the quota of 178 kB are used", refused.err)
    assert "`offlinedl rm tv:1x1` frees 71 kB (tv:1x1: its date, 2026-01-01, is over)" in refused.err
    assert [asked.headers["Range"] for asked in origin.asked("v720.mp4")] == ["bytes=877-944"], "more than its index"
    assert ready(tv) == ["1x1", "n1"]
    tv.ok("rm", "tv:1x1")
    tv.ok("resume")
    assert ready(tv) == ["1x2", "n1"]


def test_what_waits_for_room_says_so(tv: Offlinedl) -> None:
    """In no other state than before; what a person pauses does not wait, and what goes on does not either."""
    quota(tv, 0.5)
    assert tv("get", "tv:1x1").code == 6
    [title] = tv.listed()
    assert (title["state"], title["message"]) == ("paused", "Waiting for room, 0 % done")
    assert "Waiting for room, 0 % done" in tv.ok("list").out
    assert "paused: Waiting for room, 0 % done" in tv.ok("show", "1x1").out
    tv.ok("pause", "1x1")
    assert tv.listed()[0]["message"] == "Paused, 0 % done"
    assert tv("resume").code == 6
    assert tv.listed()[0]["message"] == "Waiting for room, 0 % done"
    quota(tv, 2)
    tv.ok("resume")
    assert tv.listed()[0]["message"] == "Available"


def test_what_sync_leaves_for_want_of_room_says_so(tv: Offlinedl) -> None:
    """Whatever it was stopped by."""
    quota(tv, 0.5)
    assert tv("get", "tv:1x1").code == 6
    with closing(sqlite3.connect(tv.home / "catalog.db")) as catalog, catalog:
        catalog.execute("UPDATE titles SET lacks_room = 0")
    assert tv.listed()[0]["message"] == "Paused, 0 % done"
    tv.ok("sync", "--dry-run")
    assert tv.listed()[0]["message"] == "Paused, 0 % done"
    assert tv.ok("sync").out.startswith("tv:1x1: not now: no room")
    assert tv.listed()[0]["message"] == "Waiting for room, 0 % done"


def test_what_has_room_again_waits_for_something_else(tv: Offlinedl) -> None:
    quota(tv, 0.5)
    assert tv("get", "tv:1x1").code == 6
    quota(tv, 50)
    with (tv.home / "config.toml").open("a") as config:
        config.write('\n[sync]\nwhen = ["false"]\n')
    assert tv.ok("sync").out.startswith("tv:1x1: not now: ")
    assert tv.listed()[0]["message"] == "Paused, 0 % done"


def test_where_nothing_would_that_is_said(tv: Offlinedl) -> None:
    quota(tv, 0.5)
    refused = tv("get", "tv:1x1")
    assert (refused.code, "set [storage] quota higher" in refused.err) == (6, True)


def test_the_quota_is_never_passed(tv: Offlinedl, origin: Origin) -> None:
    """Also in the first run, when no size is known; what there is no room for is no failure."""
    tv.ok("follow", "h", "--next", "4")
    over: list[int] = []
    origin.watchers.append(lambda asked: over.append(used(tv)) if used(tv) > 2.5 * SIZE else None)
    told = tv.ok("sync", "--json").json
    assert [s["result"] for s in told if s["step"] == "download"] == ["done", "done", "skipped", "skipped"]
    assert (ready(tv), over) == (["1x1", "1x2"], [])
    for _ in range(3):
        assert {result for _, result, _ in decisions(tv).values()} == {"skipped"}
    assert (ready(tv), over) == (["1x1", "1x2"], [])


def test_what_no_manifest_tells_of_the_size_is_seen_before_the_media_come(tv: Offlinedl, origin: Origin) -> None:
    """Of init segments nobody knows it before they are here: the license is not asked for, and no media come."""
    offer(origin, [episode(1, 1, LICENSED)])
    init = (DATA / "titles/harbour-1/v720/init.mp4").read_bytes() + box("free", bytes(110_000))
    origin.fault("v720/init.mp4", o.body(init))
    refused = tv("get", "tv:1x1")
    assert (refused.code, "of the quota of 178 kB are used" in refused.err) == (6, True), refused
    assert (origin.asked("/license"), origin.asked(".m4s")) == ([], [])
    quota(tv, 4)
    tv.ok("resume")
    assert ready(tv) == ["1x1"]


def test_a_series_of_a_higher_priority_makes_room_in_another(tv: Offlinedl) -> None:
    """B32, and B31: the last one stays; and nothing goes back and forth."""
    tv.ok("follow", "n", "--next", "2")
    tv.ok("sync")
    assert ready(tv) == ["n2", "n3"] or ready(tv) == ["n3", "n2"]
    tv.ok("follow", "h", "--next", "2", "--priority", "5")
    tv.ok("sync")
    assert len([title for title in ready(tv) if title.startswith("n")]) == 1
    assert "1x1" in ready(tv)
    before = ready(tv)
    for _ in range(3):
        assert {result for _, result, _ in decisions(tv).values()} == {"skipped"}
    assert ready(tv) == before


def test_what_a_person_got_goes_when_it_is_watched_and_never_unseen(tv: Offlinedl) -> None:
    """C66, B32."""
    tv.ok("get", "tv:n1", "tv:n2")
    tv.ok("follow", "h", "--next", "1")
    assert decisions(tv)["1x1"][1] == "skipped"
    tv.ok("mark", "n1", "--watched", "--keep")
    assert decisions(tv)["1x1"][1] == "skipped"
    tv.ok("mark", "n1", "--no-keep")
    assert decisions(tv)["1x1"][1] == "skipped"  # it was watched just now
    told = tv.at("2099-01-01 00:00:00", "sync").out.splitlines()
    assert [line.partition(" (")[0] for line in told] == ["tv:n1: removed", "tv:1x1: downloaded"]


def test_what_a_person_dated_goes_and_is_worth_a_mail(tv: Offlinedl) -> None:
    tv.ok("get", "tv:n1", "--until", "2026-01-01")
    tv.ok("get", "tv:n2", "--until", "2099-01-01")
    tv.ok("follow", "h", "--next", "1")
    told = tv.ok("sync", "--quiet")
    assert told.out == "tv:n1: removed (its date, 2026-01-01, is over; room for tv:1x1). 71 kB freed\n"
    assert sorted(ready(tv)) == ["1x1", "n2"]


def test_that_room_lacks_is_one_mail(tv: Offlinedl) -> None:
    """And another where there was some between."""
    quota(tv, 1.5)
    tv.ok("follow", "h", "--next", "2")
    for next_one in ("1x2", "1x3"):
        assert tv.ok("sync", "--quiet").out.startswith(f"tv:{next_one}: not now: ")
        assert tv.ok("sync", "--quiet").out == ""
        quota(tv, 2.5)
        assert tv.ok("sync", "--quiet").out == ""
        tv.ok("mark", "1x1", "--watched")


def test_storage_shows_what_is_used_and_what_would_go_first(tv: Offlinedl) -> None:
    """In this order, with reasons; and why the others stay."""
    quota(tv, 10)
    tv.ok("get", "tv:n1", "--keep")
    tv.ok("get", "tv:n2", "--until", "2026-01-01")
    tv.ok("follow", "h", "--next", "2")
    tv.ok("sync")
    shown = tv.ok("storage", "--json").json
    assert [one["id"] for one in shown["goes_first"]] == ["tv:n2", "tv:1x2", "tv:1x1"]
    assert all(one["reason"] and one["bytes"] for one in shown["goes_first"])
    assert shown["used"] == sum(title["bytes"] for title in shown["titles"]) == used(tv)
    assert (shown["quota"], shown["keep_free"], len(shown["titles"])) == (710_000, 1, 4)
    lines = tv.ok("storage").out.splitlines()
    assert lines[0].split() == ["ID", "NAME", "SIZE", "GOES"]
    assert next(line for line in lines if line.startswith("tv:n1")).endswith("kept")
    assert re.fullmatch(r"284 kB used of a quota of 710 kB; .* free, of which 1 B stay free", lines[-1])


def test_an_empty_library_has_storage_too(offlinedl: Offlinedl) -> None:
    shown = offlinedl.ok("storage", "--json").json
    assert (shown["used"], shown["quota"], shown["titles"], shown["goes_first"]) == (0, None, [], [])
    assert offlinedl.ok("storage").out.startswith("0 B used; ")


@pytest.mark.parametrize("value", ['"much"', '"0"', "5"])
def test_a_quota_that_is_none_is_named(value: str, demo: Offlinedl) -> None:
    (demo.home / "config.toml").write_text(f"[storage]\nquota = {value}\n")
    wrong = demo("get", "demo:ferry")
    assert (wrong.code, f"{demo.home}/config.toml: storage.quota" in wrong.err) == (2, True)


def test_two_at_once_do_not_pass_the_quota(tv: Offlinedl, origin: Origin) -> None:
    """What another process downloads needs its room, too."""
    offer(origin, [episode(1, 1, LICENSED), episode(1, 2, LICENSED)])
    quota(tv, 1.5)
    process = held_at(tv, origin, "harbour-1/v720/2.m4s", "tv:1x1")
    refused = tv("get", "tv:1x2")
    assert (refused.code, "of the quota" in refused.err) == (6, True)
    process.kill()
    process.wait()
    origin.mend()


class Small(Store):
    """On a disk with 150 bytes."""

    def free_bytes(self) -> int:
        return 150


def test_two_at_once_do_not_fill_the_disk(tmp_path: Path) -> None:
    """C55: what another process downloads needs its room on the disk, too."""
    catalog, store = Catalog(tmp_path / "catalog.db"), Small(tmp_path / "titles")
    library = Library(catalog, store, Vault(tmp_path / "vault"), lambda: datetime(2026, 11, 1, tzinfo=UTC))
    fetch = Fetch(rendition="v", init=False, number=1, url="http://127.0.0.1/1", path="v/1", estimate=100)
    plan = Plan(manifest_url="", wanted=Wanted(), tracks=(), fetches=(fetch,))
    one, other = (asyncio.run(library.begin(Title(id=id_, name=id_, sources=()), plan)) for id_ in ("one", "other"))
    with library.lock("one"):
        asyncio.run(library.start(one))
        storage.check(library.must("one"), plan.fetches, library)
        with pytest.raises(StorageError, match="about 100 B are to come beside 100 B of others; 150 B are free"):
            storage.check(other, plan.fetches, library)
    storage.check(other, plan.fetches, library)  # who is killed needs no room
    catalog.close()
    store.close()
