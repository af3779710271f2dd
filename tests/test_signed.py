"""Addresses that are signed, and age: stories about origins that stop honouring what their manifests gave."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from offlinedl.demo.origin import DATA
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Handler, Origin
from tests.test_get import assert_origins_bytes

NAMED = re.compile(r"[\w$/-]+\.(?:m4s|mp4|ts|vtt)(?=[\"\n<])")
ALL = ("--audio", "all", "--subs", "all")


@dataclass
class Signing:
    """Lets an origin sign what its manifests and playlists name. Each token is honoured for so many requests; then
    there is another one. `change` is what becomes of a manifest from the second token on."""

    origin: Origin
    honoured: int = 10**9
    change: Callable[[str], str] = str
    expired: int = 0
    served: Counter[str] = field(default_factory=Counter)
    _used: int = 0

    def __post_init__(self) -> None:
        self.origin.fault(r"(mpd|m3u8)$", self._manifest)
        self.origin.fault(r"\.(m4s|mp4|ts|vtt)$", self._media)

    def expire(self) -> None:
        """The token of now is of yesterday."""
        self.expired += 1
        self._used = 0

    @property
    def token(self) -> str:
        return f"exp={1700000000 + self.expired}&sig=secret{self.expired:030}"

    @property
    def resolved(self) -> int:
        """How often the title was resolved: all its manifests are asked for then."""
        return max(len(self.origin.asked(manifest)) for manifest in ("manifest.mpd", "master.m3u8"))

    async def _manifest(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        text = (DATA / request.path.lstrip("/")).read_text()
        text = self.change(text) if self.expired else text
        return web.Response(text=NAMED.sub(lambda found: f"{found[0]}?{self._written(request)}", text))

    def _written(self, request: web.Request) -> str:
        return self.token.replace("&", "&amp;") if request.path.endswith("mpd") else self.token

    async def _media(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.query_string != self.token:
            return web.Response(status=403)
        self._used += 1
        self.served[f"{request.path} {request.headers.get('Range', '')}"] += 1
        response = await handler(request)
        if self._used >= self.honoured:
            self.expire()
        return response


@pytest.fixture
def signing(origin: Origin) -> Signing:
    return Signing(origin)


EXPIRING = [
    pytest.param("titles/harbour-1/manifest.mpd", (*ALL, "--license-url", "LICENSE"), id="DASH"),
    pytest.param("titles/ferry/master.m3u8", ALL, id="HLS"),
    pytest.param("titles/lighthouse/master.m3u8", ALL, id="byte ranges"),
]


@pytest.mark.parametrize("connections", ["1", "16"])
@pytest.mark.parametrize("honoured", [1, 3, 100])
@pytest.mark.parametrize(("path", "options"), EXPIRING)
def test_a_title_whose_addresses_expire_meanwhile_is_complete(
    path: str, options: tuple[str, ...], honoured: int, connections: str, offlinedl: Offlinedl, signing: Signing
) -> None:
    """C22, B16: with one refresh for each expiry, and every segment once."""
    signing.honoured = honoured
    url = signing.origin.url
    given = [f"{url}/license" if word == "LICENSE" else word for word in options]
    [title] = offlinedl.ok("get", f"{url}/{path}", *given, "-N", connections, "--json").json
    assert title["state"] == "ready"
    assert_origins_bytes(title)
    assert set(signing.served.values()) == {1}
    assert signing.resolved <= 1 + signing.expired


def test_a_title_of_a_feed_is_resolved_by_the_feed_again(demo: Offlinedl, signing: Signing) -> None:
    """C22, B16."""
    signing.honoured = 4
    [title] = demo.ok("get", "demo:harbour-1", *ALL, "--json").json
    assert_origins_bytes(title)
    assert signing.expired == 4
    assert len(signing.origin.asked("feed.json")) == signing.resolved == 5
    assert len(signing.origin.asked("/license")) == 1


UNFINISHED = [
    pytest.param("v720/2.m4s", id="media"),
    pytest.param("v720/init.mp4", id="an init segment"),
    pytest.param("(init.mp4|m4s|vtt)$", id="nothing came"),
]


@pytest.mark.parametrize("missing", UNFINISHED)
@pytest.mark.parametrize("ref", ["demo:harbour-1", "titles/harbour-1/manifest.mpd"], ids=["of a feed", "of an address"])
def test_the_next_day_all_addresses_are_old(ref: str, missing: str, demo: Offlinedl, origin: Origin) -> None:
    """C22: one refresh, and only what is missing is fetched."""
    origin.fault(missing, o.status(404))
    signing = Signing(origin)
    if ref.startswith("titles"):
        ref = f"{origin.url}/{ref}"
    words = ("get", ref, *ALL, *([] if ref.startswith("demo") else ["--license-url", f"{origin.url}/license"]))
    assert demo(*words).code == 4
    origin.faults = [fault for fault in origin.faults if fault[0] != missing]
    before = set(signing.served)
    origin.forget()
    signing.expire()
    [title] = demo.ok("get", ref, "--json").json
    assert_origins_bytes(title)
    assert signing.resolved == 1
    assert set(signing.served.values()) == {1}
    assert len(signing.served) > len(before)


def test_a_fresh_address_from_the_person_goes_on_with_the_title(offlinedl: Offlinedl, signing: Signing) -> None:
    """C22: where the address of the manifest itself is signed, only the person can give another one."""
    origin = signing.origin
    manifest = f"{origin.url}/titles/lighthouse/master.m3u8"

    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        fresh = request.query_string == signing.token
        return await handler(request) if fresh else web.Response(status=403)

    origin.faults = [("master.m3u8", gate, [10**9]), ("v720.mp4", o.status(404), [10**9]), *origin.faults]
    assert offlinedl("get", f"{manifest}?{signing.token}").code == 4
    del origin.faults[1]
    old = signing.token
    signing.expire()
    result = offlinedl("get", f"{manifest}?{old}")
    assert (result.code, "secret" in result.err) == (4, False)
    assert "master.m3u8: status 403" in result.err
    assert "hint: the address may have expired" in result.err
    [title] = offlinedl.ok("get", f"{manifest}?{signing.token}", "--json").json
    assert_origins_bytes(title)
    assert set(signing.served.values()) == {1}


@pytest.mark.parametrize("code", [401, 403, 410])
@pytest.mark.parametrize("pattern", [r"(m4s|mp4)$", "v720/2.m4s"], ids=["of all", "of one segment"])
def test_what_is_refused_for_ever_is_not_refused_for_its_age(
    pattern: str, code: int, demo: Offlinedl, origin: Origin
) -> None:
    """C22: exactly one refresh."""
    origin.fault(pattern, o.status(code))
    signing = Signing(origin)
    result = demo("get", "demo:harbour-1", *ALL)
    assert result.code == 4
    assert f"status {code}" in result.err
    assert "secret" not in result.err
    assert signing.resolved == 2
    [title] = demo.listed()
    assert title["state"] == "failed"
    origin.faults.pop(0)
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert_origins_bytes(title)


def test_the_key_server_and_the_segment_server_are_told_apart(demo: Offlinedl, origin: Origin) -> None:
    """C33."""
    origin.fault("ferry/key", o.status(403), times=1)
    origin.fault("ferry/v720-2.ts", o.status(403), times=1)
    key, segment = demo("get", "demo:ferry"), demo("get", "demo:ferry")
    assert (key.code, segment.code) == (5, 4)
    assert re.search(r"error: demo:ferry: the key server refused: http://[\d.:]+/titles/ferry/key: status 403", key.err)
    assert re.search(r"video 720p, segment 1: http://[\d.:]+/titles/ferry/v720-2\.ts: status 403", segment.err)
    demo.ok("get", "demo:ferry")


def test_the_address_of_a_key_ages_too(demo: Offlinedl, origin: Origin) -> None:
    """C33: the next day, one that is refused is asked for at the address that the playlist gives then."""
    signing = Signing(origin)

    async def playlist(request: web.Request, handler: Handler) -> web.StreamResponse:
        text = (DATA / request.path.lstrip("/")).read_text()
        return web.Response(text=text.replace('URI="key"', f'URI="key?{signing.token}"'))

    async def key(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(request) if request.query_string == signing.token else web.Response(status=403)

    origin.faults = [
        ("ferry/v720.m3u8|ferry/a-en.m3u8", playlist, [9]),
        ("ferry/key", o.status(503), [6]),
        ("key", key, [9]),
    ]
    assert demo("get", "demo:ferry").code == 4
    signing.expire()
    assert "ready" in demo.ok("get", "demo:ferry").err


# another manifest


def with_an_ad(text: str) -> str:
    """A period of its own before the title goes on."""
    ad = '<Period id="ad" duration="PT4S"><AdaptationSet mimeType="video/mp4"><Representation id="ad" bandwidth="1" '
    ad += 'width="640" height="360"><BaseURL>ad/$.mp4</BaseURL></Representation></AdaptationSet></Period>'
    return text.replace("<Period ", f"{ad}<Period ")


def shorter(text: str) -> str:
    return text.replace('mediaPresentationDuration="PT12S"', 'mediaPresentationDuration="PT8S"').replace(
        '<S t="256000" d="126976"/>', ""
    )


CHANGES = [
    pytest.param(with_an_ad, id="an ad before it"),
    pytest.param(lambda t: t.replace('<S t="0" d="128000" r="1"/>', '<S t="0" d="128000"/>'), id="a segment fewer"),
    pytest.param(lambda t: t.replace('d="49152" r="2"', 'd="49152" r="3"'), id="a segment more"),
    pytest.param(lambda t: t.replace('d="49152"', 'd="50152"'), id="other durations"),
    pytest.param(lambda t: t.replace('<S t="0"', '<S t="9999"'), id="other times"),
    pytest.param(lambda t: t.replace("v720/$Number$", "v720/x$Number$"), id="other files"),
    pytest.param(lambda t: t.replace('id="5"', 'id="other"'), id="another rendition"),
    pytest.param(lambda t: t.replace('initialization="v720/init.mp4" ', ""), id="no init segment"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_another_manifest_is_not_spliced_into_the_title(
    change: Callable[[str], str], demo: Offlinedl, origin: Origin
) -> None:
    """C23: the error is clear, nothing of the new one is fetched, and the next get starts over and keeps what is the
    same."""
    origin.fault("v720/2.m4s", o.status(404))
    signing = Signing(origin, change=change)
    text = (DATA / "titles/harbour-1/manifest.mpd").read_text()
    assert change(text) != text
    assert demo("get", "demo:harbour-1").code == 4
    origin.faults.pop(0)
    before = dict(signing.served)
    signing.expire()
    result = demo("get", "demo:harbour-1")
    assert result.code == 8
    assert "the title's manifest is not the one that the download began with" in result.err
    assert "run it again: it starts over" in result.err
    assert signing.served == before
    [title] = demo.listed()
    assert (title["state"], title["error"]["code"]) == ("failed", "changed")

    signing.change = str
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert_origins_bytes(title)
    assert set(signing.served.values()) == {1}


def test_a_new_manifest_is_what_the_next_get_begins_with(demo: Offlinedl, origin: Origin) -> None:
    """C23: what is not in it any more is gone from the disk, and what is the same is not fetched again."""
    origin.fault("v720/2.m4s", o.status(404))
    signing = Signing(origin, change=shorter)
    assert demo("get", "demo:harbour-1").code == 4
    origin.faults.pop(0)
    before = dict(signing.served)
    signing.expire()
    assert demo("get", "demo:harbour-1").code == 8
    origin.forget()
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert_origins_bytes(title)
    sources = [file["source"] for track in title["tracks"] for file in track["files"]]
    assert not any(source.endswith("a-en/3.m4s") for source in sources)
    assert set(signing.served.values()) == {1}
    assert len(before) > 2
    with closing(sqlite3.connect(demo.home / "catalog.db")) as catalog:
        assert catalog.execute("SELECT count(*) FROM fetches").fetchone() == (len(sources),)
