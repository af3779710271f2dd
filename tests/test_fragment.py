"""Where the samples of a segment are and whose key is theirs, in the shapes that the packager does not make."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.media.encryption import Encryption, Entry, Groups, Parameters, Track
from offlinedl.media.fragment import protected
from tests.boxes import box, full_box, numbers

OWN = Parameters(protected=True, kid=b"own".ljust(16), iv_size=8)
GROUP = Parameters(protected=True, kid=b"group".ljust(16), iv_size=8)
CLEAR = Parameters(protected=False, kid=bytes(16), iv_size=0)
TRACK = Track(
    entries=(Entry(format="avc1", scheme="cenc", parameters=OWN), Entry(format="avc1")),
    sample_size=10,
    groups=Groups(parameters=(GROUP, CLEAR)),
)
ENCRYPTION = Encryption(tracks={1: TRACK, 2: TRACK})
LOCAL = 0x10000

Build = Callable[[int], bytes]


def head(track: int = 1, *, entry: int = 1, flags: int = 0x20000) -> bytes:
    return full_box("tfhd", 0, numbers(track, entry), flags=flags | 0x2)


def run(count: int, offset: int | None = None) -> bytes:
    return full_box("trun", 0, numbers(count, *([] if offset is None else [offset])), flags=int(offset is not None))


def senc(*ivs: int) -> bytes:
    return full_box("senc", 0, numbers(len(ivs)), *(iv.to_bytes(8) for iv in ivs))


def senc_parts(*parts: tuple[int, int]) -> bytes:
    """One sample, and its parts: bytes clear and bytes protected."""
    table = b"".join(clear.to_bytes(2) + protected.to_bytes(4) for clear, protected in parts)
    return full_box("senc", 0, numbers(1), (1).to_bytes(8), len(parts).to_bytes(2), table, flags=0x2)


def groups(*pairs: int) -> bytes:
    return full_box("sbgp", 0, b"seig", numbers(len(pairs) // 2, *pairs))


def described(version: int, kid: bytes, default: int = 0) -> bytes:
    heads = [b"seig", numbers(20), *([numbers(default)] if version > 1 else []), numbers(1)]
    return full_box("sgpd", version, *heads, bytes((0, 0, 1, 8)), kid.ljust(16))


def auxiliary(sizes: bytes, *offsets: int) -> bytes:
    saiz = full_box("saiz", 0, b"\0", numbers(len(sizes)), sizes)
    return saiz + full_box("saio", 1, numbers(len(offsets)), *(offset.to_bytes(8) for offset in offsets))


def segment(build: Build) -> tuple[bytes, int]:
    """A moof with the traf boxes that `build` makes of the offset of the data, 60 bytes of data, and that offset."""
    data = len(box("moof", build(0))) + 8
    return box("moof", build(data)) + box("mdat", bytes(range(60))), data


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        pytest.param(
            lambda data: box("traf", head(), run(2, data), senc(1, 2)),
            [("own", 1, [(0, 10)]), ("own", 2, [(10, 20)])],
            id="whole samples, of the size that the init segment says",
        ),
        pytest.param(
            lambda data: box("traf", head(), run(1, data), senc_parts((2, 3), (1, 0), (0, 2))),
            [("own", 1, [(2, 5), (6, 8)])],
            id="parts of a sample; the rest is clear",
        ),
        pytest.param(
            lambda data: box("traf", head(), run(1, data + 20), run(1), run(1, data), senc(1, 2, 3)),
            [("own", 1, [(20, 30)]), ("own", 2, [(30, 40)]), ("own", 3, [(0, 10)])],
            id="a run without an offset follows the one before",
        ),
        pytest.param(
            lambda data: (
                box("traf", head(1, flags=0), run(2, data), senc(1, 2)) + box("traf", head(2, flags=0), run(1), senc(3))
            ),
            [("own", 1, [(0, 10)]), ("own", 2, [(10, 20)]), ("own", 3, [(20, 30)])],
            id="a fragment without a base follows the one before",
        ),
        pytest.param(
            lambda data: box("traf", head(entry=2), run(1, data)) + box("traf", head(2), run(1, data + 10), senc(1)),
            [("own", 1, [(10, 20)])],
            id="a sample entry that is clear",
        ),
        pytest.param(
            lambda data: box("traf", head(), run(3, data), groups(1, 1, 1, 0), senc(1, 2, 3)),
            [("group", 1, [(0, 10)]), ("own", 2, [(10, 20)]), ("own", 3, [(20, 30)])],
            id="a group of the track, none, and not listed",
        ),
        pytest.param(
            lambda data: box("traf", head(), run(2, data), described(1, b"new"), groups(1, LOCAL + 1), senc(1, 2)),
            [("new", 1, [(0, 10)]), ("own", 2, [(10, 20)])],
            id="a group of the fragment itself",
        ),
        pytest.param(
            lambda data: box("traf", head(), run(2, data), described(2, b"new", 1), groups(1, 1), senc(1, 2)),
            [("group", 1, [(0, 10)]), ("new", 2, [(10, 20)])],
            id="a group for all that are in none",
        ),
        pytest.param(
            lambda data: box("traf", head(), run(3, data), groups(1, 0, 1, 2), senc(1, 3)),
            [("own", 1, [(0, 10)]), ("own", 3, [(20, 30)])],
            id="a clear group, left out of senc",
        ),
        pytest.param(
            lambda data: box("traf", head(), run(1, data), run(2), auxiliary(b"\x08" * 3, data + 40, data + 20)),
            [("own", 0x28292A2B2C2D2E2F, [(0, 10)]), ("own", 0x1415161718191A1B, [(10, 20)]),
             ("own", 0x1C1D1E1F20212223, [(20, 30)])],
            id="saio with a place for each run",
        ),
        pytest.param(lambda _: box("traf", head()), [], id="no samples at all"),
    ],
)  # fmt: skip
def test_samples(build: Build, expected: list[tuple[str, int, list[tuple[int, int]]]]) -> None:
    media, data = segment(build)
    found: list[tuple[str, int, list[tuple[int, int]]]] = []
    for batch in protected(ENCRYPTION, media).batches:
        for iv, start, end in batch.ranges:
            if iv:
                found.append((batch.parameters.kid.decode().strip(), int.from_bytes(iv[:8]), []))
            found[-1][2].append((start - data, end - data))
    assert found == expected


@pytest.mark.parametrize(
    ("build", "what"),
    [
        pytest.param(lambda data: box("traf", run(1, data)), "tfhd", id="no head"),
        pytest.param(lambda data: box("traf", head(3), run(1, data), senc(1)), "track 3", id="a track of another init"),
        pytest.param(lambda data: box("traf", head(entry=3), run(1, data)), "description 3", id="no such sample entry"),
        pytest.param(lambda data: box("traf", head(), run(1, data)), "vector", id="no IV anywhere"),
        pytest.param(lambda data: box("traf", head(), run(2, data), senc(1)), "senc", id="an IV too few"),
        pytest.param(lambda data: box("traf", head(), run(7, data), senc(*range(7))), "mdat", id="more than the data"),
        pytest.param(lambda data: box("traf", head(), run(1, data - 9), senc(1)), "mdat", id="before the data"),
        pytest.param(lambda data: box("traf", head(), run(2**32 - 1, data)), "longer", id="samples without end"),
        pytest.param(
            lambda data: box("traf", head(), run(1, data), senc_parts((2, 9))), "subsamples", id="parts past the sample"
        ),
        pytest.param(
            lambda data: box("traf", head(), run(1, data), groups(1, LOCAL + 1), senc(1)), "group", id="no such group"
        ),
        pytest.param(
            lambda data: box("traf", head(), run(1, data), auxiliary(b"\x08\x08", data)), "fit", id="saiz of too many"
        ),
        pytest.param(
            lambda data: box("traf", head(), run(1, data), auxiliary(b"\x08", data + 55)),
            "saio",
            id="saio past the end",
        ),
        pytest.param(
            lambda data: box(
                "traf", full_box("tfhd", 0, numbers(1), bytes(8), flags=0x1), run(1, 900), auxiliary(b"\x08", 0)
            ),
            "saio",
            id="saio before the start",
        ),
    ],
)
def test_what_does_not_fit_is_damage(build: Build, what: str) -> None:
    with pytest.raises(DamagedError, match=what):
        protected(ENCRYPTION, segment(build)[0])


def test_senc_for_several_keys_is_unsupported() -> None:
    media, _ = segment(lambda data: box("traf", head(), run(1, data), full_box("senc", 1, numbers(1))))
    with pytest.raises(UnsupportedError):
        protected(ENCRYPTION, media)
