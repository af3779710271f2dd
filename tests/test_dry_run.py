"""get --dry-run: what would be fetched and why. No media is asked for, no license, and nothing is written."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from offlinedl.cli.output import table
from offlinedl.demo.origin import DATA
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.test_get import TITLES


@pytest.mark.parametrize("path", TITLES.values(), ids=TITLES.keys())
def test_the_plan_names_every_fetch_that_get_then_makes(path: str, offlinedl: Offlinedl, origin: Origin) -> None:
    url = f"{origin.url}/{path}"
    options = ["--license-url", f"{origin.url}/license"] if "harbour" in path else []
    [plan] = offlinedl.ok("get", url, "--dry-run", "--json", *options).json
    assert not origin.asked("license")
    assert not origin.asked("key")
    assert not [asked for asked in origin.log if asked.path.endswith(("m4s", ".ts", "init.mp4"))]
    assert offlinedl.listed() == []

    [title] = offlinedl.ok("get", url, "--json", *options).json
    stored = {(f["source"], f["first"], f["last"]) for track in title["tracks"] for f in track["files"]}
    assert {(f["url"], f["first"], f["last"]) for f in plan["fetches"]} == stored
    assert {r["id"] for r in plan["renditions"] if r["chosen"]} == {track["id"] for track in title["tracks"]}


def test_every_rendition_has_its_reason(demo: Offlinedl) -> None:
    [plan] = demo.ok("get", "demo:harbour-1", "--dry-run", "--json").json
    assert {(r["kind"], r["height"] or r["language"]): r["why"] for r in plan["renditions"]} == {
        ("video", 360): "shorter than the chosen one",
        ("video", 720): "tallest within standard",
        ("video", 1080): "taller than 720",
        ("audio", "en"): "the title's main language",
        ("audio", "fr"): "not a language that was asked for",
        ("subtitles", "en"): "the audio's language",
        ("subtitles", "fr"): "not a language that was asked for",
    }


def test_the_fetches_of_every_rendition_on_request(demo: Offlinedl) -> None:
    [plan] = demo.ok("get", "demo:lighthouse", "--dry-run", "--json", "--all-renditions").json
    assert {f["rendition"] for f in plan["fetches"]} == {r["id"] for r in plan["renditions"]}
    ranges = [f for f in plan["fetches"] if f["first"] is not None]
    for fetch in ranges:
        assert fetch["last"] < (DATA / "titles" / fetch["url"].partition("/titles/")[2]).stat().st_size


def test_sizes_are_exact_where_ranges_give_them_and_say_so(demo: Offlinedl) -> None:
    [plan] = demo.ok("get", "demo:lighthouse", "--dry-run", "--json", "--all-renditions").json
    [title] = demo.ok("get", "demo:lighthouse", "--json").json
    video = next(track for track in title["tracks"] if track["kind"] == "video")
    planned: dict[str, Any] = next(r for r in plan["renditions"] if r["id"] == video["id"])
    assert planned["estimated_from"] == "ranges"
    assert planned["estimated_bytes"] == sum(file["bytes"] for file in video["files"])


def test_who_licenses_it_and_the_rights_are_shown(demo: Offlinedl) -> None:
    [plan] = demo.ok("get", "demo:harbour-2", "--dry-run", "--json").json
    assert plan["license"]["systems"] == ["clearkey"]
    assert len(plan["license"]["kids"]) == 2
    assert plan["rights"]["storage_seconds"] == 2592000
    assert plan["free_bytes"] > 0
    shown = demo.ok("get", "demo:harbour-2", "--dry-run").out
    assert "download allowed, 30 days to keep, 2 days from first play" in shown


def test_a_title_that_nobody_can_license_is_shown_with_the_reason(offlinedl: Offlinedl, origin: Origin) -> None:
    """C52: and get stops before any media byte."""
    url = f"{origin.url}/titles/harbour-1/manifest.mpd"
    [plan] = offlinedl.ok("get", url, "--dry-run", "--json").json
    assert plan["license"]["refusal"] == "the title is protected, and nothing says where its license is"
    assert offlinedl("get", url).code == 5
    assert not origin.asked(".m4s")


def test_a_system_without_an_adapter_is_named_with_its_keys(offlinedl: Offlinedl, origin: Origin) -> None:
    """C52: and get stops before any media byte."""
    path = "titles/harbour-1/manifest.mpd"
    text = (DATA / path).read_text()
    widevine = '<ContentProtection schemeIdUri="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"/>'
    origin.fault(path, o.body(re.sub("(<AdaptationSet [^>]*>)", rf"\1{widevine}", text).encode()))
    result = offlinedl("get", f"{origin.url}/{path}")
    [kid] = set(re.findall('default_KID="([^"]*)"', text))
    assert (result.code, "protected by widevine" in result.err) == (9, True)
    assert f"(KID {kid.replace('-', '')})" in result.err
    assert not origin.asked(".m4s")


def test_a_scheme_that_few_know_is_said_to_be_experimental(offlinedl: Offlinedl, origin: Origin) -> None:
    path = "titles/harbour-1/manifest.mpd"
    origin.fault(path, o.body((DATA / path).read_bytes().replace(b'value="cbcs"', b'value="cbc1"')))
    words = ("get", f"{origin.url}/{path}", "--license-url", f"{origin.url}/license", "--dry-run")
    assert offlinedl.ok(*words, "--json").json[0]["license"]["experimental"] == ["cbc1"]
    assert "the encryption cbc1 is experimental" in offlinedl.ok(*words).out
    origin.mend()
    assert "experimental" not in offlinedl.ok(*words).out


def test_a_manifest_that_is_a_page_is_said_to_be_one(offlinedl: Offlinedl, origin: Origin) -> None:
    origin.fault("manifest.mpd", o.page())
    result = offlinedl("get", f"{origin.url}/titles/harbour-1/manifest.mpd", "--dry-run")
    assert result.code == 9
    assert "HTML page" in result.err


def test_numbers_that_no_manifest_means_are_no_defect(offlinedl: Offlinedl, origin: Origin) -> None:
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9223372036854775808\nv720.m3u8\n"
    origin.fault("/ferry/huge.m3u8", o.body(master.encode()))
    refused = offlinedl("get", f"{origin.url}/titles/ferry/huge.m3u8")
    assert (refused.code, "about 3.3 TB are to come" in refused.err) == (6, True)


@pytest.mark.parametrize(
    "words",
    [["-q", "0p"], ["--fit", "1GB", "-q", "high"], ["--all-renditions"], ["--subs", "all,en"], ["--audio", "en, all"]],
    ids=" ".join,
)
def test_what_is_wrong_on_the_command_line_is_said_first(words: list[str], demo: Offlinedl, origin: Origin) -> None:
    assert demo("get", "demo:harbour-1", *words).code == 2
    assert origin.log == []


def test_languages_and_qualities_are_taken_as_people_write_them(demo: Offlinedl) -> None:
    [title] = demo.ok("get", "demo:harbour-1", "-q", "HIGH", "--audio", "fr , EN", "--subs", " None", "--json").json
    assert (title["quality"]["name"], title["audio"], title["subtitles"]) == ("high", ["fr", "en"], [])
    assert "already there" in demo.ok("get", "demo:harbour-1", "-q", "High").err


@pytest.mark.parametrize("setting", ['quality = "best "', 'audio = ["all", "en"]', 'subtitles = ["none", "en"]'])
def test_what_is_wrong_in_the_settings_is_said_first(setting: str, demo: Offlinedl, origin: Origin) -> None:
    (demo.home / "config.toml").write_text(f"[download]\n{setting}\n")
    assert demo("get", "demo:harbour-1").code == 2
    assert origin.log == []


# segments that the service does not have


def gapped(origin: Origin) -> str:
    """The ferry in 720p, with a second segment that its playlist says is not there."""
    path = "titles/ferry/v720.m3u8"
    text = (DATA / path).read_text().replace("#EXTINF:4.000000,\nv720-2", "#EXT-X-GAP\n#EXTINF:4.000000,\nv720-2")
    origin.fault(path, o.body(text.encode()))
    return f"{origin.url}/titles/ferry/master.m3u8"


def test_segments_that_the_service_does_not_have_are_told(offlinedl: Offlinedl, origin: Origin) -> None:
    """C46: numbered as the others are, and not among what would be fetched."""
    [plan] = offlinedl.ok("get", gapped(origin), "--dry-run", "--json").json
    chosen = [r for r in plan["renditions"] if r["chosen"]]
    assert [(r["kind"], r["gaps"], r["segments"]) for r in chosen] == [("video", [1], 2), ("audio", [], 3)]
    assert [f["number"] for f in plan["fetches"] if f["rendition"] == chosen[0]["id"]] == [0, 2]
    text = offlinedl.ok("get", gapped(origin), "--dry-run").out
    assert text.count("tallest within standard; the service lacks 1 of its segments\n") == 1


# the terminal


def shown(width: int, home: Path, *words: str) -> str:
    """What a command says on a terminal of so many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    command = [sys.executable, "-m", "offlinedl", *words]
    with subprocess.Popen(
        command, stdout=slave, stderr=slave, env={**os.environ, "OFFLINEDL_HOME": str(home)}
    ) as process:
        os.close(slave)
        written = b""
        while process.poll() is None or written[-1:] != b"\n":
            try:
                written += os.read(master, 65536)
            except OSError:  # the terminal is closed when the process is gone
                break
    os.close(master)
    return written.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (200, ["KIND", "CODECS", "RATE", "SIZE", "AN", "HOUR", "WHY"]),
        (80, ["KIND", "RATE", "SIZE", "WHY"]),
        (60, ["KIND", "RATE", "SIZE", "WHY"]),
        (40, ["KIND", "SIZE", "WHY"]),
    ],
)
def test_a_narrow_terminal_gets_a_narrow_ladder(
    width: int, headings: list[str], offlinedl: Offlinedl, origin: Origin
) -> None:
    """No line is broken by the terminal, and the reasons stand in their column, word for word."""
    url = gapped(origin)
    text = shown(width, offlinedl.home, "get", url, "--dry-run")
    lines = text.splitlines()
    assert lines[1].split() == headings
    assert all(len(line) <= width for line in lines[1:])
    place = lines[1].index("WHY")
    reasons = " ".join(line[place:] for line in lines[2:] if line[:place].startswith((" ", "*")) and line[place:])
    assert "tallest within standard; the service lacks 1 of its segments" in reasons
    assert "rights   download allowed" in text


def test_a_long_table_on_a_terminal_takes_no_longer_than_its_rows(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((60, 24)))
    rows = [(f"tv:own-{number}", f"Tide {number}", "Available for 344 more days") for number in range(5_000)]
    began = time.process_time()
    table(("ID", "NAME", ""), rows, spare=("NAME",), short="NAME")
    assert time.process_time() - began < 1
    assert len(capfd.readouterr().out.splitlines()) == 1 + len(rows)


def test_what_goes_elsewhere_is_not_made_narrow(offlinedl: Offlinedl, origin: Origin, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert "AN HOUR" in offlinedl.ok("get", gapped(origin), "--dry-run").out
