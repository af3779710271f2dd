"""doctor: what works on this machine and what does not; it changes nothing where something is broken."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offlinedl.catalog.schema import MIGRATIONS
from tests import drm
from tests.conftest import Offlinedl
from tests.test_cli import rows
from tests.test_vault_lost import cut, foreign, gone, lost

REF, CLEAR = "demo:harbour-1", "demo:lighthouse"


def found(offlinedl: Offlinedl, code: int, *words: str) -> dict[str, Any]:
    """What it finds, by its name; it ends with this exit code."""
    result = offlinedl("doctor", "--json", *words)
    assert (result.code, result.err) == (code, "")
    return {finding.pop("what"): finding for finding in result.json}


def broken(findings: dict[str, Any]) -> dict[str, str]:
    """The codes of what is broken."""
    assert all((f["error"] is not None) == (f["state"] == "broken") for f in findings.values())
    return {what: f["error"]["code"] for what, f in findings.items() if f["error"]}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def configured(offlinedl: Offlinedl, text: str) -> None:
    (offlinedl.home / "config.toml").write_text(text)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Makes programs, and no others are found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, content: str) -> None:
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)

    return make


def test_where_all_is_well(demo: Offlinedl, program: Callable[[str, str], None]) -> None:
    """A player that is missing is told, and is no defect."""
    program("mpv", "#!/bin/sh\necho mpv 0.40.0 $1\necho more\n")
    program("cvlc", "no program at all")
    program("ffplay", "#!/bin/sh\necho ffplay $1\n")
    demo.ok("get", CLEAR)
    findings = found(demo, 0)
    assert {what: (f["state"], f["detail"]) for what, f in findings.items() if "folder" not in what} == {
        "catalog": ("ok", f"version {len(MIGRATIONS)}: 1 title, 1 source"),
        "clock": ("ok", "right, as far as is known; no license server told the time"),
        "vault": ("ok", findings["vault"]["detail"]),
        "decoder": ("ok", findings["decoder"]["detail"]),
        "mpv": ("ok", "mpv 0.40.0 --version"),
        "vlc": ("absent" if os.geteuid() == 0 else "ok", findings["vlc"]["detail"]),  # it refuses root
        "ffplay": ("ok", "ffplay -version"),
        "browser": ("absent", "not found"),
        "adapters": ("absent", "none for widevine, playready, fairplay"),
        "schedule": ("absent", "none: `offlinedl schedule install`"),
        "last sync": ("absent", "none"),
        "downloads": ("ok", "`offlinedl sync` may download now"),
    }
    assert "/cvlc" in findings["vlc"]["detail"]
    assert findings["decoder"]["detail"].startswith("PyAV ")
    assert findings["titles folder"]["detail"].startswith(f"{demo.home}/titles: ")
    assert findings["titles folder"]["detail"].endswith(", and 200 MB stay free")
    assert "the key is in a file of its own" in findings["vault"]["detail"]


def test_the_device_has_an_id_from_the_first_look_on(offlinedl: Offlinedl) -> None:
    said = [found(offlinedl, 0)["vault"]["detail"] for _ in range(2)]
    assert said[0] == said[1]
    uuid.UUID(said[0].removeprefix("this device is ").partition(";")[0])


def test_for_people_each_has_a_line_and_what_is_broken_a_hint(offlinedl: Offlinedl) -> None:
    (offlinedl.home / "titles").write_text("")
    result = offlinedl("doctor")
    lines = result.out.splitlines()
    assert (result.code, lines[0].split()[:3]) == (6, ["broken", "titles", "folder"])
    assert lines[1].strip() == "is it yours?"
    assert [line.split()[0] for line in lines[2:5]] == ["ok", "ok", "ok"]


# what is broken


@pytest.mark.parametrize("harm", [lost, foreign, cut, gone])
@pytest.mark.parametrize("ref", [REF, CLEAR])
def test_a_broken_vault_is_left_as_it_is(harm: Callable[[Path], None], ref: str, members: Offlinedl) -> None:
    """Also where nothing but the device's id is in it. Of one that is gone with no license in it, nothing is known."""
    members.ok("get", ref)
    vault = members.home / "vault"
    harm(vault)
    before = contents(vault)
    findings = found(members, 0 if (harm, ref) == (gone, CLEAR) else 8)
    if (harm, ref) != (gone, CLEAR):
        assert broken(findings) == {"vault": "vault-damaged"}
        assert (ref in findings["vault"]["detail"]) == (ref == REF)
        assert contents(vault) == before


def test_a_clock_that_was_set_back(demo: Offlinedl) -> None:
    assert demo.at("2026-11-20 12:00:00", "get", REF).code == 0
    result = demo.at("2026-11-10 12:00:00", "doctor", "--json")
    [clock] = [finding for finding in result.json if finding["what"] == "clock"]
    assert (result.code, clock["state"], clock["error"]["code"]) == (5, "broken", "clock-suspect")
    assert clock["detail"].startswith("set back by 10 days")


def test_a_catalog_of_a_newer_offlinedl_hides_nothing_else(demo: Offlinedl) -> None:
    rows(demo.home, "PRAGMA user_version = 99")
    findings = found(demo, 2)
    assert broken(findings) == {"catalog": "catalog-too-new"}
    assert findings["vault"]["state"] == "ok"
    assert rows(demo.home, "PRAGMA user_version") == [(99,)]


def test_a_catalog_that_is_none(offlinedl: Offlinedl) -> None:
    (offlinedl.home / "catalog.db").write_text("not a database, but as long as the head of one" * 50)
    assert broken(found(offlinedl, 8)) == {"catalog": "catalog-damaged"}


def test_a_folder_that_is_none(offlinedl: Offlinedl) -> None:
    (offlinedl.home / "vault").write_text("")
    assert broken(found(offlinedl, 6)) == {"vault folder": "storage", "vault": "storage"}


def test_a_disk_that_is_to_stay_free(offlinedl: Offlinedl) -> None:
    configured(offlinedl, '[storage]\nkeep_free = "9000TB"\n')
    assert broken(found(offlinedl, 6)) == {"titles folder": "no-space"}


# adapters


def test_an_adapter_says_what_it_is(offlinedl: Offlinedl) -> None:
    configured(offlinedl, drm.setting("widevine") + drm.setting("playready"))
    findings = found(offlinedl, 0)
    for name in ("widevine", "playready"):
        assert findings[f"adapter {name}"] == {"state": "ok", "detail": "simulated 1 L3", "error": None}
    assert "adapters" not in findings


FAILING = [
    pytest.param("dies:hello", 9, "adapter-died", id="dies"),
    pytest.param("lacks:hello", 9, "adapter-lacks-method", id="lacks hello"),
    pytest.param("other-system", 9, "adapter-other-system", id="another system"),
    pytest.param("temporary", 5, "license-not-persistent", id="keeps no licenses"),
]


@pytest.mark.parametrize(("fault", "code", "name"), FAILING)
def test_an_adapter_that_does_not_work(fault: str, code: int, name: str, offlinedl: Offlinedl) -> None:
    """The others are looked at all the same."""
    configured(offlinedl, drm.setting("widevine", fault) + drm.setting("playready"))
    findings = found(offlinedl, code)
    assert broken(findings) == {"adapter widevine": name}
    assert findings["adapter playready"]["state"] == "ok"


def test_an_adapter_that_is_not_there(offlinedl: Offlinedl) -> None:
    configured(offlinedl, '[cdm.fairplay]\ncommand = ["/no/such/program"]\n')
    assert broken(found(offlinedl, 2)) == {"adapter fairplay": "adapter-not-started"}


def test_an_adapter_that_conforms(offlinedl: Offlinedl) -> None:
    configured(offlinedl, drm.setting("widevine"))
    result = offlinedl.ok("doctor", "--adapter", "widevine")
    assert [line.split()[0] for line in result.out.splitlines()] == ["passed"] * 15
    steps = offlinedl.ok("doctor", "--adapter", "widevine", "--json").json
    assert [step["ok"] for step in steps] == [True] * 15
    assert all(step.keys() == {"step", "ok", "detail"} for step in steps)


def test_an_adapter_that_does_not_conform(offlinedl: Offlinedl) -> None:
    configured(offlinedl, drm.setting("widevine", "lacks:load"))
    result = offlinedl("doctor", "--adapter", "widevine")
    [failed] = [line for line in result.out.splitlines() if line.startswith("failed")][:1]
    assert (result.code, "load" in failed) == (8, True)
    assert result.err.splitlines()[0].startswith("error: the adapter for widevine fails ")
    steps = json.loads(offlinedl("doctor", "--adapter", "widevine", "--json").out)
    assert {step["ok"] for step in steps} == {True, False}


def test_an_adapter_that_nobody_configured(offlinedl: Offlinedl) -> None:
    configured(offlinedl, drm.setting("widevine"))
    for name in ("playready", "moon"):
        result = offlinedl("doctor", "--adapter", name)
        assert (result.code, result.err.splitlines()[0]) == (
            2,
            f"error: --adapter {name}: no such adapter (configured: widevine)",
        )


def test_it_needs_no_ffplay_and_no_shell(offlinedl: Offlinedl, program: Callable[[str, str], None]) -> None:
    assert shutil.which("ffplay") is None
    findings = found(offlinedl, 0)
    assert {findings[name]["state"] for name in ("mpv", "vlc", "ffplay", "browser")} == {"absent"}
