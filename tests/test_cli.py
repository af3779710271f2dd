"""The command line as people and scripts meet it: codes, two streams, two lines, and nothing drawn by strangers."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from offlinedl.demo.origin import DATA
from tests import origin as o
from tests.conftest import Offlinedl, Result
from tests.origin import Origin


def assert_two_lines(result: Result, code: int) -> None:
    """An error is one: what, and what to do about it; nothing is on stdout."""
    assert (result.code, result.out) == (code, ""), result
    what, hint = result.err.splitlines()
    assert re.match("error: .", what)
    assert re.match("hint: .", hint)


def rows(home: Path, statement: str) -> list[tuple[object, ...]]:
    """What a statement finds in the catalog, or changes there."""
    connection = sqlite3.connect(home / "catalog.db")
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


def tree(home: Path) -> dict[str, bytes]:
    """Every file of a home."""
    names = (f for f in home.rglob("*") if f.is_file() and not f.name.startswith("catalog.db-"))
    return {f.relative_to(home).as_posix(): f.read_bytes() for f in names}


# how it is misused

MISUSES = [
    pytest.param(["gte"], id="an unknown verb"),
    pytest.param(["gte", "list"], id="an unknown verb before a known word"),
    pytest.param(["--hom"], id="an unknown option before the verb"),
    pytest.param(["get"], id="a title is missing"),
    pytest.param(["show"], id="the title to show is missing"),
    pytest.param(["rm"], id="nothing named to remove"),
    pytest.param(["list", "extra"], id="one word too many"),
    pytest.param(["list", "--jsn"], id="an unknown option"),
    pytest.param(["list", "--state"], id="an option without its value"),
    pytest.param(["list", "--state", "done"], id="no state"),
    pytest.param(["list", "--sort", "colour"], id="no order"),
    pytest.param(["list", "--until", "tomorrow"], id="no date"),
    pytest.param(["get", "demo:a", "-N", "0"], id="too few connections"),
    pytest.param(["get", "demo:a", "-N", "many"], id="no number"),
    pytest.param(["get", "demo:a", "-N", "٣"], id="a number in other digits"),
    pytest.param(["get", "demo:a", "-N", "1" * 5000], id="more than a number"),
    pytest.param(["show", os.fsdecode(b"demo:\xff")], id="no text"),
    pytest.param(["get", "demo:a", "--header", "X-Token"], id="no header"),
    pytest.param(["get", "demo:a", "--header", "X-Token: a\nX-Other: b"], id="two headers in one"),
    pytest.param(["get", "demo:a", "--license-header", "X: y"], id="a header for no server"),
    pytest.param(["source"], id="a verb below is missing"),
    pytest.param(["source", "ad"], id="an unknown verb below"),
    pytest.param(["source", "add", "demo"], id="an address is missing"),
    pytest.param(["source", "add", "url", "https://127.0.0.1:1/"], id="a name that means something else"),
    pytest.param(["source", "add", "a:b", "https://127.0.0.1:1/"], id="no name"),
    pytest.param(["show", "\x1b[2J", "\x1b[2J"], id="control codes"),
    pytest.param(["\x1b[2J\nerror: x"], id="control codes as a verb"),
]


@pytest.mark.parametrize("words", MISUSES)
def test_misuse_is_two_lines_and_exit_code_2(words: list[str], offlinedl: Offlinedl) -> None:
    result = offlinedl(*words)
    if words == ["source"]:  # its help is on stdout
        assert result.code == 2
        return
    assert_two_lines(result, 2)
    assert result.err.replace("\n", "").isprintable()


def test_a_quality_that_is_none_is_misuse(demo: Offlinedl) -> None:
    assert_two_lines(demo("get", "demo:harbour-1", "-q", "good"), 2)
    assert demo.listed() == []


@pytest.mark.parametrize(
    "words", [["show", "demo:nothing"], ["play", "demo:nothing"], ["rm", "demo:nothing"], ["source", "remove", "x"]]
)
def test_what_is_not_there_is_exit_code_3(words: list[str], offlinedl: Offlinedl) -> None:
    assert_two_lines(offlinedl(*words), 3)


def test_a_name_of_two_is_exit_code_3_with_both(demo: Offlinedl) -> None:
    demo.ok("get", "demo:harbour-1", "demo:harbour-2")
    rows(demo.home, "UPDATE titles SET name = 'Same'")
    result = demo("show", "Same")
    assert_two_lines(result, 3)
    assert "demo:harbour-1, demo:harbour-2" in result.err


@pytest.mark.parametrize("words", [[], ["--help"], ["list", "-h"], ["get", "--help"]])
def test_help_is_plain_text_on_stdout(words: list[str], offlinedl: Offlinedl) -> None:
    result = offlinedl(*words)
    assert (result.code, result.err) == (0 if words else 2, "")
    assert "Usage: offlinedl" in result.out
    assert "\x1b" not in result.out


def test_the_version_is_one_line(offlinedl: Offlinedl) -> None:
    assert re.fullmatch(r"offlinedl \d+\.\d+\.\d+\n", offlinedl.ok("--version").out)


# two streams


def test_json_is_one_document_and_alone_on_stdout(demo: Offlinedl) -> None:
    """C62."""
    got = demo.ok("get", "demo:harbour-1", "demo:lighthouse", "--json")
    assert [title["id"] for title in got.json] == ["demo:harbour-1", "demo:lighthouse"]
    assert "asking for the license" in got.err
    listed = demo.ok("list", "--json")
    shown = demo.ok("show", "demo:harbour-1", "--json")
    assert listed.json[0].items() <= shown.json.items()
    assert demo.ok("source", "list", "--json").json[0]["name"] == "demo"
    assert listed.err == shown.err == ""


def test_json_stays_one_document_when_some_fail(demo: Offlinedl) -> None:
    result = demo("get", "demo:nothing", "demo:lighthouse", "demo:neither", "--json")
    assert result.code == 3
    assert [title["id"] for title in result.json] == ["demo:lighthouse"]
    assert result.err.count("error: ") == 2
    assert demo("get", "demo:nothing", "--json").json == []


def test_one_file_is_no_plural(demo: Offlinedl) -> None:
    demo.ok("get", "demo:lighthouse")
    assert re.search(r"subtitles en +1 file, 228 B ", demo.ok("show", "demo:lighthouse").out)


def test_nothing_is_a_document_too(offlinedl: Offlinedl) -> None:
    assert offlinedl.ok("list", "--json").out == "[]\n"
    assert offlinedl.ok("source", "list", "--json").json == []
    empty = offlinedl.ok("list")
    assert empty.out == ""
    assert "Nothing here yet" in empty.err


def test_secrets_are_in_no_output(demo: Offlinedl, origin: Origin) -> None:
    """C64."""
    url = f"{origin.url.replace('//', '//me:s3cr3t@')}/titles/lighthouse/manifest.mpd?token=s3cr3t"
    header = ["--header", "X-Token: s3cr3t"]
    origin.fault("v720", o.status(404), times=2)
    outputs = [demo("get", url, *header), demo("get", url, *header, "--json")]
    assert [result.code for result in outputs] == [3, 0]
    title = outputs[1].json[0]["id"]
    outputs += [demo.ok("show", title), demo.ok("show", title, "--json"), demo.ok("list", "--json")]
    assert not any("s3cr3t" in result.out + result.err for result in outputs)
    assert origin.asked("v720")[0].headers["X-Token"] == "s3cr3t"


# the terminal


def on_terminal(*words: str, **environment: str) -> str:
    """All that a command writes where stdout and stderr are a terminal."""
    master, slave = pty.openpty()
    plain = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "TERM"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "offlinedl", *words], stdout=slave, stderr=slave, env={**plain, **environment}
    )
    os.close(slave)
    written = b""
    while True:
        try:
            written += os.read(master, 65536)
        except OSError:  # the terminal is closed when the process is gone
            break
    os.close(master)
    assert process.wait() in {0, 3}, written
    return written.decode()


@pytest.mark.parametrize(
    "environment", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"]
)
def test_a_terminal_that_wants_plain_text_gets_it(environment: dict[str, str], demo: Offlinedl) -> None:
    """C62: also while a download is watched."""
    for words in (["get", "demo:lighthouse"], ["list"], ["show", "demo:lighthouse"], ["show", "nothing"]):
        written = on_terminal(*words, **environment)
        assert written
        assert "\x1b" not in written, words


def test_a_terminal_gets_colours(demo: Offlinedl) -> None:
    """The refusals above are not for another reason."""
    demo.ok("get", "demo:lighthouse")
    assert "\x1b[1m" in on_terminal("list", TERM="xterm")
    assert "\x1b[31merror:\x1b[0m" in on_terminal("show", "nothing", TERM="xterm")


def test_without_a_terminal_there_are_no_codes(demo: Offlinedl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR")
    for words in (["get", "demo:lighthouse"], ["list"], ["show", "demo:lighthouse"], ["show", "nothing"], ["--help"]):
        result = demo(*words)
        assert "\x1b" not in result.out + result.err


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31mLow\rTide\u202e\nerror: forged"


@pytest.fixture
def hostile(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    """A home that knows a service whose every word is an attempt to draw."""
    feed = json.loads((DATA / "feed.json").read_text())
    for title in feed["titles"]:
        title["name"] = f"{HOSTILE} {title['id']}"
        title["series"] = {"id": "s", "name": HOSTILE}
    feed["titles"].append({"id": HOSTILE, "sources": [{"url": "titles/lighthouse/manifest.mpd"}]})
    refused = {"download": False, "reason": HOSTILE}
    feed["titles"].append({"id": "refused", "sources": [{"url": "titles/lighthouse/manifest.mpd"}], "rights": refused})
    origin.fault("/feed.json", o.body(json.dumps(feed).encode()))
    return offlinedl


def test_a_name_keeps_the_joiners_that_it_is_spelled_with(offlinedl: Offlinedl, origin: Origin) -> None:
    """And an id: what is shown can be said."""
    family, want = "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}", "می\N{ZERO WIDTH NON-JOINER}خواهم"
    source = {"url": "titles/lighthouse/manifest.mpd"}
    feed = {"offlinedl": 1, "name": "TV", "titles": [{"id": family, "name": want, "sources": [source]}]}
    origin.fault("/feed.json", o.body(json.dumps(feed).encode()))
    offlinedl.ok("source", "add", "tv", f"{origin.url}/feed.json")
    offlinedl.ok("get", f"tv:{family}")
    assert f"tv:{family}" in offlinedl.ok("list").out
    assert offlinedl.ok("show", f"tv:{family}", "--json").json["name"] == want
    assert want in offlinedl.ok("show", f"tv:{family}").out


def assert_calm(text: str) -> None:
    assert all(line.isprintable() for line in text.split("\n")), text
    assert not any(line.startswith("error: forged") for line in text.split("\n"))


STEPS = [
    ("source", "add", "demo", "{feed}"),
    ("get", "demo:harbour-1"),
    ("get", "demo:refused"),
    ("get", f"demo:{HOSTILE}"),
    ("get", "demo:harbour-1"),
    ("list",),
    ("list", "--json"),
    ("show", "demo:harbour-1"),
    ("show", "demo:harbour-1", "--json"),
    ("show", f"demo:{HOSTILE}"),
    ("play", "demo:harbour-1", "--player", "mpv"),
    ("rm", "--all", "--dry-run"),
    ("rm", "--all"),
]


def test_names_of_a_feed_draw_nothing(hostile: Offlinedl, origin: Origin) -> None:
    for words in STEPS:
        result = hostile(*(word.format(feed=f"{origin.url}/feed.json") for word in words))
        assert result.code == (5 if words[-1] == "demo:refused" else 0), result
        assert_calm(result.out)
        assert_calm(result.err)


def test_names_of_a_feed_draw_nothing_on_a_terminal_either(hostile: Offlinedl, origin: Origin) -> None:
    """The bar draws; they do not."""
    hostile.ok("source", "add", "demo", f"{origin.url}/feed.json")
    written = on_terminal("get", "demo:harbour-1", TERM="xterm") + on_terminal("list", TERM="xterm")
    for code in ("\x1b]0;", "\x07", "\x1b[2J", "\x9b", "\u202e"):
        assert code not in written
    assert "Low" in written


def test_a_reader_that_has_heard_enough_is_no_defect(demo: Offlinedl) -> None:
    demo.ok("get", "demo:lighthouse")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "offlinedl", "list"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert done.stderr == b""


# --home, -v


@pytest.mark.parametrize(
    "words",
    [["--home", "{}", "list"], ["list", "--home", "{}"], ["source", "list", "--home", "{}"]],
    ids=["before the verb", "after the verb", "after two verbs"],
)
def test_home_may_stand_before_and_after_the_verb(words: list[str], offlinedl: Offlinedl, tmp_path: Path) -> None:
    offlinedl.ok(*(word.format(tmp_path / "other") for word in words))
    assert (tmp_path / "other/catalog.db").exists()
    assert not (offlinedl.home / "catalog.db").exists()


def test_of_two_homes_the_nearest_counts(offlinedl: Offlinedl, tmp_path: Path) -> None:
    offlinedl.ok("--home", str(tmp_path / "one"), "list", "--home", str(tmp_path / "two"))
    assert [(tmp_path / name / "catalog.db").exists() for name in ("one", "two")] == [False, True]


@pytest.mark.parametrize("words", [["list"], ["-v", "list"], ["list", "-v"]], ids=" ".join)
def test_a_defect_shows_its_traceback_with_v_only(
    words: list[str], demo: Offlinedl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A catalog with a text that offlinedl never wrote."""
    monkeypatch.setenv("OFFLINEDL_VERBOSE", "")
    demo.ok("get", "demo:lighthouse")
    rows(demo.home, "UPDATE titles SET rights = '{'")
    result = demo(*words)
    assert (result.code, result.out) == (1, "")
    *traceback, what, hint = result.err.splitlines()
    assert what.startswith("error: a defect in offlinedl")
    assert hint.startswith("hint: ")
    assert (traceback[:1] == ["Traceback (most recent call last):"]) == ("-v" in words)
    assert bool(traceback) == ("-v" in words)


# list


@pytest.fixture
def full(demo: Offlinedl, origin: Origin) -> Offlinedl:
    """A home with one title for 30 days, one for 7, one without end, and one that failed."""
    origin.fault("/harbour-2/", o.status(404))
    assert demo("get", "demo:harbour-1", "demo:ferry", "demo:lighthouse").code == 0
    assert demo("get", "demo:harbour-2").code == 3
    origin.mend()
    origin.fault("/harbour-2/v720/2.m4s", o.status(404))
    assert demo("get", "demo:harbour-2").code == 4
    return demo


def ids(result: Result) -> list[str]:
    return [title["id"].removeprefix("demo:") for title in result.json]


def test_list_by_state(full: Offlinedl) -> None:
    """A47."""
    assert sorted(ids(full.ok("list", "--state", "ready", "--json"))) == ["ferry", "harbour-1", "lighthouse"]
    assert ids(full.ok("list", "--state", "failed", "--json")) == ["harbour-2"]
    none = full.ok("list", "--state", "expired")
    assert none.out == ""
    assert "No title is like that" in none.err
    assert full.ok("list", "--state", "expired", "--json").json == []


@pytest.mark.parametrize(
    ("days", "left"),
    [(1, ["ferry", "harbour-1", "lighthouse"]), (10, ["harbour-1", "lighthouse"]), (400, ["lighthouse"])],
)
def test_list_of_what_still_plays_then(days: int, left: list[str], full: Offlinedl) -> None:
    then = datetime.now(UTC) + timedelta(days)
    assert sorted(ids(full.ok("list", "--until", f"{then:%Y-%m-%d}", "--json"))) == left
    assert sorted(ids(full.ok("list", "--until", then.isoformat(), "--json"))) == left


@pytest.mark.parametrize("date", ["9999-12-31", "0001-01-01", "9999-12-31T23:59:59-14:00"])
def test_a_date_at_the_end_of_the_calendar_is_no_defect(date: str, full: Offlinedl) -> None:
    assert full("list", "--until", date).code in {0, 2}


SORTED = [
    ("series", ["harbour-1", "harbour-2"]),
    ("name", ["harbour-2", "harbour-1"]),  # High Water, Low Tide
    ("expires", ["ferry", "harbour-1", "lighthouse"]),
    ("state", ["harbour-2", "ferry"]),
]


@pytest.mark.parametrize(("key", "order"), SORTED, ids=[key for key, _ in SORTED])
def test_list_in_order(key: str, order: list[str], full: Offlinedl) -> None:
    found = ids(full.ok("list", "--sort", key, "--json"))
    assert len(found) == 4
    assert [title for title in found if title in order] == order


def test_list_by_size(full: Offlinedl) -> None:
    sizes = [title["bytes"]["done"] for title in full.ok("list", "--sort", "size", "--json").json]
    assert sizes == sorted(sizes, reverse=True)


def test_list_says_in_words_what_is_left(full: Offlinedl) -> None:
    text = full.ok("list").out
    assert re.search(r"demo:harbour-1 .* Available for 29 more days\n", text)
    assert re.search(r"demo:lighthouse .* Available\n", text)
    assert re.search(r"demo:harbour-2 .* Failed: .*segment 1: .*status 404", text)


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ("season = 2, episode = 1", "S2 E1"),
        ("season = 1, episode = 0", "S1 E0"),
        ("season = NULL, episode = 12", "E12"),
    ],
)
def test_list_numbers_episodes(numbers: str, shown: str, demo: Offlinedl) -> None:
    """The pilot is episode 0, and podcasts have no seasons."""
    demo.ok("get", "demo:lighthouse")
    rows(demo.home, f"UPDATE titles SET series_id = 'demo:s', series_name = 'Sea', {numbers}")
    assert f"  Sea  {shown}  The Lighthouse  " in demo.ok("list").out


# rm


@pytest.fixture
def held(demo: Offlinedl) -> Offlinedl:
    """A home with two protected titles."""
    demo.ok("get", "demo:harbour-1", "demo:harbour-2")
    return demo


@pytest.mark.parametrize("words", [["--all"], ["demo:harbour-1", "harbour-2"], ["Low Tide", "High Water"]])
def test_rm_dry_run_changes_nothing(words: list[str], held: Offlinedl) -> None:
    """C70."""
    before, listed = tree(held.home), held.listed()
    result = held.ok("rm", "--dry-run", *words)
    assert [line.split()[:3] for line in result.out.splitlines()] == [
        ["would", "remove", "demo:harbour-1"],
        ["would", "remove", "demo:harbour-2"],
    ]
    assert held.listed() == listed
    assert tree(held.home) == before


def test_rm_frees_every_byte_and_remembers_what_it_owes(held: Offlinedl, origin: Origin) -> None:
    """A33, B22."""
    origin.fault("/license", o.status(503))
    shown = held.ok("show", "demo:harbour-1", "--json").json
    held.play("demo:harbour-1")
    [(slot,)] = rows(held.home, "SELECT license_slot FROM titles WHERE id = 'demo:harbour-1'")
    assert (held.home / f"vault/{slot}.sealed").exists()

    result = held.ok("rm", "demo:harbour-1")
    assert re.fullmatch(r"removed demo:harbour-1, \d+ kB freed\n", result.out)
    assert not Path(shown["folder"]).exists()
    assert len(list((held.home / "titles").iterdir())) == 1
    assert not (held.home / f"vault/{slot}.sealed").exists()
    assert len(list((held.home / "vault").glob("*.sealed"))) == 1
    [record] = rows(held.home, "SELECT license_id, title_id, kids, first_played_at IS NULL FROM destructions")
    assert (record[0], record[1], record[3]) == (slot, "demo:harbour-1", 0)
    assert record[2]
    for table in ("titles", "licenses"):
        assert rows(held.home, f"SELECT count(*) FROM {table}") == [(1,)]
    assert [title["id"] for title in held.listed()] == ["demo:harbour-2"]
    assert held("rm", "demo:harbour-1").code == 3


def test_rm_needs_no_network(held: Offlinedl, origin: Origin) -> None:
    """B21, B22."""
    origin.forget()
    origin.fault("", o.dropped())
    held.ok("rm", "--all")
    assert held.listed() == []
    assert [f.name for f in (held.home / "vault").iterdir()] == ["key"]
    assert list((held.home / "titles").iterdir()) == []


def test_rm_owes_also_for_a_license_that_no_row_names(held: Offlinedl, origin: Origin) -> None:
    """It was granted, and the process died before the catalog heard of it."""
    origin.fault("/license", o.status(503))
    rows(held.home, "UPDATE titles SET state = 'downloading', license_id = NULL")
    rows(held.home, "DELETE FROM licenses")
    held.ok("rm", "--all")
    assert [f.name for f in (held.home / "vault").iterdir()] == ["key"]
    assert rows(held.home, "SELECT count(*) FROM destructions") == [(2,)]


def test_rm_finishes_a_removal_that_was_cut_off(held: Offlinedl) -> None:
    rows(held.home, "UPDATE titles SET state = 'removing' WHERE id = 'demo:harbour-1'")
    assert held.listed()[0]["message"] == "Being removed"
    held.ok("rm", "demo:harbour-1")
    assert len(list((held.home / "titles").iterdir())) == 1


def test_rm_of_several_goes_on_after_one_that_is_not_there(held: Offlinedl) -> None:
    """C68."""
    result = held("rm", "demo:nothing", "demo:harbour-1")
    assert result.code == 3
    assert "removed demo:harbour-1" in result.out
    assert "error: demo:nothing" in result.err


def test_rm_of_what_is_expired_or_watched(held: Offlinedl) -> None:
    rows(held.home, "UPDATE licenses SET issued_at = '2020-01-01T00:00:00+00:00' WHERE title_id = 'demo:harbour-1'")
    rows(held.home, "UPDATE titles SET watched = 1 WHERE id = 'demo:harbour-2'")
    assert "demo:harbour-1" in held.ok("rm", "--expired").out
    assert [title["id"] for title in held.listed()] == ["demo:harbour-2"]
    assert "demo:harbour-2" in held.ok("rm", "--watched").out
    nothing = held.ok("rm", "--watched")
    assert (nothing.out, nothing.err) == ("", "Nothing to remove.\n")


def test_an_expired_title_whose_file_is_gone_is_completed_again(held: Offlinedl) -> None:
    shown = held.ok("show", "demo:harbour-1", "--json").json
    (Path(shown["folder"]) / shown["tracks"][0]["files"][1]["path"]).unlink()
    rows(held.home, "UPDATE licenses SET issued_at = '2020-01-01T00:00:00+00:00' WHERE title_id = 'demo:harbour-1'")
    held.ok("get", "demo:harbour-1")
    assert [title["state"] for title in held.listed()] == ["ready", "ready"]


@pytest.mark.parametrize(
    ("words", "converted"),
    [
        pytest.param(["list", "--state", "ready", "--sort", "name"], False, id="words that stay words"),
        pytest.param(["mark", "demo:ferry", "--watched"], False, id="a title, and what is said of it"),
        pytest.param(["mark", "demo:ferry", "--priority", "3"], False, id="a number"),
        pytest.param(["mark", "demo:ferry", "--priority", "-3"], True, id="what is rare"),
        pytest.param(["mark", "demo:ferry", "--priority", "1000"], True, id="what is wrong"),
    ],
)
def test_what_converts_words_is_imported_where_there_is_something_to_convert(
    words: list[str], converted: bool, offlinedl: Offlinedl
) -> None:
    program = "import sys; from offlinedl.cli.main import run; run(sys.argv[1:]); print('pydantic' in sys.modules)"
    command = [sys.executable, "-c", program, *words, "--home", str(offlinedl.home)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == str(converted)


# what a hand could do to the files


def test_a_vault_that_is_a_file_is_storage_not_a_defect(demo: Offlinedl) -> None:
    (demo.home / "vault").write_text("in the way")
    assert_lines_end(demo("get", "demo:harbour-1"), 6)


def test_a_lost_vault_key_costs_the_license_and_no_media(held: Offlinedl, origin: Origin) -> None:
    (held.home / "vault/key").unlink()
    rows(held.home, "UPDATE titles SET state = 'paused'")
    origin.forget()
    held.ok("get", "demo:harbour-1")
    assert len(origin.asked("/license")) == 1
    assert not origin.asked(".m4s")


def assert_lines_end(result: Result, code: int) -> None:
    """After whatever progress there was, an error in two lines."""
    assert result.code == code, result
    assert [line.partition(" ")[0] for line in result.err.splitlines()[-2:]] == ["error:", "hint:"]


@pytest.mark.parametrize("words", [["--expired"], ["--watched"], ["demo:ferry"]], ids=" ".join)
def test_all_beside_fewer_removes_nothing(words: list[str], demo: Offlinedl) -> None:
    demo.ok("get", "demo:ferry")
    assert demo("rm", "--all", *words).code == 2
    assert [title["state"] for title in demo.listed()] == ["ready"]
