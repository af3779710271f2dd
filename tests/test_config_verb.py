"""The settings from the command line: what is set, where it came from, and a change that costs no remark."""

from __future__ import annotations

import pytest

from tests.conftest import Offlinedl

SETTINGS = [
    pytest.param("download.quality", "high", "high", id="text"),
    pytest.param("download.audio", "en,fr", ["en", "fr"], id="several"),
    pytest.param("download.audio", "fr", ["fr"], id="one-of-several"),
    pytest.param("download.connections", "4", 4, id="number"),
    pytest.param("download.backoff", "0.5", 0.5, id="fraction"),
    pytest.param("sync.is_metered", "false", False, id="no"),
    pytest.param("sync.when", "test -e '/a b'", ["test", "-e", "/a b"], id="command"),
    pytest.param("quality.train.height", "540", 540, id="quality-of-ones-own"),
    pytest.param("cdm.widevine.command", "adapter --tv", ["adapter", "--tv"], id="adapter"),
    pytest.param("storage.keep_free", "0", "0", id="text-of-digits"),
]


@pytest.mark.parametrize(("name", "said", "value"), SETTINGS)
def test_what_is_set_is_had(name: str, said: str, value: object, offlinedl: Offlinedl) -> None:
    offlinedl.ok("config", "set", name, said)
    assert offlinedl.ok("config", "get", name, "--json").json == value
    shown = offlinedl.ok("config", "get", name).out.strip()
    offlinedl.ok("config", "set", name, shown)
    assert offlinedl.ok("config", "get", name, "--json").json == value


def test_where_each_came_from(offlinedl: Offlinedl) -> None:
    (offlinedl.home / "config.toml").write_text("[download]\nretries = 3\n[quality.train]\nheight = 540\n")
    shown = {each["name"]: (each["value"], each["from"]) for each in offlinedl.ok("config", "show", "--json").json}
    assert shown["download.retries"] == (3, "config.toml")
    assert shown["download.connections"] == (16, "default")
    assert shown["quality.train.height"] == (540, "config.toml")
    assert "download.retries" in offlinedl.ok("config", "show").out


def test_a_change_keeps_what_stands_there(offlinedl: Offlinedl) -> None:
    file = offlinedl.home / "config.toml"
    file.write_text("# of the household\n[download]\nretries = 3  # the line is thin\nbackoff = 0\n")
    offlinedl.ok("config", "set", "download.retries", "9")
    assert file.read_text() == "# of the household\n[download]\nretries = 9  # the line is thin\nbackoff = 0\n"
    offlinedl.ok("config", "set", "download.backoff")
    assert file.read_text() == "# of the household\n[download]\nretries = 9  # the line is thin\n"
    assert offlinedl.ok("config", "get", "download.backoff", "--json").json == 0.5


WRONG = [
    pytest.param("download.connections", "100", "not a number from 1 to 64", id="too-much"),
    pytest.param("download.qualty", "high", "download.qualty: no such setting", id="no-such-name"),
    pytest.param("nonsense", "1", "nonsense: no such setting", id="no-table"),
    pytest.param("cdm.clearkey.command", "a", "no such system", id="no-such-system"),
    pytest.param("download.limit_rate", "banana", "not a rate", id="no-rate"),
    pytest.param("download.quality", "12", "not a quality", id="no-quality"),
    pytest.param("storage.quota", "much", "not a size", id="no-size"),
    pytest.param("sync.between", "night", "sync.between", id="no-hours"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_what_would_not_serve_changes_nothing(name: str, value: str, said: str, offlinedl: Offlinedl) -> None:
    before = (offlinedl.home / "config.toml").read_bytes()
    result = offlinedl("config", "set", name, value)
    assert (result.code, said in result.err) == (2, True), result
    assert {file.name: file.read_bytes() for file in offlinedl.home.iterdir()} == {"config.toml": before}


def test_the_file_need_not_be_there(offlinedl: Offlinedl) -> None:
    (offlinedl.home / "config.toml").unlink()
    assert offlinedl.ok("config", "path").out.strip() == str(offlinedl.home / "config.toml")
    offlinedl.ok("config", "set", "play.player", "mpv")
    assert (offlinedl.home / "config.toml").read_text() == '[play]\nplayer = "mpv"\n'
