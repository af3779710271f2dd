"""check: what does not hold any more is named and demoted, and --repair fetches just that."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from offlinedl import record
from offlinedl.cli import check
from offlinedl.model import ContentKey, Held
from offlinedl.vault import Vault
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.test_get import assert_origins_bytes

BOTH = ("demo:harbour-1", "demo:lighthouse")


@pytest.fixture
def got(demo: Offlinedl, origin: Origin) -> Offlinedl:
    """An episode under a license, and a clear title."""
    demo.ok("get", *BOTH)
    origin.forget()
    return demo


def folder(offlinedl: Offlinedl, title: str = "demo:harbour-1") -> Path:
    return Path(offlinedl.ok("show", title, "--json").json["folder"])


def on_disk(offlinedl: Offlinedl) -> dict[str, tuple[int, bytes]]:
    """Every file of every title, and when it was written."""
    root = offlinedl.home / "titles"
    files = [f for f in root.rglob("*") if f.is_file() and f.name != ".lock"]
    return {f.relative_to(root).as_posix(): (f.stat().st_mtime_ns, f.read_bytes()) for f in files}


def states(offlinedl: Offlinedl) -> dict[str, str]:
    return {title["id"]: title["state"] for title in offlinedl.listed()}


def test_what_holds_is_said_and_nothing_is_asked_for_or_changed(got: Offlinedl, origin: Origin) -> None:
    before = on_disk(got)
    result = got.ok("check")
    assert result.out.splitlines() == [
        "Low Tide: all 11 files hold, the license opens them. Available for 29 more days",
        "The Lighthouse: all 9 files hold. Available",
    ]
    assert "Low Tide: about 82 kB" in result.err
    assert "Low Tide: reading its files" in result.err
    assert (on_disk(got), origin.log) == (before, [])
    assert set(states(got).values()) == {"ready"}


def test_one_that_is_removed_meanwhile_stops_no_other(got: Offlinedl, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = check._chosen

    def removed(*what: Any) -> Any:
        found = chosen(*what)
        assert got.start("rm", BOTH[0]).wait() == 0
        return found

    monkeypatch.setattr(check, "_chosen", removed)
    done = got("check")
    assert (done.code, "The Lighthouse: all" in done.out) == (3, True), done
    assert done.err.startswith(f"error: {BOTH[0]}: no such title")


def test_as_json(got: Offlinedl) -> None:
    episode, clear = got.ok("check", "--json").json
    assert episode == {
        "id": "demo:harbour-1", "state": "ready", "files": 11, "damaged": [], "license": "opens", "orphans": [],
        "repaired": False, "error": None,
        "message": "all 11 files hold, the license opens them. Available for 29 more days",
    }  # fmt: skip
    assert (clear["id"], clear["license"]) == ("demo:lighthouse", None)


def flip(file: Path) -> None:
    """One bit in the middle, and the clock on the file as it was."""
    data, before = bytearray(file.read_bytes()), file.stat()
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def grown(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


HARM = [
    pytest.param(Path.unlink, "it is not there", id="B24: deleted"),
    pytest.param(cut, "it has 100 bytes, and ", id="B24: cut"),
    pytest.param(grown, " came", id="grown"),
    pytest.param(flip, "its bytes are not those that came", id="C16: a bit"),
]


@pytest.mark.parametrize(("harm", "reason"), HARM)
def test_a_file_that_does_not_hold_is_named_and_is_all_that_is_fetched_again(
    harm: Callable[[Path], None], reason: str, got: Offlinedl, origin: Origin
) -> None:
    """B24, C16."""
    [file] = folder(got).glob("video-*/000001.m4s")
    harm(file)
    before = on_disk(got)
    result = got("check")
    assert result.code == 8
    said = result.out.splitlines()
    assert said[0] == "Low Tide: 1 of 11 files is damaged"
    assert said[1].startswith(f"  {file.parent.name}/000001.m4s (video 720p, segment 1): ")
    assert reason in said[1]
    assert said[2].startswith("The Lighthouse: all 9 files hold")
    assert "error: demo:harbour-1: 1 of 11 files is damaged\nhint: `offlinedl check --repair demo" in result.err
    assert states(got) == {"demo:harbour-1": "failed", "demo:lighthouse": "ready"}
    assert got("play", "demo:harbour-1", "--player", "none").code == 8
    assert (on_disk(got), origin.log) == (before, [])
    assert got("check").out == result.out, "and it stays so until it is repaired"

    repaired = got.ok("check", "--repair")
    assert "Low Tide: repaired: all 11 files hold, the license opens them. Available for 29" in repaired.out
    assert [asked.path for asked in origin.log] == ["/titles/harbour-1/v720/2.m4s"]
    assert set(states(got).values()) == {"ready"}
    assert_origins_bytes(got.ok("show", "demo:harbour-1", "--json").json)
    got.ok("check")


@pytest.mark.parametrize(
    ("files", "said"),
    [("video-*/00000[12].m4s", "2 of 11 files are not there any more"), ("*", "none of its 11 files is there")],
)
def test_a_file_that_play_misses_is_said_and_the_title_is_ready_no_more(
    files: str, said: str, got: Offlinedl, origin: Origin
) -> None:
    for file in folder(got).glob(files):
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink()
    result = got("play", "demo:harbour-1", "--player", "none")
    assert (result.code, result.err.splitlines()) == (
        8,
        [f"error: demo:harbour-1: {said}", "hint: `offlinedl check --repair demo:harbour-1` fetches just that"],
    )
    assert (got.listed()[0]["state"], got.listed()[0]["message"]) == ("failed", said)
    got.ok("check", "--repair")
    assert states(got)["demo:harbour-1"] == "ready"


def test_get_mends_it_too(got: Offlinedl, origin: Origin) -> None:
    flip(next(folder(got).glob("audio-*/000002.m4s")))
    assert got("check").code == 8
    got.ok("get", "demo:harbour-1")
    assert [asked.path for asked in origin.log] == ["/titles/harbour-1/a-en/3.m4s"]
    got.ok("check")


def test_the_damaged_files_are_in_the_json(got: Offlinedl) -> None:
    flip(next(folder(got).glob("audio-*/init-0.mp4")))
    result = got("check", "demo:harbour-1", "--json")
    [title] = result.json
    [damaged] = title["damaged"]
    assert (result.code, damaged["track"], damaged["reason"]) == (
        8, "audio en, init segment 0", "its bytes are not those that came",
    )  # fmt: skip
    assert (title["state"], title["license"], title["error"]["code"]) == ("failed", "in the vault", "damaged")
    [title] = got.ok("check", "demo:harbour-1", "--repair", "--json").json
    assert (title["state"], title["license"], title["repaired"], title["error"]) == ("ready", "opens", True, None)
    assert len(title["damaged"]) == 1


def test_a_folder_that_is_gone_and_comes_back_costs_nothing(got: Offlinedl, origin: Origin, tmp_path: Path) -> None:
    """C69: a disk that is not mounted."""
    there, elsewhere = folder(got), tmp_path / "elsewhere"
    there.rename(elsewhere)
    result = got("check")
    assert result.code == 8
    assert "Low Tide: none of its 11 files is there" in result.out
    assert not there.exists()
    elsewhere.rename(there)
    got.ok("check", "--repair")
    assert origin.log == []
    assert states(got)["demo:harbour-1"] == "ready"


def test_a_folder_that_is_gone_for_good_is_fetched_again(got: Offlinedl, origin: Origin) -> None:
    """C69."""
    shutil.rmtree(folder(got))
    got.ok("check", "--repair")
    assert_origins_bytes(got.ok("show", "demo:harbour-1", "--json").json)
    assert not origin.asked("/license")


def without_license(offlinedl: Offlinedl) -> None:
    for sealed in (offlinedl.home / "vault").glob("*.sealed"):
        sealed.unlink()


def without_key(offlinedl: Offlinedl) -> None:
    (offlinedl.home / "vault" / "key").unlink()


def with_another_key(offlinedl: Offlinedl) -> None:
    (offlinedl.home / "vault" / "key").write_bytes(bytes(32))


def with_wrong_keys(offlinedl: Offlinedl) -> None:
    """A license whose keys open nothing."""
    with closing(sqlite3.connect(offlinedl.home / "catalog.db")) as catalog:
        [(slot,)] = catalog.execute("SELECT license_slot FROM titles WHERE id = 'demo:harbour-1'")
    vault = Vault(offlinedl.home / "vault")
    held = record.decode(vault.load(slot) or b"")
    wrong = tuple(ContentKey(kid=key.kid, key=bytes(16)) for key in held.keys)
    vault.save(slot, record.encode(Held(license=held.license, keys=wrong)))


def first_play(offlinedl: Offlinedl) -> str:
    return str(offlinedl.ok("show", "demo:harbour-1", "--json").json["license"]["first_played_at"])


LICENSES = [
    pytest.param(without_license, "missing", "the license is not in the vault any more", id="gone"),
    pytest.param(without_key, "missing", "cannot be read", id="a vault without its key"),
    pytest.param(with_wrong_keys, "does not open", "does not open video-720p", id="wrong keys"),
]


@pytest.mark.parametrize(("harm", "word", "said"), LICENSES)
def test_a_license_that_is_gone_or_opens_nothing_is_all_that_is_asked_for_again(
    harm: Callable[[Offlinedl], None], word: str, said: str, got: Offlinedl, origin: Origin
) -> None:
    """The first play stays."""
    got.play("demo:harbour-1")
    began = first_play(got)
    harm(got)
    result = got("check", "--json")
    [episode, _] = result.json
    assert (result.code, episode["license"], episode["state"]) == (8, word, "failed")
    assert said in episode["message"]
    assert origin.log == []
    assert got("check").code == 8

    got.ok("check", "--repair")
    assert len(origin.asked("/license")) == 1
    assert not origin.asked(".m4s")
    assert got.ok("check", "demo:harbour-1", "--json").json[0]["license"] == "opens"
    assert first_play(got) == began


def test_a_foreign_key_is_said_and_is_for_the_person_to_put_away(got: Offlinedl, origin: Origin) -> None:
    with_another_key(got)
    result = got("check", "demo:harbour-1")
    assert result.code == 8
    assert "the license cannot be read: the vault's key is foreign" in result.out


def test_hls_keys_are_tried_too(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", "demo:ferry")
    origin.forget()
    assert demo.ok("check", "ferry").out == (
        "The Ferry: all 6 files hold, the license opens them. Available for 6 more days\n"
    )
    assert origin.log == []


def test_what_is_over_is_no_damage_and_what_is_damaged_of_it_is_left_to_get(demo: Offlinedl, origin: Origin) -> None:
    assert demo.at("2026-11-01 12:00:00", "get", "demo:harbour-1").code == 0
    origin.forget()
    late = "2026-12-05 12:00:00"
    found = demo.at(late, "check")
    assert (found.code, found.out) == (0, "Low Tide: all 11 files hold. Expired 4 days ago\n"), found
    next(folder(demo).glob("video-*/000001.m4s")).unlink()
    found = demo.at(late, "check", "--repair", "--json")
    [title] = found.json
    assert (found.code, title["state"], title["license"], title["repaired"]) == (8, "expired", "expired", False)
    assert "hint: `offlinedl get demo:harbour-1` asks for a new license" in found.err
    assert origin.log == []


def test_a_clock_that_was_set_back_is_said_and_is_no_damage(demo: Offlinedl) -> None:
    assert demo.at("2026-11-10 12:00:00", "get", "demo:harbour-1").code == 0
    found = demo.at("2026-11-05 12:00:00", "check")
    assert found.code == 0, found
    assert found.out == (
        "Low Tide: all 11 files hold, the license opens them. Clock set back: does not play until the time is known\n"
    )


def test_one_that_another_process_holds_is_busy_and_the_others_go_on(got: Offlinedl, origin: Origin) -> None:
    flip(next(folder(got).glob("video-*/000001.m4s")))
    with (folder(got) / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = got("check", "--repair", "--json")
        assert result.code == 7
        episode, clear = result.json
    assert (episode["error"]["code"], episode["state"], clear["error"]) == ("busy", "ready", None)
    assert origin.log == []


def test_without_a_network_the_rest_is_kept_and_the_next_run_completes_it(got: Offlinedl, origin: Origin) -> None:
    [file] = folder(got).glob("video-*/000001.m4s")
    flip(file)
    there = on_disk(got)
    origin.fault("/titles/", o.dropped())
    result = got("check", "--repair")
    assert result.code == 4
    assert {path: at for path, (at, _) in on_disk(got).items()}.items() >= {
        path: at for path, (at, _) in there.items() if path != file.relative_to(got.home / "titles").as_posix()
    }.items()
    origin.mend()
    assert got("check").code == 8, "what failed does not hold"
    got.ok("check", "--repair")
    assert_origins_bytes(got.ok("show", "demo:harbour-1", "--json").json)


def test_a_download_that_is_not_complete_holds_as_far_as_it_is(demo: Offlinedl, origin: Origin) -> None:
    origin.fault("v720/3.m4s", o.status(404))
    assert demo("get", "demo:harbour-1").code == 4
    origin.mend()
    demo.ok("pause", "demo:harbour-1")
    assert demo.ok("check").out.startswith("Low Tide: 10 files of 11 are here, and hold. Paused, ")
    flip(next(folder(demo).glob("video-*/000001.m4s")))
    found = demo("check")
    assert (found.code, "hint: `offlinedl get demo:harbour-1` goes on with it" in found.err) == (8, True)
    assert states(demo) == {"demo:harbour-1": "paused"}


def test_a_download_that_was_paused_is_not_begun_by_a_repair(demo: Offlinedl, origin: Origin) -> None:
    origin.fault("v720/3.m4s", o.status(404))
    assert demo("get", "demo:harbour-1").code == 4
    origin.mend()
    demo.ok("pause", "demo:harbour-1")
    flip(next(folder(demo).glob("video-*/000001.m4s")))
    origin.forget()
    assert "repaired: 9 files of 11 are here, and hold. Paused, " in demo.ok("check", "--repair").out
    assert (states(demo), origin.log) == ({"demo:harbour-1": "paused"}, [])
    demo.ok("check")
    assert_origins_bytes(demo.ok("get", "demo:harbour-1", "--json").json[0])


def test_what_was_wrong_stays_in_view_where_it_cannot_be_repaired(got: Offlinedl, origin: Origin) -> None:
    flip(next(folder(got).glob("video-*/000001.m4s")))
    origin.fault("/titles/", o.dropped())
    for _ in range(2):
        result = got("check", "--repair", "demo:harbour-1")
        [title, _] = got.listed()
        assert result.code == 4
        assert title["message"].startswith("1 of 11 files is damaged; not repaired: video 720p, segment 1: http://")
        assert title["message"].count("; not repaired: ") == 1
        assert title["message"] in result.err


def test_only_some_files_are_named_in_words_and_all_in_json(got: Offlinedl) -> None:
    for file in folder(got).rglob("*.m*"):
        flip(file)
    lines = got("check", "demo:harbour-1").out.splitlines()
    [title] = got("check", "demo:harbour-1", "--json").json
    assert (len(lines), lines[-1]) == (7, f"  and {len(title['damaged']) - 5} more")


# what belongs to nothing


def test_a_lock_of_our_own_belongs_to_something(got: Offlinedl) -> None:
    got.ok("sync")
    assert (got.home / "titles" / ".sync").is_dir()
    assert ".sync" not in got.ok("check", "--repair").out
    assert (got.home / "titles" / ".sync").is_dir()


def test_what_was_deleted_is_said(littered: tuple[Offlinedl, list[Path]]) -> None:
    offlinedl, _ = littered
    found = offlinedl.ok("check", "--repair", "--json").json
    told = {(item["id"], item["repaired"]): item["message"] for item in found}
    assert told[None, True] == "belonged to no title, deleted"
    assert told["demo:harbour-1", True].endswith(". 2 that belonged to nothing deleted")
    assert ("demo:lighthouse", False) in told


def test_what_was_deleted_is_said_in_words(littered: tuple[Offlinedl, list[Path]]) -> None:
    said = littered[0].ok("check", "--repair").out
    assert "film.part: belongs to nothing, deleted" in said


@pytest.fixture
def littered(got: Offlinedl) -> tuple[Offlinedl, list[Path]]:
    root, own = got.home / "titles", folder(got)
    litter = [
        own / "video-old" / "000000.m4s",
        own / "film.part",
        root / "nobodys-1234" / "v" / "1.m4s",
        root / "a.tmp",
    ]
    for path in litter:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
    return got, litter


def test_what_belongs_to_nothing_is_named_and_deleted_where_that_is_asked_for(
    littered: tuple[Offlinedl, list[Path]], tmp_path: Path
) -> None:
    """B26."""
    offlinedl, litter = littered
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "mine").touch()
    (offlinedl.home / "titles" / "link").symlink_to(precious)
    before = {path for path in on_disk(offlinedl) if not any(path.endswith(str(left)) for left in litter)}
    result = offlinedl.ok("check")
    for said in ("video-old/000000.m4s: belongs to nothing", "film.part", "nobodys-1234: belongs to no title", "a.tmp"):
        assert said in result.out
    assert all(path.exists() for path in litter)
    found = offlinedl.ok("check", "--json").json
    assert {tuple(item["orphans"]) for item in found if item["id"] is None} == {
        ("a.tmp",),
        ("link",),
        ("nobodys-1234",),
    }
    offlinedl.ok("check", "--repair")
    assert not any(path.exists() for path in litter)
    assert not (offlinedl.home / "titles" / "link").is_symlink()
    assert (precious / "mine").exists()
    assert len(on_disk(offlinedl)) == len(before) - len(litter)
    offlinedl.ok("check")


def test_what_a_pass_locks_is_no_stray(demo: Offlinedl) -> None:
    """B26: it stays beside the titles when the pass is over."""
    demo.ok("sync")
    assert demo.ok("check", "--json").json == []


def test_nothing_is_deleted_of_what_another_process_holds(littered: tuple[Offlinedl, list[Path]]) -> None:
    """B26."""
    offlinedl, litter = littered
    held = [folder(offlinedl) / ".lock", offlinedl.home / "titles" / "nobodys-1234" / ".lock"]
    with held[0].open("w") as first, held[1].open("w") as second:
        fcntl.flock(first, fcntl.LOCK_EX)
        fcntl.flock(second, fcntl.LOCK_EX)
        result = offlinedl("check", "--repair")
        assert result.code == 7
        assert [path.exists() for path in litter] == [True, True, True, False]
        assert "nobodys-1234" not in result.out
    offlinedl.ok("check", "--repair")
    assert not any(path.exists() for path in litter)


def test_tracks_that_were_being_added_are_no_orphans(got: Offlinedl, origin: Origin) -> None:
    """They are in the journal, and the next get goes on with them."""
    origin.fault("a-fr/3.m4s", o.status(404))
    assert got("get", "demo:harbour-1", "--audio", "en,fr", "-N", "1").code == 4
    origin.mend()
    got.ok("check", "--repair")
    origin.forget()
    got.ok("get", "demo:harbour-1", "--audio", "en,fr")
    assert [a.path for a in origin.asked("a-fr") if a.path.endswith(("mp4", "m4s"))] == ["/titles/harbour-1/a-fr/3.m4s"]


def test_a_title_that_is_not_there_is_said_and_the_others_are_checked(got: Offlinedl) -> None:
    result = got("check", "demo:nothing", "demo:lighthouse")
    assert (result.code, result.out) == (3, "The Lighthouse: all 9 files hold. Available\n")


def test_an_empty_home_has_nothing_to_check(offlinedl: Offlinedl) -> None:
    assert offlinedl.ok("check").err == "Nothing to check.\n"


def test_events_for_programs(got: Offlinedl) -> None:
    flip(next(folder(got).glob("video-*/000001.m4s")))
    result = got("check", "demo:harbour-1", "--progress", "json")
    events: list[dict[str, Any]] = [json.loads(line) for line in result.err.splitlines()]
    assert [event["event"] for event in events] == ["begin", "step", "error"]
    assert events[-1]["exit_code"] == result.code == 8
