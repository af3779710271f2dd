"""Titles that are one file: cut as they are asked for, in any order, and the same to the last packet."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.media import mpegts
from offlinedl.remux import Film, begins
from tests import packager
from tests.presented import frames, stored, text, uris, within
from tests.shelf import served


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


def film(path: Path) -> Film:
    return Film(lambda: path.open("rb"))


# How many frames at the begin and at the end are not the same: where the file says how much of them is silence that
# its encoder needed, ffmpeg leaves it out, which it does not in a stream of fragments
SAME = {"film.mp4": (1, 0), "late.mp4": (1, 0), "sound.m4a": (1, 0), "sound.mp3": (1, 1), "sound.ogg": (0, 1),
        "film.webm": (0, 1)}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in packager.FILMS if name != "film.ts"])
def test_a_file_is_cut_without_a_change(name: str, root: Path) -> None:
    folder = packager.films(root)
    presentation = stored(name, within(folder)).present()
    index = text(presentation, next(i for i in uris(text(presentation)) if i.endswith("index.m3u8")))
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in index
    assert len([line for line in index.splitlines() if not line.startswith("#")]) in {2, 3}
    assert presentation.duration == pytest.approx(8, abs=0.1)
    first, last = SAME.get(name, (0, 0))
    with served(presentation) as master:
        if "film" in name or "pieces" in name:
            assert frames(master, "v") == frames(folder / name, "v")
        ours, theirs = frames(master, "a"), frames(folder / name, "a")
    fewer = len(ours) - len(theirs)
    assert fewer in {0, 1}
    assert ours[first:][: len(ours) - first - last] == theirs[first - fewer :][: len(ours) - first - last]


@pytest.mark.parametrize("name", packager.FILMS)
def test_segments_may_be_asked_for_in_any_order(name: str, root: Path) -> None:
    path = packager.films(root) / name
    in_order = film(path)
    numbers = range(len(in_order.cuts))
    right = [in_order.segment(n) for n in numbers]
    for order in itertools.permutations(numbers):
        other = film(path)
        assert {n: other.segment(n) for n in order} == dict(enumerate(right))
        assert [other.segment(n) for n in (*order, *order)] == [right[n] for n in (*order, *order)]


def test_a_transport_stream_is_cut_behind_its_tables(root: Path) -> None:
    path = packager.films(root) / "film.ts"
    cut = film(path)
    assert (cut.extension, cut.init) == ("ts", b"")
    pieces = [cut.segment(n) for n in range(len(cut.cuts))]
    tables = mpegts.tables(path.read_bytes())
    assert len(tables) == 2 * mpegts.PACKET
    assert pieces[0] + b"".join(piece.removeprefix(tables) for piece in pieces[1:]) == path.read_bytes()
    assert mpegts.Transport(pieces[1]).streams == mpegts.Transport(pieces[0]).streams


@pytest.mark.parametrize("variant", ["cenc", "cbcs"])
def test_an_encrypted_file_is_opened_first(variant: str, root: Path) -> None:
    """One that no index cuts, and that no server gives in pieces."""
    folder = packager.package(root, variant, single=True)
    title = stored("v.mp4", within(folder))
    title = replace(title, plan=replace(title.plan, protected=True))
    with served(title.present(packager.KEYS)) as master:
        assert frames(master, "v") == frames(packager.package(root, "clear", single=True) / "v.mp4", "v")


class Counting(io.FileIO):
    """A file that knows how much of it was read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        Counting.count += len(data)
        return data


def test_only_what_is_needed_of_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    noise = "testsrc2=size=320x180:rate=24:duration=60,noise=alls=100:allf=t"
    options = f"-f lavfi -i {noise} -pix_fmt yuv420p -c:v libx264 -preset ultrafast -b:v 4M -g 96"
    packager.run("ffmpeg", "-v", "error", *options.split(), path)
    cut = Film(lambda: Counting(path))
    for asked in (lambda: cut.cuts, lambda: cut.init, lambda: cut.segment(7)):
        before = Counting.count
        assert asked()
        assert 0 < Counting.count - before < path.stat().st_size / 3


def test_a_file_in_pieces_is_one(root: Path) -> None:
    """Its movie box is at its end."""
    path = packager.large(root)
    title = stored("film.mp4", within(path.parent))
    assert title.plan.cut
    with served(title.present()) as master:
        assert frames(master, "v") == frames(path, "v")


def test_what_is_no_media_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(1000))
    with pytest.raises(DamagedError):
        film(tmp_path / "x").cuts  # noqa: B018
    assert begins(bytes(1000)) is None


def test_a_playlist_is_not_opened(root: Path, tmp_path: Path) -> None:
    """What came from the network must not lead to other files."""
    (tmp_path / "x").write_text(f"#EXTM3U\n#EXTINF:8,\n{packager.films(root) / 'film.ts'}\n#EXT-X-ENDLIST\n")
    with pytest.raises(DamagedError):
        film(tmp_path / "x").init  # noqa: B018


def test_a_codec_that_mp4_has_no_place_for_is_refused_by_name(tmp_path: Path) -> None:
    options = "-f lavfi -i testsrc2=size=64x64:rate=8:duration=1 -c:v libvpx"
    packager.run("ffmpeg", "-v", "error", *options.split(), tmp_path / "old.webm")
    with pytest.raises(UnsupportedError, match="vp8"):
        film(tmp_path / "old.webm").init  # noqa: B018
