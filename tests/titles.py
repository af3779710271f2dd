"""Titles of many segments, made of the demo's: each segment is real, has a size of its own, and holds its number.

Four ways to cut a title: files with an init segment, MPEG-TS files sealed with AES-128, and one file in ranges that
only follow from each other (HLS) or from an index (DASH).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from offlinedl.demo import origin as demo
from offlinedl.media import hls_aes
from tests.boxes import box
from tests.mpds import mpd_text, sidx
from tests.playlists import media, segment

COUNT = 40
KEY = bytes(range(16))
SEQUENCE = 100
TRACK = "video-8928"
"""The folder of the one track of an HLS title here (see plan.py)."""
_ROOT = "/titles/made"
_PACKET = 188


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """`files` by their path at the origin, that of the manifest first; the numbers of the plan's `fetches` and `keys`;
    the `clear` bytes of the fetches where they are sealed as a whole."""

    files: dict[str, bytes]
    fetches: int
    keys: int = 0
    clear: tuple[bytes, ...] = ()

    @property
    def manifest(self) -> str:
        """Its path."""
        return next(iter(self.files))


def fmp4(count: int = COUNT, size: int = 20_000) -> Made:
    """HLS with an init segment, samples encrypted under a key with a URI."""
    folder = demo.DATA / "titles" / "harbour-1" / "v720"
    pieces = _boxed([(folder / f"{n}.m4s").read_bytes() for n in (1, 2, 3)], count, size)
    key = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="/titles/harbour-1/key",IV=0x8d3a61f70be4925c5e0f94b2d716ca38'
    lines = ['#EXT-X-MAP:URI="init.mp4"', key, *(segment(f"{n}.m4s", "4") for n in range(count))]
    files = {"v.m3u8": media(*lines), "init.mp4": (folder / "init.mp4").read_bytes()}
    files |= {f"{n}.m4s": piece for n, piece in enumerate(pieces)}
    return Made(files=_placed(files), fetches=count + 1, keys=1)


def aes(count: int = COUNT, size: int = 20_000) -> Made:
    """HLS with MPEG-TS under AES-128: no IV is stated, and the first media sequence number is 100."""
    (key,) = demo.keys("ferry").values()
    folder = demo.DATA / "titles" / "ferry"
    base = [hls_aes.decrypt((folder / f"v720-{n}.ts").read_bytes(), key, n.to_bytes(16)) for n in (1, 2, 3)]
    chance = random.Random(count)
    clear = []
    for number in range(count):
        null = b"\x47\x1f\xff\x10" + number.to_bytes(8) * 23  # ISO/IEC 13818-1 section 2.4.1
        clear.append(base[number % 3] + null * (chance.randrange(size) // _PACKET + 1))
    lines = [f"#EXT-X-MEDIA-SEQUENCE:{SEQUENCE}", '#EXT-X-KEY:METHOD=AES-128,URI="key"']
    files = {"v.m3u8": media(*lines, *(segment(f"{n}.ts", "4") for n in range(count))), "key": KEY}
    sealed = {f"{n}.ts": encrypted(data, KEY, (SEQUENCE + n).to_bytes(16)) for n, data in enumerate(clear)}
    return Made(files=_placed(files | sealed), fetches=count, keys=1, clear=tuple(clear))


def rotated(count: int) -> Made:
    """HLS with MPEG-TS under AES-128, each segment under a key of its own."""
    (key,) = demo.keys("ferry").values()
    clear = hls_aes.decrypt((demo.DATA / "titles/ferry/v720-3.ts").read_bytes(), key, (3).to_bytes(16))
    keys = [random.Random(number).randbytes(16) for number in range(count)]
    lines = [f'#EXT-X-KEY:METHOD=AES-128,URI="keys/{n}?sig=1"\n{segment(f"{n}.ts", "4")}' for n in range(count)]
    files = {"v.m3u8": media(*lines)} | {f"keys/{n}": own for n, own in enumerate(keys)}
    files |= {f"{n}.ts": encrypted(clear, own, n.to_bytes(16)) for n, own in enumerate(keys)}
    return Made(files=_placed(files), fetches=count, keys=count, clear=(clear,) * count)


def implied_ranges(count: int = COUNT, size: int = 20_000) -> Made:
    """HLS with one file: where a segment begins follows from the one before it."""
    init, pieces = _lighthouse(count, size)
    lines = [f'#EXT-X-MAP:URI="v.mp4",BYTERANGE="{len(init)}@0"']
    for number, piece in enumerate(pieces):
        lines += [f"#EXT-X-BYTERANGE:{len(piece)}" + (f"@{len(init)}" if not number else ""), segment("v.mp4", "4")]
    files = {"v.m3u8": media(*lines), "v.mp4": init + b"".join(pieces)}
    return Made(files=_placed(files), fetches=count + 1)


def segment_base(count: int = COUNT, size: int = 20_000) -> Made:
    """DASH with one file, and an index in it that says where the segments are."""
    init, pieces = _lighthouse(count, size)
    index = sidx(0, 0, *((len(piece), 4000) for piece in pieces))
    place = f'<SegmentBase indexRange="{len(init)}-{len(init) + len(index) - 1}">'
    addressing = f'<BaseURL>v.mp4</BaseURL>{place}<Initialization range="0-{len(init) - 1}"/></SegmentBase>'
    attributes = 'id="v" bandwidth="30000" codecs="avc1.64001f" width="1280" height="720"'
    body = f"<Representation {attributes}>{addressing}</Representation>"
    period = f'<Period><AdaptationSet mimeType="video/mp4">{body}</AdaptationSet></Period>'
    manifest = mpd_text(period, f'mediaPresentationDuration="PT{4 * count}S"')
    files = {"v.mpd": manifest, "v.mp4": init + index + b"".join(pieces)}
    return Made(files=_placed(files), fetches=count + 1)


def two_maps(count: int = 12) -> Made:
    """HLS with another init segment at a discontinuity in the middle, and the first one again near the end."""
    init, pieces = _lighthouse(count, 20_000)
    second = init + box("free", b"the second")
    half, end = count // 2, count - 2
    lines: list[str] = []
    for number in range(count):
        if number in {0, half, end}:
            lines += ["#EXT-X-DISCONTINUITY", f'#EXT-X-MAP:URI="init-{int(number == half)}.mp4"']
        lines.append(segment(f"{number}.m4s", "4"))
    files = {"v.m3u8": media(*lines[1:]), "init-0.mp4": init, "init-1.mp4": second}
    files |= {f"{n}.m4s": piece for n, piece in enumerate(pieces)}
    return Made(files=_placed(files), fetches=count + 2)


def sealed_fmp4(*, map_key: bool, count: int = 12) -> Made:
    """HLS with fragmented MP4 under AES-128 whose IV is implied; its init segment is clear and stands before the key,
    or is sealed under a key of its own."""
    init, pieces = _lighthouse(count, 20_000)
    iv, other = bytes(range(16, 32)), bytes(range(32, 48))
    before = [f'#EXT-X-KEY:METHOD=AES-128,URI="map-key",IV=0x{iv.hex()}'] if map_key else []
    lines = [*before, '#EXT-X-MAP:URI="init.mp4"', '#EXT-X-KEY:METHOD=AES-128,URI="key"']
    lines += [f"#EXT-X-MEDIA-SEQUENCE:{SEQUENCE}", *(segment(f"{n}.m4s", "4") for n in range(count))]
    files = {"v.m3u8": media(*lines), "key": KEY, "map-key": other}
    files["init.mp4"] = encrypted(init, other, iv) if map_key else init
    files |= {f"{n}.m4s": encrypted(data, KEY, (SEQUENCE + n).to_bytes(16)) for n, data in enumerate(pieces)}
    return Made(files=_placed(files), fetches=count + 1, keys=1 + map_key, clear=(init, *pieces))


KINDS: dict[str, Callable[[], Made]] = {
    "HLS fMP4": fmp4,
    "TS AES-128 without IV": aes,
    "implied byte ranges": implied_ranges,
    "DASH SegmentBase": segment_base,
}


def encrypted(data: bytes, key: bytes, iv: bytes) -> bytes:
    """AES-128 in CBC with PKCS7 padding (RFC 8216 section 5.2)."""
    padder, encryptor = PKCS7(128).padder(), Cipher(AES(key), CBC(iv)).encryptor()
    return encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()


def _lighthouse(count: int, size: int) -> tuple[bytes, list[bytes]]:
    """The init segment of a clear title, and segments."""
    data = (demo.DATA / "titles" / "lighthouse" / "v720.mp4").read_bytes()
    return data[:877], _boxed([data[945:12533], data[12533:23400], data[23400:]], count, size)


def _boxed(base: list[bytes], count: int, size: int) -> list[bytes]:
    """Segments in turn, each with up to `size` bytes that hold its number."""
    chance = random.Random(count)
    return [base[n % 3] + box("free", n.to_bytes(4) * (chance.randrange(size) // 4 + 1)) for n in range(count)]


def _placed(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{_ROOT}/{name}": content for name, content in files.items()}
