"""The rules of audit: plain facts, and what is found of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from offlinedl.errors import RefusedError
from offlinedl.model import Kind, Rights, Service, Title, Windows
from offlinedl.protection import Protection
from offlinedl.readiness import Finding, is_ready, judged, manifest, media, protection, terms, transport
from offlinedl.readiness.manifest import Sampled
from offlinedl.readiness.protection import Stated
from offlinedl.readiness.transport import Elsewhere, Served
from offlinedl.signatures import expires
from offlinedl.streams import Manifest, Rendition, Resource, Segment

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = 86400
URL = "https://media.test/1"
KID, OTHER = b"k" * 16, b"o" * 16


def rung(
    height: int = 720, bandwidth: int = 1_000_000, lengths: tuple[float, ...] = (4, 4, 2), **more: Any
) -> Rendition:
    """A video rung with segments of these seconds."""
    segments = []
    start = Fraction(0)
    for number, seconds in enumerate(lengths):
        length = Fraction(seconds)
        segments.append(Segment(number=number, resource=Resource(url=URL), start=start, duration=length))
        start += length
    return Rendition(
        **{
            "id": "v", "kind": Kind.VIDEO, "container": "mp4", "height": height, "bandwidth": bandwidth,
            "codecs": "avc1.64001f", "segments": tuple(segments), **more,
        }
    )  # fmt: skip


def audio(language: str = "en", **more: Any) -> Rendition:
    return rung(0, **{"id": f"a-{language}", "kind": Kind.AUDIO, "language": language, **more})


def offered(*renditions: Rendition, format: str = "dash") -> Manifest:
    return Manifest(format=format, url=URL, renditions=renditions)


def states(*findings: Finding) -> dict[str, str]:
    """What is not ok, by its id."""
    return {finding.id: finding.state for finding in findings if finding.state != "ok"}


GOOD = (rung(360, id="low"), rung(720), audio())
MANIFESTS = [
    pytest.param(GOOD, "dash", "", id="good"),
    pytest.param((rung(), audio()), "dash", "ladder", id="one-rung"),
    pytest.param((rung(1080), rung(2160), audio()), "dash", "standard-rung", id="tall"),
    pytest.param((rung(360, 2_000_000), rung(720, 3_000_000), audio()), "dash", "standard-rung", id="heavy"),
    pytest.param((*GOOD, audio("fr", codecs="")), "dash", "codecs-stated", id="no-codecs"),
    pytest.param((*GOOD, rung(0)), "dash", "resolution-stated", id="no-size"),
    pytest.param((*GOOD, audio("fr", bandwidth=0)), "dash", "bandwidth-stated", id="no-rate"),
    pytest.param((*GOOD, audio("fr", bandwidth=0)), "hls", "", id="hls-states-no-rate-of-sound"),
    pytest.param((*GOOD, audio("und")), "dash", "languages-tagged", id="und"),
    pytest.param((*GOOD, rung(720, lengths=(12, 12, 4))), "dash", "segment-lengths", id="long"),
    pytest.param((*GOOD, rung(720, lengths=(2, 2, 8, 2))), "dash", "segment-lengths", id="uneven"),
    pytest.param((*GOOD, rung(720, lengths=(0.5, 0.5, 0.5))), "dash", "segment-lengths", id="tiny"),
    pytest.param((*GOOD, rung(720, lengths=(4, 4, 30))), "dash", "", id="the-last-has-what-is-left"),
    pytest.param((*GOOD, rung(720, gaps=(1,))), "dash", "gaps", id="gaps"),
    pytest.param((rung(0, 0, (3600,), codecs=""),), "progressive", "", id="a-file-states-nothing"),
]


@pytest.mark.parametrize(("renditions", "format", "found"), MANIFESTS)
def test_a_manifest_is_judged(renditions: tuple[Rendition, ...], format: str, found: str) -> None:
    findings = manifest.findings(offered(*renditions, format=format), renditions)
    assert states(*findings) == ({found: "warning"} if found else {})


RATES = [
    pytest.param("dash", 1_400_000, 0, False, id="a-buffer-evens-out"),
    pytest.param("dash", 1_600_000, 0, True, id="beyond-a-buffer"),
    pytest.param("hls", 1_050_000, 0, False, id="hls-within-a-tenth"),
    pytest.param("hls", 1_200_000, 0, True, id="hls-beyond"),
    pytest.param("hls", 1_000_000, 200_000, True, id="hls-with-its-sound"),
]


@pytest.mark.parametrize(("format", "rate", "beside", "lies"), RATES)
def test_a_rate_is_held_against_samples(format: str, rate: int, beside: int, lies: bool) -> None:
    sound = audio(bandwidth=0)
    sampled = [Sampled(rendition=rung(), rate=rate), Sampled(rendition=sound, rate=beside)]
    assert (manifest.rates(offered(format=format), sampled).state == "warning") is lies


WELL = Served(url=URL, ranges=True, validator=True, length=True)
SERVERS = [
    pytest.param(WELL, False, {}, id="well"),
    pytest.param(replace(WELL, ranges=False), False, {"ranges": "warning"}, id="no-ranges"),
    pytest.param(replace(WELL, ranges=False), True, {"ranges": "failed"}, id="no-ranges-of-parts"),
    pytest.param(replace(WELL, ranges=None), True, {"ranges": "unknown"}, id="ranges-not-found-out"),
    pytest.param(replace(WELL, misranged="other bytes"), False, {"ranges": "failed"}, id="wrong-ranges"),
    pytest.param(replace(WELL, validator=False), False, {"validator": "warning"}, id="no-validator"),
    pytest.param(replace(WELL, length=False), False, {"content-length": "warning"}, id="no-length"),
    pytest.param(replace(WELL, encoding="gzip"), False, {"compression": "failed"}, id="compressed"),
    pytest.param(replace(WELL, redirected=f"{URL}/2"), False, {"redirects": "warning"}, id="redirected"),
]


@pytest.mark.parametrize(("served", "in_ranges", "found"), SERVERS)
def test_a_server_is_judged(served: Served, in_ranges: bool, found: dict[str, str]) -> None:
    assert states(*transport.findings([WELL, served], [Elsewhere(url=URL)], in_ranges=in_ranges)) == found


ADDRESSES = [
    pytest.param("https://media.test/1", True, id="https"),
    pytest.param("http://media.test/1", False, id="http"),
    pytest.param("HTTP://media.test/1", False, id="capitals"),
    pytest.param("http://127.0.0.1:8765/1", True, id="loopback"),
    pytest.param("http://[::1]:8765/1", True, id="loopback-6"),
    pytest.param("http://localhost.media.test/1", False, id="no-localhost"),
]


@pytest.mark.parametrize(("url", "secure"), ADDRESSES)
def test_what_leaves_the_machine_is_to_be_secret(url: str, secure: bool) -> None:
    assert (transport.secure([URL, url]).state == "ok") is secure


def at(seconds: float) -> int:
    return int((NOW + timedelta(seconds=seconds)).timestamp())


TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3OTUyNjYwMDB9.c2ln"  # {"exp": 1795266000}
SIGNED = [
    pytest.param(URL, None, id="plain"),
    pytest.param(f"{URL}?Expires={at(60)}&Signature=a", 60, id="cloudfront"),
    pytest.param(f"{URL}?hdnts=exp={at(60)}~acl=/*~hmac=a", 60, id="akamai"),
    pytest.param(f"{URL}?hdnts=exp%3D{at(60)}~hmac%3Da", 60, id="akamai-escaped"),
    pytest.param(f"https://media.test/hdnts=exp={at(60)}~hmac=a/1", 60, id="akamai-path"),
    pytest.param(f"{URL}?X-Amz-Date=20261121T120000Z&X-Amz-Expires=90&X-Amz-Signature=a", 90, id="amazon"),
    pytest.param(f"{URL}?se=2026-11-21T12%3A05%3A00Z&sig=a", 300, id="azure"),
    pytest.param(f"{URL}?exp={at(60)}000&token=a", 60, id="milliseconds"),
    pytest.param(f"{URL}?token={TOKEN}", 1795266000 - at(0), id="jwt"),
    pytest.param(f"{URL}?exp={at(90)}&e={at(60)}", 60, id="the-earliest"),
    pytest.param(
        f"{URL}?exp=12&e=99999999999999999999&se=2026-99-99T00:00:00Z&token=eyJa.eyJb.c", None, id="no-moments"
    ),
]


@pytest.mark.parametrize(("url", "seconds"), SIGNED)
def test_an_address_says_until_when_it_is_signed(url: str, seconds: int | None) -> None:
    found = expires(url)
    assert (None if found is None else (found - NOW).total_seconds()) == seconds


LASTING = [
    pytest.param(URL, "ok", id="not-signed"),
    pytest.param(f"{URL}?Signature=a", "unknown", id="nothing-says-until-when"),
    pytest.param(f"{URL}?Signature=a&Expires={at(86400)}", "ok", id="a-day"),
    pytest.param(f"{URL}?Signature=a&Expires={at(300)}", "warning", id="shorter-than-a-download"),
    pytest.param(f"{URL}?Signature=a&Expires={at(0)}", "failed", id="over"),
]


@pytest.mark.parametrize(("url", "state"), LASTING)
def test_signed_addresses_last_as_long_as_a_download(url: str, state: str) -> None:
    assert transport.lasting([URL, url], 1_000_000_000, NOW).state == state


def tenc(kid: bytes = KID, scheme: str = "cbcs") -> Protection:
    return Protection(scheme=scheme, kids=(kid,))


PSSH = Protection(system=protection._WIDEVINE, init_data=b"\0\0\0\x32pssh" + bytes(20) + b"\0\0\0\x12\x12\x10" + KID)
KEYS = [
    pytest.param((tenc(),), (tenc(),), {}, id="the-same"),
    pytest.param((), (tenc(),), {}, id="the-init-segment-alone"),
    pytest.param((tenc(),), None, {}, id="the-manifest-alone"),
    pytest.param((tenc(),), (tenc(OTHER),), {"kids": "failed"}, id="another"),
    pytest.param((tenc(), PSSH), (tenc(),), {}, id="with-its-pssh"),
    pytest.param((tenc(OTHER), PSSH), (), {"pssh": "warning"}, id="a-pssh-of-another"),
    pytest.param((tenc(), replace(PSSH, init_data=None)), (), {"pssh": "warning"}, id="no-pssh"),
    pytest.param((tenc(scheme="cens"),), (tenc(scheme="cens"),), {"scheme": "warning"}, id="a-rare-scheme"),
    pytest.param((tenc(scheme="cenc"),), (tenc(),), {"scheme": "warning"}, id="two-schemes"),
]


@pytest.mark.parametrize(("said", "init", "found"), KEYS)
def test_key_ids_are_the_same_everywhere(
    said: tuple[Protection, ...], init: tuple[Protection, ...] | None, found: dict[str, str]
) -> None:
    stated = [Stated(track="video 720p", manifest=said, init=init)]
    findings = protection.findings(stated, ["widevine"], "widevine", None, None)
    assert states(*findings) == {"persistent-license": "unknown", **found}


REFUSED = [
    pytest.param("no-adapter", "unknown", id="no-adapter-here"),
    pytest.param("license-missing", "failed", id="no-server"),
]


@pytest.mark.parametrize(("code", "state"), REFUSED)
def test_who_licenses_it_is_judged(code: str, state: str) -> None:
    refusal = RefusedError("nobody", "tell", code=code)
    assert states(*protection.findings([], [], "", refusal, None)) == {"systems-named": "warning", "licensable": state}


RIGHTS = [
    pytest.param(Rights(), Service(), {}, id="nothing-forbidden"),
    pytest.param(Rights(download=False), Service(), {"download-allowed": "failed"}, id="forbidden"),
    pytest.param(Rights(available_until=NOW), Service(), {"download-allowed": "failed"}, id="gone"),
    pytest.param(
        Rights(storage_seconds=DAY, playback_seconds=2 * DAY), Service(), {"rights-windows": "warning"}, id="crossed"
    ),
    pytest.param(Rights(playback_seconds=60), Service(), {"rights-windows": "warning"}, id="shorter-than-the-title"),
    pytest.param(Rights(storage_seconds=30 * DAY * 1000), Service(), {"rights-windows": "warning"}, id="milliseconds"),
    pytest.param(Rights(), Service(downloads_per_device=0), {"limits": "failed"}, id="no-download-on-a-device"),
    pytest.param(Rights(), Service(downloads_per_device=2, downloads_per_month=9), {}, id="limits"),
]


@pytest.mark.parametrize(("rights", "service", "found"), RIGHTS)
def test_rights_are_judged(rights: Rights, service: Service, found: dict[str, str]) -> None:
    title = Title(id="a:b", name="b", sources=(), rights=rights, service=service)
    assert states(*terms.of_title(title, 5400, NOW, by_url=False)) == found


WINDOWS = Windows(storage_seconds=30 * DAY, playback_seconds=2 * DAY)
LICENSES = [
    pytest.param(WINDOWS, "", {}, id="two-windows"),
    pytest.param(Windows(), "", {"license-windows": "warning"}, id="no-end"),
    pytest.param(WINDOWS, '{"rental_duration_seconds": 2147483647}', {}, id="31-bits"),
    pytest.param(WINDOWS, '{"rental_duration_seconds": 2147483648}', {"clock-values": "warning"}, id="32-bits"),
    pytest.param(
        WINDOWS, '{"license_duration_seconds": 9223372036854775807}', {"clock-values": "warning"}, id="64-bits"
    ),
    pytest.param(WINDOWS, '{"can_renew": true, "license_start_time": 9999999999}', {}, id="no-window"),
    pytest.param(
        replace(WINDOWS, ends_at=NOW + timedelta(days=7)), "", {"clock-order": "warning"}, id="ends-before-its-windows"
    ),
    pytest.param(
        Windows(storage_seconds=DAY, playback_seconds=2 * DAY), "", {"clock-order": "warning"}, id="the-wrong-way-round"
    ),
    pytest.param(Windows(ends_at=NOW), "", {"license-end": "failed"}, id="over-when-issued"),
]


@pytest.mark.parametrize(("windows", "policy", "found"), LICENSES)
def test_what_a_license_states_is_judged(windows: Windows, policy: str, found: dict[str, str]) -> None:
    assert states(*terms.of_license(windows, policy, Rights(), NOW)) == found


CLOCKS = [
    pytest.param(None, "unknown", id="nobody-says"),
    pytest.param(NOW - timedelta(minutes=5), "ok", id="the-same"),
    pytest.param(NOW + timedelta(minutes=6), "warning", id="ahead"),
]


@pytest.mark.parametrize(("date", "state"), CLOCKS)
def test_a_servers_clock_is_judged(date: datetime | None, state: str) -> None:
    assert terms.server_clock(date, NOW).state == state


LATE = replace(rung(), segments=tuple(replace(s, start=s.start + 5) for s in rung().segments))
TIMES = [
    pytest.param((rung(), audio()), {"v": 0.0, "a-en": 0.5}, {}, id="together"),
    pytest.param((rung(), audio()), {"v": 10.0, "a-en": 10.0}, {}, id="on-a-clock-of-their-own"),
    pytest.param((rung(), audio()), {"v": 0.0, "a-en": 2.0}, {"starts-at-zero": "warning"}, id="apart"),
    pytest.param((LATE,), {}, {"starts-at-zero": "warning"}, id="late"),
    pytest.param((rung(), audio(lengths=(4, 4))), {}, {"equal-lengths": "warning"}, id="shorter"),
    pytest.param((rung(), rung(kind=Kind.SUBTITLES, lengths=(4,))), {}, {}, id="subtitles-end-when-nobody-speaks"),
]


@pytest.mark.parametrize(("chosen", "begins", "found"), TIMES)
def test_tracks_begin_and_end_together(
    chosen: tuple[Rendition, ...], begins: dict[str, float], found: dict[str, str]
) -> None:
    assert states(*media.timing(chosen, begins)) == found


def test_only_what_failed_keeps_a_title_from_being_ready() -> None:
    warning = judged("media", "a", ["1", "2", "3", "4", "5"], "", "mend it")
    assert (warning.detail, is_ready([warning])) == ("1; 2; 3, and 2 more", True)
    assert not is_ready([warning, judged("media", "b", ["1"], "", "mend it", state="failed")])
