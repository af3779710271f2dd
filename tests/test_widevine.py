"""What a Widevine license says in the clear, whatever its bytes are."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offlinedl.errors import RefusedError
from offlinedl.license.widevine import stated
from offlinedl.manifest import hls_keys
from offlinedl.media import widevine
from offlinedl.model import Windows
from tests.drm import Value, field, message, widevine_license

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
KID = bytes.fromhex("0123456789abcdef0123456789abcdef")
KIDS = [KID.hex(), "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"]
LARGEST = 2**63 - 1
SOFT_STORAGE, SOFT_PLAYBACK = 15, 14
MAY_PERSIST, RENEWABLE, RENTAL, PLAYBACK, LICENSE, URL = 2, 3, 4, 5, 6, 8

WINDOWS = [
    pytest.param({}, Windows(), id="nothing said: no limit"),
    pytest.param(
        {RENTAL: 2592000, PLAYBACK: 172800},
        Windows(storage_seconds=2592000, playback_seconds=172800, soft=frozenset({"storage"})),
        id="soft for storage by default, and not for playback",
    ),
    pytest.param(
        {RENTAL: 60, PLAYBACK: 30, SOFT_STORAGE: 0, SOFT_PLAYBACK: 1},
        Windows(storage_seconds=60, playback_seconds=30, soft=frozenset({"playback"})),
        id="the flags said",
    ),
    pytest.param({RENTAL: 0, PLAYBACK: LARGEST, LICENSE: 2**62}, Windows(), id="0 and 2^62 and more: no limit"),
    pytest.param({RENTAL: -1, PLAYBACK: -LARGEST}, Windows(), id="negative: no limit"),
    pytest.param({LICENSE: 3600}, Windows(ends_at=NOW - timedelta(hours=1)), id="an end, from the license's start"),
    pytest.param({LICENSE: 2**61}, Windows(), id="past the end of the calendar"),
]


@pytest.mark.parametrize(("policy", "windows"), WINDOWS)
def test_the_policy_gives_the_windows(policy: dict[int, Value], windows: Windows) -> None:
    start = int((NOW - timedelta(hours=2)).timestamp())
    assert stated(widevine_license(KIDS, {MAY_PERSIST: 1, **policy}, start), NOW).windows == windows


def test_an_end_counts_from_now_where_the_license_tells_no_start() -> None:
    for start in (0, -5, LARGEST):
        license = widevine_license(KIDS, {MAY_PERSIST: 1, LICENSE: 60}, start)
        assert stated(license, NOW).windows.ends_at == NOW + timedelta(seconds=60)


def test_the_policy_is_kept_as_it_came_with_what_it_does_not_say() -> None:
    license = widevine_license(KIDS, {MAY_PERSIST: 1, RENEWABLE: 1, URL: "https://r.test/renew", RENTAL: LARGEST}, 7)
    found = stated(license, NOW)
    assert (found.renewable, found.renewal_url, found.unpersistent) == (True, "https://r.test/renew", False)
    assert json.loads(found.policy) == {
        "can_play": False,
        "can_persist": True,
        "can_renew": True,
        "rental_duration_seconds": LARGEST,
        "playback_duration_seconds": 0,
        "license_duration_seconds": 0,
        "renewal_recovery_duration_seconds": 0,
        "renewal_delay_seconds": 0,
        "renewal_retry_interval_seconds": 0,
        "renew_with_usage": False,
        "always_include_client_id": False,
        "play_start_grace_period_seconds": 0,
        "soft_enforce_playback_duration": False,
        "soft_enforce_rental_duration": True,
        "license_start_time": 7,
        "kids": KIDS,
    }


@pytest.mark.parametrize("url", ["", "skd://x", "not a url", "file:///etc/passwd"])
def test_a_renewal_url_that_is_none_is_none(url: str) -> None:
    assert stated(widevine_license(KIDS, {MAY_PERSIST: 1, URL: url}), NOW).renewal_url is None


def test_a_license_that_may_not_be_stored_says_so_by_saying_nothing() -> None:
    assert stated(widevine_license(KIDS, {RENTAL: 60}), NOW).unpersistent


def test_a_license_that_ends_before_its_windows_is_odd() -> None:
    """Such a one was seen to fail at its renewal: 300 s, playback 600 s, rental 900 s."""
    odd = stated(widevine_license(KIDS, {MAY_PERSIST: 1, LICENSE: 300, PLAYBACK: 600, RENTAL: 900}), NOW)
    assert odd.warnings == (
        "its license ends after 300 s, before its rental window of 900 s",
        "its license ends after 300 s, before its playback window of 600 s",
    )
    assert json.loads(odd.policy)["inconsistent"] == list(odd.warnings)
    even = stated(widevine_license(KIDS, {MAY_PERSIST: 1, LICENSE: 900, PLAYBACK: 900, RENTAL: 900}), NOW)
    assert (even.warnings, "inconsistent" in json.loads(even.policy)) == ((), False)


WHOLE = widevine_license(KIDS, {MAY_PERSIST: 1, RENTAL: 60})
NOTHING_READ = [
    pytest.param(b"", id="nothing"),
    pytest.param(json.dumps({"license": base64.b64encode(WHOLE).decode()}).encode(), id="wrapped in JSON"),
    pytest.param(base64.b64encode(WHOLE), id="in base64"),
    pytest.param(WHOLE[:-20], id="cut"),
    pytest.param(message({1: 5, 2: b"certificate"}), id="a service certificate"),
    pytest.param(widevine_license(KIDS, None), id="without a policy"),
    pytest.param(message({1: 2, 2: field(2, b"\xff" * 20)}), id="a policy that is none"),
    pytest.param(message({1: 2, 2: 5}), id="a number in the place of a message"),
]


@pytest.mark.parametrize("license", NOTHING_READ)
def test_what_cannot_be_read_leaves_all_unknown(license: bytes) -> None:
    found = stated(license, NOW)
    assert (found.policy, found.unpersistent) == ("", False)
    assert found.windows == Windows(unknown=frozenset({"storage", "playback", "license"}))


def test_the_servers_error_message_is_a_refusal() -> None:
    with pytest.raises(RefusedError, match="error of Widevine's"):
        stated(message({1: 3, 2: field(1, 4)}), NOW)


@given(st.binary(max_size=200), st.integers(0, len(WHOLE)))
def test_noise_is_read_without_an_error(noise: bytes, at: int) -> None:
    for data in (
        noise,
        WHOLE[:at] + noise + WHOLE[at:],
        message({1: 2, 2: noise}),
        message({1: 2, 2: field(2, noise)}),
    ):
        widevine.license(data)
        widevine.kids(data)
        assert widevine.message(data) is None or stated(message({1: 2, 2: noise}), NOW)


def test_the_key_ids_of_a_pssh_box() -> None:
    """As Shaka Packager writes them for cenc (facts of its output)."""
    data = bytes.fromhex("12100123456789abcdef0123456789abcdef48e3dc959b06")
    assert widevine.kids(data) == widevine.kids(hls_keys.pssh(widevine.SYSTEM, data)) == (KID,)
    assert widevine.kids(data[:-1]) == widevine.kids(b"") == ()


def test_a_playlist_names_the_key_ids_that_its_pssh_box_names() -> None:
    data = bytes.fromhex("12100123456789abcdef0123456789abcdef48e3dc959b06")
    uri = f"data:text/plain;base64,{base64.b64encode(hls_keys.pssh(widevine.SYSTEM, data)).decode()}"
    tag = {"METHOD": "SAMPLE-AES-CTR", "URI": uri, "KEYFORMAT": f"urn:uuid:{widevine.SYSTEM}"}
    key = hls_keys.key(tag, lambda uri: uri)
    assert key is not None
    found = hls_keys.protection(tag, key)
    assert found is not None
    assert found.kids == (KID,)
