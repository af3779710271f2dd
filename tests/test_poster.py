"""The picture of a title comes with it, or does not: either way the title is what it is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from offlinedl.demo import origin as demo
from tests.conftest import Offlinedl
from tests.origin import Fault, Origin, status, truncated

JPEG = b"\xff\xd8\xff\xe0 a picture"
PNG = b"\x89PNG\r\n\x1a\n a picture"
WEBP = b"RIFF\x10\0\0\0WEBP a picture"
REF = "pictured:lighthouse"


@pytest.fixture
def pictured(offlinedl: Offlinedl, origin: Origin) -> Offlinedl:
    """A home that knows a feed whose titles have a picture, at /poster."""
    feed = json.loads((demo.DATA / "feed.json").read_text())
    for title in feed["titles"]:
        title["poster"] = "poster?sig=1"
    origin.files["/pictured.json"] = json.dumps(feed).encode()
    origin.files["/poster"] = JPEG
    offlinedl.ok("source", "add", "pictured", f"{origin.url}/pictured.json")
    return offlinedl


def poster(offlinedl: Offlinedl) -> Path | None:
    from offlinedl.store import Store

    [folder] = (offlinedl.home / "titles").iterdir()
    return Store(offlinedl.home / "titles").poster(folder.name)


@pytest.mark.parametrize(
    ("picture", "name"), [(JPEG, "poster.jpg"), (PNG, "poster.png"), (WEBP, "poster.webp")], ids=["jpeg", "png", "webp"]
)
def test_the_picture_comes_with_the_title(picture: bytes, name: str, pictured: Offlinedl, origin: Origin) -> None:
    origin.files["/poster"] = picture
    pictured.ok("get", REF)
    found = poster(pictured)
    assert found is not None
    assert (found.name, found.read_bytes()) == (name, picture)
    assert pictured.files() - pictured.claimed() == {name}


def test_it_stays_when_other_tracks_are_fetched_and_goes_with_the_title(pictured: Offlinedl, origin: Origin) -> None:
    pictured.ok("get", REF)
    pictured.ok("get", REF, "-q", "data-saver")
    assert poster(pictured) is not None
    assert len(origin.asked("/poster")) == 1
    pictured.ok("rm", REF)
    assert list((pictured.home / "titles").iterdir()) == []


FAULTS = [
    pytest.param(status(404), JPEG, id="not-there"),
    pytest.param(status(500), JPEG, id="broken"),
    pytest.param(truncated(3), JPEG, id="cut-off"),
    pytest.param(None, b"<html>not found", id="no-picture"),
    pytest.param(None, b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="a-program"),
    pytest.param(None, JPEG + bytes(8 * 2**20), id="too-large"),
]


@pytest.mark.parametrize(("fault", "picture"), FAULTS)
def test_without_it_the_title_is_ready_all_the_same(
    fault: Fault | None, picture: bytes, pictured: Offlinedl, origin: Origin
) -> None:
    origin.files["/poster"] = picture
    if fault is not None:
        origin.fault("/poster", fault)
    pictured.ok("get", REF)
    assert poster(pictured) is None
    assert pictured.files() == pictured.claimed()
    assert len(origin.asked("/poster")) == 1


def test_a_title_that_is_refused_waits_for_no_picture(pictured: Offlinedl, origin: Origin) -> None:
    origin.fault("/license", status(403))
    assert pictured("get", "pictured:harbour-1").code == 5


def test_the_page_of_playback_has_the_picture(pictured: Offlinedl) -> None:
    pictured.ok("get", REF)
    command = [sys.executable, "-m", "offlinedl", "play", REF, "--player", "none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            with build_opener(ProxyHandler({})).open(address.replace("title/master.m3u8", "poster")) as answer:
                assert (answer.headers["Content-Type"], answer.read()) == ("image/jpeg", JPEG)
        finally:
            process.send_signal(signal.SIGINT)
