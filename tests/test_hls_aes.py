"""AES-128 of HLS, against an encryption of the test's own."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from offlinedl.errors import DamagedError
from offlinedl.manifest import hls_keys
from offlinedl.media import hls_aes

KEY, IV = bytes(range(16)), bytes(range(16, 32))


def encrypted(padded: bytes) -> bytes:
    return Cipher(AES(KEY), CBC(IV)).encryptor().update(padded)


@given(st.binary(max_size=100))
def test_what_was_encrypted_comes_back(clear: bytes) -> None:
    missing = 16 - len(clear) % 16
    assert hls_aes.decrypt(encrypted(clear + bytes([missing]) * missing), KEY, IV) == clear


@pytest.mark.parametrize(
    ("data", "key", "iv"),
    [
        pytest.param(b"", KEY, IV, id="nothing at all"),
        pytest.param(encrypted(b"\x10" * 16)[:-1], KEY, IV, id="not whole blocks"),
        pytest.param(encrypted(b"a" * 15 + b"\x00"), KEY, IV, id="padding of 0"),
        pytest.param(encrypted(b"a" * 15 + b"\x11"), KEY, IV, id="padding longer than a block"),
        pytest.param(encrypted(b"a" * 14 + b"\x01\x02"), KEY, IV, id="padding that differs"),
        pytest.param(encrypted(b"\x10" * 16), b"<html>", IV, id="a key that is none"),
        pytest.param(encrypted(b"\x10" * 16), KEY, b"", id="an IV that is none"),
    ],
)
def test_what_cannot_be_is_damage(data: bytes, key: bytes, iv: bytes) -> None:
    """C48: bad lengths and bad padding; each segment is decrypted by itself, so the others are untouched."""
    with pytest.raises(DamagedError):
        hls_aes.decrypt(data, key, iv)


def test_without_an_iv_the_media_sequence_number_is_it() -> None:
    assert hls_keys.implied_iv(0x1234) == bytes(14) + b"\x12\x34"
