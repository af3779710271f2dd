"""What is said of mistakes: on the command line, in the settings, of proxies; and what becomes of what nobody hears."""

from __future__ import annotations

import subprocess
import sys

import pytest
from aiohttp import web

from offlinedl.demo.origin import DATA
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Fault, Handler, Origin
from tests.test_dry_run import shown
from tests.test_pause import held_at

# the command line

WORDS = [
    pytest.param("get", "REF... is missing", id="no-reference"),
    pytest.param("source add", "NAME is missing", id="no-name"),
    pytest.param("get x -N many", "--connections, -N: not a whole number", id="no-number"),
    pytest.param("get x -N 0", "--connections, -N: must be greater than or equal to 1", id="too-few"),
    pytest.param("get x --priority 101", "--priority: must be less than or equal to 100", id="too-much"),
    pytest.param("get x --progress all", "--progress: 'all' is not one of 'auto', 'bar', 'lines'", id="no-choice"),
    pytest.param("get x --audio ,", "--audio ,: no language", id="no-language"),
    pytest.param("get x --audio=", "--audio= and then nothing", id="nothing-after-the-sign"),
]


@pytest.mark.parametrize(("line", "said"), WORDS)
def test_a_wrong_word_is_named_in_plain_words(line: str, said: str, offlinedl: Offlinedl) -> None:
    wrong = offlinedl(*line.split())
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith(f"error: {said}")
    assert "Input" not in wrong.err


@pytest.mark.parametrize(
    "words",
    [["get", ""], ["get", "demo:ferry", "--audio", ""], ["list", "--until", ""], ["rm", "--all", ""], ["--home", ""]],
    ids=" ".join,
)
def test_an_empty_word_is_a_mistake(words: list[str], demo: Offlinedl, origin: Origin) -> None:
    """It is what a script makes of a variable that is not set."""
    wrong = demo(*words)
    assert (wrong.code, wrong.out, origin.log) == (2, "", [])
    assert wrong.err.startswith(f"error: an empty word after {words[-2] if len(words) > 1 else ''}")


def test_the_hint_names_the_verb(offlinedl: Offlinedl) -> None:
    assert "hint: `offlinedl source add --help` shows how it is meant" in offlinedl("source", "add").err


# the settings

SETTINGS = [
    pytest.param('[download]\nquality = "tall"', "download.quality tall: not a quality", id="quality"),
    pytest.param('[download]\nlimit_rate = "fast"', "download.limit_rate fast: not a rate", id="limit_rate"),
    pytest.param('[download]\nproxy = "ftp://x"', "the proxy ftp:... cannot be used", id="proxy"),
    pytest.param('[download]\naudio = ["all", "en"]', "download.audio all,en: all stands alone", id="audio"),
    pytest.param('[storage]\nkeep_free = "some"', "storage.keep_free some: not a size", id="keep_free"),
]


@pytest.mark.parametrize(("text", "said"), SETTINGS)
def test_what_is_wrong_in_the_settings_is_said_with_their_file(text: str, said: str, demo: Offlinedl) -> None:
    (demo.home / "config.toml").write_text(text)
    wrong = demo("get", "demo:ferry")
    assert wrong.code == 2
    assert wrong.err.startswith(f"error: {demo.home}/config.toml: {said}")


# proxies

PROXIES = [
    pytest.param("http://127.0.0.1:1", "the proxy: Connection refused", id="not-there"),
    pytest.param("http://nothing.invalid:3128", "the proxy: ", id="no-such-name"),
    pytest.param("nothing", "the proxy: ", id="a-word"),
]


@pytest.mark.parametrize(("proxy", "said"), PROXIES)
def test_a_proxy_that_cannot_be_asked_is_named(proxy: str, said: str, demo: Offlinedl) -> None:
    failed = demo("get", "demo:ferry", "--proxy", proxy)
    assert (failed.code, f"/feed.json: {said}" in failed.err) == (4, True), failed


def test_a_server_that_cannot_be_asked_is_not_taken_for_a_proxy(demo: Offlinedl) -> None:
    assert "proxy" not in demo("get", "http://nothing.invalid/x.mpd").err
    assert "proxy" not in demo("get", "http://127.0.0.1:1/x.mpd").err


# titles that were not named in full


def test_an_id_alone_is_enough_where_one_source_has_it(demo: Offlinedl, origin: Origin) -> None:
    """And the catalog has none: then its titles come first."""
    [title] = demo.ok("get", "harbour-1", "--json").json
    assert title["id"] == "demo:harbour-1"
    origin.forget()
    demo.ok("get", "harbour-1")
    assert origin.log == []


def test_an_id_that_two_sources_have_is_not_enough(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("source", "add", "other", f"{origin.url}/feed.json")
    refused = demo("get", "harbour-1")
    assert (refused.code, "name one of: demo:harbour-1, other:harbour-1" in refused.err) == (3, True)


@pytest.mark.parametrize(("name", "code"), [("harbour-1", 0), ("harbour-9", 4)], ids=["another has it", "none has it"])
def test_a_source_that_does_not_answer_matters_where_no_other_has_it(
    name: str, code: int, demo: Offlinedl, origin: Origin
) -> None:
    demo.ok("source", "add", "other", f"{origin.url}/feed.json?2")
    origin.fault("/feed.json", _gone_where("2"))
    assert demo("get", name, "--dry-run").code == code
    origin.mend()
    assert demo("get", "harbour-9").code == 3


def _gone_where(query: str) -> Fault:
    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(status=403) if request.query_string == query else await handler(request)

    return fault


def test_a_pause_from_elsewhere_names_the_title_once(demo: Offlinedl, origin: Origin) -> None:
    url = f"{origin.url}/titles/harbour-1/manifest.mpd"
    words = [url, "--license-url", f"{origin.url}/license"]
    process = held_at(demo, origin, "harbour-1/v720/2.m4s", *words, err=subprocess.PIPE)
    demo.ok("pause", url)
    _, said = process.communicate()
    assert f"error: {url}: paused\n" in said.decode()


# nobody listens


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "| head -0", "2>/dev/full", "2>&1 | head -0"])
@pytest.mark.parametrize("line", ["list", "list --json", "get demo:lighthouse", "show demo:lighthouse", "--help"])
def test_who_does_not_listen_changes_nothing(closed: str, line: str, demo: Offlinedl) -> None:
    demo.ok("get", "demo:lighthouse")
    command = f"{sys.executable} -m offlinedl {line} {closed}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_an_error_keeps_its_code_where_nobody_listens(closed: str, demo: Offlinedl) -> None:
    command = f"{sys.executable} -m offlinedl get demo:nothing {closed}"
    assert subprocess.run(["bash", "-c", command], capture_output=True, check=False).returncode == 3


# a narrow terminal


@pytest.mark.parametrize("width", [200, 100, 80, 60, 40])
def test_a_list_fits_into_the_terminal(width: int, demo: Offlinedl, origin: Origin) -> None:
    feed = (DATA / "feed.json").read_text().replace("High Water", "A Very Long Name of a Title \u6771\u4eac" * 3)
    origin.fault("/feed.json", o.body(feed.encode(), "application/json"))
    demo.ok("get", "demo:harbour-1", "demo:harbour-2")
    lines = shown(width, demo.home, "list").splitlines()
    assert all(len(line) + line.count("\u6771") + line.count("\u4eac") <= width for line in lines), lines
    assert "Available for" in lines[1]
    assert ("…" in "".join(lines)) == (40 < width < 200)
    assert [line.split()[0] for line in lines if line.startswith("demo:")] == ["demo:harbour-1", "demo:harbour-2"]
