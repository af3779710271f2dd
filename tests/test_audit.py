"""audit: what keeps a title from working offline is found, by its id, and nothing is kept of the look at it."""

from __future__ import annotations

import base64
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from offlinedl.cli import audit as cli
from offlinedl.demo import origin as demo_origin
from tests import drm, packager
from tests import origin as o
from tests.adapter import DAY
from tests.conftest import Offlinedl, Result
from tests.origin import Fault, Handler, Origin
from tests.test_rotation import served

DASH, HLS = "/titles/harbour-1/manifest.mpd", "/titles/harbour-1/master.m3u8"
RUNG = "/titles/harbour-1/v720.m3u8"
KID = "5d0c9e1b-7a3f-4c62-8e14-f7a2b93d6c05"
WIDEVINE = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
COMMON = "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
PSSH = "AAAANHBzc2gBAAAAEHfv7MCyTQKs4zweUuL7SwAAAAFdDJ4bej9MYo4U96K5PWwFAAAAAA=="
FOREIGN = base64.b64encode(
    (50).to_bytes(4)
    + b"pssh\0\0\0\0"
    + bytes.fromhex(WIDEVINE.replace("-", ""))
    + (18).to_bytes(4)
    + b"\x12\x10"
    + bytes(16)
).decode()
OF_LOOPBACK = {"server-clock": "unknown"}
DOCUMENTED = set(re.findall(r"`([a-z-]+)` \|", (Path(__file__).parents[1] / "docs/audit.md").read_text()))
Wrong = Callable[[Origin], None]


def states(result: Result) -> dict[str, str]:
    """How everything is that is not ok, by its id."""
    found = {f["id"]: f["state"] for f in result.json["findings"]}
    assert len(found) == len(result.json["findings"])
    assert found.keys() <= DOCUMENTED
    return {id: state for id, state in found.items() if state != "ok"}


def edited(path: str, *changes: tuple[str, str]) -> Wrong:
    """A file of the demo with other words in it."""

    def wrong(origin: Origin) -> None:
        text = (demo_origin.DATA / path.lstrip("/")).read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        origin.files[path] = text.encode()

    return wrong


def fault(pattern: str, how: Fault, times: int = 10**9) -> Wrong:
    return lambda origin: origin.fault(pattern, how, times)


def headed(add: dict[str, str], *without: str) -> Fault:
    """The same answer with other headers."""

    async def how(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = demo_origin.DATA / request.path.lstrip("/")
        headers = {"ETag": '"1"', "Last-Modified": "Sat, 21 Nov 2026 00:00:00 GMT", **add}
        kept = {name: value for name, value in headers.items() if name not in without}
        return web.Response(body=path.read_bytes(), headers=kept)

    return how


def if_ranged(how: Fault) -> Fault:
    """A fault of ranges alone."""

    async def ranged(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await (how(request, handler) if "Range" in request.headers else handler(request))

    return ranged


def if_released(how: Fault) -> Fault:
    """A fault of releases alone, which have no type."""

    async def released(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_release = b'"type"' not in await request.read()
        return await (how(request, handler) if is_release else handler(request))

    return released


def license(**policy: Any) -> Wrong:
    return fault("/license", o.license_with(lambda said: said.get("policy", {}).update(policy)))


def moved(origin: Origin) -> None:
    origin.fault("^/there", o.body((demo_origin.DATA / "titles/harbour-1/v720/1.m4s").read_bytes()))
    origin.fault("v720/1.m4s", o.redirected("/there/1"))


def other_key(said: dict[str, Any]) -> None:
    for key in said.get("keys", ()):
        key["k"] = "AAAAAAAAAAAAAAAAAAAAAA"


def temporary(said: dict[str, Any]) -> None:
    said.pop("type", None)


BROKEN = [
    pytest.param(DASH, edited(DASH, (' codecs="avc1.64001f"', "")), "codecs-stated=warning", id="no-codecs"),
    pytest.param(DASH, edited(DASH, ('height="720"', "")), "resolution-stated=warning", id="no-resolution"),
    pytest.param(DASH, edited(DASH, ('lang="fr"', "")), "languages-tagged=warning", id="no-language"),
    pytest.param(DASH, edited(DASH, ('"31504"', '"5000"')), "peak-rate=warning", id="rate-lies"),
    pytest.param(HLS, edited(HLS, ("BANDWIDTH=56014", "BANDWIDTH=34000")), "peak-rate=warning", id="hls-rate"),
    pytest.param(
        HLS, edited(RUNG, ("#EXT-X-PLAYLIST-TYPE:VOD", ""), ("#EXT-X-ENDLIST", "")), "manifest-ends=failed", id="live"
    ),
    pytest.param(HLS, fault("v720.m3u8", o.status(404)), "playlists-there=failed", id="no-playlist"),
    pytest.param(DASH, edited(DASH, ("</MPD>", "")), "manifest-readable=failed", id="manifest-cut-off"),
    pytest.param(
        DASH,
        edited(DASH, (KID, KID.replace("5", "6"))),
        "kids=failed persistent-license=failed samples-decode=unknown",
        id="other-kid",
    ),
    pytest.param(DASH, edited(DASH, (COMMON, WIDEVINE), (PSSH, FOREIGN)), "pssh=warning", id="foreign-pssh"),
    pytest.param(
        DASH,
        edited(DASH, ('<Period id="0">', '<BaseURL>./</BaseURL><BaseURL>gone/</BaseURL><Period id="0">')),
        "second-address=warning",
        id="dead-fallback",
    ),
    pytest.param(
        HLS,
        edited(RUNG, ("/1.m4s", "/1.m4s?Expires=1000000000&Signature=a")),
        "signed-addresses=failed",
        id="signature-over",
    ),
    pytest.param(
        HLS, edited(RUNG, ("/1.m4s", "/1.m4s?Signature=a")), "signed-addresses=unknown", id="signed-for-who-knows"
    ),
    pytest.param(DASH, fault("v720/2.m4s", o.status(404)), "samples-there=failed", id="no-segment"),
    pytest.param(DASH, fault("v720/3.m4s", o.status(404)), "samples-there=failed", id="no-last-segment"),
    pytest.param(DASH, fault("v720/2.m4s", o.page()), "samples-decode=failed", id="a-page-for-a-segment"),
    pytest.param(DASH, fault("s-en/1.vtt", o.page()), "subtitles=failed", id="a-page-for-subtitles"),
    pytest.param(
        DASH,
        fault("m4s", headed({}, "ETag", "Last-Modified")),
        "ranges=warning validator=warning",
        id="no-ranges-no-validator",
    ),
    pytest.param(DASH, fault("m4s", if_ranged(o.other_range(1))), "ranges=failed", id="other-range"),
    pytest.param(
        DASH,
        fault("m4s", headed({"Content-Encoding": "br"})),
        "compression=failed samples-there=failed ranges=unknown license-opens=unknown samples-decode=unknown",
        id="compressed",
    ),
    pytest.param(DASH, moved, "redirects=warning ranges=warning validator=warning", id="redirect"),
    pytest.param(
        DASH,
        fault("/license", o.license_with(temporary)),
        "persistent-license=failed samples-decode=unknown",
        id="temporary-license",
    ),
    pytest.param(
        DASH, license(can_persist=False), "persistent-license=failed samples-decode=unknown", id="may-not-persist"
    ),
    pytest.param(
        DASH, fault("/license", o.status(403)), "persistent-license=failed samples-decode=unknown", id="license-refused"
    ),
    pytest.param(DASH, fault("/license", o.license_with(other_key)), "license-opens=failed", id="wrong-key"),
    pytest.param(DASH, fault("/license", if_released(o.status(500))), "license-release=warning", id="release-unheard"),
    pytest.param(DASH, license(can_renew=False), "license-renewal=warning", id="not-renewable"),
    pytest.param(DASH, license(rental_duration_seconds=2**63 - 1), "clock-values=warning", id="overflow"),
    pytest.param(DASH, license(license_duration_seconds=86400), "clock-order=warning", id="ends-before-its-windows"),
    pytest.param(
        DASH, license(rental_duration_seconds=0, playback_duration_seconds=0), "license-windows=warning", id="no-end"
    ),
]


@pytest.mark.parametrize(("path", "wrong", "said"), BROKEN)
def test_what_is_wrong_is_found(offlinedl: Offlinedl, origin: Origin, path: str, wrong: Wrong, said: str) -> None:
    wrong(origin)
    result = offlinedl("audit", origin.url + path, "--license", "--license-url", f"{origin.url}/license", "--json")
    found = dict(pair.split("=") for pair in said.split())
    unread = {"manifest-readable", "manifest-ends", "playlists-there"} & set(found)
    assert states(result) == {"download-allowed": "unknown", **({} if unread else OF_LOOPBACK), **found}
    fails = "failed" in found.values()
    assert (result.code, result.json["verdict"]) == ((8, "not-ready") if fails else (0, "ready"))
    assert all(f["hint"] for f in result.json["findings"] if f["state"] != "ok")


PROTECTED = {"persistent-license": "unknown", "samples-decode": "unknown"}
TITLES = [
    pytest.param("demo:harbour-1", (), PROTECTED, 0, id="protected"),
    pytest.param("demo:harbour-1", ("--license",), {}, 2, id="protected-with-a-license"),
    pytest.param("demo:lighthouse", ("--license",), {}, 0, id="clear"),
    pytest.param("demo:ferry", ("-q", "best", "--subs", "none"), PROTECTED, 0, id="aes-128"),
    pytest.param("demo:ferry", ("--license",), {}, 0, id="aes-128-with-its-keys"),
]


@pytest.mark.parametrize(("ref", "words", "unknown", "asked"), TITLES)
def test_a_good_title_is_ready_and_nothing_is_kept(
    demo: Offlinedl, origin: Origin, ref: str, words: tuple[str, ...], unknown: dict[str, str], asked: int
) -> None:
    result = demo("audit", ref, *words, "--json")
    assert (result.code, result.err) == (0, "")
    assert states(result) == {**OF_LOOPBACK, **unknown}
    assert result.json["title"] == ref
    assert len(origin.asked("/license")) == asked
    assert (demo.listed(), (demo.home / "titles").exists()) == ([], False)


def test_only_samples_are_fetched(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("audit", "demo:harbour-1")
    media = {asked.path for asked in origin.asked(".m4s") if asked.method == "GET" and "Range" not in asked.headers}
    assert media == {f"/titles/harbour-1/{track}/{n}.m4s" for track in ("a-en", "a-fr", "v720") for n in (1, 2)}


def test_segments_that_are_parts_of_files_need_ranges(demo: Offlinedl, origin: Origin) -> None:
    origin.fault(r"v720\.mp4|a-en\.mp4", headed({}))
    result = demo("audit", "demo:lighthouse", "--json")
    assert (result.code, states(result)) == (8, {**OF_LOOPBACK, "ranges": "failed"})


def test_a_source_that_cannot_be_read_is_named(demo: Offlinedl, origin: Origin) -> None:
    origin.fault("manifest.mpd", o.status(404))
    result = demo("audit", "demo:harbour-1", "--json")
    assert (result.code, states(result)) == (0, {**OF_LOOPBACK, **PROTECTED, "sources-readable": "warning"})


def test_a_service_that_wants_to_be_asked_is_asked_with_the_license(members: Offlinedl, origin: Origin) -> None:
    assert states(members("audit", "demo:harbour-1", "--json")) == {
        **OF_LOOPBACK,
        **PROTECTED,
        "entitlement": "unknown",
    }
    assert origin.asked("/entitlement") == []
    for _ in range(3):  # each gives its place back
        assert states(members.ok("audit", "demo:harbour-1", "--license", "--json")) == OF_LOOPBACK
    assert len(origin.asked("/entitlement")) == 6
    denied = web.json_response({"allowed": False, "reason": "region"}, status=403).body
    assert isinstance(denied, bytes)
    origin.fault("/entitlement", o.body(denied))
    result = members("audit", "demo:harbour-1", "--license", "--json")
    assert (result.code, states(result)["entitlement"]) == (8, "failed")


def test_a_service_that_takes_no_entitlement_back_is_a_finding(members: Offlinedl, origin: Origin) -> None:
    async def keeps(request: web.Request, handler: o.Handler) -> web.StreamResponse:
        is_release = (await request.json())["action"] == "release"
        return web.Response(status=500) if is_release else await handler(request)

    origin.fault("/entitlement", keeps)
    result = members("audit", "demo:harbour-1", "--license", "--json")
    assert (result.code, states(result)) == (0, {**OF_LOOPBACK, "entitlement": "warning"})


def test_the_place_of_a_title_that_is_here_is_not_given_back(members: Offlinedl, origin: Origin) -> None:
    members.ok("get", "demo:harbour-1")
    origin.forget()
    found = states(members.ok("audit", "demo:harbour-1", "--license", "--json"))
    assert found == {**OF_LOOPBACK, "license-release": "unknown"}
    assert [len(origin.asked(path)) for path in ("/entitlement", "/members/license")] == [1, 1]
    assert members.ok("check", "demo:harbour-1")


UNRESOLVED = [
    pytest.param("/nothing.mpd", o.status(404), (), 3, id="not-there"),
    pytest.param(DASH, o.status(500), (), 4, id="no-answer"),
    pytest.param(DASH, o.page(), (), 9, id="no-manifest"),
    pytest.param(DASH, None, ("--audio", "xx"), 3, id="no-such-language"),
    pytest.param(DASH, None, ("-q", "xx"), 2, id="no-such-quality"),
    pytest.param(DASH, None, ("--license-header", "a:b"), 2, id="header-for-nobody"),
]


@pytest.mark.parametrize(("path", "how", "words", "code"), UNRESOLVED)
def test_what_cannot_be_resolved_is_an_error(
    offlinedl: Offlinedl, origin: Origin, path: str, how: Fault | None, words: tuple[str, ...], code: int
) -> None:
    if how is not None:
        origin.fault("mpd", how)
    result = offlinedl("audit", origin.url + path, *words, "--json")
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("error: ")


def test_people_read_a_line_for_each_and_what_to_do(demo: Offlinedl, origin: Origin) -> None:
    origin.fault("v720/2.m4s", o.status(404))
    result = demo("audit", "demo:harbour-1")
    lines = result.out.splitlines()
    assert lines[0] == f"Low Tide: {origin.url}/titles/harbour-1/manifest.mpd"
    at = next(n for n, line in enumerate(lines) if "samples-there" in line)
    assert lines[at].split()[:2] == ["failed", "samples-there"]
    assert "status 404" in lines[at]
    assert lines[at + 1].strip().startswith("publish what the manifest names")
    assert lines[-1].startswith("not-ready: ")
    assert [line for line in lines if not line.startswith(" ")][1:-1] == [
        "manifest", "transport", "protection", "rights", "clocks", "media",
    ]  # fmt: skip


def test_signs_are_for_terminals_that_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    marks = []
    for encoding in ("utf-8", "ascii"):
        with monkeypatch.context() as with_terminal:
            with_terminal.setattr(sys, "stdout", Terminal(io.BytesIO(), encoding=encoding))
            marks.append(cli.mark("failed"))
    assert marks == ["\033[31m✗\033[0m", "failed "]


def test_no_secret_is_told(offlinedl: Offlinedl, origin: Origin) -> None:
    edited(RUNG, ("/1.m4s", "/1.m4s?token=s3cret"))(origin)
    origin.fault("v720/1.m4s", o.status(403))
    result = offlinedl("audit", f"{origin.url}{HLS}?token=s3cret", "--json")
    assert result.code == 8
    assert "s3cret" not in result.out + result.err


def test_a_system_without_an_adapter_is_no_fault_of_the_title(
    offlinedl: Offlinedl, origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = packager.package(packager.session_folder(tmp_path_factory), "cenc-adapted")
    origin.fault("/titles/pk/", served(folder))
    words = ("audit", f"{origin.url}/titles/pk/manifest.mpd", "--license", "--json")
    result = offlinedl(*words)
    assert (result.code, states(result)["licensable"]) == (0, "unknown")
    asked: list[Any] = []
    origin.fault("/license", drm.licensing(asked, {2: 1, 3: 1, 4: 30 * DAY, 5: 2 * DAY}))
    (offlinedl.home / "config.toml").write_text(f"[download]\nbackoff = 0\n{drm.setting('widevine')}")
    result = offlinedl(*words, "--license-url", f"{origin.url}/license")
    found = {f["id"]: f["state"] for f in result.json["findings"]}
    assert [found[id] for id in ("persistent-license", "license-opens", "license-release")] == ["ok"] * 3
    assert len(asked) == 2
