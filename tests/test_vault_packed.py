"""An export: what was packed is unpacked, with its passphrase alone, and whatever else it is, it is said."""

from __future__ import annotations

import hashlib
import json
import unicodedata

import pytest

from offlinedl.errors import DamagedError, UsageError
from offlinedl.vault.packed import VERSION, Content, pack, unpack

WORDS = "correct horse battery staple"
CONTENT = Content(key=bytes(range(32)), secrets={"a": b"sealed", "b-1": b""})


@pytest.fixture(scope="module")
def packet() -> bytes:
    return pack(CONTENT, WORDS)


def test_what_was_packed_is_unpacked(packet: bytes) -> None:
    assert unpack(packet, WORDS) == CONTENT
    assert packet.startswith(b"offlinedl vault %d\n" % VERSION)
    assert CONTENT.key not in packet
    assert CONTENT.key.hex().encode() not in packet
    assert pack(CONTENT, WORDS)[64:] != packet[64:]
    assert repr(CONTENT).count("key") == 0


def test_a_passphrase_is_the_same_however_a_keyboard_composes_it() -> None:
    composed = unicodedata.normalize("NFC", "dépôt")
    assert unpack(pack(CONTENT, composed), unicodedata.normalize("NFD", composed)) == CONTENT


@pytest.mark.parametrize("passphrase", ["", WORDS + " ", WORDS.upper(), "\0"])
def test_a_wrong_passphrase_is_told_from_damage(passphrase: str, packet: bytes) -> None:
    with pytest.raises(DamagedError) as failed:
        unpack(packet, passphrase)
    assert (failed.value.code, failed.value.exit_code) == ("wrong-passphrase", 8)


def altered(packet: bytes, place: int) -> bytes:
    return packet[:place] + bytes([packet[place] ^ 1]) + packet[place + 1 :] if place else packet[1:]


@pytest.mark.parametrize("place", [0, 5, 15, 17, 30, 100, 200, -40, -1])
def test_damage_is_said(place: int, packet: bytes) -> None:
    with pytest.raises(DamagedError) as failed:
        unpack(altered(packet, place), WORDS)
    assert failed.value.code == "export-damaged"


@pytest.mark.parametrize("length", [0, 10, 18, 40, 150, -1])
def test_a_part_of_it_is_damage(length: int, packet: bytes) -> None:
    with pytest.raises(DamagedError) as failed:
        unpack(packet[:length], WORDS)
    assert failed.value.code == "export-damaged"


def test_one_of_a_newer_version_is_refused(packet: bytes) -> None:
    with pytest.raises(UsageError) as failed:
        unpack(packet.replace(b"vault 1", b"vault 2", 1), WORDS)
    assert (failed.value.code, failed.value.exit_code) == ("export-too-new", 2)


GOOD = {"n": 2, "r": 1, "p": 1, "salt": "00", "nonce": "00" * 12}
STRETCHES: list[object] = [
    *({**GOOD, name: value} for name, value in [("n", 2**40), ("n", 3), ("n", 0), ("n", -2), ("n", "2"), ("n", 2.0)]),
    *({**GOOD, name: value} for name, value in [("r", 2**40), ("r", 0), ("r", None), ("p", 10**6), ("p", 0)]),
    *({**GOOD, name: value} for name, value in [("salt", "x"), ("salt", None), ("nonce", ""), ("nonce", "0")]),
    {**GOOD, "n": 2**70, "r": 0},
    {},
    [],
    "n",
    None,
]


@pytest.mark.parametrize("stretch", STRETCHES, ids=map(json.dumps, STRETCHES))
def test_parameters_made_to_harm_are_damage(stretch: object) -> None:
    body = b"offlinedl vault 1\n" + json.dumps(stretch).encode() + b"\n" + bytes(64)
    with pytest.raises(DamagedError) as failed:
        unpack(body + hashlib.sha256(body).digest(), WORDS)
    assert failed.value.code == "export-damaged"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(Content(key=bytes(31), secrets={}), id="a short key"),
        pytest.param(Content(key=bytes(32), secrets={"../a": b""}), id="a path"),
        pytest.param(Content(key=bytes(32), secrets={"": b""}), id="no name"),
    ],
)
def test_a_packet_that_holds_what_no_vault_has_is_damage(content: Content) -> None:
    with pytest.raises(DamagedError):
        unpack(pack(content, WORDS), WORDS)
