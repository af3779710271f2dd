"""What came is looked at before a title is ready: the length that was promised says nothing of what is in it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from offlinedl import verify
from offlinedl.demo.origin import DATA
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.playlists import media, segment
from tests.test_get import assert_origins_bytes

PAGE = b"<html>an error</html>"
MP4 = (DATA / "titles/harbour-1/v720/1.m4s").read_bytes()
WEBM = b"\x1a\x45\xdf\xa3\x84abcd" + b"\x18\x53\x80\x67" + b"\x8a" + bytes(10)
TS = b"\x47" + bytes(187)

FORMS = [
    pytest.param("v/1.m4s", MP4, False, None, id="a fragment"),
    pytest.param("v/1.m4s", MP4[:-1], False, "the box", id="a fragment without its last byte"),
    pytest.param("v/1.m4s", b"", False, "empty", id="nothing"),
    pytest.param("v/1.m4s", PAGE, False, "not MP4", id="a page instead of a fragment"),
    pytest.param("v/1.ts", TS * 3, False, None, id="packets"),
    pytest.param("v/1.ts", TS * 3 + TS[:100], False, "not whole packets", id="packets, the last one cut"),
    pytest.param("v/1.ts", TS + PAGE + bytes(188 - len(PAGE)), False, "not whole packets", id="a packet that is none"),
    pytest.param("v/1.ts", bytes(32), True, None, id="AES-128: two blocks"),
    pytest.param("v/1.ts", PAGE, True, "AES blocks", id="AES-128: a page"),
    pytest.param("s/1.vtt", b"\xef\xbb\xbfWEBVTT\n", False, None, id="subtitles with a byte order mark"),
    pytest.param("s/1.vtt", PAGE, False, "not WebVTT", id="a page instead of subtitles"),
    pytest.param("v/1.webm", WEBM, False, None, id="WebM"),
    pytest.param("v/1.webm", WEBM[:-1], False, "cut off", id="WebM without its last byte"),
    pytest.param("v/1.webm", WEBM[:13] + b"\x01" + b"\xff" * 7, False, None, id="WebM of unknown size"),
    pytest.param("v/1.webm", PAGE, False, "not WebM", id="a page instead of WebM"),
    pytest.param("a/1.bin", PAGE, False, None, id="what has no form that is known"),
]


@pytest.mark.parametrize(("path", "data", "sealed", "wrong"), FORMS)
def test_a_file_has_the_form_that_its_name_promises(path: str, data: bytes, sealed: bool, wrong: str | None) -> None:
    found = verify.malformed(path, data, sealed=sealed)
    assert (found is None) == (wrong is None), found
    assert (wrong or "") in (found or "")


@pytest.mark.parametrize(
    ("data", "are_whole"),
    [
        pytest.param(TS * 5, True, id="packets"),
        pytest.param(TS * 5 + TS[:100], False, id="packets, the last one cut"),
        pytest.param(TS * 2 + PAGE + bytes(188 - len(PAGE)) + TS * 2, False, id="a packet that is none"),
        pytest.param(TS[1:] * 5 + bytes(5), False, id="packets without their signs"),
        pytest.param(b"", False, id="nothing"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 187, 188, 189, 1000])
def test_packets_are_looked_at_as_they_come_however_they_are_cut(data: bytes, are_whole: bool, size: int) -> None:
    packets = verify.Packets()
    for first in range(0, len(data), size):
        packets.take(memoryview(data)[first : first + size])
    assert packets.are_whole == are_whole


def test_a_segment_that_is_no_whole_packets_is_never_ready(offlinedl: Offlinedl, origin: Origin) -> None:
    """It is looked at when it comes, and only what was found whole then is not looked at once more."""
    names = ["1.ts", "2.ts", "3.ts"]
    origin.files["/titles/clear.m3u8"] = media(*map(segment, names))
    origin.files |= dict(zip([f"/titles/{n}" for n in names], (TS * 3, TS * 3 + b"x", PAGE), strict=True))
    result = offlinedl("get", f"{origin.url}/titles/clear.m3u8")
    assert (result.code, "damaged" in result.err) == (8, True)
    origin.files |= {"/titles/2.ts": TS, "/titles/3.ts": TS * 2}
    origin.forget()
    offlinedl.ok("get", f"{origin.url}/titles/clear.m3u8")
    assert [len(origin.asked(name)) for name in names] == [0, 1, 1]


@pytest.mark.parametrize(
    ("ref", "pattern"),
    [
        ("demo:lighthouse", r"lighthouse/s-en\.vtt"),
        ("demo:harbour-1", r"v720/2\.m4s"),
        ("demo:harbour-1", r"a-en/init\.mp4"),
        ("demo:ferry", r"v720-2\.ts"),
    ],
)
@pytest.mark.parametrize("content", [PAGE, b""], ids=["a page", "nothing"])
def test_what_is_no_media_is_never_ready_and_fetched_again(
    content: bytes, ref: str, pattern: str, demo: Offlinedl, origin: Origin
) -> None:
    """C26: also where the server does not call it a page."""
    origin.fault(pattern, o.body(content), times=1)
    assert demo(*("get", ref)).code in {5, 8}
    assert [title["state"] for title in demo.listed()] == ["failed"]
    demo.ok("get", ref)
    assert len(origin.asked("/license") + origin.asked("/key")) <= 1


def shorter(data: bytes) -> bytes:
    return data[:-1]


def without_padding(data: bytes) -> bytes:
    """The last byte before the last block, turned: in CBC it turns the last byte of what comes out."""
    return data[:-17] + bytes([data[-17] ^ 0x40]) + data[-16:]


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(
    ("damage", "reason"), [(shorter, "AES blocks"), (without_padding, "without its padding")], ids=["length", "padding"]
)
def test_a_damaged_segment_is_named_and_the_others_are_kept(
    damage: Callable[[bytes], bytes], reason: str, number: int, demo: Offlinedl, origin: Origin
) -> None:
    """C48: AES-128, whichever segment it is; the next get fetches it alone, and asks for no key again."""
    name = f"/titles/ferry/v720-{number}.ts"
    origin.fault(name, o.body(damage((DATA / name[1:]).read_bytes())), times=1)
    result = demo("get", "demo:ferry")
    what = rf"error: demo:ferry: video-720p-\w{{4}}/{number - 1:06d}\.ts is damaged: "
    last, hint = result.err.splitlines()[-2:]
    assert (result.code, re.match(what, last) is not None, reason in last) == (8, True, True), last
    assert "only that is fetched" in hint
    origin.forget()
    [title] = demo.ok("get", "demo:ferry", "--json").json
    assert (title["state"], [asked.path for asked in origin.log]) == ("ready", [name])
    assert_origins_bytes(title)
