"""Files that are fetched in ranges, and become other files on their server meanwhile: nothing is spliced."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from offlinedl.demo.origin import DATA
from offlinedl.media import mp4
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Fault, Handler, Origin

FILE = "titles/lighthouse/v720.mp4"
OLD = (DATA / FILE).read_bytes()
LATER = {box.body + 4 for box in mp4.find(OLD, "moof/mfhd")}
NEW = bytes(byte ^ (position in LATER) for position, byte in enumerate(OLD))
"""Another version of the same length, that plays as well: its fragments have other numbers."""
INDEX = "bytes=833-900"
"""Where the sound's index is: it is read whenever the title is resolved."""


def serving(content: bytes, headers: Mapping[str, str], *, whole: bool = False) -> Fault:
    """Answer with ranges of `content`, or always with the `whole` of it."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        first, last = request.http_range.start or 0, (request.http_range.stop or len(content)) - 1
        if whole:
            return web.Response(body=content, headers=headers)
        named = {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"}
        return web.Response(status=206, body=content[first : last + 1], headers=named)

    return fault


VERSIONS = [
    pytest.param({"ETag": '"a"'}, {"ETag": '"b"'}, id="a strong ETag"),
    pytest.param(
        {"ETag": 'W/"a"', "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"ETag": 'W/"a"', "Last-Modified": "Mon, 07 Nov 1994 08:49:37 GMT"},
        id="a weak ETag, and a date",
    ),
    pytest.param(
        {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"Last-Modified": "Mon, 07 Nov 1994 08:49:37 GMT"},
        id="a date",
    ),
    pytest.param({}, {}, id="nothing but its length"),
]


def stored(title: dict[str, Any], name: str) -> dict[tuple[int, int], bytes]:
    """The bytes on the disk of a file of the origin, by range."""
    files = [file for track in title["tracks"] for file in track["files"] if file["source"].endswith(name)]
    return {(f["first"], f["last"]): (Path(title["folder"]) / f["path"]).read_bytes() for f in files}


def ranges(origin: Origin, name: str) -> list[str]:
    return [asked.headers["Range"] for asked in origin.asked(name)]


def assert_all_of(content: bytes, offlinedl: Offlinedl, origin: Origin) -> None:
    """The next get fetches that file anew, what was missing of others, and all that is stored of it is that version."""
    origin.forget()
    kept = len(list(offlinedl.home.rglob("audio-en-*/*")))
    [title] = offlinedl.ok("get", "demo:lighthouse", "--json").json
    pieces = stored(title, "v720.mp4")
    assert len(pieces) == 4
    assert pieces == {(first, last): content[first : last + 1] for first, last in pieces}
    assert len(set(ranges(origin, "v720.mp4"))) == 5
    assert len([asked for asked in ranges(origin, "a-en.mp4") if asked != INDEX]) == 4 - kept


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[bytes, Fault, Fault]:
    """The new version, and what serves the old and the new one."""
    new = NEW if after != before else NEW + b"\0\0\0\x08free"
    return new, serving(OLD, before), serving(new, after)


@pytest.mark.parametrize(("before", "after"), VERSIONS)
def test_a_file_that_changes_while_it_comes_is_given_up_and_fetched_anew(
    before: dict[str, str], after: dict[str, str], demo: Offlinedl, origin: Origin
) -> None:
    """C29, B12: and every other file is kept."""
    new, old, fresh = changed(before, after)
    origin.fault("v720.mp4", old, times=3)  # its index, its init segment, its first segment
    origin.fault("v720.mp4", fresh)
    result = demo("get", "demo:lighthouse", "-N", "1")
    assert result.code == 8
    assert f"{origin.url}/{FILE}: changed on the server while it was downloaded" in result.err
    assert [(t["state"], t["error"]["code"]) for t in demo.listed()] == [("failed", "changed")]
    assert_all_of(new, demo, origin)


@pytest.mark.parametrize("missing", ["bytes=0-", "bytes=(?!0-)"], ids=["the init segment", "a segment"])
@pytest.mark.parametrize(("before", "after"), VERSIONS)
def test_a_file_that_changed_since_the_last_run_is_fetched_anew(
    before: dict[str, str], after: dict[str, str], missing: str, demo: Offlinedl, origin: Origin
) -> None:
    """C29."""
    new, old, fresh = changed(before, after)
    seen: list[str] = []

    async def torn(request: web.Request, handler: Handler) -> web.StreamResponse:
        """The third request for the file and all after it fail."""
        seen.append(request.headers["Range"])
        return await old(request, handler) if len(seen) <= 3 else web.Response(status=404)

    origin.fault("v720.mp4", torn)
    assert demo("get", "demo:lighthouse", "-N", "1").code == 4
    origin.faults = [("v720.mp4", fresh, [10**9])]
    if missing == "bytes=0-":
        [init] = demo.home.rglob("video-720p*/init-0.mp4")
        init.unlink()
    assert demo("get", "demo:lighthouse", "-N", "1").code == 8
    assert_all_of(new, demo, origin)


def test_a_file_that_is_sent_whole_for_a_range_is_seen_to_change_too(demo: Offlinedl, origin: Origin) -> None:
    """C29, B10."""
    origin.fault("v720.mp4", serving(OLD, {"ETag": '"a"'}), times=3)
    origin.fault("v720.mp4", serving(NEW, {"ETag": '"b"'}, whole=True))
    assert demo("get", "demo:lighthouse", "-N", "1").code == 8
    assert_all_of(NEW, demo, origin)


def test_the_same_version_is_the_same_whoever_says_so(demo: Offlinedl, origin: Origin) -> None:
    """A validator that is not always sent, and a weak one, prove nothing: nothing is fetched twice for them."""
    date = {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}
    for weak in ("a", "b", "c", "d"):
        origin.fault("v720.mp4", serving(OLD, {"ETag": f'W/"{weak}"', **date}), times=1)
    origin.fault("v720.mp4", serving(OLD, date))
    assert_all_of(OLD, demo, origin)


@pytest.mark.parametrize("fault", [o.other_range(1), o.status(416), o.status(206)], ids=["B11", "C28: 416", "no range"])
def test_a_range_that_is_not_the_one_is_no_part_of_the_file(fault: Fault, demo: Offlinedl, origin: Origin) -> None:
    """C28, B11: the title fails, names what, and when the origin is mended that range alone is fetched."""
    [title] = demo.ok("get", "demo:lighthouse", "--json").json
    *_, last = sorted(stored(title, "v720.mp4"))
    demo.ok("rm", "demo:lighthouse")

    async def only(request: web.Request, handler: Handler) -> web.StreamResponse:
        of_last = request.headers.get("Range") == f"bytes={last[0]}-{last[1]}"
        return await (fault(request, handler) if of_last else handler(request))

    origin.fault("v720.mp4", only)
    result = demo("get", "demo:lighthouse", "-N", "1")
    assert result.code == 4
    assert "v720.mp4: " in result.err
    origin.mend()
    origin.forget()
    [title] = demo.ok("get", "demo:lighthouse", "--json").json
    assert f"bytes={last[0]}-{last[1]}" in ranges(origin, "v720.mp4")
    pieces = stored(title, "v720.mp4")
    assert pieces == {(first, end): OLD[first : end + 1] for first, end in pieces}
