"""Places with manifests and nothing that describes them: listings, lists of addresses, folders of this machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offlinedl.errors import OfflinedlError
from offlinedl.sources import folder
from offlinedl.sources.kinds import kinds
from tests.conftest import Offlinedl
from tests.origin import Origin, body

URL = "https://example.com/films/"

LISTS = [
    pytest.param(b"https://a.example/low-tide/master.m3u8\n", [("low-tide", 0.0)], id="an address a line"),
    pytest.param(b"\n# mine\nHTTPS://a.example/a.mpd?b=c\n\n", [("a", 0.0)], id="comments"),
    pytest.param(b"#EXTM3U\n#EXTINF:60,Low Tide, 1\nhttps://a.example/1.mpd\n", [("Low Tide, 1", 60.0)], id="M3U"),
    pytest.param(b'#EXTINF:-1 tvg-id="x",Low\r\nhttps://a.example/1\r\n', [("Low", 0.0)], id="with attributes"),
    pytest.param(b"https://a.example/1.mpd\nhttps://a.example/2.mpd", [("1", 0.0), ("2", 0.0)], id="two"),
    pytest.param(
        b'<html><a href="../">up</a><A HREF=low%20tide.mpd>Low</A><a href=\'b/Manifest\'>no</a>'
        b'<a href="b.ism/Manifest">b</a><a href="low%20tide.mpd#t=1">again</a><a href="c.mp4?x=1&amp;y=2">c</a></html>',
        [("low tide", 0.0), ("b", 0.0), ("low tide", 0.0), ("c", 0.0)],
        id="a listing",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "found"), LISTS)
def test_what_is_listed(content: bytes, found: list[tuple[str, float]]) -> None:
    assert next(kind for kind in kinds() if kind.recognises(content)).NAME == "folder"
    titles = list(folder.titles(content, "films", URL))
    assert [(title.name, title.details.duration) for title in titles] == found
    assert all(title.id.startswith("films:") and title.sources[0].url for title in titles)
    assert folder.finder(content, "films", URL)(titles[0].id) == titles[0]


def test_who_gives_it_another_name_has_the_same_title() -> None:
    one, other = (
        next(folder.titles(f"#EXTINF:6,{n}\nhttps://a.example/low-tide/1.mpd\n".encode(), "films", URL)) for n in "ab"
    )
    assert (one.name, other.name) == ("a", "b")
    assert one.id == other.id
    assert one.id.startswith("films:low-tide-")


def test_addresses_are_relative_to_the_place_and_entities_are_read() -> None:
    page = b'<a href="c.mp4?x=1&amp;y=2">'
    [title] = folder.titles(page, "films", URL)
    assert title.sources[0].url == "https://example.com/films/c.mp4?x=1&y=2"


OTHERS = [
    pytest.param(b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:6,\nhttps://a.example/1.ts\n", id="a playlist of HLS"),
    pytest.param(b"<html><a href='a.html'>a</a></html>", id="a page"),
    pytest.param(b"a text\nof another kind\n", id="a text"),
    pytest.param(b"", id="nothing"),
]


@pytest.mark.parametrize("content", OTHERS)
def test_what_is_no_list(content: bytes) -> None:
    assert not folder.recognises(content)


def test_what_is_no_address_is_named() -> None:
    found = list(folder.look(b"https://a.example/1.mpd\nftp://a.example/2.mpd\nhttp://[/\n", "films", URL))
    assert [(f.path, len(f.faults)) for f in found] == [("line 1", 0), ("line 2", 1), ("line 3", 1)]


def test_a_folder_of_this_machine(offlinedl: Offlinedl, origin: Origin, tmp_path: Path) -> None:
    """Its lists and .strm files are one list; a title of it is downloaded."""
    films = tmp_path / "my films"
    films.mkdir()
    (films / "The Lighthouse.strm").write_text(f"{origin.url}/titles/lighthouse/manifest.mpd\n")
    (films / "more.m3u").write_text(f"#EXTM3U\n#EXTINF:60,Ferry\n{origin.url}/titles/ferry/master.m3u8\n")
    (films / "notes.md").write_text("nothing of it\n")
    said = offlinedl.ok("source", "add", "films", str(films)).out.splitlines()
    assert said[0] == "films: 2 titles"
    assert sorted(line.split("  ", 2)[2] for line in said[1:]) == ["Ferry", "The Lighthouse"]
    lighthouse = next(line.split()[0] for line in said if "Lighthouse" in line)
    assert offlinedl.ok("get", lighthouse, "--json").json[0]["state"] == "ready"
    assert str(films).replace(" ", "%20") in offlinedl.ok("source", "list").out


def test_a_line_that_is_no_address_is_left_out_and_named(offlinedl: Offlinedl, tmp_path: Path) -> None:
    """With its file, in a folder; also in a folder below."""
    (tmp_path / "1.m3u").write_text("#EXTM3U\n\nhttps://a.example/1.mpd\nfilms/2.mpd\n")
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "3.strm").write_text("https://a.example/3.mpd\n")
    (tmp_path / "series" / "4.strm").write_text("X:\\4.mpd\n")
    said = offlinedl.ok("source", "add", "films", str(tmp_path))
    assert said.out.startswith("films: 2 titles\n")
    assert said.err.splitlines() == [
        "left out: 1.m3u, line 4: not an http or https URL",
        "left out: series/4.strm, line 1: not an http or https URL",
    ]
    checked = offlinedl("source", "check", "films")
    assert (checked.code, "series/4.strm, line 1: not an http" in checked.out) == (8, True)


WRONG = [
    pytest.param("urls.txt", "https://a.example/1.mpd\nnot one\nhttps://a.example/2.mpd\n", 0, "line 2", id="a line"),
    pytest.param("all.m3u", "#EXTM3U\n#EXTINF:6,A\na.mpd\n", 8, "line 3: not an http or https URL", id="each line"),
]


@pytest.mark.parametrize(("name", "content", "code", "said"), WRONG)
def test_of_a_list_the_line_is_named(
    name: str, content: str, code: int, said: str, offlinedl: Offlinedl, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    result = offlinedl("source", "add", "films", str(tmp_path / name))
    assert (result.code, said in result.err) == (code, True), result


def test_lists_that_an_editor_of_windows_wrote(offlinedl: Offlinedl, tmp_path: Path) -> None:
    """Each begins with a byte order mark."""
    for name in ("1.m3u", "2.txt", "3.strm"):
        (tmp_path / name).write_text(f"https://a.example/{name}/film.mpd\r\n", encoding="utf-8-sig")
    assert offlinedl.ok("source", "add", "films", str(tmp_path)).out.startswith("films: 3 titles\n")
    assert offlinedl.ok("source", "check", str(tmp_path)).out == "3 titles: nothing wrong\n"


def test_a_file_of_this_machine_may_be_any_kind(offlinedl: Offlinedl, tmp_path: Path) -> None:
    list_ = tmp_path / "list.json"
    list_.write_text('[{"name": "G", "samples": [{"name": "A", "uri": "https://example.com/a.mpd"}]}]')
    assert offlinedl.ok("source", "add", "mine", str(list_)).out == "mine: 1 title\n  mine:g.a  A\n"


def test_what_is_not_there(offlinedl: Offlinedl, tmp_path: Path) -> None:
    result = offlinedl("source", "add", "films", str(tmp_path / "none"))
    assert (result.code, "neither a URL nor a path" in result.err) == (3, True)


def test_what_has_no_end_is_not_read_to_it(offlinedl: Offlinedl) -> None:
    (offlinedl.home / "config.toml").write_text("[limits]\nmanifest_bytes = 100_000\n")
    result = offlinedl("source", "add", "films", "/dev/zero")
    assert (result.code, "larger than the limit of 100000 bytes" in result.err) == (9, True)


def test_a_listing_of_a_server(offlinedl: Offlinedl, origin: Origin) -> None:
    page = b'<html><a href="/titles/ferry/master.m3u8">ferry</a></html>'
    origin.fault("^/films/$", body(page, "text/html"))
    assert "Ferry" not in offlinedl.ok("source", "add", "films", f"{origin.url}/films/").out
    assert offlinedl.ok("source", "list", "--json").json[0]["kind"] == "folder"


@given(st.binary(max_size=60) | st.lists(st.sampled_from(["<", "a href=", "'", '"', ".mpd", "http://", "[", "\n",
       "#EXTINF:", "nan,", "1e999", "<![x[", "&#0;", "\ud800"]), max_size=12).map(
           lambda parts: "".join(parts).encode("utf-8", "surrogatepass")))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_comes_is_a_title_or_an_error(content: bytes) -> None:
    folder.recognises(content)
    with suppress(OfflinedlError):
        assert all(title.sources for title in folder.titles(content, "films", URL))
