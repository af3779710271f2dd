"""Stories about WebM and Matroska whose tracks are encrypted, though nothing else says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest import progressive
from offlinedl.media import ebml
from tests import origin as o
from tests.boxes import element, matroska, track
from tests.conftest import Offlinedl
from tests.mpds import mpd_text
from tests.origin import Origin
from tests.packager import KIDS, session_folder, webm

URL = "https://media.test/film.webm?sig=1"
KID = bytes(range(16))
VOID = element(0xEC, bytes(8))
CLUSTER = element(0x1F43B675, bytes(8))


def encryption(*inside: bytes) -> bytes:
    """ContentEncryption (RFC 9559 section 5.1.4.1.31.8)."""
    return element(0x5035, *inside)


NAMED = encryption(element(0x47E1, b"\5"), element(0x47E2, KID))
KEY_IDS = [
    pytest.param(matroska(b"webm", track(b"V_VP9")), (), id="clear"),
    pytest.param(matroska(b"webm", track(b"V_VP9", NAMED)), (KID,), id="encrypted"),
    pytest.param(matroska(b"webm", track(b"V_VP9"), track(b"A_OPUS", NAMED)), (KID,), id="sound-only"),
    pytest.param(matroska(b"matroska", track(b"V_VP9", b"", NAMED)), (KID,), id="the-second-encoding"),
    pytest.param(matroska(b"webm", track(b"V_VP9", encryption())), (b"",), id="without-a-key-id"),
    pytest.param(matroska(b"webm", track(b"V_VP9", encryption(element(0x47E1, b"\0")))), (), id="algorithm-0"),
    pytest.param(matroska(b"webm", track(b"V_VP9", element(0x5034, bytes(8)))), (), id="compressed"),
    pytest.param(matroska(b"webm", track(b"V_VP9", NAMED), before=VOID * 9), (KID,), id="behind-other-elements"),
    pytest.param(
        b"".join((element(0x1A45DFA3), b"\x18\x53\x80\x67\xff", element(0x1654AE6B, track(b"V_VP9", NAMED)))),
        (KID,), id="a-segment-of-unknown-size",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("data", "key_ids"), KEY_IDS)
def test_encrypted_tracks_are_known_by_their_key_ids(data: bytes, key_ids: tuple[bytes, ...]) -> None:
    assert ebml.tracks(data) == ebml.Tracks(whole=True, key_ids=key_ids)


ENOUGH = [
    pytest.param(matroska(b"webm", track(b"V_VP9")), True, id="whole"),
    pytest.param(matroska(b"webm", track(b"V_VP9"))[:-1], False, id="cut-off"),
    pytest.param(matroska(b"webm", before=VOID)[:40], False, id="nothing-yet"),
    pytest.param(matroska(b"webm", before=CLUSTER), True, id="media-first"),
    pytest.param(matroska(b"webm", before=b"\xec\x80" * 20_000), True, id="no-end-of-it"),
]


@pytest.mark.parametrize(("head", "enough"), ENOUGH)
def test_reading_stops_when_the_tracks_are_there(head: bytes, enough: bool) -> None:
    assert progressive.is_enough(head) is enough


REFUSED = [
    pytest.param(matroska(b"webm", track(b"V_VP9", NAMED)), "protected WebM cannot be licensed yet", id="webm"),
    pytest.param(matroska(b"matroska", track(b"V_VP9", encryption())), "protected WebM", id="mkv-without-a-key-id"),
    pytest.param(matroska(b"webm", track(b"V_VP9"))[:-1], "no track is described", id="cut-off"),
    pytest.param(element(0x1A45DFA3, element(0x4282, b"webm")), "no track is described", id="nothing-more"),
]


@pytest.mark.parametrize(("data", "words"), REFUSED)
def test_a_file_that_is_protected_or_may_be_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words) as caught:
        progressive.parse(data, URL)
    assert caught.value.hint


def test_elements_without_end_are_damage() -> None:
    with pytest.raises(DamagedError, match="more than 10000 elements"):
        progressive.parse(matroska(b"webm", before=b"\xec\x80" * 20_000), URL)


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 200))
def test_noise_gives_tracks_or_none(noise: bytes, at: int, drop: int) -> None:
    data = matroska(b"webm", track(b"V_VP9", NAMED))
    bent = data[:at] + noise + data[at + drop :]
    ebml.is_enough(bent)
    ebml.tracks(bent)


@pytest.fixture
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return webm(session_folder(tmp_path_factory), encrypted=True)


def test_what_a_packager_encrypts_is_known(package: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    clear = webm(session_folder(tmp_path_factory), encrypted=False)
    for name in ("init.webm", "film.webm"):
        assert ebml.tracks((package / name).read_bytes()) == ebml.Tracks(whole=True, key_ids=(KIDS["v"],))
        assert ebml.tracks((clear / name).read_bytes()) == ebml.Tracks(whole=True, key_ids=())


TEMPLATE = '<SegmentTemplate media="$Number$.webm" initialization="init.webm" duration="2"/>'
BASE = '<BaseURL>film.webm</BaseURL><SegmentBase indexRange="300-400"/>'


def serve(origin: Origin, folder: Path, addressing: str) -> str:
    """The address of an MPD that says nothing of protection, of the package in `folder`."""
    body = f'<Representation id="v" bandwidth="9" codecs="vp09.00.10.08">{addressing}</Representation>'
    inside = f'<Period><AdaptationSet mimeType="video/webm">{body}</AdaptationSet></Period>'
    origin.fault("x.mpd", o.body(mpd_text(inside, 'mediaPresentationDuration="PT8S"')))
    for file in folder.glob("*.webm"):
        origin.fault(f"/{file.name}", o.body(file.read_bytes(), "video/webm"))
    return f"{origin.url}/titles/x.mpd"


@pytest.mark.parametrize(("addressing", "asked"), [(TEMPLATE, "init.webm"), (BASE, "film.webm")], ids=["init", "file"])
def test_protected_webm_is_refused_before_more_of_it_is_fetched(
    addressing: str, asked: str, package: Path, offlinedl: Offlinedl, origin: Origin
) -> None:
    result = offlinedl("get", serve(origin, package, addressing))
    assert result.code == 9, result
    assert "protected WebM cannot be licensed yet" in result.err
    assert "hint:" in result.err
    assert [request.path.rpartition("/")[2] for request in origin.asked(".webm")] == [asked]


@pytest.mark.parametrize("addressing", [TEMPLATE, BASE], ids=["init", "file"])
def test_clear_webm_is_a_title(
    addressing: str, offlinedl: Offlinedl, origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clear = webm(session_folder(tmp_path_factory), encrypted=False)
    [title] = offlinedl.ok("get", serve(origin, clear, addressing), "--json").json
    assert title["state"] == "ready"


def test_a_protected_file_is_refused_before_its_media(package: Path, offlinedl: Offlinedl, origin: Origin) -> None:
    serve(origin, package, BASE)
    result = offlinedl("get", f"{origin.url}/titles/film.webm")
    assert result.code == 9
    assert "film.webm: protected WebM cannot be licensed yet" in result.err
    assert offlinedl.listed() == []
