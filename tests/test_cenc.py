"""Common Encryption undone, against what the packager makes of the same media without encryption."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offlinedl import decoder
from offlinedl.errors import DamagedError, OfflinedlError, RefusedError, UnsupportedError
from offlinedl.media import cenc, mp4
from tests import packager


class Media(NamedTuple):
    init: bytes
    segments: tuple[bytes, ...]


def load(root: Path, variant: str, track: str) -> Media:
    folder = packager.package(root, variant) / track
    segments = tuple((folder / f"{n}.m4s").read_bytes() for n in packager.SEGMENTS)
    return Media((folder / "init.mp4").read_bytes(), segments)


def encryption_of(init: bytes) -> cenc.Encryption:
    encryption = cenc.read_init(init)
    assert encryption is not None
    return encryption


def decrypted(media: Media, keys: dict[bytes, bytes]) -> Media:
    encryption, clear = encryption_of(media.init), []
    for segment in media.segments:
        buffer = bytearray(segment)
        cenc.decrypt(encryption, buffer, keys)
        clear.append(bytes(buffer))
    return Media(cenc.clear_init(media.init), tuple(clear))


def payload(segment: bytes) -> bytes:
    return b"".join(segment[box.body : box.end] for box in mp4.boxes(segment) if box.type == "mdat")


def told_of_encryption(segment: bytes) -> list[str]:
    """The boxes in moof that are about encryption."""
    found = [*mp4.find(segment, "moof/pssh")]
    for kind in ("senc", "saiz", "saio"):
        found += mp4.find(segment, f"moof/traf/{kind}")
    for kind in ("sgpd", "sbgp"):
        groups = mp4.find(segment, f"moof/traf/{kind}")
        found += [group for group in groups if segment[group.body + 4 : group.body + 8] == b"seig"]
    return [box.type for box in found]


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


@pytest.mark.parametrize("track", packager.TRACKS)
@pytest.mark.parametrize("variant", packager.ENCRYPTED)
def test_every_sample_comes_out_as_it_went_in(root: Path, variant: str, track: str) -> None:
    media, clear = load(root, variant, track), load(root, "clear", track)
    result = decrypted(media, packager.keys_of(variant))
    for before, after, expected in zip(media.segments, result.segments, clear.segments, strict=True):
        assert payload(after) == payload(expected)
        assert len(after) == len(before)
        assert not told_of_encryption(after)
        assert told_of_encryption(before) or variant.endswith("-lead")
    assert len(result.init) == len(media.init)
    assert cenc.read_init(result.init) is None
    assert mp4.protections(result.init) == ()
    assert decoder.fault(b"".join((result.init, *result.segments))) is None


@pytest.mark.parametrize("track", packager.TRACKS)
@pytest.mark.parametrize("variant", packager.ENCRYPTED)
def test_usage_counts_the_bytes_that_differ_from_the_clear(root: Path, variant: str, track: str) -> None:
    media, clear = load(root, variant, track), load(root, "clear", track)
    for segment, expected in zip(media.segments, clear.segments, strict=True):
        used = cenc.usage(encryption_of(media.init), segment)
        differ = sum(a != b for a, b in zip(payload(segment), payload(expected), strict=True))
        # One byte in 256 is the same before and after by chance
        assert differ <= sum(used.values()) <= differ * 256 / 255 + 100
        assert used.keys() <= packager.keys_of(variant).keys()


def test_usage_sees_rotated_keys_that_the_init_does_not_name(root: Path) -> None:
    media = load(root, "cenc-rotation", "a")
    used = [tuple(cenc.usage(encryption_of(media.init), segment)) for segment in media.segments]
    assert used[0] == used[1] != used[2] == used[3]
    assert [p.kids for p in mp4.protections(media.init)] == [()]


def test_a_clear_lead_uses_no_key(root: Path) -> None:
    media = load(root, "cenc-lead", "v")
    assert cenc.usage(encryption_of(media.init), media.segments[0]) == {}


def test_the_counter_really_wraps_in_what_is_tested(root: Path) -> None:
    """Else nothing would show that the lower 64 bits carry nothing into the upper."""
    segment = load(root, "cenc-wrap", "v").segments[0]
    senc = mp4.field(segment, "senc", next(mp4.find(segment, "moof/traf")))
    assert senc is not None
    senc.full_box()
    counters = []
    for _ in range(senc.number(4)):
        counters.append((senc.take(8), senc.number(8)))
        senc.take(6 * senc.number(2))
    wrapped = [low for (before, _), (after, low) in pairwise(counters) if before != after]
    assert len(wrapped) == 1
    assert wrapped[0] > 0  # in the middle of the sample before it


@pytest.mark.parametrize("scheme", ["cenc", "cbcs"])
@pytest.mark.parametrize("track", packager.TRACKS)
def test_a_single_file_is_decrypted_in_its_place(root: Path, scheme: str, track: str) -> None:
    """Several moof in one; the sidx and the byte ranges stay right."""
    data = (packager.package(root, scheme, single=True) / f"{track}.mp4").read_bytes()
    clear = (packager.package(root, "clear", single=True) / f"{track}.mp4").read_bytes()
    buffer = bytearray(cenc.clear_init(data))
    cenc.decrypt(encryption_of(data), buffer, packager.KEYS)
    assert payload(bytes(buffer)) == payload(clear)
    assert decoder.fault(bytes(buffer)) is None


def test_a_missing_key_is_refused_by_name_and_nothing_is_touched(root: Path) -> None:
    media = load(root, "cenc-keys", "a")
    buffer = bytearray(media.segments[0])
    with pytest.raises(RefusedError, match=packager.KIDS["a"].hex()) as refused:
        cenc.decrypt(encryption_of(media.init), buffer, {packager.KIDS["v"]: bytes(16)})
    assert refused.value.code == "license-incomplete"
    assert buffer == media.segments[0]


def test_another_scheme_is_unsupported(root: Path) -> None:
    media = load(root, "cens", "v")
    encryption = encryption_of(media.init.replace(b"cens", b"cenx"))
    with pytest.raises(UnsupportedError, match="cenx"):
        cenc.decrypt(encryption, bytearray(media.segments[0]), packager.KEYS)


def test_a_clear_init_is_no_encryption_and_stays_as_it_is(root: Path) -> None:
    init = load(root, "clear", "v").init
    assert cenc.read_init(init) is None
    assert cenc.clear_init(init) == init


# Segments as other packagers write them: the same samples, told in another way


def renamed(segment: bytes, kind: bytes) -> bytes:
    """Without one box."""
    return segment.replace(kind, b"free")


def with_file_offsets(segment: bytes) -> bytes:
    """tfhd says where its data are in the whole file, of which the segment is a piece that starts at byte 5000."""
    moof = next(mp4.find(segment, "moof"))
    traf = next(mp4.find(segment, "traf", moof))
    tfhd = next(mp4.find(segment, "tfhd", traf))
    flags = int.from_bytes(segment[tfhd.body : tfhd.body + 4]) & ~0x20000 | 0x1
    head = struct.pack(">I", flags) + segment[tfhd.body + 4 : tfhd.body + 8]
    base = struct.pack(">Q", 5000 + moof.start + 8)  # the data are 8 bytes further away: the box has grown
    grown = segment[: tfhd.body] + head + base + segment[tfhd.body + 8 :]
    for box in (moof, traf, tfhd):
        size = struct.pack(">I", box.end - box.start + 8)
        grown = grown[: box.start] + size + grown[box.start + 4 :]
    return grown


def without_moof_base(segment: bytes) -> bytes:
    """The only fragment in a moof counts from its moof also where it does not say so (14496-12 section 8.8.7)."""
    tfhd = next(mp4.find(segment, "moof/traf/tfhd"))
    return segment[: tfhd.body + 1] + b"\0" + segment[tfhd.body + 2 :]


@pytest.mark.parametrize("track", packager.TRACKS)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda segment: renamed(segment, b"senc"), id="no senc: saiz and saio lead to the same"),
        pytest.param(lambda segment: renamed(renamed(segment, b"saiz"), b"saio"), id="senc alone"),
        pytest.param(with_file_offsets, id="base-data-offset, in a piece of a file"),
        pytest.param(without_moof_base, id="no base stated"),
        pytest.param(lambda segment: segment + segment, id="two fragments in a segment"),
    ],
)
def test_the_same_samples_told_in_another_way(root: Path, track: str, change: Callable[[bytes], bytes]) -> None:
    media = load(root, "cenc", track)
    before, after = media.segments[0], change(media.segments[0])
    assert after != before
    (clear,) = decrypted(Media(media.init, (before,)), packager.KEYS).segments
    (told,) = decrypted(Media(media.init, (after,)), packager.KEYS).segments
    assert payload(told) in (payload(clear), payload(clear) * 2)


def tenc_0(init: bytes, pattern: int) -> bytes:
    at = init.index(b"tenc") + 4
    return init[: at + 5] + bytes([pattern]) + init[at + 6 :]


@pytest.mark.parametrize(
    ("pattern", "blocks"),
    [
        pytest.param(0x19, lambda n: sum(i % 10 < 1 for i in range(n)), id="1:9"),
        pytest.param(0x55, lambda n: sum(i % 10 < 5 for i in range(n)), id="5:5"),
        pytest.param(0xA0, lambda n: n, id="10:0 is all"),
        pytest.param(0x00, lambda n: n, id="none is all"),
    ],
)
def test_a_pattern_leaves_blocks_alone(root: Path, pattern: int, blocks: Callable[[int], int]) -> None:
    """Which blocks change when audio, protected as a whole, is said to have a pattern."""
    media = load(root, "cbcs", "a")
    init, segment = tenc_0(media.init, pattern), media.segments[0]
    (result,) = decrypted(Media(init, (segment,)), packager.KEYS).segments
    trun = mp4.field(segment, "trun", next(mp4.find(segment, "moof/traf")))
    assert trun is not None
    _, flags = trun.full_box()
    count = trun.number(4)
    trun.take(4)
    width = (flags & 0xF00).bit_count()
    sizes = [[trun.number(4) for _ in range(width)][(flags >> 8) & 1] for _ in range(count)]
    assert cenc.usage(encryption_of(init), segment) == {packager.KIDS["v"]: 16 * sum(blocks(s // 16) for s in sizes)}
    first, clear = payload(segment)[: sizes[0]], payload(result)[: sizes[0]]
    changed = sum(first[at : at + 16] != clear[at : at + 16] for at in range(0, sizes[0] - 15, 16))
    assert changed == blocks(sizes[0] // 16)


@pytest.mark.parametrize("variant", ["cenc", "cbcs", "cenc-rotation", "cens", "cbc1"])
@settings(deadline=None, max_examples=150)
@given(draw=st.data())
def test_whatever_is_broken_the_error_is_ours(root: Path, variant: str, draw: st.DataObject) -> None:
    media = load(root, variant, "a")
    init = broken(draw, media.init, len(media.init))
    boxes_end = next(mp4.find(media.segments[3], "mdat")).body
    segment = broken(draw, media.segments[3], boxes_end)
    try:
        encryption = cenc.read_init(init) or encryption_of(media.init)
        cenc.clear_init(init)
        cenc.usage(encryption, segment)
        cenc.decrypt(encryption, bytearray(segment), packager.keys_of(variant))
    except OfflinedlError:
        pass


def broken(draw: st.DataObject, data: bytes, end: int) -> bytes:
    changes = st.lists(st.tuples(st.integers(0, end - 1), st.binary(min_size=1, max_size=4)), max_size=3)
    for at, value in draw.draw(changes):
        data = data[:at] + value + data[at + len(value) :]
    return data[: draw.draw(st.just(len(data)) | st.integers(0, len(data)))]


def test_an_init_without_moov_is_damaged() -> None:
    with pytest.raises(DamagedError, match="moov"):
        cenc.read_init(b"\0\0\0\x08free")
