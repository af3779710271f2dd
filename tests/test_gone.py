"""Segments, hosts and titles that are not there: what is said, what is kept, and what the next get does."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest

from offlinedl.demo.origin import DATA
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Fault, Origin
from tests.test_engine import stalling
from tests.test_get import assert_origins_bytes

MPD = (DATA / "titles/harbour-1/manifest.mpd").read_text()

TRACK = "(video 720p|audio en)"


def files(offlinedl: Offlinedl) -> set[str]:
    """What lies in the folder of the only title, below the plain names of its tracks."""
    paths = [f for f in (offlinedl.home / "titles").rglob("*") if f.is_file() and not f.name.startswith(".")]
    return {re.sub("-[0-9a-f]{4}/", "/", "/".join(path.parts[-2:])) for path in paths}


WHOLE = {"video-720p/init-0.mp4", "audio-en/init-0.mp4"} | {
    f"{folder}/00000{number}.{kind}"
    for folder, kind in (("video-720p", "m4s"), ("audio-en", "m4s"), ("subtitles-en", "vtt"))
    for number in range(3)
}

GONE = [
    pytest.param("v720/2.m4s", "video 720p, segment 1", "video-720p/000001.m4s", id="in the middle"),
    pytest.param("v720/3.m4s", "video 720p, segment 2", "video-720p/000002.m4s", id="the last"),
    pytest.param("s-en/1.vtt", "subtitles en, segment 0", "subtitles-en/000000.vtt", id="the first of the subtitles"),
]


@pytest.mark.parametrize(
    "fault", [o.status(404), o.status(410), o.page(), o.body(b"")], ids=["404", "410", "page", "empty"]
)
@pytest.mark.parametrize(("path", "named", "file"), GONE)
def test_a_segment_that_is_not_there_is_named_and_is_all_that_the_next_get_asks_for(
    path: str, named: str, file: str, fault: Fault, demo: Offlinedl, origin: Origin
) -> None:
    """C21, C26, B18: never ready, and everything else is kept."""
    origin.fault(path, fault)
    result = demo("get", "demo:harbour-1", "--subs", "en", "-N", "1")
    assert result.code in {4, 8}
    if fault.__qualname__.startswith("status"):
        assert f"error: demo:harbour-1: {named}: {origin.url}/titles/harbour-1/{path}: status 4" in result.err
        assert "hint: the server does not have it" in result.err
        assert files(demo) == WHOLE - {file}
    [title] = demo.listed()
    assert (title["state"], title["percent"] < 100) == ("failed", True)
    assert demo("play", "demo:harbour-1", "--player", "none").code == 3

    there = files(demo)
    origin.mend()
    origin.forget()
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert_origins_bytes(title)
    assert len(origin.log) == len(WHOLE - there)
    assert f"/titles/harbour-1/{path}" in [asked.path for asked in origin.log]


def test_one_that_is_there_at_the_second_look_was_never_gone(demo: Offlinedl, origin: Origin) -> None:
    """C21."""
    origin.fault(r"2\.m4s", o.status(404), times=1)
    demo.ok("get", "demo:harbour-1")


def test_a_last_number_that_is_only_computed_is_a_segment_like_any_other(offlinedl: Offlinedl, origin: Origin) -> None:
    """C21, B18: a manifest that promises 12.5 s in segments of 4 s promises four. What is absent at the end is absent:
    a title that ends too early is not ready."""
    text = re.sub(
        r' startNumber="1">.*?</SegmentTemplate>', ' startNumber="1" duration="DURATION"/>', MPD, flags=re.DOTALL
    )
    text = re.sub(r'timescale="(\d+)"(.*?)DURATION', lambda m: f'timescale="{m[1]}"{m[2]}{4 * int(m[1])}', text)
    for promised, code in (("PT12.5S", 4), ("PT12S", 0)):
        origin.fault("computed.mpd", o.body(text.replace("PT12S", promised).encode()), times=1)
        url = f"{origin.url}/titles/harbour-1/computed.mpd"
        result = offlinedl("get", url, "--license-url", f"{origin.url}/license", "--subs", "none")
        assert result.code == code, result
        if code:
            assert re.search(
                r"(video 720p|audio en), segment 3: http://.*/(v720|a-en)/4\.m4s: status 404 Not Found", result.err
            )
            assert [title["state"] for title in offlinedl.listed()] == ["failed"]
            offlinedl.ok("rm", "--all")


@pytest.mark.parametrize("times", [1, 9], ids=["once", "for ever"])
def test_a_segment_of_which_nothing_more_comes_is_asked_for_again(times: int, demo: Offlinedl, origin: Origin) -> None:
    """C31: as soon as the settings say."""
    (demo.home / "config.toml").write_text("[download]\nbackoff = 0\nretries = 1\nstall_seconds = 0.2\n")
    origin.fault("v720/2.m4s", stalling(1000), times=times)
    result = demo("get", "demo:harbour-1")
    assert len(origin.asked("v720/2.m4s")) == 2
    if times == 1:
        assert (result.code, [title["state"] for title in demo.listed()]) == (0, ["ready"])
    else:
        assert result.code == 4
        assert "video 720p, segment 1: " in result.err
        assert "v720/2.m4s: next to nothing came for 0.2 seconds" in result.err


# hosts


@pytest.fixture
def nobody() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


def at(*bases: str) -> bytes:
    """The title with these addresses, each as good as any other (23009-1 section 5.6.5)."""
    return MPD.replace("<Period ", "".join(f"<BaseURL>{base}</BaseURL>" for base in bases) + "<Period ").encode()


def got(offlinedl: Offlinedl, origin: Origin, *bases: str) -> Any:
    origin.fault("several.mpd", o.body(at(*bases)))
    url = f"{origin.url}/titles/harbour-1/several.mpd"
    return offlinedl("get", url, "--license-url", f"{origin.url}/license", "-N", "2", "--json")


def test_a_host_that_is_dead_is_asked_a_few_times_and_then_the_next(
    nobody: str, offlinedl: Offlinedl, origin: Origin
) -> None:
    """C32."""
    result = got(offlinedl, origin, f"{nobody}/titles/harbour-1/", f"{origin.url}/titles/harbour-1/")
    assert result.code == 0, result
    [title] = result.json
    assert title["state"] == "ready"


@pytest.mark.parametrize("fault", [o.status(503), o.dropped(), o.page()], ids=["503", "dropped", "a page"])
def test_a_host_that_fails_is_asked_last_from_then_on(fault: Fault, offlinedl: Offlinedl, origin: Origin) -> None:
    """C32: thrice by each of those who were under way, for the heads and for the media."""
    origin.fault("/bad/", fault)
    result = got(
        offlinedl,
        origin,
        f"{origin.url.replace('127.0.0.1', 'localhost')}/titles/bad/",
        f"{origin.url}/titles/harbour-1/",
    )
    assert result.code == 0, result
    assert 3 <= len(origin.asked("/bad/")) <= 12


def test_what_one_host_lacks_comes_from_the_next(offlinedl: Offlinedl, origin: Origin) -> None:
    """C32: that, and nothing else."""
    origin.fault("harbour-1/v720/2.m4s", lacking(origin))
    result = got(
        offlinedl,
        origin,
        f"{origin.url.replace('127.0.0.1', 'localhost')}/titles/harbour-1/",
        f"{origin.url}/titles/harbour-1/",
    )
    assert result.code == 0, result
    hosts = [asked.headers["Host"].partition(":")[0] for asked in origin.asked("m4s")]
    assert hosts.count("127.0.0.1") == 1
    [there] = [asked.path for asked in origin.asked("m4s") if asked.headers["Host"].startswith("127.")]
    assert there.endswith("v720/2.m4s")


def lacking(origin: Origin) -> Fault:
    """404, unless the host is called by its number."""

    async def fault(request: Any, handler: Any) -> Any:
        named = request.headers["Host"].startswith("localhost")
        return await (o.status(404)(request, handler) if named else handler(request))

    return fault


def test_where_all_are_dead_the_first_is_named(nobody: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """C32."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        other = f"http://127.0.0.1:{listening.getsockname()[1]}"
    result = got(offlinedl, origin, f"{nobody}/one/", f"{other}/two/")
    assert result.code == 4
    assert re.search(
        rf"(video 720p|audio en), init segment 0: {nobody}/one/(v720|a-en)/init\.mp4: Connection refused\n", result.err
    )


# what is no title yet

DYNAMIC = MPD.replace('type="static" mediaPresentationDuration="PT12S"', 'type="dynamic"')
LIVE = [
    pytest.param("x.mpd", DYNAMIC, id="DASH"),
    pytest.param("x.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nv720-1.ts", id="HLS"),
]


@pytest.mark.parametrize(("name", "text"), LIVE)
def test_what_still_goes_on_is_refused_before_any_media(
    name: str, text: str, offlinedl: Offlinedl, origin: Origin
) -> None:
    """B37: with advice."""
    origin.fault(name, o.body(text.encode()))
    result = offlinedl("get", f"{origin.url}/titles/ferry/{name}")
    assert result.code == 9
    assert "live" in result.err
    assert "hint: " in result.err
    assert len(origin.log) == 1
    assert offlinedl.listed() == []
