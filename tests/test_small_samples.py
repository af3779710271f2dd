"""Hundreds of samples without subsamples, as sound has them: also shorter than a block, and no whole blocks."""

from __future__ import annotations

from random import Random

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from offlinedl.media import cenc, mp4
from offlinedl.media.encryption import Encryption, Entry, Parameters, Track
from tests.boxes import box, full_box, numbers

KEY, KID, CONSTANT = bytes(range(16)), b"kid".ljust(16), b"for every sample"
RUNS = (150, 61)  # more than are put together in one go


def encrypted(scheme: str, clear: bytes, iv: bytes) -> bytes:
    """A sample as ISO/IEC 23001-7 sections 9.5 (cenc) and 9.7 say; with CBC, the last bytes of it stay clear."""
    if scheme == "cenc":
        return Cipher(algorithms.AES(KEY), modes.CTR(iv.ljust(16, b"\0"))).encryptor().update(clear)
    whole = len(clear) // 16 * 16
    return Cipher(algorithms.AES(KEY), modes.CBC(iv.ljust(16, b"\0"))).encryptor().update(clear[:whole]) + clear[whole:]


@pytest.mark.parametrize("longest", [900, 20_000], ids=["small", "large"])
@pytest.mark.parametrize(
    ("scheme", "iv_size"), [("cenc", 8), ("cenc", 16), ("cenc", 0), ("cbcs", 0), ("cbcs", 16), ("cbc1", 8)]
)
def test_every_sample_comes_out(scheme: str, iv_size: int, longest: int) -> None:
    draw = Random(longest)
    samples = [draw.randbytes(draw.choice([draw.randrange(40), draw.randrange(longest)])) for _ in range(sum(RUNS))]
    ivs = [draw.randbytes(iv_size) for _ in samples]
    sizes = iter([len(sample) for sample in samples])
    runs = [[next(sizes) for _ in range(count)] for count in RUNS]

    def fragment(data: int) -> bytes:
        """`data` is where the samples are; the second run stands before the first."""
        places = (data + sum(runs[1]), data)
        truns = [full_box("trun", 0, numbers(len(r), at, *r), flags=0x201) for r, at in zip(runs, places, strict=True)]
        senc = full_box("senc", 0, numbers(len(ivs)), *ivs)
        return box("moof", box("traf", full_box("tfhd", 0, numbers(1), flags=0x20000), *truns, senc))

    told = [encrypted(scheme, sample, iv or CONSTANT) for sample, iv in zip(samples, ivs, strict=True)]
    media = b"".join(told[RUNS[0] :] + told[: RUNS[0]])
    segment = bytearray(fragment(len(fragment(0)) + 8) + box("mdat", media))
    own = Parameters(protected=True, kid=KID, iv_size=iv_size, constant_iv=b"" if iv_size else CONSTANT)
    entry = Entry(format="mp4a", scheme=scheme, parameters=own)
    cenc.decrypt(Encryption(tracks={1: Track(entries=(entry,))}), segment, {KID: KEY})
    *_, mdat = mp4.boxes(segment)
    assert segment[mdat.body : mdat.end] == b"".join(samples[RUNS[0] :] + samples[: RUNS[0]])
    assert not [*mp4.find(segment, "moof/traf/senc")]
