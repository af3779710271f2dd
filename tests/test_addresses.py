"""Stories about titles that are at several addresses: who is asked first, and who next."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from aiohttp import web

from offlinedl.actions import addresses
from offlinedl.demo.origin import DATA
from offlinedl.errors import NetworkError, NotFoundError, OfflinedlError
from tests import origin as o
from tests.conftest import Offlinedl
from tests.mpds import SINGLE, mpd_text, sidx
from tests.origin import Handler, Origin
from tests.playlists import media, segment, variant
from tests.test_get import assert_origins_bytes
from tests.test_prepare import paths, prepared

HD = "BANDWIDTH=1000,RESOLUTION=1280x720"
TAG = '#EXT-X-CONTENT-STEERING:SERVER-URI="/steering?title=1",PATHWAY-ID="A"'


def at_two(origin: Origin, *, tag: str = TAG) -> str:
    """The address of a playlist with one variant on two pathways, below /a/ and /b/."""
    text = [
        "#EXTM3U",
        tag,
        variant("a/v.m3u8", HD + ',PATHWAY-ID="A"'),
        variant("b/v.m3u8", HD + ',PATHWAY-ID="B"'),
    ]
    origin.fault("/top.m3u8", o.body("\n".join(text).encode()))
    origin.fault("/v.m3u8", o.body(media(segment("1.ts"), segment("2.ts"))))
    return f"{origin.url}/titles/top.m3u8"


def steering(origin: Origin, said: dict[str, Any]) -> list[dict[str, str]]:
    """Let the origin steer. Returns what it is told."""
    told: list[dict[str, str]] = []

    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        told.append(dict(request.query))
        return web.Response(body=json.dumps({"VERSION": 1, **said}).encode())

    origin.fault("/steering", answer)
    return told


# steering


def test_the_pathway_that_the_service_prefers_is_asked(origin: Origin) -> None:
    """rfc8216bis section 7: once, before anything is chosen, and told where the title came from so far."""
    url = at_two(origin)
    told = steering(origin, {"PATHWAY-PRIORITY": ["B", "A"]})
    found = prepared(url)
    assert paths(found) == ["b/1.ts", "b/2.ts"]
    assert [rung.bases for rung in found.offered] == [((f"{origin.url}/titles/b/", f"{origin.url}/titles/a/"),)]
    [query] = told
    assert (query["title"], query["_HLS_pathway"]) == ("1", '"A"')
    assert int(query["_HLS_throughput"]) > 0
    assert [asked.path.rpartition("/titles/")[2] for asked in origin.log] == ["top.m3u8", "/steering", "b/v.m3u8"]


def test_a_pathway_that_only_the_service_knows_is_asked(origin: Origin) -> None:
    """rfc8216bis section 7.2: and those of the playlist are what is asked after it."""
    whole = {"PER-VARIANT-URIS": {"hd": f"{origin.url}/titles/c/v.m3u8"}}
    steering(
        origin,
        {
            "PATHWAY-PRIORITY": ["C", "A"],
            "PATHWAY-CLONES": [{"ID": "C", "BASE-ID": "A", "URI-REPLACEMENT": whole}],
        },
    )
    top = ["#EXTM3U", TAG, variant("a/v.m3u8", HD + ',PATHWAY-ID="A",STABLE-VARIANT-ID="hd"')]
    origin.fault("/top.m3u8", o.body("\n".join(top).encode()))
    origin.fault("/c/v.m3u8", o.status(503))
    origin.fault("/v.m3u8", o.body(media(segment("1.ts"))))
    assert paths(prepared(f"{origin.url}/titles/top.m3u8")) == ["a/1.ts"]
    assert len(origin.asked("/c/v.m3u8")) == 1


SILENCE = [
    pytest.param(o.status(500), id="500"),
    pytest.param(o.status(404), id="404"),
    pytest.param(o.status(401), id="401"),
    pytest.param(o.dropped(), id="dropped"),
    pytest.param(o.page(), id="a-page"),
    pytest.param(o.body(b'{"VERSION": 1, "PATHWAY-PRIORITY": ["B"]}' + b" " * 70_000), id="too-long"),
    pytest.param(o.redirected("ftp://127.0.0.1/"), id="elsewhere"),
    pytest.param(o.held(asyncio.Event()), id="nothing"),
]


@pytest.mark.parametrize("fault", SILENCE)
def test_no_title_fails_for_want_of_advice(fault: o.Fault, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is asked once, and not waited for."""
    monkeypatch.setattr(addresses, "_STEERING_SECONDS", 0.2)
    origin.fault("/steering", fault)
    assert paths(prepared(at_two(origin), retries=3)) == ["a/1.ts", "a/2.ts"]
    assert len(origin.asked("/steering")) == 1


def test_a_steered_title_is_stored_as_the_preferred_pathway_has_it(offlinedl: Offlinedl, origin: Origin) -> None:
    head, *rungs = (DATA / "titles/ferry/master.m3u8").read_text().split("#EXT-X-STREAM-INF:")
    lines = [head, TAG]
    for pathway, folder in (("A", "../gone/"), ("B", "")):
        for attributes, uri in (rung.strip().split("\n") for rung in rungs):
            lines.append(f'#EXT-X-STREAM-INF:PATHWAY-ID="{pathway}",{attributes}\n{folder}{uri}')
    origin.fault("ferry/steered.m3u8", o.body("\n".join(lines).encode()))
    steering(origin, {"PATHWAY-PRIORITY": ["B", "A"]})
    [title] = offlinedl.ok("get", f"{origin.url}/titles/ferry/steered.m3u8", "--json").json
    assert title["state"] == "ready"
    assert_origins_bytes(title)
    assert not origin.asked("/gone/")


# fallbacks

DEAD = [
    pytest.param(o.status(404), id="404"),
    pytest.param(o.status(503), id="503"),
    pytest.param(o.dropped(), id="dropped"),
]


@pytest.mark.parametrize("fault", DEAD)
def test_a_playlist_that_cannot_be_had_is_asked_for_elsewhere(fault: o.Fault, origin: Origin) -> None:
    """C32: and then its segments come from there, too."""
    origin.fault("/a/v.m3u8", fault)
    found = prepared(at_two(origin, tag=""))
    assert paths(found) == ["b/1.ts", "b/2.ts"]
    assert found.offered[0].bases == ((f"{origin.url}/titles/b/", f"{origin.url}/titles/a/"),)


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [(404, 503, NotFoundError), (503, 404, NetworkError)],
    ids=["not there, then broken", "broken, then not there"],
)
def test_where_nobody_has_a_playlist_the_first_answer_is_told(
    first: int, second: int, error: type[OfflinedlError], origin: Origin
) -> None:
    """C32: with the rendition and the address, and what to do."""
    origin.fault("/a/v.m3u8", o.status(first))
    origin.fault("/b/v.m3u8", o.status(second))
    with pytest.raises(error, match=rf"^video-720p-1000: http://.*/titles/a/v\.m3u8: status {first}") as caught:
        prepared(at_two(origin, tag=""))
    assert caught.value.hint


def test_a_playlist_that_is_not_there_is_named(demo: Offlinedl, origin: Origin) -> None:
    """Its rendition, its address without what signs it, and what can be done."""
    origin.fault("/lighthouse/v720.m3u8", o.status(404))
    url = f"{origin.url}/titles/lighthouse/master.m3u8?sig=secret"
    what, hint = demo("get", url).err.splitlines()
    assert re.search(r": video-720p-\d+: http://[\d.:]+/titles/lighthouse/v720\.m3u8: status 404 Not Found$", what)
    assert hint == ("hint: the service does not have what its manifest names: try another quality, or tell the service")
    assert demo("get", url).code == 3
    demo.ok("get", url, "-q", "360p")


def indexed(*bases: str) -> bytes:
    """An MPD of 10 s with one file that has an index, at these bases."""
    representation = f'<Representation id="v">{SINGLE.format(last=100 + len(INDEX) - 1)}</Representation>'
    inside = f'<Period><AdaptationSet mimeType="video/mp4">{representation}</AdaptationSet></Period>'
    return mpd_text("".join(f"<BaseURL>{base}</BaseURL>" for base in bases) + inside)


BELOW = sidx(0, 0, (200, 1000), (200, 1000))
INDEX = sidx(0, 0, (2**31 + len(BELOW) + 400, 2000), (2**31 + len(BELOW) + 400, 2000))
FILE = bytes(100) + INDEX + (BELOW + bytes(400)) * 2
"""A file whose index leads to two others: three requests."""


def ranges(content: bytes) -> o.Fault:
    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        first, last = request.http_range.start or 0, (request.http_range.stop or len(content)) - 1
        headers = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
        return web.Response(status=206, body=content[first : last + 1], headers=headers)

    return fault


@pytest.mark.parametrize("fault", DEAD)
def test_an_index_that_cannot_be_had_is_asked_for_elsewhere(fault: o.Fault, origin: Origin) -> None:
    """C32: of several BaseURLs (23009-1 section 5.6.5); who answered is asked first for what the index leads to."""
    origin.fault("x.mpd", o.body(indexed("a/", "b/", "c/")))
    origin.fault("/[ac]/v.mp4", fault)
    origin.fault("/b/v.mp4", ranges(FILE))
    found = prepared(f"{origin.url}/titles/x.mpd")
    assert [s.resource.range.size if s.resource.range else 0 for s in found.offered[0].segments] == [200] * 4
    assert [asked.path[-7:-5] for asked in origin.asked("v.mp4")] == ["a/", "b/", "b/", "b/"]


def test_where_nobody_has_an_index_the_first_answer_is_told(origin: Origin) -> None:
    """A35, C32."""
    origin.fault("x.mpd", o.body(indexed("a/", "b/")))
    with pytest.raises(NotFoundError, match=r"^v: http://.*/titles/a/v\.mp4: status 404"):
        prepared(f"{origin.url}/titles/x.mpd")
    assert [asked.path[-7:-5] for asked in origin.asked("v.mp4")] == ["a/", "b/"]
