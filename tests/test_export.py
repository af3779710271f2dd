"""One file of a title, without loss, where its rights allow that; else a reason, and nothing on the disk."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import av
import pytest
from aiohttp import web
from av.stream import Disposition

from offlinedl.demo import origin as demo_origin
from offlinedl.errors import UsageError
from offlinedl.store.result import Result
from tests import drm, packager
from tests.conftest import Offlinedl
from tests.origin import Fault, Handler, Origin, status
from tests.playlists import media, segment
from tests.test_disk import disk
from tests.test_rotation import licensing, served

FORMATS = ["mkv", "mp4"]
REF = "own:title"
TELLS = {
    "name": "High Water",
    "summary": "The sea comes back.",
    "published": "2026-11-08T00:00:00Z",
    "series": {"id": "harbour", "name": "The Harbour"},
    "season": 1,
    "episode": 2,
}


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


def body(data: bytes) -> Fault:
    async def fault(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(body=data)

    return fault


def offer(
    offlinedl: Offlinedl,
    origin: Origin,
    url: str,
    *,
    drm: bool = False,
    tells: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """A service with one title, which may be exported. Its license server is at /license if it has one."""
    systems = [{"system": "clearkey", "license_url": "/license"}] if drm else []
    title = {"id": "title", "name": "A Title", "rights": {"export": True}, **tells}
    title["sources"] = [{"url": url, "drm": systems}]
    origin.files["/own.json"] = json.dumps({"offlinedl": 1, "name": "Own", "titles": [title]}).encode()
    offlinedl.ok("source", "add", "own", f"{origin.url}/own.json")


def packets(path: Path | str, kind: str) -> list[list[bytes]]:
    """What is in each packet of each stream of a kind; attached pictures apart."""
    with av.open(str(path)) as container:
        found: dict[int, list[bytes]] = {
            stream.index: []
            for stream in container.streams
            if stream.type == kind and not stream.disposition & Disposition.attached_pic
        }
        for packet in container.demux():
            if packet.size and packet.stream.index in found:
                found[packet.stream.index].append(bytes(packet))
        return list(found.values())


def times(path: Path | str, kind: str) -> list[float]:
    """When the packets of the first stream of a kind are shown."""
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [round(float(p.pts * p.time_base), 3) for p in container.demux(stream) if p.size and p.pts is not None]


def pictures(path: Path | str) -> str:
    """A hash over all pictures, decoded."""
    with av.open(str(path)) as container:
        found = hashlib.sha256()
        for frame in container.decode(video=0):
            for plane in frame.planes:
                found.update(bytes(plane))
        return found.hexdigest()


def source_of(root: Path, path: Path) -> str:
    """Which of the packager's pictures a file has, by their codec."""
    with av.open(str(path)) as container:
        return {"h264": "v", "hevc": "h"}[container.streams.video[0].codec_context.name]


def assert_nothing_is_left(folder: Path, *names: str) -> None:
    assert sorted(file.name for file in folder.iterdir() if file.is_file()) == sorted(names)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "variant", ["clear", "cenc", "cbcs", "cenc-keys", "cenc-rotation", "cbcs-rotation", "cenc-lead"]
)
def test_the_packets_are_those_that_were_encoded(
    variant: str, format: str, root: Path, offlinedl: Offlinedl, origin: Origin, tmp_path: Path
) -> None:
    origin.fault("/titles/pk/", served(packager.package(root, variant)))
    origin.fault("/license", licensing([]))
    offer(offlinedl, origin, "/titles/pk/manifest.mpd", drm=variant != "clear")
    offlinedl.ok("get", REF)
    out = tmp_path / f"out.{format}"
    offlinedl.ok("export", REF, str(out))
    source = packager.source(root, source_of(root, out))
    assert packets(out, "video") == packets(source, "video")
    assert packets(out, "audio") == packets(packager.source(root, "a"), "audio")
    assert_nothing_is_left(tmp_path, out.name)
    if format == "mp4":
        assert times(out, "video") == times(source, "video")
        assert times(out, "audio") == times(packager.source(root, "a"), "audio")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("clear", [True, False], ids=["clear", "SAMPLE-AES"])
def test_mpeg_ts_and_packed_sound_become_what_they_were(
    clear: bool, format: str, root: Path, offlinedl: Offlinedl, origin: Origin, tmp_path: Path
) -> None:
    """The clock of MPEG-TS begins anywhere; that of the file begins with the title."""
    folder = packager.streams(root, clear=clear)
    master = (
        "#EXTM3U\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",LANGUAGE="en",DEFAULT=YES,URI="a-aac.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=320x180,CODECS="avc1.64000d,mp4a.40.2",AUDIO="a"\nv-ts.m3u8\n'
    )
    origin.fault("/titles/pk/", served(folder))
    origin.files["/titles/pk/own.m3u8"] = master.encode()
    origin.faults.insert(0, ("/titles/pk/own.m3u8", body(master.encode()), [9]))
    origin.faults.insert(0, ("/titles/pk/key", body(packager.KEYS[packager.KIDS["v"]]), [9]))
    offer(offlinedl, origin, "/titles/pk/own.m3u8")
    offlinedl.ok("get", REF)
    out = tmp_path / f"out.{format}"
    offlinedl.ok("export", REF, str(out))
    assert pictures(out) == pictures(packager.source(root, "v"))
    [sound] = packets(out, "audio")
    [encoded] = packets(packager.source(root, "a"), "audio")
    assert sound[1:-1] == encoded[1:-1]
    assert min(times(out, "video")) < 0.1


def test_aes_128_is_opened(offlinedl: Offlinedl, origin: Origin, tmp_path: Path) -> None:
    offer(offlinedl, origin, "/titles/ferry/master.m3u8")
    offlinedl.ok("get", REF, "-q", "360p")
    out = tmp_path / "out.mp4"
    offlinedl.ok("export", REF, str(out))
    assert len(packets(out, "video")[0]) > 100
    assert len(packets(out, "audio")) == 1


@pytest.mark.parametrize("format", FORMATS)
def test_parts_whose_clocks_begin_anew_follow_each_other(
    format: str, root: Path, offlinedl: Offlinedl, origin: Origin, tmp_path: Path
) -> None:
    origin.fault("/titles/pk/", served(packager.package(root, "clear")))
    once = ['#EXT-X-MAP:URI="v/init.mp4"', *(segment(f"v/{n}.m4s", "2") for n in packager.SEGMENTS)]
    origin.faults.insert(0, ("own.m3u8", body(media(*once, "#EXT-X-DISCONTINUITY", *once)), [9]))
    offlinedl.ok("get", f"{origin.url}/titles/pk/own.m3u8")
    out = tmp_path / f"out.{format}"
    offlinedl.ok("export", offlinedl.listed()[0]["id"], str(out))
    [encoded] = packets(packager.source(root, "v"), "video")
    assert packets(out, "video") == [encoded * 2]
    shown = times(packager.source(root, "v"), "video")
    assert times(out, "video") == [*shown, *(round(8 + at, 3) for at in shown)]


def test_parts_that_one_file_cannot_hold(root: Path, offlinedl: Offlinedl, origin: Origin, tmp_path: Path) -> None:
    origin.fault("/titles/pk/", served(packager.rungs(root)))
    lines = [
        line
        for track in ("v", "v270")
        for line in ("#EXT-X-DISCONTINUITY", f'#EXT-X-MAP:URI="{track}/init.mp4"', segment(f"{track}/1.m4s", "2"))
    ]
    origin.faults.insert(0, ("own.m3u8", body(media(*lines[1:])), [9]))
    offlinedl.ok("get", f"{origin.url}/titles/pk/own.m3u8")
    done = offlinedl("export", offlinedl.listed()[0]["id"], str(tmp_path / "out.mp4"))
    assert (done.code, "in different ways" in done.err) == (9, True)
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("format", FORMATS)
def test_smooth_streaming_gets_the_heads_that_it_lacks(
    format: str, root: Path, offlinedl: Offlinedl, origin: Origin, tmp_path: Path
) -> None:
    folder = packager.smooth(root)
    origin.fault("/titles/film.ism/", served(folder))
    offlinedl.ok("get", f"{origin.url}/titles/film.ism/Manifest")
    out = tmp_path / f"out.{format}"
    offlinedl.ok("export", offlinedl.listed()[0]["id"], str(out))
    assert pictures(out) == pictures(folder / "v.mp4")
    assert packets(out, "video") == packets(folder / "v.mp4", "video")
    assert len(packets(out, "audio")[0]) == len(packets(folder / "a.aac", "audio")[0])


@pytest.mark.parametrize("name", ["small", "large"])
def test_a_single_file_is_read_from_anywhere(
    name: str, root: Path, offlinedl: Offlinedl, origin: Origin, tmp_path: Path
) -> None:
    """Its movie box may be at its end, and it may be kept in pieces."""
    film = packager.large(root) if name == "large" else packager.source(root, "v")
    origin.files["/film.mp4"] = film.read_bytes()
    offlinedl.ok("get", f"{origin.url}/film.mp4")
    out = tmp_path / "out.mkv"
    offlinedl.ok("export", offlinedl.listed()[0]["id"], str(out))
    assert packets(out, "video") == packets(film, "video")


def test_chapters_are_kept(root: Path, offlinedl: Offlinedl, origin: Origin, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=3000\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=3000\nEND=8000\ntitle=Two\n"
    )
    film = tmp_path / "film.mp4"
    packager.run("ffmpeg", "-v", "error", "-i", packager.source(root, "v"), "-i", marks, "-c", "copy", film)
    origin.files["/film.mp4"] = film.read_bytes()
    offlinedl.ok("get", f"{origin.url}/film.mp4")
    for format in FORMATS:
        out = tmp_path / f"out.{format}"
        offlinedl.ok("export", offlinedl.listed()[0]["id"], str(out))
        with av.open(str(out)) as container:
            found = [(c["metadata"]["title"], float(c["start"] * (c["time_base"] or 0))) for c in container.chapters()]
        assert found == [("One", 0.0), ("Two", 3.0)]


def probed(path: Path) -> dict[str, Any]:
    """What ffprobe, of another FFmpeg, says of a file."""
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", path],
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


@pytest.fixture
def full(offlinedl: Offlinedl, origin: Origin, root: Path) -> Offlinedl:
    """A home with a title that has all that one can have: sound and subtitles in two languages, and a picture."""
    master = [
        "#EXTM3U",
        *(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="{name}",LANGUAGE="{code}",{default},URI="a-{code}.m3u8"'
            for name, code, default in (("English", "en", "DEFAULT=YES"), ("Français", "fr", "AUTOSELECT=YES"))
        ),
        *(
            f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="{name}",LANGUAGE="{code}",FORCED={forced},URI="s-{code}.m3u8"'
            for name, code, forced in (("English", "en", "NO"), ("Français", "fr", "YES"))
        ),
        '#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=320x180,CODECS="avc1.64000d,mp4a.40.2",AUDIO="a",SUBTITLES="s"',
        "v.m3u8",
    ]
    text = "WEBVTT\n\none\n00:01.000 --> 00:03.000 line:10%\n<i>Cue</i> &amp; more\n\n00:02.000 --> 00:04.000\nSecond\n"
    films = {"v": "v", "a-en": "a", "a-fr": "a"}
    playlists = {
        f"{name}.m3u8": media(
            f'#EXT-X-MAP:URI="{track}/init.mp4"', *(segment(f"{track}/{n}.m4s", "2") for n in range(1, 5))
        )
        for name, track in films.items()
    }
    playlists |= {f"s-{code}.m3u8": media(segment("s.vtt", "8")) for code in ("en", "fr")}
    playlists |= {"s.vtt": text.encode(), "own.m3u8": "\n".join(master).encode()}
    origin.fault("/titles/pk/", served(packager.package(root, "clear")))
    for name, data in playlists.items():
        origin.faults.insert(0, (f"/titles/pk/{name}$", body(data), [99]))
    poster = root / "poster.jpg"
    packager.run("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=64x36", "-frames:v", "1", poster)
    origin.files["/poster"] = poster.read_bytes()
    offer(offlinedl, origin, "/titles/pk/own.m3u8", tells=TELLS | {"poster": "/poster"})
    offlinedl.ok("get", REF, "--audio", "all", "--subs", "all")
    return offlinedl


NAMED = {"mkv": ("title", "webvtt"), "mp4": ("handler_name", "mov_text")}


@pytest.mark.parametrize("format", FORMATS)
def test_all_tracks_have_their_names_and_languages(format: str, full: Offlinedl, tmp_path: Path) -> None:
    out = tmp_path / f"out.{format}"
    full.ok("export", REF, str(out))
    key, words = NAMED[format]
    found = probed(out)
    assert [stream["codec_name"] for stream in found["streams"]] == ["h264", "aac", "aac", words, words, "mjpeg"]
    told = [
        (s["tags"]["language"], s["tags"][key], s["disposition"]["default"])
        for s in found["streams"]
        if s["codec_name"] == "aac"
    ]
    assert told == [("eng", "English", 1), ("fra", "Français", 0)]
    subtitles = [s for s in found["streams"] if s["codec_name"] == words]
    assert [(s["tags"]["language"], s["tags"][key]) for s in subtitles] == [("eng", "English"), ("fra", "Français")]
    assert [s["disposition"]["forced"] for s in subtitles] == [0, 1]
    assert found["streams"][-1]["disposition"]["attached_pic"] == 1


BROKEN = [pytest.param(b"\x89PNG\r\n\x1a\n", id="a signature alone"), pytest.param(b"\xff\xd8\xff", id="three bytes")]


@pytest.mark.parametrize("picture", BROKEN)
def test_a_picture_that_is_none_costs_nothing(picture: bytes, full: Offlinedl, tmp_path: Path) -> None:
    [poster] = full.home.glob("titles/*/poster.jpg")
    poster.write_bytes(picture)
    full.ok("export", REF, str(tmp_path / "out.mp4"))
    assert [s["codec_name"] for s in probed(tmp_path / "out.mp4")["streams"]][-1] == "mov_text"


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_told_of_the_title_is_in_the_file(format: str, full: Offlinedl, tmp_path: Path) -> None:
    out = tmp_path / f"out.{format}"
    full.ok("export", REF, str(out))
    tags = {name.lower(): text for name, text in probed(out)["format"]["tags"].items()}
    expected = {
        "title": "High Water",
        "show": "The Harbour",
        "season_number": "1",
        "episode_sort": "2",
        "date": "2026-11-08",
        "description": "The sea comes back.",
    }
    assert {name: tags[name] for name in expected} == expected


def cues(path: Path) -> list[tuple[float, str]]:
    """The subtitles as another FFmpeg reads them."""
    shown = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-map", "0:s:0", "-f", "srt", "-"],
        capture_output=True,
        check=True,
        text=True,
    )
    blocks = [block.split("\n", 2) for block in shown.stdout.strip().split("\n\n")]
    seconds = [
        sum(float(x) * 60**n for n, x in enumerate(b[1][:12].replace(",", ".").split(":")[::-1])) for b in blocks
    ]
    return [(round(at, 3), block[2]) for at, block in zip(seconds, blocks, strict=True)]


def test_subtitles_keep_their_markup_in_matroska(full: Offlinedl, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    full.ok("export", REF, str(out))
    with av.open(str(out)) as container:
        found = [(bytes(p), p.pts or 0, p.duration) for p in container.demux(container.streams.subtitles[0]) if p.size]
    late = found[0][1] - 1000  # what Matroska moves all tracks by: it knows no time before 0, where sound begins
    assert 0 <= late < 50
    assert found == [(b"<i>Cue</i> &amp; more", 1000 + late, 2000), (b"Second", 2000 + late, 2000)]


def test_subtitles_are_bare_and_one_after_the_other_in_mp4(full: Offlinedl, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    full.ok("export", REF, str(out))
    assert cues(out) == [(1.0, "Cue & more"), (2.0, "Cue & more\nSecond"), (3.0, "Second")]


@pytest.fixture
def clear(offlinedl: Offlinedl, origin: Origin) -> tuple[Offlinedl, str]:
    """A home with a clear title without a service, and its id."""
    offlinedl.ok("get", f"{origin.url}/titles/lighthouse/master.m3u8")
    return offlinedl, offlinedl.listed()[0]["id"]


def test_a_clear_title_of_no_service_may_be_exported(clear: tuple[Offlinedl, str], tmp_path: Path) -> None:
    offlinedl, ref = clear
    assert "exported to" in offlinedl.ok("export", ref, str(tmp_path / "OUT.MKV")).err
    assert_nothing_is_left(tmp_path, "OUT.MKV")


REFUSED: list[Any] = [
    pytest.param({"rights": {"export": False}}, "its service does not allow it", id="no-right"),
    pytest.param({"rights": {"export": True, "storage_seconds": 9999}}, "it has a window", id="storage-window"),
    pytest.param({"rights": {"export": True, "playback_seconds": 9999}}, "it has a window", id="not-played-yet"),
    pytest.param(
        {"rights": {"export": True, "available_until": "2099-01-01T00:00:00Z"}}, "it has a window", id="leaves-some-day"
    ),
]


@pytest.mark.parametrize("path", ["/titles/lighthouse/master.m3u8", "/titles/ferry/master.m3u8"])
@pytest.mark.parametrize(("more", "reason"), REFUSED)
def test_what_may_not_be_exported_is_refused(
    more: dict[str, Any], reason: str, path: str, offlinedl: Offlinedl, origin: Origin, tmp_path: Path
) -> None:
    offer(offlinedl, origin, path, tells=more)
    offlinedl.ok("get", REF)
    refused = offlinedl("export", REF, str(tmp_path / "out.mkv"))
    assert (refused.code, reason in refused.err) == (5, True)
    assert_nothing_is_left(tmp_path)


def test_a_protected_title_of_no_service_is_refused(offlinedl: Offlinedl, origin: Origin, tmp_path: Path) -> None:
    offlinedl.ok("get", f"{origin.url}/titles/ferry/master.m3u8")
    refused = offlinedl("export", offlinedl.listed()[0]["id"], str(tmp_path / "out.mkv"))
    assert (refused.code, "does not allow it" in refused.err) == (5, True)


def test_the_license_of_an_adapter_is_never_exported(
    root: Path, offlinedl: Offlinedl, origin: Origin, tmp_path: Path
) -> None:
    windows = json.dumps({"storage_seconds": None, "playback_seconds": None, "expires_at": None})
    (offlinedl.home / "config.toml").write_text(f"[download]\nbackoff = 0\n{drm.setting('widevine', 'none', windows)}")
    origin.fault("/license", drm.licensing([]))
    origin.fault("/titles/pk/", served(packager.package(root, "cenc-adapted")))
    offer(offlinedl, origin, "/titles/pk/manifest.mpd")
    offlinedl.ok("get", REF, "--license-url", f"{origin.url}/license")
    refused = offlinedl("export", REF, str(tmp_path / "out.mkv"))
    assert (refused.code, "adapter" in refused.err) == (5, True)


def test_a_title_that_is_expired_or_of_which_nobody_knows(demo: Offlinedl, tmp_path: Path) -> None:
    demo.ok("get", "demo:harbour-1")
    for moment in ("2099-01-01 00:00:00", "2020-01-01 00:00:00"):
        assert demo.at(moment, "export", "demo:harbour-1", str(tmp_path / "out.mkv")).code == 5
    assert_nothing_is_left(tmp_path)


def test_a_title_that_is_not_ready(demo: Offlinedl, origin: Origin, tmp_path: Path) -> None:
    origin.fault(".mp4", status(404))
    demo("get", "demo:lighthouse")
    assert demo("export", "demo:lighthouse", str(tmp_path / "out.mkv")).code == 3
    assert demo("export", "demo:nothing", str(tmp_path / "out.mkv")).code == 3


def test_a_title_of_which_something_is_lost(clear: tuple[Offlinedl, str], tmp_path: Path) -> None:
    offlinedl, ref = clear
    next((offlinedl.home / "titles").rglob("*.m4s")).unlink()
    failed = offlinedl("export", ref, str(tmp_path / "out.mkv"))
    assert (failed.code, "of 9 files is not there any more" in failed.err) == (8, True)
    assert f"hint: `offlinedl check --repair {ref}` fetches just that" in failed.err
    assert_nothing_is_left(tmp_path)
    assert_demoted(offlinedl, "1 of 9 files is not there any more")


def overwrite(file: Path) -> None:
    """Bytes in the middle, as many as there were."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    file.write_bytes(data)


def assert_demoted(offlinedl: Offlinedl, said: str) -> None:
    [title] = offlinedl.listed()
    assert (title["state"], said in title["message"]) == ("failed", True), title
    offlinedl.ok("check", "--repair")
    assert offlinedl.listed()[0]["state"] == "ready"


DAMAGED = ["video-*/000001.m4s", "audio-*/000002.m4s", "video-*/init-0.mp4"]


@pytest.mark.parametrize("file", DAMAGED)
def test_a_file_that_is_not_as_it_came_is_named_and_nothing_is_written(
    file: str, clear: tuple[Offlinedl, str], tmp_path: Path
) -> None:
    offlinedl, ref = clear
    [damaged] = (offlinedl.home / "titles").rglob(file)
    overwrite(damaged)
    failed = offlinedl("export", ref, str(tmp_path / "out.mp4"))
    said = f"{damaged.parent.name}/{damaged.name} ({file.partition('-')[0]} "
    assert (failed.code, said in failed.err) == (8, True), failed
    assert_nothing_is_left(tmp_path)
    assert_demoted(offlinedl, "its bytes are not those that came")


@pytest.mark.parametrize("name", ["small", "large"])
def test_a_film_that_is_not_as_it_came(
    name: str, root: Path, offlinedl: Offlinedl, origin: Origin, tmp_path: Path
) -> None:
    """Also where it is in pieces, which are looked at before any of it is written."""
    film = packager.large(root) if name == "large" else packager.source(root, "v")
    origin.files["/film.mp4"] = film.read_bytes()
    offlinedl.ok("get", f"{origin.url}/film.mp4")
    overwrite(max((offlinedl.home / "titles").rglob("*.m4s")))
    failed = offlinedl("export", offlinedl.listed()[0]["id"], str(tmp_path / "out.mkv"))
    assert (failed.code, "its bytes are not those that came" in failed.err) == (8, True), failed
    assert_nothing_is_left(tmp_path)
    assert_demoted(offlinedl, "its bytes are not those that came")


def test_a_title_that_is_removed_meanwhile(clear: tuple[Offlinedl, str], tmp_path: Path) -> None:
    offlinedl, ref = clear
    process = offlinedl.start(
        "export",
        ref,
        str(tmp_path / "out.mkv"),
        before="dies_at('offlinedl.mux:_Reader', '_place', 3, 19)",
        err=subprocess.PIPE,
    )
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    offlinedl.ok("rm", ref)
    process.send_signal(signal.SIGCONT)
    assert f"error: {ref}: removed while it was exported" in process.communicate()[1].decode()
    assert process.returncode == 3
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("name", ["out", "out.avi", ".mkv"])
def test_the_name_of_the_file_says_what_it_is_to_be(name: str, clear: tuple[Offlinedl, str], tmp_path: Path) -> None:
    offlinedl, ref = clear
    wrong = offlinedl("export", ref, str(tmp_path / name))
    assert (wrong.code, "neither .mkv nor .mp4" in wrong.err) == (2, True)
    assert_nothing_is_left(tmp_path)


def test_a_file_that_is_there_is_replaced_with_force_alone(clear: tuple[Offlinedl, str], tmp_path: Path) -> None:
    offlinedl, ref = clear
    out = tmp_path / "out.mkv"
    out.write_text("mine")
    assert offlinedl("export", ref, str(out)).code == 2
    assert out.read_text() == "mine"
    offlinedl.ok("export", ref, str(out), "--force")
    assert len(packets(out, "video")) == 1
    assert_nothing_is_left(tmp_path, "out.mkv")


def test_of_a_symbolic_link_what_it_leads_to_is_replaced(clear: tuple[Offlinedl, str], tmp_path: Path) -> None:
    offlinedl, ref = clear
    (tmp_path / "far").mkdir()
    (target := tmp_path / "far" / "film").write_text("mine")
    (out := tmp_path / "out.mkv").symlink_to(target)
    assert offlinedl("export", ref, str(out)).code == 2
    offlinedl.ok("export", ref, str(out), "--force")
    assert out.is_symlink()
    assert len(packets(target, "video")) == 1
    assert_nothing_is_left(tmp_path / "far", "film")


def test_what_is_refused_is_refused_before_anything_is_said_to_begin(
    clear: tuple[Offlinedl, str], tmp_path: Path
) -> None:
    offlinedl, ref = clear
    (folder := tmp_path / "folder.mkv").mkdir()
    (there := tmp_path / "there.mkv").touch()
    for path, code, said in (
        (folder, 2, "is a folder"),
        (there, 2, "is there already"),
        (tmp_path / "nowhere" / "out.mkv", 6, "No such file"),
    ):
        refused = offlinedl("export", ref, str(path))
        assert (refused.code, said in refused.err, len(refused.err.splitlines())) == (code, True, 2), refused
    assert "--force" not in offlinedl("export", ref, str(folder), "--force").err


def test_a_file_that_another_process_writes_is_busy_and_stays_whole(
    clear: tuple[Offlinedl, str], tmp_path: Path
) -> None:
    offlinedl, ref = clear
    out = tmp_path / "out.mkv"
    with Result(out) as result:
        result.write(b"another's")
        assert offlinedl("export", ref, str(out)).code == 7
        result.keep()
    assert out.read_bytes() == b"another's"
    assert_nothing_is_left(tmp_path, "out.mkv")


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    with Result(out) as result:
        out.write_text("mine")
        with pytest.raises(UsageError):
            result.keep()
    assert out.read_text() == "mine"
    assert_nothing_is_left(tmp_path, "out.mkv")


def test_without_space_nothing_is_left(clear: tuple[Offlinedl, str], tmp_path: Path) -> None:
    offlinedl, ref = clear
    folder = tmp_path / "small"
    with disk(folder, "16k"):
        failed = offlinedl("export", ref, str(folder / "out.mkv"))
        assert (failed.code, "o space" in failed.err, "is kept" in failed.err) == (6, True, False)
        assert_nothing_is_left(folder)


def test_where_nobody_may_write(clear: tuple[Offlinedl, str], tmp_path: Path) -> None:
    offlinedl, ref = clear
    assert offlinedl("export", ref, str(tmp_path / "nowhere" / "out.mkv")).code == 6


STOPS = [
    pytest.param(signal.SIGINT, 130, 0, id="interrupted"),
    pytest.param(signal.SIGTERM, 143, 0, id="terminated"),
    pytest.param(signal.SIGKILL, -signal.SIGKILL, 1, id="killed"),
]


@pytest.mark.parametrize(("number", "code", "left"), STOPS)
def test_stopped_half_way(number: int, code: int, left: int, clear: tuple[Offlinedl, str], tmp_path: Path) -> None:
    """What was begun has no name of a person's, and the next run deletes it."""
    offlinedl, ref = clear
    out, mine = tmp_path / "out.mkv", ("out.mkv.offlinedl-part", "out.mkv.part", ".out.mkv.offlinedl-mine")
    for name in mine:
        (tmp_path / name).write_text("mine")
    process = offlinedl.start(
        "export",
        ref,
        str(out),
        before=f"dies_at('offlinedl.mux:_Reader', '_place', 100, {int(number)})",
        err=subprocess.PIPE,
    )
    told = process.communicate()[1].decode()
    assert process.returncode == code
    assert ("Stopped. Nothing is left of the file." in told) is not bool(left)
    assert len(list(tmp_path.glob(".out.mkv.offlinedl-????????"))) == left
    offlinedl.ok("export", ref, str(out))
    assert_nothing_is_left(tmp_path, "out.mkv", *mine)
    assert {(tmp_path / name).read_text() for name in mine} == {"mine"}


def test_progress_is_told_as_that_of_downloads_is(clear: tuple[Offlinedl, str], tmp_path: Path) -> None:
    offlinedl, ref = clear
    told = offlinedl.ok("export", ref, str(tmp_path / "out.mp4"), "--progress", "json").err
    events = [json.loads(line) for line in told.splitlines()]
    assert [event["event"] for event in events if event["event"] != "progress"] == ["begin", "step", "end"]
    assert events[-1]["percent"] == 100
    assert offlinedl.ok("export", ref, str(tmp_path / "two.mp4"), "--progress", "none").err == ""


def test_the_demo_may_be_exported_where_it_says_so(demo: Offlinedl, tmp_path: Path) -> None:
    demo.ok("get", "demo:lighthouse", "-q", "best", "--subs", "all")
    demo.ok("export", "demo:lighthouse", str(tmp_path / "out.mkv"))
    stored = demo_origin.DATA / "titles/lighthouse/v720.mp4"
    assert packets(tmp_path / "out.mkv", "video") == packets(stored, "video")
    assert len(packets(tmp_path / "out.mkv", "subtitle")) == 1
