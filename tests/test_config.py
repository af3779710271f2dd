"""Where things are, and what a person set: a wrong setting is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from offlinedl.cli import wiring
from offlinedl.config import Folders, Settings, folders, settings
from offlinedl.errors import UsageError
from tests.conftest import Offlinedl

FULL = """
[download]
quality = "720p"
audio = ["en", "fr"]
subtitles = []
connections = 4
per_host = 2
stall_seconds = 12.5
limit_rate = "500K"
proxy = "http://proxy.example:3128"
retries = 0
backoff = 0.25

[limits]
manifest_bytes = 1_000_000
redirects = 3

[cdm.widevine]
command = ["/usr/lib/adapter", "--device", "tv"]

[play]
player = "vlc"

[vault]
key = "keyring"

[quality.standard]
height = 480

[quality.flight]
height = 360
bandwidth = 500000
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_every_setting_is_read(file: Path) -> None:
    file.write_text(FULL)
    assert settings(file) == Settings(
        quality="720p",
        audio=("en", "fr"),
        connections=4,
        per_host=2,
        stall_seconds=12.5,
        limit_rate="500K",
        proxy="http://proxy.example:3128",
        retries=0,
        backoff=0.25,
        manifest_bytes=1_000_000,
        redirects=3,
        cdm={"widevine": ("/usr/lib/adapter", "--device", "tv")},
        vault_key="keyring",
        player="vlc",
        qualities={"standard": {"height": 480}, "flight": {"height": 360, "bandwidth": 500000}},
    )


@pytest.mark.parametrize("content", [None, "", "# nothing", "[download]", "[quality]"])
def test_what_is_not_said_is_as_it_was(content: str | None, file: Path) -> None:
    if content is not None:
        file.write_text(content)
    assert settings(file) == Settings()


WRONG = [
    ("[download]\nqualty = 'best'", "download.qualty: no such setting"),
    ("[limits]\nmanifest = 5", "limits.manifest: no such setting"),
    ("[limits]\nmanifest_bytes = 1e6", "limits.manifest_bytes: not a number from 1024 to 1073741824"),
    ("[limits]\nmanifest_bytes = 2_000_000_000", "limits.manifest_bytes: not a number from 1024 to 1073741824"),
    ("[limits]\nredirects = true", "limits.redirects: not a number from 0 to 50"),
    ("[play]\nplayer = 'winamp'", "play.player: not one of mpv, vlc, ffplay, browser, none"),
    ("[play]\nvolume = 11", "play.volume: no such setting"),
    ("[vault]\nkey = 'auto'", "vault.key: not one of file, keyring"),
    ("[vault]\nkey = ['file']", "vault.key: not one of file, keyring"),
    ("[vault]\nplace = 'file'", "vault.place: no such setting"),
    ("limits = 1", "limits: not a table"),
    ("[download]\nconnections = 0", "download.connections: not a number from 1 to 64"),
    ("[download]\nconnections = 65", "download.connections: not a number from 1 to 64"),
    ("[download]\nconnections = 2.5", "download.connections: not a number from 1 to 64"),
    ("[download]\nconnections = true", "download.connections: not a number from 1 to 64"),
    ("[download]\nconnections = '8'", "download.connections: not a number from 1 to 64"),
    ("[download]\nretries = -1", "download.retries: not a number from 0 to 100"),
    ("[download]\nbackoff = nan", "download.backoff: not a number from 0 to 60"),
    ("[download]\nbackoff = inf", "download.backoff: not a number from 0 to 60"),
    ("[download]\nquality = 720", "download.quality: not a text"),
    ("[download]\naudio = 'en'", "download.audio: not a list of texts"),
    ("[download]\nsubtitles = ['en', 5]", "download.subtitles: not a list of texts"),
    ("download = 5", "download: not a table"),
    ("[[download]]\nretries = 1", "download: not a table"),
    ("cdm = 'widevine'", "cdm: not a table"),
    ("[cdm.clearkey]\ncommand = ['a']", "cdm.clearkey: no such system; adapters are for widevine, playready, fairplay"),
    ("[cdm]\nwidevine = 'adapter'", "cdm.widevine: takes command"),
    ("[cdm.widevine]\npath = 'adapter'", "cdm.widevine: takes command"),
    ("[cdm.widevine]\ncommand = 'adapter --tv'", "cdm.widevine.command: not a list of texts, the program first"),
    ("[cdm.widevine]\ncommand = []", "cdm.widevine.command: not a list of texts, the program first"),
    ("[cdm.widevine]\ncommand = ['']", "cdm.widevine.command: not a list of texts, the program first"),
    ("quality = 'best'", "quality: not a table"),
    ("[quality]\nbest = '720p'", "quality.best: takes height and bandwidth"),
    ("[quality.best]\nwidth = 5", "quality.best: takes height and bandwidth"),
    ("[quality.best]\nheight = 0", "quality.best.height: not a positive whole number"),
    ("[quality.best]\nheight = '720p'", "quality.best.height: not a positive whole number"),
    ("[quality.best]\nbandwidth = 2.5", "quality.best.bandwidth: not a positive whole number"),
    ("[quality.best]\nbandwidth = true", "quality.best.bandwidth: not a positive whole number"),
]


@pytest.mark.parametrize(("content", "said"), WRONG, ids=[content.replace("\n", " ") for content, _ in WRONG])
def test_a_wrong_setting_is_named(content: str, said: str, file: Path) -> None:
    file.write_text(content)
    with pytest.raises(UsageError) as failed:
        settings(file)
    assert (failed.value.message, failed.value.exit_code) == (f"{file}: {said}", 2)


@pytest.mark.parametrize("content", [b"[download", b"a = 1\na = 2", b"\xff\xfe", b"a = '\0'"])
def test_a_file_that_cannot_be_read_is_named(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match="cannot read") as failed:
        settings(file)
    assert str(file) in failed.value.message


def test_a_folder_in_its_place_is_named(file: Path) -> None:
    file.mkdir()
    with pytest.raises(UsageError, match="cannot read"):
        settings(file)


def test_a_wrong_setting_ends_a_command_in_two_lines(offlinedl: Offlinedl) -> None:
    (offlinedl.home / "config.toml").write_text("[download]\nretries = -1\n")
    result = offlinedl("get", "https://127.0.0.1:1/a.mpd")
    assert result.code == 2
    assert [line.partition(" ")[0] for line in result.err.splitlines()] == ["error:", "hint:"]
    assert "config.toml: download.retries: not a number" in result.err


def test_settings_are_what_get_starts_from(demo: Offlinedl) -> None:
    (demo.home / "config.toml").write_text(
        "[download]\nbackoff = 0\nquality = 'small'\naudio = ['fr']\n[quality.small]\nheight = 400\n"
    )
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert (title["quality"]["name"], title["quality"]["height"], title["audio"]) == ("small", 360, ["fr"])


def test_a_home_holds_everything(tmp_path: Path) -> None:
    assert folders(tmp_path) == Folders(
        config=tmp_path / "config.toml",
        catalog=tmp_path / "catalog.db",
        vault=tmp_path / "vault",
        titles=tmp_path / "titles",
    )


def test_without_a_home_the_platform_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    assert folders(None) == Folders(
        config=tmp_path / "c/offlinedl/config.toml",
        catalog=tmp_path / "d/offlinedl/catalog.db",
        vault=tmp_path / "d/offlinedl/vault",
        titles=tmp_path / "d/offlinedl/titles",
    )


def test_the_names_do_not_collide_where_the_platform_has_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    one = folders(None)
    assert len({one.config, one.catalog, one.vault, one.titles}) == 4


def test_a_home_is_made_when_it_is_needed(
    offlinedl: Offlinedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLINEDL_HOME", str(tmp_path / "not/yet"))
    assert offlinedl.ok("list", "--json").json == []
    assert (tmp_path / "not/yet").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("verb", [["list"], ["source", "list"], ["get", "https://127.0.0.1:1/a.mpd"]])
def test_a_home_that_is_a_file_is_said(
    verb: list[str], offlinedl: Offlinedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("OFFLINEDL_HOME", str(tmp_path / "file"))
    result = offlinedl(*verb)
    assert result.code in {2, 6}
    assert "Traceback" not in result.err


def test_nothing_need_stay_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLINEDL_HOME", str(tmp_path))
    (tmp_path / "config.toml").write_text('[storage]\nkeep_free = "0"\n')
    assert wiring.home().keep_free() == 0
