"""Common Encryption undone (ISO/IEC 23001-7), in place, without a change of any size.

The schemes are cenc and cbcs; cens and cbc1, and in cbcs other patterns than 1:9, are experimental: of a pattern's last
run that is cut short, the whole blocks are taken to be encrypted, as packagers do and FFmpeg does not.

encryption = read_init(init)                # None: nothing in it is encrypted
if encryption is not None:
    decrypt(encryption, segment, keys)      # play clear_init(init) + segment
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from offlinedl.errors import DamagedError, RefusedError
from offlinedl.media.auxiliary import free_encryption
from offlinedl.media.encryption import Encryption, Parameters, clear_init, read_init
from offlinedl.media.fragment import Sample, samples
from offlinedl.media.mp4 import Data

_Ranges: TypeAlias = tuple[tuple[int, int], ...]
__all__ = ["Encryption", "clear_init", "decrypt", "read_init", "usage"]


def usage(encryption: Encryption, segment: Data) -> dict[bytes, int]:
    """How many bytes of `segment` are truly encrypted with each KID that its samples name, be it none.

    Black pictures, silence and a clear lead may leave nothing to prove a key with. Errors: as `decrypt`, keys apart.
    """
    found: dict[bytes, int] = {}
    for sample in samples(encryption, segment):
        kid = sample.parameters.kid
        found[kid] = found.get(kid, 0) + sum(_encrypted(sample, end - start) for start, end in sample.ranges)
    return found


def decrypt(encryption: Encryption, segment: bytearray, keys: Mapping[bytes, bytes]) -> None:
    """Decrypt `segment` in place, and make `free` of its boxes about encryption. Lengths and offsets stay.

    `keys` are by KID. Errors, before any byte is changed: RefusedError ("license-incomplete") for a KID without a key,
    DamagedError for boxes that do not fit, UnsupportedError for an unknown scheme.
    """
    parts: dict[tuple[str, bytes], list[Sample]] = {}
    for sample in samples(encryption, segment):
        parts.setdefault((sample.scheme, sample.parameters.kid), []).append(sample)
    ciphers = [(_UNDO[scheme], _key(keys, kid)) for scheme, kid in parts]
    view = memoryview(segment)
    for (undo, key), part in zip(ciphers, parts.values(), strict=True):
        undo(view, part, key)
    free_encryption(segment)


def _key(keys: Mapping[bytes, bytes], kid: bytes) -> bytes:
    key = keys.get(kid)
    if key is None:
        raise RefusedError(
            f"the license has no key for the key id {kid.hex()}",
            "ask for the license again; if the key stays out, the license server does not cover this title",
            code="license-incomplete",
        )
    if len(key) != 16:
        raise DamagedError(f"the key for the key id {kid.hex()} is not 16 bytes long")
    return key


def _undo_cenc(view: memoryview, part: Iterable[Sample], key: bytes) -> None:
    """AES-CTR; the key stream runs on from one protected range of a sample to the next (section 9.5)."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    # One for all: a new one costs more than most samples
    cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).decryptor()
    for sample in part:
        head, tail = _at_wrap(sample)
        for ranges, iv in ((head, sample.iv), (tail, sample.iv[:8] + bytes(8))):
            if ranges:
                cipher.reset_nonce(iv)
            for start, end in ranges:
                cipher.update_into(view[start:end], view[start:end])


def _at_wrap(sample: Sample) -> tuple[_Ranges, _Ranges]:
    """The ranges before and after the block counter wraps.

    It is the lower 64 bits and carries nothing into the upper (section 9.3), where a cipher library counts in 128.
    """
    left = 16 * (2**64 - int.from_bytes(sample.iv[8:]))
    if sum(end - start for start, end in sample.ranges) <= left:
        return sample.ranges, ()
    head: list[tuple[int, int]] = []
    tail: list[tuple[int, int]] = []
    for start, end in sample.ranges:
        cut = min(start + left, end)
        left -= cut - start
        head += [(start, cut)] if start < cut else []
        tail += [(cut, end)] if cut < end else []
    return tuple(head), tuple(tail)


def _undo_cens(view: memoryview, part: Iterable[Sample], key: bytes) -> None:
    """AES-CTR of the encrypted blocks: the counter passes over the others (section 10.3)."""
    for sample in part:
        sizes = [_encrypted(sample, end - start) for start, end in sample.ranges]
        pieces = [view[start:end] for start, end in sample.ranges]
        chain = b"".join(_gather(sample.parameters, piece, n) for piece, n in zip(pieces, sizes, strict=True))
        clear = bytearray(chain)
        _undo_cenc(memoryview(clear), (sample._replace(ranges=((0, len(clear)),)),), key)
        at = 0
        for piece, size in zip(pieces, sizes, strict=True):
            _scatter(sample.parameters, piece, memoryview(clear)[at : at + size])
            at += size


def _undo_cbc(view: memoryview, part: Iterable[Sample], key: bytes) -> None:
    """AES-CBC of the encrypted blocks; the chain starts anew with the IV in each sample (cbc1, section 10.2), and for
    cbcs in each protected range (section 10.4).

    One cipher for all: in CBC a block depends on the encrypted block before it and on nothing else, so to feed the IV
    as if it were a block starts the chain anew. What comes out for it is thrown away.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    chain, places = bytearray(), []
    for sample in part:
        fresh = True
        for start, end in sample.ranges:
            size = _encrypted(sample, end - start)
            if size:
                chain += sample.iv if fresh else b""
                fresh = sample.scheme == "cbcs"
                places.append((sample.parameters, view[start:end], len(chain), size))
                chain += _gather(sample.parameters, view[start:end], size)
    clear = memoryview(Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor().update(chain))
    for parameters, piece, at, size in places:
        _scatter(parameters, piece, clear[at : at + size])


def _encrypted(sample: Sample, size: int) -> int:
    """How many of `size` protected bytes are encrypted: but for cenc whole blocks, in the pattern (section 9.6).

    A last run that is shorter than the pattern's is encrypted, too, as far as it has whole blocks.
    """
    if sample.scheme == "cenc":
        return size
    crypt, skip = sample.parameters.crypt, sample.parameters.skip
    if not sample.parameters.patterned:
        return size // 16 * 16
    rounds, rest = divmod(size // 16, crypt + skip)
    return 16 * (rounds * crypt + min(rest, crypt))


def _words(parameters: Parameters, piece: memoryview) -> tuple[memoryview, int, int]:
    """`piece` in words of 8 bytes (a slice can step over none larger), and how many a crypt run and a round have."""
    words = piece[: len(piece) // 16 * 16].cast("Q")
    return words, 2 * parameters.crypt, 2 * (parameters.crypt + parameters.skip)


def _gather(parameters: Parameters, piece: memoryview, size: int) -> bytes | bytearray | memoryview:
    if not parameters.patterned:
        return piece[:size]
    gathered = bytearray(size)
    target = memoryview(gathered).cast("Q")
    source, run, step = _words(parameters, piece)
    for i in range(run):
        target[i::run] = source[i::step]
    return gathered


def _scatter(parameters: Parameters, piece: memoryview, clear: memoryview) -> None:
    if not parameters.patterned:
        piece[: len(clear)] = clear
        return
    source = clear.cast("Q")
    target, run, step = _words(parameters, piece)
    for i in range(run):
        target[i::step] = source[i::run]


_UNDO = {"cenc": _undo_cenc, "cens": _undo_cens, "cbc1": _undo_cbc, "cbcs": _undo_cbc}
