"""The license stands before the media: what is refused never becomes ready, and costs no media."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

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
    from offlinedl.demo.origin import DATA

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
