"""Titles that only an adapter licenses, from their manifest to the end of their license. No key of theirs is seen."""

from __future__ import annotations

import base64
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from offlinedl.manifest.hls_keys import PLAYREADY
from offlinedl.media import mp4, widevine
from tests import drm, packager, playlists
from tests import origin as o
from tests.adapter import DAY
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.test_rotation import served

KIDS = [kid.hex() for kid in packager.KIDS.values()]
SKD = 'KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"'


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


@pytest.fixture
def asked(origin: Origin, root: Path) -> list[dict[str, Any]]:
    """What the license server hears. The origin has a title of Widevine and PlayReady at /titles/pk/manifest.mpd."""
    asked: list[dict[str, Any]] = []
    origin.fault("/license", drm.licensing(asked, {2: 1, 3: 1, 4: 30 * DAY, 5: 2 * DAY}))
    origin.fault("/titles/pk/", served(packager.package(root, "cenc-adapted")))
    return asked


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADAPTER_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def called(log: Path) -> list[str]:
    """The methods of the adapter that were called since this was asked last."""
    found = [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []
    log.unlink(missing_ok=True)
    return [method for method in found if method not in {"hello", "ended"}]


def configured(offlinedl: Offlinedl, system: str, *words: str) -> None:
    (offlinedl.home / "config.toml").write_text(f"[download]\nbackoff = 0\n{drm.setting(system, *words)}")


def words(origin: Origin) -> tuple[str, ...]:
    return "get", f"{origin.url}/titles/pk/manifest.mpd", "--license-url", f"{origin.url}/license", "--json"


def events(offlinedl: Offlinedl) -> list[str]:
    [title] = offlinedl.listed()
    return [event["event"] for event in offlinedl.ok("show", title["id"], "--json").json["history"]]


def test_a_title_is_ready_with_one_request_and_opens_offline(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]], log: Path
) -> None:
    configured(offlinedl, "widevine")
    [title] = offlinedl.ok(*words(origin)).json
    license = title["license"]
    assert (title["state"], license["system"], license["renewable"]) == ("ready", "widevine", True)
    assert (license["storage_seconds"], license["playback_seconds"]) == (30 * DAY, 2 * DAY)
    assert called(log) == ["challenge", "update", "load"]
    [told] = asked
    box = base64.b64decode(told["init_data"])
    assert (set(told["kids"]), box[4:8], len(widevine.kids(box))) == (set(KIDS), b"pssh", 2)

    origin.fault("/", o.dropped())
    origin.faults.reverse()
    played = offlinedl.ok("play", title["id"])
    assert "first play, the playback clock runs. Expires in 47 hours" in played.out
    assert called(log) == ["first_play", "load", "play"]
    offlinedl.ok("play", title["id"])
    assert called(log) == ["load", "play"]
    origin.mend()


def test_no_key_and_no_handle_is_anywhere_in_the_open(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]]
) -> None:
    configured(offlinedl, "widevine")
    offlinedl.ok(*words(origin))
    everything = b"".join(f.read_bytes() for f in offlinedl.home.rglob("*") if f.is_file())
    assert not any(key in everything for key in packager.KEYS.values())
    assert b'"played"' not in everything  # what the simulated adapter writes into its handles


def test_interruptions_cost_no_second_request(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]], log: Path
) -> None:
    configured(offlinedl, "widevine")
    origin.faults.insert(0, (r"a/3\.m4s", o.body(b""), [3]))
    for _ in range(3):
        assert offlinedl(*words(origin)).code == 8
    offlinedl.ok(*words(origin))
    assert (len(asked), called(log)) == (1, ["challenge", "update", "load"])


STEPS = ["offlinedl.custody:Custody._name", "offlinedl.license.adapter:Adapter.load", "offlinedl.library:Library.ready"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_after_the_license_came_it_is_there(
    step: str, offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]]
) -> None:
    configured(offlinedl, "widevine")
    owner, _, name = step.rpartition(".")
    process = offlinedl.start(*words(origin), before=f"dies_at({owner!r}, {name!r})")
    assert process.wait() == -signal.SIGKILL
    assert [title["state"] for title in offlinedl.listed()] == ["paused"]
    [title] = offlinedl.ok(*words(origin)).json
    assert (title["state"], len(asked)) == ("ready", 1)


@pytest.mark.parametrize(
    "step",
    [
        "offlinedl.license.adapter:Adapter.first_play",
        "offlinedl.vault:Vault.save",
        "offlinedl.playing.play",
        "offlinedl.catalog:Catalog.played",
    ],
)
def test_killed_at_the_first_play_there_is_always_a_handle(
    step: str, offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]], log: Path
) -> None:
    configured(offlinedl, "widevine", "dual")
    offlinedl.ok(*words(origin))
    [title] = offlinedl.listed()
    owner, _, name = step.rpartition(".")
    process = offlinedl.start("play", title["id"], before=f"dies_at({owner!r}, {name!r})")
    assert process.wait() == -signal.SIGKILL
    called(log)
    offlinedl.ok("play", title["id"])
    assert called(log) == ["first_play", "load", "play"]


def test_what_the_first_play_changes_is_taken_over(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]]
) -> None:
    """Dual expiry: the storage window falls, and the playback window is another one."""
    configured(offlinedl, "widevine", "dual")
    offlinedl.ok(*words(origin))
    [title] = offlinedl.listed()
    offlinedl.ok("play", title["id"])
    [title] = offlinedl.listed()
    assert (title["license"]["storage_seconds"], title["license"]["playback_seconds"]) == (None, DAY)
    assert title["message"] == "Expires in 23 hours"
    assert "license states other windows" in events(offlinedl)


FAILING = [
    pytest.param("dies:load", 9, "adapter-died", 1, id="dies at the proof: the license is kept"),
    pytest.param("restricted", 5, "license-not-usable", 1, id="a key that cannot be used now: the license is kept"),
    pytest.param("forgets", 5, "license-refused", 2, id="does not open anew: the license is destroyed"),
    pytest.param("other-kid", 5, "license-incomplete", 2, id="another KID"),
    pytest.param("expired", 5, "license-expired", 2, id="expired"),
    pytest.param("garbage:update", 9, "adapter-garbage", 2, id="garbage"),
    pytest.param("dies:hello", 9, "adapter-died", 1, id="dies at once: nobody is asked"),
    pytest.param("temporary", 5, "license-not-persistent", 1, id="keeps nothing: nobody is asked"),
]


@pytest.mark.parametrize(("fault", "code", "name", "requests"), FAILING)
def test_a_title_whose_adapter_fails_is_not_ready(
    fault: str, code: int, name: str, requests: int, offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]]
) -> None:
    """And is, once the adapter does its part."""
    configured(offlinedl, "widevine", fault)
    result = offlinedl(*words(origin))
    assert result.code == code, result
    [title] = offlinedl.listed()
    assert (title["state"], title["error"]["code"]) == ("failed", name)
    configured(offlinedl, "widevine")
    [title] = offlinedl.ok(*words(origin)).json
    assert (title["state"], len(asked)) == ("ready", requests)


def test_without_an_adapter_the_systems_and_key_ids_are_named(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]]
) -> None:
    result = offlinedl("get", f"{origin.url}/titles/pk/manifest.mpd")
    assert result.code == 9
    assert "protected by playready, widevine, and there is no adapter for it" in result.err
    assert all(kid in result.err for kid in KIDS)
    configured(offlinedl, "fairplay")
    assert offlinedl("get", f"{origin.url}/titles/pk/manifest.mpd").code == 9
    assert not origin.asked("m4s")


def test_an_odd_policy_is_told_of_in_the_history(offlinedl: Offlinedl, origin: Origin, root: Path) -> None:
    origin.fault("/license", drm.licensing([], {2: 1, 4: 900, 5: 600, 6: 300}))
    origin.fault("/titles/pk/", served(packager.package(root, "cenc-adapted")))
    configured(offlinedl, "widevine", "none", "{}")
    offlinedl.ok(*words(origin))
    odd = [event for event in events(offlinedl) if event.startswith("odd license")]
    assert odd[0] == "odd license: its license ends after 300 s, before its rental window of 900 s"


# what ends a license


def test_rm_releases_it(offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]], log: Path) -> None:
    configured(offlinedl, "widevine")
    offlinedl.ok(*words(origin))
    [title] = offlinedl.listed()
    called(log)
    offlinedl.ok("rm", title["id"])
    assert called(log) == ["challenge", "acknowledge"]
    assert (asked[-1]["purpose"], sorted(asked[-1]["kids"])) == ("release", sorted(KIDS))


@pytest.mark.parametrize("fault", ["dies:challenge", "dies:acknowledge"])
def test_a_release_that_failed_is_made_up_for(
    fault: str, offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]], log: Path
) -> None:
    configured(offlinedl, "widevine")
    offlinedl.ok(*words(origin))
    [title] = offlinedl.listed()
    configured(offlinedl, "widevine", fault)
    offlinedl.ok("rm", title["id"])
    assert offlinedl.listed() == []
    configured(offlinedl, "widevine")
    called(log)
    offlinedl.ok("sync")
    assert called(log) == ["challenge", "acknowledge"]
    offlinedl.ok("sync")
    assert called(log) == []


def test_a_renewal_is_proven_before_it_takes_the_others_place(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]], log: Path
) -> None:
    configured(offlinedl, "widevine")
    offlinedl.ok(*words(origin))
    [title] = offlinedl.listed()
    configured(offlinedl, "widevine", "forgets")
    assert offlinedl("renew", title["id"]).code == 5
    configured(offlinedl, "widevine")
    called(log)
    offlinedl.ok("play", title["id"])
    offlinedl.ok("renew", title["id"])
    assert called(log) == ["first_play", "load", "play", "challenge", "update", "load"]
    assert [told["purpose"] for told in asked] == ["acquire", "renew", "renew"]
    offlinedl.ok("play", title["id"])
    assert called(log) == ["load", "play"]


def test_windows_that_are_stated_at_the_proof_count(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]]
) -> None:
    configured(offlinedl, "widevine", "narrows")
    offlinedl.ok(*words(origin))
    for _ in range(2):
        [title] = offlinedl.listed()
        assert title["license"]["storage_seconds"] == DAY
        offlinedl.ok("renew", title["id"])
    assert len(asked) == 3


@pytest.mark.parametrize("verb", ["get", "renew"])
def test_an_adapter_that_keeps_nothing_by_now_costs_no_license(
    verb: str, offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]]
) -> None:
    """What was granted before is proven once there is one that does."""
    configured(offlinedl, "widevine", *(["dies:load"] if verb == "get" else []))
    assert offlinedl(*words(origin)).code == (9 if verb == "get" else 0)
    [title] = offlinedl.listed()
    if verb == "renew":
        configured(offlinedl, "widevine", "dies:load")
        assert offlinedl("renew", title["id"]).code == 9
    configured(offlinedl, "widevine", "temporary")
    assert offlinedl(verb, title["id"]).code == 5
    configured(offlinedl, "widevine")
    paid = len(asked)
    offlinedl.ok(verb, title["id"])
    assert len(asked) == paid


ADAPTERS = [
    pytest.param((), 0, "opens", "ready", id="as it was"),
    pytest.param(("forgets",), 8, "does not open", "failed", id="knows it no more"),
    pytest.param(("restricted",), 5, None, "ready", id="not usable now"),
    pytest.param(("dies:load",), 9, None, "ready", id="fails"),
]


@pytest.mark.parametrize(("fault", "code", "word", "state"), ADAPTERS)
def test_check_has_the_handle_loaded_anew(
    fault: tuple[str, ...],
    code: int,
    word: str | None,
    state: str,
    offlinedl: Offlinedl,
    origin: Origin,
    asked: list[dict[str, Any]],
    log: Path,
) -> None:
    """Only a license that is lost is: what the device cannot do now, it may do another time."""
    configured(offlinedl, "widevine")
    offlinedl.ok(*words(origin))
    called(log)
    configured(offlinedl, "widevine", *fault)
    result = offlinedl("check", "--json")
    [title] = result.json
    assert (result.code, title["license"], title["state"]) == (code, word, state)
    assert called(log) == ["load"]
    configured(offlinedl, "widevine")
    offlinedl.ok("check", "--repair")
    assert len(asked) == 1, "it is the same license, and opens again"


# what a feed says


def feed(origin: Origin, url: str, **drm: Any) -> None:
    source = {"url": url, "drm": [{"license_url": "/license", **drm}]}
    rights = {"storage_seconds": 10 * DAY}
    title = {"id": "film", "name": "Film", "sources": [source], "rights": rights}
    origin.fault("/feed.json", o.body(json.dumps({"offlinedl": 1, "titles": [title]}).encode(), "application/json"))


def test_a_feed_names_server_headers_and_certificate(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]]
) -> None:
    """And its windows narrow those of the license."""
    headers = {"X-Token": "abc"}
    feed(origin, "/titles/pk/manifest.mpd", system="Widevine", headers=headers, certificate_url="/certificate")
    origin.fault("/certificate", o.body(b"certificate"))
    configured(offlinedl, "widevine", "none", '{"storage_seconds": null}')
    offlinedl.ok("source", "add", "tv", f"{origin.url}/feed.json")
    [title] = offlinedl.ok("get", "tv:film", "--json").json
    [told] = asked
    assert (told["headers"]["X-Token"], told["certificate"]) == ("abc", base64.b64encode(b"certificate").decode())
    assert title["license"]["storage_seconds"] == 10 * DAY


def test_where_the_manifest_says_nothing_the_init_segments_do(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]], root: Path
) -> None:
    """A playlist that looks clear over media of PlayReady: the pssh boxes of moov."""
    segments = [playlists.segment(f"v/{n}.m4s", "2") for n in packager.SEGMENTS]
    playlist = playlists.media('#EXT-X-MAP:URI="v/init.mp4"', *segments)
    origin.faults.insert(0, ("pk/v.m3u8", o.body(playlist), [9]))
    feed(origin, "/titles/pk/v.m3u8", system="playready")
    configured(offlinedl, "playready")
    offlinedl.ok("source", "add", "tv", f"{origin.url}/feed.json")
    [title] = offlinedl.ok("get", "tv:film", "--json").json
    init = (packager.package(root, "cenc-adapted") / "v/init.mp4").read_bytes()
    [box] = [p.init_data for p in mp4.protections(init) if p.system == PLAYREADY]
    assert (title["state"], title["license"]["system"]) == ("ready", "playready")
    assert base64.b64decode(asked[0]["init_data"]) == box
    assert asked[0]["kids"] == [packager.KIDS["v"].hex()]


def test_laurl_says_where_the_license_is(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]], root: Path
) -> None:
    mpd = (packager.package(root, "cenc-adapted") / "manifest.mpd").read_text()
    laurl = f'<dashif:laurl xmlns:dashif="https://dashif.org/CPS">{origin.url}/license</dashif:laurl>'
    named = mpd.replace(f'"urn:uuid:{widevine.SYSTEM}">', f'"urn:uuid:{widevine.SYSTEM}">{laurl}')
    origin.faults.insert(0, ("manifest.mpd", o.body(named.encode()), [9]))
    configured(offlinedl, "widevine")
    offlinedl.ok("get", f"{origin.url}/titles/pk/manifest.mpd")
    assert len(asked) == 1


def test_clear_key_stays_clear_key_where_something_names_it(offlinedl: Offlinedl, origin: Origin) -> None:
    configured(offlinedl, "widevine", "dies:hello")
    url, license = f"{origin.url}/titles/harbour-1/manifest.mpd", f"{origin.url}/license"
    [title] = offlinedl.ok("get", url, "--license-url", license, "--json").json
    assert (title["state"], title["license"]["system"]) == ("ready", "clearkey")


# FairPlay


@pytest.fixture
def fairplay(origin: Origin, root: Path, asked: list[dict[str, Any]]) -> str:
    """HLS, cbcs in fMP4: pictures and sound have a key each, and only their skd URIs say so."""
    streams = {}
    for track in ("v", "a"):
        key = f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://{track}",{SKD}'
        segments = [playlists.segment(f"{track}/{n}.m4s", "2") for n in packager.SEGMENTS]
        streams[track] = playlists.media(key, f'#EXT-X-MAP:URI="{track}/init.mp4"', *segments)
    sound = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",LANGUAGE="en",DEFAULT=YES,URI="a.m3u8"'
    session = "\n".join(f'#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="skd://{name}",{SKD}' for name in ("v", "a", "uhd"))
    stream = '#EXT-X-STREAM-INF:BANDWIDTH=500000,AUDIO="a",CODECS="avc1.64000d,mp4a.40.2"'
    top = f"#EXTM3U\n{session}\n{sound}\n{stream}\nv.m3u8\n"
    folder = served(packager.package(root, "cbcs-keys"))
    origin.faults[:0] = [
        ("fp/top.m3u8", o.body(top.encode()), [99]),
        *((f"fp/{track}.m3u8", o.body(playlist), [99]) for track, playlist in streams.items()),
        ("/titles/fp/", folder, [999]),
    ]
    return f"{origin.url}/titles/fp/top.m3u8"


def test_fairplay_is_asked_for_each_key_that_is_chosen(
    fairplay: str, offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]]
) -> None:
    configured(offlinedl, "fairplay")
    [title] = offlinedl.ok("get", fairplay, "--license-url", f"{origin.url}/license", "--json").json
    assert (title["state"], title["license"]["system"]) == ("ready", "fairplay")
    assert [base64.b64decode(told["init_data"]) for told in asked] == [b"skd://v", b"skd://a"]
    offlinedl.ok("play", title["id"])


def test_and_refused_without_an_adapter(fairplay: str, offlinedl: Offlinedl, origin: Origin) -> None:
    result = offlinedl("get", fairplay)
    assert (result.code, "protected by fairplay" in result.err) == (9, True)
    assert not origin.asked("m4s")


def test_a_player_of_the_adapters_own_plays_what_it_opens(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]], log: Path
) -> None:
    """Without one nothing does, and no clock starts."""
    configured(offlinedl, "widevine", "plays-not")
    [title] = offlinedl.ok(*words(origin)).json
    called(log)
    refused = offlinedl("play", title["id"])
    assert (refused.code, "the adapter for widevine has no player" in refused.err) == (9, True)
    assert called(log) == []
    configured(offlinedl, "widevine")
    offlinedl.ok("play", title["id"])
    assert called(log) == ["first_play", "load", "play"]


def test_an_adapters_player_is_stopped_at_the_deadline(
    offlinedl: Offlinedl, origin: Origin, asked: list[dict[str, Any]], log: Path
) -> None:
    """Whatever it does then."""
    windows = json.dumps({"storage_seconds": None, "playback_seconds": 2, "expires_at": None})
    configured(offlinedl, "widevine", "stays-playing", windows)
    [title] = offlinedl.ok(*words(origin)).json
    stopped = offlinedl("play", title["id"])
    ended = datetime.now(UTC)
    assert (stopped.code, "expired while it played" in stopped.err) == (5, True), stopped
    [title] = offlinedl.listed()
    began = datetime.fromisoformat(title["license"]["first_played_at"])
    assert 2 <= (ended - began).total_seconds() < 5
