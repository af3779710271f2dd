"""A title that is wrong in a feed is left out, with a word that says where it stands; the others come."""

from __future__ import annotations

import pytest

from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.test_refresh import Source, feed, listed, offers, title


@pytest.fixture
def source(offlinedl: Offlinedl, origin: Origin) -> Source:
    source = Source(origin, feed(title("a"), title("b")))
    offlinedl.ok("source", "add", "own", source.url)
    return source


def test_a_damaged_title_is_left_out_and_said_once(offlinedl: Offlinedl, source: Source) -> None:
    wrong = title("d", published="soon")
    source.content, source.etag = feed(title("c"), wrong, title("b")), '"2"'
    result = offlinedl.ok("sync", "--quiet")
    assert result.err == "warning: own: left out: titles[1].published: not a date (ISO 8601)\n"
    assert offers(offlinedl) == ["c", "b"]
    assert "left out: titles[1].published" in offlinedl.ok("source", "list").out
    source.content, source.etag = feed(title("e"), title("c"), wrong, title("b")), '"3"'
    result = offlinedl.ok("sync")
    assert (result.out, result.err) == ("own: its offers were read. 1 new, 0 gone\n", "")
    assert listed(offlinedl)["left_out"] == "titles[2].published: not a date (ISO 8601)"
    source.content, source.etag = feed(title("c"), title("d", published="2026-11-01")), '"4"'
    offlinedl.ok("sync")
    assert (offers(offlinedl), listed(offlinedl)["left_out"]) == (["c", "d"], None)


def test_what_is_left_out_is_named_when_the_source_is_added(offlinedl: Offlinedl, origin: Origin) -> None:
    source = Source(origin, feed(title("a"), title("b", season="x", published="soon"), {"id": "c"}))
    result = offlinedl.ok("source", "add", "more", source.url)
    assert result.out == "more: 1 title\n  more:a  a\n"
    assert result.err.splitlines() == [
        "left out: titles[1].season: not a whole number",
        "left out: titles[1].published: not a date (ISO 8601)",
        "left out: titles[2].sources: missing",
    ]


def test_all_that_a_source_offers_is_shown(offlinedl: Offlinedl, origin: Origin) -> None:
    series = {"id": "s", "name": "Sea"}
    titles = [title(f"t{n}", series=series, season=1, episode=n, published="2026-11-01") for n in range(40)]
    source = Source(origin, feed(*titles, title("no", rights={"download": False})))
    assert "and 21 more: `offlinedl source show own`" in offlinedl.ok("source", "add", "own", source.url).out
    shown = offlinedl.ok("source", "show", "own")
    assert len(shown.out.splitlines()) == 42
    assert shown.out.splitlines()[1].split() == ["own:t0", "t0", "2026-11-01", "Sea", "S1", "E0"]
    assert shown.out.splitlines()[-1].endswith("may not be downloaded")
    [first, *_, last] = offlinedl.ok("source", "show", "own", "--json").json
    assert (first["id"], first["episode"], last["download"]) == ("own:t0", 0, False)
    assert first["published"] == "2026-11-01T00:00:00Z"
    assert offlinedl("source", "show", "none").code == 3


SAID = [
    pytest.param(["get", "own:none"], "`offlinedl source show own` shows those that it has", id="no such title"),
    pytest.param(["source", "add", "http", "x"], "none of http, https, url", id="a name that means something else"),
    pytest.param(["follow", "a"], "no title of your sources belongs to a series", id="no series at all"),
]


@pytest.mark.parametrize(("words", "hint"), SAID)
def test_hints_help(words: list[str], hint: str, offlinedl: Offlinedl, source: Source) -> None:
    assert hint in offlinedl(*words).err


def test_what_is_no_json_is_one_thing_wrong(offlinedl: Offlinedl, source: Source) -> None:
    source.content, source.etag = b'{"offlinedl": 1, ', '"2"'
    assert offlinedl("source", "check", "own").out.endswith("0 titles: 1 thing wrong\n")
