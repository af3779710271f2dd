"""What came is looked at before a title is ready: the length that was promised says nothing of what is in it."""

from __future__ import annotations

import re
import subprocess
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
TS = b"\x47\x1f\xff\x10" + bytes(184)
ADTS = bytes.fromhex("fff15080011ffc") + bytes(1)

FORMS = [
    pytest.param("v/1.m4s", MP4, False, None, id="a fragment"),
    pytest.param("v/1.m4s", MP4[:-1], False, "the box", id="a fragment without its last byte"),
    pytest.param("v/1.m4s", b"", False, "empty", id="nothing"),
    pytest.param("v/1.m4s", PAGE, False, "not MP4", id="a page instead of a fragment"),
    pytest.param("v/1.ts", TS * 3, False, None, id="packets"),
    pytest.param("v/1.ts", TS * 3 + TS[:100], False, "not whole packets", id="packets, the last one cut"),
    pytest.param("v/1.ts", TS + PAGE + bytes(188 - len(PAGE)), False, "not whole packets", id="a packet that is none"),
    pytest.param("v/1.ts", TS + b"\x47" + bytes(187), False, "no media", id="a packet with nothing in it"),
    pytest.param("v/1.ts", TS + b"\x47\x80" + TS[2:], False, "no media", id="a packet with an error"),
    pytest.param("v/1.ts", TS + b"\x47\x1f\xff\x90" + TS[4:], False, "no media", id="a packet that is scrambled"),
    pytest.param("v/1.ts", b"\x47\x41\0\x10" + bytes(184), False, "no media", id="packets of which none begins"),
    pytest.param("v/1.ts", b"\x47\x41\0\x10\0\0\1" + bytes(181), False, None, id="the begin of a picture"),
    pytest.param("v/1.ts", b"\x47\x41\0\x30\1\0\0\0\1" + bytes(179), False, None, id="one that is filled up before it"),
    pytest.param("a/1.aac", ADTS * 3, False, None, id="packed audio"),
    pytest.param("a/1.aac", ADTS + bytes(8), False, "no whole audio frame", id="packed audio with something between"),
    pytest.param("v/1.ts", bytes(32), True, None, id="AES-128: two blocks"),
    pytest.param("v/1.ts", PAGE, True, "AES blocks", id="AES-128: a page"),
    pytest.param("s/1.vtt", b"\xef\xbb\xbfWEBVTT\n", False, None, id="subtitles with a byte order mark"),
    pytest.param("s/1.vtt", PAGE, False, "not WebVTT", id="a page instead of subtitles"),
    pytest.param("s/1.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nd\xe9j\xe0", False, None, id="in an old encoding"),
    pytest.param("s/1.vtt", b"WEBVTT\n\n\x01\x9f\x80", False, "no text", id="subtitles that are noise"),
    pytest.param("s/1.ttml", b'<tt xmlns="http://www.w3.org/ns/ttml"><body/></tt>', False, None, id="TTML"),
    pytest.param("s/1.ttml", b"<tt><body>", False, "well-formed", id="TTML, cut off"),
    pytest.param("s/1.ttml", PAGE, False, "not TTML", id="a page instead of TTML"),
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


PES = b"\x47\x41\0\x10\0\0\1" + bytes(181)


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("wrong", [b"", TS[:100], PAGE, *(TS[:n] + b"\x80" + TS[n + 1 :] for n in (0, 1, 3))])
@pytest.mark.parametrize("size", [1, 7, 187, 188, 189, 400, 10000])
def test_packets_are_looked_at_as_they_come_however_they_are_cut(number: int, wrong: bytes, size: int) -> None:
    """What is said to be whole is so; and what is so is said to be, but for media that begin in no packet at once."""
    parts = [PES, TS, PES, TS, TS]
    parts.insert(number, wrong)
    data = b"".join(parts)
    packets = verify.Packets()
    for first in range(0, len(data), size):
        packets.take(memoryview(data)[first : first + size])
    assert packets.are_whole == (verify.malformed("v/1.ts", data, sealed=False) is None and size >= len(PES))


def test_nothing_is_no_whole_packets() -> None:
    assert not verify.Packets().are_whole


def test_a_segment_that_is_no_whole_packets_is_never_ready(offlinedl: Offlinedl, origin: Origin) -> None:
    """It is looked at when it comes, and only what was found whole then is not looked at once more."""
    made = (
        "ffmpeg -v error -f lavfi -i testsrc2=size=64x36:rate=10:duration=1 -c:v libx264 -pix_fmt yuv420p -f mpegts -"
    )
    clip = subprocess.run(made.split(), check=True, stdout=subprocess.PIPE).stdout
    names = ["1.ts", "2.ts", "3.ts"]
    origin.files["/titles/clear.m3u8"] = media(*map(segment, names))
    origin.files |= dict(zip([f"/titles/{n}" for n in names], (clip, clip[:-1], PAGE), strict=True))
    result = offlinedl("get", f"{origin.url}/titles/clear.m3u8")
    assert (result.code, "damaged" in result.err) == (8, True)
    origin.files |= {"/titles/2.ts": clip, "/titles/3.ts": clip}
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
