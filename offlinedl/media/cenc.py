"""Common Encryption undone (ISO/IEC 23001-7), in place, without a change of any size.

The schemes are cenc and cbcs; cens and cbc1, and in cbcs other patterns than 1:9, are experimental: of a pattern's last
run that is cut short, the whole blocks are taken to be encrypted, as packagers do and FFmpeg does not.

encryption = read_init(init)                # None: nothing in it is encrypted
if encryption is not None:
    decrypt(encryption, segment, keys)      # play clear_init(init) + segment
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from struct import Struct

from offlinedl.errors import DamagedError, RefusedError
from offlinedl.media.encryption import Encryption, Parameters, clear_init, read_init, rename
from offlinedl.media.fragment import Batch, Ranges, Run, protected
from offlinedl.media.mp4 import Buffer, Data

__all__ = ["Encryption", "clear_init", "decrypt", "read_init", "usage"]


def usage(encryption: Encryption, segment: Data) -> dict[bytes, int]:
    """How many bytes of `segment` are truly encrypted with each KID that its samples name, be it none.

    Black pictures, silence and a clear lead may leave nothing to prove a key with. Errors: as `decrypt`, keys apart.
    """
    found: dict[bytes, int] = {}
    for batch in protected(encryption, segment).batches:
        kid = batch.parameters.kid
        found[kid] = found.get(kid, 0) + sum(_encrypted(batch, end - start) for _, start, end in batch.ranges)
    return found


def decrypt(encryption: Encryption, segment: Buffer, keys: Mapping[bytes, bytes]) -> None:
    """Decrypt `segment` in place, and make `free` of its boxes about encryption. Lengths and offsets stay.

    `keys` are by KID. Errors, before any byte is changed: RefusedError ("license-incomplete") for a KID without a key,
    DamagedError for boxes that do not fit, UnsupportedError for an unknown scheme.
    """
    parts: dict[tuple[str, bytes], list[Batch]] = {}
    batches, boxes = protected(encryption, segment)
    for batch in batches:
        parts.setdefault((batch.scheme, batch.parameters.kid), []).append(batch)
    ciphers = [(_UNDO[scheme], _key(keys, kid)) for scheme, kid in parts]
    view = memoryview(segment)
    for (undo, key), part in zip(ciphers, parts.values(), strict=True):
        undo(view, part, key)
    rename(segment, boxes)


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


def _undo_cenc(view: memoryview, part: Iterable[Batch], key: bytes) -> None:
    """AES-CTR; the key stream runs on from one protected range of a sample to the next (section 9.5)."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    # One for all: a new one costs more than most samples
    cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).decryptor()
    reset, update = cipher.reset_nonce, cipher.update_into
    for batch in part:
        own = batch.parameters
        wraps = own.iv_size == 16 or len(own.constant_iv) == 16
        if batch.runs and not wraps:
            for run in batch.runs:
                _undo_cenc_run(view, run, reset, cipher.update)
            continue
        for iv, start, end in _cut_at_wraps(batch.ranges) if wraps else batch.ranges:
            if iv:
                reset(iv)
            piece = view[start:end]
            update(piece, piece)


def _undo_cenc_run(
    view: memoryview, run: Run, reset: Callable[[bytes], None], update: Callable[[bytes], bytes]
) -> None:
    """Small samples, as sound has thousands of them, are put together again in one go: less is done for each of them,
    and that is what takes the time."""
    read, clear = BytesIO(view[run.start : run.end]).read, []
    for iv, size in zip(run.ivs, run.sizes, strict=True):
        reset(iv)
        clear.append(update(read(size)))
    view[run.start : run.end] = b"".join(clear)


def _cut_at_wraps(ranges: Ranges) -> Ranges:
    """`ranges`, one more where the block counter wraps.

    It is the lower 64 bits and carries nothing into the upper (section 9.3), where a cipher library counts in 128.
    """
    left, upper = 0, b""
    for iv, start, end in ranges:
        if iv:
            left, upper = 16 * (2**64 - int.from_bytes(iv[8:])), iv[:8]
        cut = min(start + left, end)
        left -= cut - start
        yield iv, start, cut
        if cut < end:
            left = 16 * 2**64 - (end - cut)
            yield upper + bytes(8), cut, end


def _undo_cens(view: memoryview, part: Iterable[Batch], key: bytes) -> None:
    """AES-CTR of the encrypted blocks: the counter passes over the others (section 10.3)."""
    for batch in part:
        blocks, ranges, pieces = bytearray(), [], []
        for iv, start, end in batch.ranges:
            piece, size = view[start:end], _encrypted(batch, end - start)
            ranges.append((iv, len(blocks), len(blocks) + size))
            pieces.append(piece)
            blocks += _gather(batch.parameters, piece, size)
        clear = memoryview(blocks)
        _undo_cenc(clear, [batch._replace(ranges=ranges, runs=())], key)
        for piece, (_, start, end) in zip(pieces, ranges, strict=True):
            _scatter(batch.parameters, piece, clear[start:end])


def _undo_cbc(view: memoryview, part: Sequence[Batch], key: bytes) -> None:
    """AES-CBC of the encrypted blocks; the chain starts anew with the IV in each sample (cbc1, section 10.2), and for
    cbcs in each protected range (section 10.4).

    One cipher for all: in CBC a block depends on the encrypted block before it and on nothing else, so to feed the IV
    as if it were a block starts the chain anew. What comes out for it is thrown away.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    update = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor().update
    chain, places = bytearray(), []
    for batch in part:
        every, renewed = not batch.parameters.patterned, batch.scheme == "cbcs"
        if batch.runs and every:
            for run in batch.runs:
                _undo_cbc_run(view, run, update)
            continue
        before = b""
        for iv, start, end in batch.ranges:
            before = iv or before
            size = (end - start) // 16 * 16 if every else _encrypted(batch, end - start)
            if size:
                piece = view[start : start + size] if every else view[start:end]
                chain += before
                places.append((batch.parameters, piece, len(chain), size))
                chain += piece if every else _gather(batch.parameters, piece, size)
                before = before if renewed else b""
    clear = memoryview(update(chain))
    for parameters, piece, at, size in places:
        _scatter(parameters, piece, clear[at : at + size])


def _undo_cbc_run(view: memoryview, run: Run, update: Callable[[bytes], bytes]) -> None:
    """Small samples (see `_undo_cenc_run`); the bytes after the last whole block of each are clear."""
    parts = list(Struct("".join(map(_blocks_and_rest, run.sizes))).unpack_from(view, run.start))
    chain = parts.copy()
    chain[::2], chain[1::2] = run.ivs, parts[::2]
    parts[::2] = Struct("".join(map(_iv_and_blocks, run.sizes))).unpack(update(b"".join(chain)))
    view[run.start : run.end] = b"".join(parts)


@lru_cache(4096)
def _blocks_and_rest(size: int) -> str:
    return f"{size // 16 * 16}s{size % 16}s"


@lru_cache(4096)
def _iv_and_blocks(size: int) -> str:
    return f"16x{size // 16 * 16}s"


def _encrypted(batch: Batch, size: int) -> int:
    """How many of `size` protected bytes are encrypted: but for cenc whole blocks, in the pattern (section 9.6).

    A last run that is shorter than the pattern's is encrypted, too, as far as it has whole blocks.
    """
    if batch.scheme == "cenc":
        return size
    crypt, skip = batch.parameters.crypt, batch.parameters.skip
    if not batch.parameters.patterned:
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
