"""Stored titles as HLS: what players decode of them is what was packaged, in whatever form they are stored."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from offlinedl.errors import DamagedError
from offlinedl.license import hls_key
from offlinedl.model import Kind, Track, Wanted
from offlinedl.playback import MASTER, Presentation
from offlinedl.playback.presentation import present
from offlinedl.playback.segments import beginning
from offlinedl.streams import Fetch, Plan, Rendition
from tests import packager, playlists, titles
from tests.mpds import mpd_text
from tests.presented import BASE, ENTRY, Stored, frames, stored, text, uris, within
from tests.shelf import served

KEY = packager.KEYS[packager.KIDS["v"]]
NUMBERS = packager.SEGMENTS


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


@cache
def clear(root: Path, track: str, package: str = "clear") -> list[str]:
    """The frames of a track as it was packaged."""
    folder = (packager.rungs(root) if package == "rungs" else packager.package(root, "clear")) / track
    whole = root / f"{package}-{track}-whole.mp4"
    whole.write_bytes(
        b"".join((folder / f"{name}").read_bytes() for name in ("init.mp4", *map("{}.m4s".format, NUMBERS)))
    )
    return frames(whole, "a" if track == "a" else "v")


def hls_keys(title: Stored, key: bytes = KEY) -> dict[bytes, bytes]:
    return {hls_key.kid_of(own): key for own in title.plan.keys}


def of(*codecs: str) -> Callable[[Rendition], bool]:
    return lambda rendition: rendition.codecs.startswith(codecs)


WAYS = [
    *(pytest.param(variant, False, id=variant) for variant in packager.VARIANTS),
    *(pytest.param(variant, True, id=f"{variant}, one file") for variant in ("clear", "cenc", "cbcs")),
]


@pytest.mark.parametrize(("variant", "single"), WAYS)
def test_what_is_decoded_is_what_was_packaged(variant: str, single: bool, root: Path) -> None:
    folder = packager.package(root, variant, single=single)
    for track in ("v", "h"):
        title = stored("manifest.mpd", within(folder), of("mp4a", packager.CODECS[track]))
        with served(title.present(packager.keys_of(variant))) as master:
            assert frames(master, "v") == clear(root, track)
            assert frames(master, "a") == clear(root, "a")


def test_a_list_of_segments_is_one_too(root: Path) -> None:
    listed = "".join(f'<SegmentURL media="v/{n}.m4s"/>' for n in NUMBERS)
    addressing = f'<SegmentList duration="2"><Initialization sourceURL="v/init.mp4"/>{listed}</SegmentList>'
    body = f'<Representation id="v" bandwidth="9" codecs="avc1.64000d">{addressing}</Representation>'
    period = f'<Period><AdaptationSet mimeType="video/mp4">{body}</AdaptationSet></Period>'
    title = stored_text(mpd_text(period, 'mediaPresentationDuration="PT8S"'), within(packager.package(root, "cenc")))
    with served(title.present(packager.KEYS)) as master:
        assert frames(master, "v") == clear(root, "v")


def stored_text(manifest: bytes, get: Callable[[str], bytes]) -> Stored:
    return stored("manifest", lambda url: manifest if url == f"{BASE}manifest" else get(url))


@pytest.mark.parametrize("name", packager.STREAMS)
@pytest.mark.parametrize("sealed", [True, False], ids=["SAMPLE-AES", "clear"])
def test_transport_streams_and_packed_audio(name: str, sealed: bool, root: Path, tmp_path: Path) -> None:
    """Packed audio begins with a tag in each segment, which ffmpeg understands in HLS alone."""
    kind, extension = "v" if name.startswith("v") else "a", name.partition("-")[2]
    whole = tmp_path / f"whole.{extension}"
    source = packager.streams(root, clear=True)
    pieces = [(source / name / f"{n}.{extension}").read_bytes() for n in NUMBERS]
    whole.write_bytes(b"".join(piece[10 + piece[9] if piece[:3] == b"ID3" else 0 :] for piece in pieces))
    title = stored(f"{name}.m3u8", within(packager.streams(root, clear=not sealed)))
    with served(title.present(hls_keys(title))) as master:
        assert frames(master, kind) == frames(whole, kind)


def sealed(data: bytes, number: int) -> bytes:
    return titles.encrypted(data, KEY, number.to_bytes(16))


def test_aes_128_of_transport_streams(root: Path, tmp_path: Path) -> None:
    source = packager.streams(root, clear=True) / "v-ts"
    files = {f"{n}.ts": sealed((source / f"{n}.ts").read_bytes(), n) for n in NUMBERS}
    title = hls(["#EXT-X-MEDIA-SEQUENCE:1", '#EXT-X-KEY:METHOD=AES-128,URI="k"'], files)
    whole = tmp_path / "whole.ts"
    whole.write_bytes(b"".join((source / f"{n}.ts").read_bytes() for n in NUMBERS))
    with served(title.present(hls_keys(title))) as master:
        assert frames(master, "v") == frames(whole, "v")


def test_aes_128_of_fragments_whose_init_segment_is_sealed_too(root: Path) -> None:
    source = packager.package(root, "clear") / "v"
    files = {f"{n}.m4s": sealed((source / f"{n}.m4s").read_bytes(), n) for n in NUMBERS}
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x{7:032x}'
    head = ["#EXT-X-MEDIA-SEQUENCE:1", key, '#EXT-X-MAP:URI="init.mp4"', '#EXT-X-KEY:METHOD=AES-128,URI="k"']
    title = hls(head, files, {"init.mp4": sealed((source / "init.mp4").read_bytes(), 7)})
    with served(title.present(hls_keys(title))) as master:
        assert frames(master, "v") == clear(root, "v")


def hls(head: list[str], files: Mapping[str, bytes], others: Mapping[str, bytes] | None = None) -> Stored:
    """A title of one media playlist whose segments, of 2 seconds, are `files`."""
    playlist = playlists.media(*head, *(playlists.segment(name, "2") for name in files))
    there = {"v.m3u8": playlist, **files, **(others or {})}
    return stored("v.m3u8", lambda url: there[url.removeprefix(BASE)])


def test_smooth_streaming(root: Path) -> None:
    folder = packager.smooth(root)
    title = stored("Manifest", lambda url: (folder / unquote(url.removeprefix(BASE))).read_bytes())
    assert 'CODECS="avc1.64000d,mp4a.40.2",RESOLUTION=320x180' in text(title.present())
    with served(title.present()) as master:
        assert frames(master, "v") == frames(folder / "v.mp4", "v")
        assert frames(master, "a") == frames(folder / "a.aac", "a")


def test_segments_of_webm(root: Path) -> None:
    template = '<SegmentTemplate initialization="init.webm" media="$Number$.webm" duration="2"/>'
    body = f'<Representation id="v" bandwidth="9" codecs="vp9">{template}</Representation>'
    period = f'<Period><AdaptationSet mimeType="video/webm">{body}</AdaptationSet></Period>'
    folder = packager.webm(root, encrypted=False)
    title = stored_text(mpd_text(period, 'mediaPresentationDuration="PT8S"'), within(folder))
    assert 'CODECS="vp09.00.10.08"' in text(title.present())
    with served(title.present()) as master:
        assert frames(master, "v") == frames(folder / "film.webm", "v")


def periods(*tracks: tuple[str, int]) -> bytes:
    """An MPD of periods of 8 seconds: of each the folder of its track, and how many seconds its segments have."""
    inside = ""
    for name, seconds in tracks:
        addressing = f'initialization="{name}/init.mp4" media="{name}/$Number$.m4s" duration="{seconds}"'
        body = f'<Representation id="v" bandwidth="9" codecs="avc1.64000d"/><SegmentTemplate {addressing}/>'
        inside += f'<Period duration="PT8S"><AdaptationSet mimeType="video/mp4">{body}</AdaptationSet></Period>'
    return mpd_text(inside, "")


@pytest.mark.parametrize("rungs", [("v", "v"), ("v", "v270", "v"), ("h", "h270")], ids=" ".join)
def test_periods_are_one_film(rungs: tuple[str, ...], root: Path) -> None:
    """Also where they share an init segment, and their media begin anew: ffmpeg, which knows nothing of all that,
    decodes each of them, one after the other. (It scales all of them to the size of the first.)"""
    title = stored_text(periods(*((rung, 2) for rung in rungs)), within(packager.rungs(root)))
    presentation = title.present()
    assert presentation.duration == 8 * len(rungs)
    lines = text(presentation, "video-1/index.m3u8").splitlines()
    assert lines.count("#EXT-X-DISCONTINUITY") == len(rungs) - 1
    assert len([line for line in lines if line.startswith("#EXT-X-MAP")]) == len(
        [n for n, rung in enumerate(rungs) if n == 0 or rung != rungs[n - 1]]
    )
    with served(presentation) as master:
        decoded, shown = frames(master, "v"), times(master)
    assert shown == pytest.approx([n / 24 for n in range(192 * len(rungs))], abs=0.001)
    assert len(decoded) == 192 * len(rungs)
    for n, rung in enumerate(rungs):
        assert (decoded[192 * n : 192 * (n + 1)] == clear(root, rung, "rungs")) == (rung == rungs[0])


def test_periods_of_other_clocks_are_one_film(root: Path, tmp_path: Path) -> None:
    """The second one counts in other units, knows its track by the same name, and keeps its edits."""
    second = tmp_path / "other"
    second.mkdir()
    options = "-c copy -video_track_timescale 30000 -movflags frag_keyframe+delay_moov+default_base_moof"
    packager.run("ffmpeg", "-v", "error", "-i", packager.source(root, "v"), *options.split(), second / "all.mp4")
    data = (second / "all.mp4").read_bytes()
    init = beginning(data)
    (second / "init.mp4").write_bytes(init)
    (second / "1.m4s").write_bytes(data.removeprefix(init))
    rungs = within(packager.rungs(root))
    title = stored_text(
        periods(("v", 2), ("other", 8)), lambda url: within(tmp_path)(url) if "/other/" in url else rungs(url)
    )
    with served(title.present()) as master:
        assert frames(master, "v") == clear(root, "v", "rungs") * 2
        assert times(master) == pytest.approx([n / 24 for n in range(384)], abs=0.001)


def times(master: str) -> list[float]:
    """When the pictures are shown, in seconds from the first."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "csv=p=0"]
    done = subprocess.run([*command, master], capture_output=True, text=True, check=True)
    found = sorted(float(line.strip(",")) for line in dict.fromkeys(done.stdout.split()))
    return [at - found[0] for at in found]


def test_what_a_service_does_not_have_is_a_gap(root: Path) -> None:
    source = packager.streams(root, clear=True) / "v-ts"
    data = (source / "1.ts").read_bytes()
    files = {"a.ts": data, "b.ts": data}
    lines = ["#EXT-X-GAP", playlists.segment("x.ts", "3"), playlists.segment("a.ts", "2.002"), "#EXT-X-GAP",
             playlists.segment("y.ts", "2"), "#EXT-X-GAP", playlists.segment("z.ts", "2")]  # fmt: skip
    there = {"v.m3u8": playlists.media(*lines, playlists.segment("b.ts", "1.5")), **files}
    presentation = stored("v.m3u8", lambda url: there[url.removeprefix(BASE)]).present()
    assert text(presentation, "video-1/index.m3u8").splitlines() == [
        "#EXTM3U", "#EXT-X-VERSION:8", "#EXT-X-TARGETDURATION:3", "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-GAP", "#EXTINF:3,", "0.gap.ts", "#EXTINF:2.002,", "1.ts",
        "#EXT-X-GAP", "#EXTINF:2,", "2.gap.ts", "#EXT-X-GAP", "#EXTINF:2,", "3.gap.ts", "#EXTINF:1.5,", "4.ts",
        "#EXT-X-ENDLIST",
    ]  # fmt: skip
    assert presentation.part("video-1/2.gap.ts") is None
    assert presentation.duration == pytest.approx(10.502)
    first = presentation.part("video-1/1.ts")
    assert first is not None
    assert first.media == pytest.approx((3, 5.002))


def test_an_adapter_gets_what_is_stored(root: Path) -> None:
    folder = packager.package(root, "cenc")
    title = stored("manifest.mpd", within(folder), of("avc1"))
    title = replace(title, plan=replace(title.plan, protected=True))
    presentation = title.present(raw=True)
    assert made(presentation, "video-1/init-0.mp4") == (folder / "v/init.mp4").read_bytes()
    assert made(presentation, "video-1/2.m4s") == (folder / "v/3.m4s").read_bytes()
    assert 'CODECS="avc1.64000d"' in text(presentation)


def made(presentation: Presentation, path: str) -> bytes:
    part = presentation.part(path)
    assert part is not None
    return part.make()


ELSEWHERE = ["", "x", "video-1", "video-1/", "video-1/4.m4s", "video-1/-1.m4s", "video-1/0.ts", "video-1/init-1.mp4",
             "video-1/init-x.mp4", "video-1/../video-1/0.m4s", "video-2/0.m4s", "video-1/٣.m4s"]  # fmt: skip


@pytest.mark.parametrize("path", ELSEWHERE)
def test_nothing_is_anywhere_else(path: str, root: Path) -> None:
    presentation = stored("manifest.mpd", within(packager.package(root, "clear")), of("avc1")).present()
    assert presentation.part(path) is None
    assert presentation.part("video-1/0.m4s") is not None


def test_sound_and_languages_are_named(root: Path) -> None:
    """Names are data: no quotation mark and no line ends an attribute; in a group each is its own."""
    title = stored("manifest.mpd", within(packager.package(root, "clear")), of("avc1", "mp4a"))
    video, audio = title.plan.tracks
    names = [('Director"s\ncut', "en"), ("", "fr"), ("", "fr")]
    sounds = [replace(audio, id=f"a{n}", name=name, language=lang) for n, (name, lang) in enumerate(names)]
    fetches = [f for f in title.plan.fetches if f.rendition == video.id]
    fetches += [f._replace(rendition=s.id) for s in sounds for f in title.plan.fetches if f.rendition == audio.id]
    many = replace(title, plan=replace(title.plan, tracks=(video, *sounds), fetches=tuple(fetches)))
    master = text(many.present())
    assert [line for line in master.splitlines() if line.startswith("#EXT-X-MEDIA:")] == [
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="{name}",LANGUAGE="{language}",DEFAULT={default},AUTOSELECT=YES,'
        f'URI="audio-{n}/index.m3u8"'
        for n, (name, language, default) in enumerate(
            [("Director's cut", "en", "YES"), ("fr", "fr", "NO"), ("fr (2)", "fr", "NO")], 1
        )
    ]  # fmt: skip
    assert uris(master)[-1] == "video-1/index.m3u8"
    heard = tuple(f for f in fetches if f.rendition != video.id)
    alone = replace(title, plan=replace(title.plan, tracks=tuple(sounds), fetches=heard))
    assert uris(text(alone.present()))[-1] == "audio-1/index.m3u8"


def test_a_title_without_media_is_none() -> None:
    with pytest.raises(DamagedError, match="no picture and no sound"):
        titled(0).present()


def titled(count: int) -> Stored:
    """A title of so many segments, of which nothing can be read."""
    fetches = [
        Fetch("v", init=False, number=n, url=f"{BASE}{n}.ts", path=f"{n}.ts", start=6.0 * n, duration=6.0)
        for n in range(count)
    ]
    track = Track(id="v", kind=Kind.VIDEO, container="ts", bandwidth=10**6)
    return Stored(Plan(manifest_url=BASE, wanted=Wanted(), tracks=(track,), fetches=tuple(fetches)), {})


def test_a_title_of_100_000_segments_is_presented_at_once() -> None:
    title = titled(100_000)

    def read(fetch: Fetch) -> memoryview:
        raise AssertionError(fetch.path)

    began = time.process_time()
    presentation = present(ENTRY, title.plan, read, {})
    assert presentation.part(MASTER) is not None
    assert presentation.part("video-1/99999.ts") is not None
    assert presentation.duration == 600_000
    assert time.process_time() - began < 1


def test_subtitles_are_on_the_clock_of_the_media(root: Path) -> None:
    """As one file 0 is where the title begins; beside MPEG-TS they say when that is."""
    folder, media = packager.texts(root), packager.streams(root, clear=True)
    master = (
        b'#EXTM3U\n#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",LANGUAGE="en",FORCED=YES,URI="s.m3u8"\n'
        b'#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS="avc1.64000d",SUBTITLES="s"\nv-ts.m3u8\n'
    )
    lines = [playlists.segment(f"vtt/{n}.vtt", "4") for n in range(1, 16)]
    made_up = {"m.m3u8": master, "s.m3u8": playlists.media(*lines)}

    def get(url: str) -> bytes:
        name = url.removeprefix(BASE)
        return made_up.get(name) or within(folder if name.startswith("vtt/") else media)(url)

    presentation = stored("m.m3u8", get).present()
    [track] = presentation.texts
    assert (track.path, track.language, track.name, track.forced) == ("subtitles-1/all.vtt", "en", "English", True)
    whole = made(presentation, track.path).decode()
    assert whole.count(" --> ") == (folder / "source.vtt").read_text().count(" --> ")
    assert "X-TIMESTAMP-MAP" not in whole
    [piece] = [line for line in text(presentation, "subtitles-1/index.m3u8").splitlines() if not line.startswith("#")]
    begin = first_pts(media / "v-ts/1.ts")
    assert begin > 0
    assert made(presentation, f"subtitles-1/{piece}").decode().splitlines()[1] == (
        f"X-TIMESTAMP-MAP=MPEGTS:{begin},LOCAL:00:00:00.000"
    )
    assert 'TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES' in (
        text(presentation)
    )


def first_pts(media: Path) -> int:
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=start_pts", "-of", "csv=p=0", str(media)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return min(int(line.strip(",")) for line in done.stdout.split())


@pytest.mark.parametrize("variant", ["cbcs", "cenc-rotation"])
def test_mpv_plays_it(variant: str, root: Path) -> None:
    title = stored("manifest.mpd", within(packager.package(root, variant)), of("avc1", "mp4a"))
    words = "mpv --no-config --vo=null --ao=null --ao-null-untimed --untimed --msg-level=all=warn"
    with served(title.present(packager.keys_of(variant))) as master:
        done = subprocess.run([*words.split(), master], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
