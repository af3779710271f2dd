"""The license stands before the media: what is refused never becomes ready, and costs no media."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import Any

import pytest

from offlinedl.demo.origin import DATA
from offlinedl.media import cenc
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Fault, Origin

License = dict[str, Any]


def temporary(license: License) -> None:
    license["type"] = "temporary"


def untyped(license: License) -> None:
    del license["type"]


def not_to_be_kept(license: License) -> None:
    license["policy"]["can_persist"] = False


def without_one(license: License) -> None:
    del license["keys"][1]


def empty(license: License) -> None:
    license["keys"] = []


def wrong_keys(license: License) -> None:
    for key in license["keys"]:
        key["k"] = base64.urlsafe_b64encode(b"a wrong key here").rstrip(b"=").decode()


def short_key(license: License) -> None:
    license["keys"][0]["k"] = "AAAA"


def odd_window(license: License) -> None:
    license["policy"]["rental_duration_seconds"] = "thirty days"


def endless_window(license: License) -> None:
    license["policy"]["rental_duration_seconds"] = float("inf")


def no_window(license: License) -> None:
    license["policy"]["rental_duration_seconds"] = float("nan")


def changed(change: Callable[[License], None]) -> Fault:
    return o.license_with(change)


REFUSALS = [
    pytest.param(o.status(403), 5, "license-refused", id="403"),
    pytest.param(o.status(404), 5, "license-refused", id="404"),
    pytest.param(changed(temporary), 5, "license-not-persistent", id="a temporary license"),
    pytest.param(changed(untyped), 5, "license-not-persistent", id="no type, which means temporary"),
    pytest.param(changed(not_to_be_kept), 5, "license-not-persistent", id="can_persist: false"),
    pytest.param(changed(without_one), 5, "license-incomplete", id="B9 one KID of three missing"),
    pytest.param(changed(empty), 5, "license-incomplete", id="no key at all"),
    pytest.param(changed(short_key), 8, "license-damaged", id="a key of three bytes"),
    pytest.param(changed(odd_window), 8, "license-damaged", id="a window that is no number"),
    pytest.param(changed(endless_window), 8, "license-damaged", id="a window of Infinity"),
    pytest.param(changed(no_window), 8, "license-damaged", id="a window of NaN"),
    pytest.param(o.page(), 8, "license-damaged", id="a web page instead of a license"),
    pytest.param(o.body(b"[]"), 8, "license-damaged", id="JSON, but no license"),
    pytest.param(o.status(503), 4, "network", id="a server that is down"),
    pytest.param(o.dropped(), 4, "network", id="no answer"),
]


@pytest.mark.parametrize(("fault", "code", "name"), REFUSALS)
def test_without_its_license_no_title_is_ready(
    fault: Fault, code: int, name: str, demo: Offlinedl, origin: Origin
) -> None:
    """B8: and no media was fetched for nothing."""
    origin.fault("/license", fault)
    result = demo("get", "demo:harbour-2")
    assert result.code == code, result
    [title] = demo.listed()
    assert (title["state"], title["error"]["code"]) == ("failed", name)
    assert not origin.asked("1.m4s")
    assert len(origin.asked("/license")) == 1

    origin.mend()
    demo.ok("get", "demo:harbour-2")
    assert [title["state"] for title in demo.listed()] == ["ready"]


def test_a_wrong_key_is_found_before_ready_and_media_are_not_fetched_again(demo: Offlinedl, origin: Origin) -> None:
    origin.fault("/license", changed(wrong_keys), times=1)
    result = demo("get", "demo:harbour-1")
    assert result.code == 8
    [title] = demo.listed()
    assert (title["state"], title["error"]["code"], title["license"]) == ("failed", "license-wrong-key", None)

    origin.forget()
    demo.ok("get", "demo:harbour-1")
    assert [asked.path for asked in origin.log] == ["/license"]
    assert [title["state"] for title in demo.listed()] == ["ready"]


def test_a_missing_key_is_named(demo: Offlinedl, origin: Origin) -> None:
    origin.fault("/license", changed(without_one))
    result = demo("get", "demo:harbour-2")
    assert "has no key for KID" in result.err


def test_media_that_are_there_are_not_fetched_again_when_a_license_ended(demo: Offlinedl, origin: Origin) -> None:
    """An expired title needs a license, and nothing else."""

    def a_second(license: License) -> None:
        license["policy"]["rental_duration_seconds"] = 1

    origin.fault("/license", changed(a_second), times=1)
    demo.ok("get", "demo:harbour-1")
    later = demo.at("2036-01-01 00:00:00", "get", "demo:harbour-1")
    assert later.code == 0, later
    assert len(origin.asked("/license")) == 2
    assert len(origin.asked("v720/1.m4s")) == 1


def test_a_playlist_that_looks_clear_over_encrypted_media_is_not_believed(demo: Offlinedl, origin: Origin) -> None:
    """The init segments say it (B9a): cenc in HLS has no EXT-X-KEY."""
    for name in ("v720", "a-en"):
        origin.fault(rf"harbour-1/{name}\.m3u8", without_key_tags(f"harbour-1/{name}.m3u8"))
    result = demo("get", f"{origin.url}/titles/harbour-1/master.m3u8")
    assert result.code == 5
    assert "nothing says where its license is" in result.err
    assert not origin.asked("v720/1.m4s")
    demo.ok("get", f"{origin.url}/titles/harbour-1/master.m3u8", "--license-url", f"{origin.url}/license")


def without_key_tags(path: str) -> Fault:
    lines = (DATA / "titles" / path).read_text().splitlines()
    return o.body("\n".join(line for line in lines if "EXT-X-KEY" not in line).encode())


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(o.status(403), 5, id="403"),
        pytest.param(o.body(b"x" * 15), 8, id="15 bytes"),
        pytest.param(o.page(), 8, id="a login page"),
        pytest.param(o.body(b"a wrong key here"), 8, id="a wrong key"),
    ],
)
def test_an_hls_key_that_is_none_is_refused(fault: Fault, code: int, demo: Offlinedl, origin: Origin) -> None:
    origin.fault("/ferry/key", fault, times=1)
    assert demo("get", "demo:ferry").code == code
    assert [title["state"] for title in demo.listed()] == ["failed"]
    demo.ok("get", "demo:ferry")


def test_the_license_request_is_that_of_eme(demo: Offlinedl, origin: Origin) -> None:
    demo.ok("get", "demo:harbour-1")
    [asked] = origin.asked("/license")
    assert asked.method == "POST"
    assert asked.headers["Content-Type"] == "application/json"


# media that say little of how they are protected

LONE = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT12S">
<Period><AdaptationSet contentType="video" mimeType="video/mp4">
<Representation id="v" bandwidth="30000" codecs="avc1.64001f" height="720"><BaseURL>whole.mp4</BaseURL></Representation>
</AdaptationSet></Period></MPD>"""


@pytest.fixture
def lone(origin: Origin) -> str:
    """An MPD that says nothing of protection, over one file whose init and encrypted media are in one."""
    folder = DATA / "titles/harbour-1/v720"
    whole = b"".join((folder / name).read_bytes() for name in ("init.mp4", "1.m4s", "2.m4s", "3.m4s"))
    origin.fault("/lone/whole.mp4", o.body(whole, "video/mp4"))
    origin.fault("/lone/lone.mpd", o.body(LONE.encode(), "application/dash+xml"))
    return f"{origin.url}/titles/lone/lone.mpd"


def test_encrypted_media_without_an_init_segment_need_a_license_too(lone: str, demo: Offlinedl) -> None:
    result = demo("get", lone)
    assert (result.code, demo.listed()[0]["error"]["code"]) == (5, "license-missing")


def test_and_their_wrong_key_is_found(lone: str, demo: Offlinedl, origin: Origin) -> None:
    origin.fault("/license", changed(wrong_keys), times=1)
    url = f"{origin.url}/license"
    assert demo("get", lone, "--license-url", url).code == 8
    demo.ok("get", lone, "--license-url", url)


def test_a_key_format_of_others_is_not_taken_for_clear(demo: Offlinedl, origin: Origin) -> None:
    """FairPlay: with and without a license server that could never serve it."""
    playlist = (
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x",KEYFORMAT="com.apple.streamingkeydelivery"\n'
        "#EXTINF:4,\nv720-1.ts\n#EXT-X-ENDLIST\n"
    )
    origin.fault("/ferry/skd.m3u8", o.body(playlist.encode()))
    url = f"{origin.url}/titles/ferry/skd.m3u8"
    refused = demo("get", url)
    assert refused.code == 9
    assert "fairplay" in refused.err
    assert demo("get", url, "--license-url", f"{origin.url}/license").code == 9
    assert not origin.asked(".ts")


@pytest.mark.parametrize("method", ["SAMPLE-AES-CTR", "AES-256"])
def test_a_method_that_cannot_be_undone_is_refused_before_the_media(
    method: str, demo: Offlinedl, origin: Origin
) -> None:
    key = f'#EXT-X-KEY:METHOD={method},URI="key"'
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n{key}\n#EXTINF:4,\nv720-1.ts\n#EXT-X-ENDLIST\n"
    origin.fault("/ferry/odd.m3u8", o.body(text.encode()))
    assert demo("get", f"{origin.url}/titles/ferry/odd.m3u8").code == 9
    assert not origin.asked(".ts")


def test_a_damaged_file_is_fetched_again_and_the_license_stays(demo: Offlinedl, origin: Origin) -> None:
    """Of two files under one key, the one that does not open is the damaged one, though it came as the server has
    it."""
    video = DATA / "titles/harbour-1/v720"
    media = [video / f"{number}.m4s" for number in range(1, 4)]
    encryption = cenc.read_init((video / "init.mp4").read_bytes())
    assert encryption is not None
    weights = [sum(cenc.usage(encryption, file.read_bytes()).values()) for file in media]
    heaviest = weights.index(max(weights))
    damaged = bytearray(media[heaviest].read_bytes())
    damaged[len(damaged) // 2 :] = random.Random(1).randbytes(len(damaged) - len(damaged) // 2)
    origin.fault(f"v720/{heaviest + 1}.m4s", o.body(bytes(damaged)))
    result = demo("get", "demo:harbour-1")
    origin.mend()
    origin.forget()
    assert (result.code, "is damaged" in result.err) == (8, True)
    demo.ok("get", "demo:harbour-1")
    assert not origin.asked("/license")
    assert [a.path for a in origin.asked("v720")] == [f"/titles/harbour-1/v720/{heaviest + 1}.m4s"]


def test_keys_that_were_not_asked_for_do_not_matter(demo: Offlinedl, origin: Origin) -> None:
    def more(license: License) -> None:
        license["keys"] += [{"kty": "oct", "kid": "AAAA", "k": "AAAA"}, {"kty": "RSA"}]

    origin.fault("/license", changed(more))
    demo.ok("get", "demo:harbour-1")


def test_a_clear_title_whose_window_ended_gets_new_clocks(demo: Offlinedl, origin: Origin) -> None:
    feed = (DATA / "feed.json").read_text().replace('"storage_seconds": 604800', '"storage_seconds": 3600')
    feed = feed.replace("titles/ferry/master.m3u8", "titles/lighthouse/manifest.mpd")
    origin.fault("/feed.json", o.body(feed.encode(), "application/json"))
    assert demo.at("2026-11-01 12:00:00", "get", "demo:ferry").code == 0
    [title] = demo.at("2026-11-01 14:00:00", "list", "--json").json
    assert title["state"] == "expired"
    again = demo.at("2026-11-01 14:00:00", "get", "demo:ferry", "--json")
    assert (again.code, again.json[0]["message"]) == (0, "Available for 1 more hour")


def test_a_track_of_another_system_beside_one_with_a_key_is_refused(demo: Offlinedl, origin: Origin) -> None:
    """FairPlay pictures and AES-128 sound: the key of the sound licenses no pictures."""
    video = (
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x",KEYFORMAT="com.apple.streamingkeydelivery"\n'
        "#EXTINF:4,\nv720-1.ts\n#EXT-X-ENDLIST\n"
    )
    origin.fault("/ferry/v720.m3u8", o.body(video.encode()))
    assert demo("get", f"{origin.url}/titles/ferry/master.m3u8").code == 9
    assert not origin.asked(".ts")


def test_who_was_named_for_the_license_is_asked_from_then_on(offlinedl: Offlinedl, origin: Origin) -> None:
    """Also for other tracks, where the manifest names nobody."""
    url = f"{origin.url}/titles/harbour-1/manifest.mpd"
    offlinedl.ok("get", url, "-q", "360p", "--license-url", f"{origin.url}/license")
    offlinedl.ok("get", url, "-q", "720p")
    [title] = offlinedl.listed()
    assert (title["state"], title["quality"]["height"]) == ("ready", 720)
