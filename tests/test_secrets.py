"""C64: headers, cookies, logins and what signs addresses are in nothing that is printed, whatever goes wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from offlinedl.actions import prepare
from offlinedl.demo.origin import DATA
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Fault, Handler, Origin

SECRET = "s3cr3t"
TOKEN = f"token={SECRET}&exp=1700000000"
IN_PATH = f"hdnts=exp=1700000000~acl=*~hmac={SECRET}00112233445566778899"
NAMED = re.compile(r"[\w$/-]+\.(?:m4s|mp4|ts|vtt|m3u8)(?=[\"\n<])|(?<=URI=\")key(?=\")")


def signed(origin: Origin) -> None:
    """Let the origin sign all that its playlists name, and keep cookies."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        text = (DATA / request.path.lstrip("/")).read_text()
        cookie = {"Set-Cookie": f"session={SECRET}"}
        return web.Response(text=NAMED.sub(rf"\g<0>?{TOKEN}", text), headers=cookie)

    origin.fault("m3u8$", fault)


def words(origin: Origin, home: Path) -> list[str]:
    """A command line that is full of secrets."""
    cookies = home / "cookies.txt"
    cookies.write_text(f"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tlogin\t{SECRET}\n")
    url = origin.url.replace("//", f"//me:{SECRET}@")
    return [
        *("get", f"{url}/titles/ferry/master.m3u8?{TOKEN}#{SECRET}", "-v", "--cookies", str(cookies)),
        *("--header", f"Authorization: Bearer {SECRET}", "--header", f"X-{SECRET}: {SECRET}"),
    ]


def assert_told(offlinedl: Offlinedl, *outputs: object) -> None:
    """No secret was in these outputs, nor is in what tells of titles afterwards."""
    after = [
        offlinedl("list"),
        offlinedl("list", "--json"),
        offlinedl("show", "ferry"),
        offlinedl("show", "ferry", "--json"),
    ]
    for output in (*outputs, *after):
        assert SECRET not in str(output), output


FAULTS = [
    pytest.param(o.status(401), id="401"),
    pytest.param(o.status(403, {"WWW-Authenticate": "Basic"}), id="403"),
    pytest.param(o.status(404), id="404"),
    pytest.param(o.status(503, {"Retry-After": "9999"}), id="503"),
    pytest.param(o.dropped(), id="dropped"),
    pytest.param(o.page(), id="a page"),
    pytest.param(o.body(b"GIF89a"), id="something else"),
    pytest.param(o.redirected(f"http://x:{SECRET}@127.0.0.1:1/?{TOKEN}"), id="away"),
    pytest.param(o.redirected(f"/again?{TOKEN}"), id="nowhere"),
    pytest.param(o.redirected(f"file://x:{SECRET}@127.0.0.1/?{TOKEN}"), id="a file"),
    pytest.param(o.redirected(f"http://[{SECRET}?{TOKEN}"), id="no URL"),
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", ["master.m3u8", "v720-2.ts", "ferry/key"])
@pytest.mark.parametrize("how", [[], ["--json", "--progress", "json"]], ids=["words", "json"])
def test_no_failure_tells_a_secret(
    how: list[str], place: str, fault: Fault, offlinedl: Offlinedl, origin: Origin
) -> None:
    origin.fault(place, fault)
    signed(origin)
    result = offlinedl(*words(origin, offlinedl.home), *how)
    assert result.code not in {0, 1}
    assert_told(offlinedl, result)


def test_no_success_tells_a_secret(offlinedl: Offlinedl, origin: Origin) -> None:
    """And the secrets were sent."""
    signed(origin)
    result = offlinedl.ok(*words(origin, offlinedl.home), "--json")
    assert_told(offlinedl, result)
    assert {asked.headers["Authorization"] for asked in origin.log} == {f"Bearer {SECRET}"}
    assert {f"login={SECRET}; session={SECRET}"} == {asked.headers["Cookie"] for asked in origin.asked(".ts")}
    assert {asked.query for asked in origin.asked(".ts")} == {TOKEN}


def test_a_traceback_has_addresses_without_what_signs_them(
    offlinedl: Offlinedl, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent to whoever repairs the defect."""

    def defect(*arguments: Any) -> None:
        raise RuntimeError(f"cannot read {arguments[0].url!r}, nor <http://me:{SECRET}@media.test/a?{TOKEN}>")

    monkeypatch.setattr(prepare, "_server", defect)
    result = offlinedl(*words(origin, offlinedl.home))
    assert result.code == 1
    assert "RuntimeError: cannot read 'http://127.0.0.1" in result.err
    assert "nor <http://media.test/a>" in result.err
    assert SECRET not in result.err


def test_what_signs_an_address_in_its_path_is_left_out_too(offlinedl: Offlinedl, origin: Origin) -> None:
    async def below(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.FileResponse(DATA / "titles/lighthouse" / request.path.rpartition("/")[2])

    origin.fault("hdnts", below)
    result = offlinedl.ok("get", f"{origin.url}/lighthouse/{IN_PATH}/master.m3u8", "--json")
    [title] = result.json
    assert (title["name"], title["state"]) == ("lighthouse", "ready")
    assert {file["source"] for track in title["tracks"] for file in track["files"]} == {
        f"{origin.url}/lighthouse/hdnts=.../{name}" for name in ("v720.mp4", "a-en.mp4", "s-en.vtt")
    }
    assert_told(offlinedl, result)
    origin.faults.insert(0, ("v360.mp4", o.status(404), [9]))
    failed = offlinedl("get", "lighthouse", "-q", "360p")
    assert f"{origin.url}/lighthouse/hdnts=.../v360.mp4: status 404" in failed.err
    assert SECRET not in failed.err
