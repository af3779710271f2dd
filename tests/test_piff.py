"""PIFF 1.1, the older form of common encryption: its boxes are uuid boxes, made here of those of the packager."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.media import cenc, fragment, mp4
from tests import packager
from tests.boxes import box, numbers
from tests.test_cenc import Media, decrypted, load, payload

UUIDS = {
    "tenc": bytes.fromhex("8974dbce7be74c5184f97148f9882554"),
    "senc": bytes.fromhex("a2394f525a9b4f14a2446c427c648df4"),
    "pssh": bytes.fromhex("d08a4f1810f34a82b6c832d8aba183d3"),
}
TENC = "moov/trak/mdia/minf/stbl/stsd/{}/sinf/schi/tenc"
KID = packager.KIDS["v"]


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


def way(data: bytes, path: str, within: mp4.Box | None = None) -> Iterator[mp4.Box]:
    """The boxes on the way to `path`, that at its end last."""
    first, _, rest = path.partition("/")
    found = next(mp4.find(data, first, within))
    yield found
    if rest:
        yield from way(data, rest, found)


def with_uuid(data: bytes, path: str, content: bytes | None = None) -> bytes:
    """The box at `path` as a uuid box, with other content if any; the boxes around it grow, and offsets with them."""
    *holders, target = way(data, path)
    body = data[target.body : target.end] if content is None else content
    new = box("uuid", UUIDS[target.type], body)
    more = len(new) - (target.end - target.start)
    for holder in holders:
        size = (holder.end - holder.start + more).to_bytes(4)
        data = data[: holder.start] + size + data[holder.start + 4 :]
    data = data[: target.start] + new + data[target.end :]
    for trun in mp4.find(data, "moof/traf/trun"):
        offset = int.from_bytes(data[trun.body + 8 : trun.body + 12]) + more
        data = data[: trun.body + 8] + offset.to_bytes(4) + data[trun.body + 12 :]
    return data.replace(b"saiz", b"free").replace(b"saio", b"free")


def piff_init(init: bytes, track: str, content: bytes | None = None) -> bytes:
    entry = "enca" if track == "a" else "encv"
    return with_uuid(init, TENC.format(entry), content).replace(b"schm\0\0\0\0cenc", b"schm\0\0\0\0piff")


def overriding(segment: bytes, parameters: bytes) -> bytes:
    """senc as a uuid box with parameters of its own."""
    *_, senc = way(segment, "moof/traf/senc")
    flags = segment[senc.body + 3] | 1
    content = bytes((0, 0, 0, flags)) + parameters + segment[senc.body + 4 : senc.end]
    return with_uuid(segment, "moof/traf/senc", content)


@pytest.mark.parametrize("track", packager.TRACKS)
def test_its_boxes_say_the_same(root: Path, track: str) -> None:
    media, clear = load(root, "cenc", track), load(root, "clear", track)
    segments = tuple(with_uuid(segment, "moof/traf/senc") for segment in media.segments)
    piff = Media(piff_init(media.init, track), segments)
    result = decrypted(piff, packager.KEYS)
    assert list(map(payload, result.segments)) == list(map(payload, clear.segments))
    assert [list(mp4.find(segment, "moof/traf/senc")) for segment in result.segments] == [[], [], [], []]
    assert (cenc.read_init(result.init), len(result.init)) == (None, len(piff.init))
    assert mp4.protections(piff.init)[0].kids == (KID,)


@pytest.mark.parametrize("track", packager.TRACKS)
def test_a_fragment_may_have_parameters_of_its_own(root: Path, track: str) -> None:
    """What the init segment says does not hold then: here, that nothing is encrypted."""
    media, clear = load(root, "cenc", track), load(root, "clear", track)
    init = piff_init(media.init, track, bytes(4) + bytes(20))
    segment = overriding(media.segments[0], b"\0\0\x01\x08" + KID)
    assert payload(decrypted(Media(init, (segment,)), packager.KEYS).segments[0]) == payload(clear.segments[0])


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        pytest.param(b"\0\0\x01\x07", DamagedError, id="an IV of 7 bytes"),
        pytest.param(b"\0\x12\x34\x08", UnsupportedError, id="an algorithm that nobody knows"),
    ],
)
def test_what_it_cannot_mean(root: Path, parameters: bytes, error: type[Exception]) -> None:
    media = load(root, "cenc", "a")
    init = piff_init(media.init, "a", bytes(4) + parameters + KID)
    with pytest.raises(error):
        decrypted(Media(init, media.segments[:1]), packager.KEYS)


def test_what_its_pssh_says_becomes_a_pssh_box(root: Path) -> None:
    system = bytes(range(16))
    pssh = box("pssh", numbers(0), system, numbers(3), b"abc")
    init = load(root, "cenc", "a").init + box("moov", with_uuid(pssh, "pssh"))
    found = mp4.protections(init)[-1]
    assert found.init_data == pssh
    assert cenc.clear_init(init).count(b"free\xd0\x8a\x4f") == 1


def test_a_fragment_alone_says_that_it_is_encrypted(root: Path) -> None:
    segment = load(root, "cenc", "a").segments[0]
    assert fragment.has_encryption(with_uuid(segment, "moof/traf/senc"))
    assert not fragment.has_encryption(load(root, "clear", "a").segments[0])
