"""AES-128 of HLS: whole segments in CBC with PKCS #7 padding (RFC 8216 sections 4.3.2.4 and 5.2)."""

from __future__ import annotations

from offlinedl.errors import DamagedError

_BLOCK = 16


def decrypt(data: bytes, key: bytes, iv: bytes) -> bytes:
    """The clear segment. `key` and `iv` are 16 bytes each.

    Errors: DamagedError for a length that cannot be, and for padding that is none. With a wrong key the padding still
    looks right once in about 250 times, and with a wrong IV always: it proves neither.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if len(key) != _BLOCK or len(iv) != _BLOCK:
        raise DamagedError(f"an AES-128 key of {len(key)} bytes with an IV of {len(iv)}: both must have {_BLOCK}")
    if not data or len(data) % _BLOCK:
        raise DamagedError(f"an AES-128 segment of {len(data)} bytes: not whole blocks of {_BLOCK}")
    clear = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor().update(data)
    padding = clear[-1]
    if not 1 <= padding <= _BLOCK or clear[-padding:] != bytes([padding]) * padding:
        raise DamagedError("an AES-128 segment without its padding: cut off, or the key is not its own")
    return clear[:-padding]
