"""What no key protects is proven, too: media of another track or rung are found, and noise in the right boxes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from offlinedl.errors import DamagedError
from offlinedl.media import fragment, mp4
from offlinedl.media.encryption import read_tracks
from tests import packager, playlists, titles
from tests.conftest import Offlinedl
from tests.origin import Origin

Files = Mapping[str, bytes]
Damage = Callable[[bytes, Files], bytes]
NUMBERS = packager.SEGMENTS


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


@dataclass(frozen=True)
class Story:
    """A track of the package, the file of it that is damaged, and how."""

    track: str
    name: str
    damage: Damage


def noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)


def other(path: str) -> Damage:
    """Another file of the package in its place."""
    return lambda _, files: files[path]


def noise_in_the_box(data: bytes, _: Files) -> bytes:
    box = next(mp4.find(data, "mdat"))
    return data[: box.body] + noise(box.end - box.body) + data[box.end :]


def zeros_in_the_box(data: bytes, _: Files) -> bytes:
    box = next(mp4.find(data, "mdat"))
    return data[: box.body] + bytes(box.end - box.body) + data[box.end :]


def noise_in_packets(data: bytes, _: Files) -> bytes:
    """All that is in the packets, after their sync bytes, of a third of them."""
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    return b"".join(b"\x47" + noise(187) if number % 3 == 1 else packet for number, packet in enumerate(packets))


def noise_in_payloads(data: bytes, _: Files) -> bytes:
    """What the packets carry; their headers, all four bytes of each, stay."""
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    return b"".join(packet[:4] + (packet[4:] if packet[3] & 0x20 else noise(184)) for packet in packets)


def noise_in_frames(data: bytes, _: Files) -> bytes:
    """What each ADTS frame holds (packed audio begins with an ID3 tag)."""
    at = 10 + data[9]
    made = data[:at]
    while at < len(data):
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        made += data[at : at + 7] + noise(size - 7)
        at += size
    return made


def noise_after_the_head(data: bytes, _: Files) -> bytes:
    return data[:8] + noise(len(data) - 8)


STORIES = [
    *(pytest.param(Story("v", f"{n}.m4s", noise_in_the_box), id=f"H.264: noise in segment {n}") for n in NUMBERS),
    *(pytest.param(Story("h", f"{n}.m4s", zeros_in_the_box), id=f"HEVC: zeros in segment {n}") for n in NUMBERS),
    *(pytest.param(Story("a", f"{n}.m4s", noise_in_the_box), id=f"AAC: noise in segment {n}") for n in NUMBERS),
    pytest.param(Story("w", "2.m4s", noise_in_the_box), id="VP9: noise in a segment"),
    pytest.param(Story("v", "init.mp4", other("v270/init.mp4")), id="H.264: the init of another rung"),
    pytest.param(Story("h", "init.mp4", other("h270/init.mp4")), id="HEVC: the init of another rung"),
    pytest.param(Story("v", "init.mp4", other("h/init.mp4")), id="H.264: the init of HEVC"),
    pytest.param(Story("v", "init.mp4", other("a/init.mp4")), id="H.264: the init of sound"),
    pytest.param(Story("a", "init.mp4", other("v/init.mp4")), id="AAC: the init of pictures"),
    pytest.param(Story("v", "3.m4s", other("v270/3.m4s")), id="H.264: a segment of another rung"),
    pytest.param(Story("h", "2.m4s", other("h270/2.m4s")), id="HEVC: a segment of another rung"),
    pytest.param(Story("v", "4.m4s", other("a/4.m4s")), id="H.264: a segment of sound"),
    pytest.param(Story("a", "1.m4s", other("v/1.m4s")), id="AAC: a segment of pictures"),
    *(pytest.param(Story("v-ts", f"{n}.ts", noise_in_packets), id=f"TS: noise as packets {n}") for n in NUMBERS),
    *(pytest.param(Story("v-ts", f"{n}.ts", noise_in_payloads), id=f"TS: noise in packets {n}") for n in NUMBERS),
    pytest.param(Story("a-aac", "2.aac", noise_in_frames), id="packed AAC: noise in its frames"),
    pytest.param(Story("a-aac", "3.aac", noise_after_the_head), id="packed AAC: noise"),
]


@dataclass
class Title:
    """A track served as HLS: where, and what is damaged in it."""

    origin: Origin
    track: str
    files: dict[str, bytes] = field(default_factory=dict)

    def put(self, name: str, content: bytes) -> None:
        self.origin.files[f"/titles/made/{self.track}/{name}"] = content

    @property
    def url(self) -> str:
        return f"{self.origin.url}/titles/made/{self.track}/index.m3u8"

    def asked(self) -> list[str]:
        """The media that were asked for since the last time."""
        names = [a.path.rpartition("/")[2] for a in self.origin.log if not a.path.endswith(".m3u8")]
        self.origin.forget()
        return names


def served(root: Path, origin: Origin, track: str) -> Title:
    """The track, sound."""
    folder = packager.streams(root, clear=True) if "-" in track else packager.rungs(root)
    files = {f"{f.parent.name}/{f.name}": f.read_bytes() for f in folder.glob("*/*") if f.is_file()}
    title = Title(origin, track, files)
    names = sorted(path.partition("/")[2] for path in files if path.startswith(f"{track}/"))
    segments = [name for name in names if name != "init.mp4"]
    lines = ['#EXT-X-MAP:URI="init.mp4"'] if "init.mp4" in names else []
    title.put("index.m3u8", playlists.media(*lines, *(playlists.segment(name, "2") for name in segments)))
    for name in names:
        title.put(name, files[f"{track}/{name}"])
    return title


@pytest.mark.parametrize("track", [*packager.RUNGS, *packager.STREAMS])
def test_what_is_sound_is_ready(track: str, root: Path, offlinedl: Offlinedl, origin: Origin) -> None:
    [title] = offlinedl.ok("get", served(root, origin, track).url, "--json").json
    assert title["state"] == "ready"


@pytest.mark.parametrize("story", STORIES)
def test_a_file_that_is_no_part_of_its_track_is_fetched_again(
    story: Story, root: Path, offlinedl: Offlinedl, origin: Origin
) -> None:
    title = served(root, origin, story.track)
    right = title.files[f"{story.track}/{story.name}"]
    title.put(story.name, story.damage(right, title.files))
    assert get_twice(offlinedl, title.url, title, lambda: title.put(story.name, right)) == [story.name]


@pytest.mark.parametrize("track", [track for track in packager.CODECS if track not in {"a", "o"}])
def test_noise_shows_by_its_form_alone(track: str, root: Path) -> None:
    """In whichever of a thousand segments it is. Samples of AAC and Opus have no form that noise has not."""
    folder = packager.codecs(root, "") / track
    tracks = read_tracks((folder / "init.mp4").read_bytes())
    for number in NUMBERS:
        data = (folder / f"{number}.m4s").read_bytes()
        fragment.check(tracks, data)
        with pytest.raises(DamagedError):
            fragment.check(tracks, noise_in_the_box(data, {}))


def get_twice(offlinedl: Offlinedl, url: str, title: Title, mend: Callable[[], None]) -> list[str]:
    """A download that finds damage, and one after the origin is mended. The media that the second one fetches."""
    result = offlinedl("get", url)
    assert (result.code, [t["state"] for t in offlinedl.listed()]) == (8, ["failed"]), result.err
    mend()
    title.asked()
    offlinedl.ok("get", url)
    return title.asked()


def test_the_clear_sound_of_a_protected_title_is_proven(root: Path, offlinedl: Offlinedl, origin: Origin) -> None:
    pictures, sound = Title(origin, "v"), served(root, origin, "a")
    folder = packager.package(root, "cbcs") / "v"
    key = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="key",IV=0x00112233445566778899aabbccddeeff'
    segments = [playlists.segment(f"{n}.m4s", "2") for n in NUMBERS]
    pictures.put("index.m3u8", playlists.media('#EXT-X-MAP:URI="init.mp4"', key, *segments))
    for file in folder.iterdir():
        pictures.put(file.name, file.read_bytes())
    pictures.put("key", packager.KEYS[packager.KIDS["v"]])
    master = (
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",LANGUAGE="en",URI="a/index.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=320x180,CODECS="avc1.64000d,mp4a.40.2",AUDIO="a"\nv/index.m3u8\n'
    )
    origin.files["/titles/made/master.m3u8"] = master.encode()
    right = sound.files["a/3.m4s"]
    sound.put("3.m4s", noise_in_the_box(right, {}))
    url = f"{origin.url}/titles/made/master.m3u8"
    assert get_twice(offlinedl, url, sound, lambda: sound.put("3.m4s", right)) == ["3.m4s"]


def test_the_tracks_of_an_mpd_are_proven(root: Path, offlinedl: Offlinedl, origin: Origin) -> None:
    folder = packager.package(root, "clear")
    sound = Title(origin, "a")
    for file in (f for f in folder.rglob("*") if f.is_file()):
        origin.files[f"/titles/made/{file.relative_to(folder)}"] = file.read_bytes()
    right = (folder / "a/init.mp4").read_bytes()
    sound.put("init.mp4", (folder / "v/init.mp4").read_bytes())
    url = f"{origin.url}/titles/made/manifest.mpd"
    assert get_twice(offlinedl, url, sound, lambda: sound.put("init.mp4", right)) == ["init.mp4"]


def test_the_beginning_of_a_file_in_pieces_is_proven(root: Path, offlinedl: Offlinedl, origin: Origin) -> None:
    """Wherever what describes it lies: here behind the media, in the second piece."""
    film, right = Title(origin, "film"), packager.large(root).read_bytes()
    assert len(right) > 2**23
    film.put("film.mp4", right[:100] + noise(2**20) + right[100 + 2**20 :])
    url = f"{origin.url}/titles/made/film/film.mp4"
    fetched = get_twice(offlinedl, url, film, lambda: film.put("film.mp4", right))
    assert set(fetched) == {"film.mp4"}


@pytest.mark.parametrize("sealed", [False, True], ids=["clear", "AES-128"])
def test_a_segment_may_need_what_is_before_it(sealed: bool, root: Path, offlinedl: Offlinedl, origin: Origin) -> None:
    title, iv = Title(origin, "bare"), bytes(16)
    key = [f'#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0x{iv.hex()}'] if sealed else []
    title.put("index.m3u8", playlists.media(*key, *(playlists.segment(f"{n}.ts", "2") for n in range(4))))
    title.put("key", titles.KEY)
    for n in range(4):
        data = (packager.bare(root) / f"{n}.ts").read_bytes()
        title.put(f"{n}.ts", titles.encrypted(data, titles.KEY, iv) if sealed else data)
    [ready] = offlinedl.ok("get", title.url, "--json").json
    assert ready["state"] == "ready"
