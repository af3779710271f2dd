"""Stories about files that are titles themselves: known by their first bytes, fetched in ranges where that goes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from offlinedl import streams
from offlinedl.actions.prepare import prepare
from offlinedl.choose import Preferences
from offlinedl.demo import origin as demo
from offlinedl.engine import Engine
from offlinedl.errors import DamagedError, OfflinedlError, UnsupportedError
from offlinedl.http import Http
from offlinedl.license import Licensing
from offlinedl.manifest import detect, progressive
from offlinedl.media import movie
from offlinedl.model import Kind, Wanted
from offlinedl.protection import Protection
from offlinedl.sources import manifest_url
from offlinedl.streams import ByteRange, Plan, Rendition
from tests import origin as o
from tests.boxes import box, full_box, matroska, numbers, track
from tests.conftest import Offlinedl
from tests.origin import Asked, Handler, Origin
from tests.packager import package, session_folder, source
from tests.test_get import assert_origins_bytes

NOW = datetime(2026, 11, 1, tzinfo=UTC)
URL = "https://media.test/film.mp4?sig=1"
VIDEO = "titles/lighthouse/v720.mp4"
BYTES = (demo.DATA / VIDEO).read_bytes()
KID = bytes(range(16))

AVC = bytes(24) + bytes.fromhex("05000 2d0".replace(" ", "")) + bytes(50)


def moov(*traks: bytes, seconds: int = 10, extra: bytes = b"") -> bytes:
    return box("moov", full_box("mvhd", 0, numbers(0, 0, 1000, seconds * 1000), bytes(80)), *traks, extra)


def trak(handler: str, entry: bytes) -> bytes:
    stsd = full_box("stsd", 0, numbers(1), entry)
    hdlr = full_box("hdlr", 0, numbers(0), handler.encode(), bytes(12))
    return box("trak", box("mdia", hdlr, box("minf", box("stbl", stsd))))


PICTURES = trak("vide", box("avc1", AVC, box("avcC", bytes.fromhex("01640020"))))
SOUND = trak("soun", box("mp4a", bytes(28)))
FTYP = box("ftyp", b"isom", bytes(4))


def sinf(scheme: bytes, tenc: bytes) -> bytes:
    return box("sinf", box("frma", b"avc1"), full_box("schm", 0, scheme, numbers(65536)), box("schi", tenc))


TENC = full_box("tenc", 0, b"\0\0\1\x08", KID)
PIFF = box("uuid", bytes.fromhex("8974dbce7be74c5184f97148f9882554"), bytes(8), KID)


def read(data: bytes) -> Rendition:
    assert detect(data, URL).NAME == progressive.NAME
    (rendition,) = progressive.parse(data, URL).renditions
    return rendition


SIGNS = [
    pytest.param(FTYP + moov(PICTURES, SOUND) + box("mdat"), "mp4", Kind.VIDEO, id="mp4"),
    pytest.param(FTYP + moov(SOUND) + box("mdat"), "mp4", Kind.AUDIO, id="m4a"),
    pytest.param(box("ftyp", b"isml", bytes(4), b"piff") + moov(PICTURES) + box("mdat"), "mp4", Kind.VIDEO, id="ismv"),
    pytest.param(moov(PICTURES) + box("mdat"), "mp4", Kind.VIDEO, id="without-a-file-type"),
    pytest.param(b"\0\0\0\x08wide" + numbers(2**30) + b"mdat" + bytes(20), "mp4", Kind.VIDEO, id="quicktime"),
    pytest.param(matroska(b"webm", track(b"V_VP9")), "webm", Kind.VIDEO, id="webm"),
    pytest.param(matroska(b"webm", track(b"A_OPUS")), "webm", Kind.AUDIO, id="webm-sound"),
    pytest.param(matroska(b"matroska", track(b"V_MPEG4/ISO/AVC")), "mkv", Kind.VIDEO, id="mkv"),
    pytest.param(b"\xff\xfb\x90\x64" + bytes(40), "mp3", Kind.AUDIO, id="mp3"),
    pytest.param(b"ID3\4\0\0\0\0\1\0" + bytes(128) + b"\xff\xfb\x90\x64", "mp3", Kind.AUDIO, id="mp3-with-tag"),
    pytest.param(b"ID3\4\0\0\0\x7f\1\0" + bytes(128), "mp3", Kind.AUDIO, id="mp3-with-a-long-tag"),
    pytest.param(b"\xff\xf1\x50\x80" + bytes(40), "aac", Kind.AUDIO, id="aac"),
    pytest.param(b"ID3\4\0\0\0\0\0\0\xff\xf1\x50\x80", "aac", Kind.AUDIO, id="aac-with-tag"),
    pytest.param(b"fLaC\0\0\0\x22", "flac", Kind.AUDIO, id="flac"),
    pytest.param(b"OggS\0\2" + bytes(22) + b"\x01\x1e\x01vorbis", "ogg", Kind.AUDIO, id="ogg"),
    pytest.param(b"OggS\0\2" + bytes(22) + b"\x01\x2a\x80theora", "ogg", Kind.VIDEO, id="ogg-pictures"),
]


@pytest.mark.parametrize(("data", "container", "kind"), SIGNS)
def test_first_bytes_tell_the_container(data: bytes, container: str, kind: Kind) -> None:
    found = read(data)
    assert (found.container, found.kind) == (container, kind)
    (whole,) = found.segments
    assert (whole.resource.url, whole.resource.range) == (URL, None)


NO_TITLES = [
    pytest.param("<SmoothStreamingMedia/>".encode("utf-16"), id="a-mark-of-utf-16-is-no-mp3"),
    pytest.param(b"and free for all, as text can be", id="text-with-a-word-that-is-a-box"),
    pytest.param(box("styp", b"msdh", bytes(4)) + box("moof"), id="media-segment"),
    pytest.param(b"\xff\xff\xff\xff\xff\xff", id="noise"),
    pytest.param(b"", id="nothing"),
]


@pytest.mark.parametrize("data", NO_TITLES)
def test_what_is_no_file_of_a_title_is_not_taken_for_one(data: bytes) -> None:
    assert not progressive.recognises(data)
    assert not progressive.is_enough(data)


def test_an_init_segment_alone_is_no_title() -> None:
    with pytest.raises(UnsupportedError, match="init segment"):
        read(FTYP + moov(PICTURES, extra=box("mvex")))
    assert read(FTYP + moov(PICTURES, extra=box("mvex")) + box("moof")).codecs


def test_the_movie_box_describes_the_file() -> None:
    found = read(FTYP + moov(PICTURES, SOUND, seconds=90) + box("mdat"))
    assert (found.width, found.height, found.codecs) == (1280, 720, "avc1.640020,mp4a")
    assert found.duration == 90
    assert found.protections == ()


@pytest.mark.parametrize("track", ["v", "h", "a"])
def test_files_of_a_real_encoder_are_described(track: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    data = source(session_folder(tmp_path_factory), track).read_bytes()
    found = read_at_its_end(data)  # where this encoder writes the movie box
    assert found.codecs == read(data).codecs
    assert found.codecs.startswith({"v": "avc1.64", "h": "hvc1", "a": "mp4a"}[track])
    assert (found.kind, found.width) == ((Kind.AUDIO, 0) if track == "a" else (Kind.VIDEO, 320))
    assert abs(found.duration - 8) < Fraction(1, 10)


def read_at_its_end(data: bytes) -> Rendition:
    """The rendition of a file whose movie box stands at its end, of which first only the beginning is read."""
    (found,) = progressive.cut(progressive.parse(data[:64], URL), len(data)).renditions
    assert found.index
    assert found.index.range
    return progressive.expand(found, data[found.index.range.first : found.index.range.last + 1], URL)


ENCRYPTED = [
    pytest.param(b"cenc", TENC, [Protection(scheme="cenc", kids=(KID,))], id="common-encryption"),
    pytest.param(b"piff", PIFF, [Protection(kids=(KID,))], id="piff"),
    pytest.param(b"abcd", b"", [Protection()], id="that-names-its-key-elsewhere"),
]


@pytest.mark.parametrize("first", [True, False], ids=["movie-first", "movie-last"])
@pytest.mark.parametrize(("scheme", "tenc", "stated"), ENCRYPTED)
def test_a_protected_file_is_said_to_be_so(scheme: bytes, tenc: bytes, stated: list[Protection], first: bool) -> None:
    film = moov(trak("vide", box("encv", AVC, sinf(scheme, tenc))))
    media = box("mdat", bytes(100))
    found = read(FTYP + film + media) if first else read_at_its_end(FTYP + media + film)
    assert list(found.protections) == stated
    assert found.codecs == "avc1"


def test_a_file_protected_by_a_packager_is_said_to_be_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = package(session_folder(tmp_path_factory), "cenc", single=True)
    found = read((folder / "v.mp4").read_bytes())
    assert [p.scheme for p in found.protections if not p.system] == ["cenc"]


# pieces


@given(st.integers(1, 10**10), st.integers(0, 10**5))
def test_pieces_cover_the_file_and_its_time(size: int, seconds: int) -> None:
    data = FTYP + moov(PICTURES, seconds=min(seconds, 4_000_000)) + box("mdat")
    (found,) = progressive.cut(progressive.parse(data, URL), size).renditions
    ranges = [s.resource.range for s in found.segments if s.resource.range]
    assert ranges[0].first == 0
    assert ranges[-1].last == size - 1
    assert all(a.last + 1 == b.first and a.size == streams.PIECE for a, b in pairwise(ranges))
    assert found.duration == min(seconds, 4_000_000)
    assert [s.start for s in found.segments] == sorted(s.start for s in found.segments)


def test_without_ranges_a_file_is_fetched_whole() -> None:
    manifest = progressive.parse(FTYP + box("mdat", bytes(100)), URL)
    assert manifest.renditions[0].index
    (found,) = progressive.cut(manifest, None).renditions
    assert (found.index, [s.resource.range for s in found.segments]) == (None, [None])


def test_a_file_without_ranges_is_as_large_as_its_server_says(offlinedl: Offlinedl, origin: Origin) -> None:
    """So there is progress while it comes."""
    origin.fault("/file.mp4", without_ranges("none"))
    result = offlinedl.ok("get", f"{origin.url}/titles/x/file.mp4", "--progress", "json")
    begin = json.loads(result.err.splitlines()[0])
    assert (begin["event"], begin["bytes_total"]) == ("begin", len(BYTES))


def test_more_than_a_title_has_is_refused() -> None:
    with pytest.raises(UnsupportedError) as caught:
        progressive.cut(progressive.parse(FTYP + box("mdat", bytes(100)), URL), 2**60)
    assert caught.value.code == "too-large"


@pytest.mark.usefixtures("small_pieces")
def test_the_limits_are_those_of_the_settings(offlinedl: Offlinedl, origin: Origin) -> None:
    (offlinedl.home / "config.toml").write_text("[limits]\nsegments = 3\n")
    result = offlinedl("get", f"{origin.url}/{VIDEO}")
    assert (result.code, "more segments than are read; the limit is 3" in result.err) == (9, True)
    (offlinedl.home / "config.toml").write_text("[limits]\nsegments = 4\n")
    offlinedl.ok("get", f"{origin.url}/{VIDEO}")


TS = b"".join(b"\x47" + bytes([n]) * 187 for n in range(1, 8))


@pytest.mark.parametrize("packets", [3, 7], ids=str)
def test_a_file_of_packets_is_refused_by_its_name(packets: int) -> None:
    """ISO/IEC 13818-1 section 2.4.3.2."""
    data = TS[: packets * 188]
    assert progressive.is_enough(data)
    with pytest.raises(UnsupportedError, match=r"^https://media\.test/film\.mp4: an MPEG-TS file") as caught:
        detect(data, URL).parse(data, URL)
    assert "m3u8" in caught.value.hint


@pytest.mark.parametrize(
    "data", [TS[: 2 * 188], TS[:376] + b"x" + TS[377:], TS[1:], b"Gone"], ids=["short", "torn", "shifted", "text"]
)
def test_one_byte_alone_makes_no_packets(data: bytes) -> None:
    assert not progressive.recognises(data)


def test_no_more_of_a_file_of_packets_is_read_than_tells_it(offlinedl: Offlinedl, origin: Origin) -> None:
    """It would be larger than any manifest, and that is not what is wrong with it."""
    (offlinedl.home / "config.toml").write_text("[limits]\nmanifest_bytes = 100_000\n")
    origin.fault("film.ts", o.body(TS * 1000))
    result = offlinedl("get", f"{origin.url}/titles/film.ts")
    assert (result.code, "an MPEG-TS file" in result.err, "m3u8" in result.err) == (9, True, True)


NO_MOVIE = [
    pytest.param(FTYP + box("mdat", bytes(100)), 2**30, id="where-it-must-be-is-too-far-from-the-end"),
    pytest.param(FTYP + box("mdat", bytes(100)), len(FTYP), id="cut-off-before-it"),
]


@pytest.mark.parametrize(("head", "size"), NO_MOVIE)
def test_a_file_whose_movie_box_is_not_seen_is_no_title(head: bytes, size: int) -> None:
    """Nobody knows whether it is protected, nor whether it is whole."""
    with pytest.raises(UnsupportedError, match="no movie box"):
        progressive.cut(progressive.parse(head, URL), size)


def test_media_data_to_the_end_leave_no_room_for_a_movie_box() -> None:
    with pytest.raises(UnsupportedError, match="no movie box"):
        progressive.parse(FTYP + bytes(4) + b"mdat" + bytes(100), URL)


def test_an_end_without_a_movie_box_is_damaged() -> None:
    data = FTYP + box("mdat", bytes(100)) + box("junk", bytes(100))
    with pytest.raises(DamagedError, match="without a movie box"):
        read_at_its_end(data)


ENOUGH = [
    pytest.param(FTYP + moov(PICTURES), True, id="movie-whole"),
    pytest.param((FTYP + moov(PICTURES))[:-1], False, id="movie-cut"),
    pytest.param(FTYP + numbers(2**30) + b"mdat" + bytes(8), True, id="movie-last"),
    pytest.param(FTYP + numbers(2**20) + b"free" + bytes(8), False, id="nothing-yet"),
    pytest.param(b"OggS" + bytes(20), True, id="ogg"),
    pytest.param(b"#EXTM3U\n" + b"\n" * 100, False, id="playlist"),
]


@pytest.mark.parametrize(("head", "enough"), ENOUGH)
def test_reading_stops_when_the_movie_box_is_there(head: bytes, enough: bool) -> None:
    assert progressive.is_enough(head) is enough


@settings(deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", FTYP, FTYP + moov(PICTURES, SOUND), b"ID3\4\0\0", b"\xff\xfb", b"\x1a\x45\xdf\xa3", b"OggS"]),
    st.integers(0, 400),
    st.integers(1, 2**33),
)
def test_noise_gives_a_title_or_a_reason(noise: bytes, head: bytes, at: int, size: int) -> None:
    data = head[:at] + noise + head[at:]
    progressive.is_enough(data)
    list(movie.top(data))
    try:
        manifest = progressive.cut(progressive.parse(data, URL), size) if progressive.recognises(data) else None
        if manifest is not None and manifest.renditions[0].index:
            progressive.expand(manifest.renditions[0], data, URL)
    except OfflinedlError as error:
        assert type(error) is not OfflinedlError  # noqa: PT017 - an error is as good as a manifest here


# from a server


def without_ranges(said: str | None) -> o.Fault:
    """The whole file whatever was asked for, with or without a word on ranges."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = {} if said is None else {"Accept-Ranges": said}
        return web.Response(body=BYTES, headers=headers, content_type="video/mp4")

    return fault


def unsaid() -> o.Fault:
    """Ranges are given, and nothing says so before they are asked for."""

    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        if "Range" not in request.headers:
            return web.Response(body=BYTES, content_type="video/mp4")
        first, last = request.http_range.start or 0, (request.http_range.stop or len(BYTES)) - 1
        headers = {"Content-Range": f"bytes {first}-{last}/{len(BYTES)}"}
        return web.Response(status=206, body=BYTES[first : last + 1], headers=headers)

    return fault


SERVERS = [
    pytest.param(None, 4, id="says-that-it-has-ranges-A40"),
    pytest.param(unsaid(), 4, id="has-ranges-and-does-not-say-so"),
    pytest.param(without_ranges("none"), 1, id="says-that-it-has-none"),
    pytest.param(without_ranges(None), 1, id="has-none-and-does-not-say-so"),
    pytest.param(without_ranges("bytes"), 4, id="says-that-it-has-ranges-and-has-none"),
]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PIECE", 10_000)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(("fault", "files"), SERVERS)
def test_a_file_is_stored_as_its_server_has_it(
    fault: o.Fault | None, files: int, offlinedl: Offlinedl, origin: Origin
) -> None:
    """A40."""
    if fault:
        origin.fault("v720.mp4", fault)
    [title] = offlinedl.ok("get", f"{origin.url}/{VIDEO}", "--json").json
    assert (title["state"], title["quality"]["height"]) == ("ready", 720)
    assert_origins_bytes(title)
    assert len(title["tracks"][0]["files"]) == files
    assert joined(title) == BYTES


def joined(title: dict[str, Any]) -> bytes:
    """A title's one track, its files joined in their order."""
    [track] = title["tracks"]
    return b"".join((Path(title["folder"]) / file["path"]).read_bytes() for file in track["files"])


@pytest.mark.usefixtures("small_pieces")
def test_only_the_ranges_that_are_missing_are_fetched_again(offlinedl: Offlinedl, origin: Origin) -> None:
    """A40, A31."""

    async def fail_in_the_middle(request: web.Request, handler: Handler) -> web.StreamResponse:
        failing = request.headers.get("Range") == "bytes=10000-19999"
        return web.Response(status=404) if failing else await handler(request)

    origin.fault("v720.mp4", fail_in_the_middle)
    assert offlinedl("get", f"{origin.url}/{VIDEO}").code == 4
    origin.mend()
    origin.forget()
    [title] = offlinedl.ok("get", f"{origin.url}/{VIDEO}", "--json").json
    assert [asked.headers.get("Range") for asked in origin.log] == ["bytes=10000-19999"]
    assert joined(title) == BYTES


def test_sound_alone_is_a_title(offlinedl: Offlinedl, origin: Origin) -> None:
    [title] = offlinedl.ok("get", f"{origin.url}/titles/lighthouse/a-en.mp4", "--json").json
    assert [track["kind"] for track in title["tracks"]] == ["audio"]
    assert_origins_bytes(title)


def test_a_redirect_is_followed_anew_for_each_range(offlinedl: Offlinedl, origin: Origin) -> None:
    origin.fault("/go.mp4", o.redirected(f"{origin.url}/{VIDEO}?signed=today"))
    [title] = offlinedl.ok("get", f"{origin.url}/go.mp4", "--json").json
    assert joined(title) == BYTES
    assert {file["source"] for file in title["tracks"][0]["files"]} == {f"{origin.url}/go.mp4"}


@contextmanager
def huge(head: bytes, size: int, asked: list[Asked], sent: list[int]) -> Iterator[str]:
    """A server of one file of `size` bytes that begins with `head`; `sent` counts what left for whole requests."""

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(Asked(request.method, request.path, dict(request.headers)))
        response = web.StreamResponse(headers={"Content-Length": str(size), "Accept-Ranges": "bytes"})
        await response.prepare(request)
        left = size
        try:
            while left > 0:
                chunk = (head + bytes(65536))[: min(65536, left)] if left == size else bytes(min(65536, left))
                await response.write(chunk)
                sent.append(len(chunk))
                left -= len(chunk)
        except ConnectionError:
            pass  # nobody wants more
        return response

    app = web.Application()
    app.router.add_get("/film.mp4", answer)
    with demo.in_thread(app) as url:
        yield url


def plan_of(url: str, wanted: Wanted) -> Plan:
    async def main() -> Plan:
        async with Http() as http:
            licensing = Licensing(engine=Engine(http=http, retries=0))
            return (await prepare(manifest_url.title(url), wanted, licensing, Preferences(), now=NOW)).plan()

    return asyncio.run(main())


def test_a_film_of_gigabytes_is_not_read_to_be_known() -> None:
    size, asked, sent = 5 * 2**30, list[Asked](), list[int]()
    head = FTYP + moov(PICTURES, SOUND, seconds=3600) + numbers(1) + b"mdat" + (2**33).to_bytes(8)
    with huge(head, size, asked, sent) as url:
        plan = plan_of(f"{url}/film.mp4", Wanted())
    assert len(asked) == 1
    assert sum(sent) < 32 * 2**20
    assert len(plan.fetches) == 640
    assert plan.fetches[-1].range == ByteRange(first=639 * streams.PIECE, last=size - 1)
    assert sum(f.estimate for f in plan.fetches) == size
    assert [re.sub("-[0-9a-f]{4}/", "/", f.path) for f in plan.fetches[:2]] == [
        "video-720p/000000.m4s",
        "video-720p/000001.m4s",
    ]
    [track] = plan.tracks
    assert (track.height, track.bandwidth) == (720, size * 8 // 3600)


def test_a_movie_box_larger_than_the_first_look_is_read_in_full() -> None:
    size, asked, sent = 2**30, list[Asked](), list[int]()
    protected = trak("vide", box("encv", AVC, sinf(b"cenc", TENC)))
    head = FTYP + moov(protected, extra=box("udta", bytes(50_000))) + numbers(2**30) + b"mdat"
    big = FTYP + moov(PICTURES, extra=box("udta", bytes(200_000))) + numbers(2**30) + b"mdat"
    with huge(head, size, asked, sent) as url, pytest.raises(OfflinedlError, match="protected"):
        plan_of(f"{url}/film.mp4", Wanted())
    assert not progressive.is_enough(big[:65536])
    assert progressive.is_enough(big)


def test_a_protected_file_is_refused_before_its_media(offlinedl: Offlinedl, origin: Origin) -> None:
    """Nothing would prove that a license opens it: the proof reads init segments."""
    film = FTYP + moov(trak("vide", box("encv", AVC, sinf(b"cenc", TENC)))) + box("mdat", bytes(100))
    origin.fault("/film.mp4", o.body(film, "video/mp4"))
    for options in ([], ["--license-url", f"{origin.url}/license"]):
        result = offlinedl("get", f"{origin.url}/film.mp4", *options)
        assert result.code in {5, 9}
        assert "protected" in result.err
    assert not origin.asked("/license")
    assert offlinedl.listed() == []


def test_a_segment_given_as_a_title_is_said_to_be_one(offlinedl: Offlinedl, origin: Origin) -> None:
    result = offlinedl("get", f"{origin.url}/titles/harbour-1/v720/1.m4s")
    assert result.code == 9
    assert "a piece of an MP4 file" in result.err
