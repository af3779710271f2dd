"""Disks that end, that may not be written, and that have something in the way. Real ones: only root may mount them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests import titles
from tests.conftest import Offlinedl
from tests.origin import Asked, Origin, status
from tests.test_get import assert_origins_bytes
from tests.test_kill import asked_for, serve
from tests.test_order import sound
from tests.test_progress import events, kinds
from tests.titles import TRACK


@contextmanager
def disk(folder: Path, size: str) -> Iterator[None]:
    """A disk of its own for a folder. Whoever may not mount one fails here."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def change(folder: Path, option: str) -> None:
    """Give the disk of a folder another size, or none to write."""
    subprocess.run(["mount", "-o", f"remount,{option}", folder], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte of the disk. The file that fills it."""
    ballast = folder / "ballast"
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while True:
            os.write(descriptor, bytes(512))
    os.close(descriptor)
    return ballast


def settings(offlinedl: Offlinedl, keep_free: str = "1") -> None:
    (offlinedl.home / "config.toml").write_text(f'[download]\nbackoff = 0\n[storage]\nkeep_free = "{keep_free}"\n')


def states(offlinedl: Offlinedl) -> list[str]:
    return [title["state"] for title in offlinedl.listed()]


def assert_goes_on(offlinedl: Offlinedl, origin: Origin, url: str, title: titles.Made) -> None:
    """With room again: nothing that was there is fetched again."""
    there = sound(offlinedl, title) if states(offlinedl) else set()
    origin.forget()
    [got] = offlinedl.ok("get", url, "--json").json
    assert_origins_bytes(got, origin.files)
    assert asked_for(got, origin, origin.log) == offlinedl.files() - there
    assert offlinedl.claimed() == offlinedl.files()


# C55, B15: room


def test_no_room_for_a_queue_is_told_as_events(demo: Offlinedl) -> None:
    """A disk that takes no further file."""
    with disk(demo.home / "titles", "500k,nr_inodes=1"):
        refused = demo("get", "demo:harbour-1", "demo:lighthouse", "--progress", "json")
    found = events(refused.err)
    assert (refused.code, kinds(found)) == (6, ["paused", "paused"])
    assert {event["error"]["code"] for event in found} == {"no-space"}


def test_no_room_is_said_before_anything_is_fetched(offlinedl: Offlinedl, origin: Origin) -> None:
    """C55: with numbers."""
    settings(offlinedl)
    title = titles.implied_ranges()
    url = serve(origin, title)
    with disk(offlinedl.home / "titles", "500k"):
        refused = offlinedl("get", url)
        assert refused.code == 6
        assert "about 840 kB are to come; 512 kB are free, and 1 B stay free" in refused.err
        assert not origin.asked("v.mp4")
        assert states(offlinedl) == ["paused"]
        change(offlinedl.home / "titles", "size=4m")
        assert_goes_on(offlinedl, origin, url, title)


@pytest.mark.parametrize("kind", ["implied byte ranges", "HLS fMP4"])
def test_what_is_to_stay_free_stays_free(kind: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """C55: also where no size is known."""
    settings(offlinedl, keep_free="900TB")
    url = serve(origin, titles.KINDS[kind]())
    refused = offlinedl("get", url)
    assert (refused.code, "900 TB stay free" in refused.err) == (6, True)
    assert [a.path for a in origin.log] == [f"/titles/made/v.{'m3u8'}"]


def test_new_tracks_without_room_leave_the_title_ready(demo: Offlinedl, origin: Origin) -> None:
    """C55: and it plays."""
    settings(demo)
    with disk(demo.home / "titles", "1m"):
        demo.ok("get", "demo:harbour-1")
        change(demo.home / "titles", "size=110k")
        origin.forget()
        assert demo("get", "demo:harbour-1", "--audio", "en,fr").code == 6
        assert not origin.asked("a-fr/")
        assert states(demo) == ["ready"]
        demo.play("demo:harbour-1")


@pytest.mark.parametrize("size", ["1500k", "600k", "300k", "200k", "100k", "40k"])
def test_the_disk_of_all_ends_in_the_middle(size: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """C55, B15, B35: media, license, journal and catalog are on it, and whichever meets the end says so. Nothing torn
    stays, and it is never all, though no size was known."""
    title = titles.fmp4(size=60_000)
    url = serve(origin, title)
    with disk(offlinedl.home, size):
        settings(offlinedl)
        refused = offlinedl("get", url)
        assert refused.code == 6, refused
        assert "space" in refused.err or "full" in refused.err
        change(offlinedl.home, "size=16m")
        assert states(offlinedl) in (["paused"], [])
        assert "100 %" not in offlinedl.ok("list").out
        assert not list(offlinedl.home.rglob("*.part"))
        assert_goes_on(offlinedl, origin, url, title)


@pytest.mark.parametrize("folder", ["", "titles"], ids=["the catalog's", "the media's"])
@pytest.mark.parametrize("request_", [2, 4, 20])
def test_one_of_two_disks_ends_in_the_middle(folder: str, request_: int, offlinedl: Offlinedl, origin: Origin) -> None:
    """C55, B15: somebody else fills it up to the last byte, at this request. Once that is gone, it goes on."""
    title = titles.fmp4(size=60_000)
    url = serve(origin, title)
    ballast: list[Path] = []

    def watch(_: Asked) -> None:
        if len(origin.log) == request_ and not ballast:
            ballast.append(fill(offlinedl.home / folder))

    with disk(offlinedl.home, "8m"), disk(offlinedl.home / "titles", "8m"):
        settings(offlinedl)
        origin.watchers.append(watch)
        refused = offlinedl("get", url)
        assert refused.code == 6, refused
        ballast[0].unlink()
        assert states(offlinedl) == ["paused"]
        assert_goes_on(offlinedl, origin, url, title)


@pytest.mark.parametrize("dies", [False, True], ids=["as it was left", "with what a killed process left"])
def test_a_disk_that_somebody_filled(dies: bool, demo: Offlinedl, origin: Origin) -> None:
    """C55: SQLite cannot make the file by which processes share the catalog. What is there is listed and shown all the
    same; what is to be written is refused, and no command takes it for a defect."""
    with home(demo, origin):
        demo.ok("get", "demo:lighthouse")
        if dies:
            demo.start("get", "demo:ferry", before="dies_at('offlinedl.store:Part', 'keep')").wait()
            (demo.home / "catalog.db-shm").unlink()
        ballast = fill(demo.home)
        assert states(demo) == (["paused", "ready"] if dies else ["ready"])
        assert "tracks" in demo.ok("show", "demo:lighthouse", "--json").json
        assert demo("get", "demo:harbour-1").code == 6
        assert dies or demo.watch("demo:lighthouse").code == 6
        ballast.unlink()
        demo.ok("get", "demo:ferry")


@pytest.mark.parametrize("state", ["ready", "failed"])
def test_rm_makes_room_where_there_is_none(state: str, demo: Offlinedl, origin: Origin) -> None:
    """C55: though no row can be written before there is some. The key is destroyed."""
    url = serve(origin, titles.fmp4(size=60_000))
    if state == "failed":
        origin.fault("/39.m4s", status(404))
    with home(demo, origin):
        demo("get", url, "demo:lighthouse")
        before = {title["state"]: title["id"] for title in demo.listed() if title["id"] != "demo:lighthouse"}
        fill(demo.home)
        removed = demo.ok("rm", before[state])
        assert removed.out.startswith(f"removed {before[state]}, 1.8 MB freed")
        assert [title["id"] for title in demo.listed()] == ["demo:lighthouse"]
        assert len(list((demo.home / "titles").iterdir())) == 1
        assert not list((demo.home / "vault").glob("*.sealed"))
        demo.play("demo:lighthouse")


def test_rm_stopped_while_it_makes_room_leaves_no_title_that_plays(demo: Offlinedl, origin: Origin) -> None:
    """C55: killed when the files are gone and nothing is written yet."""
    url = serve(origin, titles.fmp4(size=60_000))
    with home(demo, origin):
        demo.ok("get", url)
        fill(demo.home)
        demo.start("rm", url, before="dies_at('offlinedl.removal', '_begin', 2)").wait()
        assert demo.files() == set()
        refused = demo("play", url, "--player", "none")
        assert (refused.code, "none of its 41 files is there" in refused.err) == (8, True), refused
        demo.ok("rm", url)
        assert demo.listed() == []


@contextmanager
def home(offlinedl: Offlinedl, origin: Origin) -> Iterator[None]:
    """A disk for all of a home, which knows the demo service."""
    with disk(offlinedl.home, "4m"):
        settings(offlinedl)
        offlinedl.ok("source", "add", "demo", f"{origin.url}/feed.json")
        yield


# C59: not to be written


def test_a_folder_that_is_read_only(demo: Offlinedl) -> None:
    """C59: what is there is listed and plays; more is refused, and the title stays what it was."""
    settings(demo)
    with disk(demo.home / "titles", "4m"):
        demo.ok("get", "demo:harbour-1")
        demo.start("get", "demo:ferry", before="dies_at('offlinedl.store:Part', 'keep')").wait()
        change(demo.home / "titles", "ro")
        assert states(demo) == ["paused", "ready"]
        for words in (["get", "demo:lighthouse"], ["get", "demo:harbour-1", "-q", "high"], ["rm", "demo:harbour-1"]):
            refused = demo(*words)
            assert (refused.code, "Read-only file system" in refused.err) == (6, True), refused
        change(demo.home / "titles", "rw")
        demo.ok("get", "demo:harbour-1", "-q", "high")
        demo.ok("rm", "demo:harbour-1")


def test_a_new_home_that_is_read_only(demo: Offlinedl, tmp_path: Path) -> None:
    """C59."""
    home = tmp_path / "sealed"
    with disk(home, "4m"):
        change(home, "ro")
        for words in (["list"], ["get", "demo:harbour-1"], ["rm", "demo:harbour-1"]):
            refused = demo(*words, "--home", str(home))
            assert (refused.code, "defect" in refused.err) == (6, False), refused


def test_a_home_that_became_read_only(demo: Offlinedl, origin: Origin) -> None:
    """C59: is listed and shown. Nothing of it is removed, for that could not be written down."""
    with home(demo, origin):
        demo.ok("get", "demo:lighthouse")
        before = demo.listed()
        change(demo.home, "ro")
        assert demo.listed() == before
        demo.ok("show", "demo:lighthouse")
        for words in (["get", "demo:harbour-1"], ["rm", "demo:lighthouse"]):
            refused = demo(*words)
            assert (refused.code, "defect" in refused.err) == (6, False), refused
        change(demo.home, "rw")
        demo.play("demo:lighthouse")


def test_a_catalog_that_is_read_only_loses_no_media(demo: Offlinedl, origin: Origin) -> None:
    """C59: of two disks, the full one is that of the media, and the other may not be written."""
    with home(demo, origin), disk(demo.home / "titles", "4m"):
        demo.ok("get", "demo:lighthouse")
        files = demo.files()
        fill(demo.home)
        assert demo("rm", "demo:lighthouse").code == 6
        assert demo.files() == files


@pytest.mark.parametrize("name", ["titles", "vault"])
def test_a_file_in_the_place_of_a_folder(name: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """C59, A64: is said, and left alone."""
    url = serve(origin, titles.fmp4(count=4))
    (offlinedl.home / name).write_bytes(b"somebody's")
    refused = offlinedl("get", url)
    assert (refused.code, "defect" in refused.err) == (6, False), refused
    assert (offlinedl.home / name).read_bytes() == b"somebody's"
    (offlinedl.home / name).unlink()
    offlinedl.ok("get", url)


@pytest.mark.parametrize("name", [".journal", ".lock", f"{TRACK}/000000.m4s", f"{TRACK}/000000.m4s.part"])
def test_a_folder_in_the_place_of_a_file(name: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """C59, A64."""
    title = titles.fmp4(count=4)
    url = serve(origin, title)
    origin.fault("0.m4s", status(404))
    assert offlinedl("get", url, "-N", "1").code == 4
    origin.mend()
    [folder] = (offlinedl.home / "titles").iterdir()
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()
    refused = offlinedl("get", url)
    assert (refused.code, "defect" in refused.err) == (6, False), refused
    (folder / name).rmdir()
    offlinedl.ok("get", url)
