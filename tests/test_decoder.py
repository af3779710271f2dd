"""The decoder as a judge: right media pass, a wrong key never does."""

from __future__ import annotations

import io
import os
import random
import signal
import threading
from pathlib import Path

import pytest

from offlinedl import decoder
from offlinedl.errors import OfflinedlError
from offlinedl.media import cenc
from tests import packager


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


def piece(folder: Path, *numbers: int) -> bytes:
    return b"".join((folder / name).read_bytes() for name in ("init.mp4", *(f"{n}.m4s" for n in numbers)))


@pytest.mark.parametrize("number", packager.SEGMENTS)
@pytest.mark.parametrize("track", packager.TRACKS)
def test_any_one_segment_passes_with_its_init(root: Path, track: str, number: int) -> None:
    assert decoder.fault(piece(packager.package(root, "clear") / track, number)) is None


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("media.ts", "-map 0 -map 1 -c copy", id="a transport stream of video and audio"),
        pytest.param("media.aac", "-map 1 -c copy -f adts", id="ADTS"),
    ],
)
def test_other_containers_pass(root: Path, tmp_path: Path, name: str, options: str) -> None:
    inputs = ("-i", packager.source(root, "v"), "-i", packager.source(root, "a"))
    packager.run("ffmpeg", "-v", "error", *inputs, *options.split(), tmp_path / name)
    assert decoder.fault((tmp_path / name).read_bytes()) is None


@pytest.mark.parametrize(
    ("variant", "track", "numbers", "tries"),
    [
        pytest.param("cenc", "v", (2,), 24, id="H.264 cenc"),
        pytest.param("cbcs", "v", (2,), 24, id="H.264 cbcs"),
        pytest.param("cenc", "a", (2,), 48, id="AAC cenc"),
        pytest.param("cbcs", "a", (2,), 48, id="AAC cbcs"),
        pytest.param("cenc", "h", packager.SEGMENTS, 24, id="HEVC cenc, 8 seconds"),
        pytest.param("cbcs", "h", packager.SEGMENTS, 24, id="HEVC cbcs, 8 seconds"),
    ],
)
def test_a_wrong_key_never_passes(root: Path, variant: str, track: str, numbers: tuple[int, ...], tries: int) -> None:
    folder = packager.package(root, variant) / track
    encryption = cenc.read_init(piece(folder))
    assert encryption is not None
    chance = random.Random(1)
    for _ in range(tries):
        media = bytearray(piece(folder, *numbers))
        key = chance.randbytes(16)
        cenc.decrypt(encryption, media, dict.fromkeys(packager.KEYS, key))
        assert decoder.fault(cenc.clear_init(bytes(media))) is not None, key.hex()


def test_encrypted_media_do_not_pass_as_they_are(root: Path) -> None:
    folder = packager.package(root, "cbcs") / "a"
    assert decoder.fault(cenc.clear_init(piece(folder, 1))) is not None


@pytest.mark.parametrize(
    "media",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>not found</html>" * 50, id="a web page"),
        pytest.param(bytes(5000), id="zeros"),
        pytest.param(b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile:///dev/zero\n", id="a playlist"),
    ],
)
def test_what_is_no_media_has_a_fault(media: bytes) -> None:
    assert decoder.fault(media)


def test_media_cannot_make_it_open_another_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(packager.source(root, "v").parent)
    assert decoder.fault(b"ffconcat version 1.0\nfile media.mp4\n")


def test_a_picture_larger_than_any_is_not_made(tmp_path: Path) -> None:
    """One color, few bytes; and the memory of 40 million pixels."""
    options = "-f lavfi -i color=size=9000x4400:duration=1:rate=1 -c:v mjpeg"
    packager.run("ffmpeg", "-v", "error", *options.split(), tmp_path / "media.mkv")
    assert "max pixel count" in (decoder.fault((tmp_path / "media.mkv").read_bytes()) or "")


@pytest.mark.parametrize(
    "share", [decoder.Share(coded=1), decoder.Share(coded=2**20, pixels=1)], ids=["bytes", "pixels"]
)
def test_no_more_is_decoded_than_is_wanted(root: Path, share: decoder.Share) -> None:
    look = decoder.look(piece(packager.package(root, "clear") / "v", 1, 2), share)
    assert (look.reason, look.kinds, look.size) == (None, {"video"}, (320, 180))
    assert 0 < look.coded < 50_000


def test_errors_that_the_decoder_hides_are_found_each_time(root: Path) -> None:
    """One bit, at each of fifty places. A line that is in the log for the second time is not left out."""
    whole = piece(packager.package(root, "clear") / "v", 1)
    flipped = [
        whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :] for at in range(len(whole) - 40000, len(whole), 800)
    ]
    twice = [(decoder.fault(media), decoder.fault(media)) for media in flipped]
    assert [first for first, _ in twice] == [second for _, second in twice]
    assert "a damaged frame" in {first for first, _ in twice}


def test_an_init_alone_has_no_frame(root: Path) -> None:
    assert decoder.fault(piece(packager.package(root, "clear") / "v")) is not None


def children() -> set[int]:
    """The processes that this one began and that still run."""
    listed = Path(f"/proc/self/task/{threading.main_thread().native_id}/children").read_text().split()
    return {int(pid) for pid in listed}


class Deadly(io.BytesIO):
    """Media of which the decoder that reads them ends by a signal, so many times."""

    def __init__(self, data: bytes, number: int, times: int) -> None:
        super().__init__(data)
        self._number, self._times = number, times

    def read(self, size: int | None = -1, /) -> bytes:
        self._times -= 1
        for pid in children() if self._times >= 0 else ():
            os.kill(pid, self._number)
        return super().read(size)


def test_media_that_the_decoder_dies_of_are_named_and_others_are_looked_at(root: Path) -> None:
    media = piece(packager.package(root, "clear") / "v", 1)
    with decoder.running():
        assert decoder.look(Deadly(media, signal.SIGSEGV, 1)).reason == "the decoder dies of it (-11)"
        assert decoder.look(media).reason is None


def test_who_kills_the_decoder_says_nothing_of_the_media(root: Path) -> None:
    """A system that is short of memory does that. What is killed again cannot be judged, and is not called damaged."""
    media = piece(packager.package(root, "clear") / "v", 1)
    with decoder.running():
        assert decoder.look(Deadly(media, signal.SIGKILL, 1)).reason is None
        with pytest.raises(OfflinedlError, match="killed by the system"):
            decoder.look(Deadly(media, signal.SIGKILL, 2))
        assert decoder.look(media).reason is None


def test_a_decoder_that_was_killed_while_nobody_asked_begins_anew(root: Path) -> None:
    media = piece(packager.package(root, "clear") / "v", 1)
    with decoder.running():
        for _ in range(2):
            for pid in children():
                os.kill(pid, signal.SIGKILL)
            assert decoder.look(media).reason is None


def test_the_process_is_there_for_as_long_as_it_is_wanted(root: Path) -> None:
    media, before = piece(packager.package(root, "clear") / "v", 1), children()
    with decoder.running():
        with decoder.running():
            [process] = children() - before
        decoder.look(media)
        assert children() - before == {process}
    assert children() == before


def test_a_decoder_that_cannot_be_started_is_no_fault_of_the_media(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(OfflinedlError, match="the decoder does not start"):
        decoder.look(b"media")
