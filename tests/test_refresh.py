"""What sources offer comes to the catalog: where nothing changed next to nothing is done, where one fails the last good
state stays."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest
from aiohttp import web

from offlinedl.api.home import Home, Network
from offlinedl.errors import NotFoundError
from offlinedl.sources import Said
from offlinedl.sources.reading import Sent
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Handler, Origin
from tests.seasons import FEED, known, ready
from tests.shelf import Time

SECRET = "s3cr3t"


def title(id_: str, **more: Any) -> dict[str, Any]:
    drm = [{"system": "clearkey", "license_url": f"license?token={SECRET}", "headers": {"X-Token": SECRET}}]
    return {"id": id_, "sources": [{"url": f"titles/lighthouse/manifest.mpd?sig={SECRET}", "drm": drm}], **more}


def feed(*titles: dict[str, Any]) -> bytes:
    return json.dumps({"offlinedl": 1, "titles": titles}).encode()


class Source:
    """A source at /own.json that tells its version, and heeds conditions."""

    def __init__(self, origin: Origin, content: bytes) -> None:
        self.content, self.etag, self.sent = content, '"1"', 0
        self.meanwhile: Callable[[], object] = lambda: None
        self.url = f"{origin.url}/own.json"
        origin.fault("^/own.json$", self._answer)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = {"ETag": self.etag, "Last-Modified": "Sun, 01 Nov 2026 00:00:00 GMT"} if self.etag else {}
        if self.etag and request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304, headers=headers)
        self.sent += 1
        self.meanwhile()
        return web.Response(body=self.content, headers=headers)


@pytest.fixture
def source(offlinedl: Offlinedl, origin: Origin) -> Source:
    source = Source(origin, feed(title("a"), title("b")))
    offlinedl.ok("source", "add", "own", source.url)
    origin.forget()
    return source


def offers(offlinedl: Offlinedl) -> list[str]:
    with closing(sqlite3.connect(offlinedl.home / "catalog.db")) as catalog:
        return [row[0] for row in catalog.execute("SELECT name FROM offers ORDER BY source, position")]


def mark(offlinedl: Offlinedl) -> None:
    """Whoever writes the offers anew writes over this."""
    with closing(sqlite3.connect(offlinedl.home / "catalog.db")) as catalog, catalog:
        catalog.execute("UPDATE offers SET name = 'as it was'")


def listed(offlinedl: Offlinedl) -> Any:
    return offlinedl.ok("source", "list", "--json").json[0]


def test_what_is_known_is_not_sent_again(offlinedl: Offlinedl, source: Source, origin: Origin) -> None:
    mark(offlinedl)
    assert offlinedl.ok("sync").err == "Nothing to do.\n"
    [asked] = origin.asked("/own.json")
    assert asked.headers["If-None-Match"] == '"1"'
    assert asked.headers["If-Modified-Since"] == "Sun, 01 Nov 2026 00:00:00 GMT"
    assert source.sent == 1
    assert set(offers(offlinedl)) == {"as it was"}


@pytest.mark.parametrize("etag", ["", '"2"'])
def test_what_is_the_same_is_not_written_again(offlinedl: Offlinedl, source: Source, etag: str) -> None:
    mark(offlinedl)
    source.etag = etag
    assert offlinedl.ok("sync").err == "Nothing to do.\n"
    assert source.sent == 2
    assert set(offers(offlinedl)) == {"as it was"}


def test_what_changed_is_read_as_a_whole(offlinedl: Offlinedl, source: Source) -> None:
    source.content, source.etag = feed(title("c"), title("b"), title("d")), '"2"'
    assert offlinedl.ok("sync").out == "own: its offers were read. 2 new, 1 gone\n"
    assert offers(offlinedl) == ["c", "b", "d"]
    assert offlinedl.ok("sync").err == "Nothing to do.\n"
    assert source.sent == 2


def test_a_dry_run_asks_nobody(offlinedl: Offlinedl, source: Source, origin: Origin) -> None:
    offlinedl.ok("sync", "--dry-run")
    assert origin.log == []


BROKEN = [
    pytest.param(feed({"id": "c"}, {}), "titles[0].sources: missing, and 2 other things", id="all titles are damaged"),
    pytest.param(feed(title("c")).replace(b"1,", b'1, "limits": 5,'), "limits: not an object", id="its limits are"),
    pytest.param(b'{"offlinedl": 1, "titl', "the feed is not JSON", id="cut off"),
    pytest.param(b"<html>Sign in</html>", "the feed is not JSON", id="a login page"),
    pytest.param(b"", "the feed is not JSON", id="nothing"),
]


@pytest.mark.parametrize(("content", "said"), BROKEN)
def test_a_damaged_source_leaves_its_last_good_state(
    offlinedl: Offlinedl, source: Source, content: bytes, said: str
) -> None:
    good, source.content, source.etag = source.content, content, '"2"'
    result = offlinedl.ok("sync")
    assert result.err.startswith("warning: own: ")
    assert said in result.err
    assert offers(offlinedl) == ["a", "b"]
    found = listed(offlinedl)
    assert (found["titles"], found["error"]["message"] in result.err) == (2, True)
    assert "fails since" in offlinedl.ok("source", "list").out
    source.content = good
    assert offlinedl.ok("sync").err == "Nothing to do.\n"
    assert (listed(offlinedl)["error"], listed(offlinedl)["failing_since"]) == (None, None)


def test_a_source_that_is_away_stops_no_other(offlinedl: Offlinedl, source: Source, origin: Origin) -> None:
    offlinedl.ok("source", "add", "demo", f"{origin.url}/feed.json")
    origin.fault("^/feed.json$", o.status(500))
    source.content, source.etag = feed(title("c")), '"2"'
    result = offlinedl.ok("sync", "--json")
    assert [(step["title"], step["result"]) for step in result.json] == [("demo", "warning"), ("own", "done")]
    since = listed(offlinedl)["failing_since"]
    offlinedl.ok("sync")
    assert listed(offlinedl)["failing_since"] == since
    assert listed(offlinedl)["titles"] == 4


def test_one_that_hangs_holds_up_no_other(offlinedl: Offlinedl, source: Source, origin: Origin) -> None:
    """It answers only when the next one was asked."""
    with (offlinedl.home / "config.toml").open("a") as settings:
        settings.write("stall_seconds = 3\n")
    offlinedl.ok("source", "add", "demo", f"{origin.url}/feed.json")
    asked = asyncio.Event()
    source.content, source.etag, source.meanwhile = feed(title("c")), '"2"', asked.set
    origin.fault("^/feed.json$", o.held(asked))
    assert offlinedl.ok("sync").err == ""
    assert "c" in offers(offlinedl)


def test_a_source_is_asked_twice_at_most(offlinedl: Offlinedl, source: Source, origin: Origin) -> None:
    origin.mend()
    origin.fault("^/own.json$", o.dropped())
    offlinedl.ok("sync")
    assert len(origin.asked("/own.json")) == 2
    assert offlinedl("source", "add", "other", source.url).code == 4
    assert len(origin.asked("/own.json")) == 4


MEANWHILE = [
    pytest.param("DELETE FROM sources", [], id="removed"),
    pytest.param("UPDATE sources SET url = url || '?other'", ["a", "b"], id="given another address"),
]


@pytest.mark.parametrize(
    "content", [feed(title("c")), feed(title("a"), title("b")), b"{}"], ids=["changed", "unchanged", "damaged"]
)
@pytest.mark.parametrize(("statement", "left"), MEANWHILE)
def test_what_was_decided_about_a_source_while_it_was_read_holds(
    offlinedl: Offlinedl, origin: Origin, source: Source, content: bytes, statement: str, left: list[str]
) -> None:
    def decide() -> None:
        with closing(sqlite3.connect(offlinedl.home / "catalog.db")) as catalog, catalog:
            catalog.execute("PRAGMA foreign_keys = ON")
            catalog.execute(statement)

    source.content, source.etag, source.meanwhile = content, '"2"', decide
    offlinedl.ok("sync")
    assert offers(offlinedl) == left
    assert all(found["error"] is None for found in offlinedl.ok("source", "list", "--json").json)
    source.meanwhile = lambda: None
    offlinedl.ok("sync")
    assert not any('"2"' in asked.headers.get("If-None-Match", "") for asked in origin.asked("/own.json"))


@pytest.mark.parametrize("words", [["source", "list"], ["doctor"]], ids=" ".join)
def test_times_are_those_of_the_place(words: list[str], offlinedl: Offlinedl, source: Source) -> None:
    source.content, source.etag = b"{}", ""
    offlinedl("sync")
    with closing(sqlite3.connect(offlinedl.home / "catalog.db")) as catalog, catalog:
        catalog.execute("UPDATE sources SET failing_since = '2026-11-01T20:00:00.000000+00:00'")
    command = [sys.executable, "-m", "offlinedl", *words, "--home", str(offlinedl.home)]
    environment = {**os.environ, "TZ": "Asia/Tokyo"}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    assert " fails since 2026-11-02 05:00: " in told


def test_nothing_is_added_where_nothing_can_be_read(offlinedl: Offlinedl, source: Source) -> None:
    source.content = b"{}"
    assert offlinedl("source", "add", "other", source.url).code == 9
    assert [found["name"] for found in offlinedl.ok("source", "list", "--json").json] == ["own"]


def test_another_address_is_another_source(offlinedl: Offlinedl, source: Source, origin: Origin) -> None:
    offlinedl.ok("source", "remove", "own")
    offlinedl.ok("source", "add", "own", f"{origin.url}/feed.json")
    assert offers(offlinedl) == ["Low Tide", "High Water", "The Lighthouse", "The Ferry"]
    assert "If-None-Match" not in origin.log[-1].headers


def test_no_secret_of_a_feed_is_in_the_catalog(offlinedl: Offlinedl, source: Source) -> None:
    source.content, source.etag = feed(title("c", poster=f"p?token={SECRET}")), '"2"'
    offlinedl.ok("sync")
    for file in offlinedl.home.glob("catalog.db*"):
        assert SECRET.encode() not in file.read_bytes(), file


def test_an_id_alone_is_looked_up_where_it_was_offered(offlinedl: Offlinedl, source: Source, origin: Origin) -> None:
    """The other source is not asked."""
    offlinedl.ok("source", "add", "demo", f"{origin.url}/feed.json")
    origin.forget()
    assert offlinedl.ok("get", "lighthouse", "--dry-run", "--json").json[0]["id"] == "demo:lighthouse"
    assert origin.asked("/own.json") == []
    assert len(origin.asked("/feed.json")) == 1


def test_what_was_not_offered_yet_is_looked_for_everywhere(offlinedl: Offlinedl, source: Source) -> None:
    source.content, source.etag = feed(title("c")), '"2"'
    plan = offlinedl.ok("get", "c", "--dry-run", "--json", "--license-url", "https://127.0.0.1:1/").json[0]
    assert plan["id"] == "own:c"


def test_seasons_of_specials(offlinedl: Offlinedl, source: Source) -> None:
    source.content, source.etag = feed(title("s", season=0, episode=1), title("e", season=1, episode=1)), '"2"'
    offlinedl.ok("sync")
    with closing(sqlite3.connect(offlinedl.home / "catalog.db")) as catalog:
        assert catalog.execute("SELECT id, special FROM offers ORDER BY id").fetchall() == [("own:e", 0), ("own:s", 1)]


def test_a_kind_that_a_person_names_is_that(offlinedl: Offlinedl, source: Source) -> None:
    result = offlinedl("source", "add", "other", source.url, "--kind", "rss")
    assert (result.code, "not well-formed XML" in result.err) == (8, True)
    assert offlinedl("source", "add", "other", source.url, "--kind", "podcast").code == 2


# for several titles


def test_for_several_titles_a_source_is_read_once(offlinedl: Offlinedl, origin: Origin) -> None:
    """For those that sync wants, which looks first what is new there, and for those of one get."""
    known(offlinedl, origin)
    offlinedl.ok("follow", "h", "--next", "3")
    offlinedl.ok("sync")
    assert (len(origin.asked(FEED)), len(ready(offlinedl))) == (1, 3)
    origin.forget()
    offlinedl.ok("get", "tv:2x1", "2x2", "tv:2x3")
    assert (len(origin.asked(FEED)), len(ready(offlinedl))) == (1, 6)


def test_what_a_source_said_serves_for_a_while(offlinedl: Offlinedl, origin: Origin) -> None:
    """What opens titles may be signed. Where a title was not there, it is looked for anew."""
    known(offlinedl, origin)
    time = Time(now=0.0)

    async def main() -> list[int]:
        home, asked, said = Home.at(None), [], Said(time)
        with home.library() as library:
            source = library.catalog.offers.source("tv")
        assert source is not None
        async with home.engine(Network()) as engine:
            for time.now, wanted in ((0.0, "1x2"), (60.0, "1x1"), (61.0, "1x1"), (62.0, "none"), (63.0, "1x2")):
                with suppress(NotFoundError):
                    assert (await said.title(source, f"tv:{wanted}", engine)).id == f"tv:{wanted}" != "tv:none"
                asked.append(len(origin.asked(FEED)))
        return asked

    assert asyncio.run(main()) == [1, 1, 2, 2, 3]


HEARD = [
    pytest.param(b"", 0.0, 0, id="a moment ago"),
    pytest.param(b"", 61.0, 1, id="too long ago"),
    pytest.param(b" " * 2**25, 0.0, 1, id="too much to be kept"),
]


@pytest.mark.parametrize(("more", "later", "asked"), HEARD)
def test_what_a_source_said_when_it_was_refreshed_serves_too(
    more: bytes, later: float, asked: int, offlinedl: Offlinedl, origin: Origin
) -> None:
    known(offlinedl, origin)
    time = Time(now=0.0)

    async def main() -> int:
        home, said = Home.at(None), Said(time)
        with home.library() as library:
            source = library.catalog.offers.source("tv")
        assert source is not None
        said.heard(source, Sent(body=origin.files[FEED] + more, url=source.url))
        time.now = later
        async with home.engine(Network()) as engine:
            assert (await said.title(source, "tv:1x2", engine)).id == "tv:1x2"
        return len(origin.asked(FEED))

    assert asyncio.run(main()) == asked


def test_a_name_that_is_taken_is_refused(offlinedl: Offlinedl, source: Source, origin: Origin) -> None:
    """Its series would be followed in vain. The same address is read anew, also under another signature."""
    mark(offlinedl)
    result = offlinedl("source", "add", "own", f"{origin.url}/feed.json")
    assert (result.code, f"own: the name of a source already, {source.url}" in result.err) == (2, True)
    assert origin.log == []
    assert set(offers(offlinedl)) == {"as it was"}
    offlinedl.ok("source", "add", "own", f"{source.url}?token=another")
    assert offers(offlinedl) == ["a", "b"]
