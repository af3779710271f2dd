"""What no key protects is proven, too: media of another track or rung are found, and noise in the right boxes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from offlinedl.media import mp4
from tests import packager, playlists
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
    sound = title.files[f"{story.track}/{story.name}"]
    title.put(story.name, story.damage(sound, title.files))
    result = offlinedl("get", title.url)
    assert (result.code, [t["state"] for t in offlinedl.listed()]) == (8, ["failed"]), result.err
    assert "is damaged" in result.err
    title.put(story.name, sound)
    title.asked()
    offlinedl.ok("get", title.url)
    assert title.asked() == [story.name], result.err
