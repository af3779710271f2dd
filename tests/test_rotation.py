"""Keys that rotate: only the segments name their KIDs (seig), and the license still stands before the media."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from aiohttp import web

from tests import origin as o
from tests import packager, playlists
from tests.conftest import Offlinedl
from tests.origin import Fault, Handler, Origin

FIRST, SECOND = (packager.KIDS["v"][turn:] + packager.KIDS["v"][:turn] for turn in range(2))
KEYS = packager.keys_of("cenc-rotation")


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


def served(folder: Path) -> Fault:
    """The files of a package."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(body=(folder / request.match_info["path"]).read_bytes())

    return fault


def licensing(asked: list[set[bytes]]) -> Fault:
    """A license for what is asked, which is written down."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        kids = {base64.urlsafe_b64decode(f"{text}=="): text for text in json.loads(await request.read())["kids"]}
        asked.append(set(kids))
        keys = [
            {"kty": "oct", "kid": text, "k": base64.urlsafe_b64encode(KEYS[kid]).decode()} for kid, text in kids.items()
        ]
        return web.json_response({"keys": keys, "type": "persistent-license"})

    return fault


@pytest.fixture
def asked() -> list[set[bytes]]:
    """The KIDs of each license request."""
    return []


def media(origin: Origin) -> list[str]:
    return [a.path.removeprefix("/titles/pk/") for a in origin.asked("/titles/pk/") if a.path.endswith(".m4s")]


def order(origin: Origin, root: Path, variant: str, asked: list[set[bytes]]) -> tuple[str, ...]:
    origin.fault("/titles/pk/", served(packager.package(root, variant)))
    origin.fault("/license", licensing(asked))
    return "get", f"{origin.url}/titles/pk/manifest.mpd", "--license-url", f"{origin.url}/license", "--json"


@pytest.mark.parametrize("variant", ["cenc-rotation", "cbcs-rotation"])
def test_the_first_segments_name_what_is_asked_for(
    variant: str, root: Path, offlinedl: Offlinedl, origin: Origin, asked: list[set[bytes]]
) -> None:
    """And once all of them are there, all keys are asked for: one request more, however long the title is."""
    words = order(origin, root, variant, asked)
    seen: list[list[str]] = []
    origin.watchers.append(lambda request: seen.append(media(origin)) if "/license" in request.path else None)
    [title] = offlinedl.ok(*words).json
    assert (title["state"], asked) == ("ready", [{FIRST}, {FIRST, SECOND}])
    assert sorted(path.partition("/")[2] for path in seen[0]) == ["1.m4s", "1.m4s"]
    origin.forget()
    offlinedl.ok(*words)
    assert (media(origin), len(asked)) == ([], 2)


def test_a_refusal_costs_no_more_than_that(
    root: Path, offlinedl: Offlinedl, origin: Origin, asked: list[set[bytes]]
) -> None:
    origin.fault("/license", o.status(403), times=1)
    words = order(origin, root, "cenc-rotation", asked)
    assert offlinedl(*words).code == 5
    assert len(media(origin)) == 2
    offlinedl.ok(*words)
    assert len(media(origin)) == len(set(media(origin))) == 8


def test_an_interruption_costs_no_license(
    root: Path, offlinedl: Offlinedl, origin: Origin, asked: list[set[bytes]]
) -> None:
    origin.fault(r"a/3\.m4s", o.body(b""), times=1)
    words = order(origin, root, "cenc-rotation", asked)
    assert offlinedl(*words).code == 8
    offlinedl.ok(*words)
    assert asked == [{FIRST}, {FIRST, SECOND}]


def test_a_second_refusal_is_not_followed_by_the_first_question(
    root: Path, offlinedl: Offlinedl, origin: Origin, asked: list[set[bytes]]
) -> None:
    origin.fault("/license", licensing(asked), times=1)
    origin.fault("/license", o.status(403), times=1)
    words = order(origin, root, "cenc-rotation", asked)
    assert offlinedl(*words).code == 5
    offlinedl.ok(*words)
    assert asked == [{FIRST}, {FIRST, SECOND}]


def test_after_a_clear_lead_more_segments_are_read(
    root: Path, offlinedl: Offlinedl, origin: Origin, asked: list[set[bytes]]
) -> None:
    words = order(origin, root, "cenc-rotation-lead", asked)
    [title] = offlinedl.ok(*words).json
    assert (title["state"], asked) == ("ready", [{FIRST, SECOND}])


def test_a_first_segment_that_is_torn_is_fetched_again(
    root: Path, offlinedl: Offlinedl, origin: Origin, asked: list[set[bytes]]
) -> None:
    whole = (packager.package(root, "cenc-rotation") / "a/1.m4s").read_bytes()
    origin.fault(r"a/1\.m4s", o.body(whole[:200]), times=1)
    words = order(origin, root, "cenc-rotation", asked)
    result = offlinedl(*words)
    assert (result.code, "000000.m4s is damaged" in result.err, asked) == (8, True, [])
    origin.forget()
    offlinedl.ok(*words)
    assert media(origin).count("a/1.m4s") == 1


# HLS: each key at a URI of its own


def playlist(*keys: str, method: str = "SAMPLE-AES") -> bytes:
    """The audio of a package: its first two segments have the first key, the others the last."""
    tags = [f'#EXT-X-KEY:METHOD={method},URI="{key}"' for key in (keys[0], keys[-1])]
    first, second = ([playlists.segment(f"a/{n}.m4s", "2") for n in numbers] for numbers in ((1, 2), (3, 4)))
    return playlists.media('#EXT-X-MAP:URI="a/init.mp4"', tags[0], *first, tags[1], *second)


def test_every_uri_of_rotated_hls_keys_is_asked(root: Path, offlinedl: Offlinedl, origin: Origin) -> None:
    for name, kid in (("one", FIRST), ("two", SECOND)):
        origin.fault(f"pk/{name}", o.body(KEYS[kid]))
    origin.fault("pk/a.m3u8", o.body(playlist("one", "two")))
    origin.fault("/titles/pk/", served(packager.package(root, "cbcs-rotation")))
    [title] = offlinedl.ok("get", f"{origin.url}/titles/pk/a.m3u8", "--json").json
    assert title["state"] == "ready"
    assert origin.asked("pk/two")


def test_an_hls_key_needs_no_kid_in_the_media(root: Path, offlinedl: Offlinedl, origin: Origin) -> None:
    folder = packager.package(root, "cbcs")
    init = (folder / "a/init.mp4").read_bytes().replace(packager.KIDS["v"], bytes(16))
    origin.fault("a/init.mp4", o.body(init))
    origin.fault("pk/key", o.body(packager.KEYS[packager.KIDS["v"]]))
    origin.fault("pk/a.m3u8", o.body(playlist("key")))
    origin.fault("/titles/pk/", served(folder))
    [title] = offlinedl.ok("get", f"{origin.url}/titles/pk/a.m3u8", "--json").json
    assert (title["state"], len(origin.asked("pk/key"))) == ("ready", 1)


@pytest.mark.parametrize("method", ["SAMPLE-AES-CTR", "SAMPLE-AES-CENC"])
def test_what_hls_calls_by_other_names_is_cenc(method: str, root: Path, offlinedl: Offlinedl, origin: Origin) -> None:
    """rfc8216bis section 4.4.4.4: in fMP4 alone, and without an IV in the tag."""
    origin.fault("pk/key", o.body(b"a wrong key here"), times=1)
    origin.fault("pk/key", o.body(packager.KEYS[packager.KIDS["v"]]))
    origin.fault("pk/a.m3u8", o.body(playlist("key", method=method)))
    origin.fault("/titles/pk/", served(packager.package(root, "cenc")))
    assert offlinedl("get", f"{origin.url}/titles/pk/a.m3u8").code == 8
    [title] = offlinedl.ok("get", f"{origin.url}/titles/pk/a.m3u8", "--json").json
    assert (title["state"], len(media(origin))) == ("ready", 4)
