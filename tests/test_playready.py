"""The PlayReady object: every version of its header names the same key; what cannot be read says nothing."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offlinedl.license.playready import fault, license_url, request
from offlinedl.manifest import hls_keys
from offlinedl.media import playready
from tests.adapter import KEY_MESSAGE

KID = bytes.fromhex("380ca5052c674085837 70df861c91f64".replace(" ", ""))
TEXT = "BaUMOGcshUCDdw34YckfZA=="  # the same, its first three fields little-endian
OTHER = base64.b64encode(bytes(range(16))).decode()
SPACE = 'xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader"'


def header(version: str, inside: str) -> bytes:
    return f'<WRMHEADER {SPACE} version="{version}"><DATA>{inside}</DATA></WRMHEADER>'.encode("utf-16-le")


def pro(text: bytes, *before: tuple[int, bytes]) -> bytes:
    """A PlayReady object with its header after other records."""
    records = b"".join(struct.pack("<HH", kind, len(body)) + body for kind, body in (*before, (1, text)))
    return struct.pack("<IH", 6 + len(records), 1 + len(before)) + records


VERSIONS = [
    pytest.param("4.0.0.0", f"<PROTECTINFO><ALGID>AESCTR</ALGID></PROTECTINFO><KID>{TEXT}</KID>", id="4.0"),
    pytest.param("4.1.0.0", f'<PROTECTINFO><KID ALGID="AESCTR" VALUE="{TEXT}"></KID></PROTECTINFO>', id="4.1"),
    pytest.param("4.2.0.0", f'<PROTECTINFO><KIDS><KID VALUE="{TEXT}"></KID></KIDS></PROTECTINFO>', id="4.2"),
    pytest.param(
        "4.3.0.0",
        f'<PROTECTINFO LICENSEREQUESTED="1"><KIDS><KID ALGID="AESCBC" VALUE="{TEXT}"/></KIDS></PROTECTINFO>',
        id="4.3",
    ),
]


VERSIONS += [
    pytest.param(
        "4.0.0.0",
        f"<PROTECTINFO><KEYLEN>16</KEYLEN><ALGID>AESCTR</ALGID></PROTECTINFO><KID>{TEXT}</KID>"
        "<CHECKSUM>Ib0Unyi9LCw=</CHECKSUM>",
        id="4.0 with a checksum",
    ),
    pytest.param(
        "4.1.0.0",
        f'<PROTECTINFO><KID ALGID="AESCTR" CHECKSUM="Ib0Unyi9LCw=" VALUE="{TEXT}"></KID></PROTECTINFO>',
        id="4.1 with a checksum",
    ),
]


@pytest.mark.parametrize(("version", "inside"), VERSIONS)
def test_every_version_names_its_key(version: str, inside: str) -> None:
    url = "<LA_URL>https://l.test/rights?a=1&amp;b=2</LA_URL>"
    for data in (pro(header(version, inside + url)), pro(header(version, inside + url), (3, b"store"))):
        assert playready.kids(data) == (KID,)
        assert playready.license_url(data) == "https://l.test/rights?a=1&b=2"


def test_the_header_alone_is_read_too() -> None:
    text = header("4.0.0.0", f"<KID>{TEXT}</KID>")
    assert playready.kids(text) == playready.kids(b"\xff\xfe" + text) == (KID,)


def test_several_keys_come_in_their_order_and_once() -> None:
    several = "".join(f'<KID VALUE="{text}"/>' for text in (OTHER, TEXT, OTHER))
    found = playready.kids(pro(header("4.2.0.0", f"<PROTECTINFO><KIDS>{several}</KIDS></PROTECTINFO>")))
    assert found == (bytes.fromhex("03020100050407060809 0a0b0c0d0e0f".replace(" ", "")), KID)


NOTHING = [
    pytest.param(b"", id="empty"),
    pytest.param(pro(b""), id="empty-header"),
    pytest.param(pro(header("4.4.0.0", f"<KID>{TEXT}</KID>")), id="later-version"),
    pytest.param(pro(header("4.0.0.0", "<KID>not base64!</KID>")), id="key-id-that-is-none"),
    pytest.param(pro(header("4.0.0.0", f"<KID>{'A' * 22}==</KID>")), id="zero"),
    pytest.param(pro("<OTHER/>".encode("utf-16-le")), id="other-root"),
    pytest.param(pro(header("4.0.0.0", f"<KID>{TEXT}</KID>"))[:60], id="cut"),
    pytest.param(pro('<!DOCTYPE a><WRMHEADER version="4.0.0.0"/>'.encode("utf-16-le")), id="doctype"),
]


@pytest.mark.parametrize("data", NOTHING)
def test_what_cannot_be_read_names_no_key(data: bytes) -> None:
    assert (playready.kids(data), playready.license_url(data)) == ((), None)


@given(st.binary(max_size=120), st.booleans())
def test_noise_names_nothing_and_fails_in_no_way(noise: bytes, framed: bool) -> None:
    data = pro(noise) if framed else noise
    assert all(len(kid) == 16 for kid in playready.kids(data))
    playready.license_url(data)


def test_a_playlist_names_the_keys_that_its_object_names() -> None:
    data = base64.b64encode(pro(header("4.0.0.0", f"<KID>{TEXT}</KID>"))).decode()
    tag = {"METHOD": "SAMPLE-AES", "URI": f"data:text/plain;base64,{data}", "KEYFORMAT": "com.microsoft.playready"}
    key = hls_keys.key(tag, lambda uri: uri)
    found = key and hls_keys.protection(tag, key)
    assert found
    assert found.kids == (KID,)


# how challenges travel

CHALLENGE = b"<soap:Envelope>a challenge</soap:Envelope>"
WRAPPED = KEY_MESSAGE.format(base64.b64encode(CHALLENGE).decode())
HEADERS = (("Content-Type", "text/xml; charset=utf-8"), ("X-Device", "simulated"))
MESSAGES = [
    pytest.param(b"\xff\xfe" + WRAPPED.encode("utf-16-le"), CHALLENGE, HEADERS, id="UTF-16 with its mark"),
    pytest.param(WRAPPED.encode("utf-16-le"), CHALLENGE, HEADERS, id="UTF-16 without"),
    pytest.param(CHALLENGE, CHALLENGE, (), id="a challenge alone"),
    pytest.param(b"\xff\xfenoise", b"\xff\xfenoise", (), id="noise"),
    pytest.param(WRAPPED.encode("utf-16-le")[:80], WRAPPED.encode("utf-16-le")[:80], (), id="cut"),
    pytest.param(
        WRAPPED.replace("X-Device", "X Device").encode("utf-16-le"), CHALLENGE, HEADERS[:1], id="a header that is none"
    ),
    pytest.param(
        WRAPPED.replace("Challenge", "Other").encode("utf-16-le"),
        WRAPPED.replace("Challenge", "Other").encode("utf-16-le"),
        (),
        id="no challenge in it",
    ),
]


@pytest.mark.parametrize(("message", "body", "headers"), MESSAGES)
def test_a_key_message_is_unwrapped(message: bytes, body: bytes, headers: tuple[tuple[str, str], ...]) -> None:
    assert request(message) == (body, headers)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<s:Envelope><s:Body><s:Fault><faultstring>no user</faultstring></s:Fault></s:Body></s:Envelope>", "no user"),
        (b"<Envelope><Body><Fault/></Body></Envelope>", "no reason given"),
        (b"<Envelope><Body/></Envelope>", None),
        (b"<!doctype html>oops", None),
        (b"", None),
    ],
)
def test_a_soap_fault_tells_why(body: bytes, said: str | None) -> None:
    assert fault(body) == said


def test_the_object_in_a_box_says_where_the_license_is() -> None:
    url = "<LA_URL>https://l.test/rights</LA_URL>"
    box = hls_keys.pssh(hls_keys.PLAYREADY, pro(header("4.3.0.0", url)))
    assert (license_url(box), license_url(box[:40]), license_url(b"")) == ("https://l.test/rights", None, None)


def test_a_box_that_names_key_ids_says_the_same() -> None:
    """ISO/IEC 23001-7 section 8.1, version 1: they stand before the system's own data."""
    data = pro(header("4.3.0.0", f'<PROTECTINFO><KIDS><KID VALUE="{TEXT}"/></KIDS></PROTECTINFO><LA_URL>u</LA_URL>'))
    box = hls_keys.pssh(hls_keys.PLAYREADY, data)
    ids = struct.pack(">I", 2) + KID + bytes(16)
    longer = struct.pack(">I", len(box) + len(ids)) + b"pssh\1\0\0\0" + box[12:28] + ids + box[28:]
    uri = f"data:text/plain;base64,{base64.b64encode(longer).decode()}"
    tag = {"METHOD": "SAMPLE-AES", "URI": uri, "KEYFORMAT": "com.microsoft.playready"}
    key = hls_keys.key(tag, lambda uri: uri)
    found = key and hls_keys.protection(tag, key)
    assert (license_url(longer), found and found.kids) == ("u", (KID,))
