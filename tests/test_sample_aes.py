"""SAMPLE-AES of MPEG-TS and packed audio, against what the packager makes of the same media without encryption."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given, settings
from hypothesis import strategies as st

from offlinedl import decoder
from offlinedl.errors import DamagedError, OfflinedlError, UnsupportedError
from offlinedl.media import mpegts, sample_aes
from tests import origin as o
from tests import packager
from tests.conftest import Offlinedl
from tests.origin import Fault, Handler, Origin

KEY, IV = packager.KEYS[packager.KIDS["v"]], packager.STREAM_IV
FIRST_STREAM = 0x50


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


def load(root: Path, stream: str, number: int, *, clear: bool = False) -> bytes:
    name = f"{number}.{stream.partition('-')[2]}"
    return (packager.streams(root, clear=clear) / stream / name).read_bytes()


def decrypted(segment: bytes) -> bytes:
    buffer = bytearray(segment)
    sample_aes.decrypt(buffer, KEY, IV)
    return bytes(buffer)


def carried(segment: bytes) -> list[tuple[int, bytes]]:
    """The type and the bytes of each stream of a transport stream; of packed audio what follows its ID3 tag."""
    if segment[:1] != b"G":
        return [(0, segment[10 + int.from_bytes(segment[8:9]) * 128 + segment[9] :])]
    transport = mpegts.Transport(segment)
    return [(kind, bytes(mpegts.gather(segment, transport.elementary(pid)))) for pid, kind in transport.streams.items()]


@pytest.mark.parametrize("number", packager.SEGMENTS)
@pytest.mark.parametrize("stream", packager.STREAMS)
def test_every_stream_comes_out_as_it_went_in(root: Path, stream: str, number: int) -> None:
    before, clear = load(root, stream, number), load(root, stream, number, clear=True)
    after = decrypted(before)
    assert carried(after) == carried(clear)
    assert len(after) == len(before)
    assert decoder.fault(before) is not None
    assert decoder.fault(after) is None


def test_the_program_map_is_as_long_as_it_was_and_says_nothing_of_encryption(root: Path) -> None:
    before = load(root, "a-ts", 1)
    after, clear = decrypted(before), load(root, "a-ts", 1, clear=True)
    [section], [other] = mpegts.Transport(after).maps, mpegts.Transport(clear).maps
    own = mpegts.gather(after, section).rstrip(b"\xff")
    assert b"apad" in before
    assert own[-4:] == mpegts.gather(clear, other)[-4:]  # the checksum of the same content


# Units that hold what looks like the beginning of others, which no packager makes on request


def escaped(unit: bytes) -> bytes:
    """Emulation prevention (ISO/IEC 14496-10 section 7.4.1)."""
    out = bytearray()
    for byte in unit:
        if out[-2:] == b"\0\0" and byte <= 3:
            out.append(3)
        out.append(byte)
    return bytes(out)


def encrypted(unit: bytes) -> bytes:
    """A NAL unit as Apple's format has it, written the long way round."""
    if len(unit) <= 48 or unit[0] & 31 not in {1, 5}:
        return unit
    cipher, out, rest = Cipher(AES(KEY), CBC(IV)).encryptor(), unit[:32], unit[32:]
    while rest:
        if len(rest) > 16:
            out, rest = out + cipher.update(rest[:16]), rest[16:]
        out, rest = out + rest[:144], rest[144:]
    return escaped(out)


def packets(pid: int, content: bytes) -> bytes:
    """`content` in packets of one PID, the first of which says that something begins."""
    found = []
    for at in range(0, len(content), 184):
        piece = content[at : at + 184]
        head = struct.pack(">BHB", 0x47, (0x4000 if at == 0 else 0) | pid, 0x10)
        if len(piece) < 184:
            room = 183 - len(piece)
            head = head[:3] + bytes((0x30, room)) + (b"\0" + b"\xff" * (room - 1) if room else b"")
        found.append(head + piece)
    return b"".join(found)


def section(table: int, body: bytes) -> bytes:
    return b"\0" + bytes((table,)) + (0xB000 | len(body) + 4).to_bytes(2) + body + bytes(4)


def transport(kind: int, stream: bytes) -> bytes:
    """A transport stream of one program with one elementary stream, in one PES packet."""
    pat = section(0, bytes((0, 1, 0xC1, 0, 0)) + bytes((0, 1, 0xE0, 0x20)))
    pmt = section(2, bytes((0, 1, 0xC1, 0, 0, 0xE0, FIRST_STREAM, 0xF0, 0, kind, 0xE0, FIRST_STREAM, 0xF0, 0)))
    pes = b"\0\0\1\xe0\0\0\x80\0\0" + stream
    return packets(0, pat) + packets(0x20, pmt) + packets(FIRST_STREAM, pes)


PACKETS = st.lists(
    st.tuples(
        st.sampled_from((FIRST_STREAM, FIRST_STREAM + 1)), st.sampled_from((0, 0, 0, 1, 2, 100, 184)), st.booleans()
    ),
    max_size=40,
)
"""Of each its PID, how many bytes its adaptation field takes, and whether a PES packet begins in it."""


@given(PACKETS)
def test_a_stream_is_what_its_packets_carry_wherever_they_lie(drawn: list[tuple[int, int, bool]]) -> None:
    """One after the other or apart, with an adaptation field or without. What is put back is put in the same places."""
    carries: dict[int, bytes] = {FIRST_STREAM: b"", FIRST_STREAM + 1: b""}
    segment = bytearray(transport(0xDB, b""))
    for number, (pid, room, begins) in enumerate(drawn):
        begins = begins and room < 184  # noqa: PLW2901 - there is no place for it
        content = bytes((number,)) * (184 - room - 9 * begins)
        field = bytes((room - 1,)) + bytes(room - 1) if room else b""
        head = struct.pack(">BHB", 0x47, begins << 14 | pid, 0x30 if room else 0x10)
        segment += head + field + (b"\0\0\1\xe0\0\0\x80\0\0" if begins else b"") + content
        carries[pid] += content
    found = mpegts.Transport(segment)
    for pid, content in carries.items():
        spans = found.elementary(pid)
        assert mpegts.gather(segment, spans) == content
        before = bytes(segment)
        mpegts.scatter(segment, spans, bytes(len(content)))
        assert mpegts.gather(segment, spans) == bytes(len(content))
        mpegts.scatter(segment, spans, content)
        assert segment == before


@pytest.mark.parametrize("count", [1, 50, 250])
def test_a_section_goes_on_over_packets(count: int) -> None:
    programs = b"".join((n + 1).to_bytes(2) + (0xE100 + n).to_bytes(2) for n in range(count))
    whole = section(0, bytes((0, 1, 0xC1, 0, 0)) + programs)
    segment = packets(0, whole)
    assert list(mpegts._programs(mpegts.gather(segment, next(mpegts.Transport(segment)._sections(0))))) == [
        0x100 + n for n in range(count)
    ]


UNITS = st.builds(
    lambda head, body: escaped(bytes((head,)) + bytes(body) + b"\x80"),
    st.sampled_from((1, 5, 7)),
    st.sampled_from(((0, 30), (24, 46), (60, 700))).flatmap(
        lambda sizes: st.lists(st.sampled_from((0, 0, 0, 1, 3, 200)), min_size=sizes[0], max_size=sizes[1])
    ),
)


@settings(deadline=None)
@given(st.lists(UNITS, min_size=1, max_size=4))
def test_units_that_lose_bytes_are_followed_by_zeros(units: list[bytes]) -> None:
    segment = transport(0xDB, b"".join(b"\0\0\0\1" + encrypted(unit) for unit in units))
    [(kind, stream)] = carried(decrypted(segment))
    assert kind == 0x1B
    assert [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1")[1:]] == units


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 47])
def test_the_first_bytes_of_a_frame_are_clear(size: int) -> None:
    """An AAC frame of `size` bytes after its header: 16 of them clear, then whole blocks."""
    head = bytes((0xFF, 0xF1, 0x50, 0x80, (7 + size) >> 3, ((7 + size) & 7) << 5 | 0x1F, 0xFC))
    frame = head + bytes(range(size))
    after = decrypted(frame + frame)
    same = sum(a == b for a, b in zip(frame, after, strict=False))
    assert after[: 7 + size] == after[7 + size :]
    assert after[: 7 + min(size, 16)] == frame[: 7 + min(size, 16)]
    assert 7 + size - same <= max(0, size - 16) // 16 * 16 <= 7 + size - same + 2  # as before by chance


@pytest.mark.parametrize(
    ("segment", "error"),
    [
        pytest.param(transport(0x24, bytes(100)), UnsupportedError, id="HEVC, for which there is no such encryption"),
        pytest.param(transport(0xDB, bytes(100))[:-1], DamagedError, id="a packet too short"),
        pytest.param(b"<html>", DamagedError, id="no media at all"),
        pytest.param(b"ID3\4\0\0\0\0\0\x7f", DamagedError, id="a tag that is longer than all"),
        pytest.param(b"\x0b\x77\0\0\x3f\0\0", DamagedError, id="AC-3 at no rate"),
    ],
)
def test_what_cannot_be_undone_is_named(segment: bytes, error: type[OfflinedlError]) -> None:
    with pytest.raises(error):
        decrypted(segment)


@pytest.mark.parametrize("stream", packager.STREAMS)
@settings(deadline=None, max_examples=60)
@given(draw=st.data())
def test_whatever_is_broken_the_error_is_ours(root: Path, stream: str, draw: st.DataObject) -> None:
    segment = bytearray(load(root, stream, 1)[: 188 * 40])
    places = st.integers(0, 600) | st.integers(0, len(segment) - 5)
    for at, value in draw.draw(st.lists(st.tuples(places, st.binary(min_size=1, max_size=5)), max_size=5)):
        segment[at : at + len(value)] = value
    before = bytes(segment)
    try:
        sample_aes.decrypt(segment, KEY, IV)
    except OfflinedlError:
        assert segment == before
    assert len(segment) == len(before)


# the whole path


def served(folder: Path) -> Fault:
    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(body=(folder / request.match_info["path"]).read_bytes())

    return fault


@pytest.mark.parametrize("stream", packager.STREAMS)
def test_a_title_is_ready_when_its_key_opens_it(root: Path, stream: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """And not with another key, which costs no media."""
    origin.fault("pk/key", o.body(b"a wrong key here"), times=1)
    origin.fault("pk/key", o.body(KEY))
    origin.fault("/titles/pk/", served(packager.streams(root)))
    url = f"{origin.url}/titles/pk/{stream}.m3u8"
    assert offlinedl("get", url).code == 8
    assert offlinedl.listed()[0]["error"]["code"] == "license-wrong-key"
    origin.forget()
    [title] = offlinedl.ok("get", url, "--json").json
    assert title["state"] == "ready"
    assert [a.path.rpartition("/")[2] for a in origin.log if not a.path.endswith(".m3u8")] == ["key"]
